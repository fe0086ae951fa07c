"""Small groups: which figures of a flow somebody may see who may not see groups of fewer than five. Pure.

It is decided once, flow by flow, and kept with the figures. Whatever is shown of a course, a term, a department or a source is added up
from nothing but what its flows show: so two pages, subtracted from each other, tell no more than the flow's own page does.

A table is cells gathered in sides, as grades in passed and failed; how many there are in all is known, and so is how many there are on
each side that is told. A cell of fewer than five is hidden, and as many others with it as it takes for five or more to be possible in
every one of them. Which others these are does not depend on how large they are, so that knowing how it is done does not help. Of what is
hidden it is told how many they are together, and nothing else.

The tables of a flow are about the same people, so they could be subtracted from each other: 40 graded and 38 of them in Ladok. Where that
would give a small group, the later table is left out (`decide`).
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping
from itertools import permutations
from typing import Any, NamedTuple, TypeVar

from exports.models import Figure

LEAST = 5
ROOM = 2
Shown = Figure.Shown
Cell = tuple[str, str]  # side, name
Key = TypeVar("Key", bound=Hashable)
Table = Mapping[str, Mapping[str, int]]


class Told(NamedTuple):
    sides: Mapping[str, Shown]
    cells: Mapping[Cell, Shown]


def decide(tables: Mapping[str, Table], days: Collection[str] = ()) -> dict[str, Told]:
    """Of all the tables of a flow, in this order; the names of `days` are numbers, and can be added up to each of them.

    Where the first is left out, it is for what its sum would tell: so the others, which may have the same, are left out with it.
    """
    found: dict[str, Told] = {}
    kept: list[tuple[str, Table]] = []
    for name, table in tables.items():
        told = suppress(table)
        if Shown.LEFT_OUT not in told.sides.values():
            is_first_out = bool(found) and not kept
            if (
                is_first_out
                or _tells_by_sums(table, [each for _name, each in kept])
                or (
                    name in days
                    and any(
                        _tells_by_days(tables[other], found[other], table, told)
                        for other, _table in kept
                        if other in days
                    )
                )
            ):
                told = _left_out(table)
            else:
                kept.append((name, table))
        found[name] = told
    return found


def _is_small(count: int) -> bool:
    return 0 < abs(count) < LEAST


def _whole(table: Table) -> int:
    return sum(sum(names.values()) for names in table.values())


def _tells_by_sums(table: Table, others: Iterable[Table]) -> bool:
    """Whether its sum, less that of another table, or less the difference of two, would be a small group."""
    sums = [_whole(other) for other in others]
    parts = [*sums, *(one - other for one, other in permutations(sums, 2))]
    return any(_is_small(_whole(table) - part) for part in parts)


def _tells_by_days(one: Table, one_told: Told, other: Table, other_told: Told) -> bool:
    """Whether how many they are up to some day, or after it, is known of both, and differs by a small group."""
    last = sorted({int(name) for table in (one, other) for names in table.values() for name in names})
    first, second = _up_to(one, one_told, last), _up_to(other, other_told, last)
    wholes = _whole(one) - _whole(other)
    apart = [first[day] - second[day] for day in last if day in first and day in second]
    return any(_is_small(each) or _is_small(wholes - each) for each in apart)


def _up_to(table: Table, told: Told, days: Iterable[int]) -> dict[int, int]:
    """How many they are up to each day of which that is told: where what is hidden together lies on the one hand of it."""
    counts = {(side, name): count for side, names in table.items() for name, count in names.items()}
    blocks = [{cell} for cell in counts if told.cells[cell] == Shown.TOLD]
    hidden = counts.keys() - {cell for block in blocks for cell in block}
    of_sides = [{cell for cell in hidden if cell[0] == side} for side in table if told.sides[side] == Shown.TOLD]
    blocks += [*of_sides, hidden - {cell for block in of_sides for cell in block}]
    found = {}
    for day in days:
        before = [{cell for cell in block if int(cell[1]) <= day} for block in blocks]
        if all(not part or part == block for part, block in zip(before, blocks, strict=True)):
            found[day] = sum(counts[cell] for part in before for cell in part)
    return found


def suppress(table: Table) -> Told:
    """Of cells with somebody in them: empty ones are in no table."""
    hidden_sides = _hidden({side: sum(cells.values()) for side, cells in table.items()})
    if hidden_sides is None:
        return _left_out(table)
    within: dict[str, set[str]] = {}
    for side, names in table.items():
        if side not in hidden_sides:
            # How many they are is told, and five at least: where that is not enough to hide some of them, none is told.
            found = _hidden(names)
            within[side] = set(names) if found is None else found
    pool = {(side, name): count for side in hidden_sides for name, count in table[side].items()}
    hidden = _hidden(pool, groups=[[cell for cell in pool if cell[0] == side] for side in hidden_sides])
    if hidden is None:
        return _left_out(table)
    hidden |= {(side, name) for side, names in within.items() for name in names}
    cells = [(side, name) for side, names in table.items() for name in names]
    return Told(
        {side: Shown.HIDDEN if side in hidden_sides else Shown.TOLD for side in table},
        {cell: Shown.HIDDEN if cell in hidden else Shown.TOLD for cell in cells},
    )


def _hidden(counts: Mapping[Key, int], *, groups: Iterable[Collection[Key]] = ()) -> set[Key] | None:
    """Which to hide where the sum of all is known; None: none of them can be told, nor their sum.

    With the small ones goes a large one, of each of `groups` where these are said: or four small ones of sixteen in all would be four each.
    """
    hidden = {key for key in counts if counts[key] < LEAST}
    # By name, not by size: "the smallest of the others" would tell how large it can be at most.
    rest = [key for key in sorted(counts, key=str) if key not in hidden]
    for group in groups or ([counts] if hidden else []):
        if large := next((key for key in rest if key in group), None):
            hidden.add(large)
            rest.remove(large)
    while hidden and not _is_open({key: counts[key] for key in hidden}):
        if not rest:
            return None
        hidden.add(rest.pop(0))
    return hidden


def _is_open(hidden: Mapping[Any, int]) -> bool:
    """Whether their sum leaves open how many there are in each."""
    whole = sum(hidden.values())
    # If all the others had one each, the last would have what is left: that must not be a small group for certain.
    most = whole - len(hidden) + 1
    # Nor may the sum be so low that each has to have what it has at least, being small or large.
    room = whole - sum(LEAST if count >= LEAST else 1 for count in hidden.values())
    return len(hidden) > 1 and most >= LEAST and room >= ROOM


def _left_out(table: Table) -> Told:
    """Not even how many they are."""
    cells = [(side, name) for side, names in table.items() for name in names]
    return Told(dict.fromkeys(table, Shown.LEFT_OUT), dict.fromkeys(cells, Shown.LEFT_OUT))
