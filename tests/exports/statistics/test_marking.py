"""What WISEflow has counted of a marking: read over HTTP, kept as figures, and worked out as pandas and numpy do."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from exports.grades.collect import collect_grades
from exports.models import Figure, FlowSummary, QuestionFigure
from exports.statistics.marking import (
    assessor_rows,
    differ,
    difficulty,
    discrimination,
    interval,
    read_marking,
    want_due,
)
from exports.statistics.refresh import refresh
from ladokflow.sandbox.server import Sandbox
from sources.flows.create import create_flow
from sources.flows.request import request_flow
from sources.models import Flow, Source
from sources.universities.clients import wiseflow_for
from tests.factories import FlowFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def marked(boras: Source, bodil: User, sandbox: Sandbox) -> Flow:
    """A flow that is marked item by item, with two assessors who have four and two of the six."""
    code = sandbox.control.add_exam("boras", people=6)
    flow = request_flow(source=boras, codes=[code], requested_by=bodil)
    create_flow(flow.pk)
    flow.refresh_from_db()
    number = flow.wiseflow_id or 0
    with wiseflow_for(boras) as client:
        for name in ("ett", "två"):
            user = sandbox.control.add_user("boras", {"organisation_id": f"{name}@boras.example"})
            client.add_assessor(number, user)
        first, second = client.assessors(number)
        people = [row.id for row in client.participants(number)]
        client.allocate_assessor(number, first.id, people[:4])
        client.allocate_assessor(number, second.id, people[4:])
    points = {pk: float(place * 8 + 3) for place, pk in enumerate(people)}
    grades = {pk: "VG" if place > 2 else "U" for place, pk in enumerate(people)}
    sandbox.control.end_participation(number)
    sandbox.control.grade(number, grades, points=points)
    collect_grades(flow)
    flow.refresh_from_db()
    return flow


def test_questions_and_assessors_are_read_and_kept_as_figures(marked: Flow, sandbox: Sandbox) -> None:
    read_marking(marked.pk)
    questions = list(QuestionFigure.objects.filter(summary=marked.pk, assessor=0))
    assert [(one.item, one.people) for one in questions] == [(1, 6), (2, 6), (3, 6), (4, 6)]
    assert all(one.mean is not None and one.wiseflow_difficulty is not None for one in questions)
    assert all(one.mean == pytest.approx((one.difficulty or 0) * (one.highest or 0)) for one in questions)
    assert (questions[0].correct is not None, questions[1].correct) == (True, None)
    assert [(row.number, row.graded, row.passed) for row in assessor_rows(marked)] == [(1, 4, 1), (2, 2, 2)]
    own = QuestionFigure.objects.filter(summary=marked.pk).exclude(assessor=0)
    assert set(own.values_list("people", flat=True)) == {2, 4}
    # Once more: the same, and what is worked out of our own rows leaves it alone.
    before = list(Figure.objects.filter(kind="assessor").values_list("side", "name", "count"))
    read_marking(marked.pk)
    refresh([marked.pk])
    assert list(Figure.objects.filter(kind="assessor").values_list("side", "name", "count")) == before
    assert QuestionFigure.objects.filter(summary=marked.pk, assessor=0).count() == 4
    # Where WISEflow cannot be asked, what is known stays; where it has no figures of questions, the assessors are read alone.
    sandbox.control.fault("wiseflow", "/flows/*", "status", times=-1, status=403)
    read_marking(marked.pk)
    assert QuestionFigure.objects.filter(assessor=0).count() == 4
    sandbox.control.clear_faults()
    sandbox.control.fault("wiseflow", "/flows/*/marking-stats/*", "status", times=-1, status=404)
    read_marking(marked.pk)
    assert not QuestionFigure.objects.exists()
    assert len(assessor_rows(marked)) == 2


def test_figures_that_are_null_are_none_and_a_score_that_is_null_is_nobodys(marked: Flow, sandbox: Sandbox) -> None:
    people = [
        {"id": 1, "scores": [None]},
        {"id": 2, "scores": [2, None]},
        {"id": 3, "scores": None},
        {"id": 4, "score": 1},
    ]
    question = {"questionReference": "q", "number": 1, "type": "mcq", "participants": people, "analysis": None}
    scores = {"state": "DONE", "builtAt": None, "items": [{"itemReference": "i", "number": 1, "questions": [question]}]}
    sandbox.control.fault(
        "wiseflow", "/flows/*/marking-stats/scores", "answer", body={"success": True, "data": [scores]}
    )
    for path in ("/flows/*/marking-stats/responses", "/flows/*/marking-stats/assessors/*"):
        sandbox.control.fault("wiseflow", path, "answer", times=-1, body={"success": True, "data": None})
    read_marking(marked.pk)
    found = QuestionFigure.objects.get()
    assert (found.people, found.mean, found.correct) == (2, 1.5, None)
    assert len(assessor_rows(marked)) == 2


def test_each_night_flows_with_new_grades_are_asked_for_once() -> None:
    flow = FlowFactory(graded_count=2, graded_at=timezone.now())
    FlowFactory(graded_count=0)
    refresh(list(Flow.objects.values_list("pk", flat=True)))
    now = timezone.now()
    assert (want_due(now), want_due(now)) == (1, 0)
    assert want_due(now + dt.timedelta(days=1)) == 1  # a worker may have died over it
    FlowSummary.objects.update(marking_read_at=now)
    assert want_due(now + dt.timedelta(days=2)) == 0
    Flow.objects.filter(pk=flow.pk).update(graded_at=now + dt.timedelta(days=2))
    assert want_due(now + dt.timedelta(days=3)) == 1


SCORES = st.dictionaries(st.integers(1, 30), st.integers(0, 10).map(float), min_size=3, max_size=20)


@given(SCORES, st.integers(0, 2**32 - 1))
def test_difficulty_and_discrimination_are_as_numpy_has_them(scores: dict[int, float], seed: int) -> None:
    rng = np.random.default_rng(seed)
    totals = {person: score + float(rng.integers(0, 40)) for person, score in scores.items()}
    own = np.array(list(scores.values()))
    rest = np.array([totals[person] - scores[person] for person in scores])
    assert difficulty(scores) == (own.mean() / own.max() if own.max() else None) or own.max() == 0
    found = discrimination(scores, totals)
    if own.std() == 0 or rest.std() == 0:
        assert found is None
    else:
        assert found == pytest.approx(np.corrcoef(own, rest)[0, 1], abs=1e-9)


@given(st.integers(0, 50), st.integers(0, 50))
def test_the_interval_holds_the_share_and_is_narrower_with_more(part: int, others: int) -> None:
    whole = part + others
    low, high = interval(part, whole)
    assert 0 <= low <= high <= 1
    if whole:
        assert low - 1e-9 <= part / whole <= high + 1e-9
        wide, narrow = interval(part, whole), interval(100 * part, 100 * whole)
        assert narrow[1] - narrow[0] < wide[1] - wide[0]


def test_the_interval_of_eight_out_of_ten() -> None:
    """As in any table of Wilson's intervals."""
    assert list(interval(8, 10)) == pytest.approx([0.4902, 0.9433], abs=1e-4)


def test_a_difference_is_one_only_where_intervals_do_not_meet() -> None:
    flow = FlowFactory(grades=["U", "G", "VG"])
    summary = FlowSummary.objects.create(flow=flow, source=flow.source)

    def given_by(assessor: int, passed: int, failed: int) -> None:
        cells: dict[str, Any] = {"VG": passed, "U": failed}
        for grade, count in cells.items():
            Figure.objects.create(summary=summary, kind="assessor", side=str(assessor), name=grade, count=count)

    given_by(1, 5, 1)
    given_by(2, 2, 4)
    assert not differ(assessor_rows(flow))
    given_by(3, 5, 95)
    given_by(4, 95, 5)
    assert differ(assessor_rows(flow))


def test_assessors_scores_are_a_part_of_the_highest_that_anybody_got_on_the_same_questions() -> None:
    flow = FlowFactory()
    summary = FlowSummary.objects.create(flow=flow, source=flow.source)

    def scored(assessor: int, reference: str, people: int, mean: float, highest: float) -> None:
        figures = {"people": people, "mean": mean, "highest": highest}
        QuestionFigure.objects.create(summary=summary, assessor=assessor, reference=reference, **figures)

    for reference, highest in (("Q1", 4.0), ("Q2", 10.0), ("Q3", 0.0)):
        scored(0, reference, 30, highest / 2, highest)
    scored(7, "Q1", 10, 3.0, 4.0)
    scored(7, "Q2", 20, 5.0, 9.0)
    scored(9, "Q1", 20, 1.0, 2.0)
    scored(11, "Q3", 3, 0.0, 0.0)
    rows = assessor_rows(flow)
    assert [(row.number, row.graded, row.scored, row.is_few) for row in rows] == [
        (1, 0, 30, False),
        (2, 0, 20, False),
        (3, 0, 3, True),
    ]
    assert [row.share for row in rows] == [(30 + 100) / (40 + 200), 20 / 80, None]
