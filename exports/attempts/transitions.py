"""The moves of an attempt up to the request, each one conditional UPDATE with its audit entry in the same transaction.

        queued --claim--> claimed --mark--> sending --record--> exported | failed
          ^                  |  \\                 \\
          `---- put_back ----'   `---- drop         `---- lose (outcome unknown)

How it ends (record, drop, lose) stands in `endings.py`.

A move that changes no row has been made by somebody else, or was made impossible: whoever tries it then stops. Times are
the database's, so that several machines agree on when a lease has run out.
"""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from exports.models import ExportAttempt
from exports.rules import rules
from exports.rules.facts import lock
from exports.rules.rules import FlowFacts
from exports.rules.states import refresh_progress
from ladokflow.messages import Message, message
from sources.audit import record as record_audit

State = ExportAttempt.State

CLAIM_LEASE_SECONDS = 90
MOST_CLAIMS = 3


def http_budget() -> float:
    """The longest that the one request may take, connecting included."""
    return float(settings.REMOTE_TIMEOUT_SECONDS)


def send_lease() -> dt.timedelta:
    """Longer than a live worker can last: the queue kills it `timeout` seconds and a few after the task began."""
    return dt.timedelta(seconds=max(http_budget() + 60, int(settings.Q_CLUSTER["timeout"]) + 30))


def claim(pk: uuid.UUID) -> uuid.UUID | None:
    """Take a queued attempt; the fencing token, or None where it is not to be had."""
    token = uuid.uuid4()
    with transaction.atomic():
        lock(flow_of(pk))
        taken = ExportAttempt.objects.filter(pk=pk, state=State.QUEUED).update(
            state=State.CLAIMED,
            token=token,
            lease_until=Now() + dt.timedelta(seconds=CLAIM_LEASE_SECONDS),
            claims=F("claims") + 1,
            claimed_at=Now(),
            message=message("attempt.preparing").to_json(),
        )
        if not taken:
            return None
        audit(pk, message("audit.export_claimed"))
        _progress(pk)
    return token


def mark(pk: uuid.UUID, token: uuid.UUID, *, method: str, url: str, body_sha256: str) -> bool:
    """claimed -> sending, on disk before the request: only who has written this may send. Refuses to be part of another
    transaction, which might still be rolled back."""
    with transaction.atomic(durable=True):
        lock(flow_of(pk))
        if is_code_gone(pk):
            return False
        marked = ExportAttempt.objects.filter(pk=pk, state=State.CLAIMED, token=token, lease_until__gt=Now()).update(
            state=State.SENDING,
            lease_until=Now() + send_lease(),
            sending_at=Now(),
            method=method,
            url=url[:1000],
            body_sha256=body_sha256,
            message=message("attempt.sending").to_json(),
        )
        if marked:
            audit(pk, message("audit.export_sending"))
            _progress(pk)
    return bool(marked)


def is_code_gone(pk: uuid.UUID) -> bool:
    """Whether the attempt's Ladok code has been removed, or the flow's export ended. Sure only under the flow's lock."""
    attempt = (
        ExportAttempt.objects.select_related("code", "flow")
        .only("code__removed_at", "flow__export_ended_at")
        .get(pk=pk)
    )
    facts = FlowFacts(
        has_code=attempt.code.removed_at is None, is_export_ended=attempt.flow.export_ended_at is not None
    )
    return rules.is_code_there(facts) is not None


def put_back(pk: uuid.UUID, token: uuid.UUID) -> bool:
    """claimed -> queued, when the lease has run out: the worker died before anything was sent."""
    with transaction.atomic():
        lock(flow_of(pk))
        put = ExportAttempt.objects.filter(pk=pk, state=State.CLAIMED, token=token, lease_until__lt=Now()).update(
            state=State.QUEUED,
            token=None,
            lease_until=None,
            enqueued_at=None,
            message=message("attempt.queued").to_json(),
        )
        if put:
            audit(pk, message("audit.export_put_back"))
            _progress(pk)
    return bool(put)


def flow_of(pk: uuid.UUID) -> int:
    flow_pk: int = ExportAttempt.objects.values_list("flow_id", flat=True).get(pk=pk)
    return flow_pk


def _progress(pk: uuid.UUID) -> None:
    refresh_progress(flow_of(pk))


def audit(pk: uuid.UUID, told: Message, **who: Any) -> None:
    attempt = ExportAttempt.objects.select_related("flow__source").only("flow__source").get(pk=pk)
    record_audit(message=told, source=attempt.flow.source, flow=attempt.flow, attempt_id=pk, **who)
