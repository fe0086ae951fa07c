"""What the rules look at: what is asked for, by whom, and the facts of a university, a flow and a person. Plain values."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from ladokflow.ladok.base import GradeLine
from ladokflow.messages import Message


class Asking(StrEnum):
    """What is asked for: it decides which people an export is for."""

    FIRST = "first"  # those who have not been in any attempt
    RETRY = "retry"  # those whose last attempt failed, or ended without a known outcome
    OVERWRITE = "overwrite"  # those whose grade was changed after it was exported
    INSTANT = "instant"  # as FIRST, before marking ends


@dataclass(frozen=True, kw_only=True)
class SourceFacts:
    """What a university takes."""

    accepts_manual_participants: bool
    allows_overwriting: bool
    names_sender: bool  # who exports is named to Ladok
    sends_points: bool  # points go with a grade


@dataclass(frozen=True, kw_only=True)
class FlowFacts:
    """What the rules need to know of a flow. No fact has a default: one that is left out would be taken for granted."""

    is_released: bool  # it was let go
    is_created: bool
    synced_at: dt.datetime | None
    is_adoption_unsaid: bool  # it was taken over, and nobody has said which grades were exported before
    state: int | None
    marking_end_at: dt.datetime | None
    now: dt.datetime
    has_code: bool
    is_export_ended: bool
    is_under_way: bool
    is_instant: bool  # instant export is switched on
    points_total: int  # people whose points are being read since the grades were collected; 0 for nobody
    points_left: int  # of them, those whose are still to come
    doubt: Message | None  # why a manager is asked which grades these are, or about the scale, before anything is sent


@dataclass(frozen=True)
class Sender:
    """Who asks, or in whose name a job does. `organisation_id` is who the person is in Ladok; `may_change`: may do anything but read."""

    organisation_id: str
    can_export: bool
    may_change: bool


@dataclass(frozen=True, kw_only=True)
class Last:
    """The person's newest item: its state, and the content that it held."""

    state: str  # live | exported | failed | unknown
    grade: str
    is_alternative: bool
    points: Decimal | None
    replaces_exported: bool  # it was to be written over a grade that is in Ladok
    is_there_already: bool  # Ladok rejected it, and says that the grade is there
    is_in_doubt: bool  # nobody knows if Ladok has it, of this sending or of one before


@dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """What has been sent, or is being sent, under the same code for somebody whom Ladok knows as the person: from another flow; or, of
    `person`, from this one, for an account in WISEflow that is no longer on it."""

    state: str  # live | exported | unknown
    flow: int
    title: str
    at: dt.datetime
    grade: str
    points: Decimal | None
    person: str = ""


@dataclass(frozen=True, kw_only=True)
class PersonFacts:
    """What the rules need to know of a participant. `line` is what would be sent. No fact has a default."""

    line: GradeLine
    is_on_the_scale: bool  # it is known which grade of the scale WISEflow has given out
    is_from_source: bool
    is_deactivated_by_hand: bool
    has_code: bool  # one of the person's Ladok codes is still on the flow
    code: str  # that the grade goes to; empty without one
    is_listed: bool  # Ladok's list of that code has the person, or the person was added by hand and is on no list
    gone_at: dt.datetime | None  # when that list no longer had the person
    # Why nobody can tell whose the registration on that code is, or whether one of the flow's lists has the person
    doubt: Message | None
    is_asked: bool  # a manager can say whose it is
    can_be_identified: bool
    is_known_as_sent: bool  # Ladok still knows the person by what `line` calls her
    shares_identifier_with: str  # another person whom Ladok would know, or knows, by the same identifier
    has_points_to_come: bool  # WISEflow has yet to tell the points of the grade
    sent_elsewhere: Elsewhere | None
    may_be_sent_again: bool  # a manager has said so, of what was sent elsewhere
    is_approved: bool  # by the one who decides, as far as WISEflow tells
    is_passing: bool  # the grade is one of those that count as passed
    paper: str  # handed_in | blank | nothing; empty where it is not known, or nothing is handed in on such a flow
    is_paper_accepted: bool  # a manager has said that the grade is right, whatever was handed in
    last: Last | None
