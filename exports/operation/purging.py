"""Students go some time after their grades are in: a source says after how many days.

A flow is purged as a whole, in one transaction, so whoever is killed has purged it or has not. Its rows stay and are emptied: what refers to a student by the
row, as the audit log does, stays true and names nobody. Counts stay. Nothing is purged while anything of the flow is open, unknown or pending, nor where a
code is no longer on it: what was sent under the code could then be sent a second time from another flow, with nothing left to know it by.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterator
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from exports.models import Assessment, ExportAttempt, ExportItem, Finding
from exports.statistics.refresh import refresh
from ladokflow.messages import message
from ladokflow.wiseflow.words import FlowState
from sources import audit
from sources.models import (
    NAMELESS,
    AllocationLine,
    Flow,
    FlowSource,
    IdentityAnswer,
    LogEntry,
    Paper,
    Participant,
    Registration,
    Source,
    SyncRun,
    WebhookEvent,
)
from sources.models.flow import ExportState

logger = logging.getLogger(__name__)

EMPTY_GRADE = "–"  # the database wants one of what was sent
NOBODY: dict[str, Any] = {"organisation_id": "", "national_id": "", "external_user_id": "", "unique_exam_id": ""}


def due(now: dt.datetime, source: Source | None = None) -> Iterator[QuerySet[Flow]]:
    """The flows whose students are to go by now, source by source."""
    sources = Source.objects.filter(retention_days__isnull=False)
    for each in sources.filter(pk=source.pk) if source is not None else sources.order_by("pk"):
        yield _of(each, now - dt.timedelta(days=each.retention_days or 0))


def _of(source: Source, old: dt.datetime) -> QuerySet[Flow]:
    flows = Flow.objects.filter(
        source=source,
        purged_at__isnull=True,
        released_at__isnull=True,
        setup_state=Flow.Setup.READY,
        former_host="",
        marking_end_at__lt=old,
        points_left=0,
        approvals_left=0,
        asked=[],
        scale_message={},
    ).exclude(adoption=Flow.Adoption.UNSAID)
    in_ladok = Q(graded_count__gt=0, export_state=ExportState.EXPORTED, exported_count__gte=F("graded_count"))
    without_grades = Q(graded_count=0, state=FlowState.ARCHIVED)
    flows = flows.filter(in_ladok | without_grades, state__in=(FlowState.CONCLUDED, FlowState.ARCHIVED))
    return flows.exclude(_is_unfinished(old)).order_by("pk")


def _is_unfinished(old: dt.datetime) -> Q:
    """Something of it is open, unknown, asked or young."""
    own = {"flow": OuterRef("pk")}
    attempts = ExportAttempt.objects.filter(**own)
    young = attempts.filter(Q(state__in=ExportAttempt.OPEN) | Q(finished_at__gte=old))
    items = ExportItem.objects.filter(attempt__flow=OuterRef("pk"))
    live, unsettled = items.filter(state=ExportItem.State.LIVE), items.filter(state__in=ExportItem.UNSETTLED).newest()
    unexported = Participant.objects.filter(**own).filter(
        Q(export_state=ExportState.FAILED)
        | Q(export_state=ExportState.PENDING, assessment__isnull=False)
        & ~Q(assessment__grade="", assessment__alternative_grade="")
    )
    calls = WebhookEvent.objects.filter(
        source=OuterRef("source"), wiseflow_flow_id=OuterRef("wiseflow_id"), handled_at__isnull=True
    )
    return (
        Q(Exists(young))
        | Q(Exists(live))
        | Q(Exists(unsettled))
        | Q(Exists(unexported))
        | Q(Exists(Finding.objects.open().filter(**own)))
        | Q(Exists(SyncRun.objects.filter(**own).filter(Q(state__in=SyncRun.OPEN) | Q(finished_at__gte=old))))
        | Q(Exists(Registration.objects.asked_about().filter(participant__flow=OuterRef("pk"))))
        | Q(Exists(FlowSource.objects.filter(**own, removed_at__isnull=False)))
        | Q(Exists(calls))
    )


def purge(now: dt.datetime | None = None, source: Source | None = None) -> Iterator[int]:
    """Does the work, flow by flow, and says after each how many students it was."""
    now = now or timezone.now()
    for flows in due(now, source):
        for pk in list(flows.values_list("pk", flat=True)):
            if (count := _purge(flows, pk, now)) is not None:
                yield count


def _purge(flows: QuerySet[Flow], pk: int, now: dt.datetime) -> int | None:
    """Looked at once more under the flow's lock: something may have come meanwhile."""
    with transaction.atomic():
        if not Flow.objects.select_for_update(no_key=True).filter(pk=pk).exists() or not flows.filter(pk=pk).exists():
            return None
        flow = Flow.objects.select_related("source").get(pk=pk)
        count = _empty(flow, now)
        audit.record(message=message("audit.purged", count=count), source=flow.source, flow=flow)
    logger.info("flow.purged flow=%s students=%s", pk, count)
    return count


def _empty(flow: Flow, now: dt.datetime) -> int:
    refresh([flow.pk])  # the figures stay as they were
    logged = Q(flow=flow) | Q(source=flow.source, wiseflow_flow_id=flow.wiseflow_id)
    LogEntry.objects.filter(logged).delete()
    people = Participant.objects.filter(flow=flow)
    of_people = {"participant__flow": flow}
    Assessment.objects.filter(**of_people).delete()
    Paper.objects.filter(**of_people).delete()
    IdentityAnswer.objects.filter(registration__participant__flow=flow).delete()
    AllocationLine.objects.filter(flow=flow).delete()
    Registration.objects.filter(**of_people).update(**NOBODY, individual_end_at=None, doubt={}, claim="")
    Finding.objects.filter(flow=flow).update(message={}, reason="")
    ExportItem.objects.filter(attempt__flow=flow).update(
        **NOBODY, grade=EMPTY_GRADE, mark="", points=None, points_read=None, graded_at=None, message={}, before_mark={}
    )
    ExportAttempt.objects.filter(flow=flow).update(answer="", message={}, order={})
    SyncRun.objects.filter(flow=flow).update(changes=[], problems=[], would_go={}, message={})
    WebhookEvent.objects.filter(source=flow.source, wiseflow_flow_id=flow.wiseflow_id).update(payload="", outcome={})
    count = people.update(
        **NOBODY, **NAMELESS, room="", individual_end_at=None, wiseflow_id=None, user_id=None,
        export_message={},
    )  # fmt: skip
    Flow.objects.filter(pk=flow.pk).update(
        purged_at=now, sync_message={}, asked=[], warnings=[], warnings_seen=[], scale_witnesses=[], settled_basis="",
        export_message=message("export.purged").to_json(),
    )  # fmt: skip
    return count
