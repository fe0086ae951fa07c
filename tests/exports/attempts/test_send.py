from __future__ import annotations

import json
import signal
import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import translation

from exports.attempts import outcomes, transitions
from exports.attempts.answer import ItemOutcome, Reading
from exports.attempts.send import send_attempt
from exports.attempts.start import preview_export, retry_export, start_export
from exports.models import ExportAttempt, ExportItem
from exports.rules.values import Asking
from exports.writing import insist
from ladokflow.ladok.bodies import PARTICIPANTS_PRESET
from ladokflow.messages import Refused, message
from sources.models import AuditEntry, Flow, Source
from tests.exports.world import Call, World
from tests.factories import AssessmentFactory, ExportAttemptFactory, ExportItemFactory, ParticipantFactory, in_hours

MakeFlow = Callable[..., Flow]


def started(flow: Flow) -> ExportAttempt:
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    return attempt


def send(attempt: ExportAttempt) -> ExportAttempt:
    send_attempt(attempt.pk)
    attempt.refresh_from_db()
    return attempt


def answering(status: int, body: Any = b"") -> Callable[[Call], tuple[int, bytes]]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return lambda call: (status, raw)


def test_a_whole_answer_exports_everyone(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow(people=2)
    world.answer = answering(200, {"numberOfSuccess": 2, "numberOfErrors": 0, "errors": []})
    attempt = send(started(flow))
    assert (attempt.state, attempt.exported_count, attempt.http_status) == ("exported", 2, 200)
    (call,) = world.exported
    people = list(flow.participants.all())
    assert call.body == {
        "gradeExports": [{"studentUid": each.unique_exam_id, "grade": {"grade": "5"}} for each in people]
    }
    assert call.headers["idempotency-key"] == attempt.idempotency_key
    assert call.headers["authorization"] == "Bearer only-for-tests"
    flow.refresh_from_db()
    assert (flow.export_state, flow.exported_count) == ("exported", 2)
    assert set(flow.participants.values_list("export_state", flat=True)) == {"exported"}


def test_the_mark_is_committed_before_the_call(transactional_db: None, make_flow: MakeFlow, world: World) -> None:
    flow, seen = make_flow(), []

    def look(call: Call) -> tuple[int, bytes]:
        # This runs in the server's thread, and so on a connection of its own.
        try:
            seen.append(ExportAttempt.objects.values_list("state", "body_sha256").get(pk=call.headers["x-attempt-id"]))
        finally:
            connection.close()
        return 200, b""

    world.answer = look
    attempt = send(started(flow))
    assert seen == [("sending", attempt.body_sha256)]
    assert attempt.state == "exported"


@pytest.mark.parametrize("state", ["claimed", "sending", "exported", "failed"])
def test_an_attempt_that_is_not_queued_is_never_sent(make_flow: MakeFlow, world: World, state: str) -> None:
    attempt = ExportAttemptFactory(flow=make_flow(), state=state)
    assert send(attempt).state == state
    assert not world.exported


def test_a_task_delivered_twice_sends_once(make_flow: MakeFlow, world: World) -> None:
    attempt = started(make_flow())
    for _ in range(5):
        send(attempt)
    assert len(world.exported) == 1


def test_redelivery_that_finds_a_dead_sender_makes_the_outcome_unknown_and_sends_nothing(
    make_flow: MakeFlow, world: World
) -> None:
    flow = make_flow(people=1)
    attempt = ExportAttemptFactory(flow=flow, state="sending", lease_until=in_hours(-1), sent_count=1)
    item = ExportItemFactory(attempt=attempt, participant=flow.participants.get())
    assert send(attempt).state == "failed"
    item.refresh_from_db()
    assert (item.state, attempt.unknown_count, attempt.message["code"]) == ("unknown", 1, "attempt.worker_died")
    assert not world.exported


FAILURES = [
    (400, b"", "failed", "answer.refused_without_reason"),
    (401, b"", "failed", "answer.unauthorised"),
    (403, b"", "failed", "answer.forbidden"),
    (408, b"", "unknown", "answer.request_timeout"),
    (409, b"", "unknown", "answer.refused_unclear"),
    (429, b"", "failed", "answer.too_many_requests"),
    (500, b"", "unknown", "answer.server_error"),
    (302, b"", "unknown", "answer.unexpected_status"),
    (200, b"<html>", "unknown", "answer.not_json"),
    (200, b'{"numberOfSuccess": 7}', "unknown", "answer.wrong_numbers"),
    (200, b'{"errors": [{"userId": "nobody", "errorInfo": "x"}]}', "unknown", "answer.strangers"),
]


@pytest.mark.parametrize(("status", "body", "state", "code"), FAILURES)
def test_each_kind_of_answer_ends_in_its_state(
    make_flow: MakeFlow, world: World, status: int, body: bytes, state: str, code: str
) -> None:
    flow = make_flow(people=2)
    world.answer = answering(status, body)
    attempt = send(started(flow))
    assert attempt.state == "failed"
    assert attempt.message["code"] == code
    assert set(attempt.items.values_list("state", flat=True)) == {state}
    assert (attempt.failed_count, attempt.unknown_count) == ((2, 0) if state == "failed" else (0, 2))
    flow.refresh_from_db()
    assert (flow.export_state, flow.failed_count) == ("failed", 2)


def test_a_cut_connection_is_unknown(make_flow: MakeFlow, world: World) -> None:
    world.answer = lambda call: None
    attempt = send(started(make_flow()))
    assert (attempt.state, attempt.unknown_count) == ("failed", 2)
    assert len(world.exported) == 1


def test_a_read_timeout_is_unknown(make_flow: MakeFlow, world: World, settings: Any) -> None:
    attempt, over = started(make_flow()), threading.Event()

    def never(call: Call) -> None:
        over.wait(120)

    settings.REMOTE_TIMEOUT_SECONDS = 5  # enough for all that comes before
    world.answer = never
    send(attempt)
    over.set()
    assert (attempt.message["code"], attempt.unknown_count) == ("answer.timeout", 2)


def test_nothing_is_sent_where_ladok_cannot_be_reached(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow(source={})
    Source.objects.filter(pk=flow.source_id).update(ladok_url="http://127.0.0.1:9/ladok")
    attempt = send(started(flow))
    assert (attempt.failed_count, attempt.message["code"]) == (2, "attempt.list_unread")
    # Nor where it was to be sent without the list.
    (retry,) = retry_export(flow=flow, requested_by=flow.created_by, enqueue=False, with_last_list=True)
    assert (send(retry).failed_count, retry.message["code"]) == (2, "answer.not_reached")


def test_nothing_is_sent_without_a_credential(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow()
    flow.source.credentials.filter(system="ladok").update(enabled=False)
    attempt = send(started(flow))
    assert (attempt.state, attempt.failed_count) == ("failed", 2)
    assert attempt.reason
    with translation.override("en"):
        assert "no enabled credential for Ladok" in attempt.reason.what
        assert attempt.reason.effect == "Nothing was sent to Ladok."
        assert "Add one in the administration" in attempt.reason.todo
    assert not world.exported


def test_nothing_is_sent_while_wiseflow_is_down(make_flow: MakeFlow, world: World) -> None:
    attempt = started(make_flow())
    world.wiseflow_status = 404
    send(attempt)
    assert (attempt.state, attempt.failed_count) == ("failed", 2)
    assert not world.exported


def test_nothing_is_sent_when_a_grade_was_changed_meanwhile(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow(people=2)
    attempt = started(flow)
    changed, other = flow.participants.all()
    world.grades[changed.wiseflow_id] = "3"
    send(attempt)
    assert not world.exported
    codes = dict(attempt.items.values_list("participant", "message__code"))
    assert codes == {changed.pk: "attempt.grade_changed", other.pk: "attempt.not_sent_with_it"}
    retry_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    send(ExportAttempt.objects.get(state="queued"))
    assert [line["grade"]["grade"] for line in world.exported[0].body["gradeExports"]] == ["3", "5"]


def test_nothing_is_sent_when_marking_was_opened_again(make_flow: MakeFlow, world: World) -> None:
    attempt = started(make_flow())
    world.state = 3
    send(attempt)
    assert attempt.message["code"] == "attempt.marking_reopened"
    assert not world.exported


def test_a_lost_claim_sends_nothing(make_flow: MakeFlow, world: World) -> None:
    attempt = started(make_flow())
    token = transitions.claim(attempt.pk)
    assert token
    ExportAttempt.objects.filter(pk=attempt.pk).update(token=uuid.uuid4())
    assert not transitions.mark(attempt.pk, token, method="POST", url="x", body_sha256="")
    attempt.refresh_from_db()
    assert attempt.state == "claimed"


def test_an_expired_claim_cannot_be_marked(make_flow: MakeFlow) -> None:
    attempt = started(make_flow())
    token = transitions.claim(attempt.pk)
    assert token
    ExportAttempt.objects.filter(pk=attempt.pk).update(lease_until=in_hours(-1))
    assert not transitions.mark(attempt.pk, token, method="POST", url="x", body_sha256="")


def test_rejected_people_fail_with_ladoks_words_and_retry_sends_exactly_those(
    make_flow: MakeFlow, world: World
) -> None:
    flow = make_flow(people=5)
    rejected = list(flow.participants.all())[1:3]
    errors = [{"userId": each.unique_exam_id, "errorInfo": f"Saknas {each.pk}"} for each in rejected]
    world.answer = answering(200, {"numberOfSuccess": 3, "numberOfErrors": 2, "errors": errors})
    attempt = send(started(flow))
    assert (attempt.state, attempt.exported_count, attempt.failed_count) == ("failed", 3, 2)
    rejected[0].refresh_from_db()
    assert rejected[0].export_state == "failed"
    assert f"Saknas {rejected[0].pk}" in str(rejected[0].export_reason)
    flow.refresh_from_db()
    assert (flow.export_state, flow.exported_count, flow.failed_count) == ("failed", 3, 2)

    world.answer = answering(200, {"numberOfSuccess": 2, "numberOfErrors": 0})
    (retry,) = retry_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    send(retry)
    assert [line["studentUid"] for line in world.exported[1].body["gradeExports"]] == [
        each.unique_exam_id for each in rejected
    ]
    flow.refresh_from_db()
    assert (flow.export_state, flow.exported_count, flow.failed_count) == ("exported", 5, 0)
    assert world.exported[0].headers["idempotency-key"] != world.exported[1].headers["idempotency-key"]


def test_a_retry_of_what_ladok_rejected_has_a_key_of_its_own(make_flow: MakeFlow, world: World) -> None:
    """A Ladok that keeps its answers by the key would repeat the rejection for ever."""
    flow = make_flow(people=1)
    errors = [{"userId": flow.participants.get().unique_exam_id, "errorInfo": "Saknas"}]
    world.answer = answering(200, {"numberOfSuccess": 0, "numberOfErrors": 1, "errors": errors})
    send(started(flow))
    (retry,) = retry_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    send(retry)
    keys = [call.headers["idempotency-key"] for call in world.exported]
    assert keys[0] != keys[1]


def unknown_then_retried(flow: Flow, world: World, **retry: Any) -> ExportAttempt:
    """The first sending was cut, so that its grades may be in Ladok; a retry is waiting."""
    world.answer = lambda call: None
    send(started(flow))
    (attempt,) = retry_export(flow=flow, requested_by=flow.created_by, enqueue=False, **retry)
    return attempt


def unknown_still(attempt: ExportAttempt, code: str, cause: str) -> None:
    assert (attempt.state, attempt.failed_count, attempt.unknown_count) == ("failed", 0, attempt.sent_count)
    assert (attempt.message["code"], attempt.message["params"]["cause"]["code"]) == (code, cause)
    assert set(attempt.items.values_list("state", "message__code")) == {("unknown", code)}
    assert attempt.reason
    with translation.override("en"):
        assert attempt.reason.effect == "The earlier sending may still be in Ladok."


def test_an_unknown_outcome_is_not_forgotten_when_its_retry_does_not_reach_ladok(
    make_flow: MakeFlow, world: World
) -> None:
    flow = make_flow(people=2)
    retry = unknown_then_retried(flow, world)
    url = flow.source.ladok_url
    Source.objects.filter(pk=flow.source_id).update(ladok_url="http://127.0.0.1:9/ladok")
    unknown_still(send(retry), "attempt.retry_not_sent", "attempt.list_unread")
    flow.refresh_from_db()
    assert (flow.export_state, flow.export_message["code"]) == ("failed", "attempt.retry_not_sent")

    # And not by the retry of the retry either; the one that gets through carries the key of the first.
    flow.source.credentials.filter(system="ladok").update(enabled=False)
    (again,) = retry_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    unknown_still(send(again), "attempt.retry_not_sent", "attempt.remote")
    flow.source.credentials.filter(system="ladok").update(enabled=True)
    Source.objects.filter(pk=flow.source_id).update(ladok_url=url)
    world.answer = answering(200)
    (last,) = retry_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    assert send(last).state == "exported"
    assert not last.items.filter(may_be_in_ladok=True).exists()
    keys = [call.headers["idempotency-key"] for call in world.exported]
    assert len(keys) == 2
    assert keys[0] == keys[1]


@pytest.mark.parametrize(
    ("status", "cause"),
    [(400, "answer.refused_without_reason"), (401, "answer.unauthorised"), (429, "answer.too_many_requests")],
)
def test_an_unknown_outcome_is_not_forgotten_when_its_retry_is_refused_as_a_whole(
    make_flow: MakeFlow, world: World, status: int, cause: str
) -> None:
    retry = unknown_then_retried(make_flow(people=2), world)
    world.answer = answering(status)
    unknown_still(send(retry), "attempt.retry_refused", cause)


def test_an_unknown_outcome_is_not_forgotten_when_a_grade_was_changed_before_its_retry(
    make_flow: MakeFlow, world: World
) -> None:
    flow = make_flow(people=2)
    retry = unknown_then_retried(flow, world)
    changed, other = flow.participants.order_by("pk")
    world.grades[changed.wiseflow_id] = "3"
    send(retry)
    found = {
        pk: (state, told["params"]["cause"]["code"])
        for pk, state, told in retry.items.values_list("participant", "state", "message")
    }
    assert found == {
        changed.pk: ("unknown", "attempt.grade_changed"),
        other.pk: ("unknown", "attempt.not_sent_with_it"),
    }


@pytest.mark.parametrize(
    ("words", "state", "told"),
    [
        ("Saknas", "unknown", "attempt.retry_refused"),
        ("Resultatet är redan registrerat", "failed", "answer.person_already_registered"),
    ],
)
def test_that_ladok_rejects_the_retry_says_nothing_of_the_sending_before(
    make_flow: MakeFlow, world: World, words: str, state: str, told: str
) -> None:
    """Only that the grade is there already does. And the next retry is new content: a kept answer would only be repeated."""
    flow = make_flow(people=2)
    retry = unknown_then_retried(flow, world)
    rejected = flow.participants.order_by("pk")[0]
    errors = [{"userId": rejected.unique_exam_id, "errorInfo": words}]
    world.answer = answering(200, {"numberOfSuccess": 1, "numberOfErrors": 1, "errors": errors})
    send(retry)
    item = retry.items.get(participant=rejected)
    assert (item.state, item.message["code"], item.may_be_in_ladok) == (state, told, state == "unknown")
    assert (retry.exported_count, retry.failed_count, retry.unknown_count) == (1, state == "failed", state == "unknown")
    (again,) = retry_export(flow=flow, requested_by=flow.created_by, only=[rejected.pk], enqueue=False)
    assert again.items.get().may_be_in_ladok is (state == "unknown")
    assert again.items.get().generation == item.generation + 1


def test_only_those_with_an_earlier_unknown_outcome_stay_unknown(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow(people=2)
    send(started(flow))  # both exported
    doubted, failed = ExportItem.objects.order_by("pk")
    ExportItem.objects.filter(pk=doubted.pk).update(state="unknown", is_registered=False)
    ExportItem.objects.filter(pk=failed.pk).update(state="failed", is_registered=False)
    world.answer = answering(400)
    (retry,) = retry_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    send(retry)
    assert list(retry.items.order_by("pk").values_list("state", flat=True)) == ["unknown", "failed"]
    assert (retry.failed_count, retry.unknown_count) == (1, 1)


@pytest.mark.parametrize("what", ["code", "export"])
def test_an_attempt_whose_code_is_gone_cannot_be_marked(make_flow: MakeFlow, what: str) -> None:
    attempt = started(make_flow())
    token = transitions.claim(attempt.pk)
    assert token
    take_away(attempt.flow, what)
    assert not transitions.mark(attempt.pk, token, method="POST", url="x", body_sha256="")
    attempt.refresh_from_db()
    assert attempt.state == "claimed"


@pytest.mark.parametrize("what", ["code", "export"])
def test_nothing_is_sent_when_the_code_is_removed_while_preparing(
    transactional_db: None, make_flow: MakeFlow, world: World, what: str
) -> None:
    attempt = started(make_flow())
    read = world.assessments

    def remove_meanwhile() -> list[dict[str, Any]]:
        try:
            take_away(Flow.objects.get(pk=attempt.flow_id), what)
        finally:
            connection.close()
        return read()

    world.assessments = remove_meanwhile  # type: ignore[method-assign]
    send(attempt)
    assert (attempt.state, attempt.message["code"]) == ("failed", "attempt.code_removed")
    assert not world.exported


def take_away(flow: Flow, what: str) -> None:
    if what == "code":
        flow.codes.update(removed_at=in_hours(0))
    else:
        Flow.objects.filter(pk=flow.pk).update(export_ended_at=in_hours(0))


def test_nothing_is_sent_when_the_right_to_export_was_taken_away_meanwhile(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow(university="boras")
    attempt = started(flow)
    flow.source.memberships.update(can_export=False)
    send(attempt)
    assert (attempt.state, attempt.failed_count, attempt.message["code"]) == ("failed", 2, "attempt.right_gone")
    assert not world.exported


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"is_active": False, "is_activation_manual": True}, "export.deactivated_by_hand"),
        ({"is_from_source": False}, "export.added_by_hand"),
    ],
)
def test_nothing_is_sent_when_somebody_may_no_longer_be_sent(
    make_flow: MakeFlow, world: World, fields: dict[str, bool], code: str
) -> None:
    flow = make_flow(people=2, source={"accepts_manual_participants": False})
    attempt = started(flow)
    gone, other = flow.participants.order_by("pk")
    flow.participants.filter(pk=gone.pk).update(**fields)
    send(attempt)
    assert attempt.message["code"] == "attempt.people_changed"
    codes = dict(attempt.items.values_list("participant", "message__code"))
    assert codes == {gone.pk: code, other.pk: "attempt.not_sent_with_it"}
    assert not world.exported


def test_nothing_is_sent_under_an_identifier_that_was_corrected_meanwhile(make_flow: MakeFlow, world: World) -> None:
    """Two whom no list has had each other's organisation ids when the export was started, and that was put right in WISEflow."""
    flow = make_flow(people=0, source={"accepts_manual_participants": True})
    ids = ["one@x", "other@x"]
    one, other = (
        ParticipantFactory(flow=flow, is_from_source=False, grade="5", organisation_id=each, unique_exam_id="")
        for each in ids
    )
    world.grades |= {person.wiseflow_id: "5" for person in (one, other)}
    attempt = started(flow)
    flow.participants.filter(pk=one.pk).update(organisation_id="third@x")
    flow.participants.filter(pk=other.pk).update(organisation_id="one@x")
    flow.participants.filter(pk=one.pk).update(organisation_id="other@x")
    send(attempt)
    assert (attempt.message["code"], world.exported) == ("attempt.people_changed", [])
    assert set(attempt.items.values_list("message__code", flat=True)) == {"attempt.identifier_changed"}
    (retry,) = retry_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    send(retry)
    sent = [line["liUID"] for line in world.exported[0].body["gradeExports"]]
    assert sent == [item.participant.organisation_id for item in retry.items.order_by("pk")]


def test_nothing_is_sent_when_somebody_else_has_come_by_an_identifier_meanwhile(
    make_flow: MakeFlow, world: World
) -> None:
    """Ladok could not tell the two apart: a preview would hold back both."""
    flow = make_flow(people=1, source={"accepts_manual_participants": True})
    attempt = started(flow)
    (first,) = flow.participants.all()
    # On no list: an exam id that two have there is of none of them.
    ParticipantFactory(flow=flow, grade="3", unique_exam_id=first.unique_exam_id, is_from_source=False)
    send(attempt)
    assert (attempt.message["code"], world.exported) == ("attempt.people_changed", [])
    assert attempt.items.get().message["code"] == "export.identifier_shared"


def test_nothing_is_written_over_when_the_source_does_not_allow_it_any_more(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow(people=1, source={"allows_overwriting": True})
    send(started(flow))
    (person,) = flow.participants.all()
    person.assessment.grade = world.grades[person.wiseflow_id] = "3"
    person.assessment.save()
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by, overwrite=True, enqueue=False)
    Source.objects.filter(pk=flow.source_id).update(allows_overwriting=False)
    send(attempt)
    assert attempt.items.get().message["code"] == "export.no_overwriting"
    assert len(world.exported) == 1


def test_an_answer_after_the_sweeper_said_unknown_still_counts(make_flow: MakeFlow) -> None:
    flow = make_flow(people=2)
    attempt, token, keys = in_the_act(flow)
    assert outcomes.lose(attempt.pk, message("attempt.worker_died"), token=token, expired=False)
    assert outcomes.record(attempt.pk, token, keys, all_exported(2), status=200)
    attempt.refresh_from_db()
    assert (attempt.state, attempt.exported_count, attempt.unknown_count) == ("exported", 2, 0)
    flow.refresh_from_db()
    assert flow.export_state == "exported"


def test_an_answer_after_the_grades_were_sent_again_is_told_loudly(
    make_flow: MakeFlow, caplog: pytest.LogCaptureFixture
) -> None:
    flow = make_flow(people=2)
    attempt, token, keys = in_the_act(flow)
    outcomes.lose(attempt.pk, message("attempt.worker_died"), token=token, expired=False)
    retry_export(flow=flow, requested_by=flow.created_by)
    logging_on(caplog)
    outcomes.record(attempt.pk, token, keys, all_exported(2), status=200)
    assert AuditEntry.objects.filter(attempt_id=attempt.pk, message__code="audit.late_answer_superseded").exists()
    assert any(record.levelname == "CRITICAL" for record in caplog.records)
    attempt.refresh_from_db()
    assert attempt.state == "failed"


def test_the_same_answer_recorded_twice_changes_nothing_more(make_flow: MakeFlow) -> None:
    attempt, token, keys = in_the_act(make_flow(people=2))
    assert outcomes.record(attempt.pk, token, keys, all_exported(2), status=200)
    assert not outcomes.record(attempt.pk, token, keys, all_exported(2), status=200)


def test_an_answer_with_another_token_is_not_taken(make_flow: MakeFlow) -> None:
    attempt, _, keys = in_the_act(make_flow(people=2))
    assert not outcomes.record(attempt.pk, uuid.uuid4(), keys, all_exported(2), status=200)
    attempt.refresh_from_db()
    assert attempt.state == "sending"


def test_the_queues_time_limit_inside_the_request_makes_the_outcome_unknown(make_flow: MakeFlow, world: World) -> None:
    """django-q2 raises a SystemExit in the worker when its time is up."""
    attempt, over = started(make_flow(people=2)), threading.Event()
    worker = threading.get_ident()

    def time_is_up(*_: Any) -> None:
        raise SystemExit("time limit")

    def hold(call: Call) -> None:
        signal.pthread_kill(worker, signal.SIGUSR1)  # SIGALRM is pytest's own
        over.wait(120)

    before = signal.signal(signal.SIGUSR1, time_is_up)
    world.answer = hold
    try:
        with pytest.raises(SystemExit):
            send_attempt(attempt.pk)
    finally:
        signal.signal(signal.SIGUSR1, before)
        over.set()
    attempt.refresh_from_db()
    assert (attempt.state, attempt.unknown_count, attempt.message["code"]) == ("failed", 2, "attempt.interrupted")
    assert len(world.exported) == 1


def test_a_caller_with_too_little_time_left_sends_nothing(make_flow: MakeFlow, world: World) -> None:
    attempt = started(make_flow())
    send_attempt(attempt.pk, seconds=10)
    attempt.refresh_from_db()
    assert (attempt.state, attempt.message["code"]) == ("failed", "attempt.too_late")
    assert not world.exported


def test_a_write_is_insisted_on_until_the_database_takes_it(transactional_db: None) -> None:
    calls = []

    def write() -> str:
        calls.append(1)
        if len(calls) < 3:
            raise OperationalError("the database is starting up")
        return "written"

    assert insist(write) == "written"


def test_every_move_leaves_an_audit_entry(make_flow: MakeFlow) -> None:
    attempt = send(started(make_flow()))
    codes = list(
        AuditEntry.objects.filter(attempt_id=attempt.pk).order_by("pk").values_list("message__code", flat=True)
    )
    assert codes == ["audit.export_started", "audit.export_claimed", "audit.export_sending", "audit.export_recorded"]


def test_the_answer_is_kept_encrypted(make_flow: MakeFlow, world: World) -> None:
    world.answer = answering(400, {"message": "Fel kod"})
    attempt = send(started(make_flow()))
    assert json.loads(attempt.answer) == {"message": "Fel kod"}
    with connection.cursor() as cursor:
        cursor.execute("SELECT answer FROM exports_exportattempt")
        assert "Fel kod" not in cursor.fetchone()[0]


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_the_source_says_post_or_patch(make_flow: MakeFlow, world: World, method: str) -> None:
    attempt = send(started(make_flow(source={"export_method": method})))
    assert [call.method for call in world.exported] == [method] == [attempt.method]


def test_the_sources_own_expression_builds_the_body(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow(people=1, source={"export_body": PARTICIPANTS_PRESET})
    send(started(flow))
    person = flow.participants.get()
    assert world.exported[0].body == {
        "participants": [{"userId": person.unique_exam_id, "mark": "5", "adminGrade": None}]
    }


@pytest.mark.parametrize("mark", ["3", ""])
def test_the_articles_body_has_the_assessors_grade_beside_the_alternative_one(
    make_flow: MakeFlow, world: World, mark: str
) -> None:
    flow = make_flow(people=0, source={"export_body": PARTICIPANTS_PRESET})
    person = ParticipantFactory(flow=flow)
    AssessmentFactory(participant=person, grade=mark, alternative_grade="Sjuk")
    world.grades[person.wiseflow_id], world.alternatives[person.wiseflow_id] = mark, "Sjuk"
    (line,) = preview_export(flow=flow, user=flow.created_by).to_send
    assert (line.line.grade, line.line.mark) == ("Sjuk", mark)
    send(started(flow))
    assert world.exported[0].body == {
        "participants": [{"userId": person.unique_exam_id, "mark": mark or None, "adminGrade": "Sjuk"}]
    }


@pytest.mark.parametrize("body", ["", PARTICIPANTS_PRESET], ids=["own", "preset"])
def test_a_grade_that_was_changed_beside_the_alternative_one_counts_where_a_body_may_hold_it(
    make_flow: MakeFlow, world: World, body: str
) -> None:
    flow = make_flow(people=0, source={"export_body": body})
    person = ParticipantFactory(flow=flow)
    AssessmentFactory(participant=person, grade="3", alternative_grade="Sjuk")
    world.grades[person.wiseflow_id], world.alternatives[person.wiseflow_id] = "4", "Sjuk"
    attempt = send(started(flow))
    assert len(world.exported) == (0 if body else 1)
    if body:
        item = attempt.items.get()
        assert item.message == {"code": "attempt.grade_changed", "params": {"was": "3", "now": "4"}}


@pytest.mark.parametrize("language", ["sv", "en"])
def test_nothing_is_sent_in_a_body_that_lacks_somebody_who_would_be_marked_as_sent(
    make_flow: MakeFlow, world: World, language: str
) -> None:
    """The sample people do not show it when the expression is saved; a Ladok that answers 204 would have all of them exported."""
    flow = make_flow(people=5, source={"export_body": "{p: gradeExports[:3].{id: uniqueExamId, grade: grade.grade}}"})
    fourth = preview_export(flow=flow, user=flow.created_by).to_send[3].participant
    attempt = send(started(flow))
    assert (attempt.state, world.exported) == ("failed", [])
    with translation.override(language):
        told = attempt.reason
        assert told is not None
        assert fourth.organisation_id in told.what
        assert {"sv": "Rätta uttrycket", "en": "Correct the expression"}[language] in told.todo
        assert {"sv": "Ingenting skickades", "en": "Nothing was sent"}[language] in told.effect
    with pytest.raises(Refused) as caught:
        preview_export(flow=flow, user=flow.created_by, asking=Asking.RETRY).bodies()
    assert caught.value.message.code == "ladok.expression_loses"


def in_the_act(flow: Flow) -> tuple[ExportAttempt, uuid.UUID, list[int]]:
    """An attempt that is being sent."""
    attempt = started(flow)
    token = transitions.claim(attempt.pk)
    assert token
    assert transitions.mark(attempt.pk, token, method="POST", url="x", body_sha256="")
    return attempt, token, list(ExportItem.objects.filter(attempt=attempt).order_by("pk").values_list("pk", flat=True))


def all_exported(count: int) -> Reading:
    return Reading((ItemOutcome("exported"),) * count, message("answer.exported", count=count))


def logging_on(caplog: pytest.LogCaptureFixture) -> None:
    import logging

    logging.getLogger("exports").addHandler(caplog.handler)
