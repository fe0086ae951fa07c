"""The table of flows: the same on the list of flows and on the dashboard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import JsonResponse

from exports.pages.filters import FlowFilter
from exports.pages.findings import Found
from exports.pages.lists import Row, at_their_sources, failed_people, rows_of, with_exports
from exports.rules import rules
from exports.rules.facts import sender_at, source_facts
from ladokflow.paging import KeyedPage
from sources.models import Flow, Membership
from sources.models.flow import FlowQuerySet
from sources.universities.permissions import Right, rights_of

MAX_CHOSEN = 100  # flows at a time
FAILED_SHOWN = 3  # people of a flow


def table_of(
    form: FlowFilter,
    page: KeyedPage,
    visible: FlowQuerySet,
    memberships: dict[int, Membership],
    found: Mapping[int, Found],
) -> dict[str, Any]:
    """What a list shows of the flows on the page: `templates/exports/_table.html`, `templates/exports/_filters.html`, `templates/exports/_chips.html`."""
    at_their_sources(page, memberships)
    rows = rows_of(page, memberships, dict(found), failed_people(page, FAILED_SHOWN))
    sources = [membership.source for membership in memberships.values()]
    can_change = any(Right.CHANGE in rights_of(membership) for membership in memberships.values())
    return {
        "form": form,
        "chips": form.chips(visible),
        "page": page,
        "rows": rows,
        "columns": [column.name for column in form.columns_shown],
        "sources": sources,
        "choose_all": min(page.paginator.count, MAX_CHOSEN) if page.has_other_pages() else 0,
        "choose_all_query": form.all_query,
        "can_choose": any(row.can_be_chosen for row in rows),
        "can_send": any(may_send(membership) for membership in memberships.values()),
        "can_check": can_change and any(source.can_read_back for source in sources),
        "can_change": can_change,
        "refusal": next((row.why_not for row in rows if row.why_not), None),
    }


def keys_of_list(form: FlowFilter, visible: FlowQuerySet, memberships: dict[int, Membership]) -> JsonResponse:
    """What *Choose all* chooses: of the first flows that the list finds, on all of its pages, those that can be chosen."""
    keys = list(form.apply(visible).values_list("pk", flat=True)[:MAX_CHOSEN])
    flows = list(with_exports(Flow.objects.filter(pk__in=keys)))
    at_their_sources(flows, memberships)
    rows = rows_of(flows, memberships, {})
    return JsonResponse({"flows": [row.flow.pk for row in rows if row.can_be_chosen]})


def shown_with_people(rows: list[Row]) -> list[Flow]:
    """The flows of which a list has students: those whose grade is not in Ladok, and those of whom it asks."""
    return [row.flow for row in rows if row.failed or row.questions]


def may_send(membership: Membership) -> bool:
    return rules.has_export_right(source_facts(membership.source), sender_at(membership)) is None
