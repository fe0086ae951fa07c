"""Every row of the answer table as it comes over the wire, beside what Ladok's own ledger says."""

import json
from zoneinfo import ZoneInfo

import pytest

from exports.answers import read_answer
from ladokflow.ladok import UNIVERSITIES
from ladokflow.ladok.base import GradeLine
from ladokflow.ladok.client import LadokClient

LIU = UNIVERSITIES["liu"]
EXPORT = "/exams/*/grades"
CASES = [
    # fault, its options, what the grades become, the sentence, how many the ledger holds
    (None, {}, "exported", "answer.exported", 5),
    ("empty_body", {}, "exported", "answer.exported", 5),
    ("empty_body", {"status": 204}, "exported", "answer.exported", 5),
    ("status", {"status": 400}, "failed", None, 0),
    ("status", {"status": 401}, "failed", "answer.unauthorised", 0),
    ("status", {"status": 403}, "failed", "answer.forbidden", 0),
    ("status", {"status": 404}, "failed", "answer.not_found", 0),
    ("http_429", {"retry_after": 60}, "failed", "answer.too_many_requests", 0),
    ("status", {"status": 408, "after_work": True}, "unknown", "answer.request_timeout", 5),
    ("status", {"status": 500}, "unknown", "answer.server_error", 0),
    ("status", {"status": 503, "after_work": True}, "unknown", "answer.server_error", 5),
    ("lost_answer", {}, "unknown", "answer.cut", 5),
    ("drop", {}, "unknown", "answer.cut", 0),
    ("cut_body", {}, "unknown", "answer.cut", 5),
    ("late_answer", {"seconds": 3}, "unknown", "answer.timeout", 5),
    ("slow", {"seconds": 3}, "unknown", "answer.timeout", 5),
    ("html", {"after_work": True}, "unknown", "answer.not_json", 5),
    ("html", {}, "unknown", "answer.not_json", 0),
    ("not_json", {"after_work": True}, "unknown", "answer.not_json", 5),
    ("wrong_numbers", {}, "unknown", "answer.wrong_numbers", 5),
    ("strange_errors", {}, "unknown", "answer.strangers", 5),
]


def export(sandbox, *, url: str = "", seconds: float = 1.5):
    """Send five grades; what their outcome is read as, and Ladok's ledger."""
    code = sandbox.control.add_exam("liu", people=5)
    base = f"{sandbox.url}/liu"
    tz = ZoneInfo("Europe/Stockholm")
    with LadokClient(base_url=base, kind="bearer", client_id="", secret="liu-ladok", paths={}, tz=tz) as client:
        people = LIU.fetch_exam(client, code).people
        lines = [
            GradeLine("5", organisation_id=person.organisation_id, unique_exam_id=person.unique_exam_id)
            for person in people
        ]
        body = json.dumps(LIU.export_body(lines)).encode()
        came = client.send("POST", url or LIU.export_url(client, code), body, {}, seconds=seconds)
    return read_answer(came, [frozenset(LIU.identifiers(line)) for line in lines]), sandbox.control.grades("liu", code)


@pytest.mark.parametrize(("fault", "options", "state", "sentence", "registered"), CASES)
def test_row_of_the_table_ends_in_its_state(sandbox, fault, options, state, sentence, registered):
    if fault:
        sandbox.control.fault("liu", EXPORT, fault, **options)
    reading, ledger = export(sandbox)
    assert {item.state for item in reading.items} == {state}
    assert sentence in (None, reading.message.code)
    if fault not in ("late_answer", "slow"):  # there Ladok may not have come so far yet
        assert len(ledger) == registered
    assert all(row["times"] == 1 for row in ledger)
    # Failed means that nothing is there, and exported that all of it is: only unknown leaves both open.
    assert not ledger or state != "failed"
    assert len(ledger) == 5 or state != "exported"


def test_rejected_people_are_failed_and_the_others_exported(sandbox):
    sandbox.control.fault("liu", EXPORT, "partial_errors", count=2, error_info="Studenten är avregistrerad.")
    reading, ledger = export(sandbox)
    assert (reading.count("failed"), reading.count("exported"), len(ledger)) == (2, 3, 3)
    assert [item.message.params["said"] for item in reading.items if item.message] == [
        "Studenten är avregistrerad."
    ] * 2


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://127.0.0.1:9/liu/exams/X/grades", "answer.not_reached"),
        ("https://127.0.0.1:9/liu/exams/X/grades", "answer.not_reached"),
        ("https://ladok.example/exams/X/grades", "answer.not_reached"),
        ("http://ladok.example/exams/X/grades", "answer.address_refused"),
    ],
)
def test_what_never_left_us_is_failed(sandbox, url, sentence):
    reading, ledger = export(sandbox, url=url)
    assert {item.state for item in reading.items} == {"failed"}
    assert (reading.message.code, ledger) == (sentence, [])


def test_connection_that_fails_in_the_tls_handshake_has_sent_nothing(sandbox):
    """https to a port that speaks plain HTTP."""
    reading, ledger = export(sandbox, url=sandbox.url.replace("http://", "https://") + "/liu/exams/X/grades")
    assert {item.state for item in reading.items} == {"failed"}
    assert (reading.message.code, ledger) == ("answer.not_reached", [])
