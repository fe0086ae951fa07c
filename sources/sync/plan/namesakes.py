"""People who share a name and no identifier: one may be the other, under numbers that are all new in Ladok. Pure.

Nobody is recognised by a name. Whoever is missing while somebody of the same name is there is asked about.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ladokflow.identifiers import normal
from ladokflow.ladok.base import Person
from ladokflow.texts import as_stored


def namesakes(
    missing: Mapping[int, Person],
    there: Mapping[int, Person],
    may_be: Callable[[int, int], bool] = lambda lost, found: True,
) -> dict[int, int]:
    """By number, those missing and the one who is there and has their name: where just one of each has it. `may_be` rules out
    whoever is known to be somebody else.

    A person without a first or a last name, as of one whose identity is protected, has no namesake.
    """
    lost, found = _by_name(missing), _by_name(there)
    alike = {}
    for name, (number, *rivals) in lost.items():
        others = [other for other in found.get(name, ()) if may_be(number, other)]
        if all(name) and not rivals and len(others) == 1:
            alike[number] = others[0]
    return alike


def _by_name(people: Mapping[int, Person]) -> dict[tuple[str, ...], list[int]]:
    numbers: dict[tuple[str, ...], list[int]] = {}
    for number, person in people.items():
        name = tuple(normal(as_stored(text, len(text))) for text in (person.first_name, person.last_name))
        numbers.setdefault(name, []).append(number)
    return numbers
