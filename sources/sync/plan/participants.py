"""The participants' part of the plan: who is added, changed, removed or deactivated, and why."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ladokflow.ladok.base import Person
from ladokflow.messages import Message, message
from ladokflow.wiseflow.schemas import FlowParticipant, User
from sources.sync.plan.flow_data import is_same_moment
from sources.sync.plan.identity import normal
from sources.sync.plan.values import MARKING, PARTICIPATION, SETUP, Change, Entry, Known, Match, Memory

PERSON_FIELDS = ("organisation_id", "national_id", "external_user_id", "first_name", "last_name", "email")


@dataclass
class Enrolment:
    """What comes of looking at the participants."""

    changes: list[Change] = field(default_factory=list)
    problems: list[Message] = field(default_factory=list)
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("added", "updated", "removed", "deactivated", "unchanged"), 0)
    )


def is_open_for_people(state: int, flow_type: str, *, is_remarking: bool) -> bool:
    """Participants follow Ladok until participation has ended; those of a FLOWoral until it starts, and those of a
    re-marking flow until marking ends."""
    if is_remarking:
        return state <= MARKING
    return state < PARTICIPATION if flow_type.casefold() == "floworal" else state <= PARTICIPATION


def plan_people(
    entries: Sequence[Entry],
    *,
    state: int,
    memory: Memory,
    users: Mapping[str, Match],
    general_end_at: dt.datetime | None,
) -> Enrolment:
    """Fills in what each entry will be, too: `is_active`, `is_activation_manual`, `is_kept`."""
    found = Enrolment()
    pending = memory.pending
    goers: list[Change] = []
    for entry in entries:
        read_activation(entry, pending)
        entry.end_at = _individual_end(entry.person, memory, general_end_at)
        if entry.person is not None:
            if entry.present is None:
                _plan_newcomer(found, entry, entry.person, users.get(entry.key, Match()))
            else:
                _plan_member(found, entry, entry.person, entry.present, memory)
        elif entry.known is not None and entry.known.is_from_source:
            _plan_goer(found, goers, entry, state)
        elif entry.present is None:
            # Added by hand in WISEflow once, and taken away there since.
            entry.is_kept = False
    _plan_allocations(found, entries, memory)
    found.changes += goers
    return found


def _individual_end(person: Person | None, memory: Memory, general_end_at: dt.datetime | None) -> dt.datetime | None:
    """None for those who end with everybody else, and for flows that have no individual dates."""
    if person is None or person.individual_end_at is None or memory.flow_type.casefold() in ("floworal", "flowattend"):
        return None
    return None if is_same_moment(person.individual_end_at, general_end_at) else person.individual_end_at


def read_activation(entry: Entry, pending: Mapping[str, Any]) -> None:
    """Who activated or deactivated this participant last: we, or somebody by hand.

    What somebody has set by hand is left alone until it is what Ladok says again: active for those who are registered there,
    inactive for those who are not.
    """
    if entry.present is None:
        return
    there = entry.present.activated
    entry.is_active = there
    known = entry.known
    if known is None or known.wiseflow_id is None or not known.is_from_source:
        entry.is_activation_manual = not there  # we have never deactivated them
        return
    was_cut_off = entry.present.id in pending.get("activated" if there else "deactivated", ())
    is_by_hand = known.is_activation_manual or (known.is_active != there and not was_cut_off)
    entry.is_activation_manual = is_by_hand and there != (entry.person is not None)


def _who(entry: Entry) -> dict[str, str]:
    return {"name": entry.name, "organisation_id": entry.organisation_id}


def _plan_newcomer(found: Enrolment, entry: Entry, person: Person, match: Match) -> None:
    if match.is_ambiguous:
        found.problems.append(message("sources.person_ambiguous", **_who(entry)))
        entry.is_kept = entry.known is not None
        return
    code = "sources.change.added_by_email" if match.by_email else "sources.change.added_with_user"
    code = "sources.change.added" if match.user is not None else code
    data = {
        "key": entry.key,
        "user_id": match.user.id if match.user is not None else None,
        "by_email": match.by_email,
        "save": match.user is None or _differs(person, match.user),
    }
    entry.user = match.user
    found.changes.append(Change("people.add", data, message(code, codes=", ".join(entry.codes), **_who(entry))))
    if entry.end_at is not None:
        found.changes.append(_end_change(entry))
    entry.is_active, entry.is_activation_manual = True, False
    found.counts["added"] += 1


def _differs(person: Person, user: User) -> bool:
    """Whether WISEflow's user lacks something Ladok has: names overwrite, e-mails and numbers are added."""
    values = {normal("organisation_id", entry.value) for entry in user.data}
    values |= {normal("national_id", entry.value) for entry in user.data}
    return (
        (person.first_name, person.last_name) != (user.first_name, user.last_name)
        or (bool(person.email) and person.email.casefold() not in {email.casefold() for email in user.emails})
        or any(
            (value := getattr(person, kind)) and normal(kind, value) not in values
            for kind in ("organisation_id", "national_id", "external_user_id")
        )
    )


def _end_change(entry: Entry) -> Change:
    data = {"key": entry.key, "end_at": entry.end_at}
    if entry.end_at is None:
        return Change("people.end", data, message("sources.change.end_cleared", **_who(entry)))
    return Change(
        "people.end", data, message("sources.change.end", end=f"{entry.end_at:%Y-%m-%d %H:%M}", **_who(entry))
    )


def _plan_member(found: Enrolment, entry: Entry, person: Person, present: FlowParticipant, memory: Memory) -> None:
    known = entry.known
    before = len(found.changes)
    is_left_to_do = present.id in memory.followed.get("not_updated", ())
    if known is None or is_left_to_do or any(_changed(person, known, name) for name in PERSON_FIELDS):
        # Without a row we cannot tell what was sent last. That is so after a crash, and for people added by hand.
        text = message("sources.change.person", **_who(entry))
        if known is not None or _is_new_to_wiseflow(person, present):
            found.changes.append(Change("people.update", {"key": entry.key, "user_id": present.user_id}, text))
    if person.unique_exam_id and person.unique_exam_id != present.unique_exam_id:
        text = message("sources.change.unique_exam_id", value=person.unique_exam_id, **_who(entry))
        data = {"key": entry.key, "value": person.unique_exam_id}
        found.changes.append(Change("people.unique_exam_id", data, text))
    if not is_same_moment(entry.end_at, known.individual_end_at if known is not None else None):
        found.changes.append(_end_change(entry))
    if not entry.is_active and not entry.is_activation_manual:
        found.changes.append(
            Change("people.reactivate", {"key": entry.key}, message("sources.change.reactivated", **_who(entry)))
        )
        entry.is_active = True
    found.counts["updated" if len(found.changes) > before else "unchanged"] += 1


def _changed(person: Person, known: Known, name: str) -> bool:
    """What Ladok has nothing of is not taken away in WISEflow."""
    says = getattr(person, name)
    return bool(says) and says != getattr(known, name)


def _is_new_to_wiseflow(person: Person, present: FlowParticipant) -> bool:
    return (person.first_name, person.last_name) != (present.first_name, present.last_name)


def _plan_goer(found: Enrolment, goers: list[Change], entry: Entry, state: int) -> None:
    """Gone from Ladok. In setup the participant is removed, later deactivated: never deleted."""
    if entry.present is None:
        entry.is_kept, entry.is_active = state > SETUP, False
        return
    by_code = "_with_code" if entry.known is not None and entry.known.is_of_removed_code else ""
    if state == SETUP:
        text = message(f"sources.change.removed{by_code}", **_who(entry))
        goers.append(Change("people.remove", {"key": entry.key}, text))
        entry.is_kept = False
        found.counts["removed"] += 1
    elif entry.is_active and not entry.is_activation_manual:
        text = message(f"sources.change.deactivated{by_code}", **_who(entry))
        goers.append(Change("people.deactivate", {"key": entry.key}, text))
        entry.is_active = False
        found.counts["deactivated"] += 1


def _plan_allocations(found: Enrolment, entries: Sequence[Entry], memory: Memory) -> None:
    """WISEflow is told which participants came from which code. It can only be asked for one person at a time, so what
    we told it last stands in our rows."""
    added = {change.data["key"] for change in found.changes if change.kind == "people.add"}
    for code in sorted(memory.external_sources):
        keys = [
            entry.key
            for entry in entries
            if code in entry.codes
            and (entry.key in added or (entry.present is not None and not _was_told(entry, code)))
        ]
        if keys:
            text = message("sources.change.allocated", count=len(keys), code=code)
            found.changes.append(Change("people.allocate", {"code": code, "keys": keys}, text))
        gone = [
            entry.key
            for entry in entries
            if entry.person is not None
            and code not in entry.codes
            and entry.present is not None
            and _was_told(entry, code)
        ]
        if gone:
            text = message("sources.change.deallocated", count=len(gone), code=code)
            found.changes.append(Change("people.deallocate", {"code": code, "keys": gone}, text))


def _was_told(entry: Entry, code: str) -> bool:
    known, present = entry.known, entry.present
    return known is not None and present is not None and known.wiseflow_id == present.id and code in known.codes
