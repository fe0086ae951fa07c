"""Writes down who looks at which students, and who takes them along."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from collections.abc import Iterable

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from ladokflow.addresses import address_of
from sources.models import AccessEntry, Flow, Participant, Source

WINDOW = dt.timedelta(minutes=10)  # the same again is not written again
MOST = 200  # entries at a time: a page shows no more
ALWAYS = (AccessEntry.Kind.REVEAL, AccessEntry.Kind.EXTRACT)  # each by itself

Kind = AccessEntry.Kind


def flow_seen(request: HttpRequest, flow: Flow, kind: str = Kind.FLOW) -> None:
    _write(request.user, address_of(request), [_entry(kind, flow.source_id, flow.pk, None)])


def flows_seen(request: HttpRequest, flows: Iterable[Flow], kind: str = Kind.LIST) -> None:
    _write(request.user, address_of(request), [_entry(kind, flow.source_id, flow.pk, None) for flow in flows])


def students_seen(request: HttpRequest, people: Iterable[Participant], kind: str) -> None:
    """`people` with their flow."""
    student_seen_by(request.user, people, kind, address_of(request))


def logs_seen(request: HttpRequest, source: Source, flow: Flow | None = None) -> None:
    """Entries of a log were taken along, of all students or of a flow's."""
    _write(request.user, address_of(request), [_entry(Kind.FILE, source.pk, flow.pk if flow else None, None)])


def student_seen_by(
    user: AbstractBaseUser | AnonymousUser, people: Iterable[Participant], kind: str, address: str | None = None
) -> None:
    _write(user, address, [_entry(kind, person.flow.source_id, person.flow_id, person.pk) for person in people])


def exam_seen(request: HttpRequest, source: Source) -> None:
    """Students who are on no flow of ours yet."""
    _write(request.user, address_of(request), [_entry(Kind.EXAM, source.pk, None, None)])


def seen_before(moment: dt.datetime) -> QuerySet[AccessEntry]:
    return AccessEntry.objects.filter(at__lt=moment)


def _entry(kind: str, source: int, flow: int | None, participant: int | None) -> AccessEntry:
    return AccessEntry(kind=kind, source_id=source, flow_id=flow, participant_id=participant)


def _write(user: AbstractBaseUser | AnonymousUser, address: str | None, entries: list[AccessEntry]) -> None:
    """One statement. What has been written down lately is left out by the database, which knows it by its key."""
    now = timezone.now()
    for entry in entries[:MOST]:
        entry.user_id = user.pk or 0
        entry.key, entry.address, entry.at = _key(user.pk, entry, now), address or None, now
    if entries:
        AccessEntry.objects.bulk_create(entries[:MOST], ignore_conflicts=True)


def _key(user: object, entry: AccessEntry, now: dt.datetime) -> str:
    if entry.kind in ALWAYS:
        return secrets.token_hex(32)
    window = int(now.timestamp() // WINDOW.total_seconds())
    what = (user, entry.kind, entry.source_id, entry.flow_id, entry.participant_id, window)
    return hashlib.sha256(repr(what).encode()).hexdigest()
