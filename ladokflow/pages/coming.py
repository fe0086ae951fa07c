"""The exams of the coming two weeks, with and without a flow, and what is missing on each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ladokflow import looks
from ladokflow.choices import StateChoices
from ladokflow.wiseflow.words import BEFORE_MARKING, Role
from sources.flows.coming import DAYS
from sources.models import ComingExam, Flow, Source
from sources.models.flow import FlowQuerySet

SHOWN = 20


class Lack(StateChoices):
    """What an exam lacks, the worst first."""

    FLOW = "flow", looks.WARN, _("No flow")
    MAKING = "making", looks.BAD, _("Not made")
    STUDENTS = "students", looks.WARN, _("No students")
    ASSESSOR = "assessor", looks.NEUTRAL, _("No assessor chosen")  # here: there may be one in WISEflow
    ACTIVATION = "activation", looks.WAITING, _("Not activated")


@dataclass(frozen=True)
class Coming:
    """An exam, of a flow or as Ladok lists it. `making` is the address where a flow is made of one that has none."""

    start_at: dt.datetime
    title: str
    codes: tuple[str, ...]
    source: Source
    lacks: tuple[Lack, ...]
    flow: Any = None

    @property
    def making(self) -> str:
        query = urlencode([("code", code) for code in self.codes])
        return f"{reverse('flows:preview', args=[self.source.slug])}?{query}"


def days() -> tuple[dt.datetime, dt.datetime]:
    """From the beginning of today to the end of the last day; in the reader's time zone."""
    today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    return today, today + dt.timedelta(days=DAYS)


def coming_flows(visible: FlowQuerySet) -> FlowQuerySet:
    first, last = days()
    is_to_come = Q(state__isnull=True) | Q(state__in=BEFORE_MARKING)
    return visible.ours().filter(is_to_come, participation_start_at__gte=first, participation_start_at__lt=last)


def coming_exams(flows: Iterable[Flow], sources: Mapping[Any, Source]) -> list[Coming]:
    """Of these flows, and of the sources' exams that have none, the first one first; at most one more than `SHOWN`. One query."""
    first, last = days()
    listed = ComingExam.objects.without_flow(sources, first, last)[: SHOWN + 1]
    found = [_of_exam(exam, sources[exam.source_id]) for exam in listed]
    found += [_of_flow(flow) for flow in flows]
    return sorted(found, key=lambda exam: (exam.start_at, exam.codes))[: SHOWN + 1]


def _of_exam(exam: ComingExam, source: Source) -> Coming:
    return Coming(exam.start_at, exam.title or exam.code, (exam.code,), source, (Lack.FLOW,))


def _of_flow(flow: Any) -> Coming:
    codes = tuple(code.code for code in flow.codes.all() if code.removed_at is None)
    return Coming(flow.participation_start_at, flow.title, codes, flow.source, tuple(lacks_of(flow)), flow)


def lacks_of(flow: Flow) -> list[Lack]:
    """What a flow lacks before its exam. Who assesses one that was taken over is decided in WISEflow."""
    if flow.setup_state != Flow.Setup.READY:
        return [Lack.MAKING] if flow.has_stopped else []
    has_assessor = flow.adoption or any(person.get("role") == Role.ASSESSOR for person in flow.staff)
    missing = {
        Lack.STUDENTS: flow.participant_count == 0,
        Lack.ASSESSOR: not has_assessor,
        Lack.ACTIVATION: flow.state == Flow.State.NOT_ACTIVATED,
    }
    return [lack for lack, is_missing in missing.items() if is_missing]
