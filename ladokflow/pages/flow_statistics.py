"""A flow's statistics: as of the others, and besides how its questions went and how its assessors differ."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from exports.models import QuestionFigure
from exports.pages.statistics import charts_of, head_of, labelled, suppressed_note
from exports.pages.statistics_file import HEADINGS, file_name, file_rows
from exports.statistics.figures import KINDS, Selection, grouped, selection_for, statistics_of
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
    found = statistics_of(_selection(request, flow), KINDS)
    context = flow_context(flow) | {
        "tab": "statistics",
        "found": found,
        "head": head_of(found),
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
    selection = _selection(request, flow)
    rows = labelled(grouped(selection, "flow", [flow.pk]), "flow")
    name = file_name(flow.source.slug, "flow", flow.pk)
    return write(name, HEADINGS, file_rows(statistics_of(selection), rows))


def _selection(request: HtmxRequest, flow: Flow) -> Selection:
    return selection_for(request.user, source=flow.source, flow=flow.pk)


def _marking(flow: Flow, is_full: bool) -> dict[str, Any]:
    """Whoever may not see small groups sees no assessor, no question that fewer than five have answered, and of the others not how many
    they were, or had it right: that would tell how few had not."""
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
