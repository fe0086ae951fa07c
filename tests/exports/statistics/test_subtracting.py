"""Small groups: the tables of a flow, and of several flows together, give none away by being subtracted from each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from exports.models import Figure
from exports.statistics.suppression import LEAST, Table, Told, decide

TOLD, HIDDEN, LEFT_OUT = Figure.Shown.TOLD, Figure.Shown.HIDDEN, Figure.Shown.LEFT_OUT
DEADLINE = 12
DAYS = ("to_grade", "to_ladok")
# Of some people together: how many, the grade, the day it was given, after how many more days it was in Ladok (None: not), if rejected
Group = tuple[int, str, int, "int | None", bool]
Cell = tuple[str, str, str]


def groups(most: int = 12) -> st.SearchStrategy[list[Group]]:
    later = st.one_of(st.none(), st.integers(0, 2))
    group = st.tuples(st.integers(1, most), st.sampled_from("UG45"), st.integers(10, 14), later, st.booleans())
    return st.lists(group, min_size=1, max_size=7)


def tables_of(people: Sequence[Group]) -> dict[str, Table]:
    tables: dict[str, dict[str, dict[str, int]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(int)))

    def against(day: int) -> str:
        return "late" if day > DEADLINE else "in_time"

    for count, grade, day, later, is_rejected in people:
        tables["grade"]["failed" if grade == "U" else "passed"][grade] += count
        tables["to_grade"][against(day)][str(day)] += count
        if later is not None:
            tables["to_ladok"][against(day + later)][str(day + later)] += count
        if is_rejected:
            tables["rejection"]["answer.rejected"]["said"] += count
    return {name: tables[name] for name in ("grade", *DAYS, "rejection") if name in tables}


def decided(people: Sequence[Group]) -> tuple[dict[str, Table], dict[str, Told]]:
    tables = tables_of(people)
    return tables, decide(tables, days=DAYS)


def is_told(told: Told) -> bool:
    return LEFT_OUT not in told.sides.values()


class Published:
    """All that is told of a flow, as sums of cells: what follows from them is what is in their span."""

    def __init__(self, tables: Mapping[str, Table], told: Mapping[str, Told]) -> None:
        self.counts: dict[Cell, int] = {
            (name, side, cell): count
            for name, table in tables.items()
            for side, cells in table.items()
            for cell, count in cells.items()
        }
        self.cells = list(self.counts)
        rows = []
        for name in tables:
            if is_told(told[name]):
                rows.append(self.sum_of(lambda cell, name=name: cell[0] == name))
                rows += [
                    self.sum_of(lambda cell, name=name, side=side: cell[:2] == (name, side))
                    for side, shown in told[name].sides.items()
                    if shown == TOLD
                ]
                rows += [
                    self.sum_of(lambda cell, name=name, own=own: cell == (name, *own))
                    for own, shown in told[name].cells.items()
                    if shown == TOLD
                ]
        self.rows = np.array(rows) if rows else np.zeros((1, len(self.cells)))

    def sum_of(self, belongs: Callable[..., bool]) -> np.ndarray:
        return np.array([1.0 if belongs(cell) else 0.0 for cell in self.cells])

    def follows(self, wanted: np.ndarray) -> bool:
        both = np.vstack([self.rows, wanted])
        return bool(np.linalg.matrix_rank(both) == np.linalg.matrix_rank(self.rows))

    def value(self, wanted: np.ndarray) -> int:
        return round(sum(each * self.counts[cell] for each, cell in zip(wanted, self.cells, strict=True)))


@settings(max_examples=300, deadline=None)
@given(groups())
def test_of_a_flow_no_table_less_another_is_a_small_group(people: list[Group]) -> None:
    """Neither as a whole, nor up to a day or after it: those who are graded and not in Ladok, or were not by then."""
    tables, told = decided(people)
    published = Published(tables, told)
    wholes = {name: published.sum_of(lambda cell, name=name: cell[0] == name) for name in tables}
    wanted = [wholes[one] - wholes[other] for one, other in combinations(tables, 2)]
    if "to_ladok" in tables:
        not_sent = wholes["to_grade"] - wholes["to_ladok"]
        for day in range(9, 18):
            by_day = [
                published.sum_of(lambda cell, name=name, day=day: cell[0] == name and int(cell[2]) <= day)
                for name in DAYS
            ]
            wanted += [by_day[0] - by_day[1], not_sent - by_day[0] + by_day[1]]
        if "rejection" in tables:
            wanted.append(not_sent - wholes["rejection"])
    for each in wanted:
        if published.follows(each):
            assert not 0 < abs(published.value(each)) < LEAST


@settings(max_examples=200, deadline=None)
@given(st.lists(groups(), min_size=1, max_size=6))
def test_of_several_flows_who_is_graded_and_not_in_ladok_is_no_small_group(flows: list[list[Group]]) -> None:
    sums: dict[str, int] = defaultdict(int)
    for people in flows:
        tables, told = decided(people)
        for name, table in tables.items():
            if is_told(told[name]):
                sums[name] += sum(sum(cells.values()) for cells in table.values())
    for later in DAYS:
        assert not 0 < abs(sums["grade"] - sums[later]) < LEAST


@settings(max_examples=200, deadline=None)
@given(groups())
def test_where_the_grades_are_left_out_so_is_everything_that_may_have_their_sum(people: list[Group]) -> None:
    _tables, told = decided(people)
    assert is_told(told["grade"]) or not any(is_told(each) for each in told.values())


@settings(max_examples=100, deadline=None)
@given(groups(most=40))
def test_what_went_to_ladok_at_once_is_shown_as_the_grades_are(people: list[Group]) -> None:
    whole = [(count + LEAST, grade, 11, 1, False) for count, grade, _day, _later, _rejected in people]
    _tables, told = decided(whole)
    assert all(is_told(each) for each in told.values())


def test_two_of_forty_who_are_not_in_ladok_are_not_told() -> None:
    most = [(19, "U", 10, 1, False), (19, "G", 10, 1, False)]
    _tables, told = decided([*most, (2, "G", 10, None, True)])
    assert [name for name, each in told.items() if is_told(each)] == ["grade", "to_grade"]
    _tables, told = decided([*most, (6, "G", 10, None, False)])
    assert [name for name, each in told.items() if is_told(each)] == ["grade", "to_grade", "to_ladok"]
