"""The rows that a caller may see, those of its own source, and what is told of each. All else is 404."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, Prefetch, QuerySet
from django.http import Http404
from django.urls import reverse

from exports.models import Collection as GradeCollection
from exports.models import ExportAttempt, ExportItem
from exports.reporting import attempt_status, run_status, words
from ladokflow.api.callers import Caller
from ladokflow.api.problems import Problem
from ladokflow.messages import message
from sources.flows.asking import asked_by, with_questions
from sources.models import Flow, FlowSource, Participant, Registration, SyncRun
from sources.models.flow import FlowQuerySet

ON_FLOW = FlowSource.objects.filter(removed_at__isnull=True).order_by("position")
LISTED = Registration.objects.listed().select_related("code").defer("claim", "national_id").order_by("code__position")
ITEMS = (
    ExportItem.objects.newest()
    .select_related("attempt__code")
    .defer("national_id", "attempt__answer", "attempt__order")
)


# --- Finding them


def flows_of(caller: Caller) -> FlowQuerySet:
    flows = Flow.objects.filter(source=caller.source).order_by("pk").select_related("source")
    collected = GradeCollection.objects.asked().filter(pk=OuterRef("pk"))
    codes = Prefetch("codes", ON_FLOW, to_attr="codes_on_flow")
    return with_questions(flows).annotate(is_collecting=Exists(collected)).prefetch_related(codes)


def flow_of(caller: Caller, pk: int) -> Flow:
    return _the_one(Flow.objects.filter(source=caller.source).select_related("source"), pk)


def shown_flow_of(caller: Caller, pk: int) -> Any:
    """With all that `told_of_flow` tells of it."""
    return _the_one(flows_of(caller), pk)


def attempts_of(caller: Caller) -> QuerySet[ExportAttempt]:
    attempts = ExportAttempt.objects.filter(flow__source=caller.source).order_by("-created_at", "pk")
    return attempts.select_related("code", "flow").defer("answer", "order")


def attempt_of(caller: Caller, pk: uuid.UUID) -> ExportAttempt:
    return _the_one(attempts_of(caller), pk)


def runs_of(caller: Caller) -> QuerySet[SyncRun]:
    return (
        SyncRun.objects.filter(flow__source=caller.source)
        .order_by("-created_at", "pk")
        .select_related("flow")
        .defer("changes")
    )


def run_of(caller: Caller, pk: uuid.UUID) -> SyncRun:
    return _the_one(runs_of(caller), pk)


def _the_one(rows: QuerySet[Any], pk: Any) -> Any:
    row = rows.filter(pk=pk).first()
    if row is None:
        raise Http404
    return row


def participants_of(flow: Flow) -> QuerySet[Participant]:
    return flow.participants.order_by("pk")


def require_participants(flow: Flow, keys: Collection[int] | None) -> list[int] | None:
    """These people; all where none is named. 422 where one is not of the flow."""
    if keys is None:
        return None
    there = set(flow.participants.filter(pk__in=set(keys)).values_list("pk", flat=True))
    if missing := sorted(set(keys) - there):
        raise Problem(422, message("api.no_such_participants", participants=", ".join(map(str, missing[:20]))))
    return sorted(there)


# --- Telling of them


def told_of_flow(flow: Any) -> dict[str, Any]:
    return {
        "flow": flow.pk,
        "wiseflowFlow": flow.wiseflow_id,
        "title": flow.title,
        "subtitle": flow.subtitle,
        "codes": [{"code": code.code, "title": code.title} for code in flow.codes_on_flow],
        "creation": flow.setup_state,
        "creationMessage": words(flow.setup_message),
        "isLetGo": flow.is_released,
        "phase": flow.state,
        "dates": {
            "participationStart": flow.participation_start_at,
            "participationEnd": flow.participation_end_at,
            "markingStart": flow.marking_start_at,
            "markingEnd": flow.marking_end_at,
        },
        "state": flow.export_state,
        "message": words(flow.export_message),
        "counts": flow.counts,
        "syncedAt": flow.synced_at,
        "gradesCollectedAt": flow.collected_at,
        "isCollecting": flow.is_collecting,
        "asks": [
            {"kind": asked.kind.name, "message": str(asked.message), "page": settings.PUBLIC_URL + asked.address}
            for asked in asked_by(flow, names_people=False)
        ],
        "page": settings.PUBLIC_URL + reverse("flows:detail", args=[flow.pk]),
    }


def told_of_run(run: SyncRun, *, names_people: bool = False) -> dict[str, Any]:
    """Problems name students: only their number is told to who may not read people."""
    told = run_status(run)
    problems = told["problems"]
    return {
        "run": run.pk,
        "flow": run.flow_id,
        **told,
        "problems": problems if names_people else [],
        "problemCount": len(problems),
        "asks": run.is_braked,
        "fingerprint": run.fingerprint.whole if run.is_braked else None,
        "requestedAt": run.created_at,
        "finishedAt": run.finished_at,
    }


def told_of_attempt(attempt: ExportAttempt) -> dict[str, Any]:
    return {**attempt_status(attempt), "flow": attempt.flow_id}


def _identity(person: Participant) -> dict[str, Any]:
    return {
        "participant": person.pk,
        "organisationId": person.organisation_id,
        "uniqueExamId": person.unique_exam_id,
        "studentNumber": person.external_user_id,
        "nationalId": person.national_id,
        "state": person.export_state,
        "message": words(person.export_message),
    }


def told_of_participant(person: Participant) -> dict[str, Any]:
    registrations: Sequence[Registration] = person.listed  # type: ignore[attr-defined] # prefetched
    return {
        **_identity(person),
        "isActive": person.is_active,
        "isFromLadok": person.is_from_source,
        "codes": [row.code.code for row in registrations],
    }


def told_of_grade(person: Participant) -> dict[str, Any]:
    assessment = getattr(person, "assessment", None)
    return {
        **_identity(person),
        "grade": assessment.effective_grade if assessment else "",
        "isAlternative": bool(assessment and assessment.alternative_grade),
        "gradedAt": assessment.given_at if assessment else None,
        "points": assessment.points if assessment else None,
        "sent": [_sent(item) for item in person.newest_items],  # type: ignore[attr-defined] # prefetched
    }


def _sent(item: ExportItem) -> dict[str, Any]:
    return {"attempt": item.attempt_id, "code": item.attempt.code.code, **_outcome(item)}


def told_of_item(item: ExportItem) -> dict[str, Any]:
    return {
        "participant": item.participant_id,
        "organisationId": item.organisation_id,
        "uniqueExamId": item.unique_exam_id,
        **_outcome(item),
    }


def _outcome(item: ExportItem) -> dict[str, Any]:
    return {
        "grade": item.grade,
        "points": item.points,
        "state": item.state,
        "mayBeInLadok": item.may_be_in_ladok,
        "message": words(item.message),
    }
