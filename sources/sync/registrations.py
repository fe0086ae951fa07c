"""Ladok's list of one code, read and written down: whose registration is which, and who is on the list.

A synchronisation does it for each code of its flow in every phase, until the grades are in; an export does it for its own code
right before anything is sent.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db import models, transaction
from django.utils import timezone

from ladokflow.ladok.base import PERSON_FIELDS, Exam, Person
from ladokflow.ladok.client import LadokClient
from ladokflow.ladok.errors import LadokError, UnknownToLadok
from ladokflow.leases import STEP
from ladokflow.messages import Message, message
from sources.models import Flow, FlowSource, IdentityAnswer, Participant, Registration
from sources.sync.claims import claim_of, said_by_participant
from sources.sync.plan.pairing import KINDS, Said
from sources.sync.plan.registrations import Reading, Seat, read_list

BATCH = 500
SCALE_LENGTH = 200
# What a registration has of the person.
OF_PERSON = (*KINDS, "individual_end_at")
OF_ROW = tuple(row.name for row in PERSON_FIELDS)
# What a reading of the list may change.
FOLLOWED = (*OF_PERSON, "is_listed", "gone_at", "doubt", "claim")
CLEAR: dict[str, Any] = {"doubt": {}, "claim": ""}


@dataclass(frozen=True)
class Recorded:
    """What is to be told of people who cannot be told apart, whether anything was written but that the list was read, when it was, and when it
    had been before. Without a time where a newer reading stands."""

    problems: tuple[Message, ...] = ()
    is_changed: bool = False
    read_at: dt.datetime | None = None
    read_before: dt.datetime | None = None


def fetch_list(flow: Flow, client: LadokClient, code: str) -> Exam:
    """The code's exam with its people. LadokError where it cannot be had; one that was there once has gone."""
    try:
        # The flow's own spelling of a code stands in our rows; Ladok's answer may differ in case.
        return replace(flow.source.rules.fetch_exam(client, code), code=code)
    except UnknownToLadok as error:
        if flow.setup_state != Flow.Setup.READY:
            raise
        # It was there once: how it is written is not what is wrong.
        raise LadokError(message("sources.code_gone", code=code), permanent=True, status=error.status) from error


def read_registrations(flow: Flow, code: FlowSource, client: LadokClient) -> Recorded:
    """Ask Ladok for the list of this code, and write down what it says: afterwards the code's registrations and its
    `list_read_at` are as Ladok has them now.

    One request; where somebody is no longer on the list, one more for each other code of the flow, to which she may have moved.

    LadokError, with nothing written, where the list cannot be read, the exam is not there any more, or the list is empty where
    there were people. Somebody who is missing on a list that cannot be whole stays on it, in doubt.
    """
    read_at = timezone.now()
    exam = fetch_list(flow, client, code.code)
    if not exam.people and (before := listed_on(code).count()):
        raise LadokError(message("sources.list_empty", code=code.code, before=before), permanent=False)
    with transaction.atomic():
        recorded = record_list(code, exam, people_of(flow), read_at=read_at)
    if listed_on(code, is_listed=False).filter(gone_at=read_at).exists():
        _read_others(flow, code, client)
    return recorded


def _read_others(flow: Flow, code: FlowSource, client: LadokClient) -> None:
    """Somebody has gone from the list: what the others say now. One that cannot be had is not believed."""
    for other in flow.codes.filter(removed_at__isnull=True).exclude(pk=code.pk):
        read_at = timezone.now()
        try:
            exam = fetch_list(flow, client, other.code)
        except LadokError as error:
            FlowSource.objects.filter(pk=other.pk).update(list_doubt=error.message.to_json())
            continue
        reason = (
            None if exam.people else message("sources.list_empty", code=other.code, before=listed_on(other).count())
        )
        with transaction.atomic():
            record_list(other, exam, people_of(flow), read_at=read_at, held=reason)


def listed_on(code: FlowSource, *, is_listed: bool = True) -> models.QuerySet[Registration]:
    return Registration.objects.filter(code=code, is_listed=is_listed)


def people_of(flow: Flow) -> list[Participant]:
    """In a fixed order, without what an export says of them: each is decrypted, so they are read once for all of a flow's lists."""
    return list(Participant.objects.filter(flow=flow).defer("export_message").order_by("pk"))


def record_list(
    code: FlowSource,
    exam: Exam,
    people: Sequence[Participant],
    *,
    read_at: dt.datetime,
    held: Message | None = None,
    holds: bool = True,
) -> Recorded:
    """Write down what the list says, in a transaction of the caller's. Only rows that differ are written, and an older reading is
    not written over a newer one. `people` are all of the flow; `held` and `holds` are as of `read_list`.
    """
    code = FlowSource.objects.select_for_update().get(pk=code.pk)
    # A moment that is still to come is a clock that was wrong: it must not stand in the way.
    if code.list_read_at is not None and read_at < code.list_read_at <= timezone.now() + STEP:
        return Recorded()
    # Not as objects: on a list of thousands hardly any is another than it was.
    found = Registration.objects.filter(code=code).values_list("pk", "participant_id", *FOLLOWED, named=True)
    rows = {row.participant_id: row for row in found}
    said = said_by_participant(IdentityAnswer.objects.filter(registration__code=code))
    reading = read_list(
        exam, [_seat(person, rows.get(person.pk), said.get(person.pk, ())) for person in people], held=held, holds=holds
    )
    new, changed = [], []
    for number, participant in enumerate(people):
        row = rows.get(participant.pk)
        values = _values(reading, number, read_at)
        if row is None and number in reading.listed:
            new.append(Registration(participant=participant, code=code, first_seen_at=read_at, **values))
        elif row is not None and any(getattr(row, name) != value for name, value in values.items()):
            changed.append(Registration(code=code, **row._asdict() | values))
    Registration.insert(new, BATCH)
    Registration.objects.bulk_update(changed, FOLLOWED, batch_size=BATCH)
    scale = exam.grade_scale.strip()[:SCALE_LENGTH]
    doubt = reading.distrust.to_json() if reading.distrust is not None else {}
    is_known = (code.grade_scale, code.list_doubt) == (scale, doubt) and code.list_read_at is not None
    is_changed = bool(new or changed or not is_known)
    FlowSource.objects.filter(pk=code.pk).update(list_read_at=read_at, grade_scale=scale, list_doubt=doubt)
    return Recorded(reading.problems, is_changed, read_at, code.list_read_at)


def _values(reading: Reading, number: int, read_at: dt.datetime) -> dict[str, Any]:
    """What changes of a registration. One that is neither on the list, nor gone, nor in doubt is as it was."""
    if number in reading.doubts:
        claim = claim_of(reading.claims[number]) if number in reading.claims else ""
        return {"doubt": reading.doubts[number].to_json(), "claim": claim}
    if number in reading.gone:
        return {"is_listed": False, "gone_at": read_at, **CLEAR}
    if number in reading.listed:
        person = reading.listed[number]
        return {**{name: getattr(person, name) for name in OF_PERSON}, "is_listed": True, "gone_at": None, **CLEAR}
    return dict(CLEAR)


def _seat(participant: Participant, row: Any, said: tuple[Said, ...]) -> Seat:
    """`row`: the registration's columns, where there is one."""
    return Seat(
        participant=Person(**{name: getattr(participant, name) for name in OF_ROW}),
        registration=Person(**{name: getattr(row, name) for name in KINDS}) if row is not None else None,
        is_listed=row is not None and row.is_listed,
        said=said,
    )
