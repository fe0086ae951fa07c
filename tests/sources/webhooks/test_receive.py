"""The address that WISEflow calls: who is let in, and what is written down."""

import base64
import datetime as dt
import json
import logging
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import time_machine
from django.db import connection
from django.utils import timezone
from django_q.models import OrmQ

from ladokflow.wiseflow.webhooks import signature_of
from sources.models import Flow, Webhook, WebhookEvent
from sources.webhooks.register import register, url_of
from tests.factories import FlowFactory
from tests.sources.webhooks.calling import queued

GRADE = {"event": "FINAL_GRADE", "flowId": 225, "occurredAt": "2026-11-21T10:00:00Z"}


@pytest.fixture
def flow(liu):
    """Known to us, and so quiet in WISEflow that nothing but this test calls about it."""
    return FlowFactory(source=liu)


def have_done():
    """A worker has done all there was."""
    WebhookEvent.objects.update(handled_at=timezone.now())
    OrmQ.objects.all().delete()


def events():
    return list(WebhookEvent.objects.order_by("pk"))


def outcomes():
    return [event.outcome.get("code") for event in events()]


# --- Who is let in


def test_a_signed_call_is_received_written_down_and_left_to_the_queue(call, flow):
    before = timezone.now()
    answer = call(event="FINAL_GRADE", flowId=flow.wiseflow_id, callId="c-1")
    assert (answer.status_code, answer.text) == (200, "Received.\n")
    (event,) = events()
    assert (event.source, event.call_id, event.event) == (flow.source, "c-1", "FINAL_GRADE")
    assert (event.wiseflow_flow_id, event.handled_at, event.outcome) == (flow.wiseflow_id, None, {})
    assert json.loads(event.payload)["callId"] == "c-1"
    assert queued() == ["sources.tasks.handle_webhook"]
    call.hook.refresh_from_db()
    assert call.hook.last_received_at > before


def test_payload_is_encrypted_where_it_is_kept(call, flow):
    call(event="FINAL_GRADE", flowId=flow.wiseflow_id, note="19900101-1234")
    with connection.cursor() as cursor:
        cursor.execute("SELECT payload FROM sources_webhookevent")
        assert "19900101" not in str(cursor.fetchone())


def test_the_answer_comes_before_anything_is_asked_for_and_without_a_session(call, flow, sandbox):
    sandbox.control.clear_received()
    for sequence in (1, 2):
        answer = call(event="FINAL_GRADE", flowId=flow.wiseflow_id, sequence=sequence)
        assert answer.text == "Received.\n"
        assert "set-cookie" not in answer.headers
    assert sandbox.control.received("wiseflow") == sandbox.control.received("liu") == []


BODY = json.dumps(GRADE).encode()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Wiseflow-Signature": ""},
        {"X-Wiseflow-Signature": "00" * 32},
        {"X-Wiseflow-Signature": "not hexadecimal"},
        {"X-Wiseflow-Signature": signature_of(secret="another secret", body=BODY)},
        {"X-Wiseflow-Signature": signature_of(secret="", body=BODY)},
    ],
)
def test_a_call_that_is_not_signed_with_our_secret_is_refused_without_a_word_and_not_stored(call, headers):
    answer = call.raw(BODY, headers)
    assert (answer.status_code, answer.content) == (403, b"")
    assert events() == []
    call.hook.refresh_from_db()
    assert (call.hook.last_received_at, call.hook.signed_with) == (None, {})


def test_the_signature_is_that_of_the_bytes_as_they_came(call):
    signed = call.signed(BODY)
    assert call.raw(BODY + b" ", signed).status_code == 403
    assert call.raw(BODY.replace(b": ", b":"), signed).status_code == 403
    assert call.raw(BODY, {"X-Other": signed["X-Wiseflow-Signature"]}).status_code == 403
    assert call.raw(BODY, signed).status_code == 200


@pytest.mark.parametrize("encoding", ["hex", "base64"])
@pytest.mark.parametrize("prefix", ["", "sha256=", "HMAC "])
@pytest.mark.parametrize("header", ["X-Wiseflow-Signature", "Signature"])
def test_header_encoding_and_prefix_are_the_sources_own(call, encoding, prefix, header):
    Webhook.objects.filter(pk=call.hook.pk).update(header=header, encoding=encoding, prefix=prefix)
    plain = call.signed(BODY)
    call.hook.refresh_from_db()
    assert call.raw(BODY, call.signed(BODY)).status_code == 200
    if (header, encoding, prefix) != ("X-Wiseflow-Signature", "hex", ""):
        assert call.raw(BODY, plain).status_code == 403


def test_each_source_has_a_secret_of_its_own(call, oru):
    other = register(source=oru)
    assert other.secret != call.hook.secret
    assert call.raw(BODY, call.signed(BODY), url=url_of(oru)).status_code == 403


def test_a_source_without_a_webhook_and_one_that_is_not_there_answer_alike(call, oru, pages):
    answers = [call.raw(BODY, call.signed(BODY), url=url) for url in (url_of(oru), f"{pages}/webhooks/nowhere/")]
    assert [(answer.status_code, answer.content) for answer in answers] == [(403, b"")] * 2


def test_only_post_is_answered(call):
    assert httpx.get(call.hook.url, trust_env=False, timeout=60).status_code == 405
    put = httpx.put(call.hook.url, content=BODY, headers=call.signed(BODY), trust_env=False, timeout=60)
    assert put.status_code == 405


def test_a_huge_body_is_not_read(call):
    body = json.dumps({**GRADE, "more": "x" * 100_000}).encode()
    assert call.raw(body, call.signed(body)).status_code == 413
    assert events() == []


def test_refused_calls_beyond_a_measure_leave_no_line_and_never_shut_wiseflow_out(call, caplog):
    with caplog.at_level(logging.WARNING, logger="sources.views.webhooks"):
        answers = [call.raw(BODY, {"X-Wiseflow-Signature": "00"}).status_code for _ in range(25)]
    assert answers == [403] * 20 + [429] * 5
    lines = [record.getMessage() for record in caplog.records if record.name == "sources.views.webhooks"]
    assert lines == ["webhook.refused source=liu reason=other_signature"] * 20
    assert call(**GRADE).status_code == 200


# --- Calls that come again


def test_a_call_that_comes_again_is_answered_and_nothing_is_done(call, flow):
    first = {"event": "FINAL_GRADE", "flowId": flow.wiseflow_id, "callId": "c-1"}
    call(**first)
    have_done()
    for repeated in (first, {**first, "attempt": 2}):
        answer = call(**repeated)
        assert (answer.status_code, answer.text) == (200, "Received before.\n")
    assert len(events()) == 1
    assert queued() == []


def test_the_body_is_the_id_where_a_call_has_none(call, flow):
    first = {"event": "FINAL_GRADE", "flowId": flow.wiseflow_id, "sequence": 1}
    call(**first)
    have_done()
    assert call(**first).text == "Received before.\n"
    assert call(**{**first, "sequence": 2}).text == "Received.\n"
    assert len(events()) == 2


def test_what_nothing_can_tell_from_the_next_of_its_kind_is_taken_for_it_after_a_minute(call, flow):
    same = {"event": "FINAL_GRADE", "flowId": flow.wiseflow_id, "participantId": 7}
    call(**same)
    have_done()
    assert call(**same).text == "Received before.\n"
    WebhookEvent.objects.update(received_at=timezone.now() - dt.timedelta(minutes=2))
    assert call(**same).text == "Received.\n"
    assert queued() == ["sources.tasks.handle_webhook"]
    assert len(events()) == 1


def test_twenty_times_the_same_call_at_once_is_one(call, flow):
    body = json.dumps({"event": "FINAL_GRADE", "flowId": flow.wiseflow_id, "callId": "c-1"}).encode()
    ready = threading.Barrier(20)

    def send(_):
        ready.wait()
        return call.body(body)

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(send, range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert sorted(answer.text for answer in answers).count("Received.\n") == 1
    assert len(events()) == 1
    assert len(queued()) == 1


def test_the_same_id_at_another_source_is_another_call(call, flow, oru):
    other = type(call)(register(source=oru))
    payload = {"event": "PAPER_SUBMITTED", "flowId": 1, "callId": "c-1"}
    assert [call(**payload).text, other(**payload).text] == ["Received.\n"] * 2


# --- What is not for us


def test_unknown_events_are_kept_and_nothing_is_done(call, flow):
    for event in ("grade.justification", "TEST", "A_NEW_ONE"):
        assert call(event=event, flowId=flow.wiseflow_id).status_code == 200
    assert outcomes() == ["sources.webhook.ignored"] * 3
    assert all(event.handled_at for event in events())
    assert queued() == []


def test_a_flow_that_is_not_ours_is_kept_and_nothing_is_done(call, sandbox):
    assert call(event="FINAL_GRADE", flowId=987654).status_code == 200
    assert outcomes() == ["sources.webhook.unknown_flow"]
    assert queued() == []


def test_a_flow_of_another_source_is_not_touched(call, flow, oru):
    Flow.objects.filter(pk=flow.pk).update(source=oru)
    assert call(event="FLOW_EXTERNAL_SOURCE", flowId=flow.wiseflow_id).status_code == 200
    assert outcomes() == ["sources.webhook.unknown_flow"]
    assert queued() == []


def test_a_call_without_a_flow_is_found_by_its_reference_or_code(call, flow):
    code = flow.codes.get()
    call(event="FLOW_EXTERNAL_SOURCE", reference=code.reference)
    call(event="FLOW_EXTERNAL_SOURCE", flowCode=code.code)
    call(event="FLOW_EXTERNAL_SOURCE", reference="not-ours")
    assert [event.wiseflow_flow_id for event in events()] == [flow.wiseflow_id, flow.wiseflow_id, None]
    assert outcomes() == [None, None, "sources.webhook.no_flow"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no json",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b"null",
        '{"event": "å"}'.encode(),
        b'{"event": "\\ud800\\u0000", "flowId": 1, "id": "\\u0000"}',
        b"[" * 60_000,
    ],
)
def test_what_cannot_be_read_is_kept_and_nothing_is_done(call, body):
    assert call.body(body).status_code == 200
    assert outcomes() == ["sources.webhook.unreadable"]
    assert queued() == []


@pytest.mark.parametrize("flow_id", [0, -1, 2**63, 10**40, "x", None, True, {"id": "x"}, [1]])
def test_a_number_that_no_flow_can_have_is_no_flow(call, flow_id):
    assert call(event="FINAL_GRADE", flowId=flow_id).status_code == 200
    assert outcomes() == ["sources.webhook.no_flow"]


def test_a_body_wrapped_in_base64_is_read(call, flow):
    inner = json.dumps({"event": "FINAL_GRADE", "flowId": str(flow.wiseflow_id)}).encode()
    assert call.body(base64.b64encode(inner)).status_code == 200
    assert events()[0].wiseflow_flow_id == flow.wiseflow_id


def test_an_id_of_any_kind_is_kept_as_something_that_a_column_can_hold(call, flow):
    for given in ("å" * 200, "x" * 5000, 12, "a b"):
        assert call(event="FINAL_GRADE", flowId=flow.wiseflow_id, id=given).text == "Received.\n"
        assert call(event="FINAL_GRADE", flowId=flow.wiseflow_id, id=given).text == "Received before.\n"
    assert events()[2].call_id == "12"


# --- Finding out how WISEflow signs


def test_while_a_test_is_awaited_a_call_tells_how_it_is_signed(call, sandbox, lars):
    Webhook.objects.update(tested_at=timezone.now())
    signature = signature_of(secret=call.hook.secret, body=BODY, encoding="base64", prefix="sha256=")
    assert call.raw(BODY, {"X-Hub-Signature": signature}).status_code == 403
    call.hook.refresh_from_db()
    assert call.hook.signed_with == {"header": "X-Hub-Signature", "encoding": "base64", "prefix": "sha256="}
    assert (events(), call.hook.last_received_at) == ([], None)


def test_otherwise_and_with_another_secret_it_does_not(call):
    signature = signature_of(secret=call.hook.secret, body=BODY, encoding="base64")
    call.raw(BODY, {"X-Hub-Signature": signature})
    Webhook.objects.update(tested_at=timezone.now())
    call.raw(BODY, {"X-Hub-Signature": signature_of(secret="another", body=BODY)})
    with time_machine.travel(timezone.now() + dt.timedelta(minutes=10)):
        call.raw(BODY, {"X-Hub-Signature": signature})
    call.hook.refresh_from_db()
    assert call.hook.signed_with == {}
