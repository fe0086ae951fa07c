"""What WISEflow tells of a marking: how each question went, where a flow is marked item by item, and who assesses whom.

Read once a night of flows with new grades, and kept as figures: nobody's own score stays.
"""

from __future__ import annotations

import datetime as dt
import logging
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from exports.models import Assessment, Figure, FlowSummary, QuestionFigure
from exports.statistics.grades import FAILED, PASSED, result_of
from ladokflow.http import RemoteError
from ladokflow.queue import enqueue
from ladokflow.wiseflow.client import WiseflowClient
from ladokflow.wiseflow.schemas import ItemResponses, ItemScores, ScoredQuestion
from sources.models import Flow, Source
from sources.sync.nightly import due_at
from sources.universities.clients import wiseflow_for

logger = logging.getLogger(__name__)

TASK = "exports.tasks.read_marking"
TIMEOUT_SECONDS = 900
AT_ONCE = 50  # of a source, each time
LATEST = dt.timedelta(days=365)  # after the end of marking
FEWEST_TO_COMPARE = 3  # scores, for a correlation
FEW = 20  # of an assessor: hardly anything can be told from so few
Z = 1.959963984540054  # of a normal distribution, for 95 %


# --- Which, and when ----------------------------------------------------------------------------------------------------


def want_due(now: dt.datetime | None = None) -> int:
    """Have the marking of flows with new grades read, once a night; how many. Call it every few minutes."""
    now = now or timezone.now()
    return sum(_want(source, now) for source in Source.objects.all())


def _want(source: Source, now: dt.datetime) -> int:
    night_at, count = due_at(source, now), 0
    news = Q(marking_read_at=None) | Q(flow__graded_at__gt=F("marking_read_at"))
    asked = Q(marking_asked_at=None) | Q(marking_asked_at__lt=night_at)
    rows = FlowSummary.objects.filter(
        news, asked, source=source, flow__graded_count__gt=0, flow__former_host="", flow__purged_at=None
    )
    rows = rows.filter(flow__setup_state=Flow.Setup.READY, flow__marking_end_at__gte=now - LATEST).order_by("pk")
    for row in rows[:AT_ONCE]:
        with transaction.atomic():
            if FlowSummary.objects.filter(asked, pk=row.pk).update(marking_asked_at=now):
                enqueue(TASK, row.pk, timeout=TIMEOUT_SECONDS)
                count += 1
    return count


def read_marking(flow_pk: int) -> None:
    """What the queue calls. Never raises for what WISEflow does: it is asked again the next night."""
    flow = Flow.objects.select_related("source").get(pk=flow_pk)
    begun = timezone.now()
    try:
        with wiseflow_for(flow, shares_answers=True) as client:
            told = _ask(client, flow)
    except RemoteError as error:
        logger.warning("statistics.marking_failed flow=%s code=%s", flow_pk, error.message.code)
        return
    with transaction.atomic():
        FlowSummary.objects.bulk_create([FlowSummary(flow=flow, source=flow.source)], ignore_conflicts=True)
        summary = FlowSummary.objects.select_for_update().get(pk=flow.pk)
        QuestionFigure.objects.filter(summary=summary).delete()
        QuestionFigure.objects.bulk_create(told.questions(summary), batch_size=500)
        Figure.objects.filter(summary=summary, kind=Figure.Kind.ASSESSOR).delete()
        Figure.objects.bulk_create(told.grades(summary, flow), batch_size=500)
        FlowSummary.objects.filter(pk=summary.pk).update(marking_read_at=begun)


@dataclass(frozen=True)
class Told:
    scores: ItemScores | None
    responses: ItemResponses | None
    by_assessor: Mapping[int, ItemScores]
    assessors_of: Mapping[int, Sequence[int]]  # by participant, in WISEflow's numbers

    def questions(self, summary: FlowSummary) -> list[QuestionFigure]:
        answered = _answered(self.responses)
        rows = list(_question_figures(summary, 0, self.scores, answered))
        for assessor, scores in self.by_assessor.items():
            rows += _question_figures(summary, assessor, scores, {})
        return rows

    def grades(self, summary: FlowSummary, flow: Flow) -> list[Figure]:
        """Of whom one assessor alone has: of the others nobody can tell whose grade it is."""
        counts: Counter[tuple[int, str]] = Counter()
        rows = Assessment.objects.filter(participant__flow=flow, participant__wiseflow_id__in=self.assessors_of)
        for assessment in rows.select_related("participant"):
            assessors = self.assessors_of[assessment.participant.wiseflow_id or 0]
            if assessment.grade and len(assessors) == 1:
                counts[assessors[0], assessment.grade] += 1
        return [
            Figure(summary=summary, kind=Figure.Kind.ASSESSOR, side=str(assessor), name=grade, count=count)
            for (assessor, grade), count in sorted(counts.items())
        ]


def _ask(client: WiseflowClient, flow: Flow) -> Told:
    number = flow.wiseflow_id or 0
    scores = client.item_scores(number)
    assessors = [row.id for row in client.assessors(number)] if scores is not None else []
    by_assessor = {pk: found for pk in assessors if (found := client.assessor_scores(number, pk)) is not None}
    return Told(
        scores=scores,
        responses=client.item_responses(number) if scores is not None else None,
        by_assessor=by_assessor,
        assessors_of={row.id: row.assessor_ids for row in client.participants(number)},
    )


# --- Questions ------------------------------------------------------------------------------------------------------------


def _question_figures(
    summary: FlowSummary,
    assessor: int,
    scores: ItemScores | None,
    answered: Mapping[str, tuple[int | None, int | None]],
) -> Iterator[QuestionFigure]:
    """In WISEflow's order; a question whose reference has come before, or that is not scored, is left out."""
    pairs = [(item, question) for item in (scores.items if scores else ()) for question in item.questions]
    own = {question.reference: _scores_of(question) for _item, question in pairs if not question.unscorable}
    totals: dict[int, float] = defaultdict(float)
    for each in own.values():
        for person, score in each.items():
            totals[person] += score
    for item, question in pairs:
        given = own.pop(question.reference, None)
        if given is None:
            continue
        analysis = question.analysis[0] if question.analysis else None
        correct, unattempted = answered.get(question.reference, (None, None))
        yield QuestionFigure(
            summary=summary,
            assessor=assessor,
            item=max(0, item.number or 0),
            question=max(0, question.number or 0),
            reference=question.reference[:200],
            question_kind=question.kind[:60],
            people=len(given),
            mean=statistics.fmean(given.values()) if given else None,
            highest=max(given.values(), default=None),
            difficulty=difficulty(given),
            discrimination=discrimination(given, totals),
            wiseflow_difficulty=analysis.difficulty if analysis else None,
            wiseflow_discrimination=analysis.discrimination if analysis else None,
            correct=correct,
            unattempted=unattempted,
        )


def _scores_of(question: ScoredQuestion) -> dict[int, float]:
    """One for each person: the mean of those of several assessors."""
    return {person.id: statistics.fmean(person.scores) for person in question.participants if person.scores}


def difficulty(given: Mapping[Any, float]) -> float | None:
    """The mean score as a part of the highest that anybody got: near 1 is easy. None where nobody got any."""
    highest = max(given.values(), default=0.0)
    return statistics.fmean(given.values()) / highest if highest > 0 else None


def discrimination(given: Mapping[Any, float], totals: Mapping[Any, float]) -> float | None:
    """How the score goes together with the rest of the same people's scores: Pearson's correlation, from -1 to 1.

    None where there are fewer than three, or where either is the same for everybody.
    """
    people = list(given)
    own = [given[person] for person in people]
    rest = [totals[person] - given[person] for person in people]
    if len(people) < FEWEST_TO_COMPARE or len(set(own)) < 2 or len(set(rest)) < 2:
        return None
    return statistics.correlation(own, rest)


def _answered(responses: ItemResponses | None) -> dict[str, tuple[int | None, int | None]]:
    """By question: how many answered correctly, where WISEflow says what is correct, and how many did not try."""
    found = {}
    for item in responses.items if responses else ():
        for question in item.questions:
            right = [each for each in question.responses if each.validation.upper() in ("CORRECT", "ALTERNATE")]
            people = {person for each in right for person in each.participant_ids}
            found[question.reference] = (len(people) if right else None, question.unattempted)
    return found


# --- Assessors --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AssessorRow:
    """`number` counts the assessors of the flow from 1: nobody is named. `low` and `high` are the 95 % interval of the pass rate.

    `scored` are the scores that the assessor has given question by question, `share` their sum as a part of the highest that anybody
    got on the same questions; None where there are none.
    """

    number: int
    graded: int
    passed: int
    judged: int
    low: float
    high: float
    scored: int
    share: float | None

    @property
    def is_few(self) -> bool:
        return max(self.judged, self.scored) < FEW


def assessor_rows(flow: Flow) -> list[AssessorRow]:
    by_assessor: dict[int, Counter[str]] = defaultdict(Counter)
    rows = Figure.objects.filter(summary=flow.pk, kind=Figure.Kind.ASSESSOR)
    for side, grade, count in rows.values_list("side", "name", "count"):
        by_assessor[int(side)][result_of(grade, flow.grades)] += count
    scores = _shares(flow)
    found = []
    for number, assessor in enumerate(sorted(by_assessor.keys() | scores.keys()), start=1):
        results = by_assessor[assessor]
        passed, judged = results[PASSED], results[PASSED] + results[FAILED]
        low, high = interval(passed, judged)
        scored, share = scores.get(assessor, (0, None))
        found.append(AssessorRow(number, sum(results.values()), passed, judged, low, high, scored, share))
    return found


def _shares(flow: Flow) -> dict[int, tuple[int, float | None]]:
    """By assessor: how many scores, and what they come to. A question that nobody got anything for tells nothing."""
    questions = QuestionFigure.objects.filter(summary=flow.pk, people__gt=0)
    highest = dict(questions.filter(assessor=0).values_list("reference", "highest"))
    scored: Counter[int] = Counter()
    given: dict[int, float] = defaultdict(float)
    best: dict[int, float] = defaultdict(float)
    for row in questions.exclude(assessor=0):
        scored[row.assessor] += row.people
        given[row.assessor] += row.people * (row.mean or 0.0)
        best[row.assessor] += row.people * (highest.get(row.reference) or 0.0)
    return {each: (scored[each], given[each] / best[each] if best[each] > 0 else None) for each in scored}


def interval(part: int, whole: int) -> tuple[float, float]:
    """Wilson's, for 95 %: within what the share may well be, if these are some of many. 0 to 1 where there is nobody."""
    if not whole:
        return 0.0, 1.0
    share = part / whole
    middle = (share + Z**2 / (2 * whole)) / (1 + Z**2 / whole)
    half = Z / (1 + Z**2 / whole) * sqrt(share * (1 - share) / whole + Z**2 / (4 * whole**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def differ(rows: Sequence[AssessorRow]) -> bool:
    """Whether two of them have intervals that do not meet: all else may be chance."""
    judged = [row for row in rows if row.judged]
    return any(one.high < other.low for one in judged for other in judged)
