"""An answer of Ladok's that comes when nobody waited for it any more: what is definite in it is written and told, whatever has
become of each person meanwhile. Over HTTP: all that happens meanwhile happens while Ladok has the request."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone, translation

from exports.attempts import outcomes, transitions
from exports.attempts.marks import mark_as_absent, mark_as_exported, marked, seen_of
from exports.attempts.reading import all_failed
from exports.attempts.send import send_attempt
from exports.attempts.settle import check_with_ladok
from exports.attempts.start import retry_export, start_export
from exports.models import DigestEntry, ExportAttempt, ExportItem, Finding
from exports.operation.digest import send_digests
from ladokflow.messages import message
from sources.models import AuditEntry, Flow
from tests.exports.attempts.test_several_codes import on_both, put_back, take_off
from tests.exports.world import Call, World
from tests.factories import in_hours, register

MakeFlow = Callable[..., Flow]

# What Ladok says of the first person and of the second: one of the two is always left open.
REJECTED, THERE = "Studenten är inte registrerad", "Resultatet är redan attesterat"
SAID: dict[str, tuple[str, str]] = {
    "exported": ("exported", "unknown"),
    "rejected": ("rejected", "unknown"),
    "there": ("there", "unknown"),
    "unknown": ("unknown", "rejected"),
}
# What a person is by then, and what Ladok says: what the person is afterwards.
AFTER = {
    ("unknown", "exported"): "exported",
    ("unknown", "rejected"): "failed",
    ("unknown", "there"): "failed",
    ("unknown", "unknown"): "unknown",
    ("marked", "exported"): "exported",
    ("marked", "rejected"): "failed",
    ("marked", "there"): "exported",
    ("marked", "unknown"): "exported",
    ("not_found", "exported"): "exported",
    ("not_found", "rejected"): "failed",
    ("not_found", "there"): "failed",
    ("not_found", "unknown"): "failed",
    ("found", "exported"): "exported",
    ("found", "rejected"): "failed",
    ("found", "there"): "exported",
    ("found", "unknown"): "exported",
}
AFTER |= {("absent", said): after for (meanwhile, said), after in AFTER.items() if meanwhile == "not_found"}
MEANWHILE = ("unknown", "marked", "absent", "not_found", "found")

pytestmark = pytest.mark.django_db(transaction=True)


def body_of(said: str, identifiers: list[str]) -> dict[str, Any]:
    first, second = identifiers
    bodies: dict[str, dict[str, Any]] = {
        "exported": {"numberOfSuccess": 2, "errors": [{"userId": second, "errorInfo": "Varning"}]},
        "rejected": {"errors": [{"userId": first, "errorInfo": REJECTED}]},
        "there": {"errors": [{"userId": first, "errorInfo": THERE}]},
        "unknown": {"errors": [{"userId": second, "errorInfo": REJECTED}]},
    }
    return bodies[said]


def in_the_meantime(world: World, work: Callable[[], None], status: int, body: Any) -> None:
    """Ladok answers so when `work` has been done."""

    def answer(call: Call) -> tuple[int, bytes]:
        try:
            work()
        finally:
            connection.close()
        return status, json.dumps(body).encode()

    world.answer = answer


def lost(attempt: ExportAttempt) -> None:
    """The sweeper has taken the outcome for unknown, and a manager has been written to."""
    attempt.refresh_from_db()
    assert attempt.token
    assert outcomes.lose(attempt.pk, message("attempt.worker_died"), token=attempt.token, expired=False)
    DigestEntry.objects.create(user=attempt.flow.created_by, attempt=attempt, told_at=timezone.now())


def settled(attempt: ExportAttempt, how: str, world: World) -> None:
    if how == "marked":
        seen = {item.pk: seen_of(item) for item in attempt.items.all()}
        mark_as_exported(flow=attempt.flow, seen=seen, by=attempt.flow.created_by, reason="Syns i Ladok")
    elif how == "absent":
        ExportAttempt.objects.update(finished_at=in_hours(-1))
        seen = {item.pk: seen_of(item) for item in attempt.items.all()}
        mark_as_absent(flow=attempt.flow, seen=seen, by=attempt.flow.created_by, reason="Syns inte i Ladok")
    elif how in ("found", "not_found"):
        ExportItem.objects.update(absent_at=in_hours(-1))
        lines = world.exported[-1].body["gradeExports"] if how == "found" else []
        world.registered = lines
        check_with_ladok(flow=attempt.flow)


def check_counts(attempt: ExportAttempt) -> None:
    attempt.refresh_from_db()
    states = list(attempt.items.order_by("pk").values_list("state", flat=True))
    counts = [states.count(state) for state in ("exported", "failed", "unknown")]
    assert [attempt.exported_count, attempt.failed_count, attempt.unknown_count] == counts
    assert attempt.state == ("exported" if counts[0] == len(states) else "failed")
    attempt.flow.refresh_from_db()
    assert attempt.flow.export_state == attempt.state


@pytest.mark.parametrize("said", SAID)
@pytest.mark.parametrize("meanwhile", MEANWHILE)
def test_what_is_definite_in_a_late_answer_is_written_whatever_was_thought_meanwhile(
    make_flow: MakeFlow, world: World, meanwhile: str, said: str
) -> None:
    flow = make_flow(people=2, source={"can_read_back": True})
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    identifiers = list(attempt.items.order_by("pk").values_list("unique_exam_id", flat=True))

    def work() -> None:
        lost(attempt)
        settled(attempt, meanwhile, world)

    in_the_meantime(world, work, 200, body_of(said, identifiers))
    send_attempt(attempt.pk)
    states = list(attempt.items.order_by("pk").values_list("state", flat=True))
    assert states == [AFTER[meanwhile, each] for each in SAID[said]]
    check_counts(attempt)
    assert attempt.http_status == 200
    assert AuditEntry.objects.filter(attempt_id=attempt.pk, message__code__startswith="audit.late_answer").exists()
    # Whoever was written to is written to again, if there is anything new.
    before = {"unknown": "unknown", "not_found": "failed", "absent": "failed"}.get(meanwhile, "exported")
    is_news = states != [before] * 2
    assert DigestEntry.objects.exists() is not (is_news or meanwhile == "unknown")
    for item, each in zip(attempt.items.order_by("pk"), SAID[said], strict=True):
        # What a manager has said can be taken back only as long as Ladok has not said it, or the contrary, itself.
        assert not (item in marked(flow) and each in ("exported", "rejected"))
        # That it is there already is told whatever had been found out.
        assert item.is_there_already or (each, item.state) != ("there", "failed")


@pytest.mark.parametrize("language", ["sv", "en"])
def test_a_manager_who_marked_what_ladok_rejected_is_told_so(
    make_flow: MakeFlow, world: World, language: str, mailoutbox: list[Any]
) -> None:
    flow = make_flow(people=2)
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    first, _ = attempt.items.order_by("pk")

    def work() -> None:
        lost(attempt)
        settled(attempt, "marked", world)

    body = {"numberOfSuccess": 1, "numberOfErrors": 1, "errors": [{"userId": first.unique_exam_id, "errorInfo": "Nej"}]}
    in_the_meantime(world, work, 200, body)
    send_attempt(attempt.pk)
    check_counts(attempt)
    first.refresh_from_db()
    flow.refresh_from_db()
    assert (first.state, first.settled_by, flow.export_state) == ("failed", None, "failed")
    wanted = {"sv": ("svar kom senare", "försök igen"), "en": ("came later", "Retry")}[language]
    with translation.override(language):
        assert wanted[0] in first.reason.what
        assert "Nej" in first.reason.what
        assert wanted[1].casefold() in first.reason.todo.casefold()
        assert "1" in str(flow.export_reason)
    assert AuditEntry.objects.filter(attempt_id=attempt.pk, message__code="audit.late_answer_overrules").exists()
    assert send_digests(timezone.now() + dt.timedelta(hours=1)) == 1
    (mail,) = mailoutbox
    assert mail.to == [flow.created_by.email]
    assert str(attempt.pk) in mail.body
    (retry,) = retry_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    assert list(retry.items.values_list("participant", flat=True)) == [first.participant_id]


def test_that_nothing_was_sent_after_all_does_not_speak_against_a_mark(make_flow: MakeFlow) -> None:
    """The manager has seen the grade in Ladok: that ours never left says nothing of it."""
    flow = make_flow(people=2)
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    token = transitions.claim(attempt.pk)
    assert token
    assert transitions.mark(attempt.pk, token, method="POST", url="-", body_sha256="")
    lost(attempt)
    first, second = attempt.items.order_by("pk")
    mark_as_exported(flow=flow, seen={first.pk: seen_of(first)}, by=flow.created_by, reason="Inlagt för hand")
    reading = all_failed(2, message("answer.not_reached", detail="x"))
    assert outcomes.record(attempt.pk, token, [first.pk, second.pk], reading)
    assert list(attempt.items.order_by("pk").values_list("state", flat=True)) == ["exported", "failed"]
    check_counts(attempt)


@pytest.mark.parametrize("status", [200, 422])
def test_a_late_answer_that_rejects_what_was_sent_again_is_not_called_twice(
    make_flow: MakeFlow, world: World, status: int
) -> None:
    flow = make_flow(people=1)
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by, enqueue=False)

    def work() -> None:
        lost(attempt)
        retry_export(flow=flow, requested_by=flow.created_by, enqueue=False)

    in_the_meantime(world, work, status, {"numberOfSuccess": 0, "numberOfErrors": 1})
    send_attempt(attempt.pk)
    told = AuditEntry.objects.filter(attempt_id=attempt.pk).values_list("message__code", flat=True)
    assert "audit.late_answer_superseded" not in set(told)
    assert ExportItem.objects.filter(state="live").count() == 1


# What Ladok says late of the first sending, and what the second one, sent because nobody knew, has come to by then: what the grade is.
ENDS = {
    ("rejected", "rejected"): "failed",
    ("rejected", "refused"): "failed",
    ("rejected", "not sent"): "failed",
    ("unknown", "rejected"): "unknown",
    ("exported", "rejected"): "exported",
    ("there", "rejected"): "unknown",
}
LATE: dict[str, tuple[int, Any]] = {
    "rejected": (200, {"numberOfSuccess": 0, "numberOfErrors": 1}),
    "exported": (200, {"numberOfSuccess": 1, "numberOfErrors": 0, "errors": []}),
    "unknown": (200, {"ok": True}),
}


@pytest.mark.parametrize("is_marked", [False, True])
@pytest.mark.parametrize(("first", "second"), ENDS)
def test_the_doubt_about_a_retry_ends_when_ladok_has_turned_down_what_it_was_about(
    make_flow: MakeFlow, world: World, first: str, second: str, is_marked: bool
) -> None:
    flow = make_flow(people=1)
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    named = [{"userId": "stude001", "errorInfo": THERE if first == "there" else REJECTED}]

    def work() -> None:
        lost(attempt)
        (retry,) = retry_export(flow=flow, requested_by=flow.created_by, enqueue=False)
        identifier = world.exported[-1].body["gradeExports"][0]
        named[0]["userId"] = next(value for key, value in identifier.items() if key != "grade")
        errors = [named[0] | {"errorInfo": REJECTED}]
        world.answer = lambda call: (
            (200, json.dumps({"numberOfSuccess": 0, "numberOfErrors": 1, "errors": errors}).encode())
            if second == "rejected"
            else (422, b"{}")
        )
        if second == "not sent":
            flow.source.credentials.filter(system="ladok").update(enabled=False)
        send_attempt(retry.pk)
        item = retry.items.get()
        assert item.state == "unknown"
        if is_marked:
            mark_as_exported(flow=flow, seen={item.pk: seen_of(item)}, by=flow.created_by, reason="Syns i Ladok")

    status, body = LATE.get(first, LATE["rejected"])
    if first in ("rejected", "there"):
        body = body | {"errors": named}
    in_the_meantime(world, work, status, body)
    send_attempt(attempt.pk)

    stands = ExportItem.objects.exclude(state="superseded").order_by("pk").last()
    expected = "exported" if is_marked and ENDS[first, second] == "unknown" else ENDS[first, second]
    assert stands is not None
    assert stands.state == expected
    assert not stands.before_mark or expected == "exported"
    for each in (attempt, *flow.attempts.exclude(pk=attempt.pk)):
        each.refresh_from_db()
        assert each.exported_count + each.failed_count + each.unknown_count == each.sent_count
    flow.refresh_from_db()
    assert flow.export_state == ("exported" if expected == "exported" else "failed")
    if first == "rejected":
        assert list(stands.findings.values_list("message__code", flat=True)) == ["finding.late_failed"]


@pytest.mark.parametrize("meanwhile", ["unknown", "not_found"])
@pytest.mark.parametrize("happens", ["put_back", "each"])
def test_a_grade_is_seen_to_be_there_twice_whatever_row_its_code_has_by_then(
    make_flow: MakeFlow, world: World, happens: str, meanwhile: str
) -> None:
    """Sent again after its code has been taken off the flow and put back, or its grade has come to go to each of the codes."""
    each, one = Flow.GradeGoesTo.EACH, Flow.GradeGoesTo.ONE
    goes_to = each if happens == "put_back" else one
    flow = make_flow(people=0, codes=["A", "B"], grade_goes_to=goes_to, source={"can_read_back": True})
    person, first, _ = on_both(flow, world)
    attempt, *others = start_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    for other in others:
        assert send_attempt(other.pk) == "exported"
    world.exported.clear()

    def work() -> None:
        world.answer = lambda call: (200, b"")
        lost(attempt)
        settled(attempt, meanwhile, world)
        if happens == "put_back":
            take_off(first)
            register(person, put_back(first), unique_exam_id="AID-FIRST")
        Flow.objects.filter(pk=flow.pk).update(grade_goes_to=each)
        (again,) = retry_export(flow=Flow.objects.get(pk=flow.pk), requested_by=flow.created_by, enqueue=False)
        assert send_attempt(again.pk) == "exported"

    in_the_meantime(world, work, 200, {"numberOfSuccess": 1, "numberOfErrors": 0})
    send_attempt(attempt.pk)
    assert [call.body["gradeExports"][0]["studentUid"] for call in world.exported] == ["AID-FIRST", "AID-FIRST"]
    finding = Finding.objects.get(kind="twice")
    assert finding.message["params"]["codes"] == "A"
    holding = ExportItem.objects.filter(state__in=ExportItem.HOLDING, attempt__code__code="A")
    assert list(holding.values_list("pk", flat=True)) == [finding.item_id]
