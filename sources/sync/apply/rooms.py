"""Rooms on their way into WISEflow: made where they are missing, booked, and people placed in them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from ladokflow.messages import message
from sources.sync.apply.room_lock import TurnTaken, rooms_turn
from sources.sync.apply.work import Work
from sources.sync.plan.values import Change


class Seating:
    """`wait_seconds`: how long to wait for another worker that is making the same room."""

    def __init__(self, work: Work, *, wait_seconds: float) -> None:
        self.work = work
        self.wait_seconds = wait_seconds
        self._room_ids = {room.name.casefold(): room.id for room in work.gathered.present.rooms}
        self._bookings: dict[str, int] = {}

    def apply(self, changes: Sequence[Change]) -> None:
        for change in changes:
            room = change.data["room"]
            if self._hangs_on_a_refusal(change, room):
                # Told where it was refused. An earlier booking is kept until there is a new one.
                self.work.result.refused.add((change.kind, room))
                continue
            verb = change.kind.partition(".")[2]
            try:
                self.work.attempt(change, partial(getattr(self, f"_{verb}"), change), key=room)
            except TurnTaken:
                self.work.not_done(change, room, message("sources.room_awaited", room=room))

    def _hangs_on_a_refusal(self, change: Change, room: str) -> bool:
        before = {
            "rooms.book": ["create"],
            "rooms.place": ["create", "book"],
            "rooms.unbook": ["create", "book", "place"],
        }
        return any((f"rooms.{verb}", room) in self.work.result.refused for verb in before.get(change.kind, ()))

    def _create(self, change: Change) -> None:
        name = change.data["room"]
        with rooms_turn(self.work.gathered.flow.source, name, wait_seconds=self.wait_seconds):
            self.work.lease.renew()
            # Another flow of the campus may have got it made since the plan.
            there = next((room for room in self.work.client.rooms() if room.name.casefold() == name.casefold()), None)
            room = there or self.work.client.create_room(
                name=name, capacity=max(1, change.data["capacity"]), campus=name
            )
        self._room_ids[name.casefold()] = room.id

    def _book(self, change: Change) -> None:
        data = change.data
        room_id = self._room_ids[data["room"].casefold()]
        booking = self.work.client.book_room(self.work.flow_id, room_id, data["start_at"], data["end_at"])
        self._bookings[data["room"]] = booking.id

    def _place(self, change: Change) -> None:
        booking_id = change.data["booking_id"] or self._bookings[change.data["room"]]
        new = self.work.ids_of(change.data["keys"])
        # The call replaces everybody: who sits there stays, also those whom somebody has placed by hand since the plan.
        present = self.work.client.booking_participants(self.work.flow_id, booking_id)
        everybody = list(dict.fromkeys([*present, *change.data["carried"], *new]))
        self.work.client.put_booking_participants(self.work.flow_id, booking_id, everybody)

    def _unbook(self, change: Change) -> None:
        self.work.client.delete_booking(self.work.flow_id, change.data["booking_id"])
