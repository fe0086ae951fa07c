"""What is put into SQL once says the same as what is put into it each time."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import FieldError
from django.db.models import BooleanField, F, OuterRef, Q, Subquery

from exports.attempts.seen import STANDING
from exports.pages.findings import FINDINGS
from ladokflow.pages.home import of_source
from ladokflow.sql import Column, is_so, values_in_sql
from sources.flows.asking import KINDS
from sources.models import Flow, Membership, Source
from tests.cases import Cases
from tests.pages.everything import flows_in_every_state

OF_FLOW = STANDING | FINDINGS | {kind.column: kind.in_sql for kind in KINDS.values()}


@pytest.fixture
def flows(liu: Source) -> list[Flow]:
    return flows_in_every_state(liu)


def test_a_column_of_a_flow_is_what_it_is_made_of(flows: list[Flow], cases: Cases) -> None:
    def ask(column: Column) -> None:
        rows = Flow.objects.annotate(kept=column, anew=column.expression).values_list("pk", "kept", "anew")
        for _time in range(2):
            kept, anew = ([(row[place], type(row[place])) for row in rows.all()] for place in (1, 2))
            assert kept == anew
        assert len(rows) == len(flows)

    cases.try_each(OF_FLOW, ask)


def test_it_is_not_for_a_query_in_another(flows: list[Flow], cases: Cases) -> None:
    """There it would be of the row outside, and nothing would tell."""

    def ask(column: Column) -> None:
        inside = Flow.objects.annotate(it=column).filter(pk=OuterRef("pk")).values("it")
        with pytest.raises(ValueError, match="outermost"):
            list(Flow.objects.annotate(it=Subquery(inside)))

    cases.try_each(OF_FLOW, ask)


def test_a_column_of_a_membership_is_what_it_is_made_of(flows: list[Flow], cases: Cases) -> None:
    def ask(column: Column) -> None:
        rows = Membership.objects.annotate(kept=column, anew=column.expression)
        assert [row.kept for row in rows] == [row.anew for row in rows]

    cases.try_each(of_source(), ask)


def test_it_is_filtered_and_sorted_by_as_any_other(flows: list[Flow]) -> None:
    rows: Any = Flow.objects.annotate(it=is_so(Q(export_state="failed")))
    assert set(rows.filter(it=True)) == set(Flow.objects.export_failed())
    assert [row.it for row in rows.order_by("it", "pk")] == sorted(row.it for row in rows)


def test_a_column_joins_no_other_table(flows: list[Flow]) -> None:
    """Its table would be missing in the query that is asked next."""
    with pytest.raises(FieldError):
        list(Flow.objects.annotate(it=Column(F("source__name"), BooleanField())))


def test_keys_are_found_by_what_was_put_into_sql(flows: list[Flow]) -> None:
    kept = Q(pk__in=values_in_sql(Flow.objects.export_failed().order_by().values("pk")))
    for _time in range(2):
        assert set(Flow.objects.filter(kept)) == set(Flow.objects.export_failed())
        assert set(Flow.objects.exclude(kept)) == set(Flow.objects.exclude(export_state="failed"))
