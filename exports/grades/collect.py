"""Collecting grades: what WISEflow says of a flow's phase and of each participant's grade, written down as it is."""

from __future__ import annotations

import datetime as dt
import logging
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from exports.grades.points import PointsReader
from exports.grades.read import Gathered, gather, number_of, read_approved
from exports.grades.scale import columns_of, learn_form, read_scale, read_witnesses
from exports.models import Assessment
from exports.rules.cases import holding_of, lock
from exports.rules.facts import waits_for_reviewer
from exports.rules.states import refresh_states
from exports.writing import BATCH
from ladokflow.clock import monotonic
from ladokflow.identifiers import normal
from ladokflow.wiseflow.client import WiseflowClient
from ladokflow.wiseflow.errors import WiseflowError
from ladokflow.wiseflow.scales import Witness
from ladokflow.wiseflow.schemas import FlowParticipant, WiseflowAssessment
from sources.models import Flow, Participant
from sources.sync.lease import is_free
from sources.sync.phase import Phase, phase_of, phase_told
from sources.sync.plan.pairing import compare, identifiers_of, normal_forms
from sources.universities.clients import wiseflow_for
from sources.universities.licence import Licence

logger = logging.getLogger(__name__)

GRADED_FIELDS = (
    "grade", "grade_at", "is_approved", "approval_read_at", "alternative_grade", "alternative_grade_at", "points",
    "is_points_unread",
)  # fmt: skip
IDENTIFIERS = ("organisation_id", "national_id", "external_user_id")
POINTS_SECONDS = 20.0  # for asking for points in one collection: a worker has a minute for all of it
MOST_AGAIN = 200  # whose known points are read again in one collection: a call for each
MOST_APPROVALS = 200  # that are looked for in one collection, with a call for each
EARLIEST = dt.datetime.min.replace(tzinfo=dt.UTC)


@dataclass
class Collected:
    """What was read, before anything is written. `people` are participants that we have no row of; `present` are the numbers
    of all, where they were asked for."""

    grades: Gathered
    approved: frozenset[int] | None = None
    approvals_asked: Sequence[int] = ()  # for whom, just now
    approvals_left: int = 0  # as `Flow.approvals_left`
    people: list[FlowParticipant] = field(default_factory=list)
    present: frozenset[int] = frozenset()
    type_names: Mapping[str, str] = field(default_factory=dict)
    scale: dict[str, Any] = field(default_factory=dict)  # the flow's columns for it
    # How many people have points, and of how many there was no time to ask for them.
    points_total: int = 0
    points_left: int = 0


def collect_all_grades(flow: Flow) -> int:
    """As `collect_grades`, again and again until no more is to be read."""
    while True:
        graded = collect_grades(flow)
        if not flow.has_more_to_read:
            return graded


def collect_grades(flow: Flow, *, seconds: float | None = None, shares_answers: bool = False) -> int:
    """Read the flow's phase, dates and grades from WISEflow; how many people have a grade. `shares_answers` is as of `wiseflow_for`.

    Raises RemoteError where WISEflow cannot be asked, and then changes nothing. Refused while the flow is not created, and where it has
    ended meanwhile.
    Of two that read at the same time the one that began last counts, in whatever order they come to write. For points there are
    `seconds`, POINTS_SECONDS without: where these do not suffice the flow has `points_left`, and the next collection goes on with them;
    so it does with `approvals_left`.
    """
    flow_id, until = number_of(flow), monotonic() + (POINTS_SECONDS if seconds is None else seconds)
    for is_last in (False, True):
        before = phase_of(Flow.objects.get(pk=flow.pk))
        with wiseflow_for(flow, shares_answers=shares_answers) as wiseflow:
            collected = _read(flow, flow_id, wiseflow, until=until)
        # Whoever has written another phase meanwhile may have read it later than we did: then all is read once more.
        if _store(flow, collected, before, in_any_case=is_last):
            break
    logger.info("export.grades.collected flow=%s graded=%s", flow.pk, flow.graded_count)
    return flow.graded_count


def _store(flow: Flow, collected: Collected, before: Phase, *, in_any_case: bool) -> bool:
    """False where the phase is not that of `before` any more, and then nothing is stored unless it is to be `in_any_case`."""
    with transaction.atomic():
        locked = lock(flow.pk)
        number_of(locked)  # it may have been let go, or purged, while it was read
        if not in_any_case and phase_of(locked) != before:
            return False
        if _is_newest(flow.pk, collected.grades.began_at):
            _store_people(locked, collected)
            store_assessments(locked, collected.grades, collected.approved)
            Assessment.objects.filter(
                participant__flow=locked, participant__wiseflow_id__in=collected.approvals_asked
            ).update(approval_read_at=collected.grades.began_at)
            Flow.objects.filter(pk=flow.pk).update(**_flow_columns(collected))
            _learn(locked, collected)
        else:
            logger.info("export.grades.outrun flow=%s", flow.pk)
        flow.refresh_from_db()
        refresh_states(flow)
    return True


def _is_newest(flow_pk: int, began_at: dt.datetime) -> bool:
    """Whether nothing has been stored that began to be read later. Ask under the flow's lock."""
    # A moment that is still to come is a clock that was wrong: it must not stand in the way.
    newer = Q(collected_at__gt=began_at, collected_at__lte=Now())
    return not Flow.objects.filter(newer, pk=flow_pk).exists()


# --- Reading -----------------------------------------------------------------------------------------------------


def _read(flow: Flow, flow_id: int, wiseflow: WiseflowClient, *, until: float) -> Collected:
    collected = _with_points(flow, wiseflow, gather(flow, wiseflow), until)
    grades = collected.grades
    known = set(flow.participants.values_list("wiseflow_id", flat=True))
    if any(row.participant_id not in known for row in grades.rows):
        everyone = wiseflow.participants(flow_id)
        collected.people = [person for person in everyone if person.id not in known]
        collected.present = frozenset(person.id for person in everyone)
        collected.type_names = _type_names(flow, wiseflow)
    if waits_for_reviewer(flow):
        _add_approved(collected, flow, known)
    collected.scale = _read_scale(flow, flow_id, wiseflow, grades)
    return collected


def _with_points(flow: Flow, wiseflow: WiseflowClient, grades: Gathered, until: float) -> Collected:
    """With everybody's points that are not known for the grade as it is, and some of the others': an assessor may have scored anew.

    What that leaves unseen is seen before it is sent: then everybody's points are read."""
    if not flow.source.rules.sends_points:
        return Collected(grades=grades)
    assessments = Assessment.objects.filter(participant__flow=flow, is_points_unread=False)
    stored = {
        row.participant.wiseflow_id: row
        for row in assessments.select_related("participant").defer("participant__national_id")
    }
    new: list[int] = []
    known: list[int] = []
    for row in grades.rows:
        if row.grade or row.alternative_grade:
            (known if _has_same_grades(stored.get(row.participant_id), row) else new).append(row.participant_id)
    reader = PointsReader(number_of(flow), wiseflow, grades.trails, until=until)
    # Who has been asked for in an earlier part of a long reading, has been just now.
    told = reader.read(new if flow.points_left else new + _some(known))
    left = len(set(new) - told.asked)
    return Collected(
        grades=replace(grades, points=told.points, unread=frozenset(told.untold)),
        points_total=len(new) + len(known) if left else 0,
        points_left=left,
    )


def _some(people: list[int]) -> list[int]:
    """By lot, so that everybody's turn comes."""
    return random.sample(people, MOST_AGAIN) if len(people) > MOST_AGAIN else people


def _add_approved(collected: Collected, flow: Flow, people: set[int | None]) -> None:
    """Whose grade a reviewer has approved: those we know of, and those whose trail says so now. `people` have a row of ours.

    Who has waited longest is asked for first. There is more to be asked at once where a grade has not been looked at yet, and where
    a reviewer is at work; else it is the others' turn when the flow's is next.
    """
    grades = collected.grades
    rows = Assessment.objects.filter(participant__flow=flow).select_related("participant")
    stored = {row.participant.wiseflow_id: row for row in rows.defer("participant__national_id")}
    approved: set[int] = set()
    looked_at: dict[int, dt.datetime | None] = {}
    for row in grades.rows:
        before = stored.get(row.participant_id)
        same = before if _is_same_grade(before, row) else None
        if same and same.is_approved:
            approved.add(row.participant_id)
        elif row.grade and row.participant_id in people:
            looked_at[row.participant_id] = same.approval_read_at if same else None
    waiting = sorted(looked_at, key=lambda each: looked_at[each] or EARLIEST)
    asked, left = waiting[:MOST_APPROVALS], waiting[MOST_APPROVALS:]
    found = read_approved(flow, grades.trails, asked)
    collected.approved = frozenset(approved | found)
    collected.approvals_asked = asked
    collected.approvals_left = len(left if found else [each for each in left if looked_at[each] is None])


def _read_scale(flow: Flow, flow_id: int, wiseflow: WiseflowClient, grades: Gathered) -> dict[str, Any]:
    """The flow's columns for its grading scale. It is read once more before anything is sent, and then it must be there."""
    try:
        scale = read_scale(flow_id, wiseflow)
        known = [Witness(*entry) for entry in flow.scale_witnesses]
        return columns_of(scale, read_witnesses(flow, scale, grades, known=known))
    except WiseflowError as error:
        logger.warning("export.scale.not_read flow=%s reason=%s", flow.pk, error.message.code)
        return {}


def _type_names(flow: Flow, wiseflow: WiseflowClient) -> dict[str, str]:
    """What this licence calls each kind of identifier."""
    return {kind: data_type.name for kind, data_type in Licence(wiseflow, flow.source).data_types().items()}


# --- Writing -----------------------------------------------------------------------------------------------------


def _flow_columns(collected: Collected) -> dict[str, Any]:
    info = collected.grades.info
    columns: dict[str, Any] = {
        "points_total": collected.points_total,
        "points_left": collected.points_left,
        "approvals_left": collected.approvals_left,
    }
    return columns | phase_told(info) | collected.scale


def _learn(flow: Flow, collected: Collected) -> None:
    for name, value in collected.scale.items():
        setattr(flow, name, value)
    values = [row.grade for row in collected.grades.rows]
    learn_form(flow, holding_of(flow, [], values=values, alternatives=[], by_itself=True))


def _store_people(flow: Flow, collected: Collected) -> None:
    """Rows for people who were added by hand in WISEflow, and the new participant id of those who were added again.

    While a synchronisation is at work nobody can tell whom it has added from whom a person has: there are no new rows
    then. Those that are still needed come with the next collection.
    """
    rows = list(Participant.objects.filter(flow=flow))
    taken = {row.wiseflow_id for row in rows}
    is_nameless = flow.source.protects_identity
    by_organisation_id = {normal(row.organisation_id): row for row in rows if row.organisation_id}
    is_left_to_a_synchronisation = not Flow.objects.filter(is_free(), pk=flow.pk).exists()
    found = [
        (person, {kind: _identifier(person, collected.type_names.get(kind, "")) for kind in IDENTIFIERS})
        for person in collected.people
        if person.id not in taken
    ]
    accounts = Counter(normal(values["organisation_id"]) for _, values in found)
    new = []
    for person, values in found:
        name = normal(values["organisation_id"])
        known = by_organisation_id.get(name) if name else None
        is_one = accounts[name] == 1 and known is not None and _is_same(known, person, collected)
        if known is not None and (known.wiseflow_id in collected.present or not is_one):
            # Two accounts in WISEflow with one organisation id, or two people who have had it. Which of their grades counts, and whose
            # it is, is nothing to be guessed: the second has a row that names nobody in Ladok, and keeps the flow from being done.
            values = dict.fromkeys(IDENTIFIERS, "")
            person = replace(person, unique_exam_id="")
        elif known is not None:
            Participant.objects.filter(pk=known.pk).update(wiseflow_id=person.id, user_id=person.user_id)
            continue
        if is_left_to_a_synchronisation:
            continue
        row = Participant(
            flow=flow,
            wiseflow_id=person.id,
            user_id=person.user_id,
            first_name="" if is_nameless else person.first_name[:200],
            last_name="" if is_nameless else person.last_name[:200],
            unique_exam_id=person.unique_exam_id[:200],
            is_from_source=False,
            is_active=person.activated,
            **values,
        )
        if row.organisation_id:
            by_organisation_id[normal(row.organisation_id)] = row
        new.append(row)
    Participant.objects.bulk_create(new, batch_size=BATCH)


def _is_same(row: Participant, person: FlowParticipant, collected: Collected) -> bool:
    """An organisation id is given to somebody new as well: it does not decide against a number."""
    types = {kind: name for kind, name in collected.type_names.items() if name}
    there = normal_forms({kind: person.values(name) for kind, name in types.items()})
    return compare(identifiers_of(row), there).is_same


def _identifier(person: FlowParticipant, type_name: str) -> str:
    return next(iter(person.values(type_name)), "")[:200] if type_name else ""


def store_assessments(flow: Flow, grades: Gathered, approved: frozenset[int] | None = None) -> None:
    """Write down the grades that differ from what we have, unless later ones have been.

    A participant that WISEflow no longer lists has no grade any more. Those whose points or approval were not asked for
    keep what they have as long as the grade is the same: what is old is never left beside a new grade.
    """
    now = timezone.now()
    rows = {row.participant_id: row for row in grades.rows}
    new, changed = [], []
    with transaction.atomic():
        lock(flow.pk)
        if not _is_newest(flow.pk, grades.began_at):
            return
        Flow.objects.filter(pk=flow.pk).update(collected_at=grades.began_at)
        for participant in Participant.objects.filter(flow=flow).select_related("assessment").defer("national_id"):
            row = rows.get(participant.wiseflow_id or 0)
            assessment: Assessment | None = getattr(participant, "assessment", None)
            if assessment is None and row is None:
                continue
            values = _values(row, assessment, grades, approved)
            if assessment is None:
                if values["grade"] or values["alternative_grade"]:
                    new.append(Assessment(participant=participant, collected_at=now, **values))
            elif any(getattr(assessment, name) != values[name] for name in GRADED_FIELDS):
                for name in GRADED_FIELDS:
                    setattr(assessment, name, values[name])
                assessment.collected_at = now
                changed.append(assessment)
        Assessment.objects.bulk_create(new, batch_size=BATCH)
        Assessment.objects.bulk_update(changed, [*GRADED_FIELDS, "collected_at"], batch_size=BATCH)
        if new or changed:
            Flow.objects.filter(pk=flow.pk).update(graded_at=now)


def _values(
    row: WiseflowAssessment | None,
    assessment: Assessment | None,
    grades: Gathered,
    approved: frozenset[int] | None,
) -> dict[str, Any]:
    if row is None:
        return {
            "grade": "",
            "grade_at": None,
            "is_approved": False,
            "approval_read_at": None,
            "alternative_grade": "",
            "alternative_grade_at": None,
            "points": None,
            "is_points_unread": False,
        }
    points, is_unread = _points_of(row, assessment, grades)
    same = assessment if _is_same_grade(assessment, row) else None
    return {
        "grade": row.grade,
        "grade_at": row.grade_at,
        "is_approved": row.participant_id in approved if approved is not None else bool(same and same.is_approved),
        "approval_read_at": same.approval_read_at if same else None,
        "alternative_grade": row.alternative_grade,
        "alternative_grade_at": row.alternative_grade_at,
        "points": points,
        "is_points_unread": is_unread,
    }


def _points_of(row: WiseflowAssessment, assessment: Assessment | None, grades: Gathered) -> tuple[Decimal | None, bool]:
    """The points that go with the grade, and whether WISEflow has yet to tell them."""
    if grades.points is None or not (row.grade or row.alternative_grade):
        return None, False
    if row.participant_id in grades.points:
        return grades.points[row.participant_id], False
    if assessment is None or not _has_same_grades(assessment, row):
        return None, True
    return assessment.points, assessment.is_points_unread or row.participant_id in grades.unread


def _has_same_grades(assessment: Assessment | None, row: WiseflowAssessment) -> bool:
    return assessment is not None and (assessment.grade, assessment.alternative_grade) == (
        row.grade,
        row.alternative_grade,
    )


def _is_same_grade(assessment: Assessment | None, row: WiseflowAssessment) -> bool:
    """Not given anew either: what was approved is that grade, at that time."""
    return assessment is not None and (assessment.grade, assessment.grade_at) == (row.grade, row.grade_at)
