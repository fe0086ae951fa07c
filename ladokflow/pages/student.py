"""Where is my grade? Everything that there is of one student at a university: flows, grades and what was sent to Ladok."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.db.models import F, Prefetch
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from exports.models import ExportItem
from ladokflow.requests import HtmxRequest
from sources.logs.access import may_see
from sources.models import Flow, Participant

MOST = 200  # exams


@login_required
@require_GET
def student(request: HtmxRequest, person_pk: int) -> HttpResponse:
    """By any of the student's rows; 404 where it belongs to a university that the user is no member of."""
    flows = Flow.objects.visible_to(request.user)
    person = get_object_or_404(Participant.objects.filter(flow__in=flows).select_related("flow__source"), pk=person_pk)
    sendings = ExportItem.objects.select_related("attempt__code").defer("attempt__answer", "national_id").order_by("pk")
    exams = (
        Participant.objects.of_same_person(person)
        .filter(flow__in=flows)
        .select_related("flow__source", "assessment")
        .prefetch_related("flow__codes", Prefetch("export_items", queryset=sendings))
        .order_by(F("flow__participation_start_at").desc(nulls_last=True), "-pk")
    )
    shown = list(exams[:MOST])
    identifiers = {
        name: list(dict.fromkeys(value for row in shown if (value := getattr(row, name))))
        for name in ("organisation_id", "external_user_id", "national_id")
    }
    return render(
        request,
        "pages/student.html",
        {
            "person": person,
            "exams": shown,
            "tz": person.flow.source.tz,
            "sees_logs": may_see(request.user, person.flow.source),
            **identifiers,
        },
    )
