"""Who is who: the person in Ladok, the participant in WISEflow and the row we have of them.

Who is the same is decided in one place (`sources/sync/plan/pairing.py`); those of whom it cannot be told are in doubt, and nothing
is written for them. WISEflow looks users up by identifiers only; an e-mail address, where the licence has each address once, is
asked for when somebody is added (`sources/sync/apply/new_participants.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ladokflow.ladok.base import PERSON_FIELDS, Exam, Person
from ladokflow.messages import Message, message
from ladokflow.privacy import shown_name
from ladokflow.wiseflow.schemas import FlowParticipant, User
from sources.sync.identifiers import IDENTIFIERS, normal
from sources.sync.plan.pairing import Identifiers, Said, compare, identifiers_of, normal_forms, pair, said_pairs
from sources.sync.plan.registrations import doubt_between
from sources.sync.plan.values import Entry, Known, Match, Memory

# What is told where two people have the same one; the number itself is never told.
SHARED = {"national_id": "sources.shared_national_id", "external_user_id": "sources.shared_student_number"}
SHARED_EMAIL = {"email": "sources.shared_email"}


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
    by_value: dict[tuple[str, str], list[Entry]] = {}
    for kind in SHARED | SHARED_EMAIL if memory.has_unique_emails else SHARED:
        for entry in entries:
            if value := normal(kind, str(getattr(entry.person, kind))):
                by_value.setdefault((kind, value), []).append(entry)
    return [(kind, sharers) for (kind, _), sharers in by_value.items() if len(sharers) > 1]


def _without(person: Person, kind: str) -> Person:
    nothing: dict[str, Any] = {kind: ""}
    return replace(person, **nothing)


def _merged(exams: Sequence[Exam]) -> list[Entry]:
    entries: dict[str, Entry] = {}
    for exam in exams:
        for person in exam.people:
            if not person.organisation_id.strip():
                continue
            key = normal("organisation_id", person.organisation_id)
            entry = entries.get(key)
            if entry is None:
                entries[key] = Entry(key=key, person=person, codes=(exam.code,), room=exam.room)
                continue
            likeness = compare(identifiers_of(entry.person), identifiers_of(person))
            if not likeness.is_same:
                # Two people who have one organisation id, on two exams.
                other = Entry(key=f"{key} {exam.code}", person=person, codes=(exam.code,))
                entry.doubt = other.doubt = doubt_between(person, entry.name, entry.organisation_id, likeness)
                entries[other.key] = other
                continue
            if exam.code not in entry.codes:
                entry.codes = (*entry.codes, exam.code)
            entry.room = entry.room or exam.room
            entry.person = _filled(entry.person or person, person)
    return list(entries.values())


def _filled(person: Person, other: Person) -> Person:
    """The person with what the other has more."""
    names = [row.name for row in PERSON_FIELDS]
    gaps = {name: getattr(other, name) for name in names if not getattr(person, name) and getattr(other, name)}
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
    rows = list(known)
    there = [_identifiers(entry) for entry in entries]
    said = said_pairs(there, [[_of_user(one) for one in row.said] for row in rows])
    found = pair(there, [identifiers_of(row) for row in rows], said)
    people = list(entries)
    for number, entry in enumerate(people):
        if number in found.pairs:
            entry.known = rows[found.pairs[number]]
            entry.is_said_same = said.get((number, found.pairs[number]), False)
        elif number in found.left_doubts and entry.person is not None and entry.doubt is None:
            other, likeness = found.left_doubts[number]
            entry.doubt = doubt_between(entry.person, rows[other].name, rows[other].organisation_id, likeness)
    taken = set(found.pairs.values())
    said_gone = {row for (_, row), is_same in said.items() if not is_same}
    for number, row in enumerate(rows):
        if number in taken:
            continue
        entry = Entry(key=f"row-{row.pk}", known=row, is_said_gone=number in said_gone)
        if number in found.right_doubts:
            other, likeness = found.right_doubts[number]
            person = people[other].person or Person()
            entry.doubt = doubt_between(person, row.name, row.organisation_id, likeness)
        entries.append(entry)


def _of_user(said: Said) -> Said:
    """What was said of a registration, as far as WISEflow knows a person by it."""
    return replace(said, of={kind: values for kind, values in said.of.items() if kind in IDENTIFIERS})


def _match_present(
    entries: list[Entry], participants: Sequence[FlowParticipant], memory: Memory, users: Mapping[str, Match]
) -> None:
    """By the participant that our row is of, then by identifiers, then by the user. Each participant is one person's."""
    left = {participant.id: participant for participant in participants}
    _take(entries, left, lambda entry: entry.known.wiseflow_id if entry.known is not None else None)
    _pair_with_participants([entry for entry in entries if entry.present is None], left, memory)
    ids_by_user: dict[int | None, int] = {
        participant.user_id: participant.id for participant in left.values() if participant.user_id
    }
    _take(entries, left, lambda entry: ids_by_user.get(_user_id(entry, users)))
    entries += [Entry(key=f"participant-{participant.id}", present=participant) for participant in left.values()]


def _pair_with_participants(entries: Sequence[Entry], left: dict[int, FlowParticipant], memory: Memory) -> None:
    others = list(left.values())
    types = [(kind, name) for kind, name in memory.data_types.items() if name]
    found = pair(
        [_identifiers(entry) for entry in entries],
        [normal_forms({kind: other.values(name) for kind, name in types}) for other in others],
    )
    for number, entry in enumerate(entries):
        if number in found.pairs:
            entry.present = left.pop(others[found.pairs[number]].id)
        elif number in found.left_doubts and entry.person is not None and entry.doubt is None:
            other, likeness = found.left_doubts[number]
            there = others[other]
            name = shown_name(there.first_name, there.last_name, str(there.id))
            entry.doubt = doubt_between(entry.person, name, _shown(there, memory), likeness)


def _shown(there: FlowParticipant, memory: Memory) -> str:
    return next(iter(there.values(memory.data_types.get("organisation_id", ""))), "") or str(there.id)


def _take(
    entries: Iterable[Entry], left: dict[int, FlowParticipant], participant_id_of: Callable[[Entry], int | None]
) -> None:
    """Gives each entry that has no participant yet the one it points to, if that is nobody's yet."""
    for entry in entries:
        participant_id = participant_id_of(entry) if entry.present is None else None
        if participant_id is not None and participant_id in left:
            entry.present = left.pop(participant_id)


def _user_id(entry: Entry, users: Mapping[str, Match]) -> int | None:
    """The user of a newcomer, or the one that our row is of."""
    match = users.get(entry.key)
    if match is not None and match.user is not None:
        return match.user.id
    return entry.known.user_id if entry.known is not None else None


def _identifiers(entry: Entry) -> Identifiers:
    record = entry.person or entry.known
    return identifiers_of(record) if record is not None else {}


def to_look_up(entries: Sequence[Entry]) -> list[Entry]:
    """Those in Ladok whose users in WISEflow are to be looked up: who are not on the flow, as far as can be told without, or of
    whom Ladok has other identifiers now. WISEflow finds a user by any of them, and it may be another's."""
    return [
        entry
        for entry in entries
        if entry.person is not None and entry.doubt is None and (entry.present is None or _is_identified_anew(entry))
    ]


def _is_identified_anew(entry: Entry) -> bool:
    if entry.person is None or entry.known is None:
        return False
    before = identifiers_of(entry.known)
    return any(before.get(kind) != values for kind, values in identifiers_of(entry.person).items())


def match_users(
    people: Sequence[Entry], users: Sequence[User], type_ids: Mapping[str, int], *, has_unique_emails: bool = False
) -> dict[str, Match]:
    """The WISEflow user of each person, by entry key. The identifiers must not lead to different users, nor to one whom the
    others contradict."""
    there = [normal_forms({kind: user.values(type_id) for kind, type_id in type_ids.items()}) for user in users]
    found = pair([_identifiers(entry) for entry in people], there)
    matches = {}
    for number, entry in enumerate(people):
        hits = found.met.get(number, {})
        if not hits:
            has_email = entry.person is not None and bool(entry.person.email.strip())
            matches[entry.key] = Match(by_email=has_unique_emails and has_email)
            continue
        user, likeness = next((users[hit], likeness) for hit, likeness in hits.items())
        if len(hits) == 1 and likeness.contradicts and entry.person is not None:
            shown = next(iter(user.values(type_ids.get("organisation_id", 0))), "") or str(user.id)
            name = shown_name(user.first_name, user.last_name, shown)
            doubt = doubt_between(entry.person, name, shown, likeness)
            matches[entry.key] = Match(doubt=doubt, contradicted=user)
        else:
            matches[entry.key] = Match(user=user, is_ambiguous=len(hits) > 1)
    return matches


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
