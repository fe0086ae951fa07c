"""Settling what nobody knows: by asking Ladok, or by a manager's word."""

from __future__ import annotations

import datetime as dt
import logging
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Now

from exports.attempts.outcomes import close_if_all_exported
from exports.grades.read import database_now
from exports.models import ExportAttempt, ExportItem
from exports.rules.facts import item_line, lock
from exports.rules.states import refresh_states
from ladokflow.ladok.base import Registered
from ladokflow.messages import Message, Refused, message
from sources.audit import record
from sources.models import Flow
from sources.universities.clients import ladok_for

logger = logging.getLogger(__name__)

State = ExportItem.State

# Until then Ladok may still be at work on a request that it has not answered.
QUIET = dt.timedelta(seconds=60)


@dataclass(frozen=True)
class Settled:
    """How many unknown outcomes turned out to be in Ladok, not to be there, or are still unknown."""

    exported: int = 0
    failed: int = 0
    unknown: int = 0


def check_with_ladok(*, flow: Flow, by: AbstractBaseUser | None = None, address: str | None = None) -> Settled:
    """Ask Ladok which of the flow's unknown outcomes it has registered, and settle them. Sends nothing.

    Raises Refused where the source cannot be read back or nothing is unknown, RemoteError where Ladok cannot tell.
    """
    source = flow.source
    if not source.can_read_back:
        raise Refused(message("settle.cannot_read_back"))
    unknown = _unknown_items(flow)
    if not unknown:
        raise Refused(message("settle.nothing_unknown"))
    found: dict[int, list[Registered]] = {}
    # What Ladok registers while it is being asked may be missing in its answer.
    asked_at = database_now(flow)
    with ladok_for(source) as client:
        for code in {item.attempt.code for item in unknown}:
            found[code.pk] = source.rules.read_back(client, code.code)
    with transaction.atomic():
        locked = lock(flow.pk)
        settled = _settle(locked, unknown, found, by, asked_at)
        told = message("audit.read_back", exported=settled.exported, failed=settled.failed, unknown=settled.unknown)
        for attempt_pk in {item.attempt_id for item in unknown}:
            record(message=told, source=source, flow=flow, attempt_id=attempt_pk, actor=by, address=address)
        refresh_states(flow)
    logger.info("export.read_back flow=%s %s", flow.pk, settled)
    return settled


def _unknown_items(flow: Flow) -> list[ExportItem]:
    return list(
        ExportItem.objects.filter(attempt__flow=flow, state=State.UNKNOWN)
        .select_related("attempt__code")
        .order_by("pk")
    )


def _settle(
    flow: Flow,
    unknown: Iterable[ExportItem],
    found: Mapping[int, list[Registered]],
    by: AbstractBaseUser | None,
    asked_at: dt.datetime,
) -> Settled:
    indexes = {code_pk: _by_identifier(rows) for code_pk, rows in found.items()}
    counts: dict[tuple[uuid.UUID, str], int] = {}
    still = 0
    for item in unknown:
        state, told = _verdict(flow, item, indexes[item.attempt.code_id], asked_at)
        if state == State.UNKNOWN:
            still += ExportItem.objects.filter(pk=item.pk, state=State.UNKNOWN).update(message=told.to_json())
        elif _move(item, (State.UNKNOWN,), state, told, by):
            counts[item.attempt_id, state] = counts.get((item.attempt_id, state), 0) + 1
    for attempt_pk in {attempt_pk for attempt_pk, _ in counts}:
        _recount(attempt_pk, counts.get((attempt_pk, State.EXPORTED), 0), counts.get((attempt_pk, State.FAILED), 0))
    return Settled(
        exported=sum(count for (_, state), count in counts.items() if state == State.EXPORTED),
        failed=sum(count for (_, state), count in counts.items() if state == State.FAILED),
        unknown=still,
    )


def _by_identifier(rows: Iterable[Registered]) -> dict[str, list[Registered]]:
    index: dict[str, list[Registered]] = {}
    for row in rows:
        for identifier in row.identifiers:
            index.setdefault(identifier.casefold(), []).append(row)
    return index


def _verdict(
    flow: Flow, item: ExportItem, index: Mapping[str, list[Registered]], asked_at: dt.datetime
) -> tuple[str, Message]:
    identifiers = flow.source.rules.identifiers(item_line(item))
    rows = [row for identifier in identifiers for row in index.get(identifier.casefold(), [])]
    same = [row for row in rows if row.grade == item.grade]
    if any(_has_points_of(row, item) for row in same):
        return State.EXPORTED, message("settle.registered")
    if not _is_quiet(item.attempt, asked_at):
        return State.UNKNOWN, message("settle.too_early")
    if same:
        points = {"found": f"{same[0].points:f}", "sent": f"{item.points.normalize():f}"}  # type: ignore[union-attr]
        return State.FAILED, message("settle.other_points", **points)
    if rows:
        return State.FAILED, message("settle.other_grade", found=rows[0].grade, sent=item.grade)
    return State.FAILED, message("settle.not_registered")


def _has_points_of(row: Registered, item: ExportItem) -> bool:
    """Not the points of an earlier export that this one was to be written over. A Ladok that tells none is believed."""
    return row.points is None or item.points is None or row.points == item.points


def _is_quiet(attempt: ExportAttempt, asked_at: dt.datetime) -> bool:
    """Whether Ladok has had time to put the request down. Whatever came back, it may have been at work still: what
    answers with 5xx, or cuts the connection, is often only what stands in front of it."""
    sent_at = attempt.sending_at or attempt.finished_at
    return sent_at is not None and asked_at - sent_at > QUIET


def _move(item: ExportItem, before: tuple[str, ...], after: str, told: Message, by: AbstractBaseUser | None) -> bool:
    return bool(
        ExportItem.objects.filter(pk=item.pk, state__in=before).update(
            state=after,
            message=told.to_json(),
            may_be_in_ladok=False,
            settled_by_id=by.pk if by else None,
            settled_at=Now(),
        )
    )


def _recount(attempt_pk: uuid.UUID, exported: int, failed: int) -> None:
    """The attempt's numbers and sentence, after so many of its unknown outcomes turned out to be one or the other."""
    row = ExportAttempt.objects.filter(pk=attempt_pk)
    row.update(
        exported_count=F("exported_count") + exported,
        failed_count=F("failed_count") + failed,
        unknown_count=F("unknown_count") - exported - failed,
    )
    attempt = row.get()
    counts = {
        "exported": attempt.exported_count,
        "failed": attempt.failed_count,
        "unknown": attempt.unknown_count,
        "total": attempt.sent_count,
    }
    code = "settle.attempt_in_doubt" if attempt.unknown_count else "settle.attempt"
    row.update(message=message(code, **counts).to_json())
    close_if_all_exported(attempt_pk)


def mark_as_exported(*, item: ExportItem, by: AbstractBaseUser, reason: str, address: str | None = None) -> None:
    """A manager has looked in Ladok and says that the grade is there: for an outcome that is unknown, or has failed.

    Raises Refused without a reason, and where the grade is not open any more. The manager's word is on record.
    """
    words = reason.strip()
    if not words:
        raise Refused(message("settle.reason_missing"))
    attempt = ExportAttempt.objects.select_related("flow__source").get(pk=item.attempt_id)
    try:
        with transaction.atomic():
            lock(attempt.flow_id)
            _mark(item, attempt, by, words, address)
            refresh_states(attempt.flow)
    except IntegrityError as error:
        # There is a newer item for the person: under way, exported, or unknown itself.
        if "unique" not in str(error).lower():
            raise
        raise Refused(message("settle.not_open")) from error
    item.refresh_from_db()
    logger.info("export.item.marked item=%s", item.pk)


def _mark(item: ExportItem, attempt: ExportAttempt, by: AbstractBaseUser, reason: str, address: str | None) -> None:
    before = ExportItem.objects.filter(pk=item.pk).values_list("state", flat=True).first()
    newer = ExportItem.objects.filter(participant_id=item.participant_id, pk__gt=item.pk).exists()
    told = message("settle.marked", reason=reason)
    if before not in (State.UNKNOWN, State.FAILED) or newer or not _move(item, (before,), State.EXPORTED, told, by):
        raise Refused(message("settle.not_open"))
    if before == State.UNKNOWN:
        _recount(attempt.pk, exported=1, failed=0)
    else:
        ExportAttempt.objects.filter(pk=attempt.pk).update(
            exported_count=F("exported_count") + 1, failed_count=F("failed_count") - 1
        )
        _recount(attempt.pk, 0, 0)
    record(
        message=message("audit.marked_as_exported", person=item.organisation_id or str(item.pk), reason=reason),
        source=attempt.flow.source,
        flow=attempt.flow,
        attempt_id=attempt.pk,
        actor=by,
        address=address,
    )


def flows_to_settle(now: dt.datetime) -> list[Flow]:
    """Flows with unknown outcomes that have been quiet for a while, where Ladok can be asked."""
    return list(
        Flow.objects.filter(
            source__can_read_back=True,
            attempts__items__state=State.UNKNOWN,
            attempts__finished_at__lt=now - QUIET,
        )
        .select_related("source")
        .distinct()
    )
