"""What came out about a flow's grades when everybody had gone on, and that a manager has dealt with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from exports.attempts.findings import deal_with
from exports.models import Finding
from exports.pages.forms import CorrectedForm
from exports.rules.right import right_refusal
from exports.views.asking import flow_for, keys_of
from ladokflow.addresses import address_of
from ladokflow.messages import Refused
from ladokflow.requests import HtmxRequest
from sources.models import Flow

SHOWN = 100  # of a kind: the others are shown when these have been dealt with

Kind = Finding.Kind


@dataclass(frozen=True)
class Group:
    """The findings of one kind; `form` asks what was done about them, where that has to be said."""

    kind: Kind
    rows: list[Finding]
    total: int
    form: CorrectedForm | None


@login_required
@require_http_methods(["GET", "POST"])
def findings(request: HtmxRequest, pk: int) -> HttpResponse:
    flow = flow_for(request, pk)
    form = CorrectedForm(request.POST if request.POST.get("kind") == Kind.TWICE else None)
    if request.method == "POST":
        kind, keys = str(request.POST.get("kind", "")), keys_of(request.POST.getlist("finding"))
        if not keys:
            messages.warning(request, _("Choose at least one person first."))
            return redirect("exports:findings", flow.pk)
        if kind != Kind.TWICE or form.is_valid():
            _deal_with(request, flow, kind, keys, form.cleaned_data["reason"] if kind == Kind.TWICE else "")
            return redirect("exports:findings", flow.pk)
    rows = (
        Finding.objects.filter(flow=flow)
        .select_related("item__participant", "item__attempt__code", "handled_by")
        .defer("item__national_id", "item__participant__national_id", "item__attempt__answer")
    )
    context: dict[str, Any] = {
        "flow": flow,
        "tz": flow.source.tz,
        "groups": [group for kind in Kind if (group := _group(rows.open().filter(kind=kind), kind, form)).rows],
        "no_right": right_refusal(flow, request.user),
        "handled": rows.filter(handled_at__isnull=False).order_by("-handled_at")[:SHOWN],
    }
    return render(request, "exports/findings.html", context)


def _group(rows: Any, kind: Kind, form: CorrectedForm) -> Group:
    return Group(kind, list(rows[:SHOWN]), rows.count(), form if kind == Kind.TWICE else None)


def _deal_with(request: HtmxRequest, flow: Flow, kind: str, keys: list[int], reason: str) -> None:
    try:
        done = deal_with(flow=flow, kind=kind, keys=keys, by=request.user, reason=reason, address=address_of(request))
    except Refused as refused:
        messages.error(request, str(refused.message))
    else:
        text = ngettext("%(count)s grade is dealt with.", "%(count)s grades are dealt with.", done)
        messages.success(request, text % {"count": done})
