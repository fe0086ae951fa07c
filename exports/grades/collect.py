"""Collecting grades: what WISEflow says of a flow's phase and of each participant's grade, written down as it is."""

from __future__ import annotations

import datetime as dt
import logging
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now
from django.utils import timezone

from exports.grades.read import Gathered, gather, number_of, read_approved
from exports.models import Assessment
from exports.rules.facts import lock, waits_for_reviewer
from exports.rules.states import refresh_states
from exports.writing import BATCH
from ladokflow.queue import enqueue
from ladokflow.wiseflow.client import WiseflowClient
from ladokflow.wiseflow.errors import WiseflowError
from ladokflow.wiseflow.schemas import FlowParticipant, WiseflowAssessment
from sources.models import Flow, Participant, SyncRun
from sources.sync.lease import is_free
from sources.universities.clients import wiseflow_for
from sources.universities.licence import Licence

logger = logging.getLogger(__name__)

COLLECT_TASK = "exports.tasks.collect_flow"
GRADED_FIELDS = ("grade", "grade_at", "is_approved", "alternative_grade", "alternative_grade_at", "points")
IDENTIFIERS = ("organisation_id", "national_id", "external_user_id")
MOST_TRAILS = 200  # looked through for approvals in one collection: there is a call for each
MOST_AT_ONCE = 500  # flows put in the queue in one go

INSTANT_EVERY = dt.timedelta(minutes=1)
WAITING_EVERY = dt.timedelta(minutes=5)
OTHERS_EVERY = dt.timedelta(hours=1)


@dataclass
class Collected:
    """What was read, before anything is written. `people` are participants that we have no row of; `there` are the numbers
    of all, where they were asked for."""

    grades: Gathered
    approved: frozenset[int] | None = None
    people: list[FlowParticipant] = field(default_factory=list)
    there: frozenset[int] = frozenset()
    type_names: Mapping[str, str] = field(default_factory=dict)
    scale: tuple[int, str, list[str]] | None = None


def collect_grades(flow: Flow) -> int:
    """Read the flow's phase, dates and grades from WISEflow; how many people have a grade.

    Raises RemoteError where WISEflow cannot be asked, and then changes nothing. Refused while the flow is not created.
    Of two that read at the same time the one that began last counts, in whatever order they come to write.
    """
    flow_id = number_of(flow)
    with wiseflow_for(flow.source) as wiseflow:
        collected = _read(flow, flow_id, wiseflow)
    with transaction.atomic():
        locked = lock(flow.pk)
        if _is_newest(flow.pk, collected.grades.began_at):
            _store_people(locked, collected)
            store_assessments(locked, collected.grades, collected.approved)
            Flow.objects.filter(pk=flow.pk).update(**_flow_columns(collected))
        else:
            logger.info("export.grades.outrun flow=%s", flow.pk)
        flow.refresh_from_db()
        refresh_states(flow)
    logger.info("export.grades.collected flow=%s graded=%s", flow.pk, flow.graded_count)
    return flow.graded_count


def _is_newest(flow_pk: int, began_at: dt.datetime) -> bool:
    """Whether nothing has been stored that began to be read later. Ask under the flow's lock."""
    # A moment that is still to come is a clock that was wrong: it must not stand in the way.
    newer = Q(collected_at__gt=began_at, collected_at__lte=Now())
    return not Flow.objects.filter(newer, pk=flow_pk).exists()


# --- Reading -----------------------------------------------------------------------------------------------------


def _read(flow: Flow, flow_id: int, wiseflow: WiseflowClient) -> Collected:
    grades = gather(flow, wiseflow)
    collected = Collected(grades=grades)
    known = set(flow.participants.values_list("wiseflow_id", flat=True))
    if any(row.participant_id not in known for row in grades.rows):
        everyone = wiseflow.participants(flow_id)
        collected.people = [person for person in everyone if person.id not in known]
        collected.there = frozenset(person.id for person in everyone)
        collected.type_names = _type_names(flow, wiseflow)
    if waits_for_reviewer(flow):
        collected.approved = _read_approved(flow, wiseflow, grades.rows)
    collected.scale = _read_scale(flow, flow_id, wiseflow)
    return collected


def _read_approved(flow: Flow, wiseflow: WiseflowClient, rows: Sequence[WiseflowAssessment]) -> frozenset[int]:
    """Whose grade a reviewer has approved: those we know of, and those whose trail says so now."""
    own = {
        row.participant.wiseflow_id: row
        for row in Assessment.objects.filter(participant__flow=flow, is_approved=True).select_related("participant")
    }
    known = {row.participant_id for row in rows if _is_same_grade(own.get(row.participant_id), row)}
    asked = [row.participant_id for row in rows if row.grade and row.participant_id not in known]
    if len(asked) > MOST_TRAILS:
        asked = random.sample(asked, MOST_TRAILS)  # by lot, so that everybody's turn comes
    return frozenset(known | read_approved(flow, wiseflow, asked))


def _read_scale(flow: Flow, flow_id: int, wiseflow: WiseflowClient) -> tuple[int, str, list[str]] | None:
    """The grading scale, where it is another than the one we know."""
    try:
        scale_id = wiseflow.grading_scale(flow_id)
        if scale_id is None or (scale_id == flow.grading_scale_id and flow.grades):
            return None
        scale = next((each for each in wiseflow.grading_scales() if each.id == scale_id), None)
    except WiseflowError as error:
        # The grades are what counts; without the scale they go unchecked by us, and Ladok checks them.
        logger.warning("export.scale.not_read flow=%s reason=%s", flow.pk, error.message.code)
        return None
    return (scale.id, scale.name, list(scale.grades)) if scale else None


def _type_names(flow: Flow, wiseflow: WiseflowClient) -> dict[str, str]:
    """What this licence calls each kind of identifier."""
    return {kind: found.name for kind, found in Licence(wiseflow, flow.source).data_types().items()}


# --- Writing -----------------------------------------------------------------------------------------------------


def _flow_columns(collected: Collected) -> dict[str, Any]:
    info = collected.grades.info
    columns: dict[str, Any] = {"state": info.state}
    for name in ("participation_start_at", "participation_end_at", "marking_start_at", "marking_end_at"):
        value = getattr(info, name)
        if value is not None:
            columns[name] = value
    if collected.scale:
        columns["grading_scale_id"], columns["grading_scale"], columns["grades"] = collected.scale
    return columns


def _store_people(flow: Flow, collected: Collected) -> None:
    """Rows for people who were added by hand in WISEflow, and the new participant id of those who were added again.

    While a synchronisation is at work nobody can tell whom it has added from whom a person has: there are no new rows
    then. Those that are still needed come with the next collection.
    """
    rows = list(Participant.objects.filter(flow=flow))
    taken = {row.wiseflow_id for row in rows}
    by_organisation_id = {row.organisation_id.casefold(): row for row in rows if row.organisation_id}
    is_left_to_a_synchronisation = not Flow.objects.filter(is_free(), pk=flow.pk).exists()
    new = []
    for person in collected.people:
        if person.id in taken:
            continue
        values = {kind: _identifier(person, collected.type_names.get(kind, "")) for kind in IDENTIFIERS}
        known = by_organisation_id.get(values["organisation_id"].casefold()) if values["organisation_id"] else None
        if known is not None and known.wiseflow_id in collected.there:
            # Two accounts in WISEflow with one organisation id. Which of their grades counts is nothing to be guessed: the
            # second has a row that names nobody in Ladok, and keeps the flow from being done.
            values = dict.fromkeys(IDENTIFIERS, "")
            person = person.model_copy(update={"unique_exam_id": ""})
        elif known is not None:
            Participant.objects.filter(pk=known.pk).update(wiseflow_id=person.id, user_id=person.user_id)
            continue
        if is_left_to_a_synchronisation:
            continue
        row = Participant(
            flow=flow,
            wiseflow_id=person.id,
            user_id=person.user_id,
            first_name=person.first_name[:200],
            last_name=person.last_name[:200],
            unique_exam_id=person.unique_exam_id[:200],
            is_from_source=False,
            is_active=person.activated,
            **values,
        )
        if row.organisation_id:
            by_organisation_id[row.organisation_id.casefold()] = row
        new.append(row)
    Participant.objects.bulk_create(new, batch_size=BATCH)


def _identifier(person: FlowParticipant, type_name: str) -> str:
    return next(iter(person.values(type_name)), "")[:200] if type_name else ""


def store_assessments(flow: Flow, grades: Gathered, approved: frozenset[int] | None = None) -> None:
    """Write down the grades that differ from what we have, unless later ones have been.

    A participant that WISEflow no longer lists has no grade any more. Those whose points or approval were not asked for
    keep what they have as long as the grade is the same: what is old is never left beside a new grade.
    """
    now = timezone.now()
    found = {row.participant_id: row for row in grades.rows}
    new, changed = [], []
    with transaction.atomic():
        lock(flow.pk)
        if not _is_newest(flow.pk, grades.began_at):
            return
        Flow.objects.filter(pk=flow.pk).update(collected_at=grades.began_at)
        for participant in Participant.objects.filter(flow=flow).select_related("assessment").defer("national_id"):
            row = found.get(participant.wiseflow_id or 0)
            own: Assessment | None = getattr(participant, "assessment", None)
            if own is None and row is None:
                continue
            values = _values(row, own, grades.points, approved)
            if own is None:
                if values["grade"] or values["alternative_grade"]:
                    new.append(Assessment(participant=participant, collected_at=now, **values))
            elif any(getattr(own, name) != values[name] for name in GRADED_FIELDS):
                for name in GRADED_FIELDS:
                    setattr(own, name, values[name])
                own.collected_at = now
                changed.append(own)
        Assessment.objects.bulk_create(new, batch_size=BATCH)
        Assessment.objects.bulk_update(changed, [*GRADED_FIELDS, "collected_at"], batch_size=BATCH)


def _values(
    row: WiseflowAssessment | None,
    own: Assessment | None,
    points: Mapping[int, Decimal | None] | None,
    approved: frozenset[int] | None,
) -> dict[str, Any]:
    if row is None:
        return {
            "grade": "",
            "grade_at": None,
            "is_approved": False,
            "alternative_grade": "",
            "alternative_grade_at": None,
            "points": None,
        }
    is_same = own is not None and (own.grade, own.alternative_grade) == (row.grade, row.alternative_grade)
    kept = own.points if own is not None and is_same else None
    was_approved = own is not None and own.is_approved and _is_same_grade(own, row)
    return {
        "grade": row.grade,
        "grade_at": row.grade_at,
        "is_approved": was_approved if approved is None else row.participant_id in approved,
        "alternative_grade": row.alternative_grade,
        "alternative_grade_at": row.alternative_grade_at,
        "points": (points or {}).get(row.participant_id, kept),
    }


def _is_same_grade(own: Assessment | None, row: WiseflowAssessment) -> bool:
    """Not given anew either: what was approved is that grade, at that time."""
    return own is not None and (own.grade, own.grade_at) == (row.grade, row.grade_at)


# --- When --------------------------------------------------------------------------------------------------------


def due_for_collection(now: dt.datetime) -> Q:
    """Flows where there may be news: often where somebody waits for them, seldom elsewhere, never in the archive.

    Besides, whatever a synchronisation has found concluded or archived: grades that were read before it may not be the last.
    """
    waiting = Q(marking_end_at__lte=now) & ~Q(state__in=[Flow.State.CONCLUDED, Flow.State.ARCHIVED])
    unread = Q(collected_at__isnull=True)
    ended = Q(state__gte=Flow.State.CONCLUDED) & synced_since_collected()
    return ended | (~Q(state=Flow.State.ARCHIVED) | unread) & (
        unread
        | Q(instant_export=True, state__gte=Flow.State.PARTICIPATION_STARTED, collected_at__lt=now - INSTANT_EVERY)
        | (waiting & Q(collected_at__lt=now - WAITING_EVERY))
        | Q(state__gte=Flow.State.PARTICIPATION_STARTED, collected_at__lt=now - OTHERS_EVERY)
    )


def synced_since_collected() -> Q:
    """Flows that have been synchronised since their grades were read: the phase we know may be newer than the grades."""
    later = SyncRun.objects.filter(
        flow=OuterRef("pk"), state=SyncRun.State.SUCCESS, finished_at__gt=OuterRef("collected_at")
    )
    return Q(Exists(later))


def enqueue_collections() -> int:
    """Put the flows that are due in the queue, those first that have waited longest; how many."""
    due = Flow.objects.ready().filter(due_for_collection(timezone.now())).order_by("collected_at", "pk")
    keys = list(due.values_list("pk", flat=True)[:MOST_AT_ONCE])
    for pk in keys:
        enqueue(COLLECT_TASK, pk)
    return len(keys)
