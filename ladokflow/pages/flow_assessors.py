"""Who assesses whom on a flow that is there: the list, and changing it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from ladokflow.addresses import address_of
from ladokflow.messages import Message, Refused
from sources.flows.assessor_list import assessors_of, change_list, standing_of
from sources.models import Flow
from sources.pages.settings_form import ListForm, members_of
from sources.views.flows import flow_context, flow_for


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def assessors(request: HttpRequest, pk: int) -> HttpResponse:
    flow = flow_for(request, pk)
    standing = standing_of(flow)
    failure: Message | None = None
    if request.method == "POST":
        form = ListForm(request.POST, request.FILES, members=members_of(flow.source), assessors=assessors_of(flow))
        if form.is_valid():
            pairs = [(line.participant, line.assessor) for line in form.lines]
            try:
                change_list(flow=flow, pairs=pairs, by=request.user, address=address_of(request))  # type: ignore[arg-type]
            except Refused as error:
                failure = error.message
            else:
                messages.info(request, _("The list is saved. The participants are given with the synchronisation."))
                return redirect("flows:assessors", pk)
    else:
        form = ListForm(initial={"allocation_list": "\n".join(f"{one}; {other}" for one, other in standing.pairs)})
    context: dict[str, Any] = flow_context(flow) | {
        "tab": "assessors",
        "form": form,
        "failure": failure,
        "standing": standing,
        "may_change": flow.setup_state == Flow.Setup.READY and flow.state in Flow.STATES_BEFORE_MARKING,
    }
    return render(request, "pages/flow_assessors.html", context)
