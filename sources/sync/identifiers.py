"""The identifiers that tell people apart, as they are compared. Pure: planning and applying use the same."""

from __future__ import annotations

from collections.abc import Mapping

from ladokflow import identifiers
from ladokflow.ladok.base import PERSON_FIELDS, Kind, Person
from ladokflow.wiseflow.schemas import FlowParticipant

# Those by which WISEflow knows a user, in the order in which it matches people.
IDENTIFIERS = tuple(row.name for row in PERSON_FIELDS if row.kind is Kind.IDENTIFIER and row.is_of_user)


normal = identifiers.normal_of


def spellings(kind: str, value: str) -> tuple[str, ...]:
    """An identifier as WISEflow, which compares character by character, may have it."""
    return identifiers.spellings_of_national_id(value) if kind == "national_id" else identifiers.spellings(value)


def contradicts(person: Person, participant: FlowParticipant, data_types: Mapping[str, str]) -> bool:
    """Whether both have an identifier of the same kind, and not the same. `data_types` is our kind -> WISEflow's name for it."""
    for kind in IDENTIFIERS:
        ours = normal(kind, str(getattr(person, kind)))
        theirs = {normal(kind, value) for value in participant.values(data_types.get(kind, ""))} - {""}
        if ours and theirs and ours not in theirs:
            return True
    return False
