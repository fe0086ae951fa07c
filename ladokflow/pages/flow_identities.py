"""*It is the same person*, or somebody else: what a manager answers on the flow's page."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from ladokflow.addresses import address_of
from ladokflow.messages import Refused
from ladokflow.pages.flow import flow_for
from ladokflow.requests import HtmxRequest
from sources.flows import identities

ANSWERS = {"same": True, "other": False}
LONGEST_KEY = 18  # digits, which any column can hold


@login_required
@require_POST
def answer(request: HtmxRequest, pk: int) -> HttpResponse:
    flow = flow_for(request, pk)
    is_same, key = ANSWERS.get(request.POST.get("answer", "")), request.POST.get("registration", "")
    if is_same is None or not key.isdecimal() or len(key) > LONGEST_KEY:
        raise Http404
    try:
        row = identities.answer(
            flow=flow,
            registration_pk=int(key),
            is_same=is_same,
            seen=request.POST.get("seen", ""),
            by=request.user,
            address=address_of(request),
        )
    except Refused as refused:
        messages.warning(request, str(refused.message))
    else:
        messages.success(request, _told(is_same) % {"person": row.participant, "code": row.code})
    return redirect(f"{reverse('flows:detail', args=[flow.pk])}#who-is-it")


def _told(is_same: bool) -> str:
    if is_same:
        return _("%(person)s is the same person. What Ladok says now on %(code)s is used from now on.")
    return _("It is somebody else: %(person)s is no longer on Ladok's list for %(code)s, and nothing is sent for them.")
