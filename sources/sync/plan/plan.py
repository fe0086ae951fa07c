"""What a synchronisation would do: a pure function of what Ladok says, what WISEflow has, and what we did last.

The preview, the run and the history all show this one list.

    phase               flow data, dates     participants                                       staff
    setup               followed             added, removed                                     added, removed
    participation       followed             added; gone: deactivated; by hand: left alone      added
    marking             followed             nothing                                            added
    concluding, archived: nothing; who is there is written down, where that has not been done

Participants of a FLOWoral are followed until participation starts, those of a re-marking flow until marking ends; of the staff
of a re-marking flow only assessors are followed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ladokflow.messages import Message, message
from sources.sync.plan.allocations import plan_allocations, tell_of_list
from sources.sync.plan.brake import held_codes
from sources.sync.plan.changes import Change, Departure, Plan
from sources.sync.plan.flow_data import plan_flow
from sources.sync.plan.identity import match_entries, merge_people, tell_apart, tell_shared
from sources.sync.plan.participants import is_open_for_people, plan_people, read_activation
from sources.sync.plan.rooms import plan_rooms
from sources.sync.plan.staff import plan_staff, tell_students
from sources.sync.plan.times import tell_bookings, tell_ends, tell_hand_set_end, tell_own_ends, times_after
from sources.sync.plan.values import CONCLUDED, Entry, Match, Memory, Present, Wanted

NOBODY = {"added": 0, "updated": 0, "removed": 0, "deactivated": 0, "unchanged": 0}


def plan(
    wanted: Wanted,
    present: Present,
    memory: Memory,
    users: Mapping[str, Match] | None = None,
    *,
    matched: Sequence[Entry] | None = None,
    holds: bool = True,
) -> Plan:
    """The plan. `users` are the WISEflow users of those who were looked up (`sources.sync.plan.identity.to_look_up`); `matched` is
    everybody as `match_entries` gives them without users, where that has been worked out already.

    `holds` is False where a manager has confirmed that those go whom the brake holds.
    """

    def hold(goers: Sequence[Entry]) -> Mapping[str, Message]:
        return held_codes(wanted.exams, memory, entries, goers, state=present.state) if holds else {}

    entries: list[Entry] = []
    empty_codes = tuple(exam.code for exam in wanted.exams if memory.person_counts.get(exam.code) and not exam.people)
    if present.state >= CONCLUDED:
        held = hold([])
        return Plan(
            problems=(message("sources.marking_over"),),
            counts={**NOBODY, "unchanged": sum(known.is_from_source for known in memory.people)},
            followed=memory.followed,
            unfollowed=memory.unfollowed,
            follows_dates=memory.follows_dates,
            held_codes=held,
            empty_codes=empty_codes,
            entries=tuple(_people_not_written_down([replace(entry) for entry in matched or ()]))
            if memory.is_first
            else (),
        )
    users = users or {}
    problems = [*(problem for exam in wanted.exams for problem in exam.problems), *wanted.problems]
    flow = plan_flow(wanted, present, memory)
    times = times_after(flow.changes, present)
    if matched is None or users:
        matched = match_entries(merge_people(wanted.exams, memory), present.participants, memory, users)
    entries = [replace(entry) for entry in matched]
    changes: list[Change] = list(flow.changes)
    opens = is_open_for_people(present.state, memory.flow_type, is_remarking=present.is_remarking)
    counts = dict(NOBODY)
    departures: tuple[Departure, ...] = ()
    if opens:
        people = plan_people(
            entries,
            state=present.state,
            memory=memory,
            users=tell_apart(entries, users),
            times=times,
            hold=hold,
        )
        departures, held = tuple(people.held), people.held_codes
        changes += people.changes
        problems += tell_shared(wanted.exams, memory) + people.problems
        counts = people.counts
    else:
        entries = _people_not_written_down(entries)
        held = hold([])
        counts["unchanged"] = sum(known.is_from_source for known in memory.people) + len(entries)
        problems += tell_ends(memory.people, memory, times)
    staff, staff_problems, followed_staff = plan_staff(wanted, present, memory)
    problems += tell_students(wanted, present, entries)
    allocations = plan_allocations(wanted, present, memory, entries, staff) if opens else []
    problems += tell_of_list(wanted, present, entries, staff) if opens else []
    rooms, followed_rooms = plan_rooms(wanted, present, memory, entries, times)
    own_ends, outside = tell_own_ends(entries, changes, present, memory, times, opens=opens)
    problems += own_ends + tell_hand_set_end(present, memory, times) + tell_bookings(present, memory, times, rooms)
    return Plan(
        changes=(*changes, *staff, *allocations, *rooms),
        problems=tuple(problems + flow.problems + staff_problems + _told_of_nobody(wanted, memory)),
        counts=counts,
        held=departures,
        held_codes=held,
        followed={**flow.followed, "staff": followed_staff, "rooms": followed_rooms}
        | ({"outside": outside} if outside else {}),
        unfollowed=flow.unfollowed,
        follows_dates=flow.follows_dates,
        entries=tuple(entries),
        empty_codes=empty_codes,
        syncs_people=opens,
    )


def nothing_to_do(memory: Memory, *, unchanged: int) -> Plan:
    """The plan where everything is as it was when there was nothing to do: the people are not looked at, and `unchanged` so many."""
    return Plan(
        counts={**NOBODY, "unchanged": unchanged},
        followed=memory.followed,
        unfollowed=memory.unfollowed,
        follows_dates=memory.follows_dates,
    )


def _people_not_written_down(entries: Sequence[Entry]) -> list[Entry]:
    """Those a run had added when it was cut off, before it wrote them down, and those of a flow that was made elsewhere: they are
    from Ladok, not added by hand.

    They have no row, or one that came with their grade, which could not tell where they were from.
    """
    unrecorded = [
        entry
        for entry in entries
        if entry.person is not None
        and entry.present is not None
        and (entry.known is None or not entry.known.is_from_source)
    ]
    for entry in unrecorded:
        read_activation(entry, {})
    return unrecorded


def _told_of_nobody(wanted: Wanted, memory: Memory) -> list[Message]:
    """Not where there were people before: that is the brake's to tell, and then the flow has them still."""
    return [
        message("sources.nobody_registered", code=exam.code)
        for exam in wanted.exams
        if not exam.people and not memory.person_counts.get(exam.code)
    ]
