"""A small model of WISEflow and of our rows, without any network: a plan is done to it, change by change."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import TypeAdapter

from ladokflow.ladok.base import Exam
from ladokflow.wiseflow.schemas import FlowDates, FlowParticipant, Room, Staff
from sources.sync.plan.changes import (
    DATE_FIELDS,
    AddParticipant,
    AddStaff,
    AllocateToCode,
    BookRoom,
    CancelBooking,
    Change,
    CreateRoom,
    DeactivateParticipant,
    DeallocateFromCode,
    PlaceParticipants,
    Plan,
    ReactivateParticipant,
    RemoveParticipant,
    RemoveStaff,
    SetCode,
    SetDates,
    SetGradingScale,
    SetIndividualEnd,
    SetSubtitle,
    SetTitle,
    SetUniqueExamId,
    UpdateUser,
)
from sources.sync.plan.plan import plan
from sources.sync.plan.values import Booking, Entry, Known, Memory, Present, Wanted, WantedStaff

TZ = zoneinfo.ZoneInfo("Europe/Stockholm")
CREATED = dt.datetime(2026, 11, 1, 12, 0, tzinfo=dt.UTC)
ID_TYPE = "Personal Organisation Id"
IDENTITY = ("organisation_id", "first_name", "last_name", "email", "national_id", "external_user_id")

PARTICIPANT = TypeAdapter(FlowParticipant)


@dataclass
class Model:
    """`codes` are the flow's Ladok codes."""

    codes: tuple[str, ...]
    present: Present = field(default_factory=lambda: Present(state=0, scale_id=9))
    memory: Memory = field(
        default_factory=lambda: Memory(
            created_at=CREATED, tz=TZ, is_first=True, data_types={"organisation_id": ID_TYPE}
        )
    )
    last_id: int = 0
    ends: dict[str, dt.datetime] = field(default_factory=dict)  # of those who have one of their own, by organisation id

    def __post_init__(self) -> None:
        self.memory = replace(self.memory, external_sources=frozenset(self.codes))

    def next_id(self) -> int:
        self.last_id += 1
        return self.last_id

    def plan(self, wanted: Wanted) -> Plan:
        return plan(wanted, self.present, self.memory)

    def do(self, found: Plan, wanted: Wanted) -> None:
        """Apply the plan, and remember what a finished run remembers."""
        entries = {entry.key: entry for entry in found.entries}
        for change in found.changes:
            self._change(change, entries)
        kept = [self._row(entry) for entry in found.entries if entry.is_kept and self._has_row(entry)]
        self.memory = replace(
            self.memory,
            is_first=False,
            followed=found.followed,
            unfollowed=found.unfollowed,
            follows_dates=found.follows_dates,
            people=tuple(kept) if found.syncs_people else (*self.memory.people, *kept),
            person_counts={
                **self.memory.person_counts,
                **{exam.code: len(exam.people) for exam in wanted.exams if exam.code not in found.held_codes},
            },
        )

    def _has_row(self, entry: Entry) -> bool:
        return entry.known is not None or self._participant_id(entry) is not None

    def _row(self, entry: Entry) -> Known:
        person, known = entry.person, entry.known or Known(pk=self.next_id(), is_from_source=False)
        row = replace(
            known,
            wiseflow_id=self._participant_id(entry) or known.wiseflow_id,
            is_active=entry.is_active,
            is_activation_manual=entry.is_activation_manual,
        )
        if person is None:
            there = entry.present.external_ids[0].value if entry.present is not None else ""
            return row if row.organisation_id else replace(row, organisation_id=there)
        values = {name: getattr(person, name) or getattr(known, name) for name in IDENTITY}
        return replace(
            row,
            **values,
            codes=frozenset(entry.codes),
            individual_end_at=entry.end_at,
            room=entry.room,
            is_from_source=True,
        )

    # --- WISEflow ------------------------------------------------------------------------------------------------

    def participant(self, organisation_id: str) -> FlowParticipant | None:
        found = (row for row in self.present.participants if row.external_ids[0].value == organisation_id)
        return next(found, None)

    def add_participant(self, organisation_id: str, unique_exam_id: str = "") -> None:
        number = self.next_id()
        row = {
            "participantId": number,
            "uniqueExamId": unique_exam_id,
            "activated": True,
            "user": {"id": 1000 + number, "externalIds": [{"name": ID_TYPE, "value": organisation_id}]},
        }
        self._set(participants=(*self.present.participants, PARTICIPANT.validate_python(row)))

    def change_participant(self, organisation_id: str, **fields: Any) -> None:
        self._set(
            participants=tuple(
                replace(row, **fields) if row.external_ids[0].value == organisation_id else row
                for row in self.present.participants
            )
        )

    def remove_participant(self, organisation_id: str) -> None:
        gone = self.participant(organisation_id)
        left = (row for row in self.present.participants if row is not gone)
        self._set(participants=tuple(left))
        if gone is not None:
            self._bookings(lambda row: replace(row, participant_ids=row.participant_ids - {gone.id}))

    def seat(self, booking_id: int, ids: frozenset[int]) -> None:
        """As WISEflow's call does: these people and nobody else in this booking, and in no other."""
        self._bookings(
            lambda row: replace(row, participant_ids=ids if row.id == booking_id else row.participant_ids - ids)
        )

    def seat_by_hand(self, organisation_ids: frozenset[str]) -> int:
        """In a booking of another room, made by hand too. Gives the booking."""
        room = Room.model_validate({"id": self.next_id(), "name": f"Källare {self.last_id}"})
        booking = Booking(self.next_id(), room.id, CREATED, CREATED)
        self._set(rooms=(*self.present.rooms, room), bookings=(*self.present.bookings, booking))
        rows = filter(None, map(self.participant, organisation_ids))
        self.seat(booking.id, frozenset(row.id for row in rows))
        return booking.id

    def add_staff(self, role: str, user_id: int) -> None:
        there = Staff.model_validate({"managerId": self.next_id(), "user": {"userId": user_id}})
        self._set(staff={**self.present.staff, role: (*self.present.staff.get(role, ()), there)})

    def remove_staff(self, role: str, user_id: int) -> None:
        left = tuple(row for row in self.present.staff.get(role, ()) if row.user_id != user_id)
        self._set(staff={**self.present.staff, role: left})

    def _set(self, **fields: Any) -> None:
        self.present = replace(self.present, **fields)

    def _participant_id(self, entry: Entry) -> int | None:
        row = self.participant(self._id_of(entry))
        return row.id if row is not None else None

    def _id_of(self, entry: Entry) -> str:
        if entry.present is not None:
            return entry.present.external_ids[0].value
        return entry.organisation_id

    # --- The changes, each by its kind ---------------------------------------------------------------------------

    def _change(self, change: Change, entries: dict[str, Entry]) -> None:
        match change:
            case SetTitle():
                self._set(title=change.value)
            case SetSubtitle():
                self._set(subtitle=change.value)
            case SetCode():
                self._set(code=change.value)
            case SetDates():
                self._set(dates=FlowDates(**{name: getattr(change, name) for name in DATE_FIELDS}))
            case SetGradingScale():
                self._set(scale_id=change.scale_id)
            case AddParticipant():
                person = entries[change.key].person
                names = {"first_name": person.first_name, "last_name": person.last_name}
                self.add_participant(person.organisation_id, person.unique_exam_id)
                self.change_participant(person.organisation_id, **names)
            case UpdateUser():
                person = entries[change.key].person
                self._of_one(change, entries, first_name=person.first_name, last_name=person.last_name)
            case SetUniqueExamId():
                self._of_one(change, entries, unique_exam_id=change.unique_exam_id)
            case ReactivateParticipant():
                self._of_one(change, entries, activated=True)
            case DeactivateParticipant():
                self._of_one(change, entries, activated=False)
            case RemoveParticipant():
                self.remove_participant(self._id_of(entries[change.key]))
            case SetIndividualEnd():
                self.ends.pop(self._id_of(entries[change.key]), None)
                self.ends |= {self._id_of(entries[change.key]): change.end_at} if change.end_at is not None else {}
            case AllocateToCode() | DeallocateFromCode():
                pass  # what WISEflow is not asked about when a plan is made: our rows remember it
            case AddStaff():
                self.add_staff(change.staff.role, change.staff.user_id)
            case RemoveStaff():
                rows = self.present.staff[change.role]
                self.remove_staff(change.role, next(row.user_id for row in rows if row.id == change.staff_id))
            case CreateRoom():
                room = Room.model_validate({"id": self.next_id(), "name": change.room})
                self._set(rooms=(*self.present.rooms, room))
            case BookRoom():
                room = next(room for room in self.present.rooms if room.name == change.room)
                booking = Booking(self.next_id(), room.id, change.start_at, change.end_at)
                self._set(bookings=(*self.present.bookings, booking))
            case PlaceParticipants():
                ids = frozenset(filter(None, (self._participant_id(entries[key]) for key in change.keys)))
                booking_id = change.booking_id or self.present.bookings[-1].id
                present = next(row.participant_ids for row in self.present.bookings if row.id == booking_id)
                self.seat(booking_id, present | ids | frozenset(change.carried))
            case CancelBooking():
                self._bookings(lambda row: None if row.id == change.booking_id else row)
            case _:
                raise TypeError(change)  # a kind that this model does not know proves nothing

    def _of_one(self, change: Change, entries: dict[str, Entry], **fields: Any) -> None:
        self.change_participant(self._id_of(entries[change.key]), **fields)

    def _bookings(self, of: Callable[[Booking], Booking | None]) -> None:
        self._set(bookings=tuple(row for row in map(of, self.present.bookings) if row is not None))


def wanted_of(exams: tuple[Exam, ...], staff: tuple[tuple[str, int], ...], scale_id: int | None) -> Wanted:
    return Wanted(
        exams=exams,
        staff=tuple(WantedStaff(role=role, user_id=user_id, first_name=f"User {user_id}") for role, user_id in staff),
        scale_id=scale_id,
        has_rooms=any(exam.room for exam in exams),
    )
