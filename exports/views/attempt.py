"""The page of one attempt: every person, what Ladok answered, and what can be done."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from exports.models import ExportAttempt, ExportItem
from exports.pages.answers import shown_answer
from exports.pages.findings import found_of
from exports.pages.forms import ItemFilter
from exports.pages.lists import outcome_counts, with_newer, worst_first
from exports.rules.right import right_refusal
from exports.views.asking import attempt_for
from ladokflow.messages import Message
from ladokflow.parts import part_of
from ladokflow.requests import HtmxRequest
from sources.audit import name_people, without_people
from sources.models import AuditEntry

PEOPLE_PER_PAGE = 50
SHOWN_ANSWER = 20_000  # characters

# How far an attempt has come, for the bar. What it is waiting for stands beside it in words.
STEPS: dict[str, int] = {
    ExportAttempt.State.QUEUED: 1,
    ExportAttempt.State.CLAIMED: 2,
    ExportAttempt.State.READING: 2,
    ExportAttempt.State.SENDING: 3,
}


@login_required
@require_GET
@vary_on_headers("HX-Target")
def attempt(request: HtmxRequest, pk: UUID) -> HttpResponse:
    shown = attempt_for(request, pk)
    is_open = shown.state in ExportAttempt.OPEN
    context: dict[str, Any] = {
        "attempt": shown,
        "flow": shown.flow,
        "tz": shown.flow.source.tz,
        "is_open": is_open,
        "step": STEPS.get(shown.state, 4),
    }
    if request.htmx.target == "progress" and is_open:
        return render(request, "exports/attempt.html#progress", context)
    form = ItemFilter(request.GET)
    items = worst_first(form.apply(with_newer(shown.items.all())))
    page = Paginator(items, PEOPLE_PER_PAGE).get_page(request.GET.get("page"))
    counts = outcome_counts(shown)
    answer = shown_answer(shown)
    left, there, unknown = shown.items.filter(state__in=ExportItem.UNSETTLED).newest().counted()
    context |= {
        "found": found_of(shown.flow),
        "form": form,
        "page": page,
        "counts": counts,
        "unsettled": left,
        "there": there,
        "unknown": unknown,
        "can_be_retried": left > there + unknown,
        "refusal": (refusal := _refusal(request, shown)),
        "may_settle": refusal is None,
        "audit": _audit(shown),
        "answer": answer[:SHOWN_ANSWER],
        "answer_is_cut": len(answer) > SHOWN_ANSWER,
        "answer_is_hidden": bool(shown.answer and not answer),
    }
    return part_of(request, render(request, "exports/attempt.html", context), "#attempt")


def _audit(attempt: ExportAttempt) -> list[AuditEntry]:
    """What was done; of whom, as long as the flow has its students."""
    entries = AuditEntry.objects.filter(attempt_id=attempt.pk).select_related("actor").order_by("at", "pk")
    named = name_people(entries)
    if attempt.flow.purged_at is not None:
        for entry in named:
            told = without_people(entry)
            entry.message = told.to_json() if told else {}
    return named


def _refusal(request: HtmxRequest, attempt: ExportAttempt) -> Message | None:
    """Why the viewer may neither send it again nor say what Ladok has."""
    return right_refusal(attempt.flow, request.user)
