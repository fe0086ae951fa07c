"""The values a plan is made from: what is wanted, what is there, and what we did last."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ladokflow.identifiers import normal
from ladokflow.ladok.base import Exam, Person
from ladokflow.messages import Message
from ladokflow.privacy import shown_name
from ladokflow.wiseflow.schemas import FlowDates, FlowParticipant, Room, Staff, User
from ladokflow.wiseflow.words import USUAL_TYPE, FlowState, FlowType, is_type
from sources.sync.plan.pairing import Said

# The phases, by the names the plan knows them by
SETUP, ACTIVATED, PARTICIPATION, MARKING, CONCLUDED, ARCHIVED = FlowState


@dataclass(frozen=True)
class WantedStaff:
    """A member of staff as the wizard or a preset names them. `user_id` is None where WISEflow has no such user; `may_be_made`:
    somebody has confirmed that they become one. `is_ambiguous`: several users have the organisation id."""

    role: str  # a value of `Role`
    user_id: int | None
    organisation_id: str = ""
    email: str = ""
    first_name: str = ""
    last_name: str = ""
    can_decide: bool = False  # a reviewer whose decision is the grade
    may_be_made: bool = False
    is_ambiguous: bool = False

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or self.email or self.organisation_id

    @property
    def who(self) -> str:
        is_named = self.organisation_id and self.name != self.organisation_id
        return f"{self.name} ({self.organisation_id})" if is_named else self.name

    @property
    def is_unknown(self) -> bool:
        """Nobody can be put on the flow: it is for a manager to say who is meant."""
        return self.user_id is None and not self.may_be_made

    @property
    def key(self) -> str:
        """What an assessor is remembered by: the user in WISEflow may not be there yet."""
        return normal(self.organisation_id)


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
    own_ends: Mapping[int, dt.datetime] = field(
        default_factory=dict
    )  # by participant id, of those who were asked about


@dataclass(frozen=True, kw_only=True, slots=True)
class Known(Person):
    """A participant as we wrote it down last. `codes` are the Ladok codes that are still on the flow."""

    pk: int | None
    wiseflow_id: int | None = None
    user_id: int | None = None
    room: str = ""
    codes: frozenset[str] = frozenset()
    codes_again: frozenset[str] = frozenset()  # with none of those: codes that were removed, and are on the flow again
    listed_since: dt.datetime | None = None  # first on any list of the flow
    gone_at: dt.datetime | None = None  # last seen to be gone from one
    is_of_removed_code: bool = False  # every code the person came from has been taken off the flow by a manager
    is_from_source: bool = True
    is_active: bool = True
    is_activation_manual: bool = False
    said: tuple[Said, ...] = ()  # by managers, of people in Ladok who may be this one

    @property
    def name(self) -> str:
        return shown_name(self.first_name, self.last_name, self.organisation_id)


@dataclass(frozen=True)
class Memory:
    """What we did last. `followed`, `unfollowed` and `pending` are as in `Flow.followed` and `Flow.unfollowed`.

    `pending` is what a run had set out to write when it was cut off: such a value in WISEflow is ours, not somebody's hand.
    """

    created_at: dt.datetime
    tz: zoneinfo.ZoneInfo
    flow_type: str = USUAL_TYPE
    is_first: bool = False
    follows_dates: bool = True
    followed: Mapping[str, Any] = field(default_factory=dict)
    unfollowed: Mapping[str, Any] = field(default_factory=dict)
    pending: Mapping[str, Any] = field(default_factory=dict)
    people: tuple[Known, ...] = ()
    person_counts: Mapping[str, int | None] = field(default_factory=dict)
    data_types: Mapping[str, str] = field(default_factory=dict)  # organisation_id, national_id, ... -> WISEflow's name
    has_unique_emails: bool = False  # on the licence an e-mail address belongs to one user
    brake_people: int = 3  # as of the source
    brake_percent: int = 5
    external_sources: frozenset[str] = frozenset()  # the codes that have a reference on the flow in WISEflow

    @property
    def has_individual_dates(self) -> bool:
        """Whether WISEflow has them for flows of this type."""
        return not is_type(self.flow_type, FlowType.ORAL, FlowType.ATTEND)


@dataclass(frozen=True)
class Match:
    """The WISEflow user that a person's identifiers lead to. `is_ambiguous`: they lead to more than one.

    `by_email`: they lead to none, and WISEflow is to be asked for the e-mail address. `doubt`: they lead to somebody whose other
    identifiers contradict, and why; `contradicted` is that user.
    """

    user: User | None = None
    is_ambiguous: bool = False
    by_email: bool = False
    doubt: Message | None = None
    contradicted: User | None = None


@dataclass(slots=True)
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
    doubt: Message | None = None  # why it cannot be told who this is: nothing is written for them
    is_said_same: bool = False  # a manager has said that the person in Ladok is the one of our row
    is_said_gone: bool = (
        False  # a manager has said that somebody in Ladok who shares an identifier is not the one of our row
    )

    @property
    def name(self) -> str:
        if self.person is not None:
            return shown_name(self.person.first_name, self.person.last_name, self.person.organisation_id)
        if self.present is not None:
            return shown_name(self.present.first_name, self.present.last_name, str(self.present.id))
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
