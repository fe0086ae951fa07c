"""Our webhooks: other systems of the university that are told what has become of a flow, and each time they are."""

from __future__ import annotations

import datetime as dt
import secrets
import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ladokflow.dates import moment_in_words
from ladokflow.fields import EncryptedTextField
from ladokflow.messages import Message
from sources.models.flow import Flow
from sources.models.queued import Queued, QueuedQuerySet
from sources.models.source import Source, check_address


class Event(models.TextChoices):
    """What is told. A test is asked for on the webhook's page, and goes to whoever it is of."""

    FLOW_EXPORTED = "flow.exported", _("All grades of a flow are in Ladok")
    FLOW_FAILED = "flow.failed", _("The export of a flow has failed, or nobody knows what came of it")
    FLOW_ASKS = "flow.asks", _("A flow asks something that only a person can answer")
    TEST = "test", _("Test")


# What can be chosen
EVENTS = (Event.FLOW_EXPORTED, Event.FLOW_FAILED, Event.FLOW_ASKS)


def new_secret() -> str:
    return f"lfw_{secrets.token_urlsafe(32)}"


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    def of(self, event: str) -> list[Subscription]:
        """The enabled ones that are told of it."""
        return [each for each in self.filter(enabled=True).select_related("source") if event in each.events]


class Subscription(models.Model):
    """Where the calls go, of which events. The secret signs them: it has to be read for that, and is shown once."""

    choices_of_each: ClassVar = {"events": Event.choices}

    source = models.ForeignKey(Source, models.CASCADE, related_name="subscriptions", verbose_name=_("source"))
    label = models.CharField(_("label"), max_length=100)
    url = models.URLField(_("address"), max_length=500, validators=[check_address])
    events = models.JSONField(_("events"), default=list)
    secret = EncryptedTextField(_("secret"), default=new_secret, editable=False)
    enabled = models.BooleanField(_("enabled"), default=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        verbose_name = _("outgoing webhook")
        verbose_name_plural = _("outgoing webhooks")
        ordering = ("source", "label")
        constraints = (models.UniqueConstraint(fields=["source", "label"], name="one_subscription_per_label"),)

    def __str__(self) -> str:
        return self.label


class Delivery(Queued):
    """One call to one subscriber: to be made, and what came of it. `sources/subscriptions/delivery.py` makes it.

    Open while `ended_at` is empty; a try that failed is made again from `due_at` on. Nobody is named in the payload.
    """

    TASK = "sources.tasks.deliver"
    LEASE_UNTIL = "lease_until"
    LEASE = dt.timedelta(seconds=60)
    WAITS_SINCE = "created_at"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    subscription = models.ForeignKey(
        Subscription, models.CASCADE, related_name="deliveries", verbose_name=_("outgoing webhook")
    )
    event = models.CharField(_("event"), max_length=20, choices=Event)
    flow = models.ForeignKey(Flow, models.CASCADE, null=True, related_name="+", verbose_name=_("flow"))
    payload = models.JSONField(_("payload"), default=dict)
    created_at = models.DateTimeField(_("happened"), default=timezone.now)
    due_at = models.DateTimeField(_("next try"), default=timezone.now)
    enqueued_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    ended_at = models.DateTimeField(_("ended"), null=True)
    is_delivered = models.BooleanField(_("delivered"), default=False)
    http_status = models.PositiveSmallIntegerField(_("HTTP status"), null=True)
    outcome = models.JSONField(_("outcome"), default=dict)

    objects = QueuedQuerySet["Delivery"].as_manager()

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        ordering = ("-created_at", "-pk")
        indexes = (
            models.Index(fields=["created_at"], name="delivery_age"),
            models.Index(fields=["due_at"], name="delivery_open", condition=Q(ended_at__isnull=True)),
        )
        constraints = (
            models.CheckConstraint(
                condition=Q(is_delivered=False) | Q(ended_at__isnull=False), name="delivered_call_has_ended"
            ),
        )

    def __str__(self) -> str:
        return f"{self.event} {moment_in_words(self.created_at)}"

    @classmethod
    def is_waiting_for_a_worker(cls) -> Q:
        return Q(ended_at__isnull=True, due_at__lte=Now())

    @property
    def reason(self) -> Message | None:
        return Message.from_json(self.outcome)


class ToldQuestions(models.Model):
    """What a flow asks, as far as a subscriber has been told of it: kinds of questions (`sources/flows/asking.py`)."""

    subscription = models.ForeignKey(Subscription, models.CASCADE, related_name="+")
    flow = models.ForeignKey(Flow, models.CASCADE, related_name="+")
    kinds = models.JSONField(default=list)

    class Meta:
        verbose_name = _("questions that were told")
        verbose_name_plural = _("questions that were told")
        constraints = (
            models.UniqueConstraint(fields=["subscription", "flow"], name="one_row_of_questions_per_subscription"),
        )

    def __str__(self) -> str:
        return str(self.flow)
