"""The values a plan is made of: what is wanted, what is there, what we did last, and what is to be changed."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ladokflow.ladok.base import Exam, Person
from ladokflow.messages import Message
from ladokflow.wiseflow.schemas import FlowDates, FlowParticipant, Room, Staff, User

# WISEflow's numbers of the phases
SETUP, ACTIVATED, PARTICIPATION, MARKING, CONCLUDED, ARCHIVED = range(6)

GOES = ("people.remove", "people.deactivate")
SECTIONS = ("metadata", "dates", "scale", "people", "staff", "rooms")


@dataclass(frozen=True)
class Change:
    """One thing to change in WISEflow. `kind` is "section.verb"; `message` says what and why, as preview, run and
    history show it. `data` is what the change needs: see `sources/sync/apply/apply.py`."""

    kind: str
    data: Mapping[str, Any]
    message: Message

    @property
    def section(self) -> str:
        return self.kind.partition(".")[0]


@dataclass(frozen=True)
class WantedStaff:
    """A member of staff as the wizard or a preset names them. `user_id` is None where WISEflow has no such user."""

    role: str  # manager, assessor, reviewer, invigilator or author
    user_id: int | None
    organisation_id: str = ""
    email: str = ""
    first_name: str = ""
    last_name: str = ""
    can_decide: bool = False  # a reviewer whose decision is the grade

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or self.email or self.organisation_id


@dataclass(frozen=True)
class Wanted:
    """What the source says. The first exam is the master. `scale_id` is None where nothing is to be set."""

    exams: tuple[Exam, ...]
    staff: tuple[WantedStaff, ...] = ()
    scale_id: int | None = None
    scale_name: str = ""
    has_rooms: bool = False
    allocation: str = "none"  # who assesses whom: none, all, round_robin or list
    allocation_list: tuple[tuple[str, str], ...] = ()  # organisation ids: a participant's and an assessor's
    problems: tuple[Message, ...] = ()


@dataclass(frozen=True)
class Booking:
    id: int
    room_id: int
    start_at: dt.datetime | None
    end_at: dt.datetime | None
    participant_ids: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Present:
    """What WISEflow has now. Staff by role."""

    state: int
    is_remarking: bool = False
    title: str = ""
    subtitle: str = ""
    code: str = ""
    dates: FlowDates = field(default_factory=FlowDates)
    scale_id: int | None = None
    has_grades: bool = False
    participants: tuple[FlowParticipant, ...] = ()
    staff: Mapping[str, tuple[Staff, ...]] = field(default_factory=dict)
    rooms: tuple[Room, ...] = ()
    bookings: tuple[Booking, ...] = ()


@dataclass(frozen=True)
class Known:
    """A participant as we wrote it down last. `codes` are the Ladok codes that are still on the flow."""

    pk: int | None
    wiseflow_id: int | None = None
    user_id: int | None = None
    organisation_id: str = ""
    national_id: str = ""
    external_user_id: str = ""
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    unique_exam_id: str = ""
    individual_end_at: dt.datetime | None = None
    room: str = ""
    codes: frozenset[str] = frozenset()
    codes_again: frozenset[str] = frozenset()  # with none of those: codes that were removed, and are on the flow again
    is_of_removed_code: bool = False  # every code the person came from has been taken off the flow by a manager
    is_from_source: bool = True
    is_active: bool = True
    is_activation_manual: bool = False

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or self.organisation_id


@dataclass(frozen=True)
class Memory:
    """What we did last. `followed`, `unfollowed` and `pending` are as in `Flow.followed` and `Flow.unfollowed`.

    `pending` is what a run had set out to write when it was cut off: such a value in WISEflow is ours, not somebody's hand.
    """

    created_at: dt.datetime
    tz: zoneinfo.ZoneInfo
    flow_type: str = "FLOWassign"
    is_first: bool = False
    follows_dates: bool = True
    followed: Mapping[str, Any] = field(default_factory=dict)
    unfollowed: Mapping[str, Any] = field(default_factory=dict)
    pending: Mapping[str, Any] = field(default_factory=dict)
    people: tuple[Known, ...] = ()
    person_counts: Mapping[str, int | None] = field(default_factory=dict)
    data_types: Mapping[str, str] = field(default_factory=dict)  # organisation_id, national_id, ... -> WISEflow's name
    has_unique_emails: bool = False  # on the licence an e-mail address belongs to one user
    external_sources: frozenset[str] = frozenset()  # the codes that have a reference on the flow in WISEflow


@dataclass(frozen=True)
class Match:
    """The WISEflow user that a person's identifiers lead to. `is_ambiguous`: they lead to more than one.

    `by_email`: they lead to none, and WISEflow is to be asked for the e-mail address.
    """

    user: User | None = None
    is_ambiguous: bool = False
    by_email: bool = False


@dataclass
class Entry:
    """One person of the flow: in Ladok, in WISEflow and in our rows, whichever there is. `key` tells them apart."""

    key: str
    person: Person | None = None
    known: Known | None = None
    present: FlowParticipant | None = None
    user: User | None = None  # a newcomer's in WISEflow, where there is one
    codes: tuple[str, ...] = ()
    room: str = ""
    end_at: dt.datetime | None = None  # an individual end
    is_active: bool = True
    is_activation_manual: bool = False
    is_kept: bool = True  # False: the row goes once the change is made

    @property
    def name(self) -> str:
        if self.person is not None:
            return f"{self.person.first_name} {self.person.last_name}".strip() or self.person.organisation_id
        if self.present is not None:
            return f"{self.present.first_name} {self.present.last_name}".strip() or str(self.present.id)
        return self.known.name if self.known is not None else ""

    @property
    def organisation_id(self) -> str:
        if self.person is not None:
            return self.person.organisation_id
        return self.known.organisation_id if self.known is not None else ""

    @property
    def participant_id(self) -> int | None:
        if self.present is not None:
            return self.present.id
        return None


@dataclass(frozen=True)
class Plan:
    """`counts` has added, updated, removed, deactivated and unchanged: participants. With a `brake` nothing may be applied
    before a manager has confirmed it. The rest is what is to be remembered once the changes are made."""

    changes: tuple[Change, ...] = ()
    problems: tuple[Message, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    brake: Message | None = None
    followed: Mapping[str, Any] = field(default_factory=dict)
    unfollowed: Mapping[str, Any] = field(default_factory=dict)
    follows_dates: bool = True
    entries: tuple[Entry, ...] = ()
    empty_codes: tuple[str, ...] = ()  # had people the last time, and have none now
    syncs_people: bool = False  # False: only people from Ladok who were not written down as such are

    @property
    def goers(self) -> tuple[Change, ...]:
        """Those who are removed or deactivated."""
        return tuple(change for change in self.changes if change.kind in GOES)

    @property
    def would_go(self) -> dict[str, list[str]]:
        """As in `SyncRun.would_go`."""
        return {"goers": sorted(change.data["key"] for change in self.goers), "empty": sorted(self.empty_codes)}

    def is_within(self, confirmed: Mapping[str, Any]) -> bool:
        """Whether nobody goes whom the manager did not see when they confirmed; an empty list only if it was that one."""
        if not confirmed or not set(self.would_go["goers"]) <= set(confirmed.get("goers", ())):
            return False
        return not self.empty_codes or self.would_go["empty"] == confirmed.get("empty")
