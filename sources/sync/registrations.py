"""Ladok's lists of a flow's codes, read and written down: whose registration is which, and who is on the list.

A synchronisation does it for each code of its flow in every phase, until the grades are in; an export does it for its own code
right before anything is sent.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db import transaction
from django.utils import timezone

from ladokflow.ladok.base import PERSON_FIELDS, Exam, Person
from ladokflow.ladok.client import LadokClient
from ladokflow.ladok.errors import LadokError, UnknownToLadok
from ladokflow.messages import Message, message
from sources.models import Flow, FlowSource, IdentityAnswer, Participant, Registration
from sources.sync.claims import claim_of, said_by_participant
from sources.sync.plan.pairing import KINDS, Said
from sources.sync.plan.registrations import Reading, Seat, read_lists

BATCH = 500
SCALE_LENGTH = 200
# What a registration has of the person.
OF_PERSON = (*KINDS, "individual_end_at")
OF_ROW = tuple(row.name for row in PERSON_FIELDS)
# What a reading of the list may change.
FOLLOWED = (*OF_PERSON, "is_listed", "gone_at", "doubt", "claim")
CLEAR: dict[str, Any] = {"doubt": {}, "claim": ""}

Rows = dict[int, dict[str, Any]]  # the code's registrations, by participant


@dataclass(frozen=True)
class Recorded:
    """What is to be told of people who cannot be told apart, and whether anything was written but that the list was read."""

    problems: tuple[Message, ...] = ()
    is_changed: bool = False


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


def read_registrations(flow: Flow, code: FlowSource, client: LadokClient) -> tuple[Message, ...]:
    """Ask Ladok for the list of this code, and write down what it says: afterwards the code's registrations and its
    `list_read_at` are as Ladok has them now. Gives what is to be told of people who cannot be told apart.

    One request; where somebody is no longer on the list, one more for each other code of the flow, to which they may have moved.

    LadokError, with nothing written, where the list cannot be read, the exam is not there any more, or the list is empty where
    there were people. Somebody who is missing on a list that cannot be whole, or while another of the flow's is not or cannot be
    read, stays on it, in doubt.
    """
    read_at = timezone.now()
    exam = fetch_list(flow, client, code.code)
    if not exam.people and (before := _count(code)):
        raise LadokError(message("sources.list_empty", code=code.code, before=before), permanent=False)
    people = people_of(flow)
    lists, held = {code: exam}, dict[str, Message]()
    if read_lists([(exam, _seats(code, _rows(code), people))], {})[0].gone:
        others, held = _fetch_others(flow, code, client)
        lists |= others
    with transaction.atomic():
        return record_lists(lists, people, read_at=read_at, held=held).problems


def _fetch_others(
    flow: Flow, code: FlowSource, client: LadokClient
) -> tuple[dict[FlowSource, Exam], dict[str, Message]]:
    """The lists of the flow's other codes, and why one is not believed: it is empty, or cannot be had."""
    lists, held = dict[FlowSource, Exam](), dict[str, Message]()
    for other in flow.codes.filter(removed_at__isnull=True).exclude(pk=code.pk):
        try:
            exam = fetch_list(flow, client, other.code)
        except LadokError as error:
            held[other.code] = error.message
            continue
        if exam.people:
            lists[other] = exam
        elif before := _count(other):
            held[other.code] = message("sources.list_empty", code=other.code, before=before)
    return lists, held


def _count(code: FlowSource) -> int:
    return Registration.objects.filter(code=code, is_listed=True).count()


def people_of(flow: Flow) -> list[Participant]:
    """In a fixed order, without what an export says of them: each is decrypted, so they are read once for all of a flow's lists."""
    return list(Participant.objects.filter(flow=flow).defer("export_message").order_by("pk"))


def record_lists(
    lists: Mapping[FlowSource, Exam],
    people: Sequence[Participant],
    *,
    read_at: dt.datetime,
    held: Mapping[str, Message],
    holds: bool = True,
) -> Recorded:
    """Write down what the lists say, in a transaction of the caller's. Only rows that differ are written, and an older reading is
    not written over a newer one. `people` are all of the flow; `held` and `holds` are as of `read_lists`.
    """
    codes = FlowSource.objects.select_for_update().filter(pk__in=[code.pk for code in lists]).order_by("pk")
    fresh = [code for code in codes if code.list_read_at is None or code.list_read_at <= read_at]
    rows = {code: _rows(code) for code in fresh}
    readings = read_lists([(lists[code], _seats(code, rows[code], people)) for code in fresh], held, holds=holds)
    is_changed = False
    for code, reading in zip(fresh, readings, strict=True):
        scale = lists[code].grade_scale.strip()[:SCALE_LENGTH]
        is_changed |= (
            _write(code, rows[code], reading, people, read_at) or code.list_read_at is None or code.grade_scale != scale
        )
        FlowSource.objects.filter(pk=code.pk).update(list_read_at=read_at, grade_scale=scale)
    return Recorded(tuple(problem for reading in readings for problem in reading.problems), is_changed)


def _write(code: FlowSource, rows: Rows, reading: Reading, people: Sequence[Participant], read_at: dt.datetime) -> bool:
    """Whether a registration is another than it was."""
    new, changed = [], []
    for number, participant in enumerate(people):
        row = rows.get(participant.pk)
        values = _values(reading, number, read_at)
        if row is None and number in reading.listed:
            new.append(Registration(participant=participant, code=code, first_seen_at=read_at, **values))
        elif row is not None and any(row[name] != value for name, value in values.items()):
            changed.append(Registration(code=code, **row | values))
    Registration.objects.bulk_create(new, batch_size=BATCH)
    Registration.objects.bulk_update(changed, FOLLOWED, batch_size=BATCH)
    return bool(new or changed)


def _rows(code: FlowSource) -> Rows:
    """The code's registrations by participant. Not as objects: on a list of thousands hardly any is another than it was."""
    found = Registration.objects.filter(code=code).values("pk", "participant_id", *FOLLOWED)
    return {row["participant_id"]: row for row in found}


def _seats(code: FlowSource, rows: Rows, people: Sequence[Participant]) -> list[Seat]:
    said = said_by_participant(IdentityAnswer.objects.filter(registration__code=code))
    return [_seat(person, rows.get(person.pk), said.get(person.pk, ())) for person in people]


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


def _seat(participant: Participant, row: Mapping[str, Any] | None, said: tuple[Said, ...]) -> Seat:
    return Seat(
        participant=Person(**{name: getattr(participant, name) for name in OF_ROW}),
        registration=Person(**{name: row[name] for name in KINDS}) if row is not None else None,
        is_listed=row is not None and row["is_listed"],
        said=said,
    )
