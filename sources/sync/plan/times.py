"""Moments that depend on one another: a flow's dates, the end that one person has, and the booking of a room. Pure.

They are checked together whenever one of them moves, by Ladok or by hand: what would contradict is not written, and is told by
name.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from typing import Protocol

from ladokflow.ladok.base import Person
from ladokflow.messages import Message, message
from ladokflow.privacy import shown_name
from sources.sync.plan.changes import CancelBooking, Change, RoomChange, SetDates, SetIndividualEnd
from sources.sync.plan.moments import SAME_MOMENT, is_same_moment, local
from sources.sync.plan.values import MARKING, Booking, Entry, Known, Memory, Present


@dataclass(frozen=True)
class Times:
    """A flow's four dates. None where WISEflow has none, or has them elsewhere."""

    start: dt.datetime | None
    end: dt.datetime | None
    marking_start: dt.datetime | None
    marking_end: dt.datetime | None

    @property
    def go_together(self) -> bool:
        start, end, marking_start, marking_end = self.start, self.end, self.marking_start, self.marking_end
        if start is None or end is None or marking_start is None or marking_end is None:
            return False
        return start < end < marking_start < marking_end

    def are_same(self, other: Times) -> bool:
        return all(map(is_same_moment, astuple(self), astuple(other)))

    def allow_end(self, moment: dt.datetime) -> bool:
        """Whether one person's participation can end then: after it has begun, and before marking ends."""
        return (self.start is None or self.start < moment) and (self.marking_end is None or moment < self.marking_end)

    def are_within(self, booking: Booking) -> bool:
        """Whether the room is there for the whole of participation."""
        if None in (self.start, self.end, booking.start_at, booking.end_at):
            return True
        return booking.start_at < self.start + SAME_MOMENT and self.end - SAME_MOMENT < booking.end_at  # type: ignore[operator]


class _Dates(Protocol):
    @property
    def participation_start_at(self) -> dt.datetime | None: ...
    @property
    def participation_end_at(self) -> dt.datetime | None: ...
    @property
    def marking_start_at(self) -> dt.datetime | None: ...
    @property
    def marking_end_at(self) -> dt.datetime | None: ...


def times_of(dates: _Dates) -> Times:
    """Of a flow in WISEflow, of our row of it, or of a change."""
    return Times(
        start=dates.participation_start_at,
        end=dates.participation_end_at,
        marking_start=dates.marking_start_at,
        marking_end=dates.marking_end_at,
    )


def times_after(changes: Iterable[Change], present: Present) -> Times:
    """The dates that are in force once the changes are done."""
    return times_of(next((change for change in changes if isinstance(change, SetDates)), present.dates))


# --- One person's end --------------------------------------------------------------------------------------------------


def own_end(entry: Entry, memory: Memory, times: Times) -> tuple[dt.datetime | None, Message | None]:
    """When the person ends, and what contradicts. None for those who end with everybody else, and for flows that have no
    individual dates. An end that the flow's dates do not allow is not taken: the person keeps the one they have."""
    says = entry.person.individual_end_at if entry.person is not None else None
    if says is None or not memory.has_individual_dates or is_same_moment(says, times.end):
        return None, None
    if times.allow_end(says):
        return says, None
    has = entry.known.individual_end_at if entry.known is not None else None
    return has, _contradiction(entry.person or Person(), entry.name, says, times, memory)


def tell_ends(people: Iterable[Known], memory: Memory, times: Times) -> list[Message]:
    """Of those who do not follow Ladok any more: whose own end the flow's dates do not allow."""
    return [
        _contradiction(known, known.name, known.individual_end_at, times, memory)
        for known in people
        if known.is_active and known.individual_end_at is not None and not times.allow_end(known.individual_end_at)
    ]


def tell_hand_set_end(present: Present, memory: Memory, times: Times) -> list[Message]:
    """WISEflow tells the latest end that somebody has, not whose it is: where we do not know it, somebody has set it by hand."""
    latest = present.dates.latest_individual_end_at
    ours = [present.dates.participation_end_at, *(known.individual_end_at for known in memory.people)]
    ours += present.own_ends.values()
    if latest is None or times.allow_end(latest) or any(is_same_moment(latest, own) for own in ours):
        return []
    return [message("sources.hand_set_end_outside", end=_local(latest, memory), **_shown(times, memory))]


def tell_own_ends(
    entries: Sequence[Entry],
    changes: Iterable[Change],
    present: Present,
    memory: Memory,
    times: Times,
    *,
    opens: bool,
) -> tuple[list[Message], list[int]]:
    """Whose end in WISEflow the flow's dates do not allow, set by hand or left behind, and who is told of nowhere else. Gives their
    participant ids, too: they are asked about until it is clear. `opens`: participants follow Ladok still; else `tell_ends` tells of
    those whose end is Ladok's."""
    if not present.own_ends:
        return [], []
    written = {change.key for change in changes if isinstance(change, SetIndividualEnd)}
    settled = {entry.participant_id for entry in entries if entry.key in written or own_end(entry, memory, times)[1]}
    if not opens:
        settled |= {known.wiseflow_id for known in memory.people if known.individual_end_at is not None}
    outside = [
        row
        for row in present.participants
        if row.id in present.own_ends and row.id not in settled and not times.allow_end(present.own_ends[row.id])
    ]
    told = [
        message(
            "sources.own_end_outside",
            name=shown_name(row.first_name, row.last_name, str(row.id)),
            organisation_id=", ".join(row.values(memory.data_types.get("organisation_id", ""))[:1]),
            **(_shown(times, memory) | {"end": _local(present.own_ends[row.id], memory)}),
        )
        for row in outside
    ]
    return told, sorted(row.id for row in outside)


def _contradiction(person: Person, name: str, end: dt.datetime, times: Times, memory: Memory) -> Message:
    facts = _shown(times, memory) | {"end": _local(end, memory)}
    return message("sources.end_outside", name=name, organisation_id=person.organisation_id, **facts)


# --- A room's booking --------------------------------------------------------------------------------------------------


def tell_bookings(present: Present, memory: Memory, times: Times, changes: Sequence[RoomChange]) -> list[Message]:
    """The rooms that are booked, and stay so, for another time than the flow's: by hand, or because the flow has been moved."""
    if present.state >= MARKING:
        return []
    cancelled = {change.booking_id for change in changes if isinstance(change, CancelBooking)}
    names = {room.id: room.name for room in present.rooms}
    return [
        message(
            "sources.room_elsewhen",
            room=names.get(booking.room_id, str(booking.room_id)),
            booked_from=_local(booking.start_at, memory),
            booked_to=_local(booking.end_at, memory),
            **_shown(times, memory),
        )
        for booking in present.bookings
        if booking.id not in cancelled and not times.are_within(booking)
    ]


def _shown(times: Times, memory: Memory) -> dict[str, str]:
    return {
        "from": _local(times.start, memory),
        "to": _local(times.end, memory),
        "marking_end": _local(times.marking_end, memory),
    }


def _local(moment: dt.datetime | None, memory: Memory) -> str:
    return local(moment, memory.tz) if moment is not None else "–"
