"""Statistics of what the user's sources have, and as a file."""

from __future__ import annotations

from functools import partial

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from exports.pages.lists import memberships_by_source
from exports.pages.statistics import (
    NO_FIGURES,
    StatisticsForm,
    charts_of,
    head_of,
    labelled,
    rates_chart,
    rows_of_page,
    suppressed_note,
)
from exports.pages.statistics_file import HEADINGS, file_name, file_rows
from exports.statistics.figures import KINDS, Selection, grouped, keys_of, selection_of, statistics_of
from ladokflow.messages import Text
from ladokflow.requests import HtmxRequest
from ladokflow.spreadsheets import writer_of
from sources.pages.no_membership import without_membership
from sources.universities.permissions import Right, rights_in


@login_required
@require_GET
def statistics(request: HtmxRequest) -> HttpResponse:
    form, selection = _chosen(request)
    if not selection.sources:
        return without_membership(request)
    found = statistics_of(selection, KINDS)
    rows, page = rows_of_page(selection, form.group, request.GET.get("page", ""), form.sorting)
    context = {
        "form": form,
        "found": found,
        "absence": "" if found.flows else _absence(form),
        "head": head_of(found),
        "charts": charts_of(found),
        "rates": rates_chart(rows, form.group, partial(_address_of, request, form.group)),
        "page": page,
        "note": "" if found.is_full else suppressed_note(),
        "sees_logs": rights_in(request).may(Right.LOGS),
        "query": request.GET.urlencode(),
        "tz": None,  # of several sources: the reader's own
    }
    return render(request, "exports/statistics.html", context)


@login_required
@require_GET
def statistics_file(request: HtmxRequest, kind: str) -> HttpResponse:
    write = writer_of(kind)
    form, selection = _chosen(request)
    by = form.group
    rows = labelled(grouped(selection, by, list(keys_of(selection, by, form.sorting))), by)
    name = file_name(request.GET.get("source"), *form.narrowing.values(), f"{timezone.localdate():%Y%m%d}")
    return write(name, HEADINGS, file_rows(statistics_of(selection), rows, by))


def _absence(form: StatisticsForm) -> Text:
    """Why there is no flow."""
    if form.has_unknown_course:
        return _("No flow of this course. Write another code, or leave it empty.")
    return _("No flow is of all that is chosen. Choose less.") if any(form.narrowing.values()) else NO_FIGURES


def _chosen(request: HtmxRequest) -> tuple[StatisticsForm, Selection]:
    """404 for a source that the user is no member of."""
    members = list(memberships_by_source(request.user).values())
    rights_in(request, members)
    slug = request.GET.get("source")
    own = [member for member in members if not slug or member.source.slug == slug]
    if slug and not own:
        raise Http404
    sources = [member.source for member in members]
    form = StatisticsForm(request.GET, sources=sources, selection=selection_of(members))
    form.offer_courses(selection_of(own, **form.narrowing))
    return form, selection_of(own, **form.narrowing)


def _address_of(request: HtmxRequest, by: str, key: str) -> str:
    """Where a row leads: to what it is of."""
    if by == "flow":
        return reverse("flows:statistics", args=[key])
    if by == "source":
        return ""
    query = request.GET.copy()
    query.pop("page", None)
    query[by] = key
    query["by"] = {"course": "term", "term": "course", "department": "course"}[by]
    return f"?{query.urlencode()}"
