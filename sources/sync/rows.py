"""The rows of a flow's participants, as they are once a plan has been applied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import ProtectedError

from ladokflow.identifiers import normal
from ladokflow.ladok.base import PERSON_FIELDS, Kind, Person
from ladokflow.wiseflow.schemas import FlowParticipant
from sources.models import NAMELESS, Participant
from sources.sync.apply.work import Applied
from sources.sync.gather import Gathered
from sources.sync.plan.changes import (
    DeactivateParticipant,
    Plan,
    ReactivateParticipant,
    RemoveParticipant,
    SetIndividualEnd,
    UpdateUser,
)
from sources.sync.plan.values import Entry, Known
from sources.sync.registrations import people_of

BATCH = 500
ROW_FIELDS = (
    "wiseflow_id",
    "user_id",
    *(row.name for row in PERSON_FIELDS),
    "room",
    "is_from_source",
    "is_active",
    "is_activation_manual",
)
NO_IDENTIFIERS = {row.name: "" for row in PERSON_FIELDS if row.kind is Kind.IDENTIFIER}


@dataclass(frozen=True)
class Everybody:
    """The flow's participants, as `people_of` gives them, and whether any of them was written."""

    rows: Sequence[Participant]
    is_changed: bool = False


def record_people(gathered: Gathered, plan: Plan, applied: Applied) -> Everybody:
    """Only rows that differ are written: a synchronisation without changes writes nothing here."""
    flow = gathered.flow
    rows = {row.pk: row for row in people_of(flow)}
    new: list[Participant] = []
    changed: list[Participant] = []
    gone: list[Participant] = []
    renamed: list[int] = []
    strangers = _Strangers(rows, plan)
    owned = _owned(plan)
    for entry in plan.entries:
        row = rows.get(entry.known.pk) if entry.known is not None and entry.known.pk is not None else None
        if not entry.is_kept and (RemoveParticipant, entry.key) not in applied.refused:
            gone += [row] if row is not None else []
            continue
        values = _values(entry, applied, gathered)
        name = normal(values["organisation_id"])
        if name and owned.setdefault(name, entry.key) != entry.key:
            # Several accounts in WISEflow with one organisation id: it is the first one's, and the others name nobody in Ladok.
            # So does the former user name of somebody who has left, once Ladok has given it to another.
            values |= {"organisation_id": ""} if values["is_from_source"] else NO_IDENTIFIERS
        if row is None:
            row = strangers.take(values)
        if row is None:
            if values["wiseflow_id"] is not None:
                new.append(Participant(flow=flow, **values))
            continue
        if any(getattr(row, name) != value for name, value in values.items()):
            renamed += [row.pk] if row.organisation_id != values["organisation_id"] else []
            for name, value in values.items():
                setattr(row, name, value)
            changed.append(row)
    _remove(gone)
    # People may have exchanged theirs: for a moment nobody has them.
    Participant.objects.filter(pk__in=renamed).update(organisation_id="")
    Participant.objects.bulk_update(changed, ROW_FIELDS, batch_size=BATCH)
    Participant.insert(new, BATCH)
    return Everybody(people_of(flow) if new or gone else list(rows.values()), bool(new or changed or gone))


def _owned(plan: Plan) -> dict[str, str]:
    """Whose each organisation id is, by entry key: those from Ladok, and those we had a row of."""
    owners: dict[str, str] = {}
    for entry in plan.entries:
        if entry.is_kept and entry.organisation_id:
            owners.setdefault(normal(entry.organisation_id), entry.key)
    return owners


class _Strangers:
    """Rows that the plan knows nothing of: they have come since it was made. Whom they are of must not get a second."""

    def __init__(self, rows: Mapping[int, Participant], plan: Plan) -> None:
        planned = {entry.known.pk for entry in plan.entries if entry.known is not None}
        self._rows = [row for pk, row in rows.items() if pk not in planned]

    def take(self, values: dict[str, Any]) -> Participant | None:
        """The row of who is to be written down, by participant or organisation id. One that is Ladok's stays Ladok's."""
        number, name = values["wiseflow_id"], normal(values["organisation_id"])
        if number is None:
            return None
        for row in self._rows:
            if row.wiseflow_id == number or (name and normal(row.organisation_id) == name):
                self._rows.remove(row)
                values["is_from_source"] = values["is_from_source"] or row.is_from_source
                return row
        return None


def _remove(rows: Sequence[Participant]) -> None:
    for row in rows:
        try:
            with transaction.atomic():
                row.delete()
        except ProtectedError:
            # Something has been exported for the person: the row stays as evidence.
            Participant.objects.filter(pk=row.pk).update(is_active=False, wiseflow_id=None)


def _values(entry: Entry, applied: Applied, gathered: Gathered) -> dict[str, Any]:
    """Without what names somebody, where the university hides names: what is not kept is shown nowhere."""
    return _all_values(entry, applied, gathered) | (NAMELESS if gathered.flow.source.protects_identity else {})


def _all_values(entry: Entry, applied: Applied, gathered: Gathered) -> dict[str, Any]:
    known = entry.known or Known(pk=None, is_from_source=False)
    values: dict[str, Any] = {name: getattr(known, name) for name in ROW_FIELDS}
    values["wiseflow_id"] = applied.ids.get(entry.key) or known.wiseflow_id
    user_id = applied.user_ids.get(entry.key) or (entry.present.user_id if entry.present is not None else None)
    values["user_id"] = user_id or known.user_id
    values["is_active"] = entry.is_active
    values["is_activation_manual"] = entry.is_activation_manual
    if (DeactivateParticipant, entry.key) in applied.refused:
        values["is_active"] = True
    if (ReactivateParticipant, entry.key) in applied.refused:
        values["is_active"] = False
    if entry.doubt is not None:
        return values
    if entry.person is not None:
        values |= _of_person(entry, entry.person, known, applied)
        values |= {"room": entry.room[:250], "is_from_source": True}
    elif entry.present is not None and not known.is_from_source:
        values |= _of_hand_added(entry.present, gathered)
    return values


def _of_person(entry: Entry, person: Person, known: Known, applied: Applied) -> dict[str, Any]:
    """What Ladok says of a person, but for what WISEflow refused. What it has nothing of stays as we knew it."""
    is_user_saved = entry.known is None or (UpdateUser, entry.key) not in applied.refused
    names = [row.name for row in PERSON_FIELDS if is_user_saved or not row.is_of_user]
    values = {name: getattr(person, name) or getattr(known, name) for name in names}
    is_end_refused = (SetIndividualEnd, entry.key) in applied.refused
    return values | {"individual_end_at": known.individual_end_at if is_end_refused else entry.end_at}


def _of_hand_added(present: FlowParticipant, gathered: Gathered) -> dict[str, Any]:
    """What WISEflow says of somebody whom a person has added there."""
    values: dict[str, Any] = {
        "first_name": present.first_name[:200],
        "last_name": present.last_name[:200],
        "unique_exam_id": present.unique_exam_id[:200],
        "is_from_source": False,
    }
    for kind, name in gathered.memory.data_types.items():
        identifiers = present.values(name)
        if identifiers:
            values[kind] = identifiers[0][:200]
    return values
