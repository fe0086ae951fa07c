"""Small groups: which figures of a flow somebody may see who may not see groups of fewer than five. Pure.

It is decided once, flow by flow, and kept with the figures. Whatever is shown of a course, a term, a department or a source is added up
from nothing but what its flows show: so two pages, subtracted from each other, tell no more than the flow's own page does.

A table is cells gathered in sides, as grades in passed and failed; how many there are in all is known, and so is how many there are on
each side that is told. A cell of fewer than five is hidden, and as many others with it as it takes: whoever knows the sums, and which
cells are hidden, and that there is somebody in each, must still think five or more possible for every one of them.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping
from typing import NamedTuple, TypeVar

from exports.models import Figure

LEAST = 5
Shown = Figure.Shown
Cell = tuple[str, str]  # side, name
Key = TypeVar("Key", bound=Hashable)
Table = Mapping[str, Mapping[str, int]]


class Told(NamedTuple):
    sides: Mapping[str, Shown]
    cells: Mapping[Cell, Shown]


def suppress(table: Table) -> Told:
    """Of cells with somebody in them: empty ones are in no table."""
    sums = {side: sum(cells.values()) for side, cells in table.items()}
    untellable: set[str] = set()  # sides whose sum would tell their cells
    while True:
        hidden_sides = _hidden(sums, untellable)
        if hidden_sides is None:
            return _left_out(table)
        within = {side: _hidden(table[side]) for side in table if side not in hidden_sides}
        troubled = {side for side, hidden in within.items() if hidden is None}
        if not troubled:
            break
        untellable |= troubled
    pool = {(side, name): count for side in hidden_sides for name, count in table[side].items()}
    hidden = _hidden(pool, cover=[[cell for cell in pool if cell[0] == side] for side in hidden_sides])
    if hidden is None:
        return _left_out(table)
    hidden |= {(side, name) for side, names in within.items() for name in names or ()}
    cells = [(side, name) for side, names in table.items() for name in names]
    return Told(
        {side: Shown.HIDDEN if side in hidden_sides else Shown.TOLD for side in table},
        {cell: Shown.HIDDEN if cell in hidden else Shown.TOLD for cell in cells},
    )


def _hidden(
    counts: Mapping[Key, int], must: Collection[Key] = (), *, cover: Iterable[Collection[Key]] = ()
) -> set[Key] | None:
    """Which to hide where the sum of all is known; None: none of them can be told, nor their sum. One of each of `cover` is hidden."""
    by_size = sorted(counts, key=lambda key: (counts[key], str(key)))
    hidden = {key for key in counts if counts[key] < LEAST} | set(must)
    for group in cover:
        if hidden.isdisjoint(group):
            hidden.add(next(key for key in by_size if key in group))
    rest = [key for key in by_size if key not in hidden]
    # If all the others had one each, the last would have what is left: that must not be a small group for certain.
    while hidden and (len(hidden) < 2 or sum(counts[key] for key in hidden) - len(hidden) + 1 < LEAST):
        if not rest:
            return None
        hidden.add(rest.pop(0))
    return hidden


def _left_out(table: Table) -> Told:
    """Not even how many they are."""
    cells = [(side, name) for side, names in table.items() for name in names]
    return Told(dict.fromkeys(table, Shown.LEFT_OUT), dict.fromkeys(cells, Shown.LEFT_OUT))
