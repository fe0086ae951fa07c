"""Signing in, repeating reads, and sending once."""

import base64
import gzip
import time

import pytest

from ladokflow.http import Answer, NoAnswer
from ladokflow.ladok.errors import LadokError
from tests.ladok.conftest import Reply


def refusal(call) -> LadokError:
    with pytest.raises(LadokError) as caught:
        call()
    return caught.value


# --- Signing in


@pytest.mark.parametrize(
    ("credential", "name", "value"),
    [
        ({"kind": "bearer", "secret": " abc.def \n"}, "authorization", "Bearer abc.def"),
        ({"kind": "api_key", "secret": "abc"}, "x-api-key", "abc"),
        (
            {"kind": "basic", "client_id": "ladokflow", "secret": "lösen ord"},
            "authorization",
            "Basic " + base64.b64encode("ladokflow:lösen ord".encode()).decode(),
        ),
    ],
)
def test_credential_goes_into_its_header_when_reading_and_when_sending(ladok, connect, credential, name, value):
    ladok.answers({})
    client = connect(**credential)
    client.get_json("/exams")
    client.send("POST", client.url("/exams/X/grades"), b"{}", {})
    assert [request.headers[name] for request in ladok.requests] == [value, value]


@pytest.mark.parametrize("secret", ["", "  ", "två ord", "a\nb", "nyckel-å"])
@pytest.mark.parametrize("kind", ["bearer", "api_key"])
def test_token_that_cannot_be_sent_is_told_before_anything_is(ladok, connect, kind, secret):
    assert refusal(lambda: connect(kind=kind, secret=secret)).message.code == "ladok.bad_token"
    assert ladok.requests == []


def test_secret_is_in_no_error(ladok, connect):
    ladok.answers(Reply(b"", status=401))
    error = refusal(lambda: connect(secret="s3cret-token").get_json("/exams"))
    assert "s3cret" not in f"{error} {error!r} {error.message}"


# --- Reading


def test_reading_is_tried_again_after_a_failure_that_may_pass(ladok, client):
    ladok.answers(Reply(b"", status=503), Reply({"a": 1}, cut_after=3), {"a": 1})
    assert client.get_json("/exams") == {"a": 1}
    assert len(ladok.requests) == 3


def test_reading_is_tried_three_times_at_most(ladok, client):
    ladok.answers(Reply(b"", status=502))
    error = refusal(lambda: client.get_json("/exams"))
    assert (error.message.code, error.status, error.permanent) == ("remote.server_error", 502, False)
    assert len(ladok.requests) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
def test_refusal_is_final(ladok, client, status):
    ladok.answers(Reply(b"", status=status))
    assert refusal(lambda: client.get_json("/exams")).permanent
    assert len(ladok.requests) == 1


def test_too_many_requests_are_waited_for_as_told(ladok, client):
    ladok.answers(Reply(b"", status=429, headers={"Retry-After": "0"}), {"a": 1})
    assert client.get_json("/exams") == {"a": 1}


@pytest.mark.parametrize("asked", ["3600", "86400", "9" * 40, "6.5", "Fri, 01 Jan 2100 00:00:00 GMT"])
def test_long_wait_is_told_instead(ladok, client, asked):
    ladok.answers(Reply(b"", status=429, headers={"Retry-After": asked}))
    assert refusal(lambda: client.get_json("/exams")).message.code == "remote.too_many_requests"
    assert len(ladok.requests) == 1


@pytest.mark.parametrize(
    "asked", ["", "soon", "-3600", "nan", "-inf", "Thu, 01 Jan 1970 00:00:00 GMT", "Mon, 01 Jan 0001 00:00:00 -0000"]
)
def test_wait_that_makes_no_sense_is_a_short_one(ladok, client, asked):
    ladok.answers(Reply(b"", status=429, headers={"Retry-After": asked}), {"a": 1})
    started = time.monotonic()
    assert client.get_json("/exams") == {"a": 1}
    assert time.monotonic() - started < 30


def test_no_wait_goes_beyond_the_time_a_request_may_take(ladok, client, settings):
    settings.REMOTE_TIMEOUT_SECONDS = 3
    ladok.answers(Reply(b"", status=429, headers={"Retry-After": "4"}))
    assert refusal(lambda: client.get_json("/exams")).message.code == "remote.too_many_requests"
    assert len(ladok.requests) == 1


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (Reply(b'[{"examCode": "A", "examCode": "B"}]'), "remote.repeated"),
        (Reply(b"[" * 100_000), "remote.not_json"),
        (Reply(b'["\xe5"]'), "remote.not_json"),
        (Reply(b"[NaN]"), "remote.not_json"),
        (Reply(b"[99999999999999999999]"), "remote.not_json"),
        (Reply(b"[]", headers={"Content-Encoding": "gzip, gzip"}), "remote.garbled"),
        (Reply(b"[]", headers={"Content-Encoding": "gzip"}), "remote.garbled"),
        (Reply(gzip.compress(b"[]")[:-1], headers={"Content-Encoding": "gzip"}), "remote.cut"),
        (Reply(b"[]", status=206), "remote.refused_unsaid"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_list_that_is_not_whole_or_not_certain_is_told_and_not_read(ladok, client, reply, code):
    ladok.answers(reply)
    assert refusal(lambda: client.get_json("/exams")).message.code == code


def test_slow_side_is_given_up_once(ladok, client, settings):
    settings.REMOTE_TIMEOUT_SECONDS = 3
    ladok.answers(Reply(status=0))
    assert refusal(lambda: client.get_json("/exams")).message.code == "remote.timeout"
    assert len(ladok.requests) == 1


def test_side_that_is_down_is_told_with_its_host(connect):
    error = refusal(lambda: connect(base_url="http://127.0.0.1:9/liu").get_json("/exams"))
    assert (error.message.code, error.message.params["host"]) == ("remote.unreachable", "127.0.0.1")


def test_plain_http_to_another_machine_is_refused(connect):
    error = refusal(lambda: connect(base_url="http://ladok.example").get_json("/exams"))
    assert error.message.code == "remote.address_refused"


@pytest.mark.parametrize("address", ["/", "//", ""])
def test_slash_after_the_address_of_the_source_makes_no_difference(ladok, connect, address):
    ladok.answers({})
    connect(base_url=ladok.url + address).get_json("/exams")
    assert ladok.requests[0].path == "/liu/exams"


# --- Sending


def test_what_is_sent_is_what_was_given(ladok, client):
    ladok.answers(Reply({"numberOfSuccess": 1, "numberOfErrors": 0}, status=201))
    came = client.send("PATCH", client.url("/exams/X/grades"), b'{"gradeExports": []}', {"Idempotency-Key": "k"})
    assert isinstance(came, Answer)
    assert (came.status, came.json()) == (201, {"numberOfSuccess": 1, "numberOfErrors": 0})
    (request,) = ladok.requests
    assert (request.method, request.path, request.body) == ("PATCH", "/liu/exams/X/grades", b'{"gradeExports": []}')
    assert (request.headers["content-type"], request.headers["idempotency-key"]) == ("application/json", "k")


@pytest.mark.parametrize(
    "reply", [Reply(b"", status=503), Reply(b"", status=429), Reply({"a": 1}, cut_after=3), Reply(cut_after=0)]
)
def test_sending_is_never_repeated(ladok, client, reply):
    ladok.answers(reply)
    client.send("POST", client.url("/exams/X/grades"), b"{}", {})
    assert len(ladok.requests) == 1


def test_redirect_is_not_followed(ladok, client):
    ladok.answers(Reply(b"", status=307, headers={"Location": "/liu/elsewhere"}))
    came = client.send("POST", client.url("/exams/X/grades"), b"{}", {})
    assert isinstance(came, Answer)
    assert came.status == 307
    assert len(ladok.requests) == 1


def test_each_sending_has_a_connection_of_its_own(ladok, client):
    ladok.answers({})
    client.get_json("/exams")
    client.send("POST", client.url("/exams/X/grades"), b"{}", {})
    client.send("POST", client.url("/exams/X/grades"), b"{}", {})
    assert len({request.connection for request in ladok.requests}) == 3


def test_cut_answer_may_have_been_work_done(ladok, client):
    ladok.answers(Reply(cut_after=0))
    assert client.send("POST", client.url("/x"), b"{}", {}) == NoAnswer("cut", sent=True, detail="RemoteProtocolError")


def test_answer_that_never_comes_ends_at_the_deadline(ladok, client):
    ladok.answers(Reply(status=0))
    came = client.send("POST", client.url("/x"), b"{}", {}, seconds=3)
    assert isinstance(came, NoAnswer)
    assert (came.kind, came.sent) == ("timeout", True)


def test_nothing_left_us_when_there_is_no_connection(connect):
    client = connect(base_url="http://127.0.0.1:9/liu")
    came = client.send("POST", client.url("/x"), b"{}", {})
    assert isinstance(came, NoAnswer)
    assert (came.kind, came.sent) == ("connect", False)


def test_nothing_leaves_us_for_an_address_that_may_not_be_used(connect):
    client = connect(base_url="http://ladok.example/liu")
    came = client.send("POST", client.url("/x"), b"{}", {})
    assert isinstance(came, NoAnswer)
    assert (came.kind, came.sent) == ("address", False)
