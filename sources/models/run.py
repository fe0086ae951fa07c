"""The history of synchronisations."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ladokflow.choices import StateChoices
from ladokflow.dates import moment_in_words
from ladokflow.fingerprints import Fingerprint, fingerprint
from ladokflow.looks import BAD, BUSY, OK, WAITING
from ladokflow.messages import Message, Trait
from sources.models.flow import Flow
from sources.models.queued import Queued, QueuedQuerySet


class SyncRun(Queued):
    """One synchronisation of one flow: who asked, what was changed, what was not as it should be.

    queued -> running -> success | failed. A run that is `running` holds the flow's lease (`Flow.sync_token`).
    """

    class State(StateChoices):
        QUEUED = "queued", WAITING, _("Waiting")
        RUNNING = "running", BUSY, _("Running")
        SUCCESS = "success", OK, _("Succeeded")
        FAILED = "failed", BAD, _("Failed")

    class Trigger(models.TextChoices):
        CREATION = "creation", _("Creation")
        ADOPTION = "adoption", _("Taken over")
        MANAGER = "manager", _("Manager")
        COMMAND = "command", _("Command")
        NIGHT = "night", _("Nightly")
        WISEFLOW = "wiseflow", _("WISEflow")

    OPEN = (State.QUEUED, State.RUNNING)
    TASK = "sources.tasks.sync_flow"
    TIMEOUT_SECONDS = 3600
    WAITS_SINCE = "created_at"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    flow = models.ForeignKey(Flow, models.CASCADE, related_name="sync_runs", verbose_name=_("flow"))
    trigger = models.CharField(_("trigger"), max_length=10, choices=Trigger)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("requested by"),
    )
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.QUEUED)
    asks = models.BooleanField(_("asks"), default=False)  # the brake: a manager has to confirm that they go who would
    is_confirmed = models.BooleanField(_("confirmed"), default=False)  # a manager has seen what the brake told
    confirms = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="+", editable=False)
    # What the brake asks about: {"goers": keys of those who would go, "empty": codes whose list is empty}, both sorted
    would_go = models.JSONField(default=dict, blank=True, editable=False)
    message = models.JSONField(default=dict, blank=True)
    added = models.PositiveIntegerField(_("added"), default=0)
    updated = models.PositiveIntegerField(_("updated"), default=0)
    removed = models.PositiveIntegerField(_("removed"), default=0)
    deactivated = models.PositiveIntegerField(_("deactivated"), default=0)
    unchanged = models.PositiveIntegerField(_("unchanged"), default=0)
    changes = models.JSONField(_("changes"), default=list, blank=True)  # messages, in the order they were made
    problems = models.JSONField(_("problems"), default=list, blank=True)  # messages
    done = models.PositiveIntegerField(default=0)  # of `total` steps, for the progress bar
    total = models.PositiveIntegerField(default=0)
    token = models.UUIDField(null=True, blank=True)
    claims = models.PositiveSmallIntegerField(default=0)  # workers that have begun; bounds a loop of crashes
    created_at = models.DateTimeField(_("requested"), default=timezone.now, editable=False)
    enqueued_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    is_told = models.BooleanField(
        default=False, db_default=False, editable=False
    )  # who listens knows: see `tell_synced`

    objects = QueuedQuerySet["SyncRun"].as_manager()

    class Meta:
        verbose_name = _("synchronisation")
        verbose_name_plural = _("synchronisations")
        ordering = ("-created_at",)
        indexes = (
            models.Index(fields=["flow", "-created_at"], name="sync_run_newest"),
            models.Index(fields=["finished_at"], name="sync_run_failed", condition=Q(state="failed")),
            models.Index(fields=["created_at"], name="sync_run_age"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=["flow"],
                condition=Q(state__in=["queued", "running"]),
                name="one_open_sync_run_per_flow",
                violation_error_message=_("The flow is being synchronised already."),
            ),
            models.CheckConstraint(
                condition=Q(state__in=["queued", "running", "success", "failed"]), name="sync_run_state_is_known"
            ),
            models.CheckConstraint(
                condition=(
                    Q(state__in=["queued", "running"], finished_at__isnull=True)
                    | Q(state__in=["success", "failed"], finished_at__isnull=False)
                ),
                name="sync_run_is_finished_when_it_says_so",
            ),
        )

    def __str__(self) -> str:
        return f"{self.flow} {moment_in_words(self.created_at, self.flow.source.tz)}"

    @classmethod
    def is_waiting_for_a_worker(cls) -> Q:
        return Q(state=cls.State.QUEUED)

    @classmethod
    def left_behind(cls) -> Q:
        """Under way, while the flow is nobody's."""
        return Q(state=cls.State.RUNNING, flow__in=Flow.objects.filter(Flow.is_free()).values("pk"))

    @property
    def outcome(self) -> State:
        return self.State(self.state)

    @property
    def is_braked(self) -> bool:
        """Whether a manager's word is what it waits for: of what Ladok could not answer there is nothing to confirm."""
        return self.asks and self.reason is not None and self.reason.has(Trait.BRAKE)

    @property
    def fingerprint(self) -> Fingerprint:
        """Of what a manager is asked, where the brake asks."""
        return fingerprint("sources.brake", [self.pk, self.would_go, self.message])

    @property
    def reason(self) -> Message | None:
        return Message.from_json(self.message)

    @property
    def change_messages(self) -> list[Message]:
        return Message.list_from_json(self.changes)

    @property
    def problem_messages(self) -> list[Message]:
        return Message.list_from_json(self.problems)
