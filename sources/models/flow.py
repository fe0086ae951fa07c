"""A flow, the Ladok codes it is made from, and its participants."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q, QuerySet
from django.db.models.fields.json import KeyTransform
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ladokflow.choices import StateChoices, with_trait
from ladokflow.fields import EncryptedTextField, NormalCodeField
from ladokflow.identifiers import normal, spellings
from ladokflow.looks import BAD, BUSY, NEUTRAL, OK, WAITING, Shown
from ladokflow.messages import Message, Trait
from ladokflow.rows import ManyRows
from ladokflow.sql import among
from ladokflow.wiseflow.words import (
    BEFORE_MARKING,
    MARKING_OVER,
    UNTIL_MARKING_ENDS,
    USUAL_TYPE,
    FlowState,
    choices_of,
)
from sources.models.queued import Queued, QueuedQuerySet
from sources.models.searching import contains
from sources.models.source import Membership, Source

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser


class ExportState(StateChoices):
    """What a flow and each of its participants show."""

    PENDING = "pending", WAITING, _("Pending")
    EXPORTED = "exported", OK, _("Exported")
    FAILED = "failed", BAD, _("Failed")


class AssessorAllocation(models.TextChoices):
    """Which participants each assessor whom we put on a flow is given."""

    NONE = "none", _("Decided in WISEflow")
    ALL = "all", _("Every assessor assesses everybody")
    ROUND_ROBIN = "round_robin", _("The participants are dealt out evenly")
    LIST = "list", _("By a list")


# Marking has ended, and Ladok does not have all grades: as `Flow.awaits_grades`
AWAITS_GRADES = Q(state__in=MARKING_OVER, export_ended_at=None, graded_count__gt=0) & (
    ~Q(export_state=ExportState.EXPORTED) | Q(exported_count__lt=F("graded_count")) | Q(grade_goes_to="each")
)


class FlowQuerySet(QueuedQuerySet["Flow"]):
    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> FlowQuerySet:
        memberships = Membership.objects.filter(user_id=user.pk)  # type: ignore[misc] # anonymous: no key, no membership
        return self.filter(source_id__in=memberships.values("source_id"))

    def at(self, memberships: Mapping[int, Membership]) -> FlowQuerySet:
        """As `visible_to`, of somebody whose places, by source, have been read: the database is told which they are."""
        return self.filter(source_id__in=list(memberships))

    def ours(self) -> FlowQuerySet:
        """Without those that were let go."""
        return self.filter(released_at__isnull=True)

    def without_released(self) -> FlowQuerySet:
        """As `ours`, for lists: those that were let go are few, and found by an index of their own."""
        return self.exclude(_is_released())

    def ready(self) -> FlowQuerySet:
        """Flows that are there in WISEflow, with all steps of their creation done."""
        return self.filter(setup_state=Flow.Setup.READY)

    def unmade(self) -> FlowQuerySet:
        """As `Flow.is_unmade`."""
        return self.ours().filter(setup_state=Flow.Setup.STOPPED, wiseflow_id__isnull=True, setup_step="")

    def syncable(self) -> FlowQuerySet:
        """Flows whose marking has not ended, as far as we know. By the phases that they may be in, which an index finds."""
        return self.ready().filter(Q(state__isnull=True) | Q(state__in=UNTIL_MARKING_ENDS))

    def with_source_and_codes(self) -> FlowQuerySet:
        """What a list shows of each flow, in two queries however many there are."""
        return self.select_related("source").prefetch_related("codes")

    def found_by(self, text: str) -> FlowQuerySet:
        """By a part of the title, subtitle or Ladok code, the number in WISEflow, or a student's whole organisation id."""
        flows = Flow.objects.order_by().values("pk")
        found: list[QuerySet[Any, Any]] = [
            flows.filter(contains("title", text)),
            flows.filter(contains("subtitle", text)),
            FlowSource.objects.filter(contains("code", text)).order_by().values("flow"),
            # Exact, so that the index is used: there may be millions of participants.
            Participant.objects.filter(organisation_id__in=spellings(text)).order_by().values("flow"),
        ]
        if text.isdecimal() and len(text) < 19:  # longer than any number the column can hold
            found.append(flows.filter(wiseflow_id=int(text)))
        # Each by itself: together, all flows would be gone through for each.
        return self.filter(pk__in=found[0].union(*found[1:]))

    def ending_within(self, span: dt.timedelta) -> FlowQuerySet:
        """Flows whose marking ends soon."""
        now = timezone.now()
        return self.syncable().filter(marking_end_at__gte=now, marking_end_at__lt=now + span)

    def to_export(self) -> FlowQuerySet:
        """Flows whose marking has ended and whose grades are not all in Ladok, without having failed."""
        return self.filter(
            state__in=MARKING_OVER,
            export_state=ExportState.PENDING,
            export_ended_at=None,
            graded_count__gt=0,
        )

    def awaiting_grades(self, now: dt.datetime) -> FlowQuerySet:
        """Flows whose marking ended within the year before, and of which Ladok does not have all grades: as `awaits_grades`."""
        return self.ready().filter(AWAITS_GRADES, marking_end_at__gte=now - dt.timedelta(days=365))

    def changed_since_export(self) -> FlowQuerySet:
        """Flows of which WISEflow has other grades now than those that were exported."""
        return self.filter(with_trait("export_message", Trait.CHANGED), export_state=ExportState.EXPORTED)

    def export_failed(self) -> FlowQuerySet:
        return self.filter(export_state=ExportState.FAILED)


@cache
def _is_released() -> Q:
    return among(Flow.objects.filter(released_at__isnull=False), "pk")


class Flow(Queued):
    """One exam in WISEflow, made from one or more Ladok codes of one source."""

    class Setup(StateChoices):
        """How far its creation has come. `sources/flows/request.py` and `sources/flows/create.py` are the only writers."""

        QUEUED = "queued", WAITING, _("Waiting")
        CREATING = "creating", BUSY, _("Being created")
        READY = "ready", OK, _("Created")
        STOPPED = "stopped", BAD, _("Stopped")

    State = FlowState

    class DecidedBy(models.TextChoices):
        ASSESSOR = "assessor", _("Assessor")
        REVIEWER = "reviewer", _("Reviewer")

    class GradeGoesTo(models.TextChoices):
        """Where the grade of somebody goes who is registered on several of the flow's codes."""

        ONE = "one", _("To the one that Ladok accepts: the codes are occasions of one exam")
        EACH = "each", _("To each of them: the codes are modules of their own")

    class Adoption(models.TextChoices):
        """Of a flow that was not made here: whether somebody has said which grades were exported before. Empty: it was made here."""

        UNSAID = "unsaid", _("Not said yet")
        SAID = "said", _("Said")

    class Release(StateChoices):
        """What became of it in WISEflow when it was let go (`sources/flows/release.py`)."""

        DELETED = "deleted", NEUTRAL, _("Let go and deleted")
        GONE = "gone", NEUTRAL, _("Let go: gone in WISEflow")
        KEPT = "kept", NEUTRAL, _("Let go")

    TASK = "sources.tasks.create_flow"
    TIMEOUT_SECONDS = 3600
    ENQUEUED_AT = "setup_enqueued_at"
    LEASE_UNTIL = "sync_lease_until"
    LEASE = dt.timedelta(seconds=45)
    WAITS_SINCE = "created_at"
    STATES_BEFORE_MARKING = BEFORE_MARKING

    source = models.ForeignKey(Source, models.PROTECT, related_name="flows", verbose_name=_("source"))
    title = models.CharField(_("title"), max_length=255)
    subtitle = models.CharField(_("subtitle"), max_length=255, blank=True)
    flow_type = models.CharField(_("flow type"), max_length=50, default=USUAL_TYPE)
    template_flow_id = models.PositiveBigIntegerField(_("template flow in WISEflow"), null=True, blank=True)
    staff = models.JSONField(_("staff"), default=list, blank=True)  # [{"role", "email", "organisation_id"}]
    assessor_allocation = models.CharField(
        _("who assesses whom"), max_length=15, choices=AssessorAllocation, default=AssessorAllocation.NONE
    )
    activates = models.BooleanField(_("activate when created"), default=False)
    # What was chosen when it was made of the settings that stand in WISEflow (`sources/flows/settings.py`): name -> value
    wiseflow_settings = models.JSONField(default=dict, db_default={}, blank=True, editable=False)

    # Creation: a list of steps, each safe to run again (sources/flows/create.py)
    setup_state = models.CharField(_("creation"), max_length=10, choices=Setup, default=Setup.QUEUED)
    setup_step = models.CharField(max_length=30, blank=True)  # the last step that is done
    setup_mark = models.CharField(max_length=20, unique=True)  # finds the flow in WISEflow again after a crash
    setup_message = models.JSONField(default=dict, blank=True)
    setup_enqueued_at = models.DateTimeField(null=True, blank=True)
    setup_claims = models.PositiveSmallIntegerField(default=0)  # workers that have begun; bounds a loop of crashes
    submission_key = models.UUIDField(unique=True, null=True, blank=True)  # a form sent twice makes one flow

    # A flow that stood in WISEflow already (sources/flows/adoption.py), and the fingerprint of the plan that a manager has confirmed:
    # until that is carried out.
    adoption = models.CharField(max_length=10, choices=Adoption, blank=True, default="", db_default="", editable=False)
    adoption_seen = models.TextField(blank=True, default="", db_default="", editable=False)

    # A flow that was let go is STOPPED, has no codes and no number in WISEflow any more, and stays to be read. `sources/flows/release.py` is the only writer.
    released_at = models.DateTimeField(_("let go"), null=True, blank=True, editable=False)
    released_as = models.CharField(
        max_length=10, choices=Release, blank=True, default="", db_default="", editable=False
    )

    # When its students were emptied (exports/operation/purging.py, the only writer): it is only read since.
    purged_at = models.DateTimeField(_("students emptied"), null=True, blank=True, editable=False)

    # What WISEflow says
    wiseflow_id = models.PositiveBigIntegerField(_("flow in WISEflow"), null=True, blank=True)
    # Set where the address of WISEflow has been changed since: the host that the flow is at. Elsewhere its number may be that of
    # another flow.
    former_host = models.CharField(max_length=500, blank=True, default="", editable=False)
    state = models.PositiveSmallIntegerField(_("phase"), choices=choices_of(State), null=True, blank=True)
    participation_start_at = models.DateTimeField(_("participation starts"), null=True, blank=True)
    participation_end_at = models.DateTimeField(_("participation ends"), null=True, blank=True)
    marking_start_at = models.DateTimeField(_("marking starts"), null=True, blank=True)
    marking_end_at = models.DateTimeField(_("marking ends"), null=True, blank=True)
    grading_scale_id = models.PositiveBigIntegerField(null=True, blank=True)
    grading_scale = models.CharField(_("grading scale"), max_length=200, blank=True)
    grades = models.JSONField(
        default=list, blank=True
    )  # the grades of that scale; empty where it is a range or unknown
    scale_definition = models.JSONField(
        default=dict, blank=True
    )  # as `ladokflow.wiseflow.scales.Scale`; empty: unknown
    # Ladok's scale (normal form) -> the id of WISEflow's that a manager has chosen for it; "": whichever the flow has.
    scale_choices = models.JSONField(default=dict, blank=True)

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
    asked = models.JSONField(default=list, blank=True)  # what it told that is a QUESTION: messages
    # What it told that somebody has to see to: messages that nobody has looked at, and those that somebody has and that it still tells
    # (`sources/sync/warnings.py`)
    warnings = models.JSONField(
        default=list, blank=True, editable=False, db_default=models.Value([], models.JSONField())
    )
    warnings_seen = models.JSONField(
        default=list, blank=True, editable=False, db_default=models.Value([], models.JSONField())
    )
    # Of all that the last synchronisation went by that had nothing to do (`sources/sync/basis.py`), and how many people it was.
    settled_basis = models.CharField(max_length=64, blank=True, default="", db_default="", editable=False)
    settled_count = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    # What has been handed in (`sources/papers/read.py`): when that was last read and last tried to be, why it could not be, and how many
    # have handed in, blank or not
    papers_read_at = models.DateTimeField(_("papers read"), null=True, blank=True, editable=False)
    papers_tried_at = models.DateTimeField(null=True, blank=True, editable=False)
    has_news_of_papers = models.BooleanField(default=False, db_default=False, editable=False)
    papers_message = models.JSONField(
        default=dict, blank=True, editable=False, db_default=models.Value({}, models.JSONField())
    )
    handed_in_count = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    sync_lease_until = models.DateTimeField(null=True, blank=True)
    sync_token = models.UUIDField(null=True, blank=True)

    # Grades and export (exports/ is the only writer)
    instant_export = models.BooleanField(_("instant export"), default=False)
    grade_decided_by = models.CharField(
        _("grade decided by"), max_length=10, choices=DecidedBy, default=DecidedBy.ASSESSOR
    )
    exports_when_marking_ends = models.BooleanField(_("export when marking ends"), default=False)
    grade_goes_to = models.CharField(
        _("grade of somebody on several codes"), max_length=4, choices=GradeGoesTo, default=GradeGoesTo.ONE
    )
    is_place_said = models.BooleanField(default=False)  # whether somebody has said so
    # What the audit trail tells of some of the grades: [given out, scale id, value], where the grades alone do not tell enough.
    scale_witnesses = models.JSONField(default=list, blank=True)
    # Why a manager is asked about the grades or their scale; empty where nothing is to be asked.
    scale_message = models.JSONField(default=dict, blank=True)
    # A manager's word of how the grades are to be sent, and the mark of what was seen then: of anything else it is void.
    said_form = models.CharField(max_length=6, choices=Source.GradeForm, blank=True)
    said_of = models.CharField(max_length=64, blank=True)
    said_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    said_at = models.DateTimeField(null=True, blank=True)
    collected_at = models.DateTimeField(_("grades collected"), null=True, blank=True)
    graded_at = models.DateTimeField(null=True, blank=True, editable=False)  # when a grade was last found to be another
    export_ended_at = models.DateTimeField(null=True, blank=True)  # the code was removed in the concluding phase
    export_state = models.CharField(_("export"), max_length=10, choices=ExportState, default=ExportState.PENDING)
    export_message = models.JSONField(default=dict, blank=True)
    participant_count = models.PositiveIntegerField(default=0)
    graded_count = models.PositiveIntegerField(default=0)
    # While points are read that take more than one collection of grades: of how many people, and of how many they are still to come.
    points_total = models.PositiveIntegerField(default=0, db_default=0)
    points_left = models.PositiveIntegerField(default=0, db_default=0)
    # Whose approval the next collection is to look for at once, because the last had no time for them and there may be news.
    approvals_left = models.PositiveIntegerField(default=0, db_default=0)
    # Whose passing grade waits for a manager's word, because nothing was handed in
    papers_asked = models.PositiveIntegerField(default=0, db_default=0, editable=False)
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
            # All that the dashboard finds its flows by, and sorts them by: their rows are wide.
            models.Index(fields=["source", "export_state", "state", "marking_end_at", "id"], name="flow_dashboard"),
            models.Index(fields=["source", "state", "marking_end_at"], name="flow_phase"),
            models.Index(fields=["-created_at", "-id"], name="flow_newest"),
            models.Index(fields=["source", "participation_start_at", "id"], name="flow_exam"),
            models.Index(fields=["id"], name="flow_released", condition=Q(released_at__isnull=False)),
            # As `to_export`
            models.Index(
                fields=["source", "marking_end_at", "id"],
                name="flow_to_export",
                condition=Q(
                    state__in=MARKING_OVER,
                    export_state=ExportState.PENDING,
                    export_ended_at=None,
                    graded_count__gt=0,
                ),
            ),
            # The few that ask something, as far as their own row says so (`sources/flows/asking.py`)
            models.Index(
                fields=["source"],
                name="flow_asks",
                condition=(
                    Q(setup_state="stopped")
                    | ~Q(sync_message={})
                    | ~Q(asked=[])
                    | ~Q(warnings=[])
                    | ~Q(scale_message={})
                    | Q(adoption="unsaid")
                ),
            ),
            models.Index(fields=["source"], name="flow_papers_asked", condition=Q(papers_asked__gt=0)),
            # Those that are to export by themselves, and have not (`WANTS_TO_GO` in `exports/asking.py`)
            models.Index(
                fields=["source"],
                name="flow_by_itself",
                condition=(Q(instant_export=True) | Q(exports_when_marking_ends=True))
                & ~Q(export_state=ExportState.EXPORTED),
            ),
            # What its message says, as `with_trait` asks
            models.Index(KeyTransform("code", "export_message"), name="flow_export_code"),
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
            models.CheckConstraint(condition=Q(grade_goes_to__in=["one", "each"]), name="flow_grade_goes_to_is_known"),
            models.CheckConstraint(
                condition=(
                    Q(released_at__isnull=True, released_as="")
                    | Q(released_at__isnull=False, released_as__in=["deleted", "gone", "kept"])
                ),
                name="flow_released_as_is_known",
            ),
            models.CheckConstraint(condition=Q(adoption__in=["", "unsaid", "said"]), name="flow_adoption_is_known"),
            models.CheckConstraint(condition=Q(said_form__in=["", "shown", "stored"]), name="flow_said_form_is_known"),
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

    @classmethod
    def is_waiting_for_a_worker(cls) -> Q:
        return Q(setup_state=cls.Setup.QUEUED)

    @classmethod
    def left_behind(cls) -> Q:
        return Q(setup_state=cls.Setup.CREATING)

    @property
    def export_reason(self) -> Message | None:
        return Message.from_json(self.export_message)

    @property
    def is_changed_since_export(self) -> bool:
        """As `changed_since_export`."""
        is_changed = self.export_reason is not None and self.export_reason.has(Trait.CHANGED)
        return is_changed and self.export_state == ExportState.EXPORTED

    @property
    def scale_reason(self) -> Message | None:
        return Message.from_json(self.scale_message)

    def chosen_scale(self, ladok_scale: str) -> str | None:
        """The id of WISEflow's scale that a manager has chosen for Ladok's; empty for whichever the flow has, None where nobody has."""
        chosen: str | None = self.scale_choices.get(normal(ladok_scale))
        return chosen

    def other_scales(self, codes: Iterable[FlowSource]) -> tuple[str, ...]:
        """Ladok's scales of these codes whose counterpart is another than the flow's scale in WISEflow, or unknown."""
        names = dict.fromkeys(code.grade_scale for code in codes if code.grade_scale)
        return tuple(name for name in names if not self.has_scale(name))

    def has_scale(self, ladok_scale: str) -> bool:
        """Whether the flow's scale in WISEflow is the counterpart of Ladok's, or the one that somebody has chosen for it."""
        wanted = [self.source.counterpart_of(ladok_scale)]
        if not wanted[0]:
            wanted = [ladok_scale, self.chosen_scale(ladok_scale) or ""]
        own = {normal(self.grading_scale), str(self.grading_scale_id)} - {""}
        return any(normal(name) in own for name in wanted)

    @property
    def wiseflow_page(self) -> str:
        """Its address in WISEflow, as people see it there; empty where it is not known."""
        is_there = not self.former_host and not self.is_released
        return self.source.page_of_flow(self.wiseflow_id) if is_there else ""

    @property
    def counts(self) -> dict[str, int]:
        """Of people, as other systems are told them: `{"participants", "graded", "exported", "failed"}`."""
        return {
            "participants": self.participant_count,
            "graded": self.graded_count,
            "exported": self.exported_count,
            "failed": self.failed_count,
        }

    @property
    def warning_messages(self) -> list[Message]:
        return Message.list_from_json(self.warnings)

    @property
    def setup_reason(self) -> Message | None:
        return Message.from_json(self.setup_message)

    @property
    def sync_reason(self) -> Message | None:
        return Message.from_json(self.sync_message)

    @property
    def creation(self) -> Shown:
        """Of a flow that is not ready: how far it has come, or that it was let go."""
        return self.Release(self.released_as) if self.is_released else self.Setup(self.setup_state)

    @property
    def has_stopped(self) -> bool:
        """Its creation, which somebody can go on with."""
        return self.setup_state == self.Setup.STOPPED and not self.is_released

    @property
    def is_released(self) -> bool:
        return self.released_at is not None

    @property
    def is_gone(self) -> bool:
        """Whether the last synchronisation has not found it in WISEflow."""
        return self.sync_reason is not None and self.sync_reason.has(Trait.GONE)

    @property
    def papers_reason(self) -> Message | None:
        """Why it is not known, or not any more, who has handed in."""
        return Message.from_json(self.papers_message)

    @property
    def phase(self) -> FlowState:
        return self.State(self.state or 0)  # type: ignore[call-arg] # by its number, as ever

    @property
    def export(self) -> ExportState:
        return ExportState(self.export_state)

    @property
    def is_unmade(self) -> bool:
        """Its creation stopped with nothing of it in WISEflow, and nothing that can turn up there: all may be changed."""
        return (
            not self.is_released
            and self.setup_state == self.Setup.STOPPED
            and self.wiseflow_id is None
            and self.setup_step == ""
        )

    @property
    def is_adoption_unsaid(self) -> bool:
        """Whether a manager has yet to say which of its grades were exported before it was taken over: none is sent until then."""
        return self.adoption == self.Adoption.UNSAID

    @property
    def awaits_grades(self) -> bool:
        """Whether Ladok is still to have grades from it: until then its lists say whose they are.

        An exported flow with the grade of somebody who is not on the list awaits that one: she may come on it again. So it does where
        grades go to each code: somebody whose grade is in Ladok may come on another code's list.
        """
        is_done = self.export_state == ExportState.EXPORTED and self.exported_count >= self.graded_count
        has_all = is_done and self.grade_goes_to != self.GradeGoesTo.EACH
        return not has_all and self.export_ended_at is None

    @property
    def points_read(self) -> int:
        return self.points_total - self.points_left

    @property
    def has_more_to_read(self) -> bool:
        """Whether the last collection of grades is to be gone on with at once."""
        return self.points_left > 0 or self.approvals_left > 0

    @property
    def is_marking_over(self) -> bool:
        return self.state in MARKING_OVER

    @property
    def is_followed(self) -> bool:
        """Whether a synchronisation has anything to do: afterwards Ladok's lists alone are read, until the grades are in."""
        return not self.is_marking_over or (self.awaits_grades and self.graded_count > 0)


class FlowSource(models.Model):
    """One Ladok code on a flow. The one with the lowest position is the master: it rules title, subtitle and dates."""

    flow = models.ForeignKey(Flow, models.CASCADE, related_name="codes", verbose_name=_("flow"))
    source = models.ForeignKey(Source, models.PROTECT, related_name="+", verbose_name=_("source"))
    code = models.CharField(_("code"), max_length=200)  # as Ladok spells it
    normal_code = NormalCodeField(of="code")
    position = models.PositiveSmallIntegerField(_("position"))
    title = models.CharField(_("title"), max_length=255, blank=True)
    grade_scale = models.CharField(_("grading scale in Ladok"), max_length=200, blank=True)
    reference = models.CharField(_("reference in WISEflow"), max_length=255)
    external_source_id = models.PositiveBigIntegerField(null=True, blank=True)
    person_count = models.PositiveIntegerField(_("people at the last synchronisation"), null=True, blank=True)
    list_read_at = models.DateTimeField(_("Ladok's list last read"), null=True, blank=True)
    # Why that list may have somebody whom nobody can find on it (a `Message`): whoever is on no list of the flow is in doubt then.
    list_doubt = models.JSONField(
        default=dict, blank=True, editable=False, db_default=models.Value({}, models.JSONField())
    )
    removed_at = models.DateTimeField(_("removed"), null=True, blank=True)

    class Meta:
        verbose_name = _("Ladok code")
        verbose_name_plural = _("Ladok codes")
        ordering = ("position",)
        # Also of codes that were removed: what was sent under one is known wherever it has been.
        indexes = (models.Index(fields=["source", "normal_code"], name="flow_source_normal_code"),)
        constraints = (
            models.UniqueConstraint(fields=["flow", "position"], name="one_code_per_position"),
            models.UniqueConstraint(
                fields=["source", "normal_code"],
                condition=Q(removed_at__isnull=True),
                name="one_flow_per_code",
                violation_error_message=_("There is a flow for this code already."),
            ),
        )

    def __str__(self) -> str:
        return self.code

    @property
    def ladok_page(self) -> str:
        """As `Flow.wiseflow_page`, of the exam in Ladok."""
        return self.source.page_of_exam(self.code)


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


# What names a student, and is not kept where the university hides names
NAMELESS: dict[str, str] = {"first_name": "", "last_name": "", "email": ""}


class ParticipantQuerySet(models.QuerySet["Participant"]):
    def matching(self, text: str) -> ParticipantQuerySet:
        """Each word is a part of the name, or the beginning of an identifier. National ids are encrypted: nobody is found by one."""
        people = self
        for word in text.split():
            people = people.filter(
                contains("first_name", word)
                | contains("last_name", word)
                | Q(organisation_id__istartswith=word)
                | Q(external_user_id__istartswith=word)
                | Q(unique_exam_id__istartswith=word)
            )
        return people

    def of_same_person(self, person: Participant) -> ParticipantQuerySet:
        """Those at the same university with the same organisation id, or student number: the one may have been corrected."""
        same = Q(pk=person.pk)
        if person.organisation_id:
            same |= Q(organisation_id__in=spellings(person.organisation_id))
        if person.external_user_id:
            same |= Q(external_user_id__iexact=person.external_user_id)
        return self.filter(same, flow__source=person.flow.source_id)


class Participant(ManyRows):
    """A student on a flow, from the source or added by hand in WISEflow."""

    flow = models.ForeignKey(Flow, models.CASCADE, related_name="participants", verbose_name=_("flow"))
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

    objects = ParticipantQuerySet.as_manager()

    class Meta:
        verbose_name = _("participant")
        verbose_name_plural = _("participants")
        ordering = ("last_name", "first_name", "pk")
        indexes = (
            models.Index(fields=["flow", "last_name", "first_name"], name="participant_by_name"),
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
        name = f"{self.first_name} {self.last_name}".strip()
        return name or self.organisation_id or gettext("Somebody without a name here")

    @property
    def export(self) -> ExportState:
        return ExportState(self.export_state)

    @property
    def listed_codes(self) -> list[FlowSource]:
        """The Ladok codes whose list has the person; without a query where `registrations__code` is prefetched."""
        return [row.code for row in self.registrations.all() if row.is_listed]

    @property
    def export_reason(self) -> Message | None:
        return Message.from_json(self.export_message)
