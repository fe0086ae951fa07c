"""The part of the plan for those who work with a flow."""

from __future__ import annotations

from typing import Any

from ladokflow.messages import Message, message
from sources.sync.plan.values import SETUP, Change, Memory, Present, Wanted

ROLES = ("manager", "assessor", "reviewer", "invigilator", "author")
ROLES_OF_REMARKING = ("assessor",)


def plan_staff(wanted: Wanted, present: Present, memory: Memory) -> tuple[list[Change], list[Message], list[list[Any]]]:
    """The changes, the problems, and the [role, user id] pairs that are ours from now on.

    Staff are added until marking ends. They are removed in setup only, and only those we had added ourselves. Somebody
    whom we had added and who is gone has been taken away by hand: they are not added again. On a re-marking flow it is the
    assessors who follow, once the flow is made.
    """
    changes: list[Change] = []
    problems: list[Message] = []
    before = {(role, user_id) for role, user_id in memory.followed.get("staff", ())}
    followed = ROLES_OF_REMARKING if present.is_remarking and not memory.is_first else ROLES
    ours = {pair for pair in before if pair[0] not in followed}
    for one in wanted.staff:
        if one.role not in followed:
            continue
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
