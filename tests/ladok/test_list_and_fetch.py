"""List, Fetch and Read back, over real HTTP."""

import datetime as dt
from decimal import Decimal

import pytest

from ladokflow.ladok import UNIVERSITIES
from ladokflow.ladok.base import Registered
from ladokflow.ladok.errors import LadokError
from tests.ladok.conftest import Reply
from tests.ladok.test_tables import BORAS_PERSON, ENGLISH_EXAM, LIU_PERSON, SWEDISH_EXAM

LIU, ORU, BORAS = (UNIVERSITIES[slug] for slug in ("liu", "oru", "boras"))
HTML = Reply(b"<!doctype html><title>Logga in</title>", content_type="text/html; charset=utf-8")


def refusal(call) -> str:
    with pytest.raises(LadokError) as caught:
        call()
    assert str(caught.value)
    return caught.value.message.code


# --- List


def test_list_asks_for_the_course_code(ladok, client):
    ladok.answers([ENGLISH_EXAM])
    (exam,) = LIU.list_exams(client, " TDDE01 ")
    assert ladok.requests[0].path == "/liu/exams?courseCode=TDDE01"
    assert (exam.code, exam.title, exam.people) == ("TEN1/25", "TDDE01 Maskininlärning", ())


def test_list_of_boras_has_its_own_path_and_parameter(ladok, client):
    ladok.answers([SWEDISH_EXAM])
    (exam,) = BORAS.list_exams(client, "21SD1A å")
    assert ladok.requests[0].path == "/liu/aktivitetstillfallen?kursKod=21SD1A+%C3%A5"
    assert exam.code == "21SD1A-T1"


def test_course_without_exams_gives_an_empty_list(ladok, client):
    ladok.answers([])
    assert LIU.list_exams(client, "TDDE01") == []


def test_exam_that_is_listed_twice_is_shown_once(ladok, client):
    ladok.answers([ENGLISH_EXAM, ENGLISH_EXAM])
    assert len(LIU.list_exams(client, "TDDE01")) == 1


def test_entries_that_cannot_be_picked_do_not_hide_the_others(ladok, client):
    ladok.answers([None, {"courseCode": "TDDE01"}, [], ENGLISH_EXAM, {**ENGLISH_EXAM, "examCode": {}}])
    assert [exam.code for exam in LIU.list_exams(client, "TDDE01")] == ["TEN1/25"]


@pytest.mark.parametrize("answer", [{"exams": []}, "TEN1", 3, None])
def test_list_that_is_no_list_is_told_and_not_taken_for_no_exams(ladok, client, answer):
    ladok.answers(Reply(b"null") if answer is None else answer)
    assert refusal(lambda: LIU.list_exams(client, "TDDE01")) == "remote.unexpected"


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (HTML, "remote.not_json"),
        (Reply(b"[{", status=200), "remote.not_json"),
        (Reply(b"", status=302, headers={"Location": "/login"}), "remote.not_json"),
        (Reply(b"", status=401), "remote.unauthorised"),
        (Reply(b"", status=403), "remote.unauthorised"),
        (Reply(b"", status=404), "ladok.unknown_course"),
        (Reply({"error": {"message": "kursKod saknas"}}, status=400), "remote.refused"),
        (Reply(b"", status=400), "remote.refused_unsaid"),
        (Reply(b"", status=500), "remote.server_error"),
    ],
    ids=lambda value: value if isinstance(value, str) else str(value.status),
)
def test_list_that_fails_says_why(ladok, client, reply, code):
    ladok.answers(reply)
    assert refusal(lambda: LIU.list_exams(client, "TDDE01")) == code


def test_list_by_dates_is_only_where_the_source_says_how(ladok, connect):
    assert [university.slug for university in UNIVERSITIES.values() if university.can_list_by_dates({})] == []
    paths = {"list_by_dates": "/tillfallen?period={from}_{to}"}
    assert LIU.can_list_by_dates(paths)
    start = ENGLISH_EXAM["examStartDate"]
    undated = {key: value for key, value in ENGLISH_EXAM.items() if key not in ("examStartDate", "examEndDate")}
    later = {**ENGLISH_EXAM, "examCode": "LATER", "examStartDate": "2031-01-01", "examEndDate": "2031-01-01"}
    ladok.answers([ENGLISH_EXAM, later, {**undated, "examCode": "UNDATED"}])
    day = dt.date.fromisoformat(start)
    (exam,) = LIU.list_by_dates(connect(paths=paths), day, day)
    assert ladok.requests[0].path == f"/liu/tillfallen?period={start}_{start}"
    assert (exam.code, LIU.course_of(exam)) == ("TEN1/25", "TDDE01")


# --- Fetch


def test_fetch_gives_the_exam_with_its_people(ladok, client):
    ladok.answers({**ENGLISH_EXAM, "participants": [LIU_PERSON]})
    exam = LIU.fetch_exam(client, "TEN1/25")
    assert [person.organisation_id for person in exam.people] == ["annan12"]
    assert exam.problems == ()
    assert "participants" not in exam.raw


def test_fetch_of_boras_has_its_own_path_and_people_key(ladok, client):
    ladok.answers({**SWEDISH_EXAM, "deltagare": [BORAS_PERSON]})
    exam = BORAS.fetch_exam(client, "21SD1A-T1")
    assert ladok.requests[0].path == "/liu/aktivitetstillfallen/21SD1A-T1"
    assert exam.people[0].first_name == "Anna-Karin"


@pytest.mark.parametrize(
    ("code", "path"),
    [
        ("TEN1/25", "/liu/exams/TEN1%2F25"),
        ("Tentamen å ä ö", "/liu/exams/Tentamen%20%C3%A5%20%C3%A4%20%C3%B6"),
        ("50%?#&+x", "/liu/exams/50%25%3F%23%26%2Bx"),
        ("../admin", "/liu/exams/..%2Fadmin"),
        ("{code}", "/liu/exams/%7Bcode%7D"),
    ],
)
def test_code_is_percent_encoded_in_the_path(ladok, client, code, path):
    ladok.answers({**ENGLISH_EXAM, "examCode": code, "participants": []})
    assert LIU.fetch_exam(client, code).code == code
    assert ladok.requests[0].path == path
    assert LIU.export_url(client, code).endswith(path + "/grades")


@pytest.mark.parametrize("code", ["", " ", ".", ".."])
def test_code_that_is_no_path_segment_is_unknown_without_asking(ladok, client, code):
    assert refusal(lambda: LIU.fetch_exam(client, code)) == "ladok.unknown_code"
    assert ladok.requests == []


def test_unknown_code_is_told_with_the_code(ladok, client):
    ladok.answers(Reply({"error": "not found"}, status=404))
    with pytest.raises(LadokError) as caught:
        LIU.fetch_exam(client, "NOPE")
    assert (caught.value.message.code, caught.value.message.params["code"]) == ("ladok.unknown_code", "NOPE")
    assert caught.value.permanent


@pytest.mark.parametrize("reply", [[], {}, Reply(b"null"), Reply(b""), Reply(b"", status=204)])
def test_empty_answer_is_told_and_is_no_exam_without_people(ladok, client, reply):
    ladok.answers(reply)
    assert refusal(lambda: LIU.fetch_exam(client, "TEN1")) == "ladok.empty_answer"


@pytest.mark.parametrize("answer", [[ENGLISH_EXAM], "TEN1", 12])
def test_answer_that_is_no_object_is_told(ladok, client, answer):
    ladok.answers(answer)
    assert refusal(lambda: LIU.fetch_exam(client, "TEN1")) == "remote.unexpected"


def test_other_exam_than_asked_for_is_refused(ladok, client):
    ladok.answers({**ENGLISH_EXAM, "examCode": "TEN2", "participants": [LIU_PERSON]})
    assert refusal(lambda: LIU.fetch_exam(client, "TEN1")) == "ladok.other_code"


def test_code_is_kept_as_ladok_writes_it(ladok, client):
    ladok.answers({**ENGLISH_EXAM, "examCode": "TEN1", "participants": []})
    assert LIU.fetch_exam(client, "ten1").code == "TEN1"


def test_answer_without_a_code_is_of_the_code_asked_for(ladok, client):
    ladok.answers({**ENGLISH_EXAM, "examCode": None, "participants": []})
    assert LIU.fetch_exam(client, "TEN1").code == "TEN1"


def test_exam_nobody_has_registered_for_has_no_people_and_no_problem(ladok, client):
    ladok.answers({**ENGLISH_EXAM, "participants": []})
    exam = LIU.fetch_exam(client, "TEN1/25")
    assert (exam.people, exam.problems) == ((), ())


@pytest.mark.parametrize("people", [{}, {"participants": None}])
def test_answer_without_a_list_of_people_says_so(ladok, client, people):
    ladok.answers({**ENGLISH_EXAM, **people})
    assert [problem.code for problem in LIU.fetch_exam(client, "TEN1/25").problems] == ["ladok.no_people_list"]


@pytest.mark.parametrize("people", [{"annan12": LIU_PERSON}, "annan12", 1])
def test_people_that_are_no_list_are_not_taken_for_nobody(ladok, client, people):
    ladok.answers({**ENGLISH_EXAM, "participants": people})
    assert refusal(lambda: LIU.fetch_exam(client, "TEN1/25")) == "remote.unexpected"


def test_html_is_not_taken_for_an_exam(ladok, client):
    ladok.answers(HTML)
    assert refusal(lambda: LIU.fetch_exam(client, "TEN1")) == "remote.not_json"


def test_paths_may_be_overridden_per_source(ladok, connect):
    paths = {"list": "/v2/kurser/{code}/tentor", "fetch": "v2/tentor/{code}?full=1", "export": "/v2/betyg/{code}"}
    client = connect(paths=paths)
    ladok.answers([], {**ENGLISH_EXAM, "participants": []})
    LIU.list_exams(client, "TDDE01")
    LIU.fetch_exam(client, "TEN1/25")
    assert [request.path for request in ladok.requests] == [
        "/liu/v2/kurser/TDDE01/tentor?courseCode=TDDE01",
        "/liu/v2/tentor/TEN1%2F25?full=1",
    ]
    assert LIU.export_url(client, "TEN1") == f"{ladok.url}/v2/betyg/TEN1"


def test_latin_1_is_read_where_the_answer_says_so(ladok, client):
    body = '{"examCode": "TEN1", "examTitle": "Övning", "participants": []}'.encode("latin-1")
    ladok.answers(Reply(body, content_type="application/json; charset=ISO-8859-1"))
    assert LIU.fetch_exam(client, "TEN1").subtitle == "TEN1 Övning"


# --- A code that somebody has typed

UNKNOWN = Reply(b"", status=404)


def asked(ladok) -> list[str]:
    return [request.path.rpartition("/")[2] for request in ladok.requests]


@pytest.mark.parametrize(
    ("typed", "own", "paths"),
    [
        ("TEN1", "TEN1", ["TEN1"]),
        (" TEN1 ", "TEN1", ["TEN1"]),
        ("ten1", "TEN1", ["ten1", "TEN1"]),
        ("TEN1", "ten1", ["TEN1", "ten1"]),
        ("TEN 1", "TEN1", ["TEN%201", "ten%201", "TEN1"]),
        ("TEN1\u200b", "TEN1", ["TEN1%E2%80%8B", "TEN1"]),
        ("TA\u030aG", "T\u00c5G", ["TA%CC%8AG", "T%C3%85G"]),
        ("T\u00c5G", "TA\u030aG", ["T%C3%85G", "TA%CC%8AG"]),
    ],
)
def test_a_typed_code_finds_the_exam_and_has_ladoks_own_spelling(ladok, client, typed, own, paths):
    found = {**ENGLISH_EXAM, "examCode": own, "participants": []}
    ladok.answers(*[UNKNOWN for _ in paths[1:]], found)
    assert LIU.find_exam(client, typed).code == own
    assert asked(ladok) == paths


def test_a_ladok_that_does_not_mind_is_asked_once_and_its_spelling_taken(ladok, client):
    ladok.answers({**ENGLISH_EXAM, "examCode": "TEN1", "participants": []})
    assert LIU.find_exam(client, "ten 1").code == "TEN1"
    assert len(ladok.requests) == 1


def test_a_typed_code_that_ladok_does_not_know_in_any_spelling_is_told_as_it_was_typed(ladok, client):
    ladok.answers(UNKNOWN)
    with pytest.raises(LadokError) as caught:
        LIU.find_exam(client, " nope ")
    assert (caught.value.message.code, caught.value.message.params["code"]) == ("ladok.unknown_code", "nope")
    assert asked(ladok) == ["nope", "NOPE"]


@pytest.mark.parametrize("reply", [Reply(b"", status=401), Reply(b"", status=400), HTML])
def test_a_ladok_that_fails_is_not_asked_in_other_spellings(ladok, client, reply):
    ladok.answers(reply)
    refusal(lambda: LIU.find_exam(client, "ten1"))
    assert len(ladok.requests) == 1


def test_another_exam_under_another_spelling_is_still_refused(ladok, client):
    ladok.answers(UNKNOWN, {**ENGLISH_EXAM, "examCode": "TEN2", "participants": []})
    assert refusal(lambda: LIU.find_exam(client, "ten1")) == "ladok.other_code"


@pytest.mark.parametrize("code", ["", " ", "."])
def test_nothing_typed_is_unknown_without_asking(ladok, client, code):
    assert refusal(lambda: LIU.find_exam(client, code)) == "ladok.unknown_code"
    assert ladok.requests == []


@pytest.mark.parametrize("first", [[], UNKNOWN])
def test_a_typed_course_finds_its_exams(ladok, client, first):
    ladok.answers(first, [ENGLISH_EXAM])
    assert len(LIU.find_exams(client, "tdde01")) == 1
    assert [request.path.partition("=")[2] for request in ladok.requests] == ["tdde01", "TDDE01"]


def test_a_course_that_has_no_exams_or_is_not_there_in_any_spelling(ladok, client):
    ladok.answers(UNKNOWN, [])
    assert LIU.find_exams(client, "tdde01") == []
    ladok.answers(UNKNOWN)
    assert refusal(lambda: LIU.find_exams(client, "tdde01")) == "ladok.unknown_course"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [({}, None), ({"participantCount": 40}, 40), ({"antalDeltagare": "40"}, 40), ({"participantCount": {}}, None),
     ({"participantCount": -1}, None), ({"participantCount": "många"}, None)],
)  # fmt: skip
def test_how_many_there_are_according_to_ladok_is_read_where_it_says(ladok, client, fields, expected):
    ladok.answers({**ENGLISH_EXAM, **fields, "participants": [LIU_PERSON, LIU_PERSON, {}]})
    exam = LIU.fetch_exam(client, "TEN1/25")
    assert (len(exam.people), exam.repeated, exam.unread, exam.expected) == (1, 1, 1, expected)


# --- Read back


def test_read_back_is_the_export_path_in_the_export_shape(ladok, client):
    ladok.answers(
        {
            "gradeExports": [
                {"studentUid": "A-1001", "grade": {"grade": "5"}},
                {"liUID": "bosve34", "grade": {"grade": 3}},
            ]
        }
    )
    assert LIU.read_back(client, "TEN1") == [Registered(("A-1001",), "5"), Registered(("bosve34",), "3")]
    assert (ladok.requests[0].method, ladok.requests[0].path) == ("GET", "/liu/exams/TEN1/grades")


def test_read_back_of_boras_has_points_and_every_identifier(ladok, client):
    entry = {"federeradIdentitet": "s1", "studentUID": "u1", "grade": {"betyg": "VG", "poang": "42,5"}}
    ladok.answers({"gradeExports": [entry], "managers": []})
    assert BORAS.read_back(client, "T1") == [Registered(("s1", "u1"), "VG", Decimal("42.5"))]


def test_read_back_leaves_out_people_without_a_registered_grade(ladok, client):
    ladok.answers({"gradeExports": [{"studentUid": "A", "grade": {"grade": None}}, {"grade": {"grade": ""}}]})
    assert ORU.read_back(client, "TEN1") == []


NOBODYS = {"grade": {"grade": "5"}}  # somebody's, and nobody can tell whose


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {},
        {"gradeExports": None},
        {"gradeExports": ["A"]},
        {"gradeExports": [{"studentUid": "A"}]},
        {"gradeExports": [NOBODYS]},
    ],
)
def test_read_back_that_is_not_understood_settles_nothing(ladok, client, answer):
    ladok.answers(answer)
    assert refusal(lambda: LIU.read_back(client, "TEN1")) == "remote.unexpected"


def test_read_back_that_is_not_there_settles_nothing_and_says_where_to_look(ladok, client):
    ladok.answers(Reply(b"", status=404))
    assert refusal(lambda: LIU.read_back(client, "TEN1")) == "ladok.nothing_to_read_back"
