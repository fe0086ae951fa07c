"""What a plan consists of: a kind of change for each thing that is done to WISEflow, and the plan itself.

The sections are done in the order they stand in here; `sources/sync/apply/` does each kind, and a kind that nobody does is a
type error there.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from ladokflow.messages import Message, message
from sources.sync.plan.moments import local
from sources.sync.plan.values import Entry, WantedStaff

DATE_FIELDS = ("participation_start_at", "participation_end_at", "marking_start_at", "marking_end_at")


@dataclass(frozen=True, kw_only=True)
class _Change:
    """One thing to change in WISEflow. `message` says what and why, as preview, run and history show it."""

    message: Message
    writes: ClassVar[tuple[str, ...]] = ()  # the values of `Flow.followed` that it writes

    @property
    def key(self) -> str:
        """What tells it apart from others of its kind: an entry's key, a room, a member of staff."""
        return ""


# --- The flow's own data -----------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _SetText(_Change):
    value: str


@dataclass(frozen=True, kw_only=True)
class SetTitle(_SetText):
    writes = ("title",)


@dataclass(frozen=True, kw_only=True)
class SetSubtitle(_SetText):
    writes = ("subtitle",)


@dataclass(frozen=True, kw_only=True)
class SetCode(_SetText):
    writes = ("code",)


@dataclass(frozen=True, kw_only=True)
class SetDates(_Change):
    """All four: WISEflow takes them together."""

    participation_start_at: dt.datetime
    participation_end_at: dt.datetime
    marking_start_at: dt.datetime
    marking_end_at: dt.datetime
    writes = DATE_FIELDS


def set_dates_to(dates: Mapping[str, dt.datetime], tz: dt.tzinfo) -> SetDates:
    """`dates`: all four, by `DATE_FIELDS`."""
    start, end, marking_start, marking_end = (local(dates[name], tz) for name in DATE_FIELDS)
    told = {"start": start, "end": end, "marking_start": marking_start, "marking_end": marking_end}
    return SetDates(**dates, message=message("sources.change.dates", **told))


@dataclass(frozen=True, kw_only=True)
class SetGradingScale(_Change):
    scale_id: int
    writes = ("grading_scale",)


# --- Participants ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _OfParticipant(_Change):
    entry_key: str

    @property
    def key(self) -> str:
        return self.entry_key


@dataclass(frozen=True, kw_only=True)
class AddParticipant(_OfParticipant):
    """`user_id`: the person's user in WISEflow, where one is known. `by_email`: none is, and the address is asked for first.
    `saves_user`: the user is to be made, or lacks something Ladok has."""

    user_id: int | None
    by_email: bool
    saves_user: bool


@dataclass(frozen=True, kw_only=True)
class UpdateUser(_OfParticipant):
    """The user gets the name and identifiers that Ladok has. `user_id`: the one it has to be."""

    user_id: int | None


@dataclass(frozen=True, kw_only=True)
class SetUniqueExamId(_OfParticipant):
    unique_exam_id: str


@dataclass(frozen=True, kw_only=True)
class SetIndividualEnd(_OfParticipant):
    """`end_at` is None for somebody who ends together with everybody else again."""

    end_at: dt.datetime | None


@dataclass(frozen=True, kw_only=True)
class ReactivateParticipant(_OfParticipant):
    pass


@dataclass(frozen=True, kw_only=True)
class DeactivateParticipant(_OfParticipant):
    pass


@dataclass(frozen=True, kw_only=True)
class RemoveParticipant(_OfParticipant):
    pass


@dataclass(frozen=True, kw_only=True)
class _OfCode(_Change):
    """`keys`: the entries of those whom it is about."""

    code: str
    keys: tuple[str, ...]

    @property
    def key(self) -> str:
        return self.code


@dataclass(frozen=True, kw_only=True)
class AllocateToCode(_OfCode):
    """WISEflow is told that these participants came from the code."""


@dataclass(frozen=True, kw_only=True)
class DeallocateFromCode(_OfCode):
    pass


# --- Staff -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class AddStaff(_Change):
    """Somebody without a user in WISEflow is made one first: that has been confirmed."""

    staff: WantedStaff

    @property
    def key(self) -> str:
        return f"{self.staff.role} {self.staff.user_id or self.staff.key}"


@dataclass(frozen=True, kw_only=True)
class RemoveStaff(_Change):
    role: str
    staff_id: int

    @property
    def key(self) -> str:
        return f"{self.role} {self.staff_id}"


@dataclass(frozen=True, kw_only=True)
class AllocateAssessor(_Change):
    """The assessor is given the participants of these entries."""

    staff: WantedStaff
    keys: tuple[str, ...]

    @property
    def key(self) -> str:
        return self.staff.key


# --- Rooms -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _OfRoom(_Change):
    room: str

    @property
    def key(self) -> str:
        return self.room


@dataclass(frozen=True, kw_only=True)
class CreateRoom(_OfRoom):
    """`identifier` is Ladok's id of the room, empty where it gives none."""

    capacity: int
    identifier: str = ""


@dataclass(frozen=True, kw_only=True)
class BookRoom(_OfRoom):
    start_at: dt.datetime
    end_at: dt.datetime


@dataclass(frozen=True, kw_only=True)
class PlaceParticipants(_OfRoom):
    """`keys`: the entries of those who are placed. `carried`: participants who come along from an earlier booking.
    `booking_id` is None where the booking is made by the same plan."""

    keys: tuple[str, ...]
    carried: tuple[int, ...]
    booking_id: int | None


@dataclass(frozen=True, kw_only=True)
class CancelBooking(_OfRoom):
    booking_id: int


# --- Together ----------------------------------------------------------------------------------------------------

SetText = SetTitle | SetSubtitle | SetCode
ParticipantChange = (
    AddParticipant
    | UpdateUser
    | SetUniqueExamId
    | SetIndividualEnd
    | ReactivateParticipant
    | DeactivateParticipant
    | RemoveParticipant
    | AllocateToCode
    | DeallocateFromCode
)
StaffChange = AddStaff | RemoveStaff | AllocateAssessor
RoomChange = CreateRoom | BookRoom | PlaceParticipants | CancelBooking
Change = SetText | SetDates | SetGradingScale | ParticipantChange | StaffChange | RoomChange

Departure = RemoveParticipant | DeactivateParticipant


@dataclass(frozen=True)
class Plan:
    """`counts` has added, updated, removed, deactivated and unchanged: participants. With a `brake` those who are `held`
    stay before a manager has confirmed it, and nobody of the `held_codes` is taken off their lists; the changes are made all the
    same. The rest is what is to be remembered once they are."""

    changes: tuple[Change, ...] = ()
    problems: tuple[Message, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    held: tuple[Departure, ...] = ()
    held_codes: Mapping[str, Message] = field(default_factory=dict)
    followed: Mapping[str, Any] = field(default_factory=dict)
    unfollowed: Mapping[str, Any] = field(default_factory=dict)
    follows_dates: bool = True
    entries: tuple[Entry, ...] = ()
    empty_codes: tuple[str, ...] = ()  # had people the last time, and have none now
    syncs_people: bool = False  # False: only people from Ladok who were not written down as such are

    @property
    def brake(self) -> Message | None:
        return next(iter(self.held_codes.values()), None)

    @property
    def goers(self) -> tuple[Departure, ...]:
        """Those who are removed or deactivated, or would be, but for the brake."""
        return (*self.held, *(change for change in self.changes if isinstance(change, Departure)))

    @property
    def others(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if not isinstance(change, Departure))

    @property
    def would_go(self) -> dict[str, list[str]]:
        """As in `SyncRun.would_go`."""
        return {"goers": sorted(change.key for change in self.held), "empty": sorted(self.empty_codes)}

    def is_within(self, confirmed: Mapping[str, Any]) -> bool:
        """Whether nobody goes whom the manager did not see when they confirmed; an empty list only if it was that one."""
        if not confirmed or not set(self.would_go["goers"]) <= set(confirmed.get("goers", ())):
            return False
        return not self.empty_codes or self.would_go["empty"] == confirmed.get("empty")
