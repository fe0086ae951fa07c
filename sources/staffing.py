"""The parts of the plan for those who work with a flow, and for the rooms it is written in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from ladokflow.messages import Message, message
from sources.following import is_same_moment
from sources.plan import PARTICIPATION, SETUP, Booking, Change, Entry, Memory, Present, Wanted

ROLES = ("manager", "assessor", "reviewer", "invigilator", "author")


def plan_staff(wanted: Wanted, present: Present, memory: Memory) -> tuple[list[Change], list[Message], list[list[Any]]]:
    """The changes, the problems, and the [role, user id] pairs that are ours from now on.

    Staff are added until marking ends. They are removed in setup only, and only those we had added ourselves. Somebody
    whom we had added and who is gone has been taken away by hand: they are not added again.
    """
    changes: list[Change] = []
    problems: list[Message] = []
    before = {(role, user_id) for role, user_id in memory.followed.get("staff", ())}
    ours: set[tuple[str, int]] = set()
    for one in wanted.staff:
        if one.user_id is None:
            problems.append(message("sources.staff_created", name=one.name, organisation_id=one.organisation_id))
        elif (one.role, one.user_id) in ours:
            continue
        else:
            pair = (one.role, one.user_id)
            ours.add(pair)
            there = {staff.user_id for staff in present.staff.get(one.role, ())}
            if one.user_id in there or (pair in before and not memory.is_first):
                continue
        text = message(f"sources.change.staff_added.{one.role}", name=one.name)
        changes.append(Change("staff.add", {"staff": one}, text))
    for role, user_id in sorted(before - ours):
        if present.state != SETUP:
            ours.add((role, user_id))
            continue
        for staff in present.staff.get(role, ()):
            if staff.user_id == user_id:
                text = message(f"sources.change.staff_removed.{role}", name=staff.name)
                changes.append(Change("staff.remove", {"role": role, "staff_id": staff.id}, text))
    return changes, problems, [list(pair) for pair in sorted(ours)]


def plan_rooms(
    wanted: Wanted,
    present: Present,
    memory: Memory,
    entries: Sequence[Entry],
    start: dt.datetime | None,
    end: dt.datetime | None,
) -> tuple[list[Change], dict[str, list[str]]]:
    """The changes, and room name -> [start, end] of the bookings that are ours.

    A room is made once per licence and booked for the time of the flow, and the participants of its campus are placed in
    it. A booking that has been moved or taken away by hand is left as it is.
    """
    before: dict[str, list[str]] = dict(memory.followed.get("rooms", {}))
    if not wanted.has_rooms or present.state > PARTICIPATION or start is None or end is None:
        return [], before
    changes: list[Change] = []
    booked: dict[str, list[str]] = {}
    for name in dict.fromkeys(exam.room.strip() for exam in wanted.exams if exam.room.strip()):
        room = next((room for room in present.rooms if room.name.casefold() == name.casefold()), None)
        bookings = [booking for booking in present.bookings if room is not None and booking.room_id == room.id]
        right = next((booking for booking in bookings if _is_at(booking, [start, end])), None)
        old = [booking for booking in bookings if booking is not right and _is_at(booking, before.get(name, []))]
        if name in before and right is None and not old:
            booked[name] = before[name]
            continue
        booked[name] = [start.isoformat(), end.isoformat()]
        people = [entry for entry in entries if entry.person is not None and entry.room.strip() == name]
        if room is None:
            text = message("sources.change.room_made", room=name)
            changes.append(Change("rooms.create", {"name": name, "capacity": len(people)}, text))
        if right is None:
            text = message(
                "sources.change.room_booked", room=name, start=_local(start, memory), end=_local(end, memory)
            )
            changes.append(Change("rooms.book", {"room": name, "start_at": start, "end_at": end}, text))
        there = right.participant_ids if right is not None else frozenset()
        if any(entry.participant_id not in there for entry in people):
            text = message("sources.change.room_placed", room=name, count=len(people))
            keys = [entry.key for entry in people]
            data = {"room": name, "keys": keys, "booking_id": right.id if right is not None else None}
            changes.append(Change("rooms.place", data, text))
        for booking in old:
            text = message("sources.change.room_unbooked", room=name)
            changes.append(Change("rooms.unbook", {"booking_id": booking.id}, text))
    return changes, booked


def _is_at(booking: Booking, times: Sequence[dt.datetime | str]) -> bool:
    return len(times) == 2 and is_same_moment(booking.start_at, times[0]) and is_same_moment(booking.end_at, times[1])


def _local(moment: dt.datetime, memory: Memory) -> str:
    return f"{moment.astimezone(memory.tz):%Y-%m-%d %H:%M}"
