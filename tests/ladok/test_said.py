import json

import pytest

from ladokflow.http import Answer, said


def test_words_of_the_other_side_hold_no_national_id() -> None:
    answer = Answer(400, {}, json.dumps({"error": {"message": "19900101-2384 does not fit ^.+$"}}).encode())
    assert said(answer) == "19900101-**** does not fit ^.+$"


def test_words_without_one_stay_as_they_are() -> None:
    assert said(Answer(422, {}, json.dumps({"errorInfo": "Okänt betyg VG"}).encode())) == "Okänt betyg VG"


@pytest.mark.parametrize("kind", ["text/plain", "text/html", "application/json", ""])
@pytest.mark.parametrize(
    "body",
    [
        "Perioden är stängd".encode(),
        b"-ERR wrong number of arguments",
        b"ami-id\nsecurity-credentials/",
        b"<p>Gateway",
        b"{'a': 1}",
    ],
)
def test_what_is_no_json_is_told_nobody_whatever_it_calls_itself(kind, body) -> None:
    """At the address that somebody has typed, anything may answer."""
    assert said(Answer(400, {"content-type": kind}, body)) == ""


@pytest.mark.parametrize(
    ("header", "kind"),
    [("text/html; charset=utf-8", "text/html"), ("redis_version:7.0", "?"), ("root:x:0/0 :/root", "?"), ("", "?")],
)
def test_of_its_kind_no_more_is_told_than_a_media_type(header, kind) -> None:
    assert Answer(200, {"content-type": header}).kind == kind


def test_the_title_of_a_problem_tells_where_it_has_no_detail() -> None:
    problem = {"type": "about:blank", "title": "Perioden är stängd", "status": 409}
    assert said(Answer(409, {}, json.dumps(problem).encode())) == "Perioden är stängd"
    assert said(Answer(409, {}, json.dumps(problem | {"detail": "Sedan i går"}).encode())) == "Sedan i går"
