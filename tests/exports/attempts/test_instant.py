"""Instant export: what is approved, by the assessor or the reviewer as the flow says, goes at once and once, and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from exports.attempts import start as starting
from exports.attempts.automatic import collect_and_export, collect_as_asked
from exports.attempts.send import send_attempt
from exports.attempts.start import preview_export, retry_export, start_export
from exports.grades import asking
from exports.grades import collect as collecting
from exports.grades.collect import collect_grades
from exports.models import Assessment, ExportAttempt
from ladokflow.messages import Refused
from ladokflow.sandbox.server import Sandbox
from ladokflow.wiseflow.grades import is_approved_by_reviewer
from ladokflow.wiseflow.schemas import MarkingEvent
from sources.models import Flow, Source
from sources.universities.clients import wiseflow_for
from tests.exports.attempts.test_once import at_once
from tests.exports.test_end_to_end import Exam

pytestmark = pytest.mark.django_db


@pytest.fixture(params=[True, False], ids=["drafts_shown", "drafts_hidden"])
def shows_drafts(request: pytest.FixtureRequest, sandbox: Sandbox) -> bool:
    """WISEflow does not say if its assessments hold what no reviewer has approved: it must not matter."""
    sandbox.control.set_shows_drafts(request.param)
    return bool(request.param)


@pytest.fixture
def make_exam(liu: Source, sandbox: Sandbox) -> Callable[..., Exam]:
    def make(decided_by: str, people: int = 2) -> Exam:
        exam = Exam(liu, sandbox.control, people=people)
        Flow.objects.filter(pk=exam.flow).update(instant_export=True, grade_decided_by=decided_by)
        if decided_by == "reviewer":
            user = next(row for row in sandbox.control.users("liu") if row["firstName"] == "Märta")
            with wiseflow_for(liu) as wiseflow:
                assert wiseflow.add_reviewer(exam.wiseflow_id, user["id"], can_decide_on_final_grade=True)
        return exam

    return make


def flow_of(exam: Exam) -> Flow:
    return Flow.objects.get(pk=exam.flow)


def people_of(exam: Exam) -> list[int]:
    return sorted(exam.identity(each) for each in exam.participants())


def collect(exam: Exam) -> None:
    """What follows a webhook or the clock, up to Ladok."""
    collect_and_export(flow_of(exam))
    for pk in ExportAttempt.objects.filter(state="queued").values_list("pk", flat=True):
        send_attempt(pk)


def ledger(exam: Exam) -> list[tuple[str, int]]:
    return sorted((row["grade"], row["times"]) for row in exam.ledger())


def test_an_assessors_grade_goes_at_once_where_the_assessor_decides(make_exam: Any, sandbox: Sandbox) -> None:
    exam = make_exam("assessor")
    first, _ = people_of(exam)
    sandbox.control.grade(exam.wiseflow_id, {first: "5"}, by="assessor")
    collect(exam)
    assert ledger(exam) == [("5", 1)]
    trails = [call for call in sandbox.control.received("wiseflow") if call["path"].endswith("/marking-audit-trail")]
    assert trails == []


def test_what_ladok_rejects_waits_for_a_manager_and_holds_nobody_else_up(make_exam: Any, sandbox: Sandbox) -> None:
    exam = make_exam("assessor")
    first, second = people_of(exam)
    names = {exam.identity(each): each["uniqueExamId"] for each in exam.participants()}
    sandbox.control.reject("liu", names[first])
    sandbox.control.grade(exam.wiseflow_id, {first: "5"})
    collect(exam)
    collect(exam)
    assert (exam.status()["state"], len(exam.sent())) == ("failed", 1)
    sandbox.control.clear_rejections("liu")
    sandbox.control.grade(exam.wiseflow_id, {second: "3"})
    collect(exam)
    assert [[line["studentUid"] for line in body["gradeExports"]] for body in exam.sent()] == [
        [names[first]],
        [names[second]],
    ]
    assert ledger(exam) == [("3", 1)]
    (retry,) = retry_export(flow=flow_of(exam), requested_by=flow_of(exam).created_by)
    assert send_attempt(retry.pk) == "exported"
    assert ledger(exam) == [("3", 1), ("5", 1)]


@pytest.mark.parametrize("decided_by", ["assessor", "reviewer"])
def test_an_alternative_grade_is_never_sent_at_once(make_exam: Any, sandbox: Sandbox, decided_by: str) -> None:
    exam = make_exam(decided_by)
    first, second = people_of(exam)
    sandbox.control.grade(exam.wiseflow_id, {first: "5"}, alternative={first: "Sjuk", second: "Frånvarande"})
    collect(exam)
    assert (ledger(exam), ExportAttempt.objects.count()) == ([], 0)


def test_news_that_are_told_many_times_at_once_are_sent_once(
    transactional_db: None, make_exam: Any, sandbox: Sandbox
) -> None:
    exam = make_exam("reviewer", people=4)
    sandbox.control.grade(exam.wiseflow_id, dict.fromkeys(people_of(exam), "5"), by="reviewer")
    at_once(lambda: collect_and_export(flow_of(exam)), 8)
    for pk in ExportAttempt.objects.values_list("pk", flat=True):
        at_once(lambda pk=pk: send_attempt(pk), 4)
    assert ledger(exam) == [("5", 1)] * 4
    assert len(exam.sent()) == 1


def test_an_assessors_grade_waits_for_the_reviewer_where_the_reviewer_decides(
    make_exam: Any, sandbox: Sandbox, shows_drafts: bool
) -> None:
    exam = make_exam("reviewer")
    first, second = people_of(exam)
    sandbox.control.grade(exam.wiseflow_id, {first: "5", second: "3"}, by="assessor")
    collect(exam)
    assert (ledger(exam), ExportAttempt.objects.count()) == ([], 0)
    told = {row["message"] for row in exam.status()["participants"]}
    assert any("reviewer" in text for text in told) == shows_drafts
    sandbox.control.grade(exam.wiseflow_id, {first: "4"}, by="reviewer")
    collect(exam)
    assert ledger(exam) == [("4", 1)]
    sandbox.control.grade(exam.wiseflow_id, {second: "3"}, by="reviewer")
    collect(exam)
    collect(exam)
    assert ledger(exam) == [("3", 1), ("4", 1)]


def test_grades_that_are_approved_together_go_in_one_call(make_exam: Any, sandbox: Sandbox) -> None:
    exam = make_exam("reviewer", people=4)
    people = people_of(exam)
    sandbox.control.grade(exam.wiseflow_id, dict.fromkeys(people[:3], "5"), by="reviewer")
    sandbox.control.grade(exam.wiseflow_id, {people[3]: "3"}, by="assessor")
    collect(exam)
    assert [len(body["gradeExports"]) for body in exam.sent()] == [3]


def test_a_grade_that_is_given_anew_must_be_approved_anew(make_exam: Any, sandbox: Sandbox) -> None:
    exam = make_exam("reviewer")
    first, _ = people_of(exam)
    sandbox.control.grade(exam.wiseflow_id, {first: "5"}, by="reviewer")
    collect_grades(flow_of(exam))
    assert Assessment.objects.get().is_approved
    sandbox.control.advance(60)
    sandbox.control.grade(exam.wiseflow_id, {first: "5"}, by="assessor")
    collect(exam)
    assert not Assessment.objects.get().is_approved
    assert ledger(exam) == []


def test_an_approval_that_is_taken_back_before_the_grade_is_sent_stops_it(make_exam: Any, sandbox: Sandbox) -> None:
    exam = make_exam("reviewer")
    first, _ = people_of(exam)
    sandbox.control.grade(exam.wiseflow_id, {first: "5"}, by="reviewer")
    collect_and_export(flow_of(exam))
    attempt = ExportAttempt.objects.get()
    sandbox.control.grade(exam.wiseflow_id, {first: "5"}, by="assessor")
    assert send_attempt(attempt.pk) == "failed"
    assert attempt.items.get().message["code"] == "attempt.approval_gone"
    assert ledger(exam) == []
    # Not by itself when it is approved once more: a manager asks.
    sandbox.control.grade(exam.wiseflow_id, {first: "5"}, by="reviewer")
    collect(exam)
    assert ledger(exam) == []
    (retry,) = retry_export(flow=flow_of(exam), requested_by=flow_of(exam).created_by)
    assert send_attempt(retry.pk) == "exported"
    assert ledger(exam) == [("5", 1)]


@pytest.mark.parametrize("decided_by", ["assessor", "reviewer"])
def test_what_has_not_been_sent_waits_for_the_end_of_marking_once_instant_export_is_switched_off(
    make_exam: Any, sandbox: Sandbox, decided_by: str
) -> None:
    exam = make_exam(decided_by)
    first, _ = people_of(exam)
    sandbox.control.grade(exam.wiseflow_id, {first: "5"}, by=decided_by)
    stale = flow_of(exam)
    collect_and_export(flow_of(exam))
    attempt = ExportAttempt.objects.get()
    Flow.objects.filter(pk=exam.flow).update(instant_export=False)
    assert send_attempt(attempt.pk) == "failed"
    attempt.refresh_from_db()
    assert (attempt.message["code"], ledger(exam)) == ("export.marking_not_ended", [])
    # Nor is anything started by who has read the flow before.
    attempt.items.all().delete()
    assert collect_and_export(stale) == 1
    assert ExportAttempt.objects.count() == 1
    sandbox.control.end_marking(exam.wiseflow_id)
    collect_grades(flow_of(exam))
    (later,) = start_export(flow=flow_of(exam), requested_by=flow_of(exam).created_by)
    assert send_attempt(later.pk) == "exported"
    assert ledger(exam) == [("5", 1)]


def test_a_retry_before_marking_ends_needs_the_approval_too(make_exam: Any, sandbox: Sandbox) -> None:
    exam = make_exam("reviewer")
    first, _ = people_of(exam)
    sandbox.control.grade(exam.wiseflow_id, {first: "5"}, by="reviewer")
    sandbox.control.fault("liu", "/exams/*/grades", "status", status=400, method="POST")
    collect(exam)
    assert exam.status()["state"] == "failed"
    sandbox.control.advance(60)
    sandbox.control.grade(exam.wiseflow_id, {first: "5"}, by="assessor")
    collect(exam)
    with pytest.raises(Refused) as refused:
        retry_export(flow=flow_of(exam), requested_by=flow_of(exam).created_by)
    assert refused.value.message.code == "export.waits_for_reviewer"
    assert ledger(exam) == []


def test_when_marking_has_ended_a_manager_sends_what_wiseflow_has(make_exam: Any, sandbox: Sandbox) -> None:
    exam = make_exam("reviewer")
    first, second = people_of(exam)
    sandbox.control.grade(exam.wiseflow_id, {first: "5", second: "3"}, by="assessor")
    sandbox.control.end_marking(exam.wiseflow_id)
    collect(exam)
    assert ledger(exam) == []
    flow = flow_of(exam)
    assert len(preview_export(flow=flow, user=flow.created_by).to_send) == 2
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by)
    assert send_attempt(attempt.pk) == "exported"
    assert ledger(exam) == [("3", 1), ("5", 1)]


def test_an_approval_that_cannot_be_seen_is_none_and_the_grades_are_collected_all_the_same(
    make_exam: Any, sandbox: Sandbox
) -> None:
    exam = make_exam("reviewer")
    first, _ = people_of(exam)
    sandbox.control.grade(exam.wiseflow_id, {first: "5"}, by="reviewer")
    sandbox.control.fault("wiseflow", "*/marking-audit-trail", "status", times=-1, status=403)
    collect(exam)
    assert (Assessment.objects.get().grade, ledger(exam)) == ("5", [])
    sandbox.control.clear_faults()
    collect(exam)
    assert ledger(exam) == [("5", 1)]


@pytest.fixture
def in_twos(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collecting, "MOST_APPROVALS", 2)  # the settings of limits, not our code
    monkeypatch.setattr(starting, "MOST_APPROVED", 2)


def trails_read(sandbox: Sandbox) -> Counter[str]:
    calls = [call["path"].partition("?")[0] for call in sandbox.control.received("wiseflow")]
    return Counter(path.split("/")[-2] for path in calls if path.endswith("/marking-audit-trail"))


def test_many_approvals_are_looked_for_in_turns_one_right_after_the_other(
    make_exam: Any, sandbox: Sandbox, in_twos: None
) -> None:
    exam = make_exam("reviewer", people=5)
    sandbox.control.grade(exam.wiseflow_id, dict.fromkeys(people_of(exam), "5"), by="reviewer")
    sandbox.control.clear_received()
    turns = []
    asking.ask(exam.flow)
    while asking.is_asked(exam.flow):
        collect_as_asked(exam.flow)
        turns.append((Assessment.objects.filter(is_approved=True).count(), flow_of(exam).approvals_left))
    assert turns == [(2, 3), (4, 1), (5, 0)]
    assert trails_read(sandbox) == dict.fromkeys((str(each["id"]) for each in exam.participants()), 1)
    collect(exam)
    assert [len(body["gradeExports"]) for body in exam.sent()] == [2]
    collect(exam)
    collect(exam)
    assert ledger(exam) == [("5", 1)] * 5


def test_where_nothing_is_approved_all_are_looked_at_once_and_then_in_turn(
    make_exam: Any, sandbox: Sandbox, in_twos: None
) -> None:
    sandbox.control.set_shows_drafts(True)
    exam = make_exam("reviewer", people=5)
    people = people_of(exam)
    sandbox.control.grade(exam.wiseflow_id, dict.fromkeys(people, "5"), by="assessor")
    left = []
    for _ in range(3):
        collect_grades(flow_of(exam))
        left.append(flow_of(exam).approvals_left)
    assert left == [3, 1, 0]
    sandbox.control.grade(exam.wiseflow_id, {people[0]: "5"}, by="reviewer")
    sandbox.control.clear_received()
    for _ in range(3):
        collect_grades(flow_of(exam))
    assert set(trails_read(sandbox)) == {str(each["id"]) for each in exam.participants()}
    assert Assessment.objects.filter(is_approved=True).count() == 1


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        (["reviewer.finalized"], True),
        ([" reviewer.finalized"], True),
        (["reviewer.finalized", "assessor.submit"], True),
        (["assessor.submit", "reviewer.finalized"], False),
        (["reviewer.remove", "reviewer.finalized"], False),
        (["manager.unlock", "reviewer.finalized"], False),
        (["manager.submit", "reviewer.finalized"], False),
        (["assessor.finalized"], False),
        (["assessor.conflicting", "reviewer.finalized"], False),
        ([], False),
    ],
)
def test_the_last_word_on_the_grade_counts(kinds: list[str], expected: bool) -> None:
    """The newest first; what is no word on the grade is passed over."""
    names = [kind.replace(".", ".audit.log.") + ".grade" for kind in kinds]
    events = [
        MarkingEvent(kind=name)
        for name in ["manager.audit.log.add.assessor", "assessor.audit.log.submit.score", *names]
    ]
    assert is_approved_by_reviewer(events) is expected
