"""The moves of an attempt up to the request, each one conditional UPDATE with its audit entry in the same transaction.

        queued --claim--> claimed --mark--> sending --record--> exported | failed
          ^ ^                |  \\                 \\
          | `---- put_back --+   `---- drop         `---- lose (outcome unknown)
          |                  |
          `-- go_on -- reading <-- tell_reading, claim, go_on

How it ends (record, drop, lose) stands in `outcomes.py`.

A move that changes no row has been made by somebody else, or was made impossible: whoever tries it then stops. A lease is
told by `ladokflow/leases.py`.
"""

from __future__ import annotations

import datetime as dt
import functools
import operator
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from exports.models import CLAIM_LEASE_SECONDS, ExportAttempt, ExportItem
from exports.rules import rules
from exports.rules.cases import lock
from exports.rules.facts import flow_facts
from exports.rules.states import refresh_progress
from exports.writing import update_in_groups
from ladokflow import leases
from ladokflow.messages import Message, message
from sources.audit import record as record_audit

State = ExportAttempt.State
LEASED = (State.CLAIMED, State.READING, State.SENDING)

MOST_CLAIMS = 3
SLACK_SECONDS = 5
# Between two workers of one attempt: longer, and what the first has read of WISEflow may be something else by then.
STANDSTILL = dt.timedelta(minutes=30)


def http_budget() -> float:
    """The longest that the one request may take, connecting included."""
    return float(settings.REMOTE_TIMEOUT_SECONDS)


def send_lease() -> dt.timedelta:
    """Longer than a live worker can last: the queue kills it `timeout` seconds and a few after the task began."""
    return dt.timedelta(seconds=max(http_budget() + 60, int(settings.Q_CLUSTER["timeout"]) + 30))


def longest_lease(state: str) -> dt.timedelta:
    """What the lease of an attempt in this state, one of LEASED, is taken for."""
    return send_lease() if state == State.SENDING else dt.timedelta(seconds=CLAIM_LEASE_SECONDS)


def left_behind(*states: str) -> Q:
    """Attempts in one of these states, each one of LEASED, whose lease is over: their worker is dead, or so late that it does
    nothing more."""
    over = [Q(state=state) & leases.is_over("lease_until", longest_lease(state)) for state in states]
    return functools.reduce(operator.or_, over)


def worked_at() -> Q:
    """Attempts that a worker is at."""
    held = [Q(state=state) & leases.is_held("lease_until", longest_lease(state)) for state in LEASED]
    return functools.reduce(operator.or_, held)


def may_begin(pk: uuid.UUID, token: uuid.UUID) -> bool:
    """Whether the request may begin now: the mark is ours still, and the lease lasts until the request is over."""
    rest = dt.timedelta(seconds=http_budget() + SLACK_SECONDS)
    still = leases.is_held("lease_until", send_lease(), rest=rest)
    return ExportAttempt.objects.filter(still, pk=pk, state=State.SENDING, token=token).exists()


def claim(pk: uuid.UUID) -> uuid.UUID | None:
    """Take a queued attempt, or one whose reading nobody is at; the fencing token, or None where it is not to be had."""
    token = uuid.uuid4()
    attempt = ExportAttempt.objects.filter(pk=pk)
    taken = {
        "token": token,
        "lease_until": Now() + longest_lease(State.CLAIMED),
        "claims": F("claims") + 1,
        "claimed_at": Now(),
    }
    with transaction.atomic():
        lock(flow_of(pk))
        is_over = Q(claimed_at__lt=Now() - STANDSTILL) | Q(claimed_at__gt=Now() + leases.STEP)
        stood_still = attempt.filter(is_over).exists()
        told = message("attempt.preparing").to_json()
        if attempt.filter(state=State.QUEUED).update(state=State.CLAIMED, message=told, **taken):
            audit(pk, message("audit.export_claimed"))
            _progress(pk)
        else:
            is_free = ExportAttempt.is_waiting_for_a_worker() | ExportAttempt.left_behind()
            if not attempt.filter(is_free, state=State.READING).update(**taken):
                return None
        if stood_still:
            ExportItem.objects.filter(attempt_id=pk).update(points_read=None, is_points_read=None)
    return token


def tell_reading(pk: uuid.UUID, token: uuid.UUID, *, read: int, total: int) -> bool:
    """claimed, or reading already -> reading, with how far that has come; False where the claim is lost."""
    with transaction.atomic():
        lock(flow_of(pk))
        attempt = ExportAttempt.objects.filter(pk=pk, token=token)
        reading = {
            "state": State.READING,
            "lease_until": Now() + longest_lease(State.READING),
            "claims": 1,  # no worker dies of what goes on
            "message": message("export.reading_points", read=read, total=total).to_json(),
        }
        if attempt.filter(state=State.CLAIMED).update(**reading):
            audit(pk, message("audit.export_reading", count=total))
        elif not attempt.filter(state=State.READING).update(**reading):
            return False
        _progress(pk)
    return True


def go_on(pk: uuid.UUID, token: uuid.UUID, *, is_read: bool) -> bool:
    """Have another worker go on with the reading, or where all `is_read`, with the preparation. False where the claim is lost."""
    free: dict[str, Any] = {"token": None, "lease_until": None}
    if is_read:
        free |= {"state": State.QUEUED, "message": message("attempt.queued").to_json()}
    with transaction.atomic():
        lock(flow_of(pk))
        is_ours = Q(state__in=(State.CLAIMED, State.READING), token=token)
        gone_on: bool = ExportAttempt.objects.put_in_queue(pk, is_ours, **free)
        if gone_on:
            _progress(pk)
    return gone_on


def change_items(pk: uuid.UUID, token: uuid.UUID, changes: Mapping[int, Mapping[str, Any]]) -> bool:
    """Write what has been found out of an attempt's live items while it is prepared; False where the claim is lost."""
    with transaction.atomic():
        lock(flow_of(pk))
        held = ExportAttempt.objects.filter(pk=pk, state__in=(State.CLAIMED, State.READING), token=token)
        if not held.exists():
            return False
        update_in_groups(ExportItem.objects.filter(attempt_id=pk, state=ExportItem.State.LIVE), changes)
    return True


def set_aside(items: QuerySet[ExportItem], why: Callable[[int], Message]) -> tuple[int, int]:
    """End live items that are not sent, each with its own sentence; how many of them failed and how many are unknown again,
    because an earlier sending may have arrived. The caller writes the attempt's numbers in the same transaction."""
    changes = {}
    in_doubt = 0
    for pk, is_in_doubt in items.order_by("pk").values_list("pk", "may_be_in_ladok"):
        reason = message("attempt.retry_not_sent", cause=why(pk).to_json()) if is_in_doubt else why(pk)
        after = ExportItem.State.UNKNOWN if is_in_doubt else ExportItem.State.FAILED
        changes[pk] = {"state": after.value, "message": reason.to_json()}
        in_doubt += is_in_doubt
    update_in_groups(items, changes)
    return len(changes) - in_doubt, in_doubt


def mark(
    pk: uuid.UUID,
    token: uuid.UUID,
    *,
    method: str,
    url: str,
    body_sha256: str,
    idempotency_key: str = "",
    managers: Sequence[str] = (),
    held: Mapping[int, Message] | None = None,
    insist: Callable[[], None] = lambda: None,
) -> bool:
    """claimed -> sending, on disk before the request: only who has written this may send. Refuses to be part of another
    transaction, which might still be rolled back. `held` are the items that are not in the request, and why. `insist` is asked under the
    flow's lock, and raises where the request is no longer to be sent."""
    with transaction.atomic(durable=True):
        lock(flow_of(pk))
        if is_code_gone(pk):
            return False
        insist()
        in_time = leases.is_held("lease_until", longest_lease(State.CLAIMED))
        marked = ExportAttempt.objects.filter(in_time, pk=pk, state=State.CLAIMED, token=token).update(
            state=State.SENDING,
            lease_until=Now() + longest_lease(State.SENDING),
            sending_at=Now(),
            method=method,
            url=url[:1000],
            body_sha256=body_sha256,
            managers=list(managers),
            message=message("attempt.sending").to_json(),
            **({"idempotency_key": idempotency_key} if idempotency_key else {}),
        )
        if marked and held:
            live = ExportItem.objects.filter(attempt_id=pk, state=ExportItem.State.LIVE, pk__in=held)
            failed, unknown = set_aside(live, held.__getitem__)
            ExportAttempt.objects.filter(pk=pk).update(failed_count=failed, unknown_count=unknown)
        if marked:
            audit(pk, message("audit.export_sending"))
            _progress(pk)
    return bool(marked)


def is_code_gone(pk: uuid.UUID) -> bool:
    """Whether the attempt's Ladok code has been removed, or the flow's export ended. Sure only under the flow's lock."""
    attempt = ExportAttempt.objects.select_related("code", "flow__source").defer("answer").get(pk=pk)
    facts = flow_facts(attempt.flow, has_code=attempt.code.removed_at is None, is_under_way=True, doubt=None)
    return rules.is_code_there(facts) is not None


def put_back(pk: uuid.UUID, token: uuid.UUID) -> bool:
    """claimed -> queued, when the lease has run out: the worker died before anything was sent."""
    with transaction.atomic():
        lock(flow_of(pk))
        put = ExportAttempt.objects.filter(left_behind(State.CLAIMED), pk=pk, token=token).update(
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


def audit(pk: uuid.UUID, entry: Message, **who: Any) -> None:
    attempt = ExportAttempt.objects.select_related("flow__source").only("flow__source").get(pk=pk)
    record_audit(message=entry, source=attempt.flow.source, flow=attempt.flow, attempt_id=pk, **who)
