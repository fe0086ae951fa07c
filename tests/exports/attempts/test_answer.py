"""Ladok's answer to an export: every row of the table, and the oddities around each."""

import json
from pathlib import Path

import pytest
from django.utils import translation
from hypothesis import given, settings
from hypothesis import strategies as st

from exports.attempts.answer import read_answer
from ladokflow.ladok import UNIVERSITIES
from ladokflow.ladok.answers import CLEAR_REFUSALS, AnswerRules
from ladokflow.messages import CATALOGUE, message
from ladokflow.response import Answer, NoAnswer

SENT = [frozenset({"A-1", "annan12"}), frozenset({"bosve34"}), frozenset({"3", "cecbe56"})]


def answer(body=b"", status: int = 200, kind: str = "application/json") -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, {"content-type": kind, "content-length": str(len(content))}, content)


def states(came, sent=SENT) -> str:
    """One letter per person: e(xported), f(ailed), u(nknown)."""
    reading = read_answer(came, sent)
    assert len(reading.items) == len(sent)
    return "".join(item.state[0] for item in reading.items)


def code(came) -> str:
    return read_answer(came, SENT).message.code


def agreed(successes, failures, *errors, **more) -> dict:
    return {"numberOfSuccess": successes, "numberOfErrors": failures, "errors": list(errors), **more}


def error(user_id, info="Studenten är inte registrerad") -> dict:
    return {"userId": user_id, "errorInfo": info}


# --- 200 and numbers that add up


@pytest.mark.parametrize("status", [200, 201, 207])
def test_everyone_registered(status):
    assert states(answer(agreed(3, 0), status)) == "eee"
    assert code(answer(agreed(3, 0), status)) == "answer.exported"


@pytest.mark.parametrize("status", [200, 201, 207])
def test_person_named_in_a_consistent_answer_failed_and_the_others_are_exported(status):
    reading = read_answer(answer(agreed(2, 1, error("bosve34")), status), SENT)
    assert [item.state for item in reading.items] == ["exported", "failed", "exported"]
    assert reading.items[1].message.params["said"] == "Studenten är inte registrerad"
    assert [item.message for item in reading.items[::2]] == [None, None]
    assert reading.message.to_json() == {
        "code": "answer.some_rejected",
        "params": {"exported": 2, "sent": 3, "count": 1},
    }


def test_everyone_rejected():
    came = answer(agreed(0, 3, error("A-1"), error("bosve34"), error(3)))
    assert (states(came), code(came)) == ("fff", "answer.all_rejected")


@pytest.mark.parametrize("user_id", ["3", 3, 3.0, " 3 ", "cecbe56", "CECBE56"])
def test_person_may_be_named_by_number_or_text_and_by_any_identifier(user_id):
    assert states(answer(agreed(2, 1, error(user_id)))) == "eef"


@pytest.mark.parametrize(
    "body",
    [
        {"numberOfSuccess": 3},
        {"numberOfSuccess": 3, "errors": None},
        {"numberOfSuccess": 3, "numberOfErrors": None, "errors": []},
        {"numberOfSuccess": "3", "numberOfErrors": "0"},
        {"numberOfSuccess": 3.0, "numberOfErrors": 0.0, "errors": {}},
        {"numberOfSuccess": 3, "numberOfErrors": 0, "errors": [], "trace": "x", "took": 12},
    ],
)
def test_missing_numbers_and_unknown_keys_are_normal(body):
    assert states(answer(body)) == "eee"


@pytest.mark.parametrize(
    "body",
    [
        {"numberOfSuccess": 2, "errors": [error("bosve34")]},
        {"numberOfSuccess": 2, "errors": error("bosve34")},
        {
            "numberOfSuccess": 2,
            "numberOfErrors": 1,
            "errors": [error("bosve34"), error("bosve34", "Och betyget är okänt")],
        },
    ],
)
def test_a_number_that_follows_from_the_other_may_be_missing(body):
    assert states(answer(body)) == "efe"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"errors": []}, "answer.says_nothing"),
        ({"numberOfSuccess": None, "numberOfErrors": None, "errors": []}, "answer.says_nothing"),
        ({"numberOfErrors": 0}, "answer.no_number"),
        ({"numberOfErrors": 0, "errors": []}, "answer.no_number"),
    ],
    ids=json.dumps,
)
def test_that_no_error_is_named_does_not_say_that_anything_was_registered(body, expected):
    assert (states(answer(body)), code(answer(body))) == ("uuu", expected)


@pytest.mark.parametrize(
    "body",
    [
        {"errors": [error("bosve34")]},
        {"numberOfErrors": 1, "errors": [error("bosve34")]},
        {"numberOfErrors": 1, "errors": error("bosve34")},
    ],
    ids=json.dumps,
)
def test_who_is_named_is_rejected_and_who_is_not_is_not_counted_as_registered(body):
    reading = read_answer(answer(body), SENT)
    assert (states(answer(body)), reading.message.code) == ("ufu", "answer.others_unsaid")
    assert [item.message.code for item in reading.items] == [
        "answer.person_unsaid",
        "answer.person_rejected",
        "answer.person_unsaid",
    ]


@pytest.mark.parametrize(
    "body",
    [
        {"errors": [error("A-1"), error("bosve34"), error(3)]},
        {"numberOfErrors": 3},
        {"numberOfErrors": 3, "errors": [error("bosve34")]},
        agreed(0, 3),
        agreed(0, 3, error("bosve34")),
        {"numberOfSuccess": 0, "errors": [error("A-1"), error("bosve34"), error(3)]},
    ],
    ids=json.dumps,
)
def test_all_are_rejected_where_all_are_named_or_counted_as_errors(body):
    assert (states(answer(body)), code(answer(body))) == ("fff", "answer.all_rejected")


def test_two_errors_for_one_person_are_both_told():
    came = answer(agreed(2, 1, error("bosve34", "Ett"), error("BOSVE34", "Två"), error("bosve34", "Ett")))
    assert read_answer(came, SENT).items[1].message.params["said"] == "Ett; Två"


@pytest.mark.parametrize("info", [None, "", "   ", []])
def test_error_without_a_reason_is_still_an_error(info):
    came = answer(agreed(2, 1, error("bosve34", info)))
    assert states(came) == "efe"
    assert read_answer(came, SENT).items[1].message.code == "answer.person_rejected_without_reason"
    assert states(answer(agreed(2, 1, {"userId": "bosve34"}))) == "efe"


@pytest.mark.parametrize(
    ("info", "said"),
    [
        (["Ett", "Två"], "Ett; Två"),
        ({"kod": 12}, '{"kod": 12}'),
        (404, "404"),
        ("rad 1\r\nrad 2\x00", "rad 1 rad 2"),
        ("x" * 2000, "x" * 500),
    ],
)
def test_reason_is_told_in_one_line_whatever_its_form(info, said):
    assert read_answer(answer({"errors": [error("bosve34", info)]}), SENT).items[1].message.params["said"] == said


@pytest.mark.parametrize(
    ("info", "said"),
    [
        ("19900101-1234 saknas", "19900101-**** saknas"),
        ("199001011234", "19900101****"),
        ("900101-T123!", "900101-****!"),
        ("samordningsnummer 900161+1234", "samordningsnummer 900161+****"),
        ("AID 1234567890, kurs 2026-01-15", "AID 1234567890, kurs 2026-01-15"),
        ("11111111-0000-4000-8000-000000000001", "11111111-0000-4000-8000-000000000001"),
    ],
)
def test_national_id_in_a_reason_is_masked(info, said):
    assert read_answer(answer({"errors": [error("bosve34", info)]}), SENT).items[1].message.params["said"] == said


# --- 2xx and an empty body


def empty(status: int, body: bytes = b"", **headers: str) -> Answer:
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


@pytest.mark.parametrize(
    "came", [empty(204)] + [empty(status, content_length="0") for status in (200, 201, 204, 205)], ids=repr
)
def test_answer_that_says_that_it_is_empty_means_everyone(came):
    assert states(came) == "eee"


@pytest.mark.parametrize(
    ("came", "expected"),
    [
        (empty(200), "answer.empty"),
        (empty(201), "answer.empty"),
        (empty(205), "answer.empty"),
        (empty(200, transfer_encoding="chunked"), "answer.empty"),
        (empty(200, b" \r\n", content_length="3"), "answer.empty"),
        (empty(204, content_length="9"), "answer.empty"),
        (empty(204, transfer_encoding="chunked"), "answer.empty"),
        (empty(202, content_length="0"), "answer.not_done_yet"),
        (empty(203, content_length="0"), "answer.empty"),
        (empty(206, content_length="0"), "answer.empty"),
        (empty(207, content_length="0"), "answer.empty"),
        (empty(299, content_length="0"), "answer.empty"),
    ],
    ids=repr,
)
def test_any_other_empty_answer_says_nothing(came, expected):
    assert (states(came), code(came)) == ("uuu", expected)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (202, "answer.not_done_yet"),
        (203, "answer.unexpected_status"),
        (205, "answer.unexpected_status"),
        (206, "answer.unexpected_status"),
        (208, "answer.unexpected_status"),
        (226, "answer.unexpected_status"),
    ],
)
@pytest.mark.parametrize("body", [agreed(3, 0), agreed(2, 1, error("bosve34")), agreed(0, 3)])
def test_numbers_under_a_status_that_does_not_mean_done_prove_nothing(status, expected, body):
    assert (states(answer(body, status)), code(answer(body, status))) == ("uuu", expected)


# --- Strict where grades are at stake


@pytest.mark.parametrize(
    "body",
    [
        agreed(2, 0),
        agreed(4, 0),
        agreed(3, 1),
        agreed(2, 1),
        agreed(3, 1, error("bosve34")),
        agreed(2, 0, error("bosve34")),
        agreed(0, 1, error("bosve34")),
        agreed(0, 2, error("bosve34")),
        agreed(2, 2, error("bosve34")),
        agreed(1, 1, error("bosve34")),
        agreed(1, 2, error("bosve34"), error("bosve34", "Igen")),
        agreed(-3, 0),
        agreed(0, 0),
        agreed("tre", 0),
        agreed(True, 0),
        agreed([3], 0),
        agreed(2.5, 0),
        {"numberOfSuccess": 2},
        {"numberOfErrors": 1},
        {"numberOfErrors": 0, "errors": [error("bosve34")]},
        {"numberOfErrors": 2, "errors": [error("bosve34")]},
    ],
    ids=json.dumps,
)
def test_numbers_that_do_not_add_up_leave_everyone_unknown(body):
    assert (states(answer(body)), code(answer(body))) == ("uuu", "answer.wrong_numbers")


def test_numbers_that_do_not_add_up_are_told():
    told = read_answer(answer(agreed(2, 2, error("bosve34"))), SENT).message
    assert told.params == {"sent": 3, "successes": "2", "errors": "2", "named": 1}


def test_what_was_said_of_a_person_is_kept_even_when_the_outcome_is_unknown():
    reading = read_answer(answer(agreed(2, 0, error("bosve34"))), SENT)
    assert reading.items[1].message.to_json() == {
        "code": "answer.person_unknown_with_error",
        "params": {"said": "Studenten är inte registrerad"},
    }
    assert reading.items[0].message == reading.message


@pytest.mark.parametrize("body", [agreed(3, 0, error("bosve34")), {"numberOfSuccess": 3, "errors": [error("bosve34")]}])
def test_error_beside_full_success_leaves_only_that_person_in_doubt(body):
    reading = read_answer(answer(body), SENT)
    assert (states(answer(body)), reading.message.code) == ("eue", "answer.counted_and_named")
    assert reading.items[1].message.to_json() == {
        "code": "answer.person_counted_and_named",
        "params": {"said": "Studenten är inte registrerad"},
    }


@pytest.mark.parametrize(
    "more",
    [
        {"error": "Transaktionen återtogs"},
        {"Error": {"message": "fel"}},
        {"Errors": [error("bosve34")]},
        {"ERRORS": {"bosve34": "fel"}},
        {"numberoferrors": 1},
        {"exception": "NullPointerException"},
        {"fel": ["Låst"]},
        {"success": False},
        {"Ok": False},
        {"success": "false"},
        {"ok": 0},
        {"registered": False},
        {"status": "ERROR"},
        {"result": "Failed"},
        {"outcome": "misslyckades"},
        {"errorMessage": "rolled back"},
        {"errorCode": 17},
        {"felmeddelande": "Ett fel uppstod"},
        {"failed": ["bosve34"]},
        {"rejectedGrades": [{"userId": "bosve34"}]},
        {"failures": {"bosve34": "låst"}},
        {"messages": [{"severity": "ERROR", "text": "Betyget avvisades"}]},
        {"meta": {"transaction": {"exception": "rolled back"}}},
    ],
    ids=json.dumps,
)
@pytest.mark.parametrize("body", [agreed(3, 0), agreed(2, 1, error("bosve34")), agreed(3, 0, error("bosve34"))])
def test_error_told_in_a_place_of_its_own_speaks_against_the_numbers(body, more):
    came = answer(body | more)
    assert (states(came), code(came)) == ("uuu", "answer.contradicts")
    assert states(answer(agreed(0, 3) | more)) == "fff"


@pytest.mark.parametrize(
    "more",
    [
        {"error": None},
        {"Errors": []},
        {"exception": ""},
        {"numberoferrors": 0},
        {"success": True},
        {"ok": None},
        {"errorCode": 0},
        {"errorCode": "0"},
        {"hasErrors": False},
        {"failed": []},
        {"status": "OK"},
        {"warnings": [{"userId": "bosve34", "text": "Kursen avslutas snart"}]},
        {"messages": [{"severity": "INFO", "text": "Allt gick bra, inga fel"}]},
        {"felt": "betyg"},
    ],
    ids=json.dumps,
)
def test_place_for_errors_that_is_empty_tells_of_none(more):
    assert states(answer(agreed(3, 0) | more)) == "eee"


@pytest.mark.parametrize("user_id", ["någonannan", 4, "A-1 annan12"])
def test_errors_for_people_we_did_not_send_leave_everyone_unknown(user_id):
    came = answer(agreed(2, 1, error(user_id)))
    assert (states(came), code(came)) == ("uuu", "answer.strangers")


@pytest.mark.parametrize(
    "entry",
    ["bosve34", None, 3, {}, {"errorInfo": "Fel"}, error(None), error(""), error(True), error(1.5), error(["bosve34"])],
)
def test_errors_that_do_not_say_whom_leave_everyone_unknown(entry):
    came = answer(agreed(2, 1, entry))
    assert (states(came), code(came)) == ("uuu", "answer.unreadable_errors")


@pytest.mark.parametrize("errors", ["fel", 3, True, {"bosve34": "Fel"}])
def test_errors_that_are_no_list_leave_everyone_unknown(errors):
    assert states(answer({"numberOfSuccess": 2, "numberOfErrors": 1, "errors": errors})) == "uuu"


def test_identifier_that_two_people_share_tells_nobody_apart():
    sent = [frozenset({"A-1", "annan12"}), frozenset({"B-1", "ANNAN12"})]
    for name in ("annan12", "ANNAN12", "Annan12"):
        assert states(answer(agreed(1, 1, error(name))), sent) == "uu"
    assert states(answer(agreed(1, 1, error("x"))), [frozenset({"x"}), frozenset({"x"})]) == "uu"
    centuries = [frozenset({"190001019809"}), frozenset({"200001019809"})]
    assert states(answer(agreed(1, 1, error(1019809))), centuries) == "uu"
    assert states(answer(agreed(1, 1, error("0001019809"))), centuries) == "ef"  # the sign of a century ago is missing


SPELLINGS: list[tuple[str, list]] = [
    ("199001019809", ["19900101-9809", "900101-9809", "9001019809", 9001019809, 199001019809, " 900101\u20119809 "]),
    ("900101-9809", ["199001019809", "19900101-9809", "9001019809", 9001019809]),
    ("0001019809", [1019809, "20000101-9809", 200001019809]),
    ("20000101-9809", [1019809, "000101-9809"]),
    ("900101-T123", ["19900101T123", "900101t123"]),
    ("stude004", ["STUDE004", "stude004\u200b", "\ufeffstude004", " stude004\n", "stude\u00ad004"]),
    ("åsa12", ["a\u030asa12", "ÅSA12", "A\u030aSA12"]),
    ("007", [7, 7.0, "007"]),
]


@pytest.mark.parametrize(
    ("identifier", "user_id"), [(identifier, written) for identifier, all_of in SPELLINGS for written in all_of]
)
def test_person_is_known_in_every_way_of_writing_one_identifier(identifier, user_id):
    sent = [frozenset({"someone"}), frozenset({identifier}), frozenset({"900101-9801"})]
    assert states(answer(agreed(2, 1, error(user_id))), sent) == "efe"


@pytest.mark.parametrize(
    ("identifier", "user_id"),
    [
        ("007", "7"),
        ("stude004", "stude04"),
        ("9001019809", "9001019808"),
        ("900101-9809", "900101+9809"),
        ("A-1", "A1"),
    ],
)
def test_nobody_is_known_by_something_that_is_only_alike(identifier, user_id):
    assert states(answer(agreed(1, 1, error(user_id))), [frozenset({identifier}), frozenset({"x"})]) == "uu"


@pytest.mark.parametrize(
    "body",
    [
        b"null",
        b"[]",
        b"{}",
        b'{"ok": true}',
        b'{"errors": null}',
        b"true",
        b"3",
        b'"OK"',
        b'{"status": "ok"}',
        b'{"error": "fel"}',
        b'{"numberofsuccess": 3}',
    ],
)
def test_data_that_says_nothing_of_grades_leaves_everyone_unknown(body):
    assert (states(answer(body)), code(answer(body))) == ("uuu", "answer.says_nothing")


@pytest.mark.parametrize(
    "body",
    [
        b"<!doctype html><title>Logga in</title>",
        b'{"numberOfSuccess": 3, "numberOfErr',
        b"OK",
        b"\xff\xfe\x00",
        '{"numberOfSuccess": 3, "x": "å"}'.encode("latin-1"),
        b"[" * 100_000,
        b'{"numberOfSuccess": ' + b"9" * 5000 + b"}",
        b'{"numberOfSuccess": 3, "x": 1e999}',
        b'{"numberOfSuccess": 3, "x": NaN}',
    ],
    ids=["html", "cut", "text", "bytes", "latin-1", "deep", "huge", "infinite", "nan"],
)
def test_html_and_broken_json_leave_everyone_unknown(body):
    came = answer(body, kind="text/html; charset=utf-8")
    assert (states(came), code(came)) == ("uuu", "answer.not_json")


@pytest.mark.parametrize("status", [200, 422])
@pytest.mark.parametrize(
    "body",
    [
        b'{"numberOfSuccess": 0, "numberOfSuccess": 3, "numberOfErrors": 0}',
        b'{"numberOfSuccess": 3, "numberOfErrors": 0, "errors": [], "errors": []}',
        b'{"numberOfSuccess": 3, "numberOf\\u0000Success": 3}',
        b'{"numberOfSuccess": 3, "x": [{"a": 1, "a": 1}]}',
    ],
)
def test_a_key_that_comes_twice_proves_nothing(status, body):
    assert (states(answer(body, status)), code(answer(body, status))) == ("uuu", "answer.repeated")


def test_latin_1_is_read_where_the_answer_says_so():
    body = json.dumps(agreed(2, 1, error("bosve34", "Övning")), ensure_ascii=False).encode("latin-1")
    came = answer(body, kind="application/json;charset=iso-8859-1")
    assert read_answer(came, SENT).items[1].message.params["said"] == "Övning"


# --- Refused before sending


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("connect", "answer.not_reached"),
        ("address", "answer.address_refused"),
        ("certificate", "answer.certificate_refused"),
        ("untrusted", "answer.untrusted"),
    ],
)
def test_nothing_sent_is_failed(kind, expected):
    came = NoAnswer(kind, sent=False, detail="Connection refused")
    assert (states(came), code(came)) == ("fff", expected)


# --- 400-499 but 408


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, "answer.refused"),
        (401, "answer.unauthorised"),
        (403, "answer.forbidden"),
        (404, "answer.not_found"),
        (405, "answer.refused"),
        (410, "answer.refused"),
        (413, "answer.refused"),
        (415, "answer.refused"),
        (422, "answer.refused"),
        (429, "answer.too_many_requests"),
    ],
)
def test_refusal_is_failed_with_ladoks_words(status, expected):
    came = answer({"message": "Betygsskalan är låst för 19900101-1234"}, status)
    reading = read_answer(came, SENT)
    assert (states(came), reading.message.code) == ("fff", expected)
    assert reading.message.params["said"] == "Betygsskalan är låst för 19900101-****"
    assert [item.message for item in reading.items] == [reading.message] * 3


@pytest.mark.parametrize("body", [b"", b"<html>", b"null", b"[1]"])
def test_refusal_without_a_length_may_be_cut_and_is_unknown_unless_it_is_whole_json(body):
    came = Answer(400, {}, body)
    is_whole = body in (b"null", b"[1]")
    assert states(came) == ("fff" if is_whole else "uuu")


@pytest.mark.parametrize("body", ['{"message": "för bosve34"}'.encode("latin-1"), b'{"errors": [{"userId"', b"[1,"])
def test_refusal_that_cannot_be_read_may_name_people_and_is_unknown(body):
    assert (states(answer(body, 422)), code(answer(body, 422))) == ("uuu", "answer.not_json")


@pytest.mark.parametrize("body", [b"", b"<html>", b"null", b"[1]"])
def test_refusal_without_words_is_failed(body):
    assert (states(answer(body, 400)), code(answer(body, 400))) == ("fff", "answer.refused_without_reason")


@pytest.mark.parametrize("status", [402, 406, 407, 409, 412, 418, 421, 423, 424, 425, 451, 499])
@pytest.mark.parametrize("body", [b"", b"<html>", {"message": "Betygsskalan är låst"}, {"numberOfSuccess": 0}])
def test_refusal_that_may_come_after_the_work_is_unknown(status, body):
    assert (states(answer(body, status)), code(answer(body, status))) == ("uuu", "answer.refused_unclear")


def test_refusal_that_is_too_long_to_look_for_people_in_is_unknown():
    for said, expected in (
        ("x" * 20_000, "fff"),
        ("x" * 20_000 + " bosve34", "uuu"),
        ("bosve34 " + "x" * 20_000, "ufu"),
    ):
        assert states(answer({"message": said}, 422)) == expected


def test_a_university_may_know_better_what_its_refusals_mean():
    rules = AnswerRules(refusals={409: "the exam is locked, nothing was looked at"})
    assert [read_answer(answer(b"", status), SENT, rules).count("failed") for status in (409, 400)] == [3, 0]


@pytest.mark.parametrize("status", [400, 403, 404, 409, 422, 429])
@pytest.mark.parametrize(
    "words",
    [
        "Redan registrerat",
        "Resultatet är redan attesterat.",
        "Result already registered",
        {"kod": "ALREADY_REGISTERED"},
        "Dubblett",
        "Duplicate entry",
    ],
    ids=str,
)
def test_refusal_that_speaks_of_what_is_there_already_is_unknown(status, words):
    came = answer({"message": words}, status)
    assert (states(came), code(came)) == ("uuu", "answer.refused_already")


@pytest.mark.parametrize("status", [400, 401, 404, 409, 422, 429, 451])
@pytest.mark.parametrize(
    "body",
    [
        {"errors": [error("bosve34", "Okänd")]},
        {"message": "Fel", "errors": [error("bosve34", "Okänd")]},
        {"numberOfErrors": 1, "errors": [error("bosve34", "Okänd")]},
        agreed(0, 1, error("bosve34", "Okänd")),
        {"message": "Okänd: bosve34."},
        {"error": {"message": "Fel", "students": ["BOSVE34"]}},
    ],
    ids=json.dumps,
)
def test_refusal_is_only_of_those_it_names(status, body):
    reading = read_answer(answer(body, status), SENT)
    assert (states(answer(body, status)), reading.message.code) == ("ufu", "answer.others_unsaid")
    assert reading.items[1].message.code == "answer.person_rejected"
    assert {reading.items[place].message.code for place in (0, 2)} == {"answer.person_unsaid"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"numberOfErrors": 1}, "answer.wrong_numbers"),
        ({"numberOfErrors": 2, "errors": [error("bosve34")]}, "answer.wrong_numbers"),
        (agreed(-1, 0), "answer.wrong_numbers"),
        (agreed(0, 1, error("x")), "answer.strangers"),
        ({"errors": [error("bosve34"), error("x")]}, "answer.strangers"),
        ({"errors": [{"person": "bosve34"}]}, "answer.unreadable_errors"),
        ({"errors": ["bosve34"]}, "answer.unreadable_errors"),
        ({"errors": {"bosve34": "Fel"}}, "answer.unreadable_errors"),
        ({"errors": "bosve34"}, "answer.unreadable_errors"),
    ],
    ids=str,
)
def test_refusal_of_people_that_cannot_be_told_apart_is_unknown(body, expected):
    assert (states(answer(body, 422)), code(answer(body, 422))) == ("uuu", expected)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (agreed(1, 1, error("bosve34")), "uuu"),
        (agreed("2", 1, error("bosve34")), "ufu"),
        (agreed(3, 1, error("bosve34")), "uuu"),
        (agreed(3, 0), "uuu"),
        ({"numberOfSuccess": 2, "errors": [error("bosve34")]}, "ufu"),
    ],
    ids=str,
)
def test_refusal_that_says_some_were_registered_is_never_of_the_others(body, expected):
    came = answer(body, 400)
    assert (states(came), code(came)) == (expected, "answer.refused_and_registered")


@pytest.mark.parametrize("body", [agreed(0, 0), {"numberOfSuccess": 0}, {"numberOfErrors": 0}, {"errors": []}])
def test_refusal_that_counts_nobody_is_of_all(body):
    assert states(answer(body, 422)) == "fff"


# --- There already

THERE = [
    "Resultatet är redan attesterat.",
    "Redan registrerat",
    "Betyget finns redan i Ladok",
    "Studenten har redan ett attesterat resultat",
    "Resultatet är attesterat",
    "Redan klarmarkerat av examinator",
    "Already registered",
    "The grade has already been reported",
    "Result already exists",
    "result is attested",
    "Dubblett",
    "duplicate result",
]
NOT_THERE = [
    "Studenten är inte registrerad",
    "Resultatet kan inte attesteras",
    "Betyget finns inte i betygsskalan",
    "Student is not registered",
    "Perioden är stängd",
    "Resultatet är inte redan registrerat",
]


@pytest.mark.parametrize("info", THERE)
def test_person_whose_grade_is_there_already_is_told_so_and_not_to_retry(info):
    reading = read_answer(answer(agreed(2, 1, error("bosve34", info))), SENT)
    assert states(answer(agreed(2, 1, error("bosve34", info)))) == "efe"
    assert (reading.message.code, reading.items[1].message.code) == (
        "answer.some_already",
        "answer.person_already_registered",
    )
    for language, retry, mark in (
        ("en", "Retrying cannot help", "choose Mark as exported"),
        ("sv", "Att försöka igen hjälper inte", "välj Markera som exporterat"),
    ):
        with translation.override(language):
            for told in (reading.message, reading.items[1].message):
                assert retry in told.todo
                assert mark in told.todo


@pytest.mark.parametrize("info", NOT_THERE)
def test_other_errors_are_not_taken_for_it(info):
    reading = read_answer(answer(agreed(2, 1, error("bosve34", info))), SENT)
    assert reading.items[1].message.code == "answer.person_rejected"


def test_some_are_there_and_some_rejected():
    some = agreed(1, 2, error("A-1", THERE[0]), error("bosve34", NOT_THERE[0]))
    every = agreed(0, 3, error("A-1", THERE[0]), error("bosve34", NOT_THERE[0]), error(3))
    assert (states(answer(some)), code(answer(some))) == ("ffe", "answer.some_rejected_some_there")
    assert (states(answer(every)), code(answer(every))) == ("fff", "answer.some_rejected_some_there")
    all_of = agreed(0, 3, *(error(each, THERE[1]) for each in ("A-1", "bosve34", 3)))
    for status in (200, 409, 422):
        assert (states(answer(all_of, status)), code(answer(all_of, status))) == ("fff", "answer.all_already")


def test_a_university_has_patterns_of_its_own():
    rules = AnswerRules(already=(r"felkod 4711",))
    for info, expected in (("Felkod 4711", "answer.person_already_registered"), (THERE[0], "answer.person_rejected")):
        came = answer(agreed(2, 1, error("bosve34", info)))
        assert read_answer(came, SENT, rules).items[1].message.code == expected


def test_every_university_has_a_table_with_reasons_and_it_stands_in_the_documentation():
    page = (Path(__file__).parents[3] / "docs" / "reliability.md").read_text()
    for university in UNIVERSITIES.values():
        assert university.answers.refusals
        assert all(university.answers.refusals.values())
    for status, reason in CLEAR_REFUSALS.items():
        assert f"| {status} | {reason} |" in page


# --- Nobody can tell


@pytest.mark.parametrize(
    ("came", "expected"),
    [
        (answer(b"", 408), "answer.request_timeout"),
        (NoAnswer("timeout", sent=True, detail="30"), "answer.timeout"),
        (NoAnswer("cut", sent=True, detail="ReadError"), "answer.cut"),
        (NoAnswer("oversized", sent=True, detail="64"), "answer.oversized"),
        (NoAnswer("garbled", sent=True, detail="br"), "answer.garbled"),
        (answer(b"", 500), "answer.server_error"),
        (answer({"message": "fel"}, 502), "answer.server_error"),
        (answer(b"<html>", 503), "answer.server_error"),
        (answer(agreed(3, 0), 500), "answer.server_error"),
        (answer(b"", 599), "answer.server_error"),
        (answer(b"", 302), "answer.unexpected_status"),
        (answer(b"", 304), "answer.unexpected_status"),
        (answer(b"", 307), "answer.unexpected_status"),
        (answer(b"", 199), "answer.unexpected_status"),
    ],
)
def test_anything_else_is_unknown(came, expected):
    assert (states(came), code(came)) == ("uuu", expected)


# --- Whatever comes

IDENTIFIERS = (
    st.sampled_from(["A-1", "annan12", "bosve34", "3", "cecbe56", "Z"])
    | st.integers(0, 5)
    | st.none()
    | st.text(max_size=3)
)
COUNTS = st.none() | st.integers(-1, 5) | st.sampled_from(["3", "0", 2.0, 0.5, True, []])
ERRORS = st.lists(
    st.fixed_dictionaries({"userId": IDENTIFIERS}, optional={"errorInfo": st.none() | st.text() | st.integers()})
    | st.none(),
    max_size=4,
)
AGREED = st.fixed_dictionaries(
    {}, optional={"numberOfSuccess": COUNTS, "numberOfErrors": COUNTS, "errors": ERRORS | st.none() | st.text()}
)
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda x: st.lists(x) | st.dictionaries(st.text(), x),
    max_leaves=5,
)
BODIES = (AGREED | JSON).map(lambda body: json.dumps(body).encode()) | st.binary(max_size=20)
ANSWERS = st.builds(Answer, st.integers(100, 599) | st.sampled_from([200, 207, 400, 408]), st.just({}), BODIES)
SILENCES = st.builds(
    NoAnswer, st.sampled_from(["address", "connect", "timeout", "cut"]), st.booleans(), st.text(max_size=5)
)
PEOPLE = st.lists(st.frozensets(st.sampled_from(["A-1", "annan12", "bosve34", "3", "cecbe56"]), min_size=1), max_size=6)


@settings(deadline=None)
@given(ANSWERS | SILENCES, PEOPLE)
def test_every_grade_gets_exactly_one_outcome_whatever_comes(came, sent):
    reading = read_answer(came, sent)
    assert len(reading.items) == len(sent)
    assert reading.count("exported") + reading.count("failed") + reading.count("unknown") == len(sent)
    assert all(item.message is not None for item in reading.items if item.state != "exported")
    for told in (reading.message, *(item.message for item in reading.items if item.message)):
        assert json.dumps(told.to_json())
        assert told.what


@settings(deadline=None)
@given(ANSWERS | SILENCES, PEOPLE)
def test_a_grade_is_exported_only_by_a_success(came, sent):
    exported = read_answer(came, sent).count("exported")
    assert not exported or (isinstance(came, Answer) and 200 <= came.status < 300)


@settings(deadline=None)
@given(ANSWERS | SILENCES, PEOPLE)
def test_a_grade_is_failed_only_when_nothing_left_or_ladok_said_so(came, sent):
    failed = read_answer(came, sent).count("failed")
    if isinstance(came, NoAnswer):
        assert not (failed and came.sent)
    elif 200 <= came.status < 300:
        body = json.loads(came.body) if failed else {}
        counted = body.get("numberOfErrors")
        named = len(body.get("errors") or ()) if failed else 0
        assert not failed or failed <= named or int(counted) == len(sent)
    else:
        assert not failed or (400 <= came.status < 500 and came.status != 408)


@settings(deadline=None)
@given(AGREED)
def test_named_person_is_never_exported(body):
    reading = read_answer(answer(body), SENT)
    named: list = body["errors"] if isinstance(body.get("errors"), list) else []
    for identifiers, item in zip(SENT, reading.items, strict=True):
        if any(entry and str(entry["userId"]) in identifiers for entry in named):
            assert item.state != "exported"


@pytest.mark.parametrize("language", ["sv", "en"])
@pytest.mark.parametrize("name", [name for name in CATALOGUE if name.startswith("answer.")])
def test_every_sentence_can_be_said(language, name):
    facts = {
        "count": 2,
        "sent": 3,
        "exported": 1,
        "said": "x",
        "status": 500,
        "detail": "y",
        "seconds": "30",
        "kind": "text/html",
        "successes": "1",
        "errors": "2",
        "named": 1,
        "there": 1,
    }
    with translation.override(language):
        said = message(name, **facts)
        assert said.what
        assert "%" not in str(said)
        if name != "answer.exported":
            assert said.effect
            assert said.todo
            assert said.who


def test_ten_thousand_grades_are_read_in_a_moment():
    sent = [frozenset({f"A-{number}", f"liu{number}"}) for number in range(10_000)]
    errors = [error(f"A-{number}") for number in range(0, 10_000, 2)]
    reading = read_answer(answer({"numberOfSuccess": 5000, "numberOfErrors": 5000, "errors": errors}), sent)
    assert (reading.count("exported"), reading.count("failed")) == (5000, 5000)


@pytest.mark.parametrize("status", [400, 404, 409, 422])
def test_a_refusal_that_names_everybody_has_said_why(status):
    came = answer(agreed(0, 3, error("A-1", "Redan klar"), error("bosve34"), error(3)), status)
    assert (states(came), code(came)) == ("fff", "answer.all_rejected")
    assert read_answer(came, SENT).items[0].message.params["said"] == "Redan klar"


@pytest.mark.parametrize(
    ("status", "errors", "more", "expected"),
    [
        (422, [error("A-1"), error("bosve34"), error(3)], {"message": "Stängd"}, "answer.refused"),
        (404, [error("A-1"), error("bosve34"), error(3)], {"message": "saknas"}, "answer.not_found"),
        (401, [error("A-1"), error("bosve34"), error(3)], {}, "answer.unauthorised"),
    ],
)
def test_a_refusal_keeps_its_own_sentence_where_that_says_more(status, errors, more, expected):
    assert code(answer(agreed(0, len(errors), *errors, **more), status)) == expected
