"""One flow of each sort, made row by row. What it and its people show is worked out by the rules themselves."""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from exports.models import Assessment, ExportAttempt, ExportItem
from exports.rules.items import identifiers_of
from exports.rules.states import refresh_states
from ladokflow.messages import Message, message
from ladokflow.sandbox.generated.plan import MARKING_DAYS, PARTICIPATION_DAYS, FlowPlan, Kind
from ladokflow.sandbox.generated.world import Place
from ladokflow.wiseflow.scales import Scale
from ladokflow.wiseflow.words import FlowState
from sources.flows.request import reference_of
from sources.models import Flow, FlowSource, Participant, Registration

SENT = (Kind.EXPORTED, Kind.REJECTED, Kind.UNKNOWN)
ARCHIVED_AFTER = 180  # days
GRADING_DAYS = 20  # that assessors take
STATES = {
    Kind.SETUP: FlowState.NOT_ACTIVATED,
    Kind.WRITING: FlowState.PARTICIPATION_STARTED,
    Kind.MARKING: FlowState.PARTICIPATION_ENDED,
}
SUBJECTS = (
    "Programmering", "Linjär algebra", "Envariabelanalys", "Mekanik", "Juridisk översiktskurs", "Omvårdnad", "Statistik",
    "Makroekonomi", "Textilteknik", "Pedagogik", "Reglerteknik", "Databasteknik", "Socialt arbete", "Organisk kemi",
)  # fmt: skip
REJECTION = "Studenten är inte registrerad på kursen"
WORDS = {
    Kind.EXPORTED: "answer.exported",
    Kind.REJECTED: "answer.some_rejected",
    Kind.UNKNOWN: "attempt.worker_died",
}


@dataclass(frozen=True)
class Clock:
    """When things have happened: never after `now`."""

    now: dt.datetime

    def past(self, moment: dt.datetime) -> dt.datetime:
        return min(moment, self.now)


@dataclass(frozen=True)
class Made:
    """The rows of a flow besides its people, not stored yet."""

    flow: Flow
    code: FlowSource
    attempt: ExportAttempt | None


def rows_of(plan: FlowPlan, place: Place, clock: Clock, *, pk: int, code_pk: int, seed: int) -> Made:
    exam = (plan.marking_end - dt.timedelta(days=PARTICIPATION_DAYS)).replace(hour=plan.hour)
    number = f"{plan.number:06}"
    is_stopped = plan.kind is Kind.STOPPED
    scale = Scale(77, place.scale, tuple((grade, str(1001 + row)) for row, grade in enumerate(place.grades)))
    flow = Flow(
        pk=pk,
        source=place.source,
        title=f"{SUBJECTS[(plan.number * 5) % len(SUBJECTS)]} {exam:%y%m%d}",
        subtitle=f"GEN{number}",
        setup_state=Flow.Setup.STOPPED if is_stopped else Flow.Setup.READY,
        setup_step="" if is_stopped else "done",
        setup_message=message("sources.unknown_template", template=0).to_json() if is_stopped else {},
        setup_mark=_hash(seed, "mark", plan.number)[:12],
        wiseflow_id=None if is_stopped else 1_000_000 + plan.number,
        state=None if is_stopped else _state(plan, clock),
        participation_start_at=exam,
        participation_end_at=exam + dt.timedelta(hours=4),
        marking_start_at=plan.marking_end - dt.timedelta(days=MARKING_DAYS),
        marking_end_at=plan.marking_end,
        grading_scale_id=scale.id,
        grading_scale=scale.name,
        grades=list(place.grades),
        scale_definition=scale.to_json(),
        synced_at=None if is_stopped else clock.past(plan.marking_end - dt.timedelta(days=1)),
        collected_at=clock.past(plan.marking_end) if _has_grades(plan.kind) else None,
        graded_at=clock.past(plan.marking_end) if _has_grades(plan.kind) else None,
        created_by_id=place.managers[plan.place % len(place.managers)],
    )
    code = FlowSource(
        pk=code_pk,
        flow=flow,
        source=place.source,
        code=f"GEN{number}-TEN1",
        position=0,
        title=flow.title,
        grade_scale=place.scale,
        reference=reference_of(place.source, f"GEN{number}-TEN1"),
        person_count=None if is_stopped else plan.people,
        list_read_at=flow.synced_at,
    )
    return Made(flow, code, _attempt(plan, flow, code, seed) if plan.kind in SENT else None)


def _state(plan: FlowPlan, clock: Clock) -> FlowState:
    is_old = plan.marking_end < clock.now - dt.timedelta(days=ARCHIVED_AFTER)
    return STATES.get(plan.kind, FlowState.ARCHIVED if is_old else FlowState.CONCLUDED)


def _has_grades(kind: Kind) -> bool:
    return kind not in (Kind.SETUP, Kind.WRITING, Kind.STOPPED)


def _hash(*facts: Any) -> str:
    return hashlib.md5(":".join(map(str, facts)).encode(), usedforsecurity=False).hexdigest()


def _attempt(plan: FlowPlan, flow: Flow, code: FlowSource, seed: int) -> ExportAttempt:
    failed = _rejected(plan)
    unknown = plan.people if plan.kind is Kind.UNKNOWN else 0
    sending = plan.marking_end + dt.timedelta(hours=2, seconds=plan.number % 3600)
    key = uuid.UUID(_hash(seed, "attempt", plan.number))
    return ExportAttempt(
        pk=key,
        flow=flow,
        code=code,
        requested_by_id=flow.created_by_id,
        state=ExportAttempt.State.EXPORTED if plan.kind is Kind.EXPORTED else ExportAttempt.State.FAILED,
        message=_told(plan).to_json(),
        token=uuid.UUID(_hash(seed, "token", plan.number)),
        enqueued_at=sending - dt.timedelta(seconds=2),
        enqueues=1,
        claims=1,
        method=flow.source.export_method,
        url=f"{flow.source.ladok_url}/exams/{code.code}/grades",
        idempotency_key=_hash(seed, "key", plan.number),
        body_sha256=_hash(seed, "body", plan.number) * 2,
        http_status=None if unknown else 200,
        answer="" if unknown else f'{{"numberOfSuccess": {plan.people - failed}, "numberOfErrors": {failed}}}',
        sent_count=plan.people,
        exported_count=plan.people - failed - unknown,
        failed_count=failed,
        unknown_count=unknown,
        claimed_at=sending - dt.timedelta(seconds=1),
        sending_at=sending,
        finished_at=sending + dt.timedelta(seconds=60 if unknown else 3),
    )


def _rejected(plan: FlowPlan) -> int:
    return max(1, plan.people // 20) if plan.kind is Kind.REJECTED else 0


def _told(plan: FlowPlan) -> Message:
    counts = {"exported": plan.people - _rejected(plan), "sent": plan.people, "count": _rejected(plan) or plan.people}
    facts = {Kind.EXPORTED: {"count": plan.people}, Kind.REJECTED: counts}
    return message(WORDS[plan.kind], **facts.get(plan.kind, {}))


# --- People ------------------------------------------------------------------------------------------------------


def add_people(plan: FlowPlan, made: Made, students: Sequence[dict[str, Any]], place: Place, *, first_pk: int) -> None:
    """Everybody in a flow whose rows are stored, and what the rules say of it all."""
    flow, code = made.flow, made.code
    seen_at, read_at = cast(dt.datetime, flow.synced_at), cast(dt.datetime, flow.collected_at)
    people = [_participant(first_pk + seat, flow, student) for seat, student in enumerate(students)]
    Participant.objects.bulk_create(people, batch_size=1000)
    Registration.objects.bulk_create(
        (Registration(participant=row, code=code, first_seen_at=seen_at, **identifiers_of(row)) for row in people),
        batch_size=1000,
    )
    graded = people[: _graded(plan)]
    grades = [place.grades[seat % len(place.grades)] for seat in range(len(graded))]
    points = [seat % 41 if flow.source.rules.sends_points else None for seat in range(len(graded))]
    Assessment.objects.bulk_create(
        (
            Assessment(
                participant=row,
                grade=grade,
                grade_at=read_at - dt.timedelta(days=_days_before(plan, seat)),
                points=figure,
                collected_at=read_at,
            )
            for seat, (row, grade, figure) in enumerate(zip(graded, grades, points, strict=True))
        ),
        batch_size=1000,
    )
    if made.attempt is not None:
        ExportItem.objects.bulk_create(
            (
                ExportItem(
                    attempt=made.attempt,
                    participant=row,
                    grade=grade,
                    points=figure,
                    **identifiers_of(row),
                    **_outcome(plan, seat),
                )
                for seat, (row, grade, figure) in enumerate(zip(graded, grades, points, strict=True))
            ),
            batch_size=1000,
        )
    refresh_states(flow)


def _participant(pk: int, flow: Flow, student: dict[str, Any]) -> Participant:
    return Participant(
        pk=pk,
        flow=flow,
        wiseflow_id=pk,
        user_id=student["user_id"],
        organisation_id=student["organisation_id"],
        national_id=student["national_id"],
        first_name=student["first_name"],
        last_name=student["last_name"],
        email=student["email"],
        external_user_id=student["student_uid"],
        unique_exam_id="" if flow.source.university == "boras" else f"AID-{pk}",
        is_from_source=True,
    )


def _graded(plan: FlowPlan) -> int:
    if not _has_grades(plan.kind):
        return 0
    if plan.kind is Kind.MARKING:
        return plan.people // 2
    return plan.people - max(1, plan.people // 10) if plan.kind is Kind.WAITING else plan.people


def _days_before(plan: FlowPlan, seat: int) -> int:
    """How long before the flow's grades were read: while marking goes on, all is of the last day."""
    return 0 if plan.kind is Kind.MARKING else seat * 7 % GRADING_DAYS


def _outcome(plan: FlowPlan, seat: int) -> dict[str, Any]:
    """Of an item: those whom Ladok rejects are the first."""
    if plan.kind is Kind.UNKNOWN:
        return {"state": ExportItem.State.UNKNOWN, "message": _told(plan).to_json()}
    if seat < _rejected(plan):
        rejected = message("answer.person_rejected", said=REJECTION)
        return {"state": ExportItem.State.FAILED, "message": rejected.to_json()}
    return {"state": ExportItem.State.EXPORTED, "is_registered": True}
