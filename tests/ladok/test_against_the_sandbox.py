"""The four parts of each university's Ladok side, against the sandbox over real HTTP."""

import json
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from ladokflow.http import Answer
from ladokflow.ladok import UNIVERSITIES
from ladokflow.ladok.base import GradeLine, Person, Registered
from ladokflow.ladok.client import LadokClient
from ladokflow.ladok.errors import LadokError

SLUGS = ("liu", "oru", "boras")
COURSES = {"liu": "TDDE01", "oru": "DT116G", "boras": "21SD1A"}
GRADES = {"liu": ("5", "U"), "oru": ("VG", "U"), "boras": ("VG", "U")}
MANAGERS = ["bodil@boras.example"]


def connected(sandbox, slug: str, **changes) -> LadokClient:
    arguments = {"kind": "bearer", "client_id": "", "secret": f"{slug}-ladok"} | changes
    return LadokClient(base_url=f"{sandbox.url}/{slug}", paths={}, tz=ZoneInfo("Europe/Stockholm"), **arguments)


def line(person: Person, grade: str) -> GradeLine:
    return GradeLine(
        grade=grade,
        points=Decimal("42.5"),
        organisation_id=person.organisation_id,
        unique_exam_id=person.unique_exam_id,
        external_user_id=person.external_user_id,
        national_id=person.national_id,
    )


@pytest.mark.parametrize("slug", SLUGS)
def test_every_listed_exam_can_be_fetched(sandbox, slug):
    university = UNIVERSITIES[slug]
    with connected(sandbox, slug) as client:
        listed = university.list_exams(client, COURSES[slug])
        fetched = [university.fetch_exam(client, exam.code) for exam in listed]
    assert listed
    assert [exam.code for exam in fetched] == [exam.code for exam in listed]
    assert all(exam.title.startswith(COURSES[slug]) for exam in listed)
    assert any(exam.people for exam in fetched)


@pytest.mark.parametrize("slug", SLUGS)
def test_every_exam_of_the_university_is_read_without_losing_anyone_in_silence(sandbox, slug):
    university = UNIVERSITIES[slug]
    with connected(sandbox, slug) as client:
        for exam in sandbox.control.exams(slug):
            code = exam[university.code_key]
            people = sandbox.control.exam(slug, code)[university.people_key]
            fetched = university.fetch_exam(client, code)
            left_out = [
                problem
                for problem in fetched.problems
                if problem.code
                in {
                    "ladok.person_twice",
                    "ladok.person_without_id",
                    "ladok.nameless_person_without_id",
                    "ladok.person_unreadable",
                }
            ]
            assert len(fetched.people) + len(left_out) == len(people)


@pytest.mark.parametrize(
    "credential",
    [
        {"kind": "bearer", "secret": "liu-ladok"},
        {"kind": "api_key", "secret": "liu-ladok"},
        {"kind": "basic", "client_id": "ladokflow", "secret": "liu-ladok"},
    ],
    ids=lambda credential: credential["kind"],
)
def test_each_kind_of_credential_signs_in(sandbox, credential):
    with connected(sandbox, "liu", **credential) as client:
        assert UNIVERSITIES["liu"].list_exams(client, "TDDE01")


def test_wrong_token_is_told(sandbox):
    with connected(sandbox, "liu", secret="wrong") as client, pytest.raises(LadokError) as caught:
        UNIVERSITIES["liu"].list_exams(client, "TDDE01")
    assert caught.value.message.code == "remote.unauthorised"


def test_code_with_a_slash_and_swedish_letters_is_found(sandbox):
    code = sandbox.control.add_exam("liu", people=3, examCode="TEN1/25 å")
    with connected(sandbox, "liu") as client:
        assert len(UNIVERSITIES["liu"].fetch_exam(client, code).people) == 3


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize("slug", SLUGS)
def test_each_grade_is_registered_once_under_its_identifier_and_can_be_read_back(sandbox, slug, method):
    university = UNIVERSITIES[slug]
    code = sandbox.control.add_exam(slug, people=30)
    sandbox.control.set_read_back(slug, True)
    with connected(sandbox, slug) as client:
        exam = university.fetch_exam(client, code)
        lines = [line(person, GRADES[slug][index % 2]) for index, person in enumerate(exam.people)]
        body = json.dumps(university.export_body(lines, MANAGERS)).encode()
        came = client.send(method, university.export_url(client, code), body, {"Idempotency-Key": "k"})
        registered = university.read_back(client, code)
    assert isinstance(came, Answer)
    assert came.json() == {"numberOfSuccess": 30, "numberOfErrors": 0, "errors": []}
    ledger = sandbox.control.grades(slug, code)
    assert {row["identifier"]: (row["grade"], row["times"]) for row in ledger} == {
        university.identifiers(line)[0]: (line.grade, 1) for line in lines
    }
    assert len(registered) == 30
    by_name = {row.identifiers[0]: row for row in registered}
    points = Decimal("42.5") if university.sends_points else None
    for each in lines:
        found = by_name[university.identifiers(each)[0]]
        assert set(found.identifiers) <= set(university.identifiers(each))
        assert (found.grade, found.points) == (each.grade, points)


def test_nothing_has_been_registered_before_the_first_export(sandbox):
    code = sandbox.control.add_exam("liu", people=3)
    sandbox.control.set_read_back("liu", True)
    with connected(sandbox, "liu") as client:
        assert UNIVERSITIES["liu"].read_back(client, code) == list[Registered]()


def test_side_that_cannot_be_read_back_says_so(sandbox):
    code = sandbox.control.add_exam("liu", people=3)
    sandbox.control.set_read_back("liu", False)
    with connected(sandbox, "liu") as client, pytest.raises(LadokError) as caught:
        UNIVERSITIES["liu"].read_back(client, code)
    assert caught.value.message.code == "remote.refused"


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("html", "remote.not_json"),
        ("not_json", "remote.not_json"),
        ("drop", "remote.cut"),
        ("cut_body", "remote.cut"),
        ("http_429", "remote.too_many_requests"),
        ("empty_body", "ladok.empty_answer"),
    ],
)
def test_broken_fetch_is_told_as_what_it_is(sandbox, kind, code):
    exam = sandbox.control.add_exam("liu", people=3)
    options = {"retry_after": 60} if kind == "http_429" else {}
    sandbox.control.fault("liu", "/exams/*", kind, times=-1, **options)
    with connected(sandbox, "liu") as client, pytest.raises(LadokError) as caught:
        UNIVERSITIES["liu"].fetch_exam(client, exam)
    assert caught.value.message.code == code


def test_hiccup_of_the_side_is_not_noticed(sandbox):
    exam = sandbox.control.add_exam("liu", people=3)
    sandbox.control.fault("liu", "/exams/*", "drop", times=2)
    with connected(sandbox, "liu") as client:
        assert len(UNIVERSITIES["liu"].fetch_exam(client, exam).people) == 3
