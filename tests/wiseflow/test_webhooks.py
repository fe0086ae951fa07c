import base64
import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ladokflow.wiseflow.webhooks import UnreadableEvent, parse_event, signature_of, verify_signature

BODY = '{"event":"FLOW_EXTERNAL_SOURCE","flowId":225,"note":"åäö"}'.encode()
# echo -n 'what do ya want for nothing?' | openssl dgst -sha256 -hmac Jefe (RFC 4231, test case 2)
KNOWN = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"


def test_signature_is_hmac_sha256_as_everybody_else_makes_it():
    assert verify_signature(secret="Jefe", body=b"what do ya want for nothing?", signature=KNOWN)
    assert verify_signature(secret="Jefe", body=b"what do ya want for nothing?", signature=KNOWN.upper())


@pytest.mark.parametrize("encoding", ["hex", "base64"])
@pytest.mark.parametrize("prefix", ["", "sha256="])
def test_signature_is_verified_in_each_encoding_and_with_a_prefix(encoding, prefix):
    options = {"secret": "hemlig", "encoding": encoding, "prefix": prefix}
    signature = signature_of(body=BODY, **options)
    assert verify_signature(body=BODY, signature=signature, **options)
    assert verify_signature(body=BODY, signature=f" {signature}\n", **options)
    assert not verify_signature(body=BODY + b" ", signature=signature, **options)
    assert not verify_signature(body=BODY, signature=signature, **options | {"secret": "annan"})


@pytest.mark.parametrize(
    "signature", ["", "sha256=", "zz", "sha256=" + KNOWN, KNOWN[:-2], KNOWN + "00", "å", "====", "None"]
)
@pytest.mark.parametrize("encoding", ["hex", "base64"])
def test_signature_that_is_not_ours_is_refused(signature, encoding):
    assert not verify_signature(secret="Jefe", body=b"other", signature=signature, encoding=encoding)


def test_nothing_is_genuine_without_a_secret():
    assert not verify_signature(secret="", body=BODY, signature=signature_of(secret="", body=BODY))


@given(st.binary(max_size=200), st.text(max_size=80))
def test_no_text_that_somebody_invents_is_taken_for_a_signature(body, signature):
    assert not verify_signature(secret="hemlig", body=body, signature=signature)


@pytest.mark.parametrize(
    "payload",
    [
        {"event": "FLOW_EXTERNAL_SOURCE", "id": "c-1", "flowId": 225, "reference": "tdde01-a1"},
        {"eventType": "flow.external-source", "callId": "c-1", "data": {"flowId": "225", "flowCode": "tdde01-a1"}},
        {
            "event": "FLOW_EXTERNAL_SOURCE",
            "requestId": "c-1",
            "payload": {"flowId": 225, "code": "tdde01-a1"},
            "new": [1],
        },
        {
            "type": "FLOW_EXTERNAL_SOURCE",
            "eventId": "c-1",
            "flow": {"id": 225},
            "externalSource": {"reference": "tdde01-a1"},
        },
    ],
)
def test_event_is_read_under_the_names_it_may_have(payload):
    event = parse_event(json.dumps(payload).encode())
    assert (event.event, event.id, event.flow_id, event.reference) == ("FLOW_EXTERNAL_SOURCE", "c-1", 225, "tdde01-a1")


def test_event_in_base64_is_read():
    assert parse_event(base64.b64encode(BODY)).flow_id == 225


def test_grade_event_tells_the_participant_and_the_sequence():
    event = parse_event(b'{"event":"FINAL_GRADE","flowId":225,"participantId":"10","sequence":7,"id":12}')
    assert (event.participant_id, event.sequence, event.id) == (10, "7", "12")


def test_key_that_holds_what_cannot_be_meant_is_as_if_missing():
    event = parse_event(b'{"event":"FINAL_GRADE","flowId":"x","participantId":true,"reference":{"a":1},"id":null}')
    assert (event.flow_id, event.participant_id, event.reference, event.id) == (None, None, "", "")


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{}", b'{"event":""}', b'{"event":["A"]}', b"\xff", b"bm8="])
def test_body_that_does_not_say_what_happened_is_refused(body):
    with pytest.raises(UnreadableEvent):
        parse_event(body)


@given(
    st.one_of(
        st.binary(max_size=200),
        st.recursive(st.none() | st.integers() | st.text(), lambda x: st.dictionaries(st.text(), x)).map(
            lambda x: json.dumps(x).encode()
        ),
    )
)
def test_no_body_whatever_makes_reading_fail_in_another_way(body):
    with contextlib.suppress(UnreadableEvent):
        parse_event(body)
