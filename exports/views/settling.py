"""Unknown outcomes: asking Ladok, and a manager's word."""

from __future__ import annotations

from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from exports.attempts.settle import check_with_ladok, mark_as_exported
from exports.models import ExportAttempt, ExportItem
from exports.pages.forms import MarkForm
from exports.pages.lists import with_newer
from exports.views.asking import attempt_for, back, flow_for, keys_of
from exports.views.attempt import UNSETTLED
from ladokflow.addresses import address_of
from ladokflow.http import RemoteError
from ladokflow.messages import Refused


@login_required
@require_POST
def check(request: HttpRequest, pk: int) -> HttpResponse:
    """*Check with Ladok*."""
    flow = flow_for(request, pk)
    try:
        found = check_with_ladok(flow=flow, by=request.user, address=address_of(request))  # type: ignore[arg-type]
    except (RemoteError, Refused) as error:
        messages.error(request, str(error.message))
    else:
        text = _(
            "Ladok was asked. Registered there: %(exported)s. Not registered: %(failed)s. Still unknown: %(unknown)s."
        )
        level = messages.WARNING if found.unknown or found.failed else messages.SUCCESS
        figures = {"exported": found.exported, "failed": found.failed, "unknown": found.unknown}
        messages.add_message(request, level, text % figures)
    return redirect(back(request, reverse("exports:dashboard")))


@login_required
@require_POST
def choose(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The people ticked on the attempt's page go on to the preview of the retry, or to *Mark as exported*."""
    attempt = attempt_for(request, pk)
    items = _chosen(attempt, request.POST.getlist("item"))
    if not items:
        messages.warning(request, _("Choose at least one person first."))
        return redirect(back(request, reverse("exports:attempt", args=[attempt.pk])))
    if "mark" in request.POST:
        query = urlencode([("item", item.pk) for item in items])
        return redirect(f"{reverse('exports:mark', args=[attempt.pk])}?{query}")
    query = urlencode([("asking", "retry"), *(("person", item.participant_id) for item in items)])
    return redirect(f"{reverse('exports:preview', args=[attempt.flow_id])}?{query}")


@login_required
@require_http_methods(["GET", "POST"])
def mark(request: HttpRequest, pk: UUID) -> HttpResponse:
    """*Mark as exported*: a manager has seen the grades in Ladok, and says how."""
    attempt = attempt_for(request, pk)
    given = request.POST if request.method == "POST" else request.GET
    items = _chosen(attempt, given.getlist("item"))
    if not items:
        messages.warning(request, _("Choose at least one person first."))
        return redirect("exports:attempt", attempt.pk)
    form = MarkForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        _mark(request, items, form.cleaned_data["reason"])
        return redirect("exports:attempt", attempt.pk)
    context = {"attempt": attempt, "flow": attempt.flow, "items": items, "form": form}
    return render(request, "exports/mark.html", context)


def _mark(request: HttpRequest, items: list[ExportItem], reason: str) -> None:
    done = 0
    for item in items:
        try:
            mark_as_exported(item=item, by=request.user, reason=reason, address=address_of(request))  # type: ignore[arg-type]
            done += 1
        except Refused as refused:
            text = _("%(person)s: %(why)s") % {"person": item.participant, "why": refused.message}
            messages.error(request, text)
    if done:
        text = ngettext("%(count)s grade is marked as exported.", "%(count)s grades are marked as exported.", done)
        messages.success(request, text % {"count": done})


def _chosen(attempt: ExportAttempt, values: list[str]) -> list[ExportItem]:
    """The attempt's own items among these keys that are still open to be settled. 404 for a key of another attempt."""
    keys = keys_of(values)
    own = with_newer(attempt.items.filter(pk__in=keys))
    if len(own) != len(keys):
        raise Http404
    return [item for item in own if item.state in UNSETTLED and not item.has_newer]
