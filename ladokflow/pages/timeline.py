"""What happened to one student on one exam. Whoever opens it is written into the audit log: it tells a student's exam minute by minute."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from exports.timeline import timeline_of
from ladokflow.pages.flow import flow_for
from ladokflow.requests import HtmxRequest
from sources.logs.access import timeline_seen


@login_required
@require_GET
def timeline(request: HtmxRequest, pk: int, person_pk: int) -> HttpResponse:
    flow = flow_for(request, pk)
    person = get_object_or_404(flow.participants.select_related("flow__source"), pk=person_pk)
    timeline_seen(request, person)
    context = {"flow": flow, "person": person, "timeline": timeline_of(person), "tz": flow.source.tz}
    return render(request, "pages/timeline.html", context)
