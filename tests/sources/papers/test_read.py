"""Who has handed in: what WISEflow says is written down as it is, and what it does not say is not known."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from ladokflow.sandbox.server import Sandbox
from sources.models import Flow, Paper, Source
from sources.papers.read import EVERY, MOST_SINGLY, heard_of, is_due, read_papers
from tests.exports.test_end_to_end import Exam
from tests.factories import FlowFactory, in_hours

pytestmark = pytest.mark.django_db


@pytest.fixture
def exam(liu: Source, sandbox: Sandbox) -> Exam:
    return Exam(liu, sandbox.control, people=6, is_written=False)


def flow_of(exam: Exam) -> Flow:
    return Flow.objects.select_related("source").get(pk=exam.flow)


def people_of(exam: Exam) -> list[int]:
    return sorted(exam.identity(each) for each in exam.participants())


def papers(exam: Exam) -> dict[int, str]:
    rows = Paper.objects.filter(participant__flow=exam.flow)
    return dict(rows.values_list("participant__wiseflow_id", "state"))


def test_each_way_of_handing_in_is_told_apart(exam: Exam) -> None:
    one, late, blank, opened, nothing, member = people_of(exam)
    ways = {one: "paper", late: "late", blank: "blank", opened: "opened", nothing: "nothing", member: f"group:{one}"}
    exam.control.hand_in(exam.wiseflow_id, ways)
    flow = flow_of(exam)
    assert read_papers(flow)
    expected = ["handed_in", "handed_in", "blank", "nothing", "nothing", "handed_in"]
    assert papers(exam) == dict(zip(people_of(exam), expected, strict=True))
    rows = {row.participant.wiseflow_id: row for row in Paper.objects.select_related("participant")}
    assert [number for number, row in rows.items() if row.is_late] == [late]
    assert rows[one].handed_in_at is not None
    assert rows[one].similarity == one * 7 % 40
    assert rows[blank].similarity is None
    assert rows[member].submission_id == rows[one].submission_id
    assert (flow.handed_in_count, flow.papers_reason) == (3, None)  # a blank one is none
    assert flow.papers_read_at is not None


def test_a_paper_that_is_withdrawn_or_comes_later_is_read_anew(exam: Exam) -> None:
    first, second, *_ = people_of(exam)
    exam.control.hand_in(exam.wiseflow_id, {first: "paper"})
    read_papers(flow_of(exam))
    exam.control.hand_in(exam.wiseflow_id, {first: "opened", second: "paper"})
    read_papers(flow_of(exam))
    assert (papers(exam)[first], papers(exam)[second]) == ("nothing", "handed_in")
    assert flow_of(exam).handed_in_count == 1


def rows(*numbers: int, handed_in: Any = True) -> list[dict[str, Any]]:
    status = {"handedIn": handed_in, "handedInBlank": False, "handedInDate": "2027-01-01T12:00:00Z", "handedInIp": ""}
    return [{"id": number, "status": status} for number in numbers]


@pytest.mark.parametrize("kind", ["not all of them", "without a status", "null"])
def test_what_is_not_told_is_not_known_and_not_nothing(exam: Exam, kind: str) -> None:
    """The list has no pages and may hold less than there is; a submission may be without its status."""
    everybody = people_of(exam)
    exam.control.hand_in(exam.wiseflow_id, dict.fromkeys(everybody, "paper"))
    numbers = [3_000_000 + each for each in everybody]
    bodies = {
        "not all of them": {"data": rows(numbers[0]), "pagination": {"total": 6, "limit": 1, "offset": 0}},
        "without a status": {"data": [{"id": number} for number in numbers]},
        "null": {"data": rows(*numbers, handed_in=None)},
    }
    body = {"success": True, "error": None, **bodies[kind]}
    exam.control.fault("wiseflow", "/flows/*/submissions", "answer", body=body)
    exam.control.fault("wiseflow", "/flows/*/submissions/*", "status", times=-1, status=403)
    assert read_papers(flow_of(exam))
    known = everybody[:1] if kind == "not all of them" else []
    assert papers(exam) == dict.fromkeys(known, "handed_in")


def test_submissions_that_the_list_does_not_have_are_asked_for_one_by_one(exam: Exam) -> None:
    everybody = people_of(exam)
    exam.control.hand_in(exam.wiseflow_id, dict.fromkeys(everybody, "paper"))
    body = {"success": True, "error": None, "data": rows(3_000_000 + everybody[0])}
    exam.control.fault("wiseflow", "/flows/*/submissions", "answer", body=body)
    read_papers(flow_of(exam))
    assert papers(exam) == dict.fromkeys(everybody, "handed_in")


def test_more_than_are_asked_for_at_once_become_known_reading_by_reading(liu: Source, sandbox: Sandbox) -> None:
    """The list tells of none: those who are not known come first, and what is known of those whose turn it is not stays."""
    exam = Exam(liu, sandbox.control, people=MOST_SINGLY + 30, is_written=False)
    everybody = people_of(exam)
    exam.control.hand_in(exam.wiseflow_id, dict.fromkeys(everybody, "paper"))
    exam.control.fault("wiseflow", "/flows/*/submissions", "answer", times=-1, body={"success": True, "data": []})
    known = []
    for _ in range(3):
        exam.control.clear_received()
        assert read_papers(flow_of(exam))
        singly = [row for row in exam.control.received("wiseflow") if "/submissions/" in row["path"]]
        assert len(singly) == MOST_SINGLY
        known.append(len(papers(exam)))
        assert flow_of(exam).handed_in_count == known[-1]
    assert known == [MOST_SINGLY, len(everybody), len(everybody)]


def test_a_known_paper_of_which_nothing_is_told_now_counts_only_while_it_is_the_same(
    liu: Source, sandbox: Sandbox
) -> None:
    """Nothing handed in may have become something by now, and another submission is another paper."""
    exam = Exam(liu, sandbox.control, people=MOST_SINGLY + 2, is_written=False)
    everybody = people_of(exam)
    exam.control.hand_in(exam.wiseflow_id, dict.fromkeys(everybody, "paper"))
    read_papers(flow_of(exam))
    assert len(papers(exam)) == len(everybody)
    opened, other, *_ = everybody
    Paper.objects.filter(participant__wiseflow_id=opened).update(state=Paper.State.NOTHING)
    Paper.objects.filter(participant__wiseflow_id=other).update(submission_id=17)
    exam.control.fault("wiseflow", "/flows/*/submissions", "answer", times=-1, body={"success": True, "data": []})
    exam.control.fault("wiseflow", "/flows/*/submissions/*", "status", times=-1, status=403)
    read_papers(flow_of(exam))
    assert not {opened, other} & papers(exam).keys()


@pytest.mark.parametrize("percentage", ["", "?", None, "12,5", "12.5 %", -1, "NaN", {}])
def test_a_report_that_tells_no_percentage_keeps_no_paper_back(exam: Exam, percentage: object) -> None:
    """As while it is being made."""
    everybody = people_of(exam)
    exam.control.hand_in(exam.wiseflow_id, dict.fromkeys(everybody, "paper"))
    told = rows(*(3_000_000 + each for each in everybody))
    told[0]["similarityReports"] = [{"id": 1, "percentage": percentage, "status": "PENDING", "provider": None}]
    exam.control.fault("wiseflow", "/flows/*/submissions", "answer", body={"success": True, "data": told})
    assert read_papers(flow_of(exam))
    assert papers(exam) == dict.fromkeys(everybody, "handed_in")
    assert not Paper.objects.filter(similarity__isnull=False).exists()


@pytest.mark.parametrize("status", [400, 403, 404, 500])
def test_an_answer_that_cannot_be_had_is_told_and_what_is_known_stays(exam: Exam, status: int) -> None:
    exam.control.hand_in(exam.wiseflow_id, {people_of(exam)[0]: "paper"})
    read_papers(flow_of(exam))
    before = papers(exam)
    exam.control.fault("wiseflow", "/flows/*/submissions", "status", times=-1, status=status)
    flow = flow_of(exam)
    assert not read_papers(flow)
    assert papers(exam) == before
    assert flow.papers_reason is not None
    exam.control.clear_faults()
    assert read_papers(flow)
    assert flow.papers_reason is None


@pytest.mark.parametrize(
    ("name", "is_asked"), [("FLOWlock", True), ("flowMULTI", True), ("FLOWoral", False), ("?", False)]
)
def test_nothing_is_asked_of_a_flow_on_which_nothing_is_handed_in(exam: Exam, name: str, is_asked: bool) -> None:
    Flow.objects.filter(pk=exam.flow).update(flow_type=name)
    exam.control.clear_received()
    assert read_papers(flow_of(exam)) is is_asked
    assert bool(exam.control.received("wiseflow")) is is_asked


def test_it_is_looked_when_there_may_be_news_and_not_oftener() -> None:
    now = timezone.now()
    flow = FlowFactory(state=Flow.State.PARTICIPATION_STARTED, participation_end_at=in_hours(3))
    assert is_due(flow)
    flow.papers_read_at = flow.papers_tried_at = now
    assert not is_due(flow, now + EVERY / 2)
    assert is_due(flow, now + EVERY)
    # It is over: once more, and then day by day
    assert is_due(flow, now + dt.timedelta(hours=3, minutes=1))
    flow.papers_read_at = flow.papers_tried_at = now + dt.timedelta(hours=4)
    flow.state = Flow.State.CONCLUDED
    assert not is_due(flow, now + dt.timedelta(hours=10))
    assert is_due(flow, now + dt.timedelta(hours=29))
    flow.state = Flow.State.ARCHIVED
    assert not is_due(flow, now + dt.timedelta(days=29))
    # WISEflow has called: a little later
    flow.has_news_of_papers = True
    assert is_due(flow, now + dt.timedelta(hours=4, minutes=6))
    for fields in ({"state": Flow.State.NOT_ACTIVATED}, {"flow_type": "FLOWattend"}, {"setup_state": "stopped"}):
        assert not is_due(FlowFactory.build(source=flow.source, created_by=flow.created_by, **fields)), fields


def test_forty_calls_are_one_reading_and_the_last_is_not_forgotten(exam: Exam) -> None:
    Flow.objects.filter(pk=exam.flow).update(state=Flow.State.PARTICIPATION_STARTED)
    flow = flow_of(exam)
    read_papers(flow)
    heard_of(flow.pk)
    flow.refresh_from_db()
    assert not is_due(flow)
    with time_machine.travel(timezone.now() + dt.timedelta(minutes=6)):
        assert is_due(flow)
