"""Preview, export and retry."""

from __future__ import annotations

from collections import Counter
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Page, Paginator
from django.db.models import F
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from exports.attempts.order import Order
from exports.attempts.ordering import start_or_order
from exports.attempts.start import Preview
from exports.grades.asking import ask
from exports.grades.collect import collect_grades
from exports.grades.word import say_how
from exports.models import ExportAttempt
from exports.pages.differences import told
from exports.pages.forms import asking_of
from exports.pages.lists import moment_of
from exports.pages.needs import NEEDS
from exports.pages.previews import WORDS, Looks, address_of_preview, left_of, look_at
from exports.pages.table import MAX_CHOSEN
from exports.pages.ticked import in_address, is_gone, keys_in
from exports.rules.values import Asking
from exports.views.asking import back, chosen_flows, flow_for, keys_of
from ladokflow.addresses import address_of
from ladokflow.fingerprints import NotAsShown
from ladokflow.http import RemoteError
from ladokflow.identifiers import as_read
from ladokflow.messages import Refused
from ladokflow.requests import HtmxRequest
from ladokflow.wiseflow.scales import Form
from sources.access import flows_seen
from sources.models import Flow
from sources.papers.read import read_papers

PEOPLE_PER_PAGE = 100
MOST_PEOPLE = 20_000  # in a preview of several flows: somebody waits for it
MOST_NAMED = 20  # people in a box: all of them stand in the list
POINTS_SECONDS = 5.0  # of reading points while somebody waits: a worker goes on with the rest
TABS = {Asking.FIRST: "pending", Asking.RETRY: "failed", Asking.OVERWRITE: "exported"}  # that the flows were chosen on
SHOWN_BODY = 200_000  # characters of the body that are shown: a page is not the place for ten thousand people


# --- Preview -------------------------------------------------------------------------------------------------------


@login_required
@require_GET
def preview(request: HtmxRequest, pk: int) -> HttpResponse:
    """Who would be sent with which grade, who would not and why, and on demand the very body. Sends nothing."""
    flow = flow_for(request, pk)
    if is_gone(request):
        messages.warning(request, _("Choose at least one person first."))
        return redirect("flows:detail", flow.pk)
    asking, only = asking_of(request.GET.get("asking")), keys_of(keys_in(request, "person"))
    look = look_at(flow, request.user, asking, only=only, again="again" in request.GET)
    context: dict[str, Any] = {
        "flow": flow,
        "tz": flow.source.tz,
        "asking": asking.value,
        "word": WORDS[asking],
        "look": look,
        "preview": look.preview,
        "holding": look.preview.holding,
        "to_send": (page := _page(request, "page", look.to_send)),
        # A code to choose on another page goes as it is suggested there.
        "elsewhere": [line for line in look.to_send if line.choices and line not in page.object_list],
        "held_back": _page(request, "held", look.held_back),
        "has_points": flow.source.rules.sends_points,
        "named_without_points": look.without_points[:MOST_NAMED],
    }
    if "body" in request.GET:
        context |= _bodies(look.preview)
    return render(request, "exports/preview.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def preview_chosen(request: HtmxRequest) -> HttpResponse:
    """The same of the flows that were ticked in a list: each in a line, and one button for all. A list posts what is ticked, and is led
    to the address of it."""
    asking = asking_of(request.POST.get("asking") or request.GET.get("asking"))
    if request.method == "POST":
        flows = chosen_flows(request, request.POST.getlist("flow"))
        otherwise = back(request, reverse("exports:dashboard"))
        return redirect(_address_of_chosen(request, flows, asking) if flows else otherwise)
    flows = _asked_flows(request)
    if len(flows) < 2:
        return redirect(address_of_preview(flows[0].pk, asking) if flows else reverse("exports:dashboard"))
    if sum(flow.participant_count for flow in flows) > MOST_PEOPLE:
        text = _("Choose fewer flows at a time: together these have more than %(most)s people.")
        messages.warning(request, text % {"most": MOST_PEOPLE})
        return redirect("exports:dashboard")
    in_order = sorted(flows, key=lambda flow: (as_read(flow.title), flow.pk))
    looks = Looks([look_at(flow, request.user, asking) for flow in in_order])
    return render(request, "exports/preview.html", {"asking": asking.value, "word": WORDS[asking], "looks": looks})


def _asked_flows(request: HtmxRequest) -> list[Flow]:
    """Those of the address; or all of which Home says that they need it, as many as can be sent at a time."""
    if (need := NEEDS.get(request.GET.get("need", ""))) is None:
        return chosen_flows(request, keys_in(request, "flow"))
    flows = need.flows(Flow.objects.visible_to(request.user)).with_source_and_codes()
    found = list(flows.order_by(F("marking_end_at").asc(nulls_last=True), "pk")[:MAX_CHOSEN])
    flows_seen(request, found)
    return found


def _address_of_chosen(request: HtmxRequest, flows: list[Flow], asking: Asking) -> str:
    """Of one flow its own preview; of several one for all."""
    if len(flows) == 1:
        return address_of_preview(flows[0].pk, asking)
    fields = [("asking", asking.value)] if asking is not Asking.FIRST else []
    query = urlencode([*fields, *in_address(request, "flow", [flow.pk for flow in flows])])
    return f"{reverse('exports:preview_chosen')}?{query}"


def _page(request: HtmxRequest, name: str, lines: list[Any]) -> Page[Any]:
    return Paginator(lines, PEOPLE_PER_PAGE).get_page(request.GET.get(name))


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
    read_papers(flow)
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
    order = Order(
        asking=asking,
        only=only or None,
        to=_chosen_codes(request) if asking is Asking.RETRY else {},
        with_last_list="with_last_list" in request.POST,
        send_again=again,
        leaves_unknown=not only,
        seen=request.POST.get("seen", ""),
        address=address_of(request),
    )
    try:
        attempts = start_or_order(flow, order, requested_by=request.user)
    except Refused as refused:
        messages.error(request, str(refused.message))
        if isinstance(refused, NotAsShown) and refused.difference is not None:
            now = look_at(flow, request.user, asking, only=only, again=again)
            for what in told(now.preview, refused.difference):
                messages.warning(request, str(what))
        people = in_address(request, "person", only)
        query = urlencode([("asking", asking.value), *people, *([("again", "on")] if again else [])])
        return redirect(f"{reverse('exports:preview', args=[flow.pk])}?{query}")
    _tell_started(request, attempts, [flow])
    if len(attempts) == 1:
        return redirect("exports:attempt", attempts[0].pk)
    return redirect(_watching(attempts, asking))


@login_required
@require_POST
def send_chosen(request: HtmxRequest) -> HttpResponse:
    """From the preview of several flows: each by itself, so that one that is refused does not stop the others."""
    asking = asking_of(request.POST.get("asking"))
    flows, attempts = chosen_flows(request, request.POST.getlist("flow")), []
    refused: list[Flow] = []
    for flow in flows:
        seen = request.POST.get(f"seen-{flow.pk}", "")
        order = Order(asking=asking, leaves_unknown=True, seen=seen, address=address_of(request))
        try:
            attempts += start_or_order(flow, order, requested_by=request.user)
        except Refused as refusal:
            refused.append(flow)
            messages.error(request, _("%(flow)s: %(why)s") % {"flow": flow.title, "why": refusal.message})
    if not attempts:
        return redirect(_address_of_chosen(request, flows, asking) if flows else reverse("exports:dashboard"))
    _tell_started(request, attempts, [flow for flow in flows if flow not in refused])
    return redirect(_watching(attempts, asking))


def _chosen_codes(request: HtmxRequest) -> dict[int, int]:
    """The code that was chosen for each person who is on several. 404 for what is no key."""
    fields = [(name.removeprefix("to-"), value) for name, value in request.POST.items() if name.startswith("to-")]
    try:
        return {int(person): int(str(code)) for person, code in fields}
    except ValueError:
        raise Http404 from None


def _tell_started(request: HtmxRequest, attempts: list[ExportAttempt], flows: list[Flow]) -> None:
    """What was done, how many, and what is left."""
    if any(attempt.order for attempt in attempts):  # how many, a worker finds out
        text = ngettext(
            "The export of %(count)s flow has been started.",
            "The export of %(count)s flows has been started.",
            len(flows),
        )
        messages.success(request, text % {"count": len(flows)})
        return
    sent = Counter[int]()
    for attempt in attempts:
        sent[attempt.flow_id] += attempt.sent_count
    count, left = sent.total(), sum(left_of(flow, sent[flow.pk]) for flow in flows)
    text = ngettext("%(count)s grade is on its way to Ladok.", "%(count)s grades are on their way to Ladok.", count) % {
        "count": count
    }
    if left:
        rest = ngettext("%(count)s person is left.", "%(count)s people are left.", left) % {"count": left}
        text = f"{text} {rest}"
    messages.success(request, text)


def _watching(attempts: list[ExportAttempt], asking: Asking) -> str:
    """The dashboard, where the flows were chosen, with the attempts that have just been started: they stay in sight until the page is left."""
    since = moment_of(min(attempt.created_at for attempt in attempts))
    return f"{reverse('exports:dashboard')}?{urlencode({'tab': TABS[asking], 'since': since})}"
