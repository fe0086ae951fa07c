"""The list of flows."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from ladokflow.paging import page_of
from ladokflow.requests import HtmxRequest
from sources.flows.asking import with_questions
from sources.models import Flow, Source
from sources.models.flow import FlowQuerySet
from sources.pages.forms import FlowFilter

FLOWS_PER_PAGE = 25


@login_required
@require_GET
@vary_on_headers("HX-Request")
def flow_list(request: HtmxRequest) -> HttpResponse:
    sources = list(Source.objects.visible_to(request.user))
    form = FlowFilter(request.GET, sources=sources)
    visible = Flow.objects.visible_to(request.user)
    flows = form.apply(visible, request.user)
    page = page_of(flows, request.GET, FLOWS_PER_PAGE, full=_full)
    template = "sources/flow_list.html" + ("#results" if request.htmx else "")
    context = {
        "form": form,
        "page": page,
        "sources": sources,
        "is_filtering": form.is_filtering,
        "is_new_here": not page.paginator.count and not form.is_filtering,
    }
    return render(request, template, context)


def _full(shown: FlowQuerySet) -> FlowQuerySet:
    return with_questions(shown).with_source_and_codes()
