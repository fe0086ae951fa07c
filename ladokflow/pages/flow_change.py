"""Changing a flow that is there: its settings and those who work with it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from ladokflow.addresses import address_of
from ladokflow.fingerprints import NotAsShown
from ladokflow.http import RemoteError
from ladokflow.messages import Message, Refused
from ladokflow.pages.flow import flow_context, flow_for
from ladokflow.requests import HtmxRequest
from sources.flows.change import Change, change_flow, lines_of, standing_of
from sources.flows.look_up import look_up
from sources.flows.staff import questions_about
from sources.models import Flow
from sources.pages.change_form import ChangeForm
from sources.pages.settings_form import LONGEST_IDENTIFIER
from sources.pages.staff_form import Questions
from sources.universities.permissions import Right, rights_in


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HtmxRequest, pk: int) -> HttpResponse:
    flow = flow_for(request, pk)
    if flow.setup_state != Flow.Setup.READY:
        return redirect("flows:detail", pk)
    failure: Message | None = None
    questions = Questions(request.POST)
    if "look_up" in request.POST:
        return _looked_up(request, flow)
    try:
        form = _form(request, flow, request.POST if request.method == "POST" else None)
        if request.method == "POST" and all([form.is_valid(), questions.is_valid()]):
            try:
                if _change(request, form, questions):
                    return redirect("flows:change", pk)
            except NotAsShown as error:
                failure, form, questions = error.message, _form(request, flow_for(request, pk)), Questions()
            except (RemoteError, Refused) as error:
                failure = error.message
    except Refused as refused:
        failure, form = refused.message, None
    return _page(request, flow, form=form, questions=questions, failure=failure)


def _page(request: HtmxRequest, flow: Flow, **context: Any) -> HttpResponse:
    return render(request, "pages/flow_change.html", flow_context(flow) | {"tab": "overview"} | context)


def _looked_up(request: HtmxRequest, flow: Flow) -> HttpResponse:
    """The page with what has been written into it so far, and who was found."""
    text = request.POST.get("who", "")[:LONGEST_IDENTIFIER]
    found, failure = look_up(flow.source, text)
    try:
        form = _form(request, flow, written=request.POST)
    except Refused as refused:
        form, failure = None, refused.message
    return _page(request, flow, form=form, failure=failure, who=text, found=found, is_looked_up=True)


def _form(request: HtmxRequest, flow: Flow, data: Any = None, *, written: Any = None) -> ChangeForm:
    return ChangeForm(
        data,
        flow=flow,
        standing=standing_of(flow),
        may_export=rights_in(request).may(Right.EXPORT, flow.source_id),
        written=written,
    )


def _change(request: HtmxRequest, form: ChangeForm, questions: Questions) -> bool:
    """Whether it is done; False where WISEflow does not know somebody who is added, and that is to be asked."""
    wanted, flow = form.change(), form.flow
    added = questions.done_to(wanted.added, form.members)
    open_questions = questions_about(flow.source, added)
    if open_questions:
        questions.ask(open_questions)
        return False
    done = change_flow(
        flow=flow,
        change=Change(wanted.values, added, wanted.taken_off),
        by=request.user,
        names=form.shown_names,
        seen=form.cleaned_data["seen"],
        address=address_of(request),
    )
    if not done:
        messages.info(request, _("Nothing was to be changed."))
        return True
    messages.success(request, _("Changed: %(what)s") % {"what": "; ".join(lines_of(done, form.standing))})
    if done.added or done.taken_off:
        messages.info(request, _("It is saved. The people come onto the flow with the synchronisation."))
    return True
