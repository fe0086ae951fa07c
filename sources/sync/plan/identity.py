"""Who is who: the person in Ladok, the participant in WISEflow and the row we have of them.

In the order WISEflow matches people: organisation id, then national id, then student number, then e-mail address where the
licence has each address once. WISEflow looks users up by identifiers only; an address is asked for when somebody is added
(`sources/sync/apply/new_participants.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ladokflow.ladok.base import Exam, Person
from ladokflow.messages import Message, message
from ladokflow.wiseflow.schemas import FlowParticipant, User
from sources.sync.plan.values import Entry, Known, Match, Memory

IDENTIFIERS = ("organisation_id", "national_id", "external_user_id")
# What is told where two people have the same one; the number itself is never told.
SHARED = {"national_id": "sources.shared_national_id", "external_user_id": "sources.shared_student_number"}
SHARED_EMAIL = {"email": "sources.shared_email"}


def normal(kind: str, value: str) -> str:
    """An identifier as it is compared: case does not matter, nor how a personnummer is punctuated."""
    value = value.strip().casefold()
    return re.sub(r"[^0-9a-z]", "", value) if kind == "national_id" else value


def spellings(kind: str, value: str) -> tuple[str, ...]:
    """An identifier as WISEflow, which compares character by character, may have it: a personnummer with and without a hyphen."""
    value = value.strip()
    plain = re.sub(r"[^0-9a-zA-Z]", "", value)
    if kind != "national_id" or not re.fullmatch(r"\d{8}[0-9a-zA-Z]\d{3}", plain):
        return (value,) if value else ()
    return tuple(dict.fromkeys((value, plain, f"{plain[:8]}-{plain[8:]}")))


def merge_people(exams: Sequence[Exam], memory: Memory) -> list[Entry]:
    """Everyone in the exams, once. What the first exam says of a person stands; gaps are filled from the others.

    A number that two people have tells nobody apart, and WISEflow would make them one user: it is left out for both.
    """
    entries = _merged(exams)
    for kind, sharers in _sharers(entries, memory):
        for entry in sharers:
            if entry.person is not None:
                entry.person = _without(entry.person, kind)
    return entries


def tell_shared(exams: Sequence[Exam], memory: Memory) -> list[Message]:
    """The numbers, and e-mail addresses where they matter, that several people have, as problems."""
    codes = SHARED | SHARED_EMAIL
    return [
        message(codes[kind], organisation_ids=", ".join(sorted(entry.organisation_id for entry in sharers)))
        for kind, sharers in _sharers(_merged(exams), memory)
    ]


def _sharers(entries: Sequence[Entry], memory: Memory) -> list[tuple[str, list[Entry]]]:
    found: dict[tuple[str, str], list[Entry]] = {}
    for kind in SHARED | SHARED_EMAIL if memory.has_unique_emails else SHARED:
        for entry in entries:
            if value := normal(kind, str(getattr(entry.person, kind))):
                found.setdefault((kind, value), []).append(entry)
    return [(kind, sharers) for (kind, _), sharers in found.items() if len(sharers) > 1]


def _without(person: Person, kind: str) -> Person:
    nothing: dict[str, Any] = {kind: ""}
    return replace(person, **nothing)


def _merged(exams: Sequence[Exam]) -> list[Entry]:
    found: dict[str, Entry] = {}
    for exam in exams:
        for person in exam.people:
            if not person.organisation_id.strip():
                continue
            key = normal("organisation_id", person.organisation_id)
            entry = found.get(key)
            if entry is None:
                found[key] = Entry(key=key, person=person, codes=(exam.code,), room=exam.room)
                continue
            if exam.code not in entry.codes:
                entry.codes = (*entry.codes, exam.code)
            entry.room = entry.room or exam.room
            entry.person = _filled(entry.person or person, person)
    return list(found.values())


def _filled(person: Person, other: Person) -> Person:
    names = ("national_id", "first_name", "last_name", "email", "external_user_id", "unique_exam_id")
    gaps = {name: getattr(other, name) for name in names if not getattr(person, name) and getattr(other, name)}
    if person.individual_end_at is None and other.individual_end_at is not None:
        gaps["individual_end_at"] = other.individual_end_at
    return replace(person, **gaps) if gaps else person


def match_entries(
    people: Sequence[Entry], participants: Sequence[FlowParticipant], memory: Memory, users: Mapping[str, Match]
) -> list[Entry]:
    """Every person of the flow, with all that is there of them. People in Ladok first, then those only in WISEflow or
    only in our rows."""
    entries = [replace(entry) for entry in people]
    _match_known(entries, memory.people)
    _match_present(entries, participants, memory, users)
    return entries


def _match_known(entries: list[Entry], known: Iterable[Known]) -> None:
    left = dict(enumerate(known))
    for kind in IDENTIFIERS:
        by_value = {normal(kind, value): number for number, row in left.items() if (value := getattr(row, kind))}
        for entry in entries:
            value = normal(kind, _identifier(entry, kind))
            if entry.known is None and value and value in by_value:
                entry.known = left.pop(by_value.pop(value))
    entries += [Entry(key=f"row-{row.pk}", known=row) for row in left.values()]


def _match_present(
    entries: list[Entry], participants: Sequence[FlowParticipant], memory: Memory, users: Mapping[str, Match]
) -> None:
    left = {participant.id: participant for participant in participants}
    for entry in entries:
        participant_id = entry.known.wiseflow_id if entry.known is not None else None
        if participant_id is not None and participant_id in left:
            entry.present = left.pop(participant_id)
    for kind in IDENTIFIERS:
        type_name = memory.data_types.get(kind, "")
        by_value = {
            normal(kind, value): participant.id
            for participant in left.values()
            for value in (participant.values(type_name) if type_name else ())
            if value
        }
        for entry in entries:
            value = normal(kind, _identifier(entry, kind))
            if entry.present is None and value and by_value.get(value) in left:
                entry.present = left.pop(by_value[value])
    by_user = {participant.user_id: participant.id for participant in left.values() if participant.user_id}
    for entry in entries:
        user = users[entry.key].user if entry.key in users else None
        user_id = user.id if user is not None else (entry.known.user_id if entry.known is not None else None)
        if entry.present is None and user_id is not None and by_user.get(user_id) in left:
            entry.present = left.pop(by_user[user_id])
    entries += [Entry(key=f"participant-{participant.id}", present=participant) for participant in left.values()]


def _identifier(entry: Entry, kind: str) -> str:
    if entry.person is not None:
        return str(getattr(entry.person, kind))
    return str(getattr(entry.known, kind)) if entry.known is not None else ""


def newcomers(exams: Sequence[Exam], participants: Sequence[FlowParticipant], memory: Memory) -> list[Entry]:
    """Those in Ladok who are not on the flow in WISEflow, as far as can be told without looking up users."""
    return [
        entry
        for entry in match_entries(merge_people(exams, memory), participants, memory, {})
        if entry.person is not None and entry.present is None
    ]


def match_users(
    people: Sequence[Entry], users: Sequence[User], type_ids: Mapping[str, int], *, has_unique_emails: bool = False
) -> dict[str, Match]:
    """The WISEflow user of each person, by entry key. The identifiers must not lead to different users."""
    found: dict[str, dict[str, set[int]]] = {kind: {} for kind in IDENTIFIERS}
    by_id = {user.id: user for user in users}
    for kind, type_id in type_ids.items():
        for user in users:
            for value in user.values(type_id):
                found[kind].setdefault(normal(kind, value), set()).add(user.id)
    matches = {}
    for entry in people:
        hits: list[int] = []
        for kind in IDENTIFIERS:
            value = normal(kind, str(getattr(entry.person, kind)))
            hits += [hit for hit in sorted(found[kind].get(value, ())) if value and hit not in hits]
        matches[entry.key] = Match(
            user=by_id[hits[0]] if hits else None,
            is_ambiguous=len(hits) > 1,
            by_email=has_unique_emails and not hits and entry.person is not None and bool(entry.person.email.strip()),
        )
    return matches


def contradicts(person: Person, participant: FlowParticipant, memory: Memory) -> bool:
    """Whether both have an identifier of the same kind, and not the same."""
    for kind in IDENTIFIERS:
        ours = normal(kind, str(getattr(person, kind)))
        theirs = {normal(kind, value) for value in participant.values(memory.data_types.get(kind, ""))} - {""}
        if ours and theirs and ours not in theirs:
            return True
    return False


def tell_apart(entries: Sequence[Entry], users: Mapping[str, Match]) -> dict[str, Match]:
    """The same matches; ambiguous where a newcomer's user is somebody else's too: on the flow, or another newcomer's."""
    owners: dict[int, set[str]] = {}
    for entry in entries:
        match = users.get(entry.key)
        if entry.present is not None and entry.present.user_id:
            owners.setdefault(entry.present.user_id, set()).add(entry.key)
        elif entry.present is None and entry.person is not None and match is not None and match.user is not None:
            owners.setdefault(match.user.id, set()).add(entry.key)
    return {
        key: replace(match, is_ambiguous=True)
        if match.user is not None and owners.get(match.user.id, set()) - {key}
        else match
        for key, match in users.items()
    }
