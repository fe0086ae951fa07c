"""What becomes of the registrations of one code, now that its list has been read. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ladokflow.ladok.base import Exam, Person
from ladokflow.messages import Message, message
from ladokflow.privacy import shown_name
from sources.sync.plan.namesakes import namesakes
from sources.sync.plan.pairing import (
    KINDS,
    Identifiers,
    Likeness,
    Pairing,
    Said,
    identifiers_of,
    pair,
    said_pairs,
    without_shared,
)


@dataclass(frozen=True, slots=True)
class Seat:
    """A participant of the flow, as the code may know them: by their registration on it, where there is one.

    What the registration has no value of is taken from the participant's row, but never an exam id: that is another code's.
    """

    participant: Person
    registration: Person | None = None
    is_listed: bool = False
    said: tuple[Said, ...] = ()  # by managers, of people whom Ladok may have meant by it

    @property
    def name(self) -> str:
        return shown_name(self.participant.first_name, self.participant.last_name, self.participant.organisation_id)

    @property
    def identifiers(self) -> Identifiers:
        row = identifiers_of(self.participant)
        if self.registration is None:
            return row
        own = identifiers_of(self.registration, KINDS)
        return own if row.keys() <= own.keys() else {**row, **own}


@dataclass(frozen=True)
class Reading:
    """By the seats' numbers: whom the list has, and as what; who is no longer on it; and of whom that cannot be told, and why.

    `claims` has the person in Ladok whom a seat in doubt cannot be told from: nobody where the doubt is another. `problems` tell
    of those in doubt. `distrust` is why the list may have somebody whom nobody can find there.
    """

    listed: dict[int, Person] = field(default_factory=dict)
    gone: tuple[int, ...] = ()
    doubts: dict[int, Message] = field(default_factory=dict)
    claims: dict[int, Person] = field(default_factory=dict)
    problems: tuple[Message, ...] = ()
    distrust: Message | None = None


def read_list(exam: Exam, seats: Sequence[Seat], *, held: Message | None = None, holds: bool = True) -> Reading:
    """`held`: why nobody of this code may go, where that has been decided for the whole flow; `holds` False where a manager has
    seen who would go, and wants them gone."""
    people = [identifiers_of(person, KINDS) for person in exam.people]
    said = said_pairs(people, [seat.said for seat in seats])
    found = pair(without_shared(people), [seat.identifiers for seat in seats], said)
    listed = {seat: exam.people[person] for person, seat in found.pairs.items()}
    doubts = {
        seat: tell_doubt(exam.people[person], seats[seat], likeness)
        for seat, (person, likeness) in found.right_doubts.items()
    }
    claims = {seat: exam.people[person] for seat, (person, _) in found.right_doubts.items()}
    alike = _namesakes(exam, seats, found, said)
    doubts |= {seat: tell_doubt(exam.people[person], seats[seat], Likeness()) for seat, person in alike.items()}
    claims |= {seat: exam.people[person] for seat, person in alike.items()}
    problems = _told(exam, seats, found, doubts)
    missing = [
        number for number, seat in enumerate(seats) if seat.is_listed and number not in listed and number not in doubts
    ]
    # Where there is a registration it is a question of its own, which a manager may answer.
    unasked = sum(seats[seat].registration is None for seat, _ in found.left_doubts.values())
    distrusted = distrust(exam, doubts=unasked)
    reason = held or distrust(exam, doubts=len(found.left_doubts))
    if reason is not None and holds:
        doubts, missing = doubts | dict.fromkeys(missing, reason), []
    return Reading(listed, tuple(missing), doubts, claims, problems, distrusted)


def _namesakes(
    exam: Exam, seats: Sequence[Seat], found: Pairing, said: Mapping[tuple[int, int], bool]
) -> dict[int, int]:
    """By seat: whoever has been registered, is nobody on the list now, and has the name of somebody new on it."""
    placed = set(found.pairs.values()) | set(found.right_doubts)
    missing = {
        number: seat.participant
        for number, seat in enumerate(seats)
        if seat.registration is not None and number not in placed
    }
    known = set(found.pairs) | set(found.left_doubts)
    new = {number: person for number, person in enumerate(exam.people) if number not in known}
    return {seat: person for seat, person in namesakes(missing, new).items() if said.get((person, seat)) is not False}


def distrust(exam: Exam, *, doubts: int = 0) -> Message | None:
    """Why a list is not believed when it no longer has somebody: it may be half a list."""
    missing = exam.expected - len(exam.people) if exam.expected is not None else 0
    wrong = exam.repeated + exam.unread + doubts + max(0, missing)
    return message("sources.list_distrusted", code=exam.code, count=wrong) if wrong else None


def tell_doubt(person: Person, seat: Seat, likeness: Likeness) -> Message:
    return doubt_between(person, seat.name, seat.participant.organisation_id, likeness)


def doubt_between(person: Person, other: str, other_id: str, likeness: Likeness) -> Message:
    """In words, without the numbers themselves."""
    kind = "several" if likeness.is_same else likeness.agree[0] if likeness.agree else "name"
    name = shown_name(person.first_name, person.last_name, person.organisation_id)
    facts = {"name": name, "organisation_id": person.organisation_id, "other": other, "other_id": other_id}
    return message(f"sources.doubt.{kind}", **facts)


def _told(exam: Exam, seats: Sequence[Seat], found: Pairing, doubts: dict[int, Message]) -> tuple[Message, ...]:
    people = [
        tell_doubt(exam.people[person], seats[seat], likeness) for person, (seat, likeness) in found.left_doubts.items()
    ]
    return tuple({str(told.to_json()): told for told in [*people, *doubts.values()]}.values())
