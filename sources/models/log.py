"""WISEflow's log entries, kept longer than WISEflow keeps them; how far they have been read, and what is missing between."""

from __future__ import annotations

import datetime as dt

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from ladokflow.dates import moment_in_words
from ladokflow.fields import EncryptedTextField
from ladokflow.messages import Message
from sources.models.flow import Flow
from sources.models.queued import Queued, QueuedQuerySet
from sources.models.source import Source


class LogReading(Queued):
    """How far the log of a licence, or of one flow, has been read. `sources/logs/read.py` is the only writer.

    `cursor` is the moment in unix milliseconds up to which every entry that WISEflow had is here; it is written in the transaction
    that writes the entries. `read_to` is up to when that is known to be all, also where there was nothing.
    """

    TASK = "sources.tasks.read_logs"
    TIMEOUT_SECONDS = 3600
    LEASE_UNTIL = "lease_until"
    LEASE = dt.timedelta(seconds=180)
    WAITS_SINCE = "wanted_at"

    source = models.ForeignKey(Source, models.CASCADE, related_name="log_readings", verbose_name=_("source"))
    # None: the log of the whole licence
    flow = models.OneToOneField(
        Flow, models.CASCADE, null=True, blank=True, related_name="log_reading", verbose_name=_("flow")
    )
    cursor = models.BigIntegerField(null=True, blank=True)
    read_to = models.DateTimeField(_("read up to"), null=True, blank=True)
    wanted_at = models.DateTimeField(null=True, blank=True)  # since when somebody is to read it; None: nobody is
    asked_at = models.DateTimeField(null=True, blank=True)  # when that was last wanted
    enqueued_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    token = models.UUIDField(null=True, blank=True)
    claims = models.PositiveSmallIntegerField(default=0)  # workers that have begun since it was wanted
    message = models.JSONField(_("message"), default=dict, blank=True)  # why the last reading failed; empty: it did not

    objects = QueuedQuerySet["LogReading"].as_manager()

    class Meta:
        verbose_name = _("reading of a log")
        verbose_name_plural = _("readings of logs")
        ordering = ("source", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=["source"], condition=Q(flow__isnull=True), name="one_log_reading_per_licence"
            ),
        )

    def __str__(self) -> str:
        return str(self.flow or self.source)

    @classmethod
    def is_waiting_for_a_worker(cls) -> Q:
        return Q(wanted_at__isnull=False)

    @property
    def reason(self) -> Message | None:
        return Message.from_json(self.message)


class LogGap(models.Model):
    """A span of which no entry can be had any more, or was lost: nobody may take its silence for "nothing happened"."""

    reading = models.ForeignKey(LogReading, models.CASCADE, related_name="gaps", verbose_name=_("reading of a log"))
    first_at = models.DateTimeField(_("from"))
    last_at = models.DateTimeField(_("to"))
    message = models.JSONField(_("message"), default=dict)
    found_at = models.DateTimeField(_("found"), auto_now_add=True)

    class Meta:
        verbose_name = _("gap in a log")
        verbose_name_plural = _("gaps in logs")
        ordering = ("first_at", "pk")
        constraints = (
            models.UniqueConstraint(fields=["reading", "first_at"], name="one_gap_per_reading_and_beginning"),
            models.CheckConstraint(
                condition=Q(last_at__gte=models.F("first_at")), name="log_gap_ends_after_its_beginning"
            ),
        )

    def __str__(self) -> str:
        return f"{self.reading}: {moment_in_words(self.first_at)} – {moment_in_words(self.last_at)}"

    @property
    def what(self) -> Message | None:
        return Message.from_json(self.message)


class LogEntry(models.Model):
    """One entry, once. In clear stand numbers and WISEflow's word for what was done; `detail` is encrypted, without names and addresses.

    `key` is WISEflow's own id of the entry.
    """

    class Kind(models.TextChoices):
        """What it is to a reader (`sources/logs/words.py` says which of WISEflow's words are which)."""

        OPENED = "opened", pgettext_lazy("timeline", "Opened")
        WROTE = "wrote", pgettext_lazy("timeline", "Wrote")
        DISCONNECTED = "disconnected", pgettext_lazy("timeline", "Disconnected")
        RECONNECTED = "reconnected", pgettext_lazy("timeline", "Connected again")
        HANDED_IN = "handed_in", pgettext_lazy("timeline", "Handed in")
        WITHDRAWN = "withdrawn", pgettext_lazy("timeline", "Took back what was handed in")
        MARKED = "marked", pgettext_lazy("timeline", "Marked")
        OTHER = "other", pgettext_lazy("timeline", "Something else")

    # Found by the index below, which begins with it
    source = models.ForeignKey(Source, models.CASCADE, related_name="+", db_index=False, verbose_name=_("source"))
    flow = models.ForeignKey(Flow, models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("flow"))
    key = models.CharField(_("entry in WISEflow"), max_length=200)
    sort = models.BigIntegerField()
    at = models.DateTimeField(_("when"))
    kind = models.CharField(_("kind"), max_length=12, choices=Kind, default=Kind.OTHER)
    action = models.CharField(_("what"), max_length=200, blank=True)  # in WISEflow's words
    context = models.CharField(_("as"), max_length=30, blank=True)  # assessor, participant, administrator
    wiseflow_flow_id = models.PositiveBigIntegerField(_("flow in WISEflow"), null=True, blank=True)
    wiseflow_participant_id = models.PositiveBigIntegerField(_("participant in WISEflow"), null=True, blank=True)
    wiseflow_user_id = models.PositiveBigIntegerField(_("user in WISEflow"), null=True, blank=True)
    detail = EncryptedTextField(_("detail"), blank=True)
    kept_at = models.DateTimeField(_("kept since"), auto_now_add=True)

    class Meta:
        verbose_name = _("log entry")
        verbose_name_plural = _("log entries")
        ordering = ("at", "pk")
        indexes = (
            models.Index(fields=["source", "at", "id"], name="log_entry_of_source"),
            models.Index(fields=["flow", "at"], name="log_entry_of_flow", condition=Q(flow__isnull=False)),
            models.Index(fields=["at"], name="log_entry_age"),
        )
        constraints = (
            models.UniqueConstraint(fields=["source", "key"], name="one_log_entry_per_entry_in_wiseflow"),
            models.CheckConstraint(
                condition=Q(
                    kind__in=[
                        "opened", "wrote", "disconnected", "reconnected", "handed_in", "withdrawn", "marked", "other",
                    ]
                ),
                name="log_entry_kind_is_known",
            ),
        )  # fmt: skip

    def __str__(self) -> str:
        return f"{self.action or self.kind} {moment_in_words(self.at)}"
