"""One exam, one place: what other flows have sent under the codes of a flow, person by person.

A grade is known by university, code and person. A code may be taken off a flow and put on another one, and the person may have
another account in WISEflow by then: Ladok knows the two by the same identifiers, in their normal form.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Exists, Q, QuerySet

from exports.models import ExportItem
from exports.rules.items import Item
from exports.rules.values import Elsewhere
from ladokflow.ladok.base import GradeLine
from sources.models import Flow, FlowSource

Name = tuple[str, str, str]  # normal code, Ladok's field, normal value

# Of several, the one that says most against sending again.
WORST_LAST = (ExportItem.State.EXPORTED, ExportItem.State.UNKNOWN, ExportItem.State.LIVE)


@dataclass(frozen=True)
class Others:
    """What there is of other flows, by what Ladok knows the people by."""

    flow: Flow
    by_name: Mapping[Name, Elsewhere]

    def find(self, code: FlowSource | None, line: GradeLine) -> Elsewhere | None:
        if code is None or not self.by_name:
            return None
        found = [each for name in names_of(self.flow, code.normal_code, line) if (each := self.by_name.get(name))]
        return max(found, key=rank, default=None)


def names_of(flow: Flow, normal_code: str, line: GradeLine) -> set[Name]:
    """What Ladok knows the person by under the code."""
    return {(normal_code, key, value) for key, value in flow.source.rules.known_by(line)}


def others_of(flow: Flow, codes: Iterable[FlowSource]) -> Others:
    """One query, by the codes: where none of them has been on another flow nothing more is read."""
    by_name: dict[Name, Elsewhere] = {}
    columns = flow.source.rules.identifier_columns
    for row in _items(flow, [code.normal_code for code in codes]).values(*columns, *COLUMNS):
        there = _elsewhere(flow, row)
        line = GradeLine(row["grade"], row["is_alternative"], row["points"])
        line = replace(line, **{name: row[name] for name in columns})
        for name in names_of(flow, row["attempt__code__normal_code"], line):
            by_name[name] = max(by_name.get(name, there), there, key=rank)
    return Others(flow, by_name)


COLUMNS = (
    "state", "grade", "is_alternative", "points", "attempt__code__normal_code", "attempt__flow_id", "attempt__flow__title",
    "attempt__sending_at", "attempt__created_at",
)  # fmt: skip


def _items(flow: Flow, normal_codes: list[str]) -> QuerySet[ExportItem]:
    """Those of other flows that are under way, in Ladok, or may be."""
    newer = ExportItem.objects.newer()
    may_be = Q(state=ExportItem.State.FAILED) & (Q(may_be_in_ladok=True) | Q(replaces_exported=True)) & ~Exists(newer)
    codes = FlowSource.objects.filter(source_id=flow.source_id, normal_code__in=normal_codes).exclude(flow=flow)
    return ExportItem.objects.filter(Q(state__in=ExportItem.HOLDING) | may_be, attempt__code__in=codes).order_by("pk")


def _elsewhere(flow: Flow, row: Mapping[str, Any]) -> Elsewhere:
    at: dt.datetime = row["attempt__sending_at"] or row["attempt__created_at"]
    is_failed = row["state"] == ExportItem.State.FAILED
    return Elsewhere(
        state=str(ExportItem.State.UNKNOWN if is_failed else row["state"]),
        flow=row["attempt__flow_id"],
        title=row["attempt__flow__title"],
        at=at.astimezone(flow.source.tz),
        grade=row["grade"],
        points=row["points"],
    )


def sent_here(flow: Flow, item: Item, person: str) -> Elsewhere:
    """What the flow itself has sent for an account of the person's that is no longer on it."""
    is_failed = item.state == ExportItem.State.FAILED
    return Elsewhere(
        state=str(ExportItem.State.UNKNOWN if is_failed else item.state),
        flow=flow.pk,
        title=flow.title,
        at=(item.at or flow.created_at).astimezone(flow.source.tz),
        grade=item.grade,
        points=item.points,
        person=person,
    )


def rank(there: Elsewhere) -> tuple[int, dt.datetime]:
    return WORST_LAST.index(ExportItem.State(there.state)), there.at
