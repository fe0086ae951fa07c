"""Who assesses whom on a flow that is there: the list, and changing it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from ladokflow.addresses import address_of
from ladokflow.http import RemoteError
from ladokflow.identifiers import normal
from ladokflow.messages import Message, Refused
from ladokflow.pages.flow import flow_context, flow_for
from ladokflow.requests import HtmxRequest
from sources.flows.assessor_list import assessors_of, change_list, standing_of
from sources.flows.staff import answered_pairs, questions_about
from sources.models import Flow
from sources.pages.settings_form import ListForm, members_of
from sources.pages.staff_form import Questions


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def assessors(request: HtmxRequest, pk: int) -> HttpResponse:
    flow = flow_for(request, pk)
    standing = standing_of(flow)
    failure: Message | None = None
    questions = Questions(request.POST)
    if request.method == "POST":
        form = ListForm(request.POST, request.FILES, members=members_of(flow.source), assessors=assessors_of(flow))
        if all([form.is_valid(), questions.is_valid()]):
            try:
                is_done = _change(request, flow, form, questions)
            except (RemoteError, Refused) as error:
                failure, is_done = error.message, False
            if is_done:
                messages.info(request, _("The list is saved. The participants are given with the synchronisation."))
                return redirect("flows:assessors", pk)
    else:
        form = ListForm(
            initial={
                "allocation_list": "\n".join(f"{participant}; {assessor}" for participant, assessor in standing.pairs)
            }
        )
    context: dict[str, Any] = flow_context(flow) | {
        "tab": "assessors",
        "form": form,
        "questions": questions,
        "failure": failure,
        "standing": standing,
        "may_change": flow.setup_state == Flow.Setup.READY and flow.state in Flow.STATES_BEFORE_MARKING,
    }
    return render(request, "pages/flow_assessors.html", context)


def _change(request: HtmxRequest, flow: Flow, form: ListForm, questions: Questions) -> bool:
    """Whether the list is changed; False where WISEflow does not know a new assessor, and that is to be asked."""
    pairs = [(line.participant, line.assessor) for line in form.lines]
    new = {normal(one): one for _participant, one in pairs if normal(one) not in form.assessors}
    rows = [{"role": "assessor", "organisation_id": one, "email": ""} for one in new.values()]
    assessors = questions.done_to(rows, form.members)
    open_questions = questions_about(flow.source, assessors)
    if open_questions:
        questions.ask(open_questions)
        return False
    change_list(
        flow=flow,
        pairs=answered_pairs(pairs, questions.answers(), form.members),
        by=request.user,
        new_users=[row["organisation_id"] for row in assessors if row.get("is_new")],
        seen=request.POST.get("seen", ""),
        address=address_of(request),
    )
    return True
