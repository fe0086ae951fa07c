"""The exams that Ladok has in the days to come, as they were when it was last asked."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext_lazy as _

from ladokflow.fields import NormalCodeField
from ladokflow.messages import Message
from sources.models.flow import FlowSource
from sources.models.source import Source

if TYPE_CHECKING:
    from collections.abc import Iterable


class ExamReading(models.Model):
    """That a source's Ladok was asked for its coming exams. `sources/flows/coming.py` is the only writer."""

    source = models.OneToOneField(Source, models.CASCADE, related_name="exam_reading", primary_key=True)
    asked_at = models.DateTimeField()  # by whoever asked last, whatever came of it
    read_at = models.DateTimeField(null=True)  # when Ladok last told all it was asked for
    message = models.JSONField(default=dict)  # why it has not told all since; empty where it has

    class Meta:
        verbose_name = _("reading of coming exams")
        verbose_name_plural = _("readings of coming exams")

    def __str__(self) -> str:
        return str(self.source_id)

    @property
    def reason(self) -> Message | None:
        return Message.from_json(self.message)


class ComingExamQuerySet(models.QuerySet["ComingExam"]):
    def off_flow(self) -> ComingExamQuerySet:
        on_a_flow = FlowSource.objects.filter(
            source=OuterRef("source"), normal_code=OuterRef("normal_code"), removed_at__isnull=True
        )
        return self.filter(~Exists(on_a_flow))

    def without_flow(self, sources: Iterable[Any], first: dt.datetime, last: dt.datetime) -> ComingExamQuerySet:
        """Those of the sources that begin between the two moments and are on no flow, the first one first."""
        between = self.filter(source__in=sources, start_at__gte=first, start_at__lt=last)
        return between.off_flow().order_by("start_at", "code")


class ComingExam(models.Model):
    """An exam as Ladok listed it: without people."""

    source = models.ForeignKey(Source, models.CASCADE, related_name="coming_exams", verbose_name=_("source"))
    code = models.CharField(_("code"), max_length=200)
    normal_code = NormalCodeField(of="code")
    title = models.CharField(_("title"), max_length=255, blank=True)
    subtitle = models.CharField(_("subtitle"), max_length=255, blank=True)
    start_at = models.DateTimeField(_("start"))

    objects = ComingExamQuerySet.as_manager()

    class Meta:
        verbose_name = _("coming exam")
        verbose_name_plural = _("coming exams")
        ordering = ("start_at", "code")
        constraints = (models.UniqueConstraint(fields=["source", "code"], name="one_coming_exam_per_code"),)

    def __str__(self) -> str:
        return self.code
