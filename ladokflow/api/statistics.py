"""Statistics: the figures that the pages show, of what is chosen, with small groups where the token's member may see them."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from ninja import Query, Router, Schema
from pydantic import Field

from exports.statistics.figures import (
    KINDS,
    Cells,
    Rates,
    Row,
    Selection,
    grouped,
    keys_of,
    selection_of,
    statistics_of,
)
from exports.statistics.figures import Statistics as Found
from ladokflow.api import rows
from ladokflow.api.callers import Bearer, Call
from ladokflow.api.lists import Paging
from ladokflow.api.problems import Problem
from ladokflow.api.schemas import Key, Out, Page, Words
from ladokflow.messages import message
from sources.models import Scope

router = Router(by_alias=True)
Apart = Literal["term", "course", "department", "flow"]
Table = Literal["result", "grade", "marked", "to_grade", "reported", "to_ladok", "rejection", "work"]
Named = Annotated[str | None, Field(default=None, min_length=1, max_length=200)]


class Chosen(Schema):
    term: Annotated[
        str | None,
        Field(
            default=None, pattern=r"^\d{4}-[12]$", description="`2026-1`: January to June; `2026-2`: July to December."
        ),
    ]
    course: Annotated[
        str | None, Field(default=None, min_length=1, max_length=200, description="A course code, in any case.")
    ]
    department: Named


class ChosenApart(Paging, Chosen):
    """Which flows, and from which row on."""


class StatisticsCell(Out):
    """How many have this `name`: a grade, days, or Ladok's words. `side` is what names are gathered in, as passed and failed."""

    side: str
    name: Words
    count: int


class StatisticsTable(Out):
    """docs/statistics.md says what each is. `hidden`: of how many the cell is not told; `isLeftOut`: of some flows nothing is told at
    all, not even in `hidden`. Of `work`, counts are milliseconds."""

    table: Table
    cells: list[StatisticsCell]
    hidden: int
    is_left_out: bool


class RatesOut(Out):
    """Rates are from 0 to 1; null where there is nobody, and where a part of those whom they would be of is hidden."""

    graded: int
    pass_rate: float | None
    late_rate: float | None
    is_partly_hidden: bool = Field(description="Whether the member may not see all of it: groups of fewer than five.")


class Statistics(RatesOut):
    flows: int
    computed_at: dt.datetime | None = Field(description="When the oldest of the figures was worked out.")
    tables: list[StatisticsTable]


class StatisticsRow(RatesOut):
    key: str = Field(description="What it is chosen by: a term, a course code, a department, or our key of a flow.")


@router.get("/statistics", response=Statistics, auth=Bearer(Scope.STATISTICS_READ), tags=["Statistics"])
def get_statistics(request: Call, chosen: Query[Chosen]) -> dict[str, Any]:
    """Of all flows, or of those of a term, a course or a department."""
    return _told(statistics_of(_selection(request, chosen), KINDS))


@router.get(
    "/statistics/{apart}", response=Page[StatisticsRow], auth=Bearer(Scope.STATISTICS_READ), tags=["Statistics"]
)
def list_statistics(request: Call, apart: Apart, chosen: Query[ChosenApart]) -> dict[str, Any]:
    """A row of each term, course, department or flow: the newest term or exam first, and else by name."""
    selection = _selection(request, chosen)
    keys = [str(key) for key in keys_of(selection, apart)]
    if chosen.after is not None:
        if chosen.after not in keys:
            raise Problem(422, message("api.unknown_after"))
        keys = keys[keys.index(chosen.after) + 1 :]
    page = keys[: chosen.limit]
    found = grouped(selection, apart, [int(key) for key in page] if apart == "flow" else page)
    return {"items": [_row(row) for row in found], "next": page[-1] if len(keys) > len(page) else None}


@router.get("/flows/{flow}/statistics", response=Statistics, auth=Bearer(Scope.STATISTICS_READ), tags=["Statistics"])
def get_flow_statistics(request: Call, flow: Key) -> dict[str, Any]:
    """Of one flow."""
    found = rows.flow_of(request.auth, flow)
    return _told(statistics_of(selection_of([request.auth.membership], flow=found.pk), KINDS))


def _selection(request: Call, chosen: Chosen) -> Selection:
    names = ("term", "course", "department")
    return selection_of([request.auth.membership], **{name: getattr(chosen, name) or "" for name in names})


def _told(found: Found) -> dict[str, Any]:
    tables = [_table(kind.value, found.table(kind)) for kind in KINDS]
    return {**_rates(found), "flows": found.flows, "computedAt": found.computed_at, "tables": tables}


def _row(row: Row) -> dict[str, Any]:
    return {"key": row.key, **_rates(row)}


def _rates(found: Rates) -> dict[str, Any]:
    return {
        "graded": found.graded,
        "passRate": found.pass_rate,
        "lateRate": found.late_rate,
        "isPartlyHidden": found.is_partly_hidden,
    }


def _table(kind: str, cells: Cells) -> dict[str, Any]:
    counted = [
        {"side": side, "name": name, "count": count}
        for side, names in sorted(cells.counts.items())
        for name, count in sorted(names.items())
    ]
    return {"table": kind, "cells": counted, "hidden": cells.hidden, "isLeftOut": cells.is_left_out}
