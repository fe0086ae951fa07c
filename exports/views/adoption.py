"""A flow that was taken over: which of its grades were exported before."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from exports.attempts.adoption import Offer, Which, offer_of, say
from exports.pages.forms import ExportedBeforeForm
from exports.rules.right import right_refusal
from exports.views.asking import flow_for
from ladokflow.addresses import address_of
from ladokflow.http import RemoteError
from ladokflow.messages import Message, Refused, message
from ladokflow.requests import HtmxRequest

SHOWN = 1000


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def adoption(request: HtmxRequest, pk: int) -> HttpResponse:
    """*Exported before*: the people and their grades, and the question."""
    flow = flow_for(request, pk)
    failure: Message | None = None
    form = ExportedBeforeForm(request.POST or None, flow=flow)
    if request.method == "POST" and form.is_valid():
        chosen = form.cleaned_data
        try:
            count = say(
                Which(chosen["which"]),
                flow=flow,
                by=request.user,
                reason=chosen["reason"],
                seen=request.POST.get("seen", ""),
                instant_export=chosen["instant_export"],
                exports_when_marking_ends=chosen["exports_when_marking_ends"],
                address=address_of(request),
            )
        except (RemoteError, Refused) as error:
            failure = error.message
        else:
            told = ngettext(
                "%(count)s grade counts as exported from now on.",
                "%(count)s grades count as exported from now on.",
                count,
            )
            messages.success(request, told % {"count": count})
            return redirect("flows:detail", flow.pk)
    flow.refresh_from_db()
    offer: Offer | None = None
    if not flow.is_adoption_unsaid:
        code = "adoption.said_already" if flow.adoption else "adoption.none_to_say"
        failure = failure or message(code)
    else:
        try:
            offer = offer_of(flow)
        except (RemoteError, Refused) as error:
            failure = failure or error.message
    if offer is not None:
        form.offer(offer)
    context = {
        "flow": flow,
        "tz": flow.source.tz,
        "form": form,
        "offer": offer,
        "lines": offer.lines[:SHOWN] if offer is not None else (),
        "left_out": max(0, len(offer.lines) - SHOWN) if offer is not None else 0,
        "has_codes": flow.codes.filter(removed_at__isnull=True).count() > 1,
        "failure": failure,
        "refusal": right_refusal(flow, request.user),
    }
    return render(request, "exports/adoption.html", context)
