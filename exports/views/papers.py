"""Grades beside papers: who has one without the other, and what a manager says of it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from exports.grades.papers import accept, papers_of, take_back
from exports.pages.forms import PaperForm
from exports.rules.right import right_refusal
from exports.views.asking import flow_for, keys_of
from ladokflow.addresses import address_of
from ladokflow.messages import Refused, message
from ladokflow.requests import HtmxRequest
from ladokflow.undo import tell
from sources.models import Flow
from sources.papers.read import hands_in, read_papers

SHOWN = 500  # of a list: the others are on the participants' page


@login_required
@require_http_methods(["GET", "POST"])
def papers(request: HtmxRequest, pk: int) -> HttpResponse:
    flow = flow_for(request, pk)
    form = PaperForm(request.POST if request.method == "POST" else None)
    keys = keys_of(request.POST.getlist("person"))
    if request.method == "POST" and not keys:
        form.add_error(None, _("Choose at least one person first."))
    elif request.method == "POST" and form.is_valid():
        _accept(request, flow, keys, form.cleaned_data["reason"])
        return redirect("exports:papers", flow.pk)
    found = papers_of(flow)
    context: dict[str, Any] = {
        "flow": flow,
        "tz": flow.source.tz,
        "form": form,
        "chosen": keys,
        "found": found,
        "asked": found.asked[:SHOWN],
        "ungraded": found.ungraded[:SHOWN],
        "accepted": found.accepted[:SHOWN],
        "failed_count": len(found.failed),
        "seen": found.fingerprint,
        "hands_in": hands_in(flow),
        "no_right": right_refusal(flow, request.user),
    }
    return render(request, "exports/papers.html", context)


def _accept(request: HtmxRequest, flow: Flow, keys: list[int], reason: str) -> None:
    seen = request.POST.get("seen", "")
    try:
        done = accept(flow=flow, people=keys, reason=reason, by=request.user, seen=seen, address=address_of(request))
    except Refused as refused:
        messages.error(request, str(refused.message))
        return
    text = ngettext(
        "It is kept that %(count)s grade is right. Nothing has been sent yet.",
        "It is kept that %(count)s grades are right. Nothing has been sent yet.",
        done,
    )
    tell(
        request,
        text % {"count": done},
        reverse("exports:papers_back", args=[flow.pk]),
        [("person", str(key)) for key in keys],
    )


@login_required
@require_POST
def back(request: HtmxRequest, pk: int) -> HttpResponse:
    """Take back that grades are right without a paper."""
    flow = flow_for(request, pk)
    try:
        done = take_back(
            flow=flow, people=keys_of(request.POST.getlist("person")), by=request.user, address=address_of(request)
        )
    except Refused as refused:
        messages.error(request, str(refused.message))
    else:
        text = ngettext("It is asked about %(count)s grade again.", "It is asked about %(count)s grades again.", done)
        messages.success(request, text % {"count": done})
    return redirect("exports:papers", flow.pk)


@login_required
@require_POST
def read(request: HtmxRequest, pk: int) -> HttpResponse:
    """Read from WISEflow now who has handed in."""
    flow = flow_for(request, pk)
    if flow.purged_at is not None:
        messages.error(request, str(message("sources.purged")))
    elif read_papers(flow):
        text = _("It has been read who has handed in: %(count)s of %(total)s.")
        messages.success(request, text % {"count": flow.handed_in_count, "total": flow.participant_count})
    elif flow.papers_reason:
        messages.error(request, str(flow.papers_reason))
    else:
        messages.warning(request, _("Nothing is handed in on a flow of this type."))
    return redirect("exports:papers", flow.pk)
