"""Rooms on their way into WISEflow: made where they are missing, booked, and people placed in them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import assert_never

from ladokflow.identifiers import normal
from ladokflow.messages import message
from sources.sync.apply.room_lock import TurnTaken, rooms_turn
from sources.sync.apply.work import Work
from sources.sync.plan.changes import BookRoom, CancelBooking, CreateRoom, PlaceParticipants, RoomChange

# What a change of a room hangs on, besides the flow's dates: where that was refused, it is not tried.
NEEDS: dict[type[RoomChange], tuple[type[RoomChange], ...]] = {
    CreateRoom: (),
    BookRoom: (CreateRoom,),
    PlaceParticipants: (CreateRoom, BookRoom),
    # An earlier booking is kept until there is a new one.
    CancelBooking: (CreateRoom, BookRoom, PlaceParticipants),
}


class Seating:
    """`wait_seconds`: how long to wait for another worker that is making the same room."""

    def __init__(self, work: Work, *, wait_seconds: float) -> None:
        self.work = work
        self.wait_seconds = wait_seconds
        self._room_ids = {normal(room.name): room.id for room in work.gathered.present.rooms}
        self._bookings: dict[str, int] = {}

    def apply(self, changes: Sequence[RoomChange]) -> None:
        for change in changes:
            refused = self.work.result.refused
            if self.work.result.has_refused_dates or any(
                (kind, change.room) in refused for kind in NEEDS[type(change)]
            ):
                refused.add((type(change), change.key))  # told where it was refused
                continue
            try:
                self.work.attempt(change, partial(self._change, change))
            except TurnTaken:
                self.work.not_done(change, message("sources.room_awaited", room=change.room))

    def _change(self, change: RoomChange) -> None:
        match change:
            case CreateRoom():
                self._create(change)
            case BookRoom():
                self._book(change)
            case PlaceParticipants():
                self._place(change)
            case CancelBooking():
                self.work.client.delete_booking(self.work.flow_id, change.booking_id)
            case _:
                assert_never(change)

    def _create(self, change: CreateRoom) -> None:
        name = change.room
        with rooms_turn(self.work.gathered.flow.source, name, wait_seconds=self.wait_seconds):
            self.work.lease.renew()
            # Another flow of the campus may have got it made since the plan.
            present = next((room for room in self.work.client.rooms() if normal(room.name) == normal(name)), None)
            room = present or self.work.client.create_room(
                name=name, capacity=max(1, change.capacity), identifier=change.identifier, campus=name
            )
        self._room_ids[normal(name)] = room.id

    def _book(self, change: BookRoom) -> None:
        room_id = self._room_ids[normal(change.room)]
        booking = self.work.client.book_room(self.work.flow_id, room_id, change.start_at, change.end_at)
        self._bookings[change.room] = booking.id

    def _place(self, change: PlaceParticipants) -> None:
        booking_id = change.booking_id or self._bookings[change.room]
        new = self.work.ids_of(change.keys)
        # The call replaces everybody: who sits there stays, also those whom somebody has placed by hand since the plan.
        present = self.work.client.booking_participants(self.work.flow_id, booking_id)
        everybody = list(dict.fromkeys([*present, *change.carried, *new]))
        self.work.client.put_booking_participants(self.work.flow_id, booking_id, everybody)
