"""WISEflow's webhook of a source, and every call it has made."""

import datetime as dt

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ladokflow.dates import moment_in_words
from ladokflow.fields import EncryptedTextField
from ladokflow.messages import Message
from sources.models.queued import Queued, QueuedQuerySet
from sources.models.source import Source

WAIT = dt.timedelta(seconds=15)  # a call that was asked for is here by then, or does not come


class Webhook(models.Model):
    """How the calls of one source are known to be WISEflow's, and whether they are registered there.

    `sources/webhooks/receive.py` receives, `sources/webhooks/register.py` registers. Header, encoding and prefix of the signature are settings,
    for WISEflow does not publish them.
    """

    class Encoding(models.TextChoices):
        HEX = "hex", _("Hexadecimal")
        BASE64 = "base64", "Base64"

    source = models.OneToOneField(Source, models.CASCADE, related_name="webhook", verbose_name=_("source"))
    secret = EncryptedTextField(_("secret"), blank=True)
    header = models.CharField(
        _("header with the signature"),
        max_length=100,
        default="X-Wiseflow-Signature",
        validators=[RegexValidator(r"\A[A-Za-z0-9-]+\Z", _("Letters, digits and hyphens only."))],
    )
    encoding = models.CharField(_("encoding of the signature"), max_length=10, choices=Encoding, default=Encoding.HEX)
    prefix = models.CharField(
        _("prefix of the signature"),
        max_length=50,
        blank=True,
        help_text=_("What stands before the signature in the header, such as sha256="),
    )
    wiseflow_id = models.PositiveBigIntegerField(_("webhook in WISEflow"), null=True, blank=True)
    url = models.CharField(_("address it is registered with"), max_length=500, blank=True)
    registered_at = models.DateTimeField(_("registered"), null=True, blank=True)
    tested_at = models.DateTimeField(_("test asked for"), null=True, blank=True)
    last_received_at = models.DateTimeField(_("last call"), null=True, blank=True)
    # {"header", "encoding", "prefix"} of a call that our secret has signed, but not as the settings above say
    signed_with = models.JSONField(default=dict, blank=True)
    busy_until = models.DateTimeField(null=True, blank=True)  # somebody is registering or removing it

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")
        constraints = (
            models.CheckConstraint(condition=Q(encoding__in=["hex", "base64"]), name="webhook_encoding_is_known"),
            models.CheckConstraint(
                condition=(
                    Q(registered_at__isnull=True, wiseflow_id__isnull=True)
                    | Q(registered_at__isnull=False, wiseflow_id__isnull=False)
                ),
                name="registered_webhook_is_in_wiseflow",
            ),
        )

    def __str__(self) -> str:
        return str(self.source)

    @property
    def has_come_back(self) -> bool:
        """Whether a call has come since a test was asked for."""
        return bool(self.tested_at and self.last_received_at and self.last_received_at >= self.tested_at)

    @property
    def is_awaited(self) -> bool:
        """A test was asked for, and its call may still come."""
        return bool(self.tested_at and not self.has_come_back and timezone.now() < self.tested_at + WAIT)


class WebhookEvent(Queued):
    """One call that WISEflow has made. Kept until it is pruned: a call that comes twice is known by its row.

    Open while `handled_at` is empty. `outcome` is the message that tells what came of it.
    """

    TASK = "sources.tasks.handle_webhook"
    TIMEOUT_SECONDS = 600
    LEASE_UNTIL = "lease_until"
    LEASE = dt.timedelta(seconds=60)
    WAITS_SINCE = "received_at"

    source = models.ForeignKey(Source, models.CASCADE, related_name="webhook_events", verbose_name=_("source"))
    call_id = models.CharField(_("call"), max_length=200)
    event = models.CharField(
        _("event"), max_length=60, blank=True
    )  # in WISEflow's words; empty where it cannot be read
    wiseflow_flow_id = models.PositiveBigIntegerField(_("flow in WISEflow"), null=True, blank=True)
    payload = EncryptedTextField(_("payload"), blank=True)
    received_at = models.DateTimeField(_("received"), default=timezone.now)
    enqueued_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)  # a worker is at it
    claims = models.PositiveSmallIntegerField(
        default=0
    )  # workers that have begun; bounds a loop of crashes and refusals
    handled_at = models.DateTimeField(_("handled"), null=True, blank=True)
    outcome = models.JSONField(_("outcome"), default=dict, blank=True)

    objects = QueuedQuerySet["WebhookEvent"].as_manager()

    class Meta:
        verbose_name = _("webhook call")
        verbose_name_plural = _("webhook calls")
        ordering = ("-received_at", "-pk")
        indexes = (
            models.Index(fields=["received_at"], name="webhook_event_age"),
            models.Index(
                fields=["source", "wiseflow_flow_id"], condition=Q(handled_at__isnull=True), name="webhook_event_open"
            ),
        )
        constraints = (models.UniqueConstraint(fields=["source", "call_id"], name="one_event_per_call"),)

    def __str__(self) -> str:
        return f"{self.event or '?'} {moment_in_words(self.received_at)}"

    @classmethod
    def is_waiting_for_a_worker(cls) -> Q:
        return Q(handled_at=None)

    @property
    def reason(self) -> Message | None:
        return Message.from_json(self.outcome)
