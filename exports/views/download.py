"""Tables to take along: CSV and XLSX, without national ids."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from exports.models import ExportItem
from exports.pages.filters import DashboardFilter
from exports.pages.forms import ItemFilter
from exports.pages.lists import errors_of, memberships_by_source, with_newer, worst_first
from exports.views.asking import attempt_for
from ladokflow.requests import HtmxRequest
from ladokflow.spreadsheets import writer_of
from sources.access import MOST, Kind, flow_seen, flows_seen
from sources.models import Flow


@login_required
@require_GET
def errors(request: HtmxRequest, kind: str) -> HttpResponse:
    """Everybody whose grade failed or has an unknown outcome, in the flows that the dashboard's filter finds."""
    write = writer_of(kind)
    sources = [membership.source for membership in memberships_by_source(request.user).values()]
    form = DashboardFilter(request.GET, sources=sources, user=request.user)
    flows = form.narrow(Flow.objects.visible_to(request.user))
    headings = (_("Source"), _("Flow"), *_person_headings())
    flows_seen(request, flows.export_failed().select_related(None).only("source")[:MOST], Kind.FILE)
    rows = ((item.attempt.flow.source.name, item.attempt.flow.title, *_person(item)) for item in errors_of(flows))
    return write(f"ladokflow-errors-{timezone.localdate():%Y%m%d}", headings, rows)


@login_required
@require_GET
def people(request: HtmxRequest, pk: UUID, kind: str) -> HttpResponse:
    """Everybody in one attempt, or those that the page's filter finds."""
    write = writer_of(kind)
    attempt = attempt_for(request, pk)
    flow_seen(request, attempt.flow, Kind.FILE)
    items = worst_first(ItemFilter(request.GET).apply(with_newer(attempt.items.all())))
    return write(
        f"ladokflow-export-{attempt.pk}", _person_headings(), (_person(item) for item in _with_code(items, attempt))
    )


def _with_code(items: Iterable[ExportItem], attempt: Any) -> Iterable[ExportItem]:
    for item in items:
        item.attempt = attempt
        yield item


def _person_headings() -> Sequence[str]:
    return (
        _("Ladok code"),
        _("Last name"),
        _("First name"),
        _("Organisation id"),
        _("Unique exam id"),
        _("Grade"),
        _("Points"),
        _("State"),
        _("What has happened"),
        _("What to do"),
        _("Attempt"),
    )


def _person(item: ExportItem) -> Sequence[str]:
    reason = item.reason
    return (
        item.attempt.code.code,
        item.participant.last_name,
        item.participant.first_name,
        item.organisation_id,
        item.unique_exam_id,
        item.grade,
        "" if item.points is None else str(item.points),
        str(item.outcome.label),
        reason.what if reason else "",
        reason.todo if reason else "",
        str(item.attempt_id),
    )
