"""The part of the plan for those who work with a flow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ladokflow.identifiers import normal
from ladokflow.messages import Message, message
from ladokflow.wiseflow.words import Role
from sources.sync.plan.changes import AddStaff, RemoveStaff
from sources.sync.plan.values import SETUP, Entry, Memory, Present, Wanted, WantedStaff

ROLES = tuple(role.value for role in Role)
ROLES_OF_REMARKING = (Role.ASSESSOR.value,)


def plan_staff(
    wanted: Wanted, present: Present, memory: Memory
) -> tuple[list[AddStaff | RemoveStaff], list[Message], list[list[Any]]]:
    """The changes, the problems, and the [role, user id] pairs that are ours from now on.

    Staff are added until marking ends. They are removed in setup only, and only those we had added ourselves. Somebody
    whom we had added and who is gone has been taken away by hand: they are not added again. On a re-marking flow it is the
    assessors who follow, once the flow is made.

    Whom WISEflow does not know is not made a user here unless somebody has confirmed it; while it is not said who is meant,
    nobody with the role is taken off.
    """
    changes: list[AddStaff | RemoveStaff] = []
    problems: list[Message] = []
    before = {(role, user_id) for role, user_id in memory.followed.get("staff", ())}
    followed = ROLES_OF_REMARKING if present.is_remarking and not memory.is_first else ROLES
    ours = {pair for pair in before if pair[0] not in followed}
    unclear = {person.role for person in wanted.staff if person.is_unknown}
    for person in wanted.staff:
        if person.role not in followed:
            continue
        if person.is_unknown:
            problems += [problem for problem in [tell_unknown(person)] if problem not in problems]
            continue
        if person.user_id is None:
            problems.append(message("sources.staff_created", name=person.name, organisation_id=person.organisation_id))
        elif (person.role, person.user_id) in ours:
            continue
        else:
            pair = (person.role, person.user_id)
            ours.add(pair)
            present_ids = {staff.user_id for staff in present.staff.get(person.role, ())}
            if person.user_id in present_ids or (pair in before and not memory.is_first):
                continue
        text = message(f"sources.change.staff_added.{person.role}", name=person.name)
        changes.append(AddStaff(staff=person, message=text))
    for role, user_id in sorted(before - ours):
        if present.state != SETUP or role in unclear:
            ours.add((role, user_id))
            continue
        for staff in present.staff.get(role, ()):
            if staff.user_id == user_id:
                text = message(f"sources.change.staff_removed.{role}", name=staff.name)
                changes.append(RemoveStaff(role=role, staff_id=staff.id, message=text))
    return changes, problems, [list(pair) for pair in sorted(ours)]


def tell_unknown(person: WantedStaff) -> Message:
    """Why somebody is not on the flow: WISEflow has no such user, or several."""
    return message("sources.staff_ambiguous" if person.is_ambiguous else "sources.staff_unknown", who=person.who)


def tell_students(wanted: Wanted, present: Present, entries: Sequence[Entry]) -> list[Message]:
    """Those who work with the flow and are students of the exam, whoever has put them there."""
    users = {row.user_id for row in present.participants if row.activated and row.user_id is not None}
    users |= {entry.user.id for entry in entries if entry.person is not None and entry.user is not None}
    ids = {normal(entry.organisation_id) for entry in entries if entry.person is not None} - {""}
    told: dict[int | str, str] = {}
    for person in wanted.staff:
        if person.user_id in users or normal(person.organisation_id) in ids:
            told.setdefault(person.user_id or person.key, person.who)
    for staff in (staff for rows in present.staff.values() for staff in rows):
        if staff.user_id in users:
            told.setdefault(staff.user_id, staff.name)
    return [message("sources.staff_is_student", who=who) for who in told.values()]
