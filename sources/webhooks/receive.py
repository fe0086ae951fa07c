"""WISEflow's calls as they come in: is it WISEflow, has it called before, and is there anything to do?

A call is only a hint that something has happened to a flow. What happened is read over the API, by a worker (`sources/webhooks/handle.py`);
so a call that comes twice, late, out of order or not at all does no harm.
"""

from __future__ import annotations

import datetime as dt
import enum
import hashlib
import logging
import re
from collections.abc import Mapping
from dataclasses import asdict

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from ladokflow.messages import Message, message
from ladokflow.wiseflow import webhooks as wire
from sources.models import Flow, FlowSource, Webhook, WebhookEvent
from sources.webhooks import handle

logger = logging.getLogger(__name__)

# A body without an id, a number or a time cannot be told from the next one of its kind: after so long it is taken for that.
SAME_CALL = dt.timedelta(seconds=60)
FIND_OUT = dt.timedelta(
    minutes=5
)  # so long after a test is asked for, a call is looked at for another kind of signature
MOST_ID = 2**63 - 1


class Came(enum.Enum):
    ACCEPTED = "accepted"
    AGAIN = "again"
    REFUSED = "refused"


def receive(*, slug: str, body: bytes, headers: Mapping[str, str]) -> tuple[Came, str]:
    """Verify a call and write it down; the work is left to the queue. The text is the reason of a refusal, for the log only.

    `headers` must not mind the case of a name. Of a call that is not WISEflow's nothing is stored.
    """
    hook = Webhook.objects.filter(source__slug=slug).first()
    if hook is None or not hook.secret:
        return Came.REFUSED, "not_registered"
    signature = headers.get(hook.header) or ""
    if not wire.verify_signature(
        secret=hook.secret, body=body, signature=signature, encoding=hook.encoding, prefix=hook.prefix
    ):
        _find_out(hook, body, headers)
        return Came.REFUSED, "other_signature" if signature else "unsigned"
    with transaction.atomic():
        handle.hold(hook.source_id)
        Webhook.objects.filter(pk=hook.pk).update(last_received_at=timezone.now(), signed_with={})
        return _write_down(hook.source_id, body), ""


def _find_out(hook: Webhook, body: bytes, headers: Mapping[str, str]) -> None:
    """Somebody is testing the webhook: if it is our secret that signed the call, in another way, keep in which."""
    if hook.tested_at is None or timezone.now() > hook.tested_at + FIND_OUT:
        return
    signature = wire.find_signature(secret=hook.secret, body=body, headers=headers)
    if signature is not None and len(signature.header) <= 100 and len(signature.prefix) <= 50:  # as the columns
        Webhook.objects.filter(pk=hook.pk).update(signed_with=asdict(signature))


def _write_down(source_pk: int, body: bytes) -> Came:
    try:
        call = wire.parse_event(body)
    except wire.UnreadableEvent:
        call = wire.WebhookEvent(event="")
    call_id = _plain(call.id) if call.id else f"sha256:{hashlib.sha256(body).hexdigest()}"
    event = WebhookEvent.objects.filter(source_id=source_pk, call_id=call_id).first()
    now = timezone.now()
    if event is None:
        event = WebhookEvent(source_id=source_pk, call_id=call_id)
    else:
        is_alike = not (call.id or call.sequence or call.occurred_at)
        if not (is_alike and event.handled_at and event.received_at < now - SAME_CALL):
            return Came.AGAIN
    event.event = re.sub(r"[^A-Z0-9_]", "", call.event)[:60]
    event.wiseflow_flow_id = _flow_id(source_pk, call)
    event.payload = body.decode(errors="replace")
    ignored = _reason_to_ignore(event)
    event.received_at, event.claims, event.enqueued_at, event.enqueues = now, 0, None, 0
    event.handled_at = now if ignored else None
    event.outcome = ignored.to_json() if ignored else {}
    event.save()
    logger.info("webhook.received source=%s call=%s event=%s", source_pk, event.pk, event.event)
    if not ignored and not handle.is_looked_after(event):
        handle.put_in_queue(event.pk)
    return Came.ACCEPTED


def _plain(text: str) -> str:
    """An id as it is, if it is one that can stand in a column and a log."""
    if re.fullmatch(r"[\w.:/-]{1,200}", text, re.ASCII):
        return text
    return f"sha256:{hashlib.sha256(text.encode(errors='replace')).hexdigest()}"


def _flow_id(source_pk: int, call: wire.WebhookEvent) -> int | None:
    """The flow's number in WISEflow; where the call only gives a reference or a code, that of the flow it is on."""
    if call.flow_id is not None:
        return call.flow_id if 0 < call.flow_id <= MOST_ID else None
    if not call.reference or not call.reference.isprintable():
        return None
    codes = FlowSource.objects.filter(source_id=source_pk, removed_at__isnull=True)
    named = codes.filter(Q(reference=call.reference) | Q(code=call.reference))
    return named.values_list("flow__wiseflow_id", flat=True).first()


def _reason_to_ignore(event: WebhookEvent) -> Message | None:
    if not event.event:
        return message("sources.webhook.unreadable")
    if event.event not in handle.EVENTS:
        return message("sources.webhook.ignored", event=event.event)
    if event.wiseflow_flow_id is None:
        return message("sources.webhook.no_flow")
    flows = Flow.objects.filter(source_id=event.source_id, former_host="")
    if not flows.filter(wiseflow_id=event.wiseflow_flow_id).exists():
        return message("sources.webhook.unknown_flow", flow=event.wiseflow_flow_id)
    return None
