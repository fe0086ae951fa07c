"""The columns of the table of flows: what each is sorted by, and which are shown unless others are chosen."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import F
from django.utils.translation import gettext_lazy as _

from exports.pages.standing import ranked
from ladokflow.messages import Text
from sources.models.flow import FlowQuerySet


@dataclass(frozen=True)
class Column:
    """`field`: what it is sorted by; `may_be_empty`: then those without any stand last, whichever way."""

    name: str
    label: Text
    field: str
    may_be_empty: bool = False
    is_usual: bool = True

    def order(self, *, is_descending: bool) -> tuple[Any, ...]:
        if self.may_be_empty:
            column = F(self.field)
            by: Any = column.desc(nulls_last=True) if is_descending else column.asc(nulls_last=True)
        else:
            by = f"{'-' if is_descending else ''}{self.field}"
        return by, "-pk" if is_descending else "pk"


COLUMNS = {
    column.name: column
    for column in (
        Column("exam", _("Exam date"), "participation_start_at", may_be_empty=True),
        Column("title", _("Flow"), "title"),
        Column("phase", _("Phase"), "state", may_be_empty=True),
        Column("marking", _("Marking ends"), "marking_end_at", may_be_empty=True, is_usual=False),
        Column("graded", _("Graded"), "graded_count"),
        Column("exported", _("Exported"), "exported_count", is_usual=False),
        Column("state", _("State"), "standing_rank"),
        Column("made", _("Created"), "created_at", is_usual=False),
    )
}
FIXED = {"title", "state"}  # what a row is of, and where it is opened
CHOOSABLE = [(column.name, column.label) for column in COLUMNS.values() if column.name not in FIXED]
USUAL = tuple(column.name for column in COLUMNS.values() if column.is_usual)
SORTS = [f"{sign}{name}" for name in COLUMNS for sign in ("", "-")]


@dataclass(frozen=True)
class Head:
    """A column as it stands over its cells. `sort`: what its link asks for."""

    column: Column
    direction: str  # as aria-sort says it
    sort: str


def shown(chosen: Collection[str]) -> list[Column]:
    """In the order of `COLUMNS`, whatever the order of the choice."""
    names = {*chosen, *FIXED} if chosen else USUAL
    return [column for column in COLUMNS.values() if column.name in names]


def heads(columns: Sequence[Column], sort: str) -> list[Head]:
    by, is_descending = sort.removeprefix("-"), sort.startswith("-")
    return [
        Head(
            column,
            "" if column.name != by else "descending" if is_descending else "ascending",
            f"-{column.name}" if column.name == by and not is_descending else column.name,
        )
        for column in columns
    ]


def sorted_by(flows: FlowQuerySet, sort: str) -> FlowQuerySet:
    """`sort` is one of SORTS."""
    column = COLUMNS[sort.removeprefix("-")]
    flows = ranked(flows) if column.field == "standing_rank" else flows
    return flows.order_by(*column.order(is_descending=sort.startswith("-")))
