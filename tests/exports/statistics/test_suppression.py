"""Small groups: what is hidden cannot be worked out of what is shown, by whoever knows which cells are hidden and what they add up to."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exports.models import Figure
from exports.statistics.suppression import LEAST, Cell, Table, Told, suppress

TOLD, HIDDEN, LEFT_OUT = Figure.Shown.TOLD, Figure.Shown.HIDDEN, Figure.Shown.LEFT_OUT
SIDES = ("failed", "passed", "")


def tables(most: int = 40) -> st.SearchStrategy[Table]:
    side = st.dictionaries(st.sampled_from("ABCDE"), st.integers(1, most), min_size=1, max_size=5)
    return st.dictionaries(st.sampled_from(SIDES), side, min_size=1, max_size=3)


def bounds(table: Table, told: Told) -> dict[Cell, tuple[int, int]]:
    """Within what each hidden cell may lie: each holds somebody, the sum of all is known, and of each side that is told its own."""
    cells = {(side, name): count for side, names in table.items() for name, count in names.items()}
    hidden = [cell for cell in cells if told.cells[cell] == HIDDEN]
    found = {}
    for side in [*[side for side in table if told.sides[side] == TOLD], None]:
        group = [cell for cell in hidden if (cell[0] == side if side is not None else told.sides[cell[0]] != TOLD)]
        whole = sum(cells[cell] for cell in group)
        for cell in group:
            low = whole if len(group) == 1 else 1
            found[cell] = low, whole - len(group) + 1
    return found


@settings(max_examples=300)
@given(tables())
def test_every_hidden_cell_may_be_one_as_well_as_five(table: Table) -> None:
    """Even to whoever knows which are hidden, and that there is somebody in each; unless a side of five or more is hidden as a whole."""
    told = suppress(table)
    for (side, _name), (low, high) in bounds(table, told).items():
        if told.sides[side] == TOLD and all(told.cells[side, name] == HIDDEN for name in table[side]):
            assert sum(table[side].values()) >= LEAST
        else:
            assert low == 1
            assert high >= LEAST


@settings(max_examples=300)
@given(tables())
def test_no_small_group_is_shown_nor_the_sum_of_one(table: Table) -> None:
    told = suppress(table)
    for side, names in table.items():
        assert told.sides[side] != TOLD or sum(names.values()) >= LEAST
        for name, count in names.items():
            assert told.cells[side, name] != TOLD or count >= LEAST
    kinds = {*told.sides.values(), *told.cells.values()}
    assert LEFT_OUT not in kinds or kinds == {LEFT_OUT}  # of a table that is left out nothing is told at all


@settings(max_examples=300)
@given(tables())
def test_a_side_that_is_hidden_cannot_be_worked_out_of_its_cells_or_of_the_other_sides(table: Table) -> None:
    told = suppress(table)
    hidden = [side for side in table if told.sides[side] == HIDDEN]
    assert len(hidden) != 1
    for side in hidden:
        assert any(told.cells[side, name] == HIDDEN for name in table[side])


@settings(max_examples=200)
@given(tables())
def test_what_is_large_everywhere_is_shown_everywhere(table: Table) -> None:
    large = {side: {name: count + LEAST for name, count in names.items()} for side, names in table.items()}
    told = suppress(large)
    assert {*told.sides.values(), *told.cells.values()} == {TOLD}


CELLS = (("failed", "F"), ("failed", "Fx"), ("passed", "D"), ("passed", "E"))


def published(table: Table) -> tuple[object, ...]:
    """All that somebody can read off: what is told, and how many are hidden in all."""
    told = suppress(table)
    if LEFT_OUT in told.sides.values():
        return ("left out",)
    sides = tuple(sorted((side, sum(names.values())) for side, names in table.items() if told.sides[side] == TOLD))
    cells = sorted((cell, table[cell[0]][cell[1]]) for cell, state in told.cells.items() if state == TOLD)
    return sides, tuple(cells), sum(sum(names.values()) for names in table.values())


def test_even_whoever_knows_how_it_is_hidden_cannot_tell_a_hidden_cell() -> None:
    """Of all tables of two sides with two grades each: each hidden cell has several values that look the same. Tables of up to twelve in
    a cell are gone through, and those of up to six judged: what looks like a larger one may have a cell of more than twelve."""
    seen: dict[object, dict[Cell, set[int]]] = {}
    judged: dict[object, set[Cell]] = {}
    for counts in product(range(13), repeat=len(CELLS)):
        table: dict[str, dict[str, int]] = {}
        for (side, name), count in zip(CELLS, counts, strict=True):
            if count:
                table.setdefault(side, {})[name] = count
        shown = published(table)
        values = seen.setdefault(shown, {cell: set() for cell in CELLS})
        for cell, count in zip(CELLS, counts, strict=True):
            values[cell].add(count)
        if max(counts) <= 6:
            judged.setdefault(shown, set()).update(
                cell for cell, state in suppress(table).cells.items() if state != TOLD
            )
    assert judged
    assert [(shown, cell) for shown, cells in judged.items() for cell in cells if len(seen[shown][cell]) < 2] == []


@pytest.mark.parametrize(
    ("table", "shown"),
    [
        ({"passed": {"G": 30}, "failed": {"U": 3}}, {}),
        ({"passed": {"G": 30, "VG": 12}, "failed": {"U": 3}}, {"VG"}),
        ({"passed": {"3": 10, "4": 9, "5": 8}, "failed": {"U": 7}}, {"3", "4", "5", "U"}),
        ({"passed": {"3": 10, "4": 9, "5": 2}, "failed": {"U": 7}}, {"4", "U"}),
        ({"passed": {"G": 4}}, {}),
    ],
)
def test_as_it_is_meant(table: Table, shown: set[str]) -> None:
    assert {name for (_side, name), state in suppress(table).cells.items() if state == TOLD} == set(shown)
