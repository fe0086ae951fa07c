"""Who is who, in truth. A row of an exam, or a student of the register, may be marked with the human being it is of.

The mark is the sandbox's own knowledge and no field of Ladok's: no answer holds it. It stays on the row whatever happens to
the identifiers there, so the ledger can say for whom Ladok registered a grade by its own list at that moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ladokflow.sandbox.server import Sandbox

ACTIONS = ("set_people", "set_students")

OWNER = "_owner"


def as_listed(people: Iterable[Any]) -> list[Any]:
    """The rows as Ladok gives them out."""
    return [_unmarked(person) if isinstance(person, dict) and OWNER in person else person for person in people]


def _unmarked(person: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in person.items() if key != OWNER}


def owned(person: Mapping[str, Any]) -> dict[str, Any]:
    """What the ledger says of the owner: nothing where the row is not marked."""
    return {"owner": person[OWNER]} if OWNER in person else {}


def set_people(sandbox: Sandbox, university: str, code: str, people: list[dict[str, Any]]) -> None:
    """These are the people of the exam now, row by row, in Ladok's words; `_owner` marks whose a row is."""
    exams = sandbox.state.data["ladok"][university]["exams"]
    if code not in exams:
        raise ValueError(f"There is no exam {code} at {university}")
    exams[code]["people"] = people


def set_students(sandbox: Sandbox, university: str, students: list[dict[str, Any]]) -> None:
    """These are the students of the university now, in the sandbox's own words; `_owner` marks them as it does rows."""
    sandbox.state.data["ladok"][university]["register"] = students
