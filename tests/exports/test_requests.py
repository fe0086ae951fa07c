"""How many requests each work costs, by university and by how many people it is for: what WISEflow's and Ladok's limits are up against."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from exports.attempts import points as reading
from exports.attempts.send import send_attempt
from exports.attempts.start import start_export
from exports.grades.collect import collect_grades
from ladokflow.sandbox.server import Sandbox
from sources.models import Flow
from tests.exports.test_end_to_end import GRADES, Exam

pytestmark = pytest.mark.django_db

# One look at a flow in WISEflow, however many people are on it
LOOK = {
    "wiseflow GET /flow/#": 1,
    "wiseflow GET /flow/#/assessments": 1,
    "wiseflow GET /flows/#/grading-scale": 1,
    "wiseflow GET /license/grading-scales": 1,
}
ITEMS = "wiseflow GET /flows/#/participants/#/item-based-marks"
TRAIL = "wiseflow GET /flows/#/participants/#/marking-audit-trail"
# Ladok's list, and the one request with the grades
LADOK = {
    "liu": {"ladok GET /exams/CODE": 1, "ladok POST /exams/CODE/grades": 1},
    "oru": {"ladok GET /exams/CODE": 1, "ladok PATCH /exams/CODE/grades": 1},
    "boras": {"ladok GET /aktivitetstillfallen/CODE": 1, "ladok POST /aktivitetstillfallen/CODE/resultat": 1},
}


def points(slug: str, people: int, *, by_items: bool) -> dict[str, int]:
    """One request for each person, where the university takes points; and one that tells that a flow is not marked item by item."""
    if slug != "boras":
        return {}
    return {ITEMS: people} if by_items else {ITEMS: 1, TRAIL: people}


def requests_of(exam: Exam, work: Callable[[], Any]) -> Counter[str]:
    """By method and path, what the work asks for."""
    exam.control.clear_received()
    work()
    found: Counter[str] = Counter()
    for name, system, root in (("wiseflow", "wiseflow", "/wiseflow/v1"), ("ladok", exam.slug, f"/{exam.slug}")):
        for call in exam.control.received(system):
            path = call["path"].partition("?")[0].removeprefix(root).replace(exam.code, "CODE")
            found[f"{name} {call['method']} {re.sub(r'/[0-9]+', '/#', path)}"] += 1
    return found


@pytest.mark.parametrize("people", [3, 30])
@pytest.mark.parametrize(
    ("slug", "by_items"), [("liu", True), ("oru", True), ("boras", True), ("boras", False)], ids=str
)
def test_requests_of_a_collection_and_of_an_export(
    load_source: Any, sandbox: Sandbox, slug: str, by_items: bool, people: int
) -> None:
    exam = Exam(load_source(slug), sandbox.control, people=people)
    ids = [exam.identity(each) for each in exam.participants()]
    grades = dict.fromkeys(ids, GRADES[slug][-1])
    exam.control.grade(exam.wiseflow_id, grades=grades, points=dict.fromkeys(ids, 7.0), by_items=by_items)
    exam.control.end_marking(exam.wiseflow_id)
    flow = Flow.objects.get(pk=exam.flow)
    person_by_person = points(slug, people, by_items=by_items)
    assert requests_of(exam, lambda: collect_grades(flow)) == LOOK | person_by_person
    started: list[Any] = []
    given: Any = {"flow": flow, "requested_by": flow.created_by, "enqueue": False}
    assert requests_of(exam, lambda: started.extend(start_export(**given))) == {}
    expected = LOOK | LADOK[slug] | person_by_person
    assert requests_of(exam, lambda: send_attempt(started[0].pk)) == expected
    assert [row["times"] for row in exam.ledger()] == [1] * people


def test_requests_of_a_long_reading(load_source: Any, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each person once all the same; the list, and a look at the flow, once when it begins and once right before the request."""
    exam = Exam(load_source("boras"), sandbox.control, people=4)
    exam.grade()
    flow = Flow.objects.get(pk=exam.flow)
    collect_grades(flow)
    monkeypatch.setattr(reading, "READ_SECONDS", 0.0)  # the setting of a limit, not our code
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by, enqueue=False)

    def work_off() -> None:
        while send_attempt(attempt.pk) in attempt.OPEN:
            pass

    found = requests_of(exam, work_off)
    assert found.pop(TRAIL, 0) == 4
    del found[ITEMS]  # each worker finds out anew what kind of flow it is
    looks = {request: 2 * count for request, count in LOOK.items()}
    assert found == looks | LADOK["boras"] | {"ladok GET /aktivitetstillfallen/CODE": 2}
