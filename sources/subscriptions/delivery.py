"""Making one call to a subscriber: signed as WISEflow signs its own, tried again for some days, and then given up.

A call may come twice: a worker that dies after it has sent it has not written that down. Its `id` tells that they are one.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import uuid

from django.db.models import F, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from ladokflow.http import build_client, exchange
from ladokflow.messages import Message, message
from ladokflow.response import Answer, NoAnswer
from ladokflow.wiseflow.webhooks import signature_of
from sources.models import Delivery

logger = logging.getLogger(__name__)

HEADER = "X-LadokFlow-Signature"
# How long after a try that failed the next one is made; after the last, no more are.
PAUSES = tuple(dt.timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 180, 360, 720, 1440))
SECONDS = 15.0  # that a subscriber may take


def deliver(pk: uuid.UUID | str) -> Delivery | None:
    """Make the call that is due; None where another worker is at it, or there is nothing to do. Raises nothing for what comes back."""
    if not _claim(pk):
        return None
    delivery = Delivery.objects.select_related("subscription").get(pk=pk)
    if not delivery.subscription.enabled:
        _end(delivery, message("sources.delivery.switched_off"))
        return delivery
    answer = _call(delivery)
    status = answer.status if isinstance(answer, Answer) else None
    if isinstance(answer, Answer) and answer.is_success:
        _end(delivery, message("sources.delivery.delivered", status=status), is_delivered=True, http_status=status)
    elif delivery.tries > len(PAUSES):
        told = message("sources.delivery.gave_up", tries=delivery.tries, cause=_failure(answer).to_json())
        _end(delivery, told, http_status=status)
    else:
        due_at = timezone.now() + PAUSES[delivery.tries - 1]
        outcome = _failure(answer).to_json()
        _write(delivery, due_at=due_at, enqueued_at=None, enqueues=0, http_status=status, outcome=outcome)
    logger.info("delivery.tried delivery=%s try=%s status=%s", delivery.pk, delivery.tries, status)
    return delivery


def _claim(pk: uuid.UUID | str) -> bool:
    rows = Delivery.objects.filter(Delivery.is_waiting_for_a_worker(), Delivery.is_free(), pk=pk)
    return bool(rows.update(lease_until=Now() + Delivery.LEASE, tries=F("tries") + 1, enqueues=0))


def _call(delivery: Delivery) -> Answer | NoAnswer:
    body = json.dumps(delivery.payload, separators=(",", ":")).encode()
    signature = signature_of(secret=delivery.subscription.secret, body=body, prefix="sha256=")
    headers = {"Content-Type": "application/json", HEADER: signature}
    with build_client(timeout=SECONDS) as client:
        return exchange(client, "POST", delivery.subscription.url, body=body, headers=headers, seconds=SECONDS)


def _failure(answer: Answer | NoAnswer) -> Message:
    """In our own words: what a subscriber says is shown to nobody."""
    if isinstance(answer, Answer):
        return message("sources.delivery.refused", status=answer.status)
    is_refused_here = answer.kind in ("inside", "address")
    return message("sources.delivery.inside" if is_refused_here else "sources.delivery.no_answer")


def _end(delivery: Delivery, told: Message, *, is_delivered: bool = False, http_status: int | None = None) -> None:
    _write(
        delivery,
        ended_at=timezone.now(),
        is_delivered=is_delivered,
        http_status=http_status,
        outcome=told.to_json(),
    )


def _write(delivery: Delivery, **columns: object) -> None:
    """Unless another worker has ended it meanwhile: this one was taken for dead."""
    Delivery.objects.filter(pk=delivery.pk, ended_at__isnull=True).update(lease_until=None, **columns)
    for name, value in columns.items():
        setattr(delivery, name, value)


def happened_before(moment: dt.datetime) -> QuerySet[Delivery]:
    return Delivery.objects.filter(created_at__lt=moment, ended_at__isnull=False)
