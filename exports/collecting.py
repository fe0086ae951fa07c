"""Collecting grades: what WISEflow says of a flow's phase and of each participant's grade, written down as it is."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from exports.facts import lock
from exports.models import Assessment
from exports.states import refresh_states
from exports.writing import BATCH
from ladokflow.messages import Refused, message
from ladokflow.queue import enqueue
from ladokflow.wiseflow.client import WiseflowClient
from ladokflow.wiseflow.errors import NoItems, WiseflowError
from ladokflow.wiseflow.schemas import FlowInfo, FlowParticipant, WiseflowAssessment
from sources.connections import wiseflow_for
from sources.leasing import is_free
from sources.licence import Licence
from sources.models import Flow, Participant

logger = logging.getLogger(__name__)

COLLECT_TASK = "exports.tasks.collect_flow"
GRADED_FIELDS = ("grade", "grade_at", "alternative_grade", "alternative_grade_at", "points")
IDENTIFIERS = ("organisation_id", "national_id", "external_user_id")
HUNDREDTHS = Decimal("0.01")  # as the columns keep points
MOST_AT_ONCE = 500  # flows put in the queue in one go

INSTANT_EVERY = dt.timedelta(minutes=1)
WAITING_EVERY = dt.timedelta(minutes=5)
OTHERS_EVERY = dt.timedelta(hours=1)


@dataclass
class Collected:
    """What was read, before anything is written. `people` are participants that we have no row of."""

    info: FlowInfo
    rows: list[WiseflowAssessment]
    people: list[FlowParticipant] = field(default_factory=list)
    type_names: Mapping[str, str] = field(default_factory=dict)
    points: Mapping[int, Decimal | None] = field(default_factory=dict)
    scale: tuple[int, str, list[str]] | None = None


def collect_grades(flow: Flow) -> int:
    """Read the flow's phase, dates and grades from WISEflow; how many people have a grade.

    Raises RemoteError where WISEflow cannot be asked, and then changes nothing. Refused while the flow is not created.
    """
    if flow.setup_state != Flow.Setup.READY or flow.wiseflow_id is None:
        raise Refused(message("export.not_created"))
    with wiseflow_for(flow.source) as wiseflow:
        collected = _read(flow, flow.wiseflow_id, wiseflow)
    with transaction.atomic():
        locked = lock(flow.pk)
        _store_people(locked, collected)
        graded = store_assessments(locked, collected.rows, collected.points)
        columns = _flow_columns(collected)
        Flow.objects.filter(pk=flow.pk).update(**columns)
        for name, value in columns.items():
            setattr(flow, name, value)
        refresh_states(flow)
    logger.info("export.grades.collected flow=%s graded=%s", flow.pk, graded)
    return graded


# --- Reading -----------------------------------------------------------------------------------------------------


def _read(flow: Flow, flow_id: int, wiseflow: WiseflowClient) -> Collected:
    collected = Collected(info=wiseflow.flow(flow_id), rows=wiseflow.assessments(flow_id))
    known = set(flow.participants.values_list("wiseflow_id", flat=True))
    if any(row.participant_id not in known for row in collected.rows):
        everyone = wiseflow.participants(flow_id)
        collected.people = [person for person in everyone if person.id not in known]
        collected.type_names = _type_names(flow, wiseflow)
    if flow.source.rules.sends_points:
        graded = [row.participant_id for row in collected.rows if row.grade or row.alternative_grade]
        collected.points = read_points(flow_id, wiseflow, graded)
    collected.scale = _read_scale(flow, flow_id, wiseflow)
    return collected


def read_points(flow_id: int, wiseflow: WiseflowClient, people: Sequence[int]) -> dict[int, Decimal | None]:
    """The points of each of these participants, by number; None for who has none, or not yet.

    Only a flow that is marked item by item has any. No other call tells which does: the first person's answer does.
    """
    if not people:
        return {}
    first, *rest = people
    try:
        points = {first: _kept(wiseflow.item_based_points(flow_id, first))}
    except NoItems:
        return dict.fromkeys(people)

    def one(participant_id: int) -> Decimal | None:
        try:
            return _kept(wiseflow.item_based_points(flow_id, participant_id))
        except NoItems:
            return None

    with ThreadPoolExecutor(settings.WISEFLOW_CONCURRENCY) as pool:
        return points | dict(zip(rest, pool.map(one, rest), strict=True))


def _kept(points: Decimal | None) -> Decimal | None:
    """As the column keeps it: else the same number would be another one each time, and be written again and again."""
    return None if points is None else points.quantize(HUNDREDTHS)


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
    info = collected.info
    columns: dict[str, Any] = {"state": info.state, "collected_at": timezone.now()}
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
        if known is not None:
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


def store_assessments(
    flow: Flow, rows: Sequence[WiseflowAssessment], points: Mapping[int, Decimal | None] | None = None
) -> int:
    """Write down the grades that differ from what we have; how many of our participants have one.

    A participant that WISEflow no longer lists has no grade any more. Those whose points were not asked for keep what
    they have as long as the grade is the same: old points are never left beside a new grade.
    """
    now = timezone.now()
    found = {row.participant_id: row for row in rows}
    graded, new, changed = 0, [], []
    with transaction.atomic():
        lock(flow.pk)
        for participant in Participant.objects.filter(flow=flow).select_related("assessment").defer("national_id"):
            row = found.get(participant.wiseflow_id or 0)
            own: Assessment | None = getattr(participant, "assessment", None)
            if own is None and row is None:
                continue
            values = _values(row, own, points)
            graded += bool(values["grade"] or values["alternative_grade"])
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
    return graded


def _values(
    row: WiseflowAssessment | None, own: Assessment | None, points: Mapping[int, Decimal | None] | None
) -> dict[str, Any]:
    is_same = (
        own is not None and row is not None and (own.grade, own.alternative_grade) == (row.grade, row.alternative_grade)
    )
    kept = own.points if own is not None and is_same else None
    return {
        "grade": row.grade if row else "",
        "grade_at": row.grade_at if row else None,
        "alternative_grade": row.alternative_grade if row else "",
        "alternative_grade_at": row.alternative_grade_at if row else None,
        "points": (points or {}).get(row.participant_id, kept) if row is not None else None,
    }


# --- When --------------------------------------------------------------------------------------------------------


def due_for_collection(now: dt.datetime) -> Q:
    """Flows where there may be news: often where somebody waits for them, seldom elsewhere, never in the archive."""
    waiting = Q(marking_end_at__lte=now) & ~Q(state__in=[Flow.State.CONCLUDED, Flow.State.ARCHIVED])
    unread = Q(collected_at__isnull=True)
    return (~Q(state=Flow.State.ARCHIVED) | unread) & (
        unread
        | Q(instant_export=True, state__gte=Flow.State.PARTICIPATION_STARTED, collected_at__lt=now - INSTANT_EVERY)
        | (waiting & Q(collected_at__lt=now - WAITING_EVERY))
        | Q(state__gte=Flow.State.PARTICIPATION_STARTED, collected_at__lt=now - OTHERS_EVERY)
    )


def enqueue_collections() -> int:
    """Put the flows that are due in the queue, those first that have waited longest; how many."""
    due = Flow.objects.ready().filter(due_for_collection(timezone.now())).order_by("collected_at", "pk")
    keys = list(due.values_list("pk", flat=True)[:MOST_AT_ONCE])
    for pk in keys:
        enqueue(COLLECT_TASK, pk)
    return len(keys)
