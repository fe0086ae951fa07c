"""The part of the plan for the rooms an exam is written in: made once per licence, booked for the flow, people placed.

What somebody has changed by hand in WISEflow stays: a booking that was moved or taken away, and who sits where.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from ladokflow.identifiers import normal
from ladokflow.messages import message
from sources.sync.plan.changes import BookRoom, CancelBooking, CreateRoom, PlaceParticipants, RoomChange
from sources.sync.plan.moments import is_same_moment, local, utc
from sources.sync.plan.times import Times
from sources.sync.plan.values import PARTICIPATION, Booking, Entry, Memory, Present, Wanted


@dataclass(frozen=True)
class _Wanted:
    """A room with its bookings: the one at the right time, if any, and ours from another time."""

    name: str
    identifier: str  # Ladok's own
    is_there: bool
    right: Booking | None
    old: tuple[Booking, ...]
    people: tuple[Entry, ...]  # who are to be placed; those who sit as they should are not among them


def plan_rooms(
    wanted: Wanted,
    present: Present,
    memory: Memory,
    entries: Sequence[Entry],
    times: Times,
) -> tuple[list[RoomChange], dict[str, list[str]]]:
    """The changes, and room name -> [start, end] of the bookings that are ours."""
    before: dict[str, list[str]] = dict(memory.followed.get("rooms", {}))
    start, end = times.start, times.end
    if not wanted.has_rooms or present.state > PARTICIPATION or start is None or end is None:
        return [], before
    identifiers: dict[str, str] = {}
    for exam in wanted.exams:
        if name := exam.room.strip():
            identifiers[name] = identifiers.get(name) or exam.room_id.strip()
    seats = _seats(present, before)
    rooms = []
    booked: dict[str, list[str]] = {}
    for name, identifier in identifiers.items():
        room = _room(name, identifier, present, before, entries, seats, start, end)
        booked[name] = [utc(start), utc(end)] if room is not None else before[name]
        rooms += [room] if room is not None else []
    placed = {entry.participant_id for room in rooms for entry in room.people}
    leaving = {entry.participant_id for entry in entries if not entry.is_kept}
    changes = [change for room in rooms for change in _changes(room, memory, placed | leaving, start, end)]
    return changes, booked


def _room(
    name: str,
    identifier: str,
    present: Present,
    before: Mapping[str, list[str]],
    entries: Sequence[Entry],
    seats: Mapping[int, _Seat],
    start: dt.datetime,
    end: dt.datetime,
) -> _Wanted | None:
    """None where our booking has been moved or taken away by hand: then it is left as it is."""
    room_in_wiseflow = next((room for room in present.rooms if normal(room.name) == normal(name)), None)
    bookings = [
        booking
        for booking in present.bookings
        if room_in_wiseflow is not None and booking.room_id == room_in_wiseflow.id
    ]
    right = next((booking for booking in bookings if _is_at(booking, [start, end])), None)
    old = tuple(booking for booking in bookings if booking is not right and _is_at(booking, before.get(name, [])))
    if name in before and right is None and not old:
        return None
    stays = {booking.id for booking in bookings} - {booking.id for booking in old}
    people = tuple(
        entry
        for entry in entries
        if entry.person is not None and entry.room.strip() == name and _is_to_be_placed(entry, name, seats, stays)
    )
    return _Wanted(name, identifier, room_in_wiseflow is not None, right, old, people)


@dataclass(frozen=True)
class _Seat:
    booking_id: int
    room: str
    is_ours: bool  # the booking is


def _seats(present: Present, before: Mapping[str, list[str]]) -> dict[int, _Seat]:
    """Where each participant sits: WISEflow lets nobody sit in two bookings of a flow."""
    names = {room.id: normal(room.name) for room in present.rooms}
    times = {normal(name): when for name, when in before.items()}
    return {
        participant_id: _Seat(booking.id, name, _is_at(booking, times.get(name, [])))
        for booking in present.bookings
        for name in [names.get(booking.room_id, "")]
        for participant_id in booking.participant_ids
    }


def _is_to_be_placed(entry: Entry, name: str, seats: Mapping[int, _Seat], stays: Collection[int]) -> bool:
    """Whoever sits nowhere, or where we have put them ourselves when Ladok said so; nobody whom somebody has placed."""
    seat = seats.get(entry.participant_id) if entry.participant_id is not None else None
    if seat is None:
        return True
    if seat.booking_id in stays:
        return False
    if seat.room == normal(name):
        return seat.is_ours
    return seat.is_ours and entry.known is not None and normal(entry.known.room) == seat.room


def _changes(
    room: _Wanted, memory: Memory, taken: Collection[int | None], start: dt.datetime, end: dt.datetime
) -> list[RoomChange]:
    """`taken`: participants who are placed in one of the rooms, or leave the flow."""
    changes: list[RoomChange] = []
    name = room.name
    # They were placed in our booking by hand, and come along to the new one.
    carried = [pk for booking in room.old for pk in sorted(booking.participant_ids) if pk not in taken]
    count = len(room.people) + len(carried)
    if not room.is_there:
        text = message("sources.change.room_made", room=name)
        changes.append(CreateRoom(room=name, identifier=room.identifier, capacity=count, message=text))
    if room.right is None:
        text = message(
            "sources.change.room_booked", room=name, start=local(start, memory.tz), end=local(end, memory.tz)
        )
        changes.append(BookRoom(room=name, start_at=start, end_at=end, message=text))
    if count:
        changes.append(
            PlaceParticipants(
                room=name,
                keys=tuple(entry.key for entry in room.people),
                carried=tuple(carried),
                booking_id=room.right.id if room.right is not None else None,
                message=message("sources.change.room_placed", room=name, count=count),
            )
        )
    for booking in room.old:
        text = message("sources.change.room_unbooked", room=name)
        changes.append(CancelBooking(room=name, booking_id=booking.id, message=text))
    return changes


def _is_at(booking: Booking, times: Sequence[dt.datetime | str]) -> bool:
    return len(times) == 2 and is_same_moment(booking.start_at, times[0]) and is_same_moment(booking.end_at, times[1])
