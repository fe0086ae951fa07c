"""Reading all that a plan is made from. Nothing is changed by it, here or in WISEflow."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ladokflow.http import RemoteError
from ladokflow.ladok.base import Exam, LadokError
from ladokflow.ladok.client import LadokClient
from ladokflow.messages import Message, Refused, message
from ladokflow.wiseflow.client import WiseflowClient
from ladokflow.wiseflow.errors import FORBIDDEN, WiseflowError
from ladokflow.wiseflow.schemas import FlowDates, FlowInfo, GradingScale
from sources.models import Flow, FlowSource, Participant
from sources.models.flow import AssessorAllocation
from sources.sync.plan.identity import match_users, newcomers, spellings
from sources.sync.plan.plan import plan
from sources.sync.plan.values import CONCLUDED, Booking, Known, Match, Memory, Plan, Present, Wanted
from sources.sync.staff import wanted_staff
from sources.universities.clients import ladok_for
from sources.universities.licence import Licence

NOT_FOUND = 404


@dataclass(frozen=True)
class Gathered:
    """Everything that is known of a flow, and what is to be done about it."""

    flow: Flow
    wiseflow_id: int
    codes: tuple[FlowSource, ...]
    wanted: Wanted
    present: Present
    memory: Memory
    plan: Plan
    scale: GradingScale | None  # the one the flow has once the plan is applied


def fetch_exams(flow: Flow, codes: Sequence[FlowSource]) -> tuple[Exam, ...]:
    """Every code's exam with its people, in the codes' order. RemoteError where one of them cannot be had."""
    with ladok_for(flow.source) as client:
        return tuple(_fetch(flow, client, code.code) for code in codes)


def _fetch(flow: Flow, client: LadokClient, code: str) -> Exam:
    try:
        return flow.source.rules.fetch_exam(client, code)
    except LadokError as error:
        if error.message.code != "ladok.unknown_code" or flow.setup_state != Flow.Setup.READY:
            raise
        # It was there once: how it is written is not what is wrong.
        raise LadokError(message("sources.code_gone", code=code), permanent=True, status=error.status) from error


def live_codes(flow: Flow) -> tuple[FlowSource, ...]:
    codes = tuple(flow.codes.filter(removed_at__isnull=True).order_by("position"))
    if not codes:
        raise Refused(message("sources.no_codes_left"))
    return codes


def gather(flow: Flow, client: WiseflowClient, *, exams: Sequence[Exam] | None = None) -> Gathered:
    """Ask both systems and plan. `exams`: what has been fetched from Ladok already."""
    codes = live_codes(flow)
    licence = Licence(client, flow.source)
    info = flow_info(flow, client)
    # A copy has its template's type. It is told by WISEflow's own number, which need not be the licence's id of it.
    memory = read_memory(flow, codes, licence, flow_type=info.type_name or flow.flow_type)
    if info.state >= CONCLUDED:
        present = _present_data(flow, client, info)
        nothing = Wanted(exams=())
        scale = licence.scale_by_id(present.scale_id)
        return Gathered(
            flow, _wiseflow_id(flow), codes, nothing, present, memory, plan(nothing, present, memory), scale
        )
    # The flow's own spelling of a code stands in our rows; Ladok's answer may differ in case.
    fetched = fetch_exams(flow, codes) if exams is None else exams
    exams = tuple(replace(exam, code=code.code) for exam, code in zip(fetched, codes, strict=True))
    wanted = _wanted(flow, exams, licence)
    present = _present_people(flow, client, wanted, _present_data(flow, client, info), memory)
    if wanted.scale_id is not None and wanted.scale_id != present.scale_id:
        grades = client.assessments(_wiseflow_id(flow))
        present = replace(present, has_grades=any(row.grade or row.alternative_grade for row in grades))
    present, wanted = _with_rooms(flow, client, present, wanted)
    planned = plan(wanted, present, memory, _users(exams, present, memory, licence))
    sets_scale = any(change.kind == "scale.set" for change in planned.changes)
    scale = licence.scale_by_id(wanted.scale_id if sets_scale else present.scale_id)
    return Gathered(flow, _wiseflow_id(flow), codes, wanted, present, memory, planned, scale)


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
        there = {(row.id, row.user_id) for row in client.participants(_wiseflow_id(flow))} if ours else set()
    except WiseflowError as error:
        if not is_about_one_row(error):
            raise
        there = set()
    if len(ours & there) * 2 <= len(ours):
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
    scale = licence.scale(master.grade_scale) if master.grade_scale.strip() else None
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


def _users(exams: Sequence[Exam], present: Present, memory: Memory, licence: Licence) -> Mapping[str, Match]:
    """The WISEflow users of those in Ladok who are not on the flow: one search for all of them."""
    people = newcomers(exams, present.participants, memory)
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


def _present_data(flow: Flow, client: WiseflowClient, info: FlowInfo) -> Present:
    wiseflow_id = _wiseflow_id(flow)
    metadata = client.metadata(wiseflow_id)
    try:
        dates = client.dates(wiseflow_id)
    except WiseflowError as error:
        if error.status not in (FORBIDDEN, NOT_FOUND):
            raise
        # A FLOWoral has its periods elsewhere; what it shows as its dates is here.
        dates = FlowDates(
            participation_start_at=info.participation_start_at,
            participation_end_at=info.participation_end_at,
            marking_start_at=info.marking_start_at,
            marking_end_at=info.marking_end_at,
        )
    try:
        scale_id = client.grading_scale(wiseflow_id)
    except WiseflowError as error:
        if error.status not in (FORBIDDEN, NOT_FOUND):
            raise
        scale_id = None
    return Present(
        state=info.state,
        is_remarking=info.is_remarking,
        title=metadata.title,
        subtitle=(metadata.subtitle or "").strip(),
        code=(metadata.code or "").strip(),
        dates=dates,
        scale_id=scale_id,
    )


def _present_people(flow: Flow, client: WiseflowClient, wanted: Wanted, present: Present, memory: Memory) -> Present:
    wiseflow_id = _wiseflow_id(flow)
    read = {
        "manager": client.managers,
        "assessor": client.assessors,
        "reviewer": client.reviewers,
        "invigilator": client.invigilators,
        "author": client.authors,
    }
    roles = {one.role for one in wanted.staff} | {role for role, _ in memory.followed.get("staff", ())}
    return replace(
        present,
        participants=tuple(client.participants(wiseflow_id)),
        staff={role: tuple(read[role](wiseflow_id)) for role in sorted(roles)},
    )


def _with_rooms(flow: Flow, client: WiseflowClient, present: Present, wanted: Wanted) -> tuple[Present, Wanted]:
    if not wanted.has_rooms:
        return present, wanted
    wiseflow_id = _wiseflow_id(flow)
    try:
        rooms = tuple(client.rooms())
        bookings = tuple(
            Booking(
                id=row.id,
                room_id=row.room_id,
                start_at=row.start_at,
                end_at=row.end_at,
                participant_ids=frozenset(client.booking_participants(wiseflow_id, row.id)),
            )
            for row in client.room_bookings(wiseflow_id)
        )
    except WiseflowError as error:
        if error.status not in (FORBIDDEN, NOT_FOUND):
            raise
        told = message("sources.rooms_unavailable", detail=error.message.what)
        return present, replace(wanted, has_rooms=False, problems=(*wanted.problems, told))
    return replace(present, rooms=rooms, bookings=bookings), wanted


# --- What we did last --------------------------------------------------------------------------------------------


def read_memory(flow: Flow, codes: Iterable[FlowSource], licence: Licence, *, flow_type: str) -> Memory:
    followed: dict[str, Any] = dict(flow.followed)
    pending = followed.pop("pending", {})
    rows = Participant.objects.filter(flow=flow).prefetch_related("codes")
    codes = tuple(codes)
    names = frozenset(code.code for code in codes)
    people = tuple(_known(row, names) for row in rows)
    return Memory(
        created_at=flow.created_at,
        tz=flow.source.tz,
        flow_type=flow_type,
        is_first=flow.synced_at is None,
        follows_dates=flow.follows_dates,
        followed=followed,
        unfollowed=flow.unfollowed,
        pending=pending,
        people=people,
        # Of a code that was removed and added again, they are those who are still here because of it.
        person_counts={
            code.code: sum(code.code in known.codes_again and known.is_active for known in people)
            if code.person_count is None
            else code.person_count
            for code in codes
        },
        data_types={kind: row.name for kind, row in licence.data_types().items()},
        has_unique_emails=licence.has_unique_emails(),
        # A code that has just been added gets its reference before the plan is applied.
        external_sources=frozenset(
            code.code for code in codes if code.external_source_id is not None or code.person_count is None
        ),
    )


def _known(row: Participant, names: frozenset[str]) -> Known:
    """`names`: the codes that are on the flow now."""
    codes = list(row.codes.all())
    live = frozenset(code.code for code in codes if code.removed_at is None)
    again = names & {code.code for code in codes} if not live else frozenset()
    return Known(
        pk=row.pk,
        wiseflow_id=row.wiseflow_id,
        user_id=row.user_id,
        organisation_id=row.organisation_id,
        national_id=row.national_id,
        external_user_id=row.external_user_id,
        first_name=row.first_name,
        last_name=row.last_name,
        email=row.email,
        unique_exam_id=row.unique_exam_id,
        individual_end_at=row.individual_end_at,
        room=row.room,
        codes=live,
        codes_again=again,
        is_of_removed_code=bool(codes) and not live and not again,
        is_from_source=row.is_from_source,
        is_active=row.is_active,
        is_activation_manual=row.is_activation_manual,
    )


def unexpected(error: Exception) -> tuple[Message, str]:
    """What is told of an error that nobody foresaw, and the reference under which the log has it."""
    reference = uuid.uuid4().hex[:8]
    return message("sources.unexpected", reference=reference), reference


def is_about_one_row(error: RemoteError) -> bool:
    """Whether WISEflow refused this one thing; anything else stops the whole."""
    return error.status in (400, 403, 404, 409, 415, 422)
