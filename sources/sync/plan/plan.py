"""What a synchronisation would do: a pure function of what Ladok says, what WISEflow has, and what we did last.

The preview, the run and the history all show this one list.

    phase               flow data, dates     participants                                       staff
    setup               followed             added, removed                                     added, removed
    participation       followed             added; gone: deactivated; by hand: left alone      added
    marking             followed             nothing                                            added
    concluding, archived: nothing

Participants of a FLOWoral are followed until participation starts, those of a re-marking flow until marking ends; of the staff
of a re-marking flow only assessors are followed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from ladokflow.messages import Message, message
from sources.sync.plan.allocations import plan_allocations, tell_of_list
from sources.sync.plan.flow_data import plan_flow
from sources.sync.plan.identity import match_entries, merge_people, tell_apart, tell_shared
from sources.sync.plan.participants import is_open_for_people, plan_people, read_activation
from sources.sync.plan.rooms import plan_rooms
from sources.sync.plan.staff import plan_staff
from sources.sync.plan.values import (
    CONCLUDED,
    GOES,
    SECTIONS,
    Booking,
    Change,
    Entry,
    Known,
    Match,
    Memory,
    Plan,
    Present,
    Wanted,
    WantedStaff,
)

__all__ = [
    "SECTIONS",
    "Booking",
    "Change",
    "Entry",
    "Known",
    "Match",
    "Memory",
    "Plan",
    "Present",
    "Wanted",
    "WantedStaff",
    "plan",
]

NOBODY = {"added": 0, "updated": 0, "removed": 0, "deactivated": 0, "unchanged": 0}


def plan(wanted: Wanted, present: Present, memory: Memory, users: Mapping[str, Match] | None = None) -> Plan:
    """The plan. `users` are the WISEflow users of those who would be added (`sources.sync.plan.identity.newcomers`)."""
    if present.state >= CONCLUDED:
        return Plan(
            problems=(message("sources.marking_over"),),
            counts={**NOBODY, "unchanged": sum(known.is_from_source for known in memory.people)},
            followed=memory.followed,
            unfollowed=memory.unfollowed,
            follows_dates=memory.follows_dates,
        )
    users = users or {}
    problems = [*(problem for exam in wanted.exams for problem in exam.problems), *wanted.problems]
    flow = plan_flow(wanted, present, memory)
    start, end = _general_times(flow.changes, present)
    entries = match_entries(merge_people(wanted.exams, memory), present.participants, memory, users)
    changes = list(flow.changes)
    opens = is_open_for_people(present.state, memory.flow_type, is_remarking=present.is_remarking)
    counts = dict(NOBODY)
    if opens:
        people = plan_people(
            entries,
            state=present.state,
            memory=memory,
            users=tell_apart(entries, users),
            general_end_at=end,
        )
        changes += people.changes
        problems += tell_shared(wanted.exams, memory) + people.problems
        counts = people.counts
    else:
        entries = _people_not_written_down(entries)
        counts["unchanged"] = sum(known.is_from_source for known in memory.people) + len(entries)
    staff, staff_problems, followed_staff = plan_staff(wanted, present, memory)
    allocations = plan_allocations(wanted, present, memory, entries, staff) if opens else []
    problems += tell_of_list(wanted, present, entries, staff) if opens else []
    rooms, followed_rooms = plan_rooms(wanted, present, memory, entries, start, end)
    return Plan(
        changes=tuple(changes + staff + allocations + rooms),
        problems=tuple(problems + flow.problems + staff_problems + _told_of_nobody(wanted, memory)),
        counts=counts,
        brake=_brake(wanted, memory, changes, entries, opens=opens),
        followed={**flow.followed, "staff": followed_staff, "rooms": followed_rooms},
        unfollowed=flow.unfollowed,
        follows_dates=flow.follows_dates,
        entries=tuple(entries),
        empty_codes=tuple(
            exam.code for exam in wanted.exams if memory.person_counts.get(exam.code) and not exam.people
        ),
        syncs_people=opens,
    )


def _general_times(changes: Sequence[Change], present: Present) -> tuple[dt.datetime | None, dt.datetime | None]:
    for change in changes:
        if change.kind == "dates.set":
            return change.data["participation_start_at"], change.data["participation_end_at"]
    return present.dates.participation_start_at, present.dates.participation_end_at


def _people_not_written_down(entries: Sequence[Entry]) -> list[Entry]:
    """Those a run had added when it was cut off, before it wrote them down: they are from Ladok, not added by hand.

    They have no row, or one that came with their grade, which could not tell where they were from.
    """
    found = [
        entry
        for entry in entries
        if entry.person is not None
        and entry.present is not None
        and (entry.known is None or not entry.known.is_from_source)
    ]
    for entry in found:
        read_activation(entry, {})
    return found


def _told_of_nobody(wanted: Wanted, memory: Memory) -> list[Message]:
    """Not where there were people before: that is the brake's to tell, and then the flow has them still."""
    return [
        message("sources.nobody_registered", code=exam.code)
        for exam in wanted.exams
        if not exam.people and not memory.person_counts.get(exam.code)
    ]


def _brake(
    wanted: Wanted, memory: Memory, changes: Sequence[Change], entries: Sequence[Entry], *, opens: bool
) -> Message | None:
    """An empty list where there were people, or a fall of more than half: never a mass removal without a manager.

    Those whose code a manager has taken off the flow do not count: who would go was shown before it was done.
    """
    for exam in wanted.exams:
        before = memory.person_counts.get(exam.code) or 0
        now = len(exam.people)
        if before and not now:
            return message("sources.brake_empty", code=exam.code, before=before)
        if opens and now * 2 < before:
            return message("sources.brake_half", code=exam.code, before=before, now=now)
    asked_for = {
        entry.key for entry in entries if entry.person is None and entry.known and entry.known.is_of_removed_code
    }
    people = sum(
        entry.known is not None and entry.known.is_from_source and entry.known.is_active
        for entry in entries
        if entry.key not in asked_for
    )
    gone = sum(change.kind in GOES and change.data["key"] not in asked_for for change in changes)
    if opens and gone * 2 > people:
        return message("sources.brake_gone", count=gone, people=people)
    return None
