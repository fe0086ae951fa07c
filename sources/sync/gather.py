"""Reading all that a plan is made from. Nothing is changed by it, here or in WISEflow."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from django.utils import timezone

from ladokflow.ladok.base import Exam
from ladokflow.messages import Message, Refused, message
from ladokflow.wiseflow.client import WiseflowClient
from ladokflow.wiseflow.errors import FORBIDDEN, WiseflowError
from ladokflow.wiseflow.schemas import FlowDates, FlowInfo, GradingScale, Metadata, Staff
from sources.models import Flow, FlowSource
from sources.models.flow import AssessorAllocation
from sources.sync.basis import basis_of
from sources.sync.identifiers import spellings
from sources.sync.memory import read_memory, read_rows, with_people
from sources.sync.own_ends import read_own_ends
from sources.sync.plan.identity import match_entries, match_users, merge_people, to_look_up
from sources.sync.plan.values import CONCLUDED, Booking, Entry, Match, Memory, Present, Wanted
from sources.sync.registrations import fetch_list
from sources.sync.staff import wanted_staff
from sources.universities.clients import ladok_for
from sources.universities.licence import Licence

NOT_FOUND = 404


@dataclass(frozen=True)
class Gathered:
    """Everything that is known of a flow: what a plan is made from, and what is needed to apply and record it."""

    flow: Flow
    wiseflow_id: int
    codes: tuple[FlowSource, ...]
    wanted: Wanted
    present: Present
    memory: Memory
    entries: tuple[Entry, ...]  # everybody of the flow, as far as they can be told without users
    users: Mapping[str, Match]  # the WISEflow users of those who were looked up, by entry key
    scale: GradingScale | None  # the one the flow has
    wanted_scale: GradingScale | None  # the one it has once the plan has set it
    read_at: dt.datetime  # no later than when Ladok's lists were read
    basis: str = ""  # of all this, as `basis_of` gives it; empty where it does not tell whether there is anything to do
    is_settled: bool = False  # there is nothing to do: `entries`, and the people in `memory`, are not worked out


def fetch_exams(flow: Flow, codes: Sequence[FlowSource]) -> tuple[Exam, ...]:
    """Every code's exam with its people, in the codes' order. RemoteError where one of them cannot be had."""
    with ladok_for(flow) as client:
        return tuple(fetch_list(flow, client, code.code) for code in codes)


def live_codes(flow: Flow) -> tuple[FlowSource, ...]:
    codes = tuple(flow.codes.filter(removed_at__isnull=True).order_by("position"))
    if not codes:
        raise Refused(message("sources.no_codes_left"))
    return codes


def gather(
    flow: Flow,
    client: WiseflowClient,
    *,
    exams: Sequence[Exam] | None = None,
    codes: Sequence[FlowSource] | None = None,
) -> Gathered:
    """Ask both systems. `exams`: what has been fetched from Ladok already. `codes`: those of a flow that is not written down."""
    codes = live_codes(flow) if codes is None else tuple(codes)
    licence = Licence(client, flow.source)
    info = flow_info(flow, client)
    # A copy has its template's type. It is told by WISEflow's own number, which need not be the licence's id of it.
    memory = read_memory(flow, codes, licence, flow_type=info.type_name or flow.flow_type)
    rows = read_rows(flow)
    read_at = timezone.now()
    if info.state >= CONCLUDED and not memory.is_first:
        # Whose grade is whose follows Ladok until the grades are in.
        exams = fetch_exams(flow, codes) if flow.awaits_grades else ()
        present = _present(flow, client, info)
        scale = licence.scale_by_id(present.scale_id)
        wanted, memory = Wanted(exams=exams), with_people(memory, rows)
        return Gathered(flow, _wiseflow_id(flow), codes, wanted, present, memory, (), {}, scale, None, read_at)
    if exams is None:
        exams = fetch_exams(flow, codes)
    wanted = _wanted(flow, exams, licence)
    present = _present(flow, client, info, people=True, roles=_roles(wanted, memory))
    if wanted.scale_id is not None and wanted.scale_id != present.scale_id:
        grades = client.assessments(_wiseflow_id(flow))
        present = replace(present, has_grades=any(row.grade or row.alternative_grade for row in grades))
    present, wanted = _with_rooms(flow, client, present, wanted, memory)
    present = replace(present, own_ends=read_own_ends(flow, client, wanted, present, memory))
    scale, wanted_scale = licence.scale_by_id(present.scale_id), licence.scale_by_id(wanted.scale_id)
    basis = basis_of(wanted, present, memory, rows) if not memory.is_first else ""
    is_settled = bool(basis) and basis == flow.settled_basis
    entries: tuple[Entry, ...] = ()
    users: Mapping[str, Match] = {}
    if not is_settled:
        memory = with_people(memory, rows)
        entries = tuple(match_entries(merge_people(exams, memory), present.participants, memory, {}))
        users = _users(entries, memory, licence)
    return Gathered(
        flow,
        _wiseflow_id(flow),
        codes,
        wanted,
        present,
        memory,
        entries,
        users,
        scale,
        wanted_scale,
        read_at,
        basis,
        is_settled,
    )


def _wiseflow_id(flow: Flow) -> int:
    if flow.wiseflow_id is None:
        raise Refused(message("sources.flow_not_ready"))
    return flow.wiseflow_id


def recognise(flow: Flow, client: WiseflowClient) -> None:
    """Refused where the address of WISEflow leads to another host than the one the flow was made at, and it is not there.

    Call it before anything else of the flow is asked for. The same WISEflow under another name has our participants, by their
    numbers and their users' numbers; then the flow is there, and that is remembered.
    """
    if not flow.former_host:
        return
    ours = set(
        flow.participants.filter(wiseflow_id__isnull=False, user_id__isnull=False).values_list("wiseflow_id", "user_id")
    )
    try:
        present = {(row.id, row.user_id) for row in client.participants(_wiseflow_id(flow))} if ours else set()
    except WiseflowError as error:
        if not error.is_about_one:
            raise
        present = set()
    if len(ours & present) * 2 <= len(ours):
        raise Refused(message("sources.flow_elsewhere", host=flow.former_host))
    Flow.objects.filter(pk=flow.pk).update(former_host="")
    flow.former_host = ""


def flow_info(flow: Flow, client: WiseflowClient) -> FlowInfo:
    recognise(flow, client)
    try:
        return client.flow(_wiseflow_id(flow))
    except WiseflowError as error:
        if error.status == NOT_FOUND:
            raise Refused(message("sources.flow_gone")) from error
        raise


# --- What is wanted ----------------------------------------------------------------------------------------------


def _wanted(flow: Flow, exams: Sequence[Exam], licence: Licence) -> Wanted:
    problems: list[Message] = []
    master = exams[0]
    says = master.grade_scale.strip()
    scale = licence.scale(says, flow.chosen_scale(says)) if says else None
    if master.grade_scale.strip() and scale is None:
        problems.append(message("sources.unknown_scale", scale=master.grade_scale))
    names = list(dict.fromkeys(exam.grade_scale.strip() for exam in exams if exam.grade_scale.strip()))
    if len({name.casefold() for name in names}) > 1:
        problems.append(message("sources.scales_differ", scales=", ".join(names)))
    return Wanted(
        exams=tuple(exams),
        staff=wanted_staff(flow, licence),
        scale_id=scale.id if scale is not None else None,
        scale_name=scale.name if scale is not None else "",
        allocation=flow.assessor_allocation,
        allocation_list=_list_of(flow),
        has_rooms=flow.source.rules.has_rooms and any(exam.room.strip() for exam in exams),
        problems=tuple(problems),
    )


def _list_of(flow: Flow) -> tuple[tuple[str, str], ...]:
    if flow.assessor_allocation != AssessorAllocation.LIST:
        return ()
    return tuple(flow.allocation_lines.values_list("organisation_id", "assessor"))


def _users(entries: Sequence[Entry], memory: Memory, licence: Licence) -> Mapping[str, Match]:
    """The WISEflow users of those in Ladok who are not on the flow, or have other identifiers now: one search for all of them."""
    people = to_look_up(entries)
    if not people:
        return {}
    type_ids = {kind: row.id for kind, row in licence.data_types().items()}
    identifiers = [
        (type_id, value)
        for entry in people
        for kind, type_id in type_ids.items()
        for value in spellings(kind, str(getattr(entry.person, kind)))
    ]
    users = licence.client.search_users(identifiers)
    return match_users(people, users, type_ids, has_unique_emails=memory.has_unique_emails)


# --- What is there -----------------------------------------------------------------------------------------------


def _roles(wanted: Wanted, memory: Memory) -> list[str]:
    """Of those who work with the flow, or have by our doing."""
    return sorted({staff.role for staff in wanted.staff} | {role for role, _ in memory.followed.get("staff", ())})


def _present(
    flow: Flow, client: WiseflowClient, info: FlowInfo, *, people: bool = False, roles: Sequence[str] = ()
) -> Present:
    """With the participants and those who have the roles, where they are asked for. All is read at once."""
    staff: dict[str, Callable[[int], Sequence[Staff]]] = {
        "manager": client.managers,
        "assessor": client.assessors,
        "reviewer": client.reviewers,
        "invigilator": client.invigilators,
        "head_invigilator": client.head_invigilators,
        "author": client.authors,
    }
    reads: dict[str, Callable[[int], Any]] = {
        **({"participants": client.participants} if people else {}),
        "metadata": client.metadata,
        "dates": partial(_dates, client, info),
        "scale": partial(_scale_id, client),
        **{role: staff[role] for role in roles},
    }
    wiseflow_id = _wiseflow_id(flow)
    there = dict(zip(reads, client.side_by_side(lambda read: read(wiseflow_id), reads.values()), strict=True))
    metadata: Metadata = there["metadata"]
    return Present(
        state=info.state,
        is_remarking=info.is_remarking,
        title=metadata.title,
        subtitle=(metadata.subtitle or "").strip(),
        code=(metadata.code or "").strip(),
        dates=there["dates"],
        scale_id=there["scale"],
        participants=tuple(there.get("participants", ())),
        staff={role: tuple(there[role]) for role in roles},
    )


def _dates(client: WiseflowClient, info: FlowInfo, wiseflow_id: int) -> FlowDates:
    """A FLOWoral has its periods elsewhere; what it shows as its dates is in `info`."""
    try:
        return client.dates(wiseflow_id)
    except WiseflowError as error:
        if error.status not in (FORBIDDEN, NOT_FOUND):
            raise
        return FlowDates(
            participation_start_at=info.participation_start_at,
            participation_end_at=info.participation_end_at,
            marking_start_at=info.marking_start_at,
            marking_end_at=info.marking_end_at,
        )


def _scale_id(client: WiseflowClient, wiseflow_id: int) -> int | None:
    try:
        return client.grading_scale(wiseflow_id)
    except WiseflowError as error:
        if error.status not in (FORBIDDEN, NOT_FOUND):
            raise
        return None


def _with_rooms(
    flow: Flow, client: WiseflowClient, present: Present, wanted: Wanted, memory: Memory
) -> tuple[Present, Wanted]:
    if not wanted.has_rooms and not memory.followed.get("rooms"):
        return present, wanted
    wiseflow_id = _wiseflow_id(flow)
    try:
        rooms = tuple(client.rooms())
        booked = client.room_bookings(wiseflow_id)
        seated = client.side_by_side(lambda row: client.booking_participants(wiseflow_id, row.id), booked)
        bookings = tuple(
            Booking(row.id, row.room_id, row.start_at, row.end_at, frozenset(ids))
            for row, ids in zip(booked, seated, strict=True)
        )
    except WiseflowError as error:
        if error.status not in (FORBIDDEN, NOT_FOUND):
            raise
        unavailable = message("sources.rooms_unavailable", detail=error.message.what)
        return present, replace(wanted, has_rooms=False, problems=(*wanted.problems, unavailable))
    return replace(present, rooms=rooms, bookings=bookings), wanted


def unexpected(error: Exception) -> tuple[Message, str]:
    """What is told of an error that nobody foresaw, and the reference under which the log has it."""
    reference = uuid.uuid4().hex[:8]
    return message("sources.unexpected", reference=reference), reference
