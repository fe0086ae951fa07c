"""Grades, and every attempt to send them to Ladok."""

import datetime as dt
import uuid

from django.conf import settings
from django.db import models
from django.db.models import Count, F, Q, Sum, Value
from django.db.models.functions import Coalesce, NullIf, TruncWeek
from django.utils.translation import gettext_lazy as _

from ladokflow.fields import EncryptedTextField
from ladokflow.messages import Message
from sources.models import Flow, FlowSource, Participant, SyncRun


class AssessmentQuerySet(models.QuerySet["Assessment"]):
    def per_grade(self) -> dict[str, int]:
        """How many people have each grade that stands; one query."""
        effective = Coalesce(NullIf("alternative_grade", Value("")), "grade")
        graded = self.order_by().annotate(effective=effective).exclude(effective="")
        return dict(graded.values_list("effective").annotate(Count("pk")))


class Assessment(models.Model):
    """What WISEflow says of a participant's grade, as last collected (`GET /flow/{flowId}/assessments`)."""

    participant = models.OneToOneField(
        Participant, models.CASCADE, related_name="assessment", verbose_name=_("participant")
    )
    grade = models.CharField(_("grade"), max_length=100, blank=True)
    grade_at = models.DateTimeField(_("graded"), null=True, blank=True)
    # By a reviewer, as WISEflow's marking audit trail says. Asked for only where instant export waits for it.
    is_approved = models.BooleanField(_("approved"), default=False)
    alternative_grade = models.CharField(_("alternative grade"), max_length=100, blank=True)
    alternative_grade_at = models.DateTimeField(_("alternative grade given"), null=True, blank=True)
    points = models.DecimalField(_("points"), max_digits=9, decimal_places=2, null=True, blank=True)
    collected_at = models.DateTimeField(_("collected"))

    objects = AssessmentQuerySet.as_manager()

    class Meta:
        verbose_name = _("assessment")
        verbose_name_plural = _("assessments")

    def __str__(self) -> str:
        return self.effective_grade

    @property
    def effective_grade(self) -> str:
        """An alternative grade stands in the grade's place."""
        return self.alternative_grade or self.grade


class ExportAttemptQuerySet(models.QuerySet["ExportAttempt"]):
    def per_week(self, *, since: dt.datetime, tz: dt.tzinfo) -> dict[dt.date, tuple[int, int]]:
        """For the Monday of each week in which something ended: grades exported, and grades that failed or are unknown."""
        ended = self.filter(finished_at__gte=since).order_by().annotate(week=TruncWeek("finished_at", tzinfo=tz))
        bad = Sum(F("failed_count") + F("unknown_count"))
        found = ended.values_list("week").annotate(good=Sum("exported_count"), bad=bad)
        return {week.date(): (good, bad) for week, good, bad in found}


class ExportAttempt(models.Model):
    """One request to Ladok with a snapshot of grades, and what came of it.

        queued --claim--> claimed --mark--> sending --record--> exported | failed

    `exports/attempts/send.py` moves it, each move one conditional UPDATE. `failed` with `unknown_count` above 0 is what the
    manager reads as "outcome unknown".
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("Waiting")
        CLAIMED = "claimed", _("Being prepared")
        SENDING = "sending", _("Sending")
        EXPORTED = "exported", _("Exported")
        FAILED = "failed", _("Failed")

    class Trigger(models.TextChoices):
        MANAGER = "manager", _("Manager")
        INSTANT = "instant", _("Instant export")
        MARKING_END = "marking_end", _("Marking ended")

    OPEN = (State.QUEUED, State.CLAIMED, State.SENDING)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    flow = models.ForeignKey(Flow, models.PROTECT, related_name="attempts", verbose_name=_("flow"))
    code = models.ForeignKey(FlowSource, models.PROTECT, related_name="attempts", verbose_name=_("Ladok code"))
    trigger = models.CharField(_("trigger"), max_length=12, choices=Trigger, default=Trigger.MANAGER)
    is_retry = models.BooleanField(_("retry"), default=False)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("requested by"),
    )
    managers = models.JSONField(default=list, blank=True)  # organisation ids that go with the request (Borås)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.QUEUED)
    message = models.JSONField(default=dict, blank=True)

    # The lease
    token = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    enqueued_at = models.DateTimeField(null=True, blank=True)
    enqueues = models.PositiveIntegerField(default=0)
    claims = models.PositiveIntegerField(default=0)

    # The request and the answer
    method = models.CharField(_("method"), max_length=5, blank=True)
    url = models.CharField(_("address"), max_length=1000, blank=True)
    idempotency_key = models.CharField(_("idempotency key"), max_length=64, blank=True)
    body_sha256 = models.CharField(max_length=64, blank=True)
    http_status = models.PositiveSmallIntegerField(_("HTTP status"), null=True, blank=True)
    answer = EncryptedTextField(_("answer"), blank=True)  # pruned after ANSWER_RETENTION_DAYS

    sent_count = models.PositiveIntegerField(_("sent"), default=0)
    exported_count = models.PositiveIntegerField(_("exported"), default=0)
    failed_count = models.PositiveIntegerField(_("failed"), default=0)
    unknown_count = models.PositiveIntegerField(_("unknown"), default=0)

    created_at = models.DateTimeField(_("requested"), auto_now_add=True)
    claimed_at = models.DateTimeField(_("prepared"), null=True, blank=True)
    sending_at = models.DateTimeField(_("sent"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    objects = ExportAttemptQuerySet.as_manager()

    class Meta:
        verbose_name = _("export attempt")
        verbose_name_plural = _("export attempts")
        ordering = ("-created_at",)
        indexes = (
            models.Index(fields=["flow", "-created_at"], name="attempt_newest"),
            models.Index(
                fields=["state", "lease_until"], name="attempt_lease", condition=Q(state__in=["claimed", "sending"])
            ),
            models.Index(fields=["enqueued_at"], name="attempt_queue", condition=Q(state="queued")),
        )
        constraints = (
            # An attempt is one request, and a request is for one code: for a flow with one code, one per flow.
            models.UniqueConstraint(
                fields=["flow", "code"],
                condition=Q(state__in=["queued", "claimed", "sending"]),
                name="one_open_attempt_per_flow_and_code",
                violation_error_message=_("An export of this flow is under way already."),
            ),
            models.CheckConstraint(
                condition=Q(state__in=["queued", "claimed", "sending", "exported", "failed"]),
                name="attempt_state_is_known",
            ),
            models.CheckConstraint(
                condition=(~Q(state__in=["claimed", "sending"]) | Q(token__isnull=False, lease_until__isnull=False)),
                name="claimed_attempt_has_a_lease",
            ),
            models.CheckConstraint(
                condition=(
                    Q(state__in=["queued", "claimed", "sending"], finished_at__isnull=True)
                    | Q(state__in=["exported", "failed"], finished_at__isnull=False)
                ),
                name="attempt_is_finished_when_it_says_so",
            ),
            models.CheckConstraint(
                condition=~Q(state="exported") | Q(failed_count=0, unknown_count=0),
                name="exported_attempt_has_no_failures",
            ),
        )

    def __str__(self) -> str:
        return f"{self.flow} {self.created_at.astimezone(self.flow.source.tz):%Y-%m-%d %H:%M}"

    @property
    def reason(self) -> Message | None:
        return Message.from_json(self.message)


class ExportItem(models.Model):
    """One person's grade in an attempt: a snapshot of what is sent, and what came of it."""

    class State(models.TextChoices):
        LIVE = "live", _("Under way")
        EXPORTED = "exported", _("Exported")
        FAILED = "failed", _("Failed")
        UNKNOWN = "unknown", _("Outcome unknown")
        SUPERSEDED = "superseded", _("Replaced")

    # A participant has at most one of these: whoever would send a second time is refused by the database.
    HOLDING = (State.LIVE, State.EXPORTED, State.UNKNOWN)

    attempt = models.ForeignKey(ExportAttempt, models.CASCADE, related_name="items", verbose_name=_("attempt"))
    participant = models.ForeignKey(
        Participant, models.PROTECT, related_name="export_items", verbose_name=_("participant")
    )
    organisation_id = models.CharField(_("organisation id"), max_length=200, blank=True)
    unique_exam_id = models.CharField(_("unique exam id"), max_length=200, blank=True)
    external_user_id = models.CharField(_("student number"), max_length=200, blank=True)
    national_id = EncryptedTextField(_("national id"), blank=True)
    grade = models.CharField(_("grade"), max_length=100)
    is_alternative = models.BooleanField(_("alternative grade"), default=False)
    points = models.DecimalField(_("points"), max_digits=9, decimal_places=2, null=True, blank=True)
    # How many times this person has been exported before: part of the idempotency key, so that a grade that is changed
    # and changed back is not taken for a repeat.
    generation = models.PositiveSmallIntegerField(default=0)
    # An earlier sending for this person ended unknown, and nothing has settled it: should this one not reach Ladok, or be
    # turned away as a whole, then that is still unknown.
    may_be_in_ladok = models.BooleanField(_("may be in Ladok"), default=False)
    # Takes the place of a grade that is in Ladok: sending it, a retry too, needs a source that allows overwriting.
    replaces_exported = models.BooleanField(_("replaces an exported grade"), default=False)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.LIVE)
    message = models.JSONField(default=dict, blank=True)
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("settled by")
    )
    settled_at = models.DateTimeField(_("settled"), null=True, blank=True)

    class Meta:
        verbose_name = _("exported grade")
        verbose_name_plural = _("exported grades")
        ordering = ("pk",)
        constraints = (
            models.UniqueConstraint(
                fields=["participant"],
                condition=Q(state__in=["live", "exported", "unknown"]),
                name="one_live_exported_or_unknown_item_per_participant",
            ),
            models.UniqueConstraint(fields=["attempt", "participant"], name="one_item_per_participant_and_attempt"),
            models.CheckConstraint(
                condition=Q(state__in=["live", "exported", "failed", "unknown", "superseded"]),
                name="item_state_is_known",
            ),
            models.CheckConstraint(condition=~Q(grade=""), name="nothing_is_sent_without_a_grade"),
        )

    def __str__(self) -> str:
        return f"{self.participant}: {self.grade}"

    @property
    def reason(self) -> Message | None:
        return Message.from_json(self.message)


class Heartbeat(models.Model):
    """A sign of life of something that runs beside the pages. Judged from outside: a dead queue cannot tell that it is."""

    name = models.CharField(max_length=30, unique=True)
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("heartbeat")
        verbose_name_plural = _("heartbeats")

    def __str__(self) -> str:
        return self.name


class DigestReader(models.Model):
    """Somebody who is written to (`exports/operation/digest.py`). `lease_until`: an e-mail to her is being sent."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("user"))
    lease_until = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)  # the last e-mail

    class Meta:
        verbose_name = _("reader of e-mails")
        verbose_name_plural = _("readers of e-mails")

    def __str__(self) -> str:
        return str(self.user)


class DigestEntry(models.Model):
    """That one person has been told of one failed export, or of one synchronisation."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("user"))
    attempt = models.ForeignKey(ExportAttempt, models.CASCADE, null=True, blank=True, related_name="+")
    run = models.ForeignKey(SyncRun, models.CASCADE, null=True, blank=True, related_name="+")
    told_at = models.DateTimeField()

    class Meta:
        verbose_name = _("entry of an e-mail")
        verbose_name_plural = _("entries of e-mails")
        constraints = (
            models.UniqueConstraint(fields=["user", "attempt"], name="one_digest_entry_per_person_and_attempt"),
            models.UniqueConstraint(fields=["user", "run"], name="one_digest_entry_per_person_and_run"),
            models.CheckConstraint(
                condition=Q(attempt__isnull=False, run__isnull=True) | Q(attempt__isnull=True, run__isnull=False),
                name="digest_entry_is_of_one_thing",
            ),
        )

    def __str__(self) -> str:
        return f"{self.user} {self.told_at:%Y-%m-%d %H:%M}"
