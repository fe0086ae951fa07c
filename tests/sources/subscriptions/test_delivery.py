"""A call to a subscriber: signed, tried again for some days, given up at last, and to no address inside."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from django.utils import timezone

from ladokflow.wiseflow.webhooks import verify_signature
from sources.models import Delivery, Event, Subscription
from sources.models.queued import STALE
from sources.subscriptions.announcement import put_down
from sources.subscriptions.delivery import HEADER, PAUSES, deliver
from tests.sources.subscriptions.receiving import Receiver

pytestmark = pytest.mark.django_db


@pytest.fixture
def delivery(subscription: Subscription) -> Delivery:
    return put_down(subscription, Event.TEST, None)


def told(delivery: Delivery) -> str:
    delivery.refresh_from_db()
    return delivery.outcome["code"]


def make_due(delivery: Delivery) -> None:
    """So much time goes by."""
    Delivery.objects.filter(pk=delivery.pk).update(due_at=timezone.now() - dt.timedelta(seconds=1))


def test_a_call_is_signed_as_wiseflow_signs_its_own(delivery: Delivery, receiver: Receiver) -> None:
    deliver(delivery.pk)
    ((headers, body),) = receiver.calls
    secret = delivery.subscription.secret
    signature = headers[HEADER.lower()]
    assert verify_signature(secret=secret, body=body, signature=signature, prefix="sha256=")
    assert not verify_signature(secret=secret, body=body + b" ", signature=signature, prefix="sha256=")
    assert headers["content-type"] == "application/json"
    assert json.loads(body)["id"] == str(delivery.pk)
    delivery.refresh_from_db()
    assert (delivery.is_delivered, delivery.http_status, delivery.tries) == (True, 204, 1)
    assert told(delivery) == "sources.delivery.delivered"


def test_a_call_is_made_once(delivery: Delivery, receiver: Receiver) -> None:
    deliver(delivery.pk)
    assert deliver(delivery.pk) is None
    assert len(receiver.calls) == 1


@pytest.mark.parametrize("status", [200, 302, 404, 429, 500])
def test_what_was_not_taken_is_tried_again_later(delivery: Delivery, receiver: Receiver, status: int) -> None:
    receiver.status = status
    deliver(delivery.pk)
    delivery.refresh_from_db()
    if status == 200:
        assert delivery.ended_at is not None
        return
    assert (delivery.ended_at, delivery.http_status) == (None, status)
    pause = delivery.due_at - timezone.now()
    assert PAUSES[0] - dt.timedelta(seconds=30) < pause <= PAUSES[0]
    assert deliver(delivery.pk) is None  # not due
    make_due(delivery)
    receiver.status = 204
    deliver(delivery.pk)
    assert told(delivery) == "sources.delivery.delivered"
    assert len(receiver.calls) == 2


def test_it_is_given_up_in_the_end(delivery: Delivery, receiver: Receiver) -> None:
    receiver.status = 500
    waited = dt.timedelta(0)
    for _ in range(len(PAUSES) + 1):
        make_due(delivery)
        deliver(delivery.pk)
        delivery.refresh_from_db()
        waited += max(dt.timedelta(0), delivery.due_at - timezone.now())
    assert dt.timedelta(days=1) < waited < dt.timedelta(days=3)
    assert (delivery.ended_at is None, delivery.is_delivered, delivery.tries) == (False, False, len(PAUSES) + 1)
    assert told(delivery) == "sources.delivery.gave_up"
    make_due(delivery)
    assert deliver(delivery.pk) is None
    assert len(receiver.calls) == len(PAUSES) + 1


def test_nobody_there_is_told_as_that(delivery: Delivery) -> None:
    Subscription.objects.update(url="http://127.0.0.1:9/told")
    deliver(delivery.pk)
    assert told(delivery) == "sources.delivery.no_answer"


@pytest.mark.parametrize(
    "url", ["{receiver}", "http://169.254.169.254/latest", "https://10.0.0.1/x", "http://example.org/x"]
)
def test_no_address_inside_is_called(delivery: Delivery, receiver: Receiver, settings: Any, url: str) -> None:
    settings.INSIDE_HOSTS = []
    Subscription.objects.update(url=url.format(receiver=receiver.url))
    deliver(delivery.pk)
    assert told(delivery) == "sources.delivery.inside"
    assert receiver.calls == []


def test_what_was_disabled_meanwhile_is_not_called(delivery: Delivery, receiver: Receiver) -> None:
    Subscription.objects.update(enabled=False)
    deliver(delivery.pk)
    assert told(delivery) == "sources.delivery.switched_off"
    assert receiver.calls == []


def test_the_sweeper_has_made_what_is_due_and_what_a_dead_worker_has_left(
    delivery: Delivery, receiver: Receiver
) -> None:
    receiver.status = 500
    deliver(delivery.pk)
    old = timezone.now() - 2 * STALE
    Delivery.objects.update(created_at=old)
    assert Delivery.objects.enqueue_again() == []  # not due yet
    make_due(delivery)
    assert Delivery.objects.enqueue_again() == [delivery]
    Delivery.objects.update(enqueued_at=old, enqueues=0, lease_until=old)
    assert Delivery.objects.enqueue_again() == [delivery]
    receiver.status = 204
    deliver(delivery.pk)
    assert told(delivery) == "sources.delivery.delivered"
