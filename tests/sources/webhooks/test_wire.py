"""How a call is read where WISEflow does not publish how it looks."""

import json

import pytest

from ladokflow.wiseflow.webhooks import SignedWith, find_signature, parse_event, signature_of

BODY = b'{"event":"FINAL_GRADE"}'


@pytest.mark.parametrize("encoding", ["hex", "base64"])
@pytest.mark.parametrize("prefix", ["", "sha256=", "HMAC "])
def test_the_header_with_our_signature_is_found_whatever_it_is_called(encoding, prefix):
    signature = signature_of(secret="hemlig", body=BODY, encoding=encoding, prefix=prefix)
    headers = {"Host": "x", "X-Id": "a" * 64, "X-Å": "å" * 80, "Webhook-Sign": f" {signature} ", "Empty": ""}
    found = find_signature(secret="hemlig", body=BODY, headers=headers)
    assert found == SignedWith(header="Webhook-Sign", encoding=encoding, prefix=prefix)


def test_a_signature_in_capitals_is_found():
    signature = signature_of(secret="hemlig", body=BODY).upper()
    assert find_signature(secret="hemlig", body=BODY, headers={"S": signature}) is not None


@pytest.mark.parametrize(("secret", "body"), [("annan", BODY), ("hemlig", BODY + b" "), ("", BODY)])
def test_a_signature_of_something_else_is_not(secret, body):
    headers = {"S": signature_of(secret=secret, body=body)}
    assert find_signature(secret="" if not secret else "hemlig", body=BODY, headers=headers) is None


@pytest.mark.parametrize(
    "payload",
    [
        {"flow": {"id": 225}},
        {"data": {"id": 7, "requestId": "r"}},
        {"id": 225, "flowId": 225},
        {"id": "9", "participantId": 9},
        {"id": 3, "webhookId": "3"},
    ],
)
def test_the_id_of_something_else_is_not_taken_for_the_calls(payload):
    assert parse_event(json.dumps({"event": "FINAL_GRADE", **payload}).encode()).id == ""


def test_what_tells_one_call_from_another_is_read():
    event = parse_event(b'{"event":"X","sequenceNumber":7,"timestamp":1763715600.5,"id":"c"}')
    assert (event.sequence, event.occurred_at, event.id) == ("7", "1763715600.5", "c")
