"""Rooms of the licence and their bookings on a flow. Refusals here are declared text/plain and hold JSON all the same."""

from __future__ import annotations

from typing import Any

from ladokflow.sandbox.answers import Call, Refusal, Reply
from ladokflow.sandbox.seeding import room
from ladokflow.sandbox.state import State
from ladokflow.sandbox.wiseflow.base import body_of, envelope, flow_of, member_of, open_flow_of, page, route

MOST_ROOMS = 300
TEXTS = ("name", "description", "identifier", "building", "address", "campus")
BOOKINGS = "/flows/{flowId}/room-bookings"
BOOKING = BOOKINGS + "/{roomBookingId}"


def _fields(call: Call) -> dict[str, Any]:
    kinds = {"name": "text", **dict.fromkeys(TEXTS[1:], "text?"), "capacity": "number", "canBeBooked": "yes-no"}
    body = body_of(call, "name", "capacity", "canBeBooked", **kinds)
    if any(len(body.get(key) or "") > 250 for key in TEXTS):
        raise Refusal(400, "A text is longer than 250 characters")
    return {key: body[key] for key in kinds if key in body}


@route("GET", "/license/rooms")
def several(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    rows, more = page(state, call, list(licence["rooms"].values()), most=100, default=50)
    return envelope(list(rows), **more)


@route("POST", "/license/rooms")
def create(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    fields = _fields(call)
    if len(licence["rooms"]) >= MOST_ROOMS:
        raise Refusal(400, f"A license can have at most {MOST_ROOMS} rooms")
    made = room(state.next_id("row"), fields)
    licence["rooms"][str(made["id"])] = made
    return Reply(201, made)


@route("GET", "/license/rooms/{roomId}")
def one(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    return Reply(body=member_of(licence["rooms"], call, "roomId", "Room"))


@route("PUT", "/license/rooms/{roomId}")
def replace(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    found = member_of(licence["rooms"], call, "roomId", "Room")
    found.update(room(found["id"], _fields(call)))
    return Reply(body=found)


@route("DELETE", "/license/rooms/{roomId}")
def delete(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    member_of(licence["rooms"], call, "roomId", "Room")
    del licence["rooms"][call.parts["roomId"]]
    return Reply(204)


@route("GET", "/license/rooms/{roomId}/flows")
def flows(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    number = member_of(licence["rooms"], call, "roomId", "Room")["id"]
    found = state.data["wiseflow"]["flows"].values()
    return envelope([flow["id"] for flow in found if any(row["roomId"] == number for row in flow["bookings"].values())])


def _shape(booking: dict[str, Any]) -> dict[str, Any]:
    return {"roomBookingId": booking["id"], "roomId": booking["roomId"], "from": booking["from"], "to": booking["to"]}


@route("GET", BOOKINGS)
def bookings(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    rows, more = page(state, call, list(flow_of(state, call, licence)["bookings"].values()), most=50)
    return envelope([_shape(booking) for booking in rows], **more)


@route("POST", BOOKINGS)
def book(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    flow = open_flow_of(state, call, licence)
    body = body_of(call, "roomId", "from", "to", **{"roomId": "number", "from": "number", "to": "number"})
    wanted = licence["rooms"].get(str(body["roomId"]))
    if wanted is None:
        raise Refusal(404, "Room not found")
    if body["to"] <= body["from"]:
        raise Refusal(400, "The end must be after the start")
    if not wanted["canBeBooked"]:
        raise Refusal(403, "The room cannot be booked")
    booking = {
        "id": state.next_id("row"),
        "roomId": wanted["id"],
        "from": body["from"],
        "to": body["to"],
        "participants": {},
    }
    flow["bookings"][str(booking["id"])] = booking
    return envelope(_shape(booking), status=201)


def _booking(state: State, call: Call, licence: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    flow = open_flow_of(state, call, licence)
    return flow, member_of(flow["bookings"], call, "roomBookingId", "Room booking")


@route("DELETE", BOOKING)
def unbook(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    flow, booking = _booking(state, call, licence)
    del flow["bookings"][str(booking["id"])]
    return Reply(204)


@route("GET", BOOKING + "/participants")
def seated(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    booking = member_of(flow_of(state, call, licence)["bookings"], call, "roomBookingId", "Room booking")
    return envelope([int(key) for key in booking["participants"]])


@route("PUT", BOOKING + "/participants")
def seat(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    flow, booking = _booking(state, call, licence)
    wanted = [str(number) for number in body_of(call, "participantIds", participantIds="list")["participantIds"]]
    if any(number not in flow["participants"] for number in wanted):
        raise Refusal(400, "Participant not found")
    booking["participants"] = {}
    _seat(flow, booking, wanted)
    return envelope(status=201)


def _seat(flow: dict[str, Any], booking: dict[str, Any], wanted: list[str]) -> None:
    """A person sits in one room only: the other bookings let go of them."""
    for number in wanted:
        for other in flow["bookings"].values():
            other["participants"].pop(number, None)
        booking["participants"][number] = True


@route("DELETE", BOOKING + "/participants")
def clear(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    _booking(state, call, licence)[1]["participants"] = {}
    return Reply(204)


@route("POST", BOOKING + "/participants/{participantId}")
def seat_one(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    flow, booking = _booking(state, call, licence)
    member_of(flow["participants"], call, "participantId", "Participant")
    _seat(flow, booking, [call.parts["participantId"]])
    return envelope(status=201)


@route("DELETE", BOOKING + "/participants/{participantId}")
def unseat_one(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    _, booking = _booking(state, call, licence)
    member_of(booking["participants"], call, "participantId", "Participant")
    del booking["participants"][call.parts["participantId"]]
    return Reply(204)
