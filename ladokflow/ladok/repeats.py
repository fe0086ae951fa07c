"""People of whom one list of Ladok's says two things: each comes in once, without what the list contradicts itself in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

from ladokflow.identifiers import normal, normal_of
from ladokflow.ladok.base import PERSON_FIELDS, Kind, Person
from ladokflow.messages import Message, message

KEY = "organisation_id"
OTHERS = tuple(field for field in PERSON_FIELDS if field.kind is Kind.IDENTIFIER and field.name != KEY)
OF_PERSON = tuple(field for field in OTHERS if field.is_of_user)  # an exam id is of a registration


def each_once(listed: Sequence[Person]) -> tuple[tuple[Person, ...], tuple[Message, ...]]:
    """Everybody once, in the list's order, as their first row has them; and what is to be told.

    An identifier is left out where a person's rows differ in it, and an exam id where it stands with two people: by either, a
    grade could reach the wrong one. The organisation id still says who the person is, unless two people have the same one: then
    neither is there, for whatever is sent under it may be taken for the other's.
    """
    rows: dict[str, list[Person]] = {}  # Ladok's sides spell one and the same id in several ways within one list
    holders: dict[str, dict[str, None]] = {}
    for person in listed:
        key = normal(person.organisation_id)
        rows.setdefault(key, []).append(person)
        if person.unique_exam_id:
            holders.setdefault(normal(person.unique_exam_id), {})[key] = None
    shared = {key for key, same in rows.items() if any(_are_two(one, other) for one, other in combinations(same, 2))}
    problems = [_told(key, same, is_shared=key in shared) for key, same in rows.items() if len(same) > 1]
    people = {key: same[0] for key, same in rows.items() if key not in shared}
    for key, person in people.items():
        for field in OTHERS if len(rows[key]) > 1 else ():
            if len(_values(field.name, rows[key])) > 1:
                people[key] = _without(people[key], field.name)
                facts = {"organisation_id": person.organisation_id, "field": field.response}
                problems.append(message("ladok.person_twice_differs", **facts))
    for keys in holders.values():
        if len(keys) == 1:
            continue
        first, *others = (rows[key][0].organisation_id for key in keys)
        problems += [message("ladok.unique_exam_id_shared", first=first, second=other) for other in others]
        for key in keys & people.keys():
            people[key] = _without(people[key], "unique_exam_id")
    return tuple(people.values()), tuple(problems)


def _values(name: str, rows: Sequence[Person]) -> set[str]:
    return {normal_of(name, getattr(row, name)) for row in rows} - {""}


def _are_two(one: Person, other: Person) -> bool:
    """Whether two rows with one organisation id are of two people: nothing else of theirs is the same, and something is not."""
    counts = [len(_values(field.name, [one, other])) for field in OF_PERSON if _has_both(field.name, one, other)]
    return bool(counts) and min(counts) > 1


def _has_both(name: str, one: Person, other: Person) -> bool:
    return bool(_values(name, [one]) and _values(name, [other]))


def _without(person: Person, name: str) -> Person:
    nothing: dict[str, Any] = {name: ""}
    return replace(person, **nothing)


def _told(key: str, rows: Sequence[Person], *, is_shared: bool) -> Message:
    code = "ladok.two_people_one_id" if is_shared else "ladok.person_twice"
    return message(code, organisation_id=rows[0].organisation_id)
