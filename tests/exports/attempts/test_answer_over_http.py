"""Every row of the answer table, from Ladok's answer over the wire to what the manager reads, beside Ladok's own ledger."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from exports.attempts.send import send_attempt
from exports.attempts.start import start_export
from exports.grades.collect import collect_grades
from exports.models import ExportAttempt, ExportItem
from ladokflow.sandbox.server import Sandbox
from sources.models import Flow, Source
from tests.cases import Cases
from tests.exports.test_end_to_end import Exam

pytestmark = pytest.mark.django_db

EXPORT = "/exams/*/grades"
PEOPLE = ("900001", "900002", "900003")

EXPORTED = ("Ladok registered all 3 grades.", "Ladok registrerade alla 3 betyg.")
NOT_REGISTERED = ("No grade was registered.", "Inget betyg registrerades.")
NOTHING_SENT = ("Nothing was sent to Ladok.", "Ingenting skickades till Ladok.")
MAY_BE_THERE = (
    "The grades may be in Ladok, all, some or none of them.",
    "Betygen kan finnas i Ladok: alla, några eller inga.",
)
LOOK_FIRST = (
    "Find out what is in Ladok, and say so. What is not there can then be sent again.",
    "Ta reda på vad som finns i Ladok och ange det. Det som inte finns där kan sedan skickas igen.",
)
SOME_REJECTED = ("Ladok registered 2 of 3 grades and rejected 1.", "Ladok registrerade 2 av 3 betyg och avvisade 1.")
CUT = (
    "The connection to Ladok was cut before the answer was complete.",
    "Förbindelsen med Ladok bröts innan hela svaret hade kommit.",
)
NO_DATA = (
    "Ladok answered with something that is not data (HTTP 200,",
    "Ladok svarade med något som inte är data (HTTP 200,",
)
SAYS_NOTHING = (
    "Ladok's answer says neither how many grades it registered nor what was wrong (HTTP 200).",
    "Ladoks svar säger varken hur många betyg som registrerades eller vad som var fel (HTTP 200).",
)
ADD_UP = "The numbers in Ladok's answer do not add up:", "Siffrorna i Ladoks svar går inte ihop:"
STRANGER = (
    "Ladok's answer lists an error for someone who was not sent.",
    "Ladoks svar innehåller ett fel för någon som inte skickades.",
)
OTHERS_UNSAID = (
    "Ladok rejected 1 of 3 grades, and does not say what came of the others (HTTP",
    "Ladok avvisade 1 av 3 betyg och säger inte hur det gick med de andra (HTTP",
)
RETRY_IS_NO_HELP = (
    "Retrying cannot help. Look in Ladok; where the grade there is the right one, choose Mark as exported.",
    "Att försöka igen hjälper inte. Titta efter i Ladok: är betyget där det rätta, välj Markera som exporterat.",
)
LATE = "Ladok did not answer within 5 seconds.", "Ladok svarade inte inom 5 sekunder."


@dataclass(frozen=True)
class Row:
    """`states`: e(xported), f(ailed), u(nknown) of each person; `in_ladok`: how many the ledger holds, None if it may be
    at work still; `told` and `then`: what the manager reads first, and what it means."""

    kind: str
    options: dict[str, Any]
    states: str
    in_ladok: int | None
    told: tuple[str, str]
    then: tuple[str, str] = ("", "")


def says(body: Any, status: int = 200, **more: Any) -> dict[str, Any]:
    return {"body": body, "status": status, "after_work": True, **more}


def agreed(successes: Any, failures: Any, *errors: Any, **more: Any) -> dict[str, Any]:
    return {"numberOfSuccess": successes, "numberOfErrors": failures, "errors": list(errors), **more}


def error(user_id: Any, info: Any = "Studenten är avregistrerad.") -> dict[str, Any]:
    return {"userId": user_id, "errorInfo": info}


ROWS = {
    # 200 and numbers that add up
    "agreed": Row("", {}, "eee", 3, EXPORTED),
    "201": Row("answer", says(agreed(3, 0), 201), "eee", 3, EXPORTED),
    "207": Row("answer", says(agreed(3, 0), 207), "eee", 3, EXPORTED),
    "counts_as_text": Row("answer", says(agreed("3", "0")), "eee", 3, EXPORTED),
    "one_count": Row("answer", says({"numberOfSuccess": 3}), "eee", 3, EXPORTED),
    "unknown_keys": Row("answer", says(agreed(3, 0, batchId="x", warnings=[1])), "eee", 3, EXPORTED),
    "rejected": Row("partial_errors", {"identifiers": ["900002"], "error_info": "Okänd"}, "efe", 2, SOME_REJECTED),
    "rejected_by_number": Row("answer", says(agreed(2, 1, error(900002))), "efe", None, SOME_REJECTED),
    "rejected_without_counts": Row("answer", says({"errors": [error("900003", "Okänd")]}), "uuf", None, OTHERS_UNSAID),
    "rejected_207": Row("answer", says(agreed(2, 1, error("900001", None)), 207), "fee", None, SOME_REJECTED),
    "there_already": Row(
        "partial_errors", {"identifiers": ["900002"], "error_info": "Resultatet är redan attesterat."}, "efe", 2,
        (
            "Ladok registered 2 of 3 grades, and says that it has the other one already.",
            "Ladok registrerade 2 av 3 betyg och säger att det andra redan finns där.",
        ),
        RETRY_IS_NO_HELP,
    ),
    "warned": Row(
        "answer", says(agreed(3, 0, error("900002", "Registrerat efter sista dag."))), "eue", 3,
        (
            "Ladok says that it registered all 3 grades, and at the same time names an error for one of them.",
            "Ladok säger att alla 3 betyg registrerades, och anger samtidigt ett fel för ett av dem.",
        ),
        ("Those it names may be in Ladok; the others are.", "De som nämns kan finnas i Ladok; de andra finns där."),
    ),
    "all_rejected": Row(
        "partial_errors", {"identifiers": list(PEOPLE), "error_info": "Okänd"}, "fff", 0,
        ("Ladok rejected all 3 grades.", "Ladok avvisade alla 3 betyg."), NOT_REGISTERED,
    ),
    # 2xx and an empty body
    "empty": Row("empty_body", {}, "eee", 3, EXPORTED),
    "204": Row("empty_body", {"status": 204}, "eee", 3, EXPORTED),
    # 400-499 but 408
    "400": Row(
        "status", {"status": 400, "body": {"message": "Fel format"}}, "fff", 0,
        ("Ladok refused the export (HTTP 400): Fel format", "Ladok nekade exporten (HTTP 400): Fel format"), NOT_REGISTERED,
    ),
    "401": Row(
        "status", {"status": 401}, "fff", 0,
        ("Ladok did not accept the source's token (HTTP 401).", "Ladok godtog inte lärosätets token (HTTP 401)."),
        ("Check the source's Ladok credential in the administration", "Kontrollera lärosätets inloggningsuppgift för Ladok"),
    ),
    "403": Row(
        "status", {"status": 403}, "fff", 0,
        (
            "Ladok knows the source's token, but does not let it export these grades (HTTP 403).",
            "Ladok känner igen lärosätets token men låter den inte exportera de här betygen (HTTP 403).",
        ),
        ("Your licence admin", "Din licensadministratör"),
    ),
    "404": Row(
        "status", {"status": 404}, "fff", 0,
        ("Ladok has no such exam to export to (HTTP 404).", "Ladok har ingen sådan tentamen att exportera till (HTTP 404)."),
        NOT_REGISTERED,
    ),
    "429": Row(
        "http_429", {"retry_after": 60}, "fff", 0,
        ("Ladok says that too many requests have been made (HTTP 429).", "Ladok säger att för många anrop har gjorts (HTTP 429)."),
        ("Wait a few minutes, then choose Retry.", "Vänta några minuter och välj sedan Försök igen."),
    ),
    "422_names_one": Row(
        "answer", says({"message": "Fel", "errors": [error("900002")]}, 422), "ufu", 3, OTHERS_UNSAID,
        ("Ladok rejected other people's grades", "Ladok avvisade andras betyg"),
    ),
    # Nobody can tell
    "409_silent": Row(
        "answer", says(None, 409), "uuu", 3,
        (
            "Ladok refused the export in a way that leaves open what was done before (HTTP 409).",
            "Ladok nekade exporten på ett sätt som lämnar öppet vad som hann göras (HTTP 409).",
        ),
        MAY_BE_THERE,
    ),
    "409_already": Row(
        "answer", says({"message": "Redan registrerat"}, 409), "uuu", 3,
        (
            "Ladok refused the export and speaks of something that is there already (HTTP 409): Redan registrerat",
            "Ladok nekade exporten och talar om något som redan finns där (HTTP 409): Redan registrerat",
        ),
        MAY_BE_THERE,
    ),
    "no_counts": Row("answer", says({"errors": []}), "uuu", 3, SAYS_NOTHING, MAY_BE_THERE),
    "no_success": Row(
        "answer", says({"numberOfErrors": 0}), "uuu", 3,
        (
            "Ladok's answer does not say how many grades it registered (HTTP 200).",
            "Ladoks svar säger inte hur många betyg som registrerades (HTTP 200).",
        ),
        MAY_BE_THERE,
    ),
    "202": Row(
        "answer", says(agreed(3, 0), 202), "uuu", 3,
        (
            "Ladok has taken the grades in, and does not say that they are registered (HTTP 202).",
            "Ladok har tagit emot betygen men säger inte att de är registrerade (HTTP 202).",
        ),
        MAY_BE_THERE,
    ),
    "408": Row(
        "status", {"status": 408, "after_work": True}, "uuu", 3,
        ("Ladok gave up waiting for the request (HTTP 408).", "Ladok slutade vänta på anropet (HTTP 408)."), MAY_BE_THERE,
    ),
    "500": Row(
        "status", {"status": 500}, "uuu", 0,
        ("Ladok failed on its own side (HTTP 500).", "Det blev fel i Ladok (HTTP 500)."), MAY_BE_THERE,
    ),
    "503_done": Row(
        "status", {"status": 503, "after_work": True}, "uuu", 3,
        ("Ladok failed on its own side (HTTP 503).", "Det blev fel i Ladok (HTTP 503)."), MAY_BE_THERE,
    ),
    "redirect": Row(
        "status", {"status": 302, "headers": {"Location": "/elsewhere"}}, "uuu", 0,
        ("Ladok answered in an unexpected way (HTTP 302).", "Ladok svarade på ett oväntat sätt (HTTP 302)."), MAY_BE_THERE,
    ),
    "lost": Row("lost_answer", {}, "uuu", 3, CUT, MAY_BE_THERE),
    "dropped": Row("drop", {}, "uuu", 0, CUT, MAY_BE_THERE),
    "cut": Row("cut_body", {}, "uuu", 3, CUT, MAY_BE_THERE),
    "html": Row("html", {}, "uuu", 0, NO_DATA, MAY_BE_THERE),
    "html_done": Row("html", {"after_work": True}, "uuu", 3, NO_DATA, MAY_BE_THERE),
    "broken_json": Row("not_json", {"after_work": True}, "uuu", 3, NO_DATA, MAY_BE_THERE),
    "other_json": Row("answer", says({"ok": True}), "uuu", 3, SAYS_NOTHING, MAY_BE_THERE),
    "a_list": Row("answer", says([]), "uuu", 3, SAYS_NOTHING, MAY_BE_THERE),
    "too_many": Row("wrong_numbers", {}, "uuu", 3, ADD_UP, MAY_BE_THERE),
    "too_few": Row("answer", says(agreed(2, 0)), "uuu", 3, ADD_UP, MAY_BE_THERE),
    "no_names": Row("answer", says(agreed(2, 1)), "uuu", 3, ADD_UP, MAY_BE_THERE),
    "no_number": Row("answer", says(agreed(True, 0)), "uuu", 3, ADD_UP, MAY_BE_THERE),
    "stranger": Row("strange_errors", {}, "uuu", 3, STRANGER, MAY_BE_THERE),
    "nameless": Row(
        "answer", says(agreed(2, 1, {"errorInfo": "Nej"})), "uuu", 3,
        (
            "Ladok's answer lists errors that do not say whom they are about.",
            "Ladoks svar innehåller fel som inte säger vem de gäller.",
        ),
        MAY_BE_THERE,
    ),
    "refused_and_registered": Row(
        "answer", says(agreed(3, 0), 400), "uuu", 3,
        (
            "Ladok refused the export (HTTP 400) and says at the same time that grades were registered.",
            "Ladok nekade exporten (HTTP 400) och säger samtidigt att betyg registrerades.",
        ),
        MAY_BE_THERE,
    ),
}  # fmt: skip


@pytest.fixture
def exam(liu: Source, sandbox: Sandbox) -> Exam:
    exam = Exam(liu, sandbox.control, people=[{"uniqueExamId": number} for number in PEOPLE])
    exam.grade()
    collect_grades(Flow.objects.get(pk=exam.flow))
    exam.control.clear_received()
    return exam


def send(exam: Exam, *, with_last_list: bool = False) -> ExportAttempt:
    flow = Flow.objects.get(pk=exam.flow)
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    ExportAttempt.objects.filter(pk=attempt.pk).update(uses_last_list=with_last_list)
    send_attempt(attempt.pk)
    attempt.refresh_from_db()
    return attempt


def text_of(client: Client, address: str, language: str) -> str:
    answer = client.get(address, headers={"accept-language": language})
    assert answer.status_code == 200
    return " ".join(re.sub(r"<[^>]*>", " ", html.unescape(answer.content.decode())).split())


def check(exam: Exam, attempt: ExportAttempt, states: str, told: tuple[str, str], then: tuple[str, str]) -> None:
    """The attempt, each person, the flow, and the page in both languages."""
    items = {item.unique_exam_id: item.state for item in attempt.items.all()}
    assert "".join(items[number][0] for number in PEOPLE) == states
    assert attempt.state == ("exported" if states == "eee" else "failed")
    counts = attempt.exported_count, attempt.failed_count, attempt.unknown_count
    assert counts == (states.count("e"), states.count("f"), states.count("u"))
    flow = Flow.objects.get(pk=exam.flow)
    assert flow.export_state == attempt.state
    shown = {person.unique_exam_id: person.export_state for person in flow.participants.all()}
    assert [shown[number] for number in PEOPLE] == ["exported" if each == "e" else "failed" for each in states]
    client = Client()
    client.force_login(flow.created_by)
    is_about_something_there = "redan finns där (HTTP" in told[1]
    wanted = [told, then, LOOK_FIRST] if states == "uuu" and not is_about_something_there else [told, then]
    for language, sentences in (("en", [each[0] for each in wanted]), ("sv", [each[1] for each in wanted])):
        page = text_of(client, reverse("exports:attempt", args=[attempt.pk]), language)
        assert [sentence for sentence in sentences if sentence not in page] == []


def ends_as_told(exam: Exam, row: Row) -> None:
    if row.kind:
        exam.control.fault("liu", EXPORT, row.kind, method="POST", **row.options)
    attempt = send(exam)
    check(exam, attempt, row.states, row.told, row.then)
    posts = [call for call in exam.control.received("liu") if call["method"] == "POST"]
    assert len(posts) == 1  # whatever came back, nothing is sent again by itself
    ledger = exam.ledger()
    assert row.in_ladok in (None, len(ledger))
    assert {each["times"] for each in ledger} <= {1}


def test_each_row_of_the_table_ends_in_its_state_with_its_sentence(exam: Exam, cases: Cases) -> None:
    cases.try_each(ROWS, lambda row: ends_as_told(exam, row))


@pytest.mark.parametrize("kind", ["late_answer", "slow"])
def test_no_answer_in_time_leaves_everyone_unknown(exam: Exam, settings: Any, kind: str) -> None:
    """Ladok is at work still when the test has ended."""
    settings.REMOTE_TIMEOUT_SECONDS = 5
    ends_as_told(exam, Row(kind, {"seconds": 60}, "uuu", None, LATE, MAY_BE_THERE))


def test_what_ladok_said_of_a_person_stands_beside_the_person(exam: Exam) -> None:
    exam.control.fault(
        "liu", EXPORT, "partial_errors", identifiers=["900002"], error_info="Studenten är avregistrerad."
    )
    attempt = send(exam)
    told = ExportItem.objects.get(attempt=attempt, unique_exam_id="900002").reason
    assert told is not None
    assert (told.code, told.params["said"]) == ("answer.person_rejected", "Studenten är avregistrerad.")
    rejected = (
        "Ladok rejected the grade: Studenten är avregistrerad.",
        "Ladok avvisade betyget: Studenten är avregistrerad.",
    )
    check(exam, attempt, "efe", SOME_REJECTED, rejected)


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("http://127.0.0.1:9", ("Ladok could not be reached", "Ladok kunde inte nås")),
        ("https://127.0.0.1:9", ("Ladok could not be reached", "Ladok kunde inte nås")),
        ("https://ladok.example", ("Ladok could not be reached", "Ladok kunde inte nås")),
        ("http://ladok.example", ("The address of Ladok may not be used", "Adressen till Ladok får inte användas")),
        ("https to plain", ("Ladok could not be reached", "Ladok kunde inte nås")),
    ],
)
@pytest.mark.parametrize("with_last_list", [True, False], ids=["the request", "the list before it"])
def test_what_never_left_us_is_failed(
    exam: Exam, sandbox: Sandbox, address: str, told: tuple[str, str], with_last_list: bool
) -> None:
    """No connection, no such name, plain HTTP to a stranger, and TLS with a port that speaks none."""
    base = sandbox.url.replace("http://", "https://") if address == "https to plain" else address
    Source.objects.update(ladok_url=f"{base}/liu")
    attempt = send(exam, with_last_list=with_last_list)
    if with_last_list:
        check(exam, attempt, "fff", told, NOTHING_SENT)
    else:
        unread = "could not be read right before sending", "kunde inte läsas strax före sändningen"
        check(exam, attempt, "fff", unread, ("Nothing was sent.", "Ingenting skickades."))
    assert exam.ledger() == []


def test_without_a_credential_nothing_is_sent(exam: Exam) -> None:
    exam.source.credentials.filter(system="ladok").delete()
    attempt = send(exam)
    told = (
        "The source has no enabled credential for Ladok.",
        "Lärosätet har ingen aktiverad inloggningsuppgift för Ladok.",
    )
    check(exam, attempt, "fff", told, ("Nothing was sent", "Ingenting skickades"))
    assert exam.ledger() == []
