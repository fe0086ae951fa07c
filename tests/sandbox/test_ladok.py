"""The Ladok sides by design: paths, names, sign-in, what export takes and refuses, and the ledger."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import httpx
import pytest

from ladokflow.sandbox.control import Control, ControlError

Ask = Callable[..., httpx.Response]
LIST = {
    "liu": ("/exams", "courseCode", "TDDE01"),
    "oru": ("/exams", "courseCode", "DT116G"),
    "boras": ("/aktivitetstillfallen", "kursKod", "21SD1A"),
}
PEOPLE = {"liu": "participants", "oru": "participants", "boras": "deltagare"}
ENGLISH = [
    "courseCode",
    "courseName",
    "examCode",
    "examTitle",
    "examStartDate",
    "startTime",
    "examEndDate",
    "endTime",
    "sensurfrist",
    "gradeScale",
]
SWEDISH = [
    "kod",
    "kursKod",
    "kursNamn",
    "moduler",
    "aktivitetsTillfallesNamn",
    "startDatum",
    "startTid",
    "slutDatum",
    "slutTid",
    "betygskala",
]


@pytest.mark.parametrize(
    ("university", "keys"), [("liu", {*ENGLISH, "campus"}), ("oru", set(ENGLISH)), ("boras", set(SWEDISH))]
)
def test_list_has_the_universitys_own_field_names(ladok: Ask, university: str, keys: set[str]) -> None:
    path, parameter, course = LIST[university]
    listed = ladok(university, "GET", path, params={parameter: course}).json()
    assert set(listed[0]) == keys
    assert PEOPLE[university] not in listed[0]


@pytest.mark.parametrize("university", ["liu", "oru", "boras"])
def test_list_is_empty_for_an_unknown_course_and_refused_without_one(ladok: Ask, university: str) -> None:
    path, parameter, _course = LIST[university]
    assert ladok(university, "GET", path, params={parameter: "XXX999"}).json() == []
    assert ladok(university, "GET", path).status_code == 400


@pytest.mark.parametrize(
    ("university", "keys"),
    [
        ("liu", {"LiUId", "civicNumber", "firstname", "lastname", "email", "studentUID", "uniqueExamId", "endTime"}),
        (
            "oru",
            {"studentuid", "civicNumber", "firstname", "lastname", "email", "studentUID", "uniqueExamId", "endTime"},
        ),
        ("boras", {"federeradIdentitet", "personnummer", "fornamn", "efternamn", "epost", "studentUID"}),
    ],
)
def test_fetch_is_the_listed_object_and_its_people(ladok: Ask, university: str, keys: set[str]) -> None:
    path, parameter, course = LIST[university]
    listed = ladok(university, "GET", path, params={parameter: course}).json()[1]
    code = listed.get("examCode") or listed["kod"]
    fetched = ladok(university, "GET", f"{path}/{quote(code, safe='')}").json()
    people = fetched.pop(PEOPLE[university])
    assert fetched == listed
    assert 30 <= len(people) <= 400
    assert set().union(*people) == keys


def test_people_are_swedish_in_all_their_variety(control: Control) -> None:
    people = [
        person for exam in control.exams("liu") for person in control.exam("liu", exam["examCode"])["participants"]
    ]
    names = " ".join(f"{person['firstname']} {person['lastname']}" for person in people)
    assert set("åäöÅÄÖ-'") <= set(names)
    assert any("endTime" in person for person in people)
    assert any("email" not in person for person in people)
    assert any("-T" in person["civicNumber"] for person in people)


def test_dates_and_times_are_written_in_the_ways_that_are_allowed(control: Control) -> None:
    exams = {exam["examCode"]: exam for slug in ("liu", "oru") for exam in control.exams(slug)}
    home = exams["8LAG10-STN1-1001"]
    assert (home["endTime"], "T" in home["sensurfrist"], home["examEndDate"] > home["examStartDate"]) == (
        "24:00",
        True,
        True,
    )
    assert exams["MA500G-1002-1001"]["startTime"] == "09:00:00"
    assert "examStartDate" not in exams["TDDE01-UTAN-DATUM"]


def test_code_with_a_slash_and_a_letter_of_its_own_is_found(ladok: Ask) -> None:
    code = "TDDE01/TEN Å-2"
    assert ladok("liu", "GET", f"/exams/{quote(code, safe='')}").json()["examCode"] == code


def test_unknown_code_is_404(ladok: Ask) -> None:
    assert ladok("liu", "GET", "/exams/NO-SUCH").status_code == 404
    assert ladok("liu", "POST", "/exams/NO-SUCH/grades", json={"gradeExports": []}).status_code == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": "Bearer liu-ladok"}, 200),
        ({"x-api-key": "liu-ladok", "Authorization": ""}, 200),
        ({"Authorization": httpx.BasicAuth("ladokflow", "liu-ladok")._auth_header}, 200),
        ({"Authorization": "Bearer oru-ladok"}, 401),
        ({"Authorization": ""}, 401),
    ],
)
def test_sign_in_takes_a_token_a_key_or_a_password(ladok: Ask, headers: dict[str, str], status: int) -> None:
    assert ladok("liu", "GET", "/exams", params={"courseCode": "TDDE01"}, headers=headers).status_code == status


# --- Export ------------------------------------------------------------------------------------------------------


def export(ladok: Ask, university: str, code: str, rows: list[dict], method: str = "POST", **more) -> httpx.Response:
    collection, last = ("aktivitetstillfallen", "resultat") if university == "boras" else ("exams", "grades")
    body = {"gradeExports": rows} | ({"managers": more.pop("managers")} if "managers" in more else {})
    return ladok(university, method, f"/{collection}/{quote(code, safe='')}/{last}", json=body, **more)


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_liu_takes_the_exam_id_and_the_organisation_id(ladok: Ask, control: Control, method: str) -> None:
    code = control.add_exam("liu", 3)
    first, second, _ = control.exam("liu", code)["participants"]
    stranger = next(s for s in control.students("liu") if s["organisation_id"] not in {first["LiUId"], second["LiUId"]})
    rows = [
        {"studentUid": first["uniqueExamId"], "grade": {"grade": "5"}},
        {"liUID": second["LiUId"], "grade": {"grade": "U"}},
        {"liUID": stranger["organisation_id"], "grade": {"grade": "3"}},
        {"liUID": "nobody@liu.example", "grade": {"grade": "3"}},
        {"studentUid": second["LiUId"], "grade": {"grade": "3"}},
    ]
    said = export(ladok, "liu", code, rows, method).json()
    assert (said["numberOfSuccess"], said["numberOfErrors"]) == (3, 2)
    assert [error["userId"] for error in said["errors"]] == ["nobody@liu.example", second["LiUId"]]
    assert [
        (row["kind"], row["organisationId"], row["grade"], row["times"]) for row in control.grades("liu", code)
    ] == [
        ("studentUid", first["LiUId"], "5", 1),
        ("liUID", second["LiUId"], "U", 1),
        ("liUID", stranger["organisation_id"], "3", 1),
    ]


def test_oru_takes_both_identifiers_under_one_name(ladok: Ask, control: Control) -> None:
    code = control.add_exam("oru", 2)
    first, second = control.exam("oru", code)["participants"]
    rows = [
        {"studentUid": first["uniqueExamId"], "grade": {"grade": "VG"}},
        {"studentUid": second["studentuid"], "grade": {"grade": "G"}},
    ]
    assert export(ladok, "oru", code, rows).json() == {"numberOfSuccess": 2, "numberOfErrors": 0, "errors": []}


def test_boras_takes_points_and_only_managers_with_the_right(ladok: Ask, control: Control) -> None:
    code = control.add_exam("boras", 2)
    first, second = control.exam("boras", code)["deltagare"]
    rows = [
        {"federeradIdentitet": first["federeradIdentitet"], "studentUID": first["studentUID"], "personnummer": first["personnummer"], "grade": {"betyg": "VG", "poang": 42.5}},
        {"federeradIdentitet": second["federeradIdentitet"], "studentUID": "another", "grade": {"betyg": "G"}},
    ]  # fmt: skip
    allowed, without = ([{"federeradIdentitet": f"{name}@boras.example"}] for name in ("bodil", "bosse"))
    assert export(ladok, "boras", code, rows, managers=without).status_code == 403
    assert export(ladok, "boras", code, rows, managers=[]).status_code == 400
    assert export(ladok, "boras", code, rows).status_code == 400
    said = export(ladok, "boras", code, rows, managers=allowed).json()
    assert said["errors"] == [
        {"userId": second["federeradIdentitet"], "errorInfo": "studentUID stämmer inte med federeradIdentitet."}
    ]
    (row,) = control.grades("boras")
    assert (row["points"], row["managers"], row["grade"]) == (42.5, ["bodil@boras.example"], "VG")


def test_grade_that_is_not_on_the_scale_is_an_error_for_that_person(ladok: Ask, control: Control) -> None:
    code = control.add_exam("liu", 2, gradeScale="U-G")
    first, second = control.exam("liu", code)["participants"]
    rows = [
        {"studentUid": first["uniqueExamId"], "grade": {"grade": "5"}},
        {"studentUid": second["uniqueExamId"], "grade": {"grade": "G"}},
    ]
    said = export(ladok, "liu", code, rows).json()
    assert said["errors"] == [
        {"userId": first["uniqueExamId"], "errorInfo": "Betyget 5 finns inte i betygsskalan U-G."}
    ]
    assert said["numberOfSuccess"] == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"gradeExports": []},
        {"gradeExports": {}},
        {"participants": [{"userId": "x", "mark": "5"}]},
        {"gradeExports": [{"studentUid": "x", "grade": {"grade": "5"}}], "managers": []},
        {"gradeExports": [{"studentUID": "x", "grade": {"grade": "5"}}]},
        {"gradeExports": [{"studentUid": "x", "liUID": "y", "grade": {"grade": "5"}}]},
        {"gradeExports": [{"studentUid": "x", "grade": "5"}]},
        {"gradeExports": [{"studentUid": "x", "grade": {"betyg": "5"}}]},
        {"gradeExports": [{"studentUid": "x", "grade": {"grade": 5}}]},
        {"gradeExports": [{"studentUid": None, "grade": {"grade": "5"}}]},
        {"gradeExports": [{"studentUid": "x"}]},
    ],
)
def test_body_that_is_not_as_agreed_is_refused_and_nothing_is_registered(
    ladok: Ask, control: Control, body: object
) -> None:
    answer = ladok("liu", "POST", "/exams/TDDE01-TEN1-1001/grades", json=body)
    assert answer.status_code == 400
    assert answer.json()["message"]
    assert control.grades("liu") == []


def test_a_grade_that_is_sent_twice_stands_twice_in_the_ledger(ladok: Ask, control: Control) -> None:
    code = control.add_exam("liu", 1)
    row = {"studentUid": control.exam("liu", code)["participants"][0]["uniqueExamId"], "grade": {"grade": "4"}}
    export(ladok, "liu", code, [row])
    export(ladok, "liu", code, [row])
    assert [found["times"] for found in control.grades("liu", code)] == [2]
    assert [found["sent"] for found in control.registrations("liu", code)] == [row, row]


@pytest.mark.parametrize(("honoured", "times"), [(True, 1), (False, 2)])
def test_idempotency_key_counts_only_where_it_is_switched_on(
    ladok: Ask, control: Control, honoured: bool, times: int
) -> None:
    control.set_idempotency("liu", honoured)
    code = control.add_exam("liu", 1)
    row = {"studentUid": control.exam("liu", code)["participants"][0]["uniqueExamId"], "grade": {"grade": "4"}}
    answers = [export(ladok, "liu", code, [row], headers={"Idempotency-Key": "abc"}).json() for _ in range(2)]
    assert answers[0] == answers[1]
    assert [(found["times"], found["idempotencyKey"]) for found in control.grades("liu", code)] == [(times, "abc")]


def test_rejected_people_are_errors_until_they_are_let_through(ladok: Ask, control: Control) -> None:
    code = control.add_exam("liu", 1)
    exam_id = control.exam("liu", code)["participants"][0]["uniqueExamId"]
    row = {"studentUid": exam_id, "grade": {"grade": "4"}}
    control.reject("liu", exam_id, "Ej registrerad på modulen.")
    assert export(ladok, "liu", code, [row]).json()["errors"] == [
        {"userId": exam_id, "errorInfo": "Ej registrerad på modulen."}
    ]
    control.reject("liu", exam_id, None)
    assert export(ladok, "liu", code, [row]).json()["numberOfSuccess"] == 1


def test_read_back_gives_what_stands_registered_in_the_exports_own_shape(ladok: Ask, control: Control) -> None:
    code = control.add_exam("boras", 1)
    person = control.exam("boras", code)["deltagare"][0]
    rows = [
        {"federeradIdentitet": person["federeradIdentitet"], "grade": {"betyg": grade, "poang": 1}}
        for grade in ("U", "G")
    ]
    for row in rows:
        export(ladok, "boras", code, [row], managers=[{"federeradIdentitet": "bodil@boras.example"}])
    path = f"/aktivitetstillfallen/{code}/resultat"
    assert ladok("boras", "GET", path).status_code == 405
    control.set_read_back("boras", True)
    assert ladok("boras", "GET", path).json() == {"gradeExports": [rows[1]]}


# --- What the control does to the registers -----------------------------------------------------------------------


def test_exams_and_people_come_change_and_go(ladok: Ask, control: Control) -> None:
    code = control.add_exam(
        "liu", [{"LiUId": "asa@x"}, {"LiUId": None, "firstname": "Bo"}], examCode="NY/1", sensurfrist=None
    )
    fetched = ladok("liu", "GET", "/exams/NY%2F1").json()
    assert fetched["sensurfrist"] is None
    assert [person["LiUId"] for person in fetched["participants"]] == ["asa@x", None]
    people = control.change_people("liu", code, add=2, remove=["asa@x"], change={})
    assert len(people) == 3
    control.change_people("liu", code, change={people[1]["LiUId"]: {"lastname": "Ny-Namn"}})
    control.change_exam("liu", code, remove=["campus"], examTitle="Annan")
    fetched = ladok("liu", "GET", "/exams/NY%2F1").json()
    assert (fetched["examTitle"], "campus" in fetched, fetched["participants"][1]["lastname"]) == (
        "Annan",
        False,
        "Ny-Namn",
    )
    control.remove_exam("liu", code)
    assert ladok("liu", "GET", "/exams/NY%2F1").status_code == 404


def test_people_as_given_are_not_touched_where_they_are_exact(ladok: Ask, control: Control) -> None:
    people = [{"LiUId": 17, "endTime": ""}, {}]
    code = control.add_exam("liu", people, exact=True)
    assert ladok("liu", "GET", f"/exams/{code}").json()["participants"] == people


def test_more_people_than_there_are_students_can_be_had(control: Control) -> None:
    code = control.add_exam("liu", 2000)
    people = control.exam("liu", code)["participants"]
    assert len({person["LiUId"] for person in people}) == len({person["uniqueExamId"] for person in people}) == 2000


def test_what_cannot_be_done_is_said(control: Control) -> None:
    with pytest.raises(ControlError, match="There is no exam NO at liu"):
        control.change_exam("liu", "NO", examTitle="x")
    with pytest.raises(ControlError, match="Unknown university"):
        control.exams("uppsala")
    with pytest.raises(ControlError, match="Not on the exam"):
        control.change_people("liu", "TDDE01-TEN1-1001", remove=["nobody"])
