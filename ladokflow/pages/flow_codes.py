"""The Ladok codes of a flow: seeing them, adding one, and removing one after reading what that does."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from exports.attempts.place import may_change_place
from ladokflow.addresses import address_of
from ladokflow.http import RemoteError
from ladokflow.messages import Message, Refused
from ladokflow.pages.flow import flow_context, flow_for
from ladokflow.requests import HtmxRequest
from ladokflow.undo import tell
from sources.flows.codes import AsksForPlace, add_code, phase_of, removal_of, remove_code
from sources.flows.scales import AsksForScale
from sources.models import Flow
from sources.pages.forms import AddCodeForm


def _page(
    request: HtmxRequest,
    flow: Flow,
    form: AddCodeForm | None = None,
    failure: Message | None = None,
    suggested: str = "",
) -> HttpResponse:
    """`suggested`: where the grade goes of those who are on several codes, which is asked."""
    context: dict[str, Any] = flow_context(flow) | {"tab": "codes", "form": form or AddCodeForm(), "failure": failure}
    context |= {"suggested": suggested}
    live = [code for code in context["codes"] if code.removed_at is None]
    is_ready = flow.setup_state == Flow.Setup.READY
    context |= {
        "master": live[0] if len(live) > 1 else None,
        "may_add": is_ready and flow.state in Flow.STATES_BEFORE_MARKING,
        "may_remove": is_ready and (len(live) > 1 or flow.is_marking_over),
    }
    return render(request, "pages/flow_codes.html", context)


@login_required
@require_GET
def codes(request: HtmxRequest, pk: int) -> HttpResponse:
    return _page(request, flow_for(request, pk))


@login_required
@require_POST
def add(request: HtmxRequest, pk: int) -> HttpResponse:
    flow = flow_for(request, pk)
    form = AddCodeForm(request.POST)
    if not form.is_valid():
        return _page(request, flow, form)
    try:
        added = add_code(
            flow=flow,
            code=form.cleaned_data["code"],
            by=request.user,
            scale=form.chosen_scale(),
            grade_goes_to=form.cleaned_data["grade_goes_to"] if may_change_place(flow) else "",
            asks=may_change_place(flow),
            address=address_of(request),
        )
    except AsksForScale as asks:
        again = AddCodeForm(initial=form.cleaned_data | {"scale": ""})
        again.ask_scale(asks.ladok_scale, asks.scales)
        return _page(request, flow, again, asks.message)
    except AsksForPlace as asks:
        again = AddCodeForm(initial=form.cleaned_data | {"grade_goes_to": asks.suggested})
        again.ask_place()
        return _page(request, flow, again, asks.message, asks.suggested)
    except (RemoteError, Refused) as error:
        return _page(request, flow, form, error.message)
    messages.info(request, _("%(code)s has been added. Its students come with the synchronisation.") % {"code": added})
    return redirect("flows:codes", pk)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: HtmxRequest, pk: int, code_pk: int) -> HttpResponse:
    """What removing the code would do now, with the button that does it."""
    flow = flow_for(request, pk)
    code = get_object_or_404(flow.codes, pk=code_pk)
    failure = None
    if request.method == "POST":
        try:
            removal = remove_code(
                flow=flow,
                code=code,
                by=request.user,
                seen=request.POST.get("seen", ""),
                address=address_of(request),
            )
        except (RemoteError, Refused) as error:
            failure = error.message
        else:
            text = _("%(code)s has been removed.") % {"code": code}
            if removal.can_be_undone:
                tell(request, text, reverse("flows:code_add", args=[pk]), [("code", code.code)])
            else:
                messages.info(request, text)
            return redirect("flows:codes", pk)
    shown = None
    try:
        shown = removal_of(flow=flow, code=code, phase=phase_of(flow))
    except (RemoteError, Refused) as error:
        failure = failure or error.message
    context = flow_context(flow) | {"tab": "codes", "code": code, "removal": shown, "failure": failure}
    return render(request, "pages/flow_code_remove.html", context)
