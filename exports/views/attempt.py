"""The page of one attempt: every person, what Ladok answered, and what can be done."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from exports.models import ExportAttempt, ExportItem
from exports.pages.forms import ItemFilter
from exports.pages.lists import outcome_counts, with_newer, worst_first
from exports.rules import rules
from exports.rules.facts import sender_of
from exports.rules.rules import FlowFacts
from exports.views.asking import attempt_for
from ladokflow.messages import Message
from ladokflow.parts import part_of
from ladokflow.privacy import masked_text
from sources.models import AuditEntry

PEOPLE_PER_PAGE = 50
SHOWN_ANSWER = 20_000  # characters

# How far an attempt has come, for the bar. What it is waiting for stands beside it in words.
STEPS = {ExportAttempt.State.QUEUED: 1, ExportAttempt.State.CLAIMED: 2, ExportAttempt.State.SENDING: 3}
UNSETTLED = (ExportItem.State.FAILED, ExportItem.State.UNKNOWN)


@login_required
@never_cache
@require_GET
@vary_on_headers("HX-Target")
def attempt(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = attempt_for(request, pk)
    is_open = found.state in ExportAttempt.OPEN
    context: dict[str, Any] = {
        "attempt": found,
        "flow": found.flow,
        "tz": found.flow.source.tz,
        "is_open": is_open,
        "step": STEPS.get(found.state, 4),  # type: ignore[call-overload]
    }
    if request.htmx.target == "progress" and is_open:  # type: ignore[attr-defined]
        return render(request, "exports/attempt.html#progress", context)
    form = ItemFilter(request.GET)
    items = worst_first(form.apply(with_newer(found.items.all())))
    page = Paginator(items, PEOPLE_PER_PAGE).get_page(request.GET.get("page"))
    counts = outcome_counts(found)
    unsettled = with_newer(found.items.filter(state__in=UNSETTLED)).filter(has_newer=False)
    context |= {
        "form": form,
        "page": page,
        "counts": counts,
        "unsettled": unsettled.count(),
        "unknown": counts.get(ExportItem.State.UNKNOWN, 0),
        "refusal": _refusal(request, found),
        "audit": AuditEntry.objects.filter(attempt_id=found.pk).select_related("actor").order_by("at", "pk"),
        "answer": masked_text(found.answer[:SHOWN_ANSWER]),
        "answer_is_cut": len(found.answer) > SHOWN_ANSWER,
    }
    return part_of(request, render(request, "exports/attempt.html", context), "#attempt")


def _refusal(request: HttpRequest, found: ExportAttempt) -> Message | None:
    """Why the viewer may not send it again: Borås lets only some managers."""
    facts = FlowFacts(needs_export_right=found.flow.source.rules.needs_export_right)
    return rules.has_export_right(facts, sender_of(found.flow, request.user))  # type: ignore[arg-type]
