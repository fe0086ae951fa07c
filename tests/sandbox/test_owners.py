"""Whose a row is: known to the sandbox whatever the row says, told by its ledger, and never by Ladok."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from ladokflow.sandbox.control import Control, ControlError

PEOPLE = [
    {"LiUId": "annan001", "civicNumber": "19900101-9802", "uniqueExamId": "X-1", "_owner": 1},
    {"LiUId": "berbe002", "civicNumber": "19900102-9801", "uniqueExamId": "X-2", "_owner": 2},
]


@pytest.fixture
def code(control: Control) -> str:
    code = control.add_exam("liu", people=0)
    control.set_people("liu", code, [dict(person) for person in PEOPLE])
    return code


def send(ladok: Callable[..., httpx.Response], code: str, **who: str) -> None:
    body = {"gradeExports": [who | {"grade": {"grade": "5"}}]}
    assert ladok("liu", "POST", f"/exams/{code}/grades", json=body).json()["numberOfErrors"] == 0


def test_no_answer_tells_the_owner(control: Control, code: str, ladok: Callable[..., httpx.Response]) -> None:
    told = ladok("liu", "GET", f"/exams/{code}").json()["participants"]
    assert told == control.exam("liu", code)["participants"]
    assert told == [{key: value for key, value in person.items() if key != "_owner"} for person in PEOPLE]


def test_the_ledger_says_for_whom_ladok_registered_at_that_moment(
    control: Control, code: str, ladok: Callable[..., httpx.Response]
) -> None:
    send(ladok, code, studentUid="X-1")
    first, second = (dict(person) for person in PEOPLE)
    first["uniqueExamId"], second["uniqueExamId"] = "X-2", "X-1"
    control.set_people("liu", code, [first, second])
    send(ladok, code, studentUid="X-1")
    assert [row["owner"] for row in control.registrations("liu", code)] == [1, 2]


def test_a_student_of_the_register_is_known_too(
    control: Control, code: str, ladok: Callable[..., httpx.Response]
) -> None:
    control.set_students("liu", [control.students("liu")[0] | {"organisation_id": "cecce003", "_owner": 3}])
    send(ladok, code, liUID="cecce003")
    assert [row["owner"] for row in control.registrations("liu", code)] == [3]


def test_rows_without_a_mark_are_told_without_an_owner(control: Control, ladok: Callable[..., httpx.Response]) -> None:
    code = control.add_exam("liu", people=1)
    (person,) = control.exam("liu", code)["participants"]
    send(ladok, code, studentUid=person["uniqueExamId"])
    (row,) = control.registrations("liu", code)
    assert "owner" not in row


def test_an_exam_that_is_not_there_has_no_people(control: Control) -> None:
    with pytest.raises(ControlError, match="no exam"):
        control.set_people("liu", "NOTHING", [])
