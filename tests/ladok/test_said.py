import json

import pytest

from ladokflow.http import Answer, said


def test_words_of_the_other_side_hold_no_national_id() -> None:
    answer = Answer(400, {}, json.dumps({"error": {"message": "19900101-2384 does not fit ^.+$"}}).encode())
    assert said(answer) == "19900101-**** does not fit ^.+$"


def test_words_without_one_stay_as_they_are() -> None:
    assert said(Answer(422, {}, json.dumps({"errorInfo": "Okänt betyg VG"}).encode())) == "Okänt betyg VG"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/plain", "Perioden är stängd\nför 19900101-2384".encode()),
        ("text/plain; charset=iso-8859-1", "Perioden är stängd för 19900101-2384".encode("latin-1")),
        ("Text/Plain;charset=utf-8", b"\xef\xbb\xbf" + "Perioden är stängd för 19900101-2384".encode()),
    ],
)
def test_words_may_come_as_plain_text(kind, body) -> None:
    assert said(Answer(400, {"content-type": kind}, body)) == "Perioden är stängd för 19900101-****"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/plain", b" <html><body>Bad gateway</body></html>"),
        ("text/html", b"Bad gateway"),
        ("", b"Bad gateway"),
        ("text/plain", b"\x00\x01\xff"),
        ("text/plain", b"  "),
    ],
)
def test_a_page_or_noise_is_no_words(kind, body) -> None:
    assert said(Answer(400, {"content-type": kind}, body)) == ""


def test_the_title_of_a_problem_tells_where_it_has_no_detail() -> None:
    problem = {"type": "about:blank", "title": "Perioden är stängd", "status": 409}
    assert said(Answer(409, {}, json.dumps(problem).encode())) == "Perioden är stängd"
    assert said(Answer(409, {}, json.dumps(problem | {"detail": "Sedan i går"}).encode())) == "Sedan i går"
