"""Grades, and every attempt to send them to Ladok."""

import datetime as dt
import uuid
from collections.abc import Sequence
from copy import copy

from django.conf import settings
from django.db import models
from django.db.models import Count, Exists, F, OuterRef, Q, Sum, Value
from django.db.models.functions import Coalesce, NullIf, TruncWeek
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ladokflow import leases, looks
from ladokflow.choices import StateChoices, with_trait
from ladokflow.dates import moment_in_words
from ladokflow.fields import EncryptedTextField
from ladokflow.looks import BAD, BUSY, OK, REPLACED, WAITING, Shown
from ladokflow.messages import Message, Trait
from ladokflow.queue import COMMON_ONLY, Queue
from ladokflow.rows import ManyRows
from sources.models import Flow, FlowSource, Participant, Source, SyncRun
from sources.models.queued import Queued, QueuedQuerySet

CLAIM_LEASE_SECONDS = 90  # a worker that prepares an attempt, or reads for it, has it to itself for so long
# A worker that has not been heard for longer is dead, or has something long in hand.
SILENCE = dt.timedelta(seconds=180)


class CollectionQuerySet(QueuedQuerySet["Collection"]):
    def asked(self) -> "CollectionQuerySet":
        return self.filter(Collection.is_waiting_for_a_worker())


class Collection(Queued):
    """Whether a flow's grades are to be read from WISEflow: while it has an entry in the queue, or should have one.

    `exports/grades/asking.py` is the only writer.
    """

    TASK = "exports.tasks.collect_flow"

    flow = models.OneToOneField(Flow, models.CASCADE, primary_key=True, related_name="collection")
    enqueued_at = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)  # in a row: WISEflow could not be asked
    rests_until = models.DateTimeField(null=True)  # not asked for again before

    objects = CollectionQuerySet.as_manager()

    class Meta:
        indexes = (models.Index(fields=["enqueued_at"], name="collection_asked", condition=Q(enqueues__gt=0)),)

    def __str__(self) -> str:
        return str(self.flow)

    @classmethod
    def is_waiting_for_a_worker(cls) -> Q:
        return Q(enqueues__gt=0)


class AssessmentQuerySet(models.QuerySet["Assessment"]):
    def per_grade(self) -> dict[str, int]:
        """How many people have each grade that stands; one query."""
        effective = Coalesce(NullIf("alternative_grade", Value("")), "grade")
        graded = self.order_by().annotate(effective=effective).exclude(effective="")
        return dict(graded.values_list("effective").annotate(Count("pk")))


class Assessment(ManyRows):
    """What WISEflow says of a participant's grade, as last collected (`GET /flow/{flowId}/assessments`)."""

    participant = models.OneToOneField(
        Participant, models.CASCADE, related_name="assessment", verbose_name=_("participant")
    )
    grade = models.CharField(_("grade"), max_length=100, blank=True)
    grade_at = models.DateTimeField(_("graded"), null=True, blank=True)
    # By a reviewer, as WISEflow's marking audit trail says. Asked for only where instant export waits for it.
    is_approved = models.BooleanField(_("approved"), default=False)
    approval_read_at = models.DateTimeField(null=True, blank=True, editable=False)  # when it was last asked for
    alternative_grade = models.CharField(_("alternative grade"), max_length=100, blank=True)
    alternative_grade_at = models.DateTimeField(_("alternative grade given"), null=True, blank=True)
    points = models.DecimalField(_("points"), max_digits=9, decimal_places=2, null=True, blank=True)
    # They belong to another grade, or WISEflow did not give them when it was asked: not the same as that there are none.
    is_points_unread = models.BooleanField(_("points not read"), default=False)
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

    @property
    def given_at(self) -> dt.datetime | None:
        """When that was."""
        return self.alternative_grade_at if self.alternative_grade else self.grade_at


class ExportAttemptQuerySet(QueuedQuerySet["ExportAttempt"]):
    def per_week(self, *, since: dt.datetime, tz: dt.tzinfo) -> dict[dt.date, tuple[int, int]]:
        """For the Monday of each week in which something ended: grades exported, and grades that failed or are unknown."""
        ended = (
            self.filter(finished_at__gte=since)
            .exclude(trigger=ExportAttempt.Trigger.ADOPTION)
            .order_by()
            .annotate(week=TruncWeek("finished_at", tzinfo=tz))
        )
        bad = Sum(F("failed_count") + F("unknown_count"))
        weeks = ended.values_list("week").annotate(good=Sum("exported_count"), bad=bad)
        return {week.date(): (good, bad) for week, good, bad in weeks}


class ExportAttempt(Queued):
    """One request to Ladok with a snapshot of grades, and what came of it.

        queued --claim--> claimed --mark--> sending --record--> exported | failed
                          |     ^
                          `-> reading   (as long as WISEflow is asked for something person by person)

    `exports/attempts/send.py` moves it, each move one conditional UPDATE. `failed` with `unknown_count` above 0 is what the
    manager reads as "outcome unknown".
    """

    class State(StateChoices):
        QUEUED = "queued", WAITING, _("Waiting")
        CLAIMED = "claimed", BUSY, _("Being prepared")
        READING = "reading", BUSY, _("Reading points")
        SENDING = "sending", BUSY, _("Sending")
        EXPORTED = "exported", OK, _("Exported")
        FAILED = "failed", BAD, _("Failed")

    class Trigger(models.TextChoices):
        MANAGER = "manager", _("Manager")
        INSTANT = "instant", _("Instant export")
        MARKING_END = "marking_end", _("Marking ended")
        ADOPTION = "adoption", _("Exported before it was taken over")

    OPEN = (State.QUEUED, State.CLAIMED, State.READING, State.SENDING)
    TASK = "exports.tasks.send_attempt"

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
    # A manager has said that what was known of Ladok's list last is to be sent, although it could not be read anew.
    uses_last_list = models.BooleanField(_("sent with the list as it was known last"), default=False)
    # A manager has said that grades are to be sent which another flow has sent under the same code.
    sends_again = models.BooleanField(_("sent although another flow has sent it"), default=False)
    # What is to be started, until a worker has done so (`exports/attempts/ordering.py`): till then there are no items.
    order = models.JSONField(default=dict, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.QUEUED)
    message = models.JSONField(default=dict, blank=True)

    # The lease
    token = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    enqueued_at = models.DateTimeField(null=True, blank=True)
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
            models.Index(fields=["created_at"], name="attempt_age"),
            # Whose attempt each is: of the flows with something unknown it is all that lists look at.
            models.Index(fields=["id"], name="attempt_flow", include=["flow"]),
            # All that `per_week` looks at: the rows are wide, and there are more every year.
            models.Index(
                fields=["finished_at"],
                name="attempt_ended",
                include=["flow", "exported_count", "failed_count", "unknown_count"],
                condition=Q(finished_at__isnull=False),
            ),
        )
        constraints = (
            # An attempt is one request, and a request is for one code: for a flow with one code, one per flow.
            models.UniqueConstraint(
                fields=["flow", "code"],
                condition=Q(state__in=["queued", "claimed", "reading", "sending"]),
                name="one_open_attempt_per_flow_and_code",
                violation_error_message=_("An export of this flow is under way already."),
            ),
            models.CheckConstraint(
                condition=Q(state__in=["queued", "claimed", "reading", "sending", "exported", "failed"]),
                name="attempt_state_is_known",
            ),
            models.CheckConstraint(
                condition=(~Q(state__in=["claimed", "sending"]) | Q(token__isnull=False, lease_until__isnull=False)),
                name="claimed_attempt_has_a_lease",
            ),
            models.CheckConstraint(
                condition=(
                    Q(state__in=["queued", "claimed", "reading", "sending"], finished_at__isnull=True)
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
        return f"{self.flow} {moment_in_words(self.created_at, self.flow.source.tz)}"

    @classmethod
    def queues(cls) -> Sequence[Queue]:
        """Its own, where somebody serves it, and the common one in any case: whoever comes first claims it."""
        return (Queue.EXPORTS, Queue.COMMON) if Heartbeat.objects.is_heard(Queue.EXPORTS) else COMMON_ONLY

    @classmethod
    def is_waiting_for_a_worker(cls) -> Q:
        return Q(state=cls.State.QUEUED) | Q(state=cls.State.READING, lease_until__isnull=True)

    @classmethod
    def left_behind(cls) -> Q:
        return Q(state=cls.State.READING) & leases.is_over("lease_until", dt.timedelta(seconds=CLAIM_LEASE_SECONDS))

    @property
    def outcome(self) -> Shown:
        """How far it has come, and at its end what came of it."""
        return ExportItem.State.UNKNOWN if self.unknown_count else self.State(self.state)

    @property
    def shown(self) -> Shown:
        """As its outcome, but without the steps on the way."""
        return ExportItem.State.LIVE if self.state in self.OPEN else self.outcome

    @property
    def reason(self) -> Message | None:
        return Message.from_json(self.message)


class ExportItemQuerySet(models.QuerySet["ExportItem"]):
    def of_flow(self, flow: Flow) -> "ExportItemQuerySet":
        return self.filter(attempt__flow=flow)

    def there_already(self) -> "ExportItemQuerySet":
        """Those that are `is_there_already`."""
        return self.filter(with_trait("message", Trait.ALREADY_IN_LADOK), state=ExportItem.State.FAILED)

    def counted(self) -> tuple[int, int, int]:
        """How many they are, how many of them are `is_there_already`, and of how many it is not known; one query."""
        there = with_trait("message", Trait.ALREADY_IN_LADOK) & Q(state=ExportItem.State.FAILED)
        found = self.order_by().aggregate(
            all=Count("pk"),
            there=Count("pk", filter=there),
            unknown=Count("pk", filter=Q(state=ExportItem.State.UNKNOWN)),
        )
        return found["all"], found["there"], found["unknown"]

    def newer(self) -> "ExportItemQuerySet":
        """For a subquery: those of the person in the same place that have come after the item of the query around it."""
        return self.filter(participant=OuterRef("participant"), place=OuterRef("place"), pk__gt=OuterRef("pk"))

    def earlier(self) -> "ExportItemQuerySet":
        """For a subquery, as `newer`."""
        return self.filter(participant=OuterRef("participant"), place=OuterRef("place"), pk__lt=OuterRef("pk"))

    def newest(self) -> "ExportItemQuerySet":
        """Without those after which there is a newer one: nothing can be done with them any more."""
        return self.filter(~Exists(ExportItem.objects.newer()))


class ExportItem(ManyRows):
    """One person's grade in an attempt: a snapshot of what is sent, and what came of it."""

    class State(StateChoices):
        LIVE = "live", BUSY, _("Under way")
        EXPORTED = "exported", OK, _("Exported")
        FAILED = "failed", BAD, _("Failed")
        UNKNOWN = "unknown", looks.UNKNOWN, _("Outcome unknown")
        SUPERSEDED = "superseded", REPLACED, _("Replaced")

    # A participant has at most one of these in one place: whoever would send a second time is refused by the database.
    HOLDING = (State.LIVE, State.EXPORTED, State.UNKNOWN)
    UNSETTLED = (State.FAILED, State.UNKNOWN)  # somebody can retry it, or say that it is in Ladok

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
    # The assessor's, where `grade` is the alternative one: a body may hold both.
    mark = models.CharField(_("assessor's grade"), max_length=100, blank=True)
    points = models.DecimalField(_("points"), max_digits=9, decimal_places=2, null=True, blank=True)
    # When the grade was given, as WISEflow says, and its points as they were read once more before the request: None while they
    # have not been, False where WISEflow did not tell them. They are of the grade that was given then.
    graded_at = models.DateTimeField(_("graded"), null=True, blank=True)
    points_read = models.DecimalField(max_digits=9, decimal_places=2, null=True, blank=True)
    is_points_read = models.BooleanField(null=True, blank=True)
    # How many times this person has been exported before: part of the idempotency key, so that a grade that is changed
    # and changed back is not taken for a repeat.
    generation = models.PositiveSmallIntegerField(default=0)
    # An earlier sending for this person ended unknown, and nothing has settled it: should this one not reach Ladok, or be
    # turned away as a whole, then that is still unknown.
    may_be_in_ladok = models.BooleanField(_("may be in Ladok"), default=False)
    # Takes the place of a grade that is in Ladok: sending it, a retry too, needs a source that allows overwriting.
    replaces_exported = models.BooleanField(_("replaces an exported grade"), default=False)
    # Ladok itself has answered that it registered this very sending: also of one that another has taken the place of since.
    is_registered = models.BooleanField(_("registered, by Ladok's answer"), default=False)
    # When Ladok was first asked for it and did not have it: it may still have been at work on the request.
    absent_at = models.DateTimeField(_("not in Ladok"), null=True, blank=True)
    # 0: the person's grade goes to one code of the flow; else the key that the code which this one is for had when the first was sent
    # (`Flow.grade_goes_to`): it keeps its place when it has another row.
    place = models.PositiveBigIntegerField(default=0)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.LIVE)
    message = models.JSONField(default=dict, blank=True)
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("settled by")
    )
    settled_at = models.DateTimeField(_("settled"), null=True, blank=True)
    # What it was before a manager said that it is in Ladok, or is not: that can be taken back until the person is sent again. Empty
    # where nobody has, or it has been taken back.
    before_mark = models.JSONField(default=dict, blank=True)

    objects = ExportItemQuerySet.as_manager()

    class Meta:
        verbose_name = _("exported grade")
        verbose_name_plural = _("exported grades")
        ordering = ("pk",)
        # Few of millions: counted for every flow in a list, and looked for by the sweeper all the time.
        indexes = (models.Index(fields=["attempt"], name="item_unknown", condition=Q(state="unknown")),)
        constraints = (
            models.UniqueConstraint(
                fields=["participant", "place"],
                condition=Q(state__in=["live", "exported", "unknown"]),
                name="one_live_exported_or_unknown_item_per_place",
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
    def outcome(self) -> State:
        return self.State(self.state)

    @property
    def is_unsettled(self) -> bool:
        return self.state in self.UNSETTLED

    @property
    def is_there_already(self) -> bool:
        """Whether Ladok, which rejected it, says that the grade is there: sending it again cannot help."""
        return self.state == self.State.FAILED and self.reason is not None and self.reason.has(Trait.ALREADY_IN_LADOK)

    @property
    def is_marked(self) -> bool:
        return bool(self.before_mark)

    def unmarked(self) -> "ExportItem":
        """The item as it was before a manager said anything of it."""
        was, before = copy(self), self.before_mark
        while before:
            was.state, was.message, before = before["state"], before["message"], before.get("before_mark")
        return was

    @property
    def reason(self) -> Message | None:
        return Message.from_json(self.message)


class FindingQuerySet(models.QuerySet["Finding"]):
    def open(self) -> "FindingQuerySet":
        return self.filter(handled_at__isnull=True)


class Finding(models.Model):
    """What came out about a grade after everybody had gone on, told everywhere until a manager has dealt with it
    (`exports/attempts/findings.py`)."""

    class Kind(StateChoices):
        TWICE = "twice", BAD, _("In Ladok twice")
        LATE = "late", looks.WARN, _("Found out late")

    flow = models.ForeignKey(Flow, models.PROTECT, related_name="findings", verbose_name=_("flow"))
    item = models.ForeignKey(ExportItem, models.CASCADE, related_name="findings", verbose_name=_("exported grade"))
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    message = models.JSONField(default=dict)
    found_at = models.DateTimeField(_("found"), auto_now_add=True)
    handled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("dealt with by"),
    )
    handled_at = models.DateTimeField(_("dealt with"), null=True, blank=True)
    reason = models.TextField(_("what was done"), blank=True)

    objects = FindingQuerySet.as_manager()

    class Meta:
        verbose_name = _("finding")
        verbose_name_plural = _("findings")
        ordering = ("pk",)
        indexes = (models.Index(fields=["flow", "kind"], name="finding_open", condition=Q(handled_at__isnull=True)),)
        constraints = (
            models.UniqueConstraint(fields=["item", "kind"], name="one_finding_of_a_kind_per_item"),
            models.CheckConstraint(condition=Q(kind__in=["twice", "late"]), name="finding_kind_is_known"),
            models.CheckConstraint(
                condition=Q(handled_at__isnull=True, handled_by__isnull=True)
                | Q(handled_at__isnull=False, handled_by__isnull=False),
                name="handled_finding_says_by_whom",
            ),
        )

    def __str__(self) -> str:
        return f"{self.item}: {self.kind}"

    @property
    def shown(self) -> Kind:
        return self.Kind(self.kind)

    @property
    def what(self) -> Message | None:
        return Message.from_json(self.message)


class HeartbeatQuerySet(models.QuerySet["Heartbeat"]):
    def is_heard(self, queue: Queue) -> bool:
        """Whether a worker of the queue has shown a sign of life lately."""
        now = timezone.now()
        return self.filter(name=Heartbeat.NAMES[queue], at__gt=now - SILENCE, at__lt=now + SILENCE).exists()


class Heartbeat(models.Model):
    """A sign of life of something that runs beside the pages. Judged from outside: a dead queue cannot tell that it is."""

    NAMES = {Queue.COMMON: "queue", Queue.EXPORTS: "exports"}

    name = models.CharField(max_length=30, unique=True)
    at = models.DateTimeField()

    objects = HeartbeatQuerySet.as_manager()

    class Meta:
        verbose_name = _("heartbeat")
        verbose_name_plural = _("heartbeats")

    def __str__(self) -> str:
        return self.name


class Tally(models.Model):
    """What all processes have counted together (`ladokflow/tallies.py`): how often, and when last."""

    name = models.CharField(max_length=40)
    label = models.CharField(max_length=120, blank=True)
    value = models.BigIntegerField(default=0)
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("tally")
        verbose_name_plural = _("tallies")
        constraints = (models.UniqueConstraint(fields=["name", "label"], name="one_tally_per_name_and_label"),)

    def __str__(self) -> str:
        return f"{self.name} {self.label}"


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
        return f"{self.user} {moment_in_words(self.told_at)}"


class Package(Queued):
    """An archive package of a flow: papers, grades and history, in a store of its own (`exports/archive/`).

        queued --claim--> fetching <--> queued (in turns) --> ready --> removed
                              `--> failed --again--> queued

    What has been fetched is never fetched again: each file is a `PackageFile` once it is in the store.
    """

    class State(StateChoices):
        QUEUED = "queued", WAITING, _("Waiting")
        FETCHING = "fetching", BUSY, _("Being made")
        READY = "ready", OK, _("Ready")
        FAILED = "failed", BAD, _("Stopped")
        REMOVED = "removed", looks.NEUTRAL, _("Deleted")

    class Trigger(models.TextChoices):
        MANAGER = "manager", _("Manager")
        COMMAND = "command", _("Command")
        SCHEDULE = "schedule", _("By itself")

    class Store(models.TextChoices):
        DISK = "disk", _("Disk")
        S3 = "s3", _("Object storage")

    OPEN = (State.QUEUED, State.FETCHING)
    TASK = "exports.tasks.make_package"
    TIMEOUT_SECONDS = 3600
    LEASE_UNTIL = "lease_until"
    LEASE = dt.timedelta(seconds=120)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    flow = models.ForeignKey(Flow, models.PROTECT, related_name="packages", verbose_name=_("flow"))
    trigger = models.CharField(_("trigger"), max_length=10, choices=Trigger)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("requested by"),
    )
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.QUEUED)
    message = models.JSONField(default=dict, blank=True)
    store = models.CharField(_("store"), max_length=10, choices=Store)
    place = models.CharField(
        _("place"), max_length=500
    )  # below the store's own root: a folder, or what keys begin with
    done = models.PositiveIntegerField(default=0)  # of `total` people
    total = models.PositiveIntegerField(default=0)
    file_count = models.PositiveIntegerField(_("files"), default=0)
    missing_count = models.PositiveIntegerField(_("files that could not be fetched"), default=0)
    size = models.PositiveBigIntegerField(_("size"), default=0)  # bytes, of the files
    manifest_sha256 = models.CharField(_("checksum of the manifest"), max_length=64, blank=True)
    token = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    enqueued_at = models.DateTimeField(null=True, blank=True)
    claims = models.PositiveIntegerField(default=0)  # workers that have begun since something was last done
    created_at = models.DateTimeField(_("requested"), default=timezone.now, editable=False)
    rests_until = models.DateTimeField(null=True, blank=True)  # WISEflow could not be asked: not tried again before
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    removed_at = models.DateTimeField(_("deleted"), null=True, blank=True)

    objects = QueuedQuerySet["Package"].as_manager()

    class Meta:
        verbose_name = _("archive package")
        verbose_name_plural = _("archive packages")
        ordering = ("-created_at",)
        indexes = (models.Index(fields=["flow", "-created_at"], name="package_newest"),)
        constraints = (
            models.UniqueConstraint(
                fields=["flow"],
                condition=Q(state__in=["queued", "fetching"]),
                name="one_open_package_per_flow",
                violation_error_message=_("A package of this flow is being made already."),
            ),
            models.CheckConstraint(
                condition=Q(state__in=["queued", "fetching", "ready", "failed", "removed"]),
                name="package_state_is_known",
            ),
            models.CheckConstraint(condition=Q(store__in=["disk", "s3"]), name="package_store_is_known"),
            models.CheckConstraint(
                condition=~Q(state="fetching") | Q(token__isnull=False, lease_until__isnull=False),
                name="fetching_package_has_a_lease",
            ),
        )

    def __str__(self) -> str:
        return f"{self.flow} {moment_in_words(self.created_at, self.flow.source.tz)}"

    @classmethod
    def is_waiting_for_a_worker(cls) -> Q:
        return Q(state=cls.State.QUEUED) & (Q(rests_until__isnull=True) | Q(rests_until__lte=timezone.now()))

    @classmethod
    def left_behind(cls) -> Q:
        return Q(state=cls.State.FETCHING) & leases.is_over("lease_until", cls.LEASE)

    @property
    def outcome(self) -> State:
        return self.State(self.state)

    @property
    def made_at(self) -> dt.datetime:
        return self.finished_at or self.created_at

    @property
    def reason(self) -> Message | None:
        return Message.from_json(self.message)


class PackagePerson(models.Model):
    """A participant's place in a package. `is_done`: all that there is of her is in it."""

    package = models.ForeignKey(Package, models.CASCADE, related_name="people", verbose_name=_("package"))
    participant = models.ForeignKey(
        Participant, models.SET_NULL, null=True, related_name="+", verbose_name=_("participant")
    )
    folder = models.CharField(_("folder"), max_length=120)
    submission_id = models.PositiveBigIntegerField(null=True, blank=True)
    is_done = models.BooleanField(default=False)

    class Meta:
        verbose_name = _("person in a package")
        verbose_name_plural = _("people in packages")
        ordering = ("pk",)
        indexes = (models.Index(fields=["package", "id"], name="package_person_left", condition=Q(is_done=False)),)
        constraints = (
            models.UniqueConstraint(fields=["package", "participant"], name="one_place_per_person_and_package"),
            models.UniqueConstraint(fields=["package", "folder"], name="one_person_per_folder_of_a_package"),
        )

    def __str__(self) -> str:
        return self.folder


class PackageFile(models.Model):
    """A file of a package that is in its store, with its checksum; or one that could not be had, and why."""

    package = models.ForeignKey(Package, models.CASCADE, related_name="files", verbose_name=_("package"))
    path = models.CharField(_("path"), max_length=500)  # within the bag: data/...
    person = models.ForeignKey(
        PackagePerson, models.SET_NULL, null=True, blank=True, related_name="files", verbose_name=_("person")
    )
    kind = models.CharField(_("kind"), max_length=30)
    size = models.PositiveBigIntegerField(_("size"), default=0)
    sha256 = models.CharField(_("checksum"), max_length=64, blank=True)
    missing = models.JSONField(default=dict, blank=True)  # why it is not there: a message

    class Meta:
        verbose_name = _("file of a package")
        verbose_name_plural = _("files of packages")
        ordering = ("path",)
        constraints = (
            models.UniqueConstraint(fields=["package", "path"], name="one_file_per_path_of_a_package"),
            models.CheckConstraint(
                condition=Q(sha256="") | Q(missing={}), name="package_file_is_there_or_says_why_not"
            ),
        )

    def __str__(self) -> str:
        return self.path

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def missing_reason(self) -> Message | None:
        return Message.from_json(self.missing)


class FlowSummary(models.Model):
    """The statistics of one flow, worked out from our rows (`exports/statistics/refresh.py`), so that a page reads no person's row.

    `computed_at` is when the rows were looked at. `course`, `term`, `department` and `exam_on` are what it is grouped by; empty where our
    rows do not tell.
    """

    flow = models.OneToOneField(Flow, models.CASCADE, primary_key=True, related_name="statistics")
    source = models.ForeignKey(Source, models.CASCADE, related_name="+", verbose_name=_("source"))
    course = models.CharField(_("course"), max_length=200, blank=True)
    term = models.CharField(_("term"), max_length=6, blank=True)  # 2026-1 in spring, 2026-2 in autumn
    department = models.CharField(_("department"), max_length=200, blank=True)
    exam_on = models.DateField(_("exam"), null=True, blank=True)
    computed_at = models.DateTimeField(_("worked out"), null=True, blank=True)
    # What WISEflow has counted of the marking, and who assesses whom (`exports/statistics/marking.py`)
    marking_asked_at = models.DateTimeField(null=True, blank=True)
    marking_read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("statistics of a flow")
        verbose_name_plural = _("statistics of flows")
        indexes = (
            models.Index(fields=["source", "term", "course"], name="summary_grouped"),
            models.Index(fields=["computed_at"], name="summary_age"),
        )

    def __str__(self) -> str:
        return str(self.flow)


class Figure(models.Model):
    """How many of a flow are in one cell of one table: the grade 5, say, or graded 12 days after the exam.

    `side` is what cells are gathered in, as passed and failed; `shown` is whether somebody may see it who may not see small groups
    (`exports/statistics/suppression.py`). Of WORK, `count` is milliseconds.
    """

    class Kind(models.TextChoices):
        RESULT = "result", _("Result")
        GRADE = "grade", _("Grade")
        MARKED = "marked", _("Marked")
        TO_GRADE = "to_grade", _("Days from exam to grade")
        REPORTED = "reported", _("Reported to Ladok")
        TO_LADOK = "to_ladok", _("Days from exam to Ladok")
        GRADE_TO_LADOK = "grade_ladok", _("Days from grade to Ladok")
        REJECTION = "rejection", _("Rejected by Ladok")
        WORK = "work", _("Time that LadokFlow worked")
        ASSESSOR = "assessor", _("Grades by assessor")

    class Shown(models.IntegerChoices):
        TOLD = 0, _("shown")
        HIDDEN = 1, _("hidden")
        LEFT_OUT = 2, _("left out")

    summary = models.ForeignKey(FlowSummary, models.CASCADE, related_name="figures")
    kind = models.CharField(max_length=12, choices=Kind)
    side = models.CharField(max_length=100, blank=True)
    name = models.CharField(max_length=200, blank=True)
    count = models.BigIntegerField()
    shown = models.PositiveSmallIntegerField(choices=Shown, default=Shown.LEFT_OUT)

    class Meta:
        verbose_name = _("figure")
        verbose_name_plural = _("figures")
        constraints = (
            models.UniqueConstraint(fields=["summary", "kind", "side", "name"], name="one_figure_per_cell"),
            models.CheckConstraint(
                condition=Q(
                    kind__in=[
                        "result", "grade", "marked", "to_grade", "reported", "to_ladok", "grade_ladok", "rejection", "work",
                        "assessor",
                    ]
                ),
                name="figure_kind_is_known",
            ),
            models.CheckConstraint(condition=Q(shown__range=(0, 2)), name="figure_shown_is_known"),
        )  # fmt: skip

    def __str__(self) -> str:
        return f"{self.kind} {self.side} {self.name}: {self.count}"


class QuestionFigure(models.Model):
    """One question of a flow that is marked item by item, in figures; nobody's own score is kept. `assessor` 0: of all of them."""

    summary = models.ForeignKey(FlowSummary, models.CASCADE, related_name="questions")
    assessor = models.PositiveBigIntegerField(default=0)  # WISEflow's number
    item = models.PositiveIntegerField(default=0)
    question = models.PositiveIntegerField(default=0)
    reference = models.CharField(max_length=200)
    question_kind = models.CharField(max_length=60, blank=True)
    people = models.PositiveIntegerField(default=0)
    mean = models.FloatField(null=True, blank=True)
    highest = models.FloatField(null=True, blank=True)
    difficulty = models.FloatField(null=True, blank=True)
    discrimination = models.FloatField(null=True, blank=True)
    wiseflow_difficulty = models.FloatField(null=True, blank=True)
    wiseflow_discrimination = models.FloatField(null=True, blank=True)
    correct = models.PositiveIntegerField(null=True, blank=True)
    unattempted = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        verbose_name = _("figures of a question")
        verbose_name_plural = _("figures of questions")
        ordering = ("item", "question", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=["summary", "assessor", "reference"], name="one_figure_per_question_and_assessor"
            ),
        )

    def __str__(self) -> str:
        return f"{self.item}.{self.question}"
