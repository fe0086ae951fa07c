"""A flow's statistics: as of the others, and besides how its questions went and how its assessors differ."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from exports.models import QuestionFigure
from exports.pages.statistics import HEADINGS, charts_of, file_rows, suppressed_note
from exports.statistics.figures import Statistics, selection_for, statistics_of
from exports.statistics.marking import FEW, assessor_rows, differ
from exports.statistics.suppression import LEAST
from ladokflow.pages.flow import flow_context, flow_for
from ladokflow.requests import HtmxRequest
from ladokflow.spreadsheets import writer_of
from sources.models import Flow


@login_required
@require_GET
def statistics(request: HtmxRequest, pk: int) -> HttpResponse:
    flow = flow_for(request, pk)
    found = _found(request, flow)
    context = flow_context(flow) | {
        "tab": "statistics",
        "found": found,
        "charts": charts_of(found, flow.grades),
        "note": "" if found.is_full else suppressed_note(),
        **_marking(flow, found.is_full),
    }
    return render(request, "pages/flow_statistics.html", context)


@login_required
@require_GET
def statistics_file(request: HtmxRequest, pk: int, kind: str) -> HttpResponse:
    write = writer_of(kind)
    flow = flow_for(request, pk)
    return write(f"ladokflow-statistics-{flow.pk}", HEADINGS, file_rows(_found(request, flow)))


def _found(request: HtmxRequest, flow: Flow) -> Statistics:
    return statistics_of(selection_for(request.user, source=flow.source, flow=flow.pk))


def _marking(flow: Flow, is_full: bool) -> dict[str, Any]:
    """Whoever may not see small groups sees no assessor, and no question that fewer than five have answered."""
    questions = QuestionFigure.objects.filter(summary=flow.pk)
    if not is_full:
        return {"questions": list(questions.filter(assessor=0, people__gte=LEAST))}
    assessors = assessor_rows(flow)
    return {
        "questions": list(questions.filter(assessor=0)),
        "assessors": assessors,
        "assessors_differ": differ(assessors),
        "few": FEW,
    }
