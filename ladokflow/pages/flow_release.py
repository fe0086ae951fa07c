"""Letting a flow go, after reading what that does."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from ladokflow.addresses import address_of
from ladokflow.http import RemoteError
from ladokflow.messages import Message, Refused
from ladokflow.pages.flow import flow_context, flow_for
from ladokflow.requests import HtmxRequest
from sources.flows import release as releasing
from sources.models import Flow


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def release(request: HtmxRequest, pk: int) -> HttpResponse:
    """The ways to let it go as things stand in WISEflow now, each with a button."""
    flow = flow_for(request, pk)
    failure: Message | None = None
    way = next((way for way in Flow.Release if way == request.POST.get("way")), None)
    if request.method == "POST" and way is not None:
        seen = request.POST.get("seen", "")
        try:
            releasing.release(flow=flow, way=way, by=request.user, seen=seen, address=address_of(request))
        except (RemoteError, Refused) as error:
            failure = error.message
        else:
            messages.success(request, _("The flow has been let go."))
            return redirect("flows:detail", pk)
    flow = flow_for(request, pk)
    refusal = releasing.refusal_of(flow)
    standing = releasing.standing_of(flow) if refusal is None else None
    context = flow_context(flow) | {
        "tab": "overview",
        "failure": failure,
        "refusal": refusal,
        "standing": standing,
        "releases": releasing.releases_of(flow, standing) if standing is not None else [],
    }
    return render(request, "pages/flow_release.html", context)
