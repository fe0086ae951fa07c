"""Preview, export and retry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from exports.attempts.start import HeldBack, Preview, preview_export, retry_export, start_export
from exports.grades.collect import collect_grades
from exports.models import ExportAttempt, ExportItem
from exports.pages.forms import asking_of
from exports.rules.rules import Asking
from exports.views.asking import back, chosen_flows, flow_for, keys_of
from ladokflow.addresses import address_of
from ladokflow.http import RemoteError
from ladokflow.messages import Refused
from sources.models import Flow

PEOPLE_PER_PAGE = 100
# Whoever is held back for one of these is not what the preview is about: the grade is in Ladok, or never failed.
UNCONCERNED = ("export.exported_already", "export.not_failed", "export.not_changed")
SHOWN_BODY = 200_000  # characters of the body that are shown: a page is not the place for ten thousand people


# --- Preview -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reason:
    """Why people are held back, and how many of them."""

    text: Any
    count: int


@login_required
@require_GET
def preview(request: HttpRequest, pk: int) -> HttpResponse:
    """Who would be sent with which grade, who would not and why, and on demand the very body. Sends nothing."""
    flow = flow_for(request, pk)
    asking = asking_of(request.GET.get("asking"))
    only = keys_of(request.GET.getlist("person"))
    found = _narrowed(preview_export(flow=flow, user=request.user, asking=asking), only)  # type: ignore[arg-type]
    concerned = [line for line in found.held_back if line.message.code not in UNCONCERNED]
    context: dict[str, Any] = {
        "flow": flow,
        "tz": flow.source.tz,
        "asking": asking.value,
        "only": only,
        "preview": found,
        "to_send": _page(request, "page", found.to_send),
        "held_back": _page(request, "held", concerned),
        "others_count": len(found.held_back) - len(concerned),
        "reasons": _reasons(concerned),
        "unknown_count": _unknown_among(found) if asking is Asking.RETRY else 0,
        "codes": sorted({line.code.code for line in found.to_send}),
        "has_alternatives": any(line.is_alternative for line in found.to_send),
        "has_points": any(line.line.points is not None for line in found.to_send),
    }
    if "body" in request.GET:
        context |= _bodies(found)
    return render(request, "exports/preview.html", context)


def _narrowed(found: Preview, only: list[int]) -> Preview:
    if not only:
        return found
    chosen = set(only)
    return Preview(
        flow=found.flow,
        refusal=found.refusal,
        to_send=[line for line in found.to_send if line.participant.pk in chosen],
        held_back=[line for line in found.held_back if line.participant.pk in chosen],
        managers=found.managers,
    )


def _page(request: HttpRequest, name: str, lines: list[Any]) -> Page[Any]:
    return Paginator(lines, PEOPLE_PER_PAGE).get_page(request.GET.get(name))


def _reasons(held_back: list[HeldBack]) -> list[Reason]:
    """The commonest first."""
    counts: dict[str, tuple[Any, int]] = {}
    for line in held_back:
        text = line.message.what
        counts[text] = (text, counts.get(text, (text, 0))[1] + 1)
    return [Reason(*each) for each in sorted(counts.values(), key=lambda each: -each[1])]


def _unknown_among(found: Preview) -> int:
    """How many of those who would be sent may be in Ladok already."""
    unknown = ExportItem.objects.filter(participant__flow=found.flow, state=ExportItem.State.UNKNOWN)
    keys = set(unknown.values_list("participant_id", flat=True))
    return sum(line.participant.pk in keys for line in found.to_send)


def _bodies(found: Preview) -> dict[str, Any]:
    try:
        bodies = [(code, body[:SHOWN_BODY], len(body) > SHOWN_BODY) for code, body in found.bodies()]
    except Refused as refused:
        return {"body_refusal": refused.message, "bodies": []}
    return {"bodies": bodies}


@login_required
@require_POST
def collect(request: HttpRequest, pk: int) -> HttpResponse:
    """Read the grades from WISEflow now."""
    flow = flow_for(request, pk)
    try:
        count = collect_grades(flow)
    except (RemoteError, Refused) as error:
        messages.error(request, str(error.message))
    else:
        text = ngettext(
            "The grades have been read from WISEflow: %(count)s person has one.",
            "The grades have been read from WISEflow: %(count)s people have one.",
            count,
        )
        messages.success(request, text % {"count": count})
    return redirect(back(request, reverse("exports:preview", args=[flow.pk])))


# --- Export and retry -----------------------------------------------------------------------------------------------


@login_required
@require_POST
def send(request: HttpRequest, pk: int) -> HttpResponse:
    """From the preview of one flow: whoever presses the button has seen who is sent, and what is not known."""
    flow = flow_for(request, pk)
    asking = asking_of(request.POST.get("asking"))
    try:
        attempts = _start(request, flow, asking, keys_of(request.POST.getlist("person")) or None)
    except Refused as refused:
        messages.error(request, str(refused.message))
        return redirect(f"{reverse('exports:preview', args=[flow.pk])}?{urlencode({'asking': asking.value})}")
    if len(attempts) == 1:
        return redirect("exports:attempt", attempts[0].pk)
    return redirect(_watching(reverse("exports:dashboard"), attempts))


@login_required
@require_POST
def start(request: HttpRequest) -> HttpResponse:
    return _send_chosen(request, Asking.FIRST)


@login_required
@require_POST
def retry(request: HttpRequest) -> HttpResponse:
    return _send_chosen(request, Asking.RETRY)


def _send_chosen(request: HttpRequest, asking: Asking) -> HttpResponse:
    """For the flows that were ticked: each by itself, so that one that is refused does not stop the others."""
    flows = chosen_flows(request)
    after = back(request, reverse("exports:dashboard"))
    if not flows:
        messages.warning(request, _("Choose at least one flow first."))
        return redirect(after)
    if asking is Asking.RETRY:
        uncertain = _uncertain(flows)
        if len(flows) == 1 and uncertain:
            # Sending again what may be there already is decided with that in sight.
            return redirect(f"{reverse('exports:preview', args=[flows[0].pk])}?asking=retry")
        flows = [flow for flow in flows if flow not in uncertain]
        _tell_uncertain(request, uncertain)
    started: list[ExportAttempt] = []
    for flow in flows:
        try:
            started += _start(request, flow, asking, None)
        except Refused as refused:
            text = _("%(flow)s: %(why)s") % {"flow": flow.title, "why": refused.message}
            messages.error(request, text)
    return redirect(_watching(after, started))


def _start(request: HttpRequest, flow: Flow, asking: Asking, only: list[int] | None) -> list[ExportAttempt]:
    who: Any = request.user
    if asking is Asking.RETRY:
        return retry_export(flow=flow, requested_by=who, address=address_of(request), only=only)
    return start_export(
        flow=flow, requested_by=who, address=address_of(request), only=only, overwrite=asking is Asking.OVERWRITE
    )


def _uncertain(flows: list[Flow]) -> list[Flow]:
    unknown = ExportItem.objects.filter(participant__flow__in=flows, state=ExportItem.State.UNKNOWN)
    keys = set(unknown.values_list("participant__flow_id", flat=True).distinct())
    return [flow for flow in flows if flow.pk in keys]


def _tell_uncertain(request: HttpRequest, uncertain: list[Flow]) -> None:
    if uncertain:
        text = _(
            "Not retried, because grades of theirs may be in Ladok already: %(flows)s. "
            "Check with Ladok first, or open the preview of each flow and send from there."
        )
        messages.warning(request, text % {"flows": ", ".join(flow.title for flow in uncertain)})


def _watching(address: str, attempts: list[ExportAttempt]) -> str:
    """The address with the attempts that have just been started: they stay in sight until the page is left."""
    if not attempts:
        return address
    joint = "&" if "?" in address else "?"
    return f"{address}{joint}{urlencode([('watch', attempt.pk) for attempt in attempts])}"
