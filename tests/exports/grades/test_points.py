"""Points go with a grade in Borås: they are what WISEflow says when they are sent, or nothing is sent."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from exports.attempts.automatic import collect_and_export, collect_as_asked
from exports.attempts.send import send_attempt
from exports.attempts.start import preview_export, retry_export, start_export
from exports.grades import collect as collecting
from exports.grades.asking import ask, is_asked
from exports.grades.collect import collect_grades
from exports.grades.points import MOST_FAILURES
from exports.models import Assessment, ExportAttempt
from ladokflow.messages import Refused, Trait
from ladokflow.sandbox.control import Control
from ladokflow.sandbox.server import Sandbox
from sources.models import Flow, Source
from sources.universities.clients import wiseflow_for
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


# --- A flow that is not marked item by item ----------------------------------------------------------------------------

TRAIL = "/flows/*/participants/{}/marking-audit-trail"


def graded_by_hand(boras: Source, control: Control, people: int = 3, **points: Any) -> tuple[Exam, Flow, list[int]]:
    """Everybody has VG and 10, 11, 12, ... points in the audit trail; the grades are not collected yet."""
    exam = Exam(boras, control, people=people)
    ids = sorted(exam.identity(each) for each in exam.participants())
    given: dict[int, float | None] = {each: 10.0 + place for place, each in enumerate(ids)}
    control.grade(exam.wiseflow_id, grades=dict.fromkeys(ids, "VG"), points=given, by_items=False, **points)
    control.end_marking(exam.wiseflow_id)
    return exam, Flow.objects.get(pk=exam.flow), ids


def calls(exam: Exam, end: str) -> list[str]:
    return [row["path"] for row in exam.control.received("wiseflow") if row["path"].endswith(end)]


def test_points_of_an_ordinary_flow_reach_ladok_and_each_is_read_once(
    boras: Source, bodil: Any, sandbox: Sandbox
) -> None:
    exam, flow, ids = graded_by_hand(boras, sandbox.control, people=6)
    collect_grades(flow)
    assert stored(flow) == {each: Decimal(10 + place) for place, each in enumerate(ids)}
    attempts = start_export(flow=flow, requested_by=bodil, enqueue=False, only=None)
    exam.control.clear_received()
    assert [send_attempt(each.pk) for each in attempts] == ["exported"]
    assert sent_points(exam) == [10, 11, 12, 13, 14, 15]
    trails = calls(exam, "/marking-audit-trail")
    assert len(trails) == len(set(trails)) == 6
    assert len(calls(exam, "/item-based-marks")) == 1


def test_only_those_of_the_attempt_are_asked_for(boras: Source, bodil: Any, sandbox: Sandbox) -> None:
    exam, flow, ids = graded_by_hand(boras, sandbox.control, people=6)
    collect_grades(flow)
    (attempt,) = start_export(
        flow=flow, requested_by=bodil, enqueue=False, only=[flow.participants.get(wiseflow_id=ids[4]).pk]
    )
    exam.control.clear_received()
    assert send_attempt(attempt.pk) == "exported"
    assert len(calls(exam, "/marking-audit-trail")) == 1


def test_points_changed_in_the_trail_meanwhile_are_never_sent_old(boras: Source, bodil: Any, sandbox: Sandbox) -> None:
    exam, flow, ids = graded_by_hand(boras, sandbox.control)
    collect_grades(flow)
    (attempt,) = start_export(flow=flow, requested_by=bodil, enqueue=False)
    exam.control.grade(exam.wiseflow_id, points={ids[0]: 17.0}, by_items=False, force=True)
    assert send_attempt(attempt.pk) == "failed"
    attempt.refresh_from_db()
    assert (attempt.message["code"], exam.ledger()) == ("attempt.only_points_changed", [])
    (retry,) = retry_export(flow=flow, requested_by=bodil, enqueue=False)
    assert send_attempt(retry.pk) == "exported"
    assert sent_points(exam) == [11, 12, 17]


@pytest.mark.parametrize("by_items", [True, False])
@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("kind", ["status", "drop", "not_json"])
def test_a_call_that_fails_for_one_person_holds_that_person_by_name_and_nobody_else(
    boras: Source, bodil: Any, sandbox: Sandbox, kind: str, place: int, by_items: bool
) -> None:
    """Right before sending. The first person's call is also the one that tells what kind of flow it is."""
    if by_items:
        exam, flow, ids = graded(boras, sandbox.control, people=3)
        path = f"/flows/*/participants/{ids[place]}/item-based-marks"
    else:
        exam, flow, ids = graded_by_hand(boras, sandbox.control)
        collect_grades(flow)
        path = TRAIL.format(ids[place])
    (attempt,) = start_export(flow=flow, requested_by=bodil, enqueue=False)
    options = {"status": 500} if kind == "status" else {}
    exam.control.fault("wiseflow", f"*{path}", kind, times=-1, **options)
    assert send_attempt(attempt.pk) == "failed"
    attempt.refresh_from_db()
    assert (attempt.exported_count, attempt.failed_count, attempt.message["code"]) == (2, 1, "attempt.some_held")
    held = attempt.items.get(state="failed")
    assert (held.participant.wiseflow_id, held.message["code"]) == (ids[place], "attempt.held")
    for language, what, todo in (("en", "did not tell the person's points", "Press Retry"), ("sv", "poäng", "igen")):
        with translation.override(language):
            assert what in held.reason.what
            assert todo in held.reason.todo
    exam.control.clear_faults()
    (retry,) = retry_export(flow=flow, requested_by=bodil, enqueue=False)
    assert send_attempt(retry.pk) == "exported"
    assert len(exam.ledger()) == 3
    assert all(row["points"] is not None for row in exam.ledger())


def test_points_that_could_not_be_collected_hold_their_person_until_they_are(
    boras: Source, bodil: Any, sandbox: Sandbox
) -> None:
    exam, flow, ids = graded_by_hand(boras, sandbox.control)
    exam.control.fault("wiseflow", f"*{TRAIL.format(ids[1])}", "status", times=-1, status=500)
    collect_grades(flow)
    preview = preview_export(flow=flow, user=bodil)
    assert [(each.participant.wiseflow_id, each.message.code) for each in preview.held_back] == [
        (ids[1], "export.points_unread")
    ]
    assert sorted(line.participant.wiseflow_id or 0 for line in preview.to_send) == [ids[0], ids[2]]
    exam.control.clear_faults()
    collect_grades(flow)
    assert preview_export(flow=flow, user=bodil).held_back == []
    assert stored(flow)[ids[1]] == Decimal(11)


def test_instant_export_never_leaves_points_out_that_it_could_not_read(boras: Source, sandbox: Sandbox) -> None:
    exam, flow, ids = graded_by_hand(boras, sandbox.control)
    Flow.objects.filter(pk=flow.pk).update(exports_when_marking_ends=True)
    flow.refresh_from_db()
    exam.control.fault("wiseflow", f"*{TRAIL.format(ids[2])}", "status", times=-1, status=500)
    collect_and_export(flow)
    (attempt,) = flow.attempts.all()
    assert attempt.sent_count == 2
    flow.refresh_from_db()
    assert flow.export_state == "pending"


def test_known_points_that_cannot_be_read_again_are_kept_and_still_hold(
    boras: Source, bodil: Any, sandbox: Sandbox
) -> None:
    exam, flow, ids = graded_by_hand(boras, sandbox.control)
    collect_grades(flow)
    exam.control.fault("wiseflow", f"*{TRAIL.format(ids[1])}", "status", times=-1, status=500)
    collect_grades(flow)
    assert stored(flow)[ids[1]] == Decimal(11)
    assert [each.message.code for each in preview_export(flow=flow, user=bodil).held_back] == ["export.points_unread"]


def test_a_wiseflow_that_fails_for_everybody_is_not_asked_for_everybody(boras: Source, sandbox: Sandbox) -> None:
    people = MOST_FAILURES + 20
    exam, flow, _ = graded_by_hand(boras, sandbox.control, people=people)
    exam.control.fault("wiseflow", f"*{TRAIL.format('*')}", "answer", times=-1, status=400, body="{}")
    exam.control.clear_received()
    collect_grades(flow)
    assert MOST_FAILURES <= len(calls(exam, "/marking-audit-trail")) < people
    assert Assessment.objects.filter(participant__flow=flow, is_points_unread=True).count() == people


@pytest.mark.parametrize("status", [403, 404])
def test_where_wiseflow_gives_out_no_trail_the_grades_can_go_without_points_and_that_is_told(
    boras: Source, bodil: Any, sandbox: Sandbox, status: int
) -> None:
    """Asking again would never help: nobody is held for ever."""
    exam, flow, _ = graded_by_hand(boras, sandbox.control)
    exam.control.fault("wiseflow", f"*{TRAIL.format('*')}", "status", times=-1, status=status)
    collect_grades(flow)
    flow.refresh_from_db()
    assert told_of(flow) == ("export.ready_without_points", 3, "export.ready", 3)
    (attempt,) = start_export(flow=flow, requested_by=bodil, enqueue=False)
    assert send_attempt(attempt.pk) == "exported"
    assert all("poang" not in line["grade"] for line in exam.sent()[-1]["gradeExports"])


def told_of(flow: Flow) -> tuple[str, int, str, int]:
    """What the flow shows: the code of the sentence about points and its number, and those of the sentence about grades."""
    params = flow.export_message["params"]
    cause = params["cause"]
    return flow.export_message["code"], params["count"], cause["code"], cause["params"]["count"]


# --- Told before it is sent --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "told", "person"),
    [
        ("en", "1 of these grades goes without points", "Ready to be exported, without points"),
        ("sv", "1 av betygen skickas utan poäng", "Klart att exportera, utan poäng"),
    ],
)
def test_whose_points_are_missing_is_told_before_sending(
    client: Client, boras: Source, bodil: Any, sandbox: Sandbox, language: str, told: str, person: str
) -> None:
    exam, flow, ids = graded_by_hand(boras, sandbox.control)
    # The last word on the second grade came without points.
    exam.control.grade(exam.wiseflow_id, grades={ids[1]: "G"}, force=True)
    collect_grades(flow)
    flow.refresh_from_db()
    assert told_of(flow) == ("export.ready_without_points", 1, "export.ready", 3)
    assert flow.export_reason is not None
    assert flow.export_reason.has(Trait.READY)
    lacking = flow.participants.get(wiseflow_id=ids[1])
    with translation.override(language):
        assert person in str(lacking.export_reason)
    client.force_login(bodil)
    client.cookies["django_language"] = language
    page = client.get(reverse("exports:preview", args=[flow.pk]), headers={"accept-language": language})
    text = " ".join(page.content.decode().split())
    assert told in text
    box = text[text.index('id="without-points"') : text.index('id="counts-title"')]
    assert str(lacking) in box
    assert all(str(each) not in box for each in flow.participants.exclude(pk=lacking.pk))


def test_who_goes_without_points_is_told_also_while_others_have_no_grade(boras: Source, sandbox: Sandbox) -> None:
    exam, flow, ids = graded_by_hand(boras, sandbox.control)
    exam.control.grade(exam.wiseflow_id, grades={ids[0]: None, ids[1]: "G"}, force=True)
    collect_grades(flow)
    flow.refresh_from_db()
    assert told_of(flow) == ("export.ready_without_points", 1, "export.ready_but", 1)
    with translation.override("sv"):
        told = str(flow.export_reason)
        assert "1 av 3" in told
        assert "1 av dem skickas utan poäng" in told


def test_nothing_is_said_of_points_where_the_university_takes_none(
    client: Client, liu: Source, anna: Any, sandbox: Sandbox
) -> None:
    exam = Exam(liu, sandbox.control, people=2)
    exam.grade()
    exam.control.clear_received()
    flow = Flow.objects.get(pk=exam.flow)
    collect_grades(flow)
    assert calls(exam, "/marking-audit-trail") == calls(exam, "/item-based-marks") == []
    client.force_login(anna)
    page = client.get(reverse("exports:preview", args=[flow.pk])).content.decode()
    assert "without-points" not in page


# --- How much is asked -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by_items", [True, False])
def test_a_collection_asks_for_what_is_new_and_only_some_of_what_is_known(
    boras: Source, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, by_items: bool
) -> None:
    monkeypatch.setattr(collecting, "MOST_AGAIN", 2)  # the setting of a limit, not our code
    exam, flow, ids = (graded if by_items else graded_by_hand)(boras, sandbox.control, people=6)
    end = "/item-based-marks" if by_items else "/marking-audit-trail"
    if not by_items:
        exam.control.clear_received()
        collect_grades(flow)
        assert len(calls(exam, end)) == 6
    exam.control.grade(exam.wiseflow_id, grades={ids[0]: "G"}, force=True)
    exam.control.clear_received()
    collect_grades(flow)
    asked = calls(exam, end)
    assert len(asked) == 3
    assert any(f"/{ids[0]}/" in path for path in asked)


def test_one_trail_tells_both_the_approval_and_the_points(boras: Source, sandbox: Sandbox) -> None:
    exam = Exam(boras, sandbox.control, people=3)
    Flow.objects.filter(pk=exam.flow).update(instant_export=True, grade_decided_by="reviewer")
    flow = Flow.objects.get(pk=exam.flow)
    ids = sorted(exam.identity(each) for each in exam.participants())
    user = next(row for row in exam.control.users("boras") if row["firstName"])
    with wiseflow_for(boras) as wiseflow:
        assert wiseflow.add_reviewer(exam.wiseflow_id, user["id"], can_decide_on_final_grade=True)
    exam.control.grade(
        exam.wiseflow_id, grades=dict.fromkeys(ids, "VG"), points=dict.fromkeys(ids, 5.0), by="assessor", by_items=False
    )
    exam.control.grade(exam.wiseflow_id, grades=dict.fromkeys(ids, "VG"), by="reviewer")
    exam.control.clear_received()
    collect_grades(flow)
    rows = Assessment.objects.filter(participant__flow=flow)
    assert set(rows.values_list("is_approved", "points")) == {(True, Decimal(5))}
    trails = calls(exam, "/marking-audit-trail")
    assert len(trails) == len(set(trails)) == 3
    exam.control.clear_received()
    (attempt,) = start_export(flow=flow, trigger=ExportAttempt.Trigger.INSTANT, enqueue=False)
    assert send_attempt(attempt.pk) == "exported"
    assert len(calls(exam, "/marking-audit-trail")) == 3
    with pytest.raises(Refused):
        start_export(flow=flow, trigger=ExportAttempt.Trigger.INSTANT, enqueue=False)


# --- More than one collection has time for -------------------------------------------------------------------------------


@pytest.fixture
def no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A collection has time for one person."""
    monkeypatch.setattr(collecting, "POINTS_SECONDS", 0.0)  # the setting of a limit, not our code


def read_so_far(flow: Flow) -> tuple[int, int]:
    flow.refresh_from_db()
    return flow.points_total - flow.points_left, flow.points_total


@pytest.mark.usefixtures("no_time")
def test_what_one_collection_has_no_time_for_the_next_ones_read_and_nobody_is_asked_for_twice(
    boras: Source, bodil: Any, sandbox: Sandbox
) -> None:
    exam, flow, ids = graded_by_hand(boras, sandbox.control, people=4)
    exam.control.clear_received()
    collect_grades(flow)
    assert read_so_far(flow) == (1, 4)
    with pytest.raises(Refused) as refused:
        start_export(flow=flow, requested_by=bodil, enqueue=False)
    assert refused.value.message.code == "export.collecting_points"
    collect_grades(flow)
    assert read_so_far(flow) == (2, 4)
    # A grade that is given anew meanwhile is read anew.
    exam.control.grade(exam.wiseflow_id, grades={ids[0]: "G"}, points={ids[0]: 5.0}, by_items=False, force=True)
    collecting.collect_all_grades(flow)
    assert read_so_far(flow) == (0, 0)
    assert stored(flow) == dict(zip(ids, map(Decimal, (5, 11, 12, 13)), strict=True))
    asked = Counter(int(path.split("/")[-2]) for path in calls(exam, "/marking-audit-trail"))
    assert (asked.pop(ids[0]) <= 2, sorted(asked.values())) == (True, [1] * 3)
    assert [person.message.code for person in preview_export(flow=flow, user=bodil).held_back] == []


@pytest.mark.usefixtures("no_time")
def test_the_export_at_the_end_of_marking_waits_for_all_points_and_the_queue_goes_on(
    boras: Source, sandbox: Sandbox
) -> None:
    _, flow, _ = graded_by_hand(boras, sandbox.control, people=3)
    Flow.objects.filter(pk=flow.pk).update(exports_when_marking_ends=True)
    ask(flow.pk)
    for read in (1, 2):
        collect_as_asked(flow.pk)
        assert read_so_far(flow) == (read, 3)
        assert is_asked(flow.pk)
        assert not flow.attempts.exists()
    collect_as_asked(flow.pk)
    assert not is_asked(flow.pk)
    assert flow.attempts.get().sent_count == 3


@pytest.mark.usefixtures("no_time")
@pytest.mark.parametrize(
    ("language", "told"),
    [("en", "Reading points from WISEflow: 2 of 3 people."), ("sv", "Läser poäng från WISEflow: 2 av 3 personer.")],
)
def test_how_far_the_reading_of_points_is_stands_on_the_flow_and_the_dashboard(
    client: Client, boras: Source, bodil: Any, sandbox: Sandbox, language: str, told: str
) -> None:
    _, flow, _ = graded_by_hand(boras, sandbox.control)
    for _ in range(2):
        collect_grades(flow)
    client.force_login(bodil)
    client.cookies["django_language"] = language
    for address in (reverse("flows:detail", args=[flow.pk]), f"{reverse('exports:dashboard')}?tab=pending"):
        page = client.get(address, headers={"accept-language": language}).content.decode()
        assert told in " ".join(page.split()), address
