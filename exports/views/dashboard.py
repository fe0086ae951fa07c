"""The export dashboard: Failed, Exported, Pending, and what is under way."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import trigger_client_event

from exports.pages.charts import export_weeks, weeks_context
from exports.pages.filters import KEYS, DashboardFilter
from exports.pages.findings import by_flow, found_in
from exports.pages.lists import (
    live_attempts,
    memberships_by_source,
    moment_in,
    moment_of,
    tab_counts,
    with_exports,
)
from exports.pages.table import keys_of_list, shown_with_people, table_of
from ladokflow.paging import PLACE, page_of
from ladokflow.requests import HtmxRequest
from sources.access import flows_seen
from sources.models import Flow, Membership
from sources.pages.no_membership import without_membership
from sources.pages.preference import kept_address, kept_query
from sources.universities.permissions import memberships_in, rights_in

LIST = "exports"
FLOWS_PER_PAGE = 25


@login_required
@require_GET
@vary_on_headers("HX-Target")
def dashboard(request: HtmxRequest) -> HttpResponse:
    """The page, or only its list when that is what htmx puts in anew."""
    if kept := kept_address(request, LIST):
        return redirect(kept)
    memberships = memberships_by_source(request.user)
    if not memberships:
        return without_membership(request)
    form = _form(request, memberships)
    visible = Flow.objects.at(memberships)
    under_way = _live(request, form)
    form.open(counts := form.tab_counts(visible))
    if KEYS in request.GET:
        return keys_of_list(form, visible, memberships)
    page = page_of(form.apply(visible), request.GET, FLOWS_PER_PAGE, count=form.count(visible), full=with_exports)
    findings = found_in(visible)
    table = table_of(form, page, visible, memberships, by_flow(findings))
    flows_seen(request, shown_with_people(table["rows"]))
    rights_in(request, memberships.values())
    context = {
        **table,
        "list_name": LIST,
        "kept_view": kept_query(request, LIST),
        "findings": findings,
        "tab": form.state,
        **_tabs(form, counts),
        **under_way,
    }
    part = "#list" if request.htmx.target == "list" else ""
    return render(request, "exports/dashboard.html" + part, context)


@login_required
@require_GET
def weeks(request: HtmxRequest) -> HttpResponse:
    if not memberships_in(request):
        return without_membership(request)
    return render(request, "exports/weeks.html", weeks_context(export_weeks(request.user)))


@login_required
@require_GET
def live(request: HtmxRequest) -> HttpResponse:
    """What is under way, asked for again and again while something is; together with the figures on the tabs.

    When something has ended, the list is told to fetch itself anew.
    """
    memberships = memberships_by_source(request.user)
    if not memberships:
        return without_membership(request)
    form = _form(request, memberships)
    visible = Flow.objects.at(memberships)
    under_way = _live(request, form)
    context = under_way | _tabs(form, tab_counts(form.narrow(visible, besides="standing")))
    answer = render(request, "exports/_live_update.html", context | {"tab": form.state})
    # After the swap: the tabs, the box and the list then change together.
    return trigger_client_event(answer, "exports-ended", after="settle") if under_way["has_news"] else answer


def _form(request: HtmxRequest, memberships: dict[int, Membership]) -> DashboardFilter:
    sources = [membership.source for membership in memberships.values()]
    return DashboardFilter(request.GET, sources=sources, user=request.user)


def _tabs(form: DashboardFilter, counts: dict[str, int]) -> dict[str, object]:
    """Each tab has chips of its own."""
    return {"counts": counts, "kept": form.kept("tab", "standing").urlencode()}


def _live(request: HtmxRequest, form: DashboardFilter) -> dict[str, Any]:
    """What is under way. Read it before the list: what ends after this is asked for again, and the list then fetches itself anew."""
    opened_at = moment_in(request.GET.get("since", "")) or timezone.now()
    live = live_attempts(request.user, opened_at)
    asked = form.asked.copy()
    # Whatever the page has seen under way stays on it, also when it has ended.
    asked["since"], asked["seen"] = moment_of(live.since(opened_at)), str(live.ended_count)
    for name in PLACE:
        asked.pop(name, None)
    # News is told aloud: only when another attempt has ended since the page last asked.
    has_news = request.GET.get("seen") not in (None, str(live.ended_count))
    return {"live": live, "asked": asked.urlencode(), "has_news": has_news}
