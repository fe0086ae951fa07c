"""Whose grade is it: Ladok changes its list while marking is on, and its ledger says who has got which grade."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from ladokflow.sandbox.server import Sandbox
from sources.flows.identities import questions
from sources.models import Flow, Source, SyncRun
from sources.sync.run import run_sync
from tests.exports.test_end_to_end import Exam, run

pytestmark = pytest.mark.django_db

LOGIN, EXAM_ID = "LiUId", "uniqueExamId"


def rows_of(exam: Exam) -> list[dict[str, Any]]:
    """Ladok's rows, each marked with whose it is."""
    return [{**row, "_owner": row[LOGIN]} for row in exam.control.exam("liu", exam.code)["participants"]]


def exchange(first: dict[str, Any], second: dict[str, Any], names: Iterable[str]) -> None:
    for name in names:
        first[name], second[name] = second[name], first[name]


def graded(exam: Exam, *grades: str) -> dict[str, str]:
    """Each person's grade, by who it is in Ladok when it is given."""
    people = list(Flow.objects.get(pk=exam.flow).participants.order_by("pk"))
    given = dict(zip(people, grades, strict=True))
    exam.control.grade(exam.wiseflow_id, grades={row.wiseflow_id: grade for row, grade in given.items()})
    return {row.organisation_id: grade for row, grade in given.items()}


def owners(exam: Exam) -> dict[str, str]:
    return {row["owner"]: row["grade"] for row in exam.control.registrations("liu", exam.code)}


@pytest.mark.parametrize("exchanged", [(EXAM_ID,), (LOGIN,), (EXAM_ID, LOGIN)])
def test_identifiers_exchanged_in_marking_never_exchange_the_grades(
    liu: Source, sandbox: Sandbox, exchanged: tuple[str, ...]
) -> None:
    exam = Exam(liu, sandbox.control, people=2)
    earned = graded(exam, "5", "U")
    first, second = rows = rows_of(exam)
    exchange(first, second, exchanged)
    exam.control.set_people("liu", exam.code, rows)
    exam.control.end_marking(exam.wiseflow_id)
    before = len(exam.control.received("liu"))
    run("export", "--flow", str(exam.flow), "--by", exam.by, "--wait")
    assert owners(exam) == earned
    assert exam.status()["state"] == "exported"
    # The list is read once, and the grades are sent once.
    assert sorted(call["method"] for call in exam.control.received("liu")[before:]) == ["GET", "POST"]


def test_somebody_off_the_list_and_on_it_again_is_not_forgotten(liu: Source, sandbox: Sandbox) -> None:
    exam = Exam(liu, sandbox.control, people=3, is_written=False)
    rows = rows_of(exam)
    away = rows[0][LOGIN]
    exam.control.change_people("liu", exam.code, remove=[away])
    run("sync", "--flow", str(exam.flow))
    assert not Flow.objects.get(pk=exam.flow).participants.get(organisation_id=away).is_active
    exam.control.end_participation(exam.wiseflow_id)
    earned = graded(exam, "5", "4", "3")
    exam.control.set_people("liu", exam.code, rows)
    exam.control.end_marking(exam.wiseflow_id)
    run("export", "--flow", str(exam.flow), "--by", exam.by, "--wait")
    if owners(exam) != earned:
        # The list was read again for those who were sent: somebody is left, who has been graded and has handed in nothing.
        status = exam.status()
        assert (status["state"], "cannot be sent" in status["reason"]) == ("pending", True)
        wrote = "Wrote on paper, in another room."
        run("export", "--flow", str(exam.flow), "--by", exam.by, "--wait", "--without-paper", wrote)
    assert owners(exam) == earned
    assert exam.status()["state"] == "exported"


@pytest.mark.parametrize("fault", ["500", "gone", "empty"])
def test_where_the_list_cannot_be_read_a_manager_has_the_word(liu: Source, sandbox: Sandbox, fault: str) -> None:
    exam = Exam(liu, sandbox.control, people=2)
    graded(exam, "5", "U")
    exam.control.end_marking(exam.wiseflow_id)
    if fault == "500":
        exam.control.fault("liu", "/exams/*", "status", -1, method="GET", status=500)
    elif fault == "gone":
        exam.control.remove_exam("liu", exam.code)
    else:
        exam.control.set_people("liu", exam.code, [])
    told = run("export", "--flow", str(exam.flow), "--by", exam.by, "--wait", fails=True)
    assert (told["state"], told["exported"], owners(exam)) == ("failed", 0, {})
    assert "could not be read right before sending" in told["message"]
    run("retry", "--flow", str(exam.flow), "--by", exam.by, "--wait", fails=True)
    run("retry", "--flow", str(exam.flow), "--by", exam.by, "--wait", "--with-last-list", fails=fault != "500")
    # Sent once it was said so; whether Ladok takes it is Ladok's to say.
    assert len(exam.sent()) == 1


NATIONAL_ID, STUDENT_UID = "civicNumber", "studentUID"


@pytest.mark.parametrize(
    "exchanged", [(LOGIN, STUDENT_UID), (NATIONAL_ID, EXAM_ID), (LOGIN, NATIONAL_ID), (STUDENT_UID, EXAM_ID)]
)
def test_two_identifiers_against_two_others_decide_nothing_and_a_manager_is_asked(
    liu: Source, sandbox: Sandbox, exchanged: tuple[str, ...]
) -> None:
    """Exchanging two of four and exchanging the other two look the same: whose the rows are nobody can tell from them."""
    exam = Exam(liu, sandbox.control, people=3)
    earned = graded(exam, "5", "U", "4")
    first, second, third = rows = rows_of(exam)
    exchange(first, second, exchanged)
    exam.control.set_people("liu", exam.code, rows)
    exam.control.end_marking(exam.wiseflow_id)
    run("export", "--flow", str(exam.flow), "--by", exam.by, "--wait", fails=True)
    assert owners(exam) == {third[LOGIN]: earned[third[LOGIN]]}
    assert exam.status()["state"] != "exported"
    assert len(questions(Flow.objects.get(pk=exam.flow))) == 2


@pytest.mark.parametrize("missing", [NATIONAL_ID, STUDENT_UID])
@pytest.mark.parametrize("exchanged", [(LOGIN, EXAM_ID), (NATIONAL_ID, STUDENT_UID)])
def test_a_number_that_is_anothers_is_not_outvoted_by_what_can_be_given_away(
    liu: Source, sandbox: Sandbox, exchanged: tuple[str, ...], missing: str
) -> None:
    """Where Ladok gives one number only, who has exchanged what nobody can tell; and a number that is corrected asks nobody."""
    exam = Exam(liu, sandbox.control, people=3)
    earned = graded(exam, "5", "U", "4")
    first, second, third = rows = rows_of(exam)
    exchange(first, second, exchanged)
    kept = STUDENT_UID if missing == NATIONAL_ID else NATIONAL_ID
    exam.control.set_people(
        "liu",
        exam.code,
        [{**row, missing: None} for row in rows[:2]] + [{**third, missing: None, kept: "198502022345"}],
    )
    exam.control.end_marking(exam.wiseflow_id)
    run("export", "--flow", str(exam.flow), "--by", exam.by, "--wait", fails=True)
    assert owners(exam) == {third[LOGIN]: earned[third[LOGIN]]}
    assert exam.status()["state"] != "exported"
    assert len(questions(Flow.objects.get(pk=exam.flow))) == 2


@pytest.mark.parametrize("has_exam_ids", [True, False])
@pytest.mark.parametrize("comes_first", [True, False])
def test_where_two_people_have_one_user_name_neither_gets_the_others_grade(
    liu: Source, sandbox: Sandbox, comes_first: bool, has_exam_ids: bool
) -> None:
    exam = Exam(liu, sandbox.control, people=3)
    earned = graded(exam, "5", "U", "4")
    rows = rows_of(exam)
    new = {**rows[0], "_owner": "somebody new", NATIONAL_ID: "198502022345", STUDENT_UID: "another", EXAM_ID: "another"}
    rows = [new, *rows] if comes_first else [*rows, new]
    exam.control.set_people("liu", exam.code, rows if has_exam_ids else [{**row, EXAM_ID: None} for row in rows])
    exam.control.end_marking(exam.wiseflow_id)
    run("export", "--flow", str(exam.flow), "--by", exam.by, "--wait", fails=True)
    both = new[LOGIN]
    assert owners(exam) == {who: grade for who, grade in earned.items() if who != both}
    assert exam.status()["state"] != "exported"
    # When Ladok has been corrected, she gets her own.
    exam.control.set_people("liu", exam.code, [row for row in rows if row is not new])
    run("sync", "--flow", str(exam.flow))
    run("retry", "--flow", str(exam.flow), "--by", exam.by, "--wait")
    assert (owners(exam), exam.status()["state"]) == (earned, "exported")


@pytest.mark.parametrize("is_right", [True, False])
def test_who_is_held_for_a_list_that_is_not_whole_after_marking_has_a_way_on_the_flows_page(
    liu: Source, sandbox: Sandbox, client: Client, anna: User, is_right: bool
) -> None:
    exam = Exam(liu, sandbox.control, people=3)
    earned = graded(exam, "5", "U", "4")
    rows = rows_of(exam)
    exam.control.set_people("liu", exam.code, [*rows[1:], {"x": 1}])
    exam.control.end_marking(exam.wiseflow_id)
    run("export", "--flow", str(exam.flow), "--by", exam.by, "--wait", fails=True)
    flow = Flow.objects.get(pk=exam.flow)
    left = {who: grade for who, grade in earned.items() if who != rows[0][LOGIN]}
    assert owners(exam) == left
    exam.control.set_people("liu", exam.code, rows[1:] if is_right else rows)
    client.force_login(anna)
    client.post(reverse("flows:sync", args=[flow.pk]))
    synced = run_sync(SyncRun.objects.get(state="queued").pk)
    assert synced.state == "success"
    (gone,) = [row for row in exam.status()["participants"] if row["organisationId"] == rows[0][LOGIN]]
    assert ("is no longer on Ladok's list" in gone["message"]) is is_right, gone["message"]
    if not is_right:
        run("retry", "--flow", str(exam.flow), "--by", exam.by, "--wait")
    assert owners(exam) == (left if is_right else earned)
