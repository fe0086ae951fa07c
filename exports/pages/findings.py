"""What came out about grades when everybody had gone on, flow by flow: the same words on the flow, the dashboard, Home and in
e-mails."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, OuterRef, Q
from django.utils.translation import ngettext

from exports.models import Finding
from ladokflow.sql import how_many
from sources.models import Flow
from sources.models.flow import FlowQuerySet

Kind = Finding.Kind


@dataclass(frozen=True)
class Found:
    """How many findings of each kind a flow has that nobody has dealt with."""

    flow: Flow
    twice: int
    late: int

    @property
    def worst(self) -> Kind:
        return Kind.TWICE if self.twice else Kind.LATE

    @property
    def sentences(self) -> list[str]:
        told = []
        if self.twice:
            text = ngettext("%(count)s grade is in Ladok twice.", "%(count)s grades are in Ladok twice.", self.twice)
            told.append(text % {"count": self.twice})
        if self.late:
            text = ngettext(
                "What became of %(count)s grade came out late.",
                "What became of %(count)s grades came out late.",
                self.late,
            )
            told.append(text % {"count": self.late})
        return told


def found_in(flows: FlowQuerySet) -> list[Found]:
    """Of these flows, those with findings to deal with; what is there twice stands first. Two or three queries."""
    rows = list(
        Finding.objects.open()
        .filter(flow__in=flows.order_by().values("pk"))
        .order_by()
        .values("flow")
        .annotate(twice=Count("pk", filter=Q(kind=Kind.TWICE)), late=Count("pk", filter=Q(kind=Kind.LATE)))
        .values_list("flow", "twice", "late")
    )
    by_pk = flows.order_by().with_source_and_codes().in_bulk([pk for pk, _, _ in rows]) if rows else {}
    found = [Found(by_pk[pk], twice, late) for pk, twice, late in rows]
    return sorted(found, key=lambda each: (not each.twice, each.flow.pk))


def with_findings(flows: FlowQuerySet) -> FlowQuerySet:
    """The flows with how many they have of each kind, as `found_on` reads them."""
    return flows.annotate(**FINDINGS)


_open_ones = Finding.objects.open().filter(flow=OuterRef("pk"))
FINDINGS = {f"{kind}_count": how_many(_open_ones.filter(kind=kind), of="flow") for kind in Kind.values}


def found_on(flow: Any) -> Found | None:
    """Of a flow of `with_findings`."""
    return Found(flow, flow.twice_count, flow.late_count) if flow.twice_count or flow.late_count else None


def found_of(flow: Flow) -> Found | None:
    kinds = list(Finding.objects.open().filter(flow=flow).order_by().values_list("kind", flat=True))
    return Found(flow, kinds.count(Kind.TWICE), kinds.count(Kind.LATE)) if kinds else None


def by_flow(found: Iterable[Found]) -> dict[Any, Found]:
    return {each.flow.pk: each for each in found}
