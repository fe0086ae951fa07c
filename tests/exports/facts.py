"""Facts for the rules as tests give them: everything in order, but for what a test says. The rules themselves have no defaults."""

from __future__ import annotations

import datetime as dt
from typing import Any

from exports.rules.values import Elsewhere, FlowFacts, Last, PersonFacts, Sender, SourceFacts
from ladokflow.ladok.base import GradeLine

NOW = dt.datetime(2027, 1, 15, 12, tzinfo=dt.UTC)
SENDER = Sender("chef@x", can_export=True, may_change=True)


def source(**fields: Any) -> SourceFacts:
    names = ("accepts_manual_participants", "allows_overwriting", "names_sender", "sends_points")
    in_order = dict.fromkeys(names, False)
    return SourceFacts(**(in_order | fields))


def flow(**fields: Any) -> FlowFacts:
    in_order: dict[str, Any] = {
        "is_released": False,
        "is_created": True,
        "synced_at": NOW,
        "is_adoption_unsaid": False,
        "state": 4,
        "marking_end_at": None,
        "now": NOW,
        "has_code": True,
        "is_export_ended": False,
        "is_under_way": False,
        "is_instant": False,
        "points_total": 0,
        "points_left": 0,
        "doubt": None,
    }
    return FlowFacts(**(in_order | fields))


def person(grade: str = "5", *, is_alternative: bool = False, **fields: Any) -> PersonFacts:
    in_order: dict[str, Any] = {
        "line": GradeLine(grade=grade, is_alternative=is_alternative, organisation_id="a@x"),
        "is_on_the_scale": True,
        "is_from_source": True,
        "is_deactivated_by_hand": False,
        "has_code": True,
        "code": "C1",
        "is_listed": True,
        "gone_at": None,
        "doubt": None,
        "is_asked": False,
        "can_be_identified": True,
        "is_known_as_sent": True,
        "shares_identifier_with": "",
        "has_points_to_come": False,
        "sent_elsewhere": None,
        "may_be_sent_again": False,
        "is_approved": True,
        "is_passing": True,
        "paper": "handed_in",
        "is_paper_accepted": False,
        "last": None,
    }
    return PersonFacts(**(in_order | fields))


def elsewhere(state: str = "exported", grade: str = "5", **fields: Any) -> Elsewhere:
    in_order: dict[str, Any] = {"flow": 7, "title": "TDDE01 Maskininlärning", "at": NOW, "points": None}
    return Elsewhere(state=state, grade=grade, **(in_order | fields))


def last(state: str, grade: str = "5", **fields: Any) -> Last:
    in_order: dict[str, Any] = {
        "is_alternative": False,
        "points": None,
        "replaces_exported": False,
        "is_there_already": False,
        "is_in_doubt": False,
    }
    return Last(state=state, grade=grade, **(in_order | fields))
