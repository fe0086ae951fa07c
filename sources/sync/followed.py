"""What is remembered of the values we write to WISEflow (`Flow.followed`), so that somebody's hand is told from ours. Pure."""

from __future__ import annotations

from typing import Any

from ladokflow.identifiers import normal
from sources.sync.apply.work import Applied
from sources.sync.gather import Gathered
from sources.sync.plan.changes import (
    AddStaff,
    BookRoom,
    Change,
    DeactivateParticipant,
    Plan,
    ReactivateParticipant,
    SetGradingScale,
    SetIndividualEnd,
    UpdateUser,
)
from sources.sync.plan.flow_data import values_in_wiseflow
from sources.sync.plan.moments import iso


def followed_ahead(gathered: Gathered, plan: Plan) -> dict[str, Any] | None:
    """With what is about to be written to WISEflow; None where there is nothing.

    Should we be cut off, the next run knows these values as ours, and does not take them for somebody's hand.
    """
    memory, present = gathered.memory, gathered.present
    if memory.is_first or not plan.changes:
        return None
    in_wiseflow = {**values_in_wiseflow(present), "grading_scale": present.scale_id}
    written = [name for change in plan.changes for name in change.writes if name not in plan.unfollowed]
    pending = {name: plan.followed[name] for name in written if plan.followed[name] != in_wiseflow[name]}
    # What is to be replaced is ours, too: that stays known even if this is cut off several times.
    ours = {name: in_wiseflow[name] for name in pending if name in memory.followed}
    kinds: tuple[tuple[type[Change], str], ...] = (
        (DeactivateParticipant, "deactivated"),
        (ReactivateParticipant, "activated"),
    )
    entries = {entry.key: entry for entry in plan.entries}
    for kind, name in kinds:
        keys = {change.key for change in plan.changes if isinstance(change, kind)}
        if keys:
            pending[name] = list(memory.pending.get(name, ())) + [
                entry.present.id for entry in plan.entries if entry.key in keys and entry.present is not None
            ]
    ends = {
        str(entry.present.id): iso(change.end_at)
        for change in plan.changes
        if isinstance(change, SetIndividualEnd) and change.end_at is not None
        if (entry := entries[change.key]).present is not None
    }
    if ends:
        pending["ends"] = {**memory.pending.get("ends", {}), **ends}
    return {**memory.followed, **ours, "pending": pending} if pending else None


def followed_after(gathered: Gathered, plan: Plan, applied: Applied) -> dict[str, Any]:
    """Without what WISEflow refused, and what somebody had changed: that is not what we wrote last."""
    before = gathered.memory.followed
    followed = dict(plan.followed)
    for name in {name for kind, _ in applied.refused for name in kind.writes} | set(applied.by_hand):
        followed.pop(name, None)
        if name in SetGradingScale.writes:
            # The scale that there was may still be replaced; another one that is there by then is somebody's hand.
            followed[name] = gathered.present.scale_id
        elif name in before:
            followed[name] = before[name]
    for room in _keys_of(BookRoom, applied):
        followed["rooms"] = {name: times for name, times in followed["rooms"].items() if name != room}
        if room in before.get("rooms", {}):
            followed["rooms"][room] = before["rooms"][room]
    if plan.syncs_people:
        # Our rows have what Ladok says, also of those whom WISEflow would not update: that is tried again.
        not_updated = sorted(applied.ids[key] for key in _keys_of(UpdateUser, applied) if key in applied.ids)
        followed.pop("not_updated", None)
        followed |= {"not_updated": not_updated} if not_updated else {}
    followed["staff"] = _staff(followed, applied)
    if applied.allocations:
        followed["allocations"] = _allocations(before.get("allocations", {}), applied)
    return followed


def unfollowed_after(plan: Plan, applied: Applied) -> dict[str, Any]:
    """With what somebody has changed by hand between our reading and our writing."""
    unfollowed = dict(plan.unfollowed)
    for name, value in applied.by_hand.items():
        says = plan.unfollowed[name]["ladok"] if name in plan.unfollowed else plan.followed.get(name)
        unfollowed[name] = {"ladok": says, "wiseflow": value}
    return unfollowed


def _keys_of(kind: type[Change], applied: Applied) -> set[str]:
    return {key for refused, key in applied.refused if refused is kind}


def _staff(followed: dict[str, Any], applied: Applied) -> list[Any]:
    refused = _keys_of(AddStaff, applied)
    kept = [pair for pair in followed.get("staff", []) if f"{pair[0]} {pair[1]}" not in refused]
    created = [list(pair) for pair in applied.staff]
    return [*kept, *(pair for pair in created if pair not in kept)]


def _allocations(before: dict[str, list[int]], applied: Applied) -> dict[str, list[int]]:
    allocations = {normal(assessor): participants for assessor, participants in before.items()}
    for assessor, participants in applied.allocations.items():
        allocations[assessor] = sorted({*allocations.get(assessor, ()), *participants})
    return allocations
