"""Preview, export and retry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Page, Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from exports.attempts.order import Order
from exports.attempts.ordering import start_or_order
from exports.attempts.start import (
    HeldBack,
    Preview,
    PreviewLine,
    preview_export,
    suggested_codes,
    unread_lists,
)
from exports.grades.asking import ask
from exports.grades.collect import collect_grades
from exports.grades.word import say_how
from exports.models import ExportAttempt
from exports.pages.differences import told
from exports.pages.forms import asking_of
from exports.rules.values import Asking
from exports.views.asking import back, chosen_flows, flow_for, keys_of, uncertain
from ladokflow.addresses import address_of
from ladokflow.fingerprints import NotAsShown
from ladokflow.http import RemoteError
from ladokflow.messages import Refused, Trait
from ladokflow.requests import HtmxRequest
from ladokflow.wiseflow.scales import Form
from sources.models import Flow

PEOPLE_PER_PAGE = 100
MOST_NAMED = 20  # people in a box: all of them stand in the list
POINTS_SECONDS = 5.0  # of reading points while somebody waits: a worker goes on with the rest
SHOWN_BODY = 200_000  # characters of the body that are shown: a page is not the place for ten thousand people


# --- Preview -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reason:
    """Why people are held back, and how many of them."""

    text: Any
    count: int


@login_required
@require_GET
def preview(request: HtmxRequest, pk: int) -> HttpResponse:
    """Who would be sent with which grade, who would not and why, and on demand the very body. Sends nothing."""
    flow = flow_for(request, pk)
    asking = asking_of(request.GET.get("asking"))
    only = keys_of(request.GET.getlist("person"))
    to = suggested_codes(flow) if asking is Asking.RETRY else None
    again = "again" in request.GET
    given: Any = {"only": only or None, "to": to, "send_again": again}
    preview = preview_export(flow=flow, user=request.user, asking=asking, **given)
    concerned = [line for line in preview.held_back if not line.message.has(Trait.NOT_ASKED_FOR)]
    context: dict[str, Any] = {
        "flow": flow,
        "tz": flow.source.tz,
        "asking": asking.value,
        "only": only,
        "preview": preview,
        "to_send": (page := _page(request, "page", preview.to_send)),
        # A code to choose on another page goes as it is suggested there.
        "elsewhere": [line for line in preview.to_send if line.choices and line not in page.object_list],
        "held_back": _page(request, "held", concerned),
        "others_count": len(preview.held_back) - len(concerned),
        "reasons": _reasons(concerned),
        "unread": preview.unread,
        # What another flow has sent: who is sent again, and who could be.
        "again": again,
        "again_count": sum(line.elsewhere is not None for line in preview.to_send),
        "elsewhere_count": sum(line.message.has(Trait.SENT_ELSEWHERE) for line in concerned),
        "holding": preview.holding,
        "unknown_count": _unknown_among(preview) if asking is Asking.RETRY else 0,
        "there_count": sum(line.is_there for line in preview.to_send),
        "to_mark_count": sum(line.message.has(Trait.ALREADY_IN_LADOK) for line in concerned),
        "codes": sorted({line.code.code for line in preview.to_send}),
        "has_choices": any(line.choices for line in preview.to_send) and asking is Asking.RETRY,
        "has_alternatives": any(line.is_alternative for line in preview.to_send),
        "has_points": flow.source.rules.sends_points,
        "without_points": (without := _without_points(preview)),
        "named_without_points": without[:MOST_NAMED],
    }
    if "body" in request.GET:
        context |= _bodies(preview)
    return render(request, "exports/preview.html", context)


def _page(request: HtmxRequest, name: str, lines: list[Any]) -> Page[Any]:
    return Paginator(lines, PEOPLE_PER_PAGE).get_page(request.GET.get(name))


def _reasons(held_back: list[HeldBack]) -> list[Reason]:
    """The commonest first."""
    counts: dict[str, tuple[Any, int]] = {}
    for line in held_back:
        text = line.message.what
        counts[text] = (text, counts.get(text, (text, 0))[1] + 1)
    return [Reason(*each) for each in sorted(counts.values(), key=lambda each: -each[1])]


def _unknown_among(preview: Preview) -> int:
    """How many of those who would be sent may be in Ladok already."""
    return sum(line.is_unknown for line in preview.to_send)


def _without_points(preview: Preview) -> list[PreviewLine]:
    """Whose grade would go without points to a university that takes them."""
    takes_points = preview.flow.source.rules.sends_points
    return [line for line in preview.to_send if takes_points and line.line.points is None]


def _bodies(preview: Preview) -> dict[str, Any]:
    try:
        bodies = [(code, body[:SHOWN_BODY], len(body) > SHOWN_BODY) for code, body in preview.bodies()]
    except Refused as refused:
        return {"body_refusal": refused.message, "bodies": []}
    return {"bodies": bodies}


@login_required
@require_POST
def collect(request: HtmxRequest, pk: int) -> HttpResponse:
    """Read the grades from WISEflow now."""
    flow = flow_for(request, pk)
    try:
        count = collect_grades(flow, seconds=POINTS_SECONDS)
    except (RemoteError, Refused) as error:
        messages.error(request, str(error.message))
    else:
        text = ngettext(
            "The grades have been read from WISEflow: %(count)s person has one.",
            "The grades have been read from WISEflow: %(count)s people have one.",
            count,
        )
        messages.success(request, text % {"count": count})
        if flow.has_more_to_read:
            ask(flow.pk)
    return redirect(back(request, reverse("exports:preview", args=[flow.pk])))


@login_required
@require_POST
def say(request: HtmxRequest, pk: int) -> HttpResponse:
    """How the grades are to be sent, by who has seen what they may be."""
    flow = flow_for(request, pk)
    form = next((form for form in Form if form == request.POST.get("form")), None)
    if form is None:
        messages.error(request, _("Choose how the grades are to be sent first."))
    else:
        try:
            say_how(
                flow=flow, form=form, by=request.user, seen=request.POST.get("seen", ""), address=address_of(request)
            )
        except Refused as refused:
            messages.error(request, str(refused.message))
        else:
            messages.success(request, _("It is kept how the grades are to be sent. Nothing has been sent yet."))
    return redirect(back(request, reverse("exports:preview", args=[flow.pk])))


# --- Export and retry -----------------------------------------------------------------------------------------------


@login_required
@require_POST
def send(request: HtmxRequest, pk: int) -> HttpResponse:
    """From the preview of one flow: whoever presses the button has seen who is sent, and what is not known."""
    flow = flow_for(request, pk)
    asking = asking_of(request.POST.get("asking"))
    only, again = keys_of(request.POST.getlist("person")), "send_again" in request.POST
    try:
        attempts = _start(request, flow, asking, only or None, request.POST.get("seen", ""))
    except Refused as refused:
        messages.error(request, str(refused.message))
        if isinstance(refused, NotAsShown) and refused.difference is not None:
            given: Any = {"only": only or None, "send_again": again}
            now = preview_export(flow=flow, user=request.user, asking=asking, **given)
            for what in told(now, refused.difference):
                messages.warning(request, str(what))
        query = urlencode(
            [("asking", asking.value), *(("person", key) for key in only), *([("again", "on")] if again else [])]
        )
        return redirect(f"{reverse('exports:preview', args=[flow.pk])}?{query}")
    if len(attempts) == 1:
        return redirect("exports:attempt", attempts[0].pk)
    return redirect(_watching(reverse("exports:dashboard"), attempts))


@login_required
@require_POST
def start(request: HtmxRequest) -> HttpResponse:
    return _send_chosen(request, Asking.FIRST)


@login_required
@require_POST
def retry(request: HtmxRequest) -> HttpResponse:
    return _send_chosen(request, Asking.RETRY)


def _send_chosen(request: HtmxRequest, asking: Asking) -> HttpResponse:
    """For the flows that were ticked: each by itself, so that one that is refused does not stop the others."""
    flows = chosen_flows(request)
    after = back(request, reverse("exports:dashboard"))
    if not flows:
        return redirect(after)
    if asking is Asking.RETRY:
        unclear = uncertain(flows)
        if len(flows) == 1 and (unclear or unread_lists(flows[0]) or suggested_codes(flows[0])):
            # Sending again what may be there already, without Ladok's list, or elsewhere is decided with that in sight.
            return redirect(f"{reverse('exports:preview', args=[flows[0].pk])}?asking=retry")
        flows = [flow for flow in flows if flow not in unclear]
        _tell_uncertain(request, unclear)
    started: list[ExportAttempt] = []
    for flow in flows:
        try:
            started += _start(request, flow, asking, None, request.POST.get(f"seen-{flow.pk}", ""))
        except Refused as refused:
            text = _("%(flow)s: %(why)s") % {"flow": flow.title, "why": refused.message}
            messages.error(request, text)
    if started and not after.startswith(reverse("exports:dashboard")):  # which shows how they go
        count = len({attempt.flow_id for attempt in started})
        text = ngettext(
            "The export of %(count)s flow has been started.", "The export of %(count)s flows has been started.", count
        )
        messages.success(request, text % {"count": count})
        return redirect(after)
    return redirect(_watching(after, started))


def _start(request: HtmxRequest, flow: Flow, asking: Asking, only: list[int] | None, seen: str) -> list[ExportAttempt]:
    order = Order(
        asking=asking,
        only=only,
        to=_chosen_codes(request) if asking is Asking.RETRY else {},
        with_last_list="with_last_list" in request.POST,
        send_again="send_again" in request.POST,
        seen=seen,
        address=address_of(request),
    )
    return start_or_order(flow, order, requested_by=request.user)


def _chosen_codes(request: HtmxRequest) -> dict[int, int]:
    """The code that was chosen for each person who is on several. 404 for what is no key."""
    fields = [(name.removeprefix("to-"), value) for name, value in request.POST.items() if name.startswith("to-")]
    try:
        return {int(person): int(str(code)) for person, code in fields}
    except ValueError:
        raise Http404 from None


def _tell_uncertain(request: HtmxRequest, flows: list[Flow]) -> None:
    if flows:
        text = _(
            "Not retried, because grades of theirs may be in Ladok already: %(flows)s. "
            "Check with Ladok first, or open the preview of each flow and send from there."
        )
        messages.warning(request, text % {"flows": ", ".join(flow.title for flow in flows)})


def _watching(address: str, attempts: list[ExportAttempt]) -> str:
    """The address with the attempts that have just been started: they stay in sight until the page is left."""
    if not attempts:
        return address
    joint = "&" if "?" in address else "?"
    return f"{address}{joint}{urlencode([('watch', attempt.pk) for attempt in attempts])}"
