"""Ladok's answer to an export: every row of the table, and the oddities around each."""

import json

import pytest
from django.utils import translation
from hypothesis import given, settings
from hypothesis import strategies as st

from exports.attempts.answer import read_answer
from ladokflow.http import Answer, NoAnswer
from ladokflow.messages import CATALOGUE, message

SENT = [frozenset({"A-1", "annan12"}), frozenset({"bosve34"}), frozenset({"3", "cecbe56"})]


def answer(body=b"", status: int = 200, kind: str = "application/json") -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, {"content-type": kind}, content)


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


@pytest.mark.parametrize("status", [200, 201, 202, 207])
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
        {"numberOfErrors": 0},
        {"errors": []},
        {"numberOfSuccess": 3, "errors": None},
        {"numberOfSuccess": None, "numberOfErrors": None, "errors": []},
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
        {"errors": [error("bosve34")]},
        {"numberOfSuccess": 2, "errors": [error("bosve34")]},
        {"numberOfErrors": 1, "errors": [error("bosve34")]},
        {"numberOfErrors": 1, "errors": error("bosve34")},
        {
            "numberOfSuccess": 2,
            "numberOfErrors": 1,
            "errors": [error("bosve34"), error("bosve34", "Och betyget är okänt")],
        },
    ],
)
def test_missing_numbers_beside_named_people_are_normal(body):
    assert states(answer(body)) == "efe"


def test_two_errors_for_one_person_are_both_told():
    came = answer({"errors": [error("bosve34", "Ett"), error("BOSVE34", "Två"), error("bosve34", "Ett")]})
    assert read_answer(came, SENT).items[1].message.params["said"] == "Ett; Två"


@pytest.mark.parametrize("info", [None, "", "   ", []])
def test_error_without_a_reason_is_still_an_error(info):
    came = answer({"errors": [error("bosve34", info)]})
    assert states(came) == "efe"
    assert read_answer(came, SENT).items[1].message.code == "answer.person_rejected_without_reason"
    assert states(answer({"errors": [{"userId": "bosve34"}]})) == "efe"


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


@pytest.mark.parametrize("status", [200, 201, 202, 204, 205, 207])
@pytest.mark.parametrize("body", [b"", b" \r\n"])
def test_empty_body_of_a_success_means_everyone(status, body):
    assert states(answer(body, status, kind="")) == "eee"


# --- Strict where grades are at stake


@pytest.mark.parametrize(
    "body",
    [
        agreed(2, 0),
        agreed(4, 0),
        agreed(3, 1),
        agreed(2, 1),
        agreed(3, 0, error("bosve34")),
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
        {"numberOfSuccess": 3, "errors": [error("bosve34")]},
        {"numberOfErrors": 0, "errors": [error("bosve34")]},
    ],
    ids=json.dumps,
)
def test_numbers_that_do_not_add_up_leave_everyone_unknown(body):
    assert (states(answer(body)), code(answer(body))) == ("uuu", "answer.wrong_numbers")


def test_numbers_that_do_not_add_up_are_told():
    told = read_answer(answer(agreed(2, 2, error("bosve34"))), SENT).message
    assert told.params == {"sent": 3, "successes": "2", "errors": "2", "named": 1}


def test_what_was_said_of_a_person_is_kept_even_when_the_outcome_is_unknown():
    reading = read_answer(answer(agreed(3, 0, error("bosve34"))), SENT)
    assert reading.items[1].message.to_json() == {
        "code": "answer.person_unknown_with_error",
        "params": {"said": "Studenten är inte registrerad"},
    }
    assert reading.items[0].message == reading.message


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
    assert states(answer({"errors": [error("annan12")]}), sent) == "fe"  # spelt as only one of them is
    assert states(answer({"errors": [error("Annan12")]}), sent) == "uu"
    assert states(answer({"errors": [error("x")]}), [frozenset({"x"}), frozenset({"x"})]) == "uu"


@pytest.mark.parametrize(
    "body",
    [
        b"null",
        b"[]",
        b"{}",
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
    ],
    ids=["html", "cut", "text", "bytes", "latin-1", "deep", "huge"],
)
def test_html_and_broken_json_leave_everyone_unknown(body):
    came = answer(body, kind="text/html; charset=utf-8")
    assert (states(came), code(came)) == ("uuu", "answer.not_json")


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
        (409, "answer.refused"),
        (413, "answer.refused"),
        (422, "answer.refused"),
        (425, "answer.refused"),
        (429, "answer.too_many_requests"),
        (499, "answer.refused"),
    ],
)
def test_refusal_is_failed_with_ladoks_words(status, expected):
    came = answer({"message": "Betygsskalan är låst för 19900101-1234"}, status)
    reading = read_answer(came, SENT)
    assert (states(came), reading.message.code) == ("fff", expected)
    assert reading.message.params["said"] == "Betygsskalan är låst för 19900101-****"
    assert [item.message for item in reading.items] == [reading.message] * 3


@pytest.mark.parametrize("body", [b"", b"<html>", b"null", b"[1]"])
def test_refusal_without_words_is_failed(body):
    assert (states(answer(body, 400)), code(answer(body, 400))) == ("fff", "answer.refused_without_reason")


def test_refusal_that_names_people_says_to_each_their_own():
    reading = read_answer(answer({"message": "Fel", **agreed(0, 1, error("bosve34", "Okänd"), error("x"))}, 422), SENT)
    assert [item.message.code for item in reading.items] == [
        "answer.refused",
        "answer.person_rejected",
        "answer.refused",
    ]


@pytest.mark.parametrize("registered", [1, "2", 3])
def test_refusal_that_says_some_were_registered_is_unknown(registered):
    came = answer(agreed(registered, 1, error("bosve34")), 400)
    assert (states(came), code(came)) == ("uuu", "answer.refused_and_registered")


# --- Nobody can tell


@pytest.mark.parametrize(
    ("came", "expected"),
    [
        (answer(b"", 408), "answer.request_timeout"),
        (NoAnswer("timeout", sent=True, detail="30"), "answer.timeout"),
        (NoAnswer("cut", sent=True, detail="ReadError"), "answer.cut"),
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
    # One answer is either relied on or not: unknown never stands beside another outcome.
    assert reading.count("unknown") in (0, len(sent))
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
        assert not failed or failed <= len(body["errors"])
    else:
        assert not failed or (400 <= came.status < 500 and came.status != 408)


@settings(deadline=None)
@given(AGREED)
def test_named_person_is_never_exported(body):
    reading = read_answer(answer(body), SENT)
    named = body.get("errors") if isinstance(body.get("errors"), list) else []
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
        (422, [error("A-1"), error("bosve34")], {}, "answer.refused_without_reason"),
        (422, [error("A-1"), error("bosve34"), error(3)], {"message": "Stängd"}, "answer.refused"),
        (404, [error("A-1"), error("bosve34"), error(3)], {"message": "saknas"}, "answer.not_found"),
        (401, [error("A-1"), error("bosve34"), error(3)], {}, "answer.unauthorised"),
    ],
)
def test_a_refusal_keeps_its_own_sentence_where_that_says_more(status, errors, more, expected):
    assert code(answer(agreed(0, len(errors), *errors, **more), status)) == expected
