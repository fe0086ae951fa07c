"""What needs me today?"""

from __future__ import annotations

import datetime as dt

from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q, Sum
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from exports.pages.findings import found_in
from ladokflow.requests import HtmxRequest
from sources.flows.asking import asking, with_questions
from sources.models import Flow, FlowBatch, Source, SyncRun
from sources.models.flow import FlowQuerySet

SHOWN = 6
SOON = dt.timedelta(days=7)


@login_required
@require_GET
def home(request: HtmxRequest) -> HttpResponse:
    visible = Flow.objects.visible_to(request.user)
    parts = {
        "failed": visible.export_failed(),
        "asking": asking(visible),
        "changed": visible.changed_since_export(),
        "to_export": visible.to_export().order_by("marking_end_at"),
        "ending": visible.ending_within(SOON).order_by("marking_end_at"),
    }
    # Each by itself, by an index that has little else: counted together, all flows would be gone through.
    counts = {name: part.order_by().count() for name, part in parts.items()}
    first = {name: list(part.values_list("pk", flat=True)[:SHOWN]) for name, part in parts.items() if counts[name]}
    flows = with_questions(Flow.objects.with_source_and_codes()).in_bulk({pk for keys in first.values() for pk in keys})
    shown = {name: [flows[pk] for pk in first.get(name, ()) if pk in flows] for name in parts}
    sources = list(Source.objects.visible_to(request.user))
    context = {
        "sources": sources,
        "has_flows": visible.exists(),
        "counts": counts,
        "unfinished": FlowBatch.objects.unfinished_of(request.user),
        "night": last_night(visible),
        "findings": found_in(visible),
        **shown,
    }
    return render(request, "pages/home.html", context)


def last_night(visible: FlowQuerySet) -> dict[str, int]:
    """The nightly synchronisations of the last day, in sums."""
    return SyncRun.objects.filter(
        flow__in=visible, trigger=SyncRun.Trigger.NIGHT, created_at__gte=timezone.now() - dt.timedelta(days=1)
    ).aggregate(
        runs=Count("pk"),
        failed=Count("pk", filter=Q(state=SyncRun.State.FAILED)),
        added=Sum("added", default=0),
        removed=Sum("removed", default=0),
        deactivated=Sum("deactivated", default=0),
    )
