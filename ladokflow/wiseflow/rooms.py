"""Rooms of the licence and their bookings on a flow."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from ladokflow.wiseflow.connection import Connection
from ladokflow.wiseflow.errors import WiseflowError
from ladokflow.wiseflow.flows import seconds
from ladokflow.wiseflow.schemas import Room, RoomBooking

ROOM_PAGE = 100
BOOKING_PAGE = 50
NAME_LENGTH = 250
NOT_FOUND = 404


class Rooms(Connection):
    def rooms(self) -> list[Room]:
        """GET /license/rooms"""
        return self.get_all("/license/rooms", Room, limit=ROOM_PAGE)

    def create_room(
        self, *, name: str, capacity: int, identifier: str = "", campus: str = "", can_be_booked: bool = True
    ) -> Room:
        """POST /license/rooms. Texts of at most 250 characters; a licence may have 300 rooms."""
        body = {
            "name": name[:NAME_LENGTH],
            "capacity": capacity,
            "canBeBooked": can_be_booked,
            "identifier": identifier[:NAME_LENGTH] or None,
            "campus": campus[:NAME_LENGTH] or None,
        }
        room: Room = self.write("POST", "/license/rooms", body, Room)
        return room

    def room_bookings(self, flow_id: int) -> list[RoomBooking]:
        """GET /flows/{flowId}/room-bookings"""
        return self.get_all(f"/flows/{flow_id:d}/room-bookings", RoomBooking, limit=BOOKING_PAGE)

    def book_room(self, flow_id: int, room_id: int, start: dt.datetime, end: dt.datetime) -> RoomBooking:
        """POST /flows/{flowId}/room-bookings"""
        body = {"roomId": room_id, "from": seconds(start), "to": seconds(end)}
        booking: RoomBooking = self.write("POST", f"/flows/{flow_id:d}/room-bookings", body, RoomBooking)
        return booking

    def delete_booking(self, flow_id: int, booking_id: int) -> bool:
        """DELETE /flows/{flowId}/room-bookings/{roomBookingId}; False where it was gone."""
        try:
            self.write("DELETE", f"/flows/{flow_id:d}/room-bookings/{booking_id:d}")
        except WiseflowError as error:
            if error.status != NOT_FOUND:
                raise
            return False
        return True

    def booking_participants(self, flow_id: int, booking_id: int) -> list[int]:
        """GET /flows/{flowId}/room-bookings/{roomBookingId}/participants: participant ids."""
        ids: list[int] | None = self.get(
            f"/flows/{flow_id:d}/room-bookings/{booking_id:d}/participants", list[int] | None
        )
        return ids or []

    def put_booking_participants(self, flow_id: int, booking_id: int, participant_ids: Sequence[int]) -> None:
        """PUT /flows/{flowId}/room-bookings/{roomBookingId}/participants

        Replaces all of the booking, and takes these people out of every other booking of the flow.
        """
        path = f"/flows/{flow_id:d}/room-bookings/{booking_id:d}/participants"
        self.write("PUT", path, {"participantIds": list(participant_ids)})
