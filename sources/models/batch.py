"""Several exams that one form makes a flow of each, and what has come of every one."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ladokflow.looks import Shown
from ladokflow.messages import Message, Trait
from sources.models.flow import Flow, FlowSource
from sources.models.queued import Queued, QueuedQuerySet
from sources.models.source import Membership, Source

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser


TOLD_FOR = dt.timedelta(days=14)


class FlowBatchQuerySet(models.QuerySet["FlowBatch"]):
    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> FlowBatchQuerySet:
        memberships = Membership.objects.filter(user_id=user.pk)  # type: ignore[misc] # anonymous: no key, no membership
        return self.filter(source_id__in=memberships.values("source_id"))

    def unfinished_of(self, user: AbstractBaseUser | AnonymousUser) -> FlowBatchQuerySet:
        """Those of the person's own, of the last two weeks, with an exam of which no flow could be made.

        An exam that is on a flow after all, because the form was sent twice or somebody else was faster, lacks nothing.
        """
        on_a_flow = FlowSource.objects.filter(
            source_id=OuterRef("batch__source_id"), code=OuterRef("code"), removed_at__isnull=True
        )
        refused = BatchExam.objects.filter(~Exists(on_a_flow), flow=None).exclude(message={})
        requested = self.visible_to(user).filter(requested_by_id=user.pk, created_at__gte=timezone.now() - TOLD_FOR)
        return requested.filter(pk__in=refused.values("batch_id")).select_related("source").prefetch_related("exams")


class FlowBatch(models.Model):
    """One form, sent once or more: the same form is the same row. `choices` are the settings, as `request_flow` takes them."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    source = models.ForeignKey(Source, models.PROTECT, related_name="batches", verbose_name=_("source"))
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    choices = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = FlowBatchQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return str(self.pk)


class BatchExam(Queued):
    """One exam of a batch: waiting, refused (`message` says why), or with its flow. `sources/flows/batch.py` is the only writer."""

    TASK = "sources.tasks.request_exam"
    TIMEOUT_SECONDS = 600

    batch = models.ForeignKey(FlowBatch, models.CASCADE, related_name="exams")
    position = models.PositiveSmallIntegerField()
    code = models.CharField(max_length=200)
    # Who works with this one's flow, besides those of the batch's choices: as in `Flow.staff`
    staff = models.JSONField(default=list, blank=True, editable=False, db_default=models.Value([], models.JSONField()))
    # A flow that is deleted takes its row along: waiting again, it would be made a second time.
    flow = models.ForeignKey(Flow, models.CASCADE, related_name="+", null=True)
    message = models.JSONField(default=dict)
    enqueued_at = models.DateTimeField(null=True)

    objects = QueuedQuerySet["BatchExam"].as_manager()

    class Meta:
        ordering = ("position",)
        constraints = (
            models.UniqueConstraint(fields=["batch", "position"], name="one_exam_per_position_of_a_batch"),
            models.UniqueConstraint(fields=["batch", "code"], name="one_row_per_code_of_a_batch"),
            models.CheckConstraint(
                condition=Q(flow__isnull=True) | Q(message={}), name="batch_exam_is_a_flow_or_a_refusal"
            ),
        )

    def __str__(self) -> str:
        return self.code

    @classmethod
    def is_waiting_for_a_worker(cls) -> Q:
        return Q(flow=None, message={})

    @property
    def creation(self) -> Shown:
        return self.flow.creation if self.flow is not None else Flow.Setup.QUEUED

    @property
    def is_waiting(self) -> bool:
        return self.flow_id is None and not self.message

    @property
    def reason(self) -> Message | None:
        return Message.from_json(self.message)

    @property
    def settings_query(self) -> str:
        """For the settings of a flow of this exam alone, where a scale has to be chosen for it; else empty."""
        if self.reason is None or not self.reason.has(Trait.SCALE_UNCHOSEN):
            return ""
        return urlencode({"code": self.code, "scale": self.reason.params.get("scale", "")})
