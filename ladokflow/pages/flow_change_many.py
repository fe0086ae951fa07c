"""The same changes of several flows at once: what is to be another, what that does to each, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from ladokflow.addresses import address_of
from ladokflow.http import RemoteError
from ladokflow.messages import Message, Refused, message
from ladokflow.requests import HtmxRequest
from sources.flows.change import Change, change_flow, lines_of, standing_of
from sources.flows.staff import questions_about
from sources.models import Flow
from sources.pages.change_form import ChangeManyForm
from sources.universities.permissions import Right, require_here, rights_in

MOST = 50  # each is read and written in WISEflow while the manager waits


@dataclass(frozen=True)
class Row:
    """A flow and what is, or was, changed of it; `why` it is not."""

    flow: Flow
    lines: Sequence[str] = ()
    seen: str = ""
    why: Message | None = None


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def change_many(request: HtmxRequest) -> HttpResponse:
    flows = _flows(request)
    if not flows:
        messages.info(request, _("Choose flows first. One that is being made, or was let go, cannot be changed."))
        return redirect("flows:list")
    if len(flows) > MOST:
        text = _("At most %(most)s at once. Nothing is changed before you have seen what that does to each.")
        messages.warning(request, text % {"most": MOST})
        return redirect("flows:list")
    if len({flow.source_id for flow in flows}) > 1:
        messages.warning(request, _("Choose flows of one university: its people and its WISEflow are its own."))
        return redirect("flows:list")
    is_sent = request.method == "POST" and "step" in request.POST
    form = ChangeManyForm(request.POST if is_sent else None, source=flows[0].source)
    context: dict[str, Any] = {"flows": flows, "form": form, "most": MOST}
    if is_sent and form.is_valid():
        try:
            change = form.change()
            _insist_on_people(flows[0], change)
            context["is_done"] = request.POST["step"] == "confirm"
            each = _changed if context["is_done"] else _looked_at
            context["rows"] = rows = [each(request, flow, change) for flow in flows]
            context["may_go_on"] = not context["is_done"] and any(row.lines and row.why is None for row in rows)
        except (RemoteError, Refused) as error:
            context["failure"] = error.message
    return render(request, "pages/flow_change_many.html", context)


def _flows(request: HtmxRequest) -> list[Flow]:
    given = [*request.GET.getlist("flow"), *request.POST.getlist("flow")]
    pks = {int(one) for one in given if one.isdecimal() and len(one) < 19}
    flows = Flow.objects.visible_to(request.user).ready().filter(pk__in=pks).select_related("source")
    found = list(flows.order_by("title", "pk")[: MOST + 1])
    require_here(request, *(flow.source for flow in found))
    return found


def _insist_on_people(flow: Flow, change: Change) -> None:
    unknown = questions_about(flow.source, change.added)
    if unknown:
        people = ", ".join(one.organisation_id for one in unknown)
        raise Refused(message("sources.settings.people_unknown", people=people))


def _looked_at(request: HtmxRequest, flow: Flow, change: Change) -> Row:
    try:
        standing = standing_of(flow, change.names)
    except Refused as refused:
        return Row(flow, why=refused.message)
    news = change.news(standing)
    refusals = news.refusals(standing, may_export=rights_in(request).may(Right.EXPORT, flow.source_id))
    return Row(flow, lines_of(news, standing), str(standing.fingerprint), next(iter(refusals), None))


def _changed(request: HtmxRequest, flow: Flow, change: Change) -> Row:
    """One by itself: what stands against it holds up no other."""
    try:
        before = standing_of(flow, change.names)
        done = change_flow(
            flow=flow,
            change=change,
            by=request.user,
            names=change.names,
            seen=request.POST.get(f"seen-{flow.pk}", ""),
            address=address_of(request),
        )
    except (RemoteError, Refused) as error:
        return Row(flow, why=error.message)
    return Row(flow, lines_of(done, before))
