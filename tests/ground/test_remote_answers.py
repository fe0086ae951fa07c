"""Whatever comes back from Ladok or WISEflow has a meaning: what is told, whether it is asked again, whether that is any use."""

import json

import pytest

from ladokflow.http import Answer, NoAnswer, failure_of
from ladokflow.ladok.errors import LadokError
from ladokflow.messages import MANAGER, Sentence
from ladokflow.remote_answers import FAILURES, Failure
from ladokflow.wiseflow.errors import TOKEN_FAILURES, WISEFLOW_FAILURES, WiseflowError

URL = "https://ladok.example/exams"
KINDS = ("address", "connect", "certificate", "untrusted", "timeout", "cut", "oversized", "garbled")
STATUSES = range(100, 600)
SYSTEMS = (LadokError, WiseflowError)


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("said", ["", "Perioden är stängd"])
def test_everything_that_can_come_back_is_told_in_words(system, said):
    body = json.dumps({"message": said}).encode() if said else b""
    responses: list[Answer | NoAnswer] = [NoAnswer(kind, sent=False, detail="x") for kind in KINDS]
    for response in responses + [Answer(status, {}, body) for status in STATUSES]:
        error = system.of(URL, response)
        text = str(error)
        assert text, response
        assert "%(" not in text
        assert isinstance(response, NoAnswer) or error.status == response.status
        failure = failure_of(response, system.failures)
        assert not (failure.is_retried and failure.is_permanent)


@pytest.mark.parametrize(
    ("response", "ladok", "wiseflow", "token"),
    [
        (NoAnswer("address", sent=False), *["remote.address_refused permanent"] * 3),
        (NoAnswer("connect", sent=False), *["remote.unreachable retried"] * 3),
        (NoAnswer("certificate", sent=False), *["remote.certificate_refused permanent"] * 3),
        (NoAnswer("untrusted", sent=False), *["remote.untrusted permanent"] * 3),
        (NoAnswer("timeout", sent=True), "remote.timeout", "remote.timeout retried", "remote.timeout retried"),
        (NoAnswer("cut", sent=True), *["remote.cut retried"] * 3),
        (NoAnswer("oversized", sent=True), *["remote.oversized"] * 3),
        (NoAnswer("garbled", sent=True), *["remote.garbled"] * 3),
        (Answer(302), "remote.not_json permanent", *["remote.refused permanent"] * 2),
        (Answer(400), *["remote.refused permanent"] * 2, "remote.unauthorised permanent"),
        (Answer(401), *["remote.unauthorised permanent"] * 3),
        (
            Answer(403),
            "remote.unauthorised permanent",
            "wiseflow.not_allowed permanent",
            "remote.unauthorised permanent",
        ),
        (Answer(404), *["remote.not_found permanent"] * 3),
        (Answer(408), "remote.server_error", "remote.server_error retried", "remote.server_error retried"),
        (Answer(409), *["remote.refused permanent"] * 3),
        (Answer(429), *["remote.too_many_requests retried"] * 3),
        (Answer(500), *["remote.server_error retried"] * 3),
        (Answer(503), *["remote.server_error retried"] * 3),
    ],
)
def test_what_it_means(response, ladok, wiseflow, token):
    def meaning(failures):
        failure = failure_of(response, failures)
        flags = [" permanent"] * failure.is_permanent + [" retried"] * failure.is_retried
        return failure.code + "".join(flags)

    assert [meaning(table) for table in (LadokError.failures, WISEFLOW_FAILURES, TOKEN_FAILURES)] == [
        ladok,
        wiseflow,
        token,
    ]


def test_the_words_for_a_status_are_one_entry_of_the_table():
    sentence = Sentence("%(system)s has it already (HTTP %(status)s): %(detail)s", todo="Look there.", who=MANAGER)
    table = {**FAILURES, 409: Failure("remote.test_conflict", sentence, is_permanent=True)}
    error = LadokError.of(URL, Answer(409, {}, b'{"message": "19900101-1234"}'), table)
    assert error.permanent
    assert error.message.what == "Ladok has it already (HTTP 409): 19900101-****."
    assert LadokError.of(URL, Answer(409), table).message.what == "Ladok has it already (HTTP 409): HTTP 409."


def test_only_what_the_words_use_is_kept():
    assert LadokError.of(URL, NoAnswer("timeout", sent=True, detail="30")).message.params == {
        "system": "Ladok",
        "seconds": "30",
    }


@pytest.mark.parametrize("url", ["http://[", "http://ladok.example:port"])
def test_an_address_that_cannot_be_read_is_told_as_one_that_may_not_be_used(url):
    error = LadokError.of(url, NoAnswer("address", sent=False, detail="Invalid"))
    assert error.message.code == "remote.address_refused"


@pytest.mark.parametrize("system", SYSTEMS)
def test_one_table_says_what_is_about_one_thing_and_what_stops_the_whole(system):
    about_one = {status for status in STATUSES if system.of(URL, Answer(status)).is_about_one}
    # 403 from Ladok is about our token; WISEflow says it of a flow, a person or a room.
    assert about_one == {400, 404, 409, 415, 422} | ({403} if system is WiseflowError else set())
    assert not any(system.of(URL, NoAnswer(kind, sent=False, detail="x")).is_about_one for kind in KINDS)


def test_a_token_that_is_refused_is_refused_to_everything():
    assert not any(WiseflowError.of(URL, Answer(status), TOKEN_FAILURES).is_about_one for status in STATUSES)
