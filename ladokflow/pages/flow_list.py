"""The list of flows."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from exports.pages.filters import KEYS, FlowFilter
from exports.pages.lists import memberships_by_source, with_exports
from exports.pages.table import keys_of_list, shown_with_people, table_of
from ladokflow.pages.chosen_syncs import chosen_syncs
from ladokflow.paging import page_of
from ladokflow.requests import HtmxRequest
from sources.access import flows_seen
from sources.models import Flow
from sources.pages.no_membership import without_membership
from sources.pages.preference import kept_address, kept_query
from sources.universities.permissions import rights_in

LIST = "flows"
FLOWS_PER_PAGE = 25


@login_required
@require_GET
@vary_on_headers("HX-Target")
def flow_list(request: HtmxRequest) -> HttpResponse:
    """The page, or only its list, or the line about synchronisations, when that is what htmx puts in anew."""
    if kept := kept_address(request, LIST):
        return redirect(kept)
    memberships = memberships_by_source(request.user)
    if not memberships:
        return without_membership(request)
    visible = Flow.objects.at(memberships)
    syncs = chosen_syncs(request.session, visible)
    if request.htmx.target == "syncs":
        return render(request, "pages/flow_list.html#syncs", {"syncs": syncs})
    rights_in(request, memberships.values())
    sources = [membership.source for membership in memberships.values()]
    form = FlowFilter(request.GET, sources=sources, user=request.user)
    if KEYS in request.GET:
        return keys_of_list(form, visible, memberships)
    page = page_of(form.apply(visible), request.GET, FLOWS_PER_PAGE, count=form.count(visible), full=with_exports)
    part = "#list" if request.htmx.target == "list" else ""
    context = table_of(form, page, visible, memberships, {})
    flows_seen(request, shown_with_people(context["rows"]))
    context |= {"list_name": LIST, "kept_view": kept_query(request, LIST), "syncs": syncs}
    return render(request, "pages/flow_list.html" + part, context)
