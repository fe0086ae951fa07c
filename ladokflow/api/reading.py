"""What can be asked: flows, synchronisations, people, grades, exports and exams of the caller's own source."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Annotated, Any

from django.conf import settings
from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from ninja import Query, Router
from pydantic import Field

from exports.reporting import words
from ladokflow.api import rows, schemas
from ladokflow.api.callers import Bearer, Call
from ladokflow.api.lists import Paging, page_of
from ladokflow.identifiers import normal_code
from sources.access import Kind, flow_seen
from sources.flows.asking import asking
from sources.models import ComingExam, ExamReading, Flow, FlowSource, Participant, Scope
from sources.models.flow import FlowQuerySet

router = Router(by_alias=True)
Code = Annotated[
    str | None, Field(default=None, min_length=1, max_length=200, description="A Ladok code, in any spelling.")
]


@router.get("/me", response=schemas.Me, auth=Bearer(), tags=["Access"])
def me(request: Call) -> dict[str, Any]:
    """Whose token it is, and what it may do now."""
    caller = request.auth
    return {
        "source": caller.source.slug,
        "sourceName": caller.source.name,
        "access": caller.access.label,
        "actsAs": caller.membership.user.get_username(),
        "scopes": sorted(caller.scopes),
        "scopesGiven": sorted(caller.given),
        "expiresAt": caller.access.expires_at,
        "requestsPerMinute": settings.API_REQUESTS_PER_MINUTE,
    }


# --- Flows ---------------------------------------------------------------------------------------------------------


class FlowFilter(Paging):
    state: Annotated[schemas.State | None, Field(default=None, description="Of the export.")]
    phase: Annotated[schemas.Phase | None, Field(default=None)]
    code: Code
    wiseflow_flow: Annotated[schemas.Key | None, Field(default=None, alias="wiseflowFlow")]
    asks: Annotated[bool | None, Field(default=None, description="Whether it asks something of a person.")]


@router.get("/flows", response=schemas.Page[schemas.Flow], auth=Bearer(Scope.FLOWS_READ), tags=["Flows"])
def list_flows(request: Call, chosen: Query[FlowFilter]) -> dict[str, Any]:
    """Flows, the oldest first."""
    return page_of(_filtered(rows.flows_of(request.auth), chosen), chosen, rows.told_of_flow)


def _filtered(flows: FlowQuerySet, chosen: FlowFilter) -> FlowQuerySet:
    if chosen.state is not None:
        flows = flows.filter(export_state=chosen.state)
    if chosen.phase is not None:
        flows = flows.filter(state=chosen.phase)
    if chosen.wiseflow_flow is not None:
        flows = flows.filter(wiseflow_id=chosen.wiseflow_flow)
    if chosen.code is not None:
        codes = FlowSource.objects.filter(
            flow=OuterRef("pk"), normal_code=normal_code(chosen.code), removed_at__isnull=True
        )
        flows = flows.filter(Exists(codes))
    if chosen.asks is not None:
        flows = asking(flows) if chosen.asks else flows.exclude(pk__in=asking(Flow.objects.order_by()).values("pk"))
    return flows


@router.get("/flows/{flow}", response=schemas.Flow, auth=Bearer(Scope.FLOWS_READ), tags=["Flows"])
def get_flow(request: Call, flow: schemas.Key) -> dict[str, Any]:
    return rows.told_of_flow(rows.shown_flow_of(request.auth, flow))


@router.get(
    "/flows/{flow}/synchronisations",
    response=schemas.Page[schemas.Run],
    auth=Bearer(Scope.FLOWS_READ),
    tags=["Synchronisations"],
)
def list_synchronisations(request: Call, flow: schemas.Key, paging: Query[Paging]) -> dict[str, Any]:
    """A flow's synchronisations, the newest first."""
    found = rows.flow_of(request.auth, flow)
    tell = partial(rows.told_of_run, names_people=_reads_people(request, found))
    return page_of(rows.runs_of(request.auth).filter(flow=found), paging, tell)


@router.get("/synchronisations/{run}", response=schemas.Run, auth=Bearer(Scope.FLOWS_READ), tags=["Synchronisations"])
def get_synchronisation(request: Call, run: uuid.UUID) -> dict[str, Any]:
    found = rows.run_of(request.auth, run)
    return rows.told_of_run(found, names_people=_reads_people(request, found.flow))


def _reads_people(request: Call, flow: Flow) -> bool:
    """Whether students of the flow may be named. That they are is on record."""
    if Scope.PEOPLE_READ not in request.auth.scopes:
        return False
    flow_seen(request, flow, Kind.FILE)
    return True


# --- Exports -------------------------------------------------------------------------------------------------------


@router.get(
    "/flows/{flow}/attempts", response=schemas.Page[schemas.Attempt], auth=Bearer(Scope.FLOWS_READ), tags=["Exports"]
)
def list_attempts(request: Call, flow: schemas.Key, paging: Query[Paging]) -> dict[str, Any]:
    """A flow's exports, the newest first."""
    attempts = rows.attempts_of(request.auth).filter(flow=rows.flow_of(request.auth, flow))
    return page_of(attempts, paging, rows.told_of_attempt)


@router.get("/attempts/{attempt}", response=schemas.Attempt, auth=Bearer(Scope.FLOWS_READ), tags=["Exports"])
def get_attempt(request: Call, attempt: uuid.UUID) -> dict[str, Any]:
    return rows.told_of_attempt(rows.attempt_of(request.auth, attempt))


@router.get(
    "/attempts/{attempt}/people",
    response=schemas.Page[schemas.Item],
    auth=Bearer(Scope.PEOPLE_READ),
    tags=["Exports"],
)
def list_attempt_people(request: Call, attempt: uuid.UUID, paging: Query[Paging]) -> dict[str, Any]:
    """What came of each grade that was in the export."""
    found = rows.attempt_of(request.auth, attempt)
    flow_seen(request, found.flow, Kind.FILE)
    items = found.items.order_by("pk").defer("national_id")
    return page_of(items, paging, rows.told_of_item)


# --- People --------------------------------------------------------------------------------------------------------


class PeopleFilter(Paging):
    state: Annotated[schemas.State | None, Field(default=None, description="Of the export of the person's grade.")]


def _people_of(request: Call, flow: int) -> QuerySet[Participant]:
    """Taken along, and that is on record."""
    found = rows.flow_of(request.auth, flow)
    flow_seen(request, found, Kind.FILE)
    return rows.participants_of(found)


@router.get(
    "/flows/{flow}/participants",
    response=schemas.Page[schemas.Participant],
    auth=Bearer(Scope.PEOPLE_READ),
    tags=["People"],
)
def list_participants(request: Call, flow: schemas.Key, chosen: Query[PeopleFilter]) -> dict[str, Any]:
    """The people on a flow."""
    people = _people_of(request, flow)
    if chosen.state is not None:
        people = people.filter(export_state=chosen.state)
    listed = Prefetch("registrations", rows.LISTED, to_attr="listed")
    return page_of(people.prefetch_related(listed), chosen, rows.told_of_participant)


@router.get(
    "/flows/{flow}/grades", response=schemas.Page[schemas.Grade], auth=Bearer(Scope.PEOPLE_READ), tags=["People"]
)
def list_grades(request: Call, flow: schemas.Key, chosen: Query[PeopleFilter]) -> dict[str, Any]:
    """The grade of each person on a flow, and what has been sent to Ladok."""
    people = _people_of(request, flow).select_related("assessment")
    if chosen.state is not None:
        people = people.filter(export_state=chosen.state)
    newest = Prefetch("export_items", rows.ITEMS, to_attr="newest_items")
    return page_of(people.prefetch_related(newest), chosen, rows.told_of_grade)


# --- Exams ---------------------------------------------------------------------------------------------------------


class ExamFilter(Paging):
    code: Code
    first: Annotated[schemas.Day | None, Field(default=None, description="Those that begin on this day or later.")]
    last: Annotated[schemas.Day | None, Field(default=None, description="Those that begin on this day or earlier.")]


def _within(column: str, chosen: ExamFilter) -> Q:
    found = Q()
    if chosen.code is not None:
        found &= Q(normal_code=normal_code(chosen.code))
    if chosen.first is not None:
        found &= Q(**{f"{column}__date__gte": chosen.first})
    if chosen.last is not None:
        found &= Q(**{f"{column}__date__lte": chosen.last})
    return found


@router.get(
    "/exams/with-flow", response=schemas.Page[schemas.ExamWithFlow], auth=Bearer(Scope.EXAMS_READ), tags=["Exams"]
)
def list_exams_with_flow(request: Call, chosen: Query[ExamFilter]) -> dict[str, Any]:
    """The Ladok codes that are on a flow now."""
    codes = FlowSource.objects.filter(source=request.auth.source, removed_at__isnull=True)
    found = codes.filter(_within("flow__participation_start_at", chosen)).select_related("flow").order_by("pk")
    return page_of(found, chosen, _with_flow)


def _with_flow(code: FlowSource) -> dict[str, Any]:
    return {
        "code": code.code,
        "title": code.title or code.flow.title,
        "flow": code.flow_id,
        "startsAt": code.flow.participation_start_at,
    }


@router.get("/exams/without-flow", response=schemas.ExamsWithoutFlow, auth=Bearer(Scope.EXAMS_READ), tags=["Exams"])
def list_exams_without_flow(request: Call, chosen: Query[ExamFilter]) -> dict[str, Any]:
    """Exams of the coming two weeks that are on no flow, as Ladok told when it was last asked, some hours ago at most."""
    source = request.auth.source
    exams = ComingExam.objects.off_flow().filter(_within("start_at", chosen), source=source).order_by("pk")
    reading = ExamReading.objects.filter(source=source).first()
    told = {"readAt": reading.read_at if reading else None, "message": words(reading.message) if reading else ""}
    return page_of(exams, chosen, _without_flow) | told


def _without_flow(exam: ComingExam) -> dict[str, Any]:
    return {"code": exam.code, "title": exam.title, "subtitle": exam.subtitle, "startsAt": exam.start_at}
