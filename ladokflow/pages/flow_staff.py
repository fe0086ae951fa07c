"""Those who work with a flow: whom WISEflow does not know, and whose accounts the flow has had made."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from ladokflow.addresses import address_of
from ladokflow.http import RemoteError
from ladokflow.identifiers import normal
from ladokflow.messages import Message, Refused
from ladokflow.pages.flow import ROLES, flow_context, flow_for
from ladokflow.requests import HtmxRequest
from sources.flows.staff import Question, answer_for_flow, confirm_accounts, questions_about
from sources.models import Flow
from sources.pages.settings_form import members_of
from sources.pages.staff_form import Questions
from sources.sync.staff import staff_of


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def staff(request: HtmxRequest, pk: int) -> HttpResponse:
    flow = flow_for(request, pk)
    questions = Questions(request.POST)
    may_change = flow.setup_state == Flow.Setup.READY and not flow.is_marking_over
    failure: Message | None = None
    unknown: list[Question] = []
    try:
        if request.method == "POST" and questions.is_valid() and _answer(request, flow, questions):
            messages.info(request, _("It is saved. The people come onto the flow with the synchronisation."))
            return redirect("flows:staff", pk)
        if may_change:
            unknown = questions_about(flow.source, staff_of(flow))
            if request.method != "POST":
                questions.ask(unknown)
    except (RemoteError, Refused) as error:
        failure = error.message
    unknown_ids = {one.organisation_id for one in unknown}
    context: dict[str, Any] = flow_context(flow) | {
        "tab": "staff",
        "questions": questions,
        "failure": failure,
        "may_change": may_change,
        "is_looked_up": may_change and failure is None,
        "people": [
            {
                "who": " ".join(filter(None, [person.get("first_name"), person.get("last_name")])),
                "organisation_id": person.get("organisation_id", ""),
                "role": ROLES.get(person.get("role", ""), ""),
                "is_unknown": person.get("organisation_id") in unknown_ids,
            }
            for person in flow.staff
        ],
    }
    return render(request, "pages/flow_staff.html", context)


def _answer(request: HtmxRequest, flow: Flow, questions: Questions) -> bool:
    """Whether all is answered; False where somebody was corrected to whom WISEflow does not know either, and that is to be asked."""
    answers, members = questions.answers(), members_of(flow.source)
    rows = questions.done_to(staff_of(flow), members)
    named = {normal(who) for one in answers for who in (one.organisation_id, one.correction)}
    named |= {normal(organisation_id) for email, organisation_id in members.items() if email in named}
    still = [one for one in questions_about(flow.source, rows) if normal(one.organisation_id) in named]
    if still:
        questions.ask(still)
        return False
    answer_for_flow(flow=flow, answers=answers, members=members, by=request.user, address=address_of(request))
    return True


@login_required
@require_POST
def accounts(request: HtmxRequest, pk: int) -> HttpResponse:
    """The accounts that were shown are right."""
    flow = flow_for(request, pk)
    seen = {int(one) for one in request.POST.getlist("account") if one.isdecimal() and len(one) < 19}
    if confirm_accounts(flow=flow, seen=seen, by=request.user, address=address_of(request)):
        messages.info(request, _("Noted."))
    return redirect("flows:detail", pk)
