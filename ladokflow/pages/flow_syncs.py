"""Synchronisations of a flow: asking for one, seeing beforehand what it would do, and what was done."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from exports.views.asking import back, chosen_flows
from ladokflow.addresses import address_of
from ladokflow.http import RemoteError
from ladokflow.messages import Refused
from ladokflow.pages.chosen_syncs import keep
from ladokflow.pages.flow import RUNS_PER_PAGE, can_be_confirmed, flow_context, flow_for, goers_of
from ladokflow.requests import HtmxRequest
from sources.flows.adoption import look_at
from sources.models import SyncRun
from sources.sync.overrides import follow_again
from sources.sync.run import braked_run, preview_sync, request_sync, run_that_asks
from sources.sync.warnings import look_at_warnings


@login_required
@require_GET
def history(request: HtmxRequest, pk: int) -> HttpResponse:
    flow = flow_for(request, pk)
    page = Paginator(flow.sync_runs.select_related("requested_by"), RUNS_PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "pages/flow_syncs.html", flow_context(flow) | {"tab": "syncs", "page": page})


@login_required
@require_GET
def run(request: HtmxRequest, pk: int, run_pk: UUID) -> HttpResponse:
    flow = flow_for(request, pk)
    shown = get_object_or_404(flow.sync_runs.select_related("requested_by"), pk=run_pk)
    may_confirm = flow.sync_runs.first() == shown and can_be_confirmed(shown)
    context = {
        "tab": "syncs",
        "run": shown,
        "may_confirm": may_confirm,
        "braked": shown,
        "goers": goers_of(shown) if may_confirm else [],
    }
    return render(request, "pages/sync_run.html", flow_context(flow) | context)


@login_required
@require_GET
def preview(request: HtmxRequest, pk: int) -> HttpResponse:
    """What a synchronisation would change now. Reads Ladok and WISEflow; changes nothing."""
    flow = flow_for(request, pk)
    context = flow_context(flow) | {"tab": "syncs", "plan": None, "failure": None}
    try:
        shown = look_at(flow) if flow.adoption_seen else None
        plan = shown.plan if shown is not None else preview_sync(flow)
        context["adoption"] = shown.fingerprint if shown is not None else None
        context["plan"] = plan
        context["others"] = plan.others
        # What has not been braked yet has to be asked about first, with this very list of people.
        context["braked"] = run_that_asks(flow, plan)
    except (RemoteError, Refused) as error:
        context["failure"] = error.message
    return render(request, "pages/sync_preview.html", context)


@login_required
@require_POST
def start(request: HtmxRequest, pk: int) -> HttpResponse:
    flow = flow_for(request, pk)
    is_confirmed = "confirm" in request.POST
    braked = braked_run(flow) if is_confirmed else None
    try:
        request_sync(
            flow=flow,
            trigger=SyncRun.Trigger.MANAGER,
            requested_by=request.user,
            seen=request.POST.get("seen", "") if is_confirmed else None,
        )
    except Refused as error:
        messages.error(request, str(error))
    else:
        text = _("The synchronisation has been asked for. This page shows how it goes.")
        if braked is not None and (count := len(goers_of(braked))):
            said = ngettext(
                "You have confirmed that %(count)s person goes.", "You have confirmed that %(count)s people go.", count
            )
            text = f"{said % {'count': count}} {text}"
        messages.info(request, text)
    return redirect("flows:detail", pk)


@login_required
@require_POST
def start_chosen(request: HtmxRequest) -> HttpResponse:
    """For the flows that were ticked in a list: each by itself, so that one that is refused does not stop the others."""
    flows, after = reverse("flows:list"), back(request, reverse("flows:list"))
    asked = []
    for flow in chosen_flows(request, request.POST.getlist("flow")):
        try:
            asked.append(request_sync(flow=flow, trigger=SyncRun.Trigger.MANAGER, requested_by=request.user))
        except Refused as error:
            messages.error(request, _("%(flow)s: %(why)s") % {"flow": flow.title, "why": error.message})
    if asked:
        keep(request.session, asked)
    if asked and after.partition("?")[0] != flows:  # the list of flows has how it goes above it
        text = ngettext(
            "The synchronisation of %(count)s flow has been asked for.",
            "The synchronisation of %(count)s flows has been asked for.",
            len(asked),
        )
        link = format_html('<a href="{}?all=on">{}</a>', flows, _("Show how it goes"))
        messages.info(request, format_html("<span>{} {}</span>", text % {"count": len(asked)}, link))
    return redirect(after)


@login_required
@require_POST
def follow(request: HtmxRequest, pk: int) -> HttpResponse:
    """One of the values that were changed by hand in WISEflow follows Ladok again."""
    flow = flow_for(request, pk)
    try:
        follow_again(
            flow=flow,
            field=request.POST.get("field", ""),
            seen=request.POST.get("seen", ""),
            by=request.user,
            address=address_of(request),
        )
    except Refused as error:
        messages.error(request, str(error))
    else:
        messages.info(
            request, _("The value follows Ladok again. It is written to WISEflow by the next synchronisation.")
        )
    return redirect("flows:detail", pk)


@login_required
@require_POST
def looked_at(request: HtmxRequest, pk: int) -> HttpResponse:
    """Somebody has looked at what synchronisations have told."""
    flow = flow_for(request, pk)
    try:
        look_at_warnings(flow=flow, by=request.user, seen=request.POST.get("seen", ""), address=address_of(request))
    except Refused as error:
        messages.error(request, str(error))
    else:
        messages.info(request, _("Noted."))
    return redirect("flows:detail", pk)
