"""A flow, the Ladok codes it is made from, and its participants."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ladokflow.fields import EncryptedTextField
from ladokflow.messages import Message
from sources.models.source import Membership, Source

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser


class ExportState(models.TextChoices):
    """What a flow and each of its participants show."""

    PENDING = "pending", _("Pending")
    EXPORTED = "exported", _("Exported")
    FAILED = "failed", _("Failed")


class AssessorAllocation(models.TextChoices):
    """Which participants each assessor whom we put on a flow is given."""

    NONE = "none", _("Decided in WISEflow")
    ALL = "all", _("Every assessor assesses everybody")
    ROUND_ROBIN = "round_robin", _("The participants are dealt out evenly")
    LIST = "list", _("By a list")


class FlowQuerySet(models.QuerySet["Flow"]):
    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> FlowQuerySet:
        memberships = Membership.objects.filter(user_id=user.pk)  # type: ignore[misc] # anonymous: no key, no membership
        return self.filter(source_id__in=memberships.values("source_id"))

    def ready(self) -> FlowQuerySet:
        """Flows that are there in WISEflow, with all steps of their creation done."""
        return self.filter(setup_state=Flow.Setup.READY)

    def unmade(self) -> FlowQuerySet:
        """As `Flow.is_unmade`."""
        return self.filter(setup_state=Flow.Setup.STOPPED, wiseflow_id__isnull=True, setup_step="")

    def syncable(self) -> FlowQuerySet:
        """Flows whose marking has not ended, as far as we know."""
        return self.ready().exclude(state__in=[Flow.State.CONCLUDED, Flow.State.ARCHIVED])

    def with_source_and_codes(self) -> FlowQuerySet:
        """What a list shows of each flow, in two queries however many there are."""
        return self.select_related("source").prefetch_related("codes")

    def found_by(self, text: str) -> FlowQuerySet:
        """By a part of the title, subtitle or Ladok code, the number in WISEflow, or a student's whole organisation id."""
        codes = FlowSource.objects.filter(code__icontains=text)
        # Exact, so that the index is used: there may be millions of participants.
        people = Participant.objects.filter(organisation_id__in={text, text.lower(), text.upper()})
        found = Q(title__icontains=text) | Q(subtitle__icontains=text)
        found |= Q(pk__in=codes.values("flow_id")) | Q(pk__in=people.values("flow_id"))
        if text.isdecimal() and len(text) < 19:  # longer than any number the column can hold
            found |= Q(wiseflow_id=int(text))
        return self.filter(found)

    def needing_an_answer(self) -> FlowQuerySet:
        """Flows whose creation has stopped, or whose last synchronisation failed or asks."""
        asking = self.syncable().exclude(sync_message={})
        return self.filter(Q(setup_state=Flow.Setup.STOPPED) | Q(pk__in=asking.values("pk")))

    def ending_within(self, span: dt.timedelta) -> FlowQuerySet:
        """Flows whose marking ends soon."""
        now = timezone.now()
        return self.syncable().filter(marking_end_at__gte=now, marking_end_at__lt=now + span)

    def to_export(self) -> FlowQuerySet:
        """Flows whose marking has ended and whose grades are not all in Ladok, without having failed."""
        return self.filter(
            state__in=[Flow.State.CONCLUDED, Flow.State.ARCHIVED],
            export_state=ExportState.PENDING,
            export_ended_at=None,
            graded_count__gt=0,
        )

    def changed_since_export(self) -> FlowQuerySet:
        """Flows of which WISEflow has other grades now than those that were exported."""
        return self.filter(export_state=ExportState.EXPORTED, export_message__code="export.some_changed")

    def export_failed(self) -> FlowQuerySet:
        return self.filter(export_state=ExportState.FAILED)


class Flow(models.Model):
    """One exam in WISEflow, made from one or more Ladok codes of one source."""

    class Setup(models.TextChoices):
        """How far its creation has come. `sources/flows/request.py` and `sources/flows/create.py` are the only writers."""

        QUEUED = "queued", _("Waiting")
        CREATING = "creating", _("Being created")
        READY = "ready", _("Created")
        STOPPED = "stopped", _("Stopped")

    class State(models.IntegerChoices):
        """WISEflow's own numbers (`GET /flow/{flowId}`, key `state`)."""

        NOT_ACTIVATED = 0, _("Setup")
        PARTICIPATION_NOT_STARTED = 1, _("Activated")
        PARTICIPATION_STARTED = 2, _("Participation")
        PARTICIPATION_ENDED = 3, _("Marking")
        CONCLUDED = 4, _("Concluding")
        ARCHIVED = 5, _("Archived")

    class DecidedBy(models.TextChoices):
        ASSESSOR = "assessor", _("Assessor")
        REVIEWER = "reviewer", _("Reviewer")

    STATES_BEFORE_MARKING = (State.NOT_ACTIVATED, State.PARTICIPATION_NOT_STARTED, State.PARTICIPATION_STARTED)

    source = models.ForeignKey(Source, models.PROTECT, related_name="flows", verbose_name=_("source"))
    title = models.CharField(_("title"), max_length=255)
    subtitle = models.CharField(_("subtitle"), max_length=255, blank=True)
    flow_type = models.CharField(_("flow type"), max_length=50, default="FLOWassign")
    template_flow_id = models.PositiveBigIntegerField(_("template flow in WISEflow"), null=True, blank=True)
    staff = models.JSONField(_("staff"), default=list, blank=True)  # [{"role", "email", "organisation_id"}]
    assessor_allocation = models.CharField(
        _("who assesses whom"), max_length=15, choices=AssessorAllocation, default=AssessorAllocation.NONE
    )
    activates = models.BooleanField(_("activate when created"), default=False)

    # Creation: a list of steps, each safe to run again (sources/flows/create.py)
    setup_state = models.CharField(_("creation"), max_length=10, choices=Setup, default=Setup.QUEUED)
    setup_step = models.CharField(max_length=30, blank=True)  # the last step that is done
    setup_mark = models.CharField(max_length=20, unique=True)  # finds the flow in WISEflow again after a crash
    setup_message = models.JSONField(default=dict, blank=True)
    setup_enqueued_at = models.DateTimeField(null=True, blank=True)
    setup_claims = models.PositiveSmallIntegerField(default=0)  # workers that have begun; bounds a loop of crashes
    submission_key = models.UUIDField(unique=True, null=True, blank=True)  # a form sent twice makes one flow

    # What WISEflow says
    wiseflow_id = models.PositiveBigIntegerField(_("flow in WISEflow"), null=True, blank=True)
    # Set where the address of WISEflow has been changed since: the host that the flow is at. Elsewhere its number may be that of
    # another flow.
    former_host = models.CharField(max_length=500, blank=True, default="", editable=False)
    state = models.PositiveSmallIntegerField(_("phase"), choices=State, null=True, blank=True)
    participation_start_at = models.DateTimeField(_("participation starts"), null=True, blank=True)
    participation_end_at = models.DateTimeField(_("participation ends"), null=True, blank=True)
    marking_start_at = models.DateTimeField(_("marking starts"), null=True, blank=True)
    marking_end_at = models.DateTimeField(_("marking ends"), null=True, blank=True)
    grading_scale_id = models.PositiveBigIntegerField(null=True, blank=True)
    grading_scale = models.CharField(_("grading scale"), max_length=200, blank=True)
    grades = models.JSONField(
        default=list, blank=True
    )  # the grades of that scale; empty where it is a range or unknown

    # Synchronisation
    followed = models.JSONField(default=dict, blank=True)  # field -> the value we last wrote or saw equal
    unfollowed = models.JSONField(
        default=dict, blank=True
    )  # field -> {"ladok", "wiseflow"}: changed by hand in WISEflow
    follows_dates = models.BooleanField(default=True)  # False when the first synchronisation had no dates
    synced_at = models.DateTimeField(_("last synchronised"), null=True, blank=True)  # the last successful one
    sync_message = models.JSONField(
        default=dict, blank=True
    )  # why the last synchronisation failed or asks; empty when it went well
    sync_lease_until = models.DateTimeField(null=True, blank=True)
    sync_token = models.UUIDField(null=True, blank=True)

    # Grades and export (exports/ is the only writer)
    instant_export = models.BooleanField(_("instant export"), default=False)
    grade_decided_by = models.CharField(
        _("grade decided by"), max_length=10, choices=DecidedBy, default=DecidedBy.ASSESSOR
    )
    exports_when_marking_ends = models.BooleanField(_("export when marking ends"), default=False)
    collected_at = models.DateTimeField(_("grades collected"), null=True, blank=True)
    export_ended_at = models.DateTimeField(null=True, blank=True)  # the code was removed in the concluding phase
    export_state = models.CharField(_("export"), max_length=10, choices=ExportState, default=ExportState.PENDING)
    export_message = models.JSONField(default=dict, blank=True)
    participant_count = models.PositiveIntegerField(default=0)
    graded_count = models.PositiveIntegerField(default=0)
    exported_count = models.PositiveIntegerField(default=0)
    failed_count = models.PositiveIntegerField(default=0)

    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="flows", verbose_name=_("created by")
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    objects = FlowQuerySet.as_manager()

    class Meta:
        verbose_name = _("flow")
        verbose_name_plural = _("flows")
        ordering = ("-created_at", "-pk")
        indexes = (
            models.Index(fields=["source", "export_state"], name="flow_export_state"),
            models.Index(fields=["source", "state", "marking_end_at"], name="flow_phase"),
            models.Index(fields=["-created_at", "-id"], name="flow_newest"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=["source", "former_host", "wiseflow_id"],
                condition=Q(wiseflow_id__isnull=False),
                name="one_flow_per_wiseflow_flow",
            ),
            models.CheckConstraint(
                condition=Q(setup_state__in=["queued", "creating", "ready", "stopped"]),
                name="flow_setup_state_is_known",
            ),
            models.CheckConstraint(
                condition=~Q(setup_state="ready") | Q(wiseflow_id__isnull=False), name="ready_flow_is_in_wiseflow"
            ),
            models.CheckConstraint(
                condition=Q(assessor_allocation__in=["none", "all", "round_robin", "list"]),
                name="flow_assessor_allocation_is_known",
            ),
            models.CheckConstraint(condition=Q(state__isnull=True) | Q(state__lte=5), name="flow_state_is_known"),
            models.CheckConstraint(
                condition=Q(export_state__in=["pending", "exported", "failed"]), name="flow_export_state_is_known"
            ),
            models.CheckConstraint(
                condition=(
                    Q(sync_token__isnull=True, sync_lease_until__isnull=True)
                    | Q(sync_token__isnull=False, sync_lease_until__isnull=False)
                ),
                name="flow_sync_token_has_a_lease",
            ),
        )

    def __str__(self) -> str:
        return self.title

    @property
    def export_reason(self) -> Message | None:
        return Message.from_json(self.export_message)

    @property
    def setup_reason(self) -> Message | None:
        return Message.from_json(self.setup_message)

    @property
    def sync_reason(self) -> Message | None:
        return Message.from_json(self.sync_message)

    @property
    def is_unmade(self) -> bool:
        """Its creation stopped with nothing of it in WISEflow, and nothing that can turn up there: all may be changed."""
        return self.setup_state == self.Setup.STOPPED and self.wiseflow_id is None and self.setup_step == ""

    @property
    def is_marking_over(self) -> bool:
        return self.state in (self.State.CONCLUDED, self.State.ARCHIVED)


class FlowSource(models.Model):
    """One Ladok code on a flow. The one with the lowest position is the master: it rules title, subtitle and dates."""

    flow = models.ForeignKey(Flow, models.CASCADE, related_name="codes", verbose_name=_("flow"))
    source = models.ForeignKey(Source, models.PROTECT, related_name="+", verbose_name=_("source"))
    code = models.CharField(_("code"), max_length=200)
    position = models.PositiveSmallIntegerField(_("position"))
    title = models.CharField(_("title"), max_length=255, blank=True)
    reference = models.CharField(_("reference in WISEflow"), max_length=255)
    external_source_id = models.PositiveBigIntegerField(null=True, blank=True)
    person_count = models.PositiveIntegerField(_("people at the last synchronisation"), null=True, blank=True)
    removed_at = models.DateTimeField(_("removed"), null=True, blank=True)

    class Meta:
        verbose_name = _("Ladok code")
        verbose_name_plural = _("Ladok codes")
        ordering = ("position",)
        constraints = (
            models.UniqueConstraint(fields=["flow", "position"], name="one_code_per_position"),
            models.UniqueConstraint(
                fields=["source", "code"],
                condition=Q(removed_at__isnull=True),
                name="one_flow_per_code",
                violation_error_message=_("There is a flow for this code already."),
            ),
        )

    def __str__(self) -> str:
        return self.code


class AllocationLine(models.Model):
    """One line of the list of who assesses whom, of a flow whose `assessor_allocation` is LIST."""

    flow = models.ForeignKey(Flow, models.CASCADE, related_name="allocation_lines", verbose_name=_("flow"))
    organisation_id = models.CharField(_("organisation id"), max_length=200)  # the participant's
    assessor = models.CharField(_("assessor"), max_length=200)  # an organisation id, as in `Flow.staff`

    class Meta:
        verbose_name = _("line of the list of assessors")
        verbose_name_plural = _("lines of the list of assessors")
        ordering = ("pk",)
        constraints = (
            models.UniqueConstraint(
                fields=["flow", "organisation_id", "assessor"], name="one_allocation_line_per_pair"
            ),
        )

    def __str__(self) -> str:
        return f"{self.organisation_id}; {self.assessor}"


class Participant(models.Model):
    """A student on a flow, from the source or added by hand in WISEflow."""

    flow = models.ForeignKey(Flow, models.CASCADE, related_name="participants", verbose_name=_("flow"))
    codes = models.ManyToManyField(FlowSource, related_name="participants", blank=True, verbose_name=_("Ladok codes"))
    wiseflow_id = models.PositiveBigIntegerField(_("participant in WISEflow"), null=True, blank=True)
    user_id = models.PositiveBigIntegerField(_("user in WISEflow"), null=True, blank=True)
    organisation_id = models.CharField(_("organisation id"), max_length=200, blank=True)
    national_id = EncryptedTextField(_("national id"), blank=True)
    first_name = models.CharField(_("first name"), max_length=200, blank=True)
    last_name = models.CharField(_("last name"), max_length=200, blank=True)
    email = models.CharField(_("e-mail"), max_length=254, blank=True)
    external_user_id = models.CharField(_("student number"), max_length=200, blank=True)
    unique_exam_id = models.CharField(_("unique exam id"), max_length=200, blank=True)
    individual_end_at = models.DateTimeField(_("individual end"), null=True, blank=True)
    room = models.CharField(_("room"), max_length=250, blank=True)
    is_from_source = models.BooleanField(_("from Ladok"), default=True)
    is_active = models.BooleanField(_("active"), default=True)
    # Someone changed the activation in WISEflow by hand: the source no longer does.
    is_activation_manual = models.BooleanField(default=False)

    export_state = models.CharField(_("export"), max_length=10, choices=ExportState, default=ExportState.PENDING)
    export_message = models.JSONField(default=dict, blank=True)

    class Meta:
        verbose_name = _("participant")
        verbose_name_plural = _("participants")
        ordering = ("last_name", "first_name", "pk")
        indexes = (
            models.Index(fields=["flow", "last_name", "first_name"], name="participant_by_name"),
            models.Index(fields=["flow", "export_state"], name="participant_export_state"),
            models.Index(fields=["organisation_id"], name="participant_organisation_id"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=["flow", "organisation_id"], condition=~Q(organisation_id=""), name="one_participant_per_person"
            ),
            models.UniqueConstraint(
                fields=["flow", "wiseflow_id"],
                condition=Q(wiseflow_id__isnull=False),
                name="one_participant_per_wiseflow_participant",
            ),
            models.CheckConstraint(
                condition=Q(export_state__in=["pending", "exported", "failed"]),
                name="participant_export_state_is_known",
            ),
        )

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or self.organisation_id

    @property
    def export_reason(self) -> Message | None:
        return Message.from_json(self.export_message)
