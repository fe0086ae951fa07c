"""What Ladok says now of a registration in doubt, and what managers have said of such: as they are stored, and as values."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from django.db.models import QuerySet

from ladokflow.ladok.base import PERSON_FIELDS, Kind, Person
from sources.models import IdentityAnswer
from sources.sync.plan.pairing import KINDS, Said, identifiers_of

KEPT = tuple(row.name for row in PERSON_FIELDS if row.kind is not Kind.EMAIL)


def claim_of(person: Person) -> str:
    """A person in Ladok as `Registration.claim` holds it: the same person is always the same text."""
    values = {name: getattr(person, name) for name in KEPT}
    return json.dumps({name: value for name, value in values.items() if value}, sort_keys=True, default=_written)


def _written(value: Any) -> str:
    return value.isoformat() if isinstance(value, dt.datetime) else str(value)


def person_of(claim: str) -> Person:
    values: dict[str, Any] = json.loads(claim)
    end = values.get("individual_end_at")
    return Person(**values | {"individual_end_at": dt.datetime.fromisoformat(end) if end else None})


def said_by_participant(answers: QuerySet[IdentityAnswer]) -> dict[int, tuple[Said, ...]]:
    """What managers have said, by participant, the oldest first: where there are several answers of one person, the last one counts."""
    said: dict[int, list[Said]] = {}
    for row in answers.select_related("registration").order_by("pk"):
        of = identifiers_of(person_of(row.said_of), KINDS)
        said.setdefault(row.registration.participant_id, []).append(Said(of, row.is_same))
    return {participant: tuple(each) for participant, each in said.items()}
