"""What WISEflow sends when something happens: is it from WISEflow, and what does it say?

The header's name, the encoding of the signature and most keys of the payload are not published, so all of them are settings
or looked for under the names that have been seen. The payload is a hint only: what it says is read again over the API.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.crypto import constant_time_compare

EVENTS = frozenset(
    {
        "ALTERNATIVE_GRADE",
        "ASSESSMENT",
        "ASSIGNMENT",
        "FINAL_GRADE",
        "FLOW_EXTERNAL_SOURCE",
        "FLOW_PERIOD_UPDATED",
        "FLOW_STATE_UPDATED",
        "PAPER_SUBMITTED",
    }
)

_KEYS = {
    "event": ("event", "eventType", "eventName", "type"),
    "id": ("callId", "deliveryId", "eventId", "id", "requestId"),
    "sequence": ("sequence", "sequenceNumber", "seq"),
    "occurred_at": ("occurredAt", "timestamp", "createdAt", "sentAt", "time"),
    "flow_id": ("flowId", "flow_id"),
    "participant_id": ("participantId", "participant_id"),
    "reference": ("reference", "flowExternalSourceReference", "externalSourceReference", "flowCode", "code"),
}
_INSIDE = ("data", "payload", "flow", "externalSource")
# An id further in is that of a flow, a grade or a request: taken for the call's, it would make two calls look like one.
_OF_THE_CALL = ("id", "sequence")
_OF_OTHER_THINGS = ("flowId", "participantId", "webhookId")


class UnreadableEvent(ValueError):
    """The body is neither JSON nor JSON in base64, or does not say what happened."""


@dataclass(frozen=True)
class WebhookEvent:
    """One call. `id` is the call's own, where it is given: a call that comes twice has the same.

    `sequence` and `occurred_at` are as they came, and only tell one call from another.
    """

    event: str
    id: str = ""
    sequence: str = ""
    occurred_at: str = ""
    flow_id: int | None = None
    participant_id: int | None = None
    reference: str = ""


def signature_of(*, secret: str, body: bytes, encoding: str = "hex", prefix: str = "") -> str:
    """HMAC-SHA256 of the raw body, as WISEflow writes it in a header."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    return prefix + (base64.b64encode(digest).decode() if encoding == "base64" else digest.hex())


def verify_signature(*, secret: str, body: bytes, signature: str, encoding: str = "hex", prefix: str = "") -> bool:
    """Is `signature`, the header's value, made with our secret of exactly these bytes? Compared in constant time.

    `encoding` is "hex" or "base64". Without a secret nothing is genuine.
    """
    given = signature.strip()
    if not secret or not given.startswith(prefix):
        return False
    given = given.removeprefix(prefix)
    try:
        digest = base64.b64decode(given, validate=True) if encoding == "base64" else bytes.fromhex(given)
    except (ValueError, binascii.Error):
        return False
    return constant_time_compare(digest, hmac.new(secret.encode(), body, hashlib.sha256).digest())


@dataclass(frozen=True)
class SignedWith:
    """Where a signature stands in a call, and how it is written."""

    header: str
    encoding: str
    prefix: str


def find_signature(*, secret: str, body: bytes, headers: Mapping[str, str]) -> SignedWith | None:
    """The header that holds our secret's signature of the body, whatever it is called; None where none does.

    For finding out the settings that WISEflow does not publish: only who knows the secret can make such a call.
    """
    if not secret:
        return None
    for name, value in headers.items():
        for encoding in ("hex", "base64"):
            wanted = signature_of(secret=secret, body=body, encoding=encoding).encode()
            given = value.strip().encode()
            end, start = given[-len(wanted) :], given[: -len(wanted)]
            if constant_time_compare(end.lower() if encoding == "hex" else end, wanted):
                return SignedWith(header=name, encoding=encoding, prefix=start.decode())
    return None


def parse_event(body: bytes) -> WebhookEvent:
    """What a call says. Unknown keys are ignored, and so is what a known one holds if it cannot be meant."""
    payload = _payload(body)
    event = _text(payload, "event").upper().replace(".", "_").replace("-", "_")
    if not event:
        raise UnreadableEvent("event")
    return WebhookEvent(
        event=event,
        id=_text(payload, "id"),
        sequence=_text(payload, "sequence"),
        occurred_at=_text(payload, "occurred_at"),
        flow_id=_number(payload, "flow_id"),
        participant_id=_number(payload, "participant_id"),
        reference=_text(payload, "reference"),
    )


def _payload(body: bytes) -> Mapping[str, Any]:
    for read in (lambda: body, lambda: base64.b64decode(body, validate=True)):
        try:
            payload = json.loads(read())
        except (ValueError, RecursionError):
            continue
        if isinstance(payload, dict):
            return payload
    raise UnreadableEvent("payload")


def _found(payload: Mapping[str, Any], name: str) -> Any:
    inside = () if name in _OF_THE_CALL else _INSIDE
    others = {str(payload[key]) for key in _OF_OTHER_THINGS if payload.get(key)} if name == "id" else set()
    for part in (payload, *(payload.get(key) for key in inside)):
        if isinstance(part, Mapping):
            for key in _KEYS[name]:
                value = part.get(key)
                if value not in (None, "") and not isinstance(value, dict | list | bool) and str(value) not in others:
                    return value
    # A flow may be given as an object: {"flow": {"id": 225}}.
    inner = payload.get(name.removesuffix("_id")) if name.endswith("_id") else None
    return inner.get("id") if isinstance(inner, Mapping) else None


def _text(payload: Mapping[str, Any], name: str) -> str:
    value = _found(payload, name)
    return str(value)[:255] if isinstance(value, str | int | float) else ""


def _number(payload: Mapping[str, Any], name: str) -> int | None:
    value = _found(payload, name)
    try:
        return int(value) if isinstance(value, str | int) else None
    except ValueError:
        return None
