"""Somebody missing and somebody there by the same name: asked about, and never taken for one another."""

from __future__ import annotations

import pytest

from ladokflow.ladok.base import Person
from sources.sync.plan.namesakes import namesakes


def people(names: str) -> dict[int, Person]:
    """`Åsa Öst, Bo Ek`, by place."""
    found = {}
    for place, name in enumerate(names.split(", ") if names else []):
        first, _, last = name.partition(" ")
        found[place] = Person(first_name=first.replace("_", " "), last_name=last)
    return found


@pytest.mark.parametrize(
    ("missing", "there", "alike"),
    [
        ("Åsa Öst", "Bo Ek, Åsa Öst", {0: 1}),
        ("Åsa Öst", "A\u030asa O\u0308st", {0: 0}),
        ("Åsa Öst", "\u200bÅSA öst", {0: 0}),
        ("Åsa Öst", "Åsa Ost", {}),
        ("Åsa Öst", "Öst Åsa", {}),
        ("Åsa Öst", "Åsa Öst, Åsa Öst", {}),
        ("Åsa Öst, Åsa Öst", "Åsa Öst", {}),
        ("Åsa Öst, Bo Ek", "Bo Ek, Åsa Öst", {0: 1, 1: 0}),
        ("Åsa", "Åsa", {}),
        ("_ Öst", "_ Öst", {}),
        ("", "Åsa Öst", {}),
    ],
)
def test_just_one_of_each(missing: str, there: str, alike: dict[int, int]) -> None:
    assert namesakes(people(missing), people(there)) == alike
