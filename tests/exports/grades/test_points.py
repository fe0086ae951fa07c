"""Points go with a grade in Borås: they are what WISEflow says when they are sent, or nothing is sent."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from exports.attempts.send import send_attempt
from exports.attempts.start import retry_export, start_export
from exports.grades.collect import collect_grades
from exports.models import Assessment, ExportAttempt
from ladokflow.sandbox.control import Control
from ladokflow.sandbox.server import Sandbox
from sources.models import Flow, Source
from tests.exports.test_end_to_end import Exam

pytestmark = pytest.mark.django_db


def graded(boras: Source, control: Control, people: int = 2) -> tuple[Exam, Flow, list[int]]:
    """Everybody has VG and 10 points, and the grades are collected."""
    exam = Exam(boras, control, people=people)
    ids = sorted(exam.identity(each) for each in exam.participants())
    control.grade(exam.wiseflow_id, grades=dict.fromkeys(ids, "VG"), points=dict.fromkeys(ids, 10.0))
    control.end_marking(exam.wiseflow_id)
    flow = Flow.objects.get(pk=exam.flow)
    collect_grades(flow)
    return exam, flow, ids


def sent_points(exam: Exam) -> list[float]:
    return sorted(line["grade"]["poang"] for line in exam.sent()[-1]["gradeExports"])


def stored(flow: Flow) -> dict[Any, Any]:
    rows = Assessment.objects.filter(participant__flow=flow)
    return dict(rows.values_list("participant__wiseflow_id", "points"))


def test_nothing_is_sent_when_points_were_changed_meanwhile(boras: Source, bodil: Any, sandbox: Sandbox) -> None:
    exam, flow, ids = graded(boras, sandbox.control)
    (attempt,) = start_export(flow=flow, requested_by=bodil, enqueue=False)
    exam.control.grade(exam.wiseflow_id, points={ids[0]: 12.5}, force=True)
    assert send_attempt(attempt.pk) == "failed"
    assert exam.ledger() == []
    attempt.refresh_from_db()
    assert attempt.message["code"] == "attempt.only_points_changed"
    told = attempt.items.get(participant__wiseflow_id=ids[0]).message
    assert (told["code"], told["params"]) == ("attempt.points_changed", {"was": "10", "now": "12.5"})
    assert stored(flow) == {ids[0]: Decimal("12.5"), ids[1]: Decimal(10)}
    (retry,) = retry_export(flow=flow, requested_by=bodil, enqueue=False)
    assert send_attempt(retry.pk) == "exported"
    assert sent_points(exam) == [10, 12.5]


def test_a_changed_grade_never_goes_with_the_old_points(boras: Source, bodil: Any, sandbox: Sandbox) -> None:
    exam, flow, ids = graded(boras, sandbox.control)
    (attempt,) = start_export(flow=flow, requested_by=bodil, only=[flow.participants.get(wiseflow_id=ids[0]).pk])
    exam.control.grade(exam.wiseflow_id, grades=dict.fromkeys(ids, "U"), points={ids[0]: 3.0, ids[1]: 2.0}, force=True)
    assert send_attempt(attempt.pk) == "failed"
    # Only those who were to be sent are asked for points; nobody else keeps points that belong to another grade.
    assert stored(flow) == {ids[0]: Decimal(3), ids[1]: None}
    (retry,) = retry_export(flow=flow, requested_by=bodil, enqueue=False)
    assert send_attempt(retry.pk) == "exported"
    assert sent_points(exam) == [3]


def test_unscored_people_at_the_head_of_the_list_hide_nobodys_points(boras: Source, sandbox: Sandbox) -> None:
    exam = Exam(boras, sandbox.control, people=8)
    ids = [exam.identity(each) for each in exam.participants()]
    exam.control.grade(exam.wiseflow_id, grades=dict.fromkeys(ids, "G"), points=dict.fromkeys(ids[6:], 7.0))
    flow = Flow.objects.get(pk=exam.flow)
    collect_grades(flow)
    assert stored(flow) == dict.fromkeys(ids[:6]) | dict.fromkeys(ids[6:], Decimal(7))


def test_a_flow_that_is_not_marked_by_items_is_asked_once(boras: Source, sandbox: Sandbox) -> None:
    exam = Exam(boras, sandbox.control, people=8)
    exam.grade()
    sandbox.control.clear_received()
    collect_grades(Flow.objects.get(pk=exam.flow))
    asked = [call for call in sandbox.control.received("wiseflow") if call["path"].endswith("/item-based-marks")]
    assert len(asked) == 1
    assert not ExportAttempt.objects.exists()
