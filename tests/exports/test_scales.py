"""No grade reaches Ladok that is not the one the assessor gave, whatever form WISEflow gives out; where it cannot be told, a manager is asked."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from exports.attempts.send import send_attempt
from exports.attempts.start import start_export
from exports.grades.collect import collect_grades
from exports.grades.word import say_how
from exports.models import ExportAttempt
from ladokflow.messages import Refused
from ladokflow.sandbox.server import Sandbox
from ladokflow.wiseflow.scales import Form
from sources.flows.asking import asking
from sources.models import AuditEntry, Flow, Source
from tests.exports.test_end_to_end import Exam, run

pytestmark = pytest.mark.django_db

LOGIN = "LiUId"


def graded(exam: Exam, *grades: str | None, **more: Any) -> dict[str, str]:
    """Each person's grade, by who it is in Ladok."""
    people = list(Flow.objects.get(pk=exam.flow).participants.order_by("pk"))
    given = dict(zip(people, grades, strict=False))
    exam.control.grade(exam.wiseflow_id, grades={row.wiseflow_id: grade for row, grade in given.items()}, **more)
    return {row.organisation_id: grade for row, grade in given.items() if grade}


def owners(exam: Exam) -> dict[str, str]:
    return {row["owner"]: row["grade"] for row in exam.control.registrations("liu", exam.code)}


def written(
    source: Source, sandbox: Sandbox, *grades: str | None, ends: bool = True, **fields: Any
) -> tuple[Exam, dict[str, str]]:
    """An exam whose people have these grades, each row of Ladok's marked with whose it is."""
    exam = Exam(source, sandbox.control, people=len(grades), **fields)
    rows = exam.control.exam("liu", exam.code)["participants"]
    exam.control.set_people("liu", exam.code, [{**row, "_owner": row[LOGIN]} for row in rows])
    earned = graded(exam, *grades)
    if ends:
        exam.control.end_marking(exam.wiseflow_id)
    return exam, earned


def refused(exam: Exam, command: str = "export") -> None:
    """The command does nothing, and says why."""
    with pytest.raises(CommandError):
        call_command(command, "--flow", str(exam.flow), "--by", exam.by, "--wait", "--json")
    assert owners(exam) == {}


def flow_of(exam: Exam) -> Flow:
    return Flow.objects.select_related("source").get(pk=exam.flow)


@pytest.mark.parametrize(("gives_stored", "known"), [(False, ""), (False, "shown"), (True, ""), (True, "stored")])
@pytest.mark.parametrize("grades", ["U345", "U", "3", "5", "35", "U5", "33", "445"])
def test_the_grade_in_ladok_is_the_one_that_was_given_or_there_is_none(
    liu: Source, sandbox: Sandbox, gives_stored: bool, known: str, grades: str
) -> None:
    sandbox.control.set_gives_stored("liu", gives_stored)
    Source.objects.filter(pk=liu.pk).update(grade_form=known)
    exam, earned = written(liu, sandbox, *grades)
    if gives_stored and not known and set(grades) == {"5"}:
        # Each is given out as 3, which is a grade as well, and the trail says 3, too.
        refused(exam)
        assert flow_of(exam).scale_message["code"] == "export.grades_ambiguous"
    else:
        exam.export()
        assert owners(exam) == earned
    liu.refresh_from_db()
    assert liu.grade_form in ("", "stored" if gives_stored else "shown")


def test_a_grade_that_may_be_two_waits_for_a_manager_and_goes_as_it_was_said(liu: Source, sandbox: Sandbox) -> None:
    sandbox.control.set_gives_stored("liu")
    exam, earned = written(liu, sandbox, "5", "5")
    refused(exam)
    assert not ExportAttempt.objects.exists()
    status = exam.status()
    assert status["state"] == "pending"
    assert "may be two things" in status["reason"]
    # Looked at first: what is said is tried, and not kept.
    ask = ("export", "--flow", str(exam.flow), "--by", exam.by, "--send-as", "stored")
    shown = run(*ask, "--preview")
    assert [person["grade"] for person in shown["send"]] == ["5", "5"]
    assert flow_of(exam).said_form == ""
    refused_seen = run(*ask, "--seen", "0" * 32, fails=True)
    assert (refused_seen, flow_of(exam).said_form) == (shown, "")
    told = exam_command(exam, "--send-as", "stored", "--seen", shown["fingerprint"])
    assert (told["state"], owners(exam)) == ("exported", earned)
    flow = flow_of(exam)
    assert (flow.said_form, flow.said_by and flow.said_by.email) == ("stored", exam.by)
    assert AuditEntry.objects.filter(flow=flow, message__code="audit.said_stored").get().message["params"] == {
        "grades": "3 → 5"
    }


def exam_command(exam: Exam, *more: str, fails: bool = False) -> dict[str, Any]:
    return run("export", "--flow", str(exam.flow), "--by", exam.by, "--wait", *more, fails=fails)


def test_a_word_is_of_what_was_seen_and_of_nothing_else(liu: Source, sandbox: Sandbox) -> None:
    sandbox.control.set_gives_stored("liu")
    exam, _ = written(liu, sandbox, "5", "5", None, ends=False)
    flow, by = flow_of(exam), flow_of(exam).created_by
    collect_grades(flow)
    with pytest.raises(Refused):
        say_how(flow=flow, form=Form.STORED, by=by, seen="what was there before")
    say_how(flow=flow, form=Form.STORED, by=by)
    assert flow.scale_message == {}
    # One more person who has the same grade is not what was seen.
    graded(exam, "5", "5", "5")
    sandbox.control.end_marking(exam.wiseflow_id)
    collect_grades(flow)
    assert flow.scale_message
    refused(exam)


def test_a_grade_that_changes_meanwhile_makes_the_word_void_right_before_sending(liu: Source, sandbox: Sandbox) -> None:
    sandbox.control.set_gives_stored("liu")
    exam, _ = written(liu, sandbox, "5", "5", None)
    flow = flow_of(exam)
    collect_grades(flow)
    say_how(flow=flow, form=Form.STORED, by=flow.created_by)
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    graded(exam, "5", "5", "5")
    assert send_attempt(attempt.pk) == "failed"
    attempt.refresh_from_db()
    assert (attempt.message["code"], owners(exam)) == ("attempt.grades_in_doubt", {})
    flow.refresh_from_db()
    assert flow.scale_message


@pytest.mark.parametrize("trigger", ["instant", "marking_end"])
def test_nothing_goes_by_itself_even_when_a_manager_has_said_how(liu: Source, sandbox: Sandbox, trigger: str) -> None:
    sandbox.control.set_gives_stored("liu")
    exam, _ = written(liu, sandbox, "5", "5")
    flow = flow_of(exam)
    collect_grades(flow)
    say_how(flow=flow, form=Form.SHOWN, by=flow.created_by)
    switched = {"instant_export": trigger == "instant", "exports_when_marking_ends": trigger == "marking_end"}
    Flow.objects.filter(pk=flow.pk).update(**switched)
    run("collect", "--flow", str(exam.flow))
    assert not ExportAttempt.objects.exists()


@pytest.mark.parametrize("keeps_grades", [True, False])
def test_a_scale_that_was_changed_by_hand_is_found_right_before_sending(
    liu: Source, sandbox: Sandbox, keeps_grades: bool
) -> None:
    exam, _ = written(liu, sandbox, "U", "U")
    flow = flow_of(exam)
    collect_grades(flow)
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    sandbox.control.set_scale_by_hand(exam.wiseflow_id, "U-G", keeps_grades=keeps_grades)
    assert send_attempt(attempt.pk) == "failed"
    attempt.refresh_from_db()
    assert (attempt.message["code"], owners(exam)) == ("attempt.scale_changed", {})
    # The scale is not the exam's any more: a manager is asked.
    flow.refresh_from_db()
    if keeps_grades:
        assert flow.scale_message["code"] == "export.scale_not_the_exams"
        refused(exam, "retry")


def test_values_that_the_trail_does_not_know_hold_the_flow(liu: Source, sandbox: Sandbox) -> None:
    exam, _ = written(liu, sandbox, "U", "3", "4", "5")
    graded(exam, "0", "1", "2", "3", force=True)
    refused(exam)
    assert flow_of(exam).scale_message["code"] == "export.grades_not_on_the_scale"


def test_where_ladoks_scale_is_another_a_manager_is_asked(liu: Source, sandbox: Sandbox) -> None:
    exam, _ = written(liu, sandbox, "U", "3", ends=False)
    sandbox.control.change_exam("liu", exam.code, gradeScale="Godkänd/Underkänd")
    run("sync", "--flow", str(exam.flow))
    # Told long before the grades can be sent.
    flow = flow_of(exam)
    assert flow.scale_message["code"] == "export.scale_not_the_exams"
    assert list(asking(Flow.objects.all())) == [flow]
    sandbox.control.end_marking(exam.wiseflow_id)
    refused(exam)
    exam_command(exam, "--send-as", "shown", fails=True)  # Ladok does not take them, and says so
    assert len(exam.sent()) == 1


def test_a_scale_that_ladok_changes_after_the_last_synchronisation_is_found_with_its_list(
    liu: Source, sandbox: Sandbox
) -> None:
    exam, _ = written(liu, sandbox, "U", "3")
    sandbox.control.change_exam("liu", exam.code, gradeScale="U-G")
    told = exam_command(exam, fails=True)
    assert (owners(exam), told["state"]) == ({}, "failed")
    assert flow_of(exam).scale_message["code"] == "export.scale_not_the_exams"


def test_the_preview_asks_and_keeps_the_answer(liu: Source, sandbox: Sandbox, client: Client, anna: Any) -> None:
    sandbox.control.set_gives_stored("liu")
    exam, earned = written(liu, sandbox, "5", "5")
    collect_grades(flow_of(exam))
    client.force_login(anna)
    address = f"/exports/flows/{exam.flow}/preview/"
    page = client.get(address).content.decode()
    assert "Hur ska betygen skickas?" in page
    assert 'id="send-form"' not in page
    seen = page.partition('name="seen" value="')[2].partition('"')[0]
    client.post(f"/exports/flows/{exam.flow}/say/", {"form": "stored", "seen": "other"})
    assert flow_of(exam).said_form == ""
    client.post(f"/exports/flows/{exam.flow}/say/", {"seen": seen})
    assert flow_of(exam).said_form == ""
    client.post(f"/exports/flows/{exam.flow}/say/", {"form": "stored", "seen": seen})
    page = client.get(address).content.decode()
    assert "har svarat: som lagrade värden" in page
    assert 'id="send-form"' in page
    assert exam.export()["state"] == "exported"
    assert owners(exam) == earned


def test_a_stranger_cannot_say_anything(liu: Source, sandbox: Sandbox, client: Client, olle: Any) -> None:
    exam, _ = written(liu, sandbox, "5")
    client.force_login(olle)
    assert client.post(f"/exports/flows/{exam.flow}/say/", {"form": "shown"}).status_code == 404


def test_an_alternative_grade_that_may_be_a_stored_value_is_asked_about_and_left_out_as_one(
    liu: Source, sandbox: Sandbox
) -> None:
    exam = Exam(liu, sandbox.control, people=2)
    first, second = flow_of(exam).participants.order_by("pk")
    exam.control.grade(exam.wiseflow_id, alternative={str(first.wiseflow_id): "7"})
    exam.control.end_marking(exam.wiseflow_id)
    refused(exam)
    assert flow_of(exam).scale_message["code"] == "export.alternatives_ambiguous"
    # Grades beside it that can only be shown ones tell of it.
    exam.control.grade(exam.wiseflow_id, grades={str(second.wiseflow_id): "U"})
    collect_grades(flow_of(exam))
    assert flow_of(exam).scale_message == {}


def test_a_scale_that_wiseflow_no_longer_tells_of_is_asked_about_and_is_no_dead_end(
    liu: Source, sandbox: Sandbox
) -> None:
    exam, earned = written(liu, sandbox, "U", "3")
    flow = flow_of(exam)
    collect_grades(flow)
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    sandbox.control.fault("wiseflow", "/flows/*/grading-scale", "status", -1, status=404)
    assert send_attempt(attempt.pk) == "failed"
    attempt.refresh_from_db()
    assert attempt.message["code"] == "attempt.scale_changed"
    refused(exam, "retry")
    assert flow_of(exam).scale_message["code"] == "export.scale_unknown"
    told = run("retry", "--flow", str(exam.flow), "--by", exam.by, "--wait", "--send-as", "shown")
    assert (told["state"], owners(exam)) == ("exported", earned)


def test_a_scale_that_cannot_be_read_right_before_sending_sends_nothing(liu: Source, sandbox: Sandbox) -> None:
    exam, _ = written(liu, sandbox, "U", "3")
    flow = flow_of(exam)
    collect_grades(flow)
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    sandbox.control.fault("wiseflow", "/flows/*/grading-scale", "status", -1, status=503)
    assert send_attempt(attempt.pk) == "failed"
    attempt.refresh_from_db()
    assert (attempt.message["code"], owners(exam)) == ("attempt.remote", {})
