"""Title, subtitle, flow code, dates and grading scale: what the master source says, unless somebody has changed it by hand.

A value in WISEflow is somebody's hand when it is neither what Ladok says nor what we wrote last. It is then left alone
until it equals Ladok's again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ladokflow.messages import Message, message
from sources.sync.plan.values import Change, Memory, Present, Wanted

TEXT_LENGTH = 255
DEFAULT_START = dt.time(9)
DEFAULT_LENGTH = dt.timedelta(hours=5)
MARKING_WAITS_DAYS = 2
MARKING_STARTS = dt.time(12)
MARKING_LASTS = dt.timedelta(weeks=4)
# WISEflow may keep whole minutes only; such a value is still the one we wrote.
SAME_MOMENT = dt.timedelta(minutes=1)

DATE_FIELDS = ("participation_start_at", "participation_end_at", "marking_start_at", "marking_end_at")


@dataclass
class Following:
    """What comes of looking at the followed values; filled in by the functions below."""

    changes: list[Change]
    problems: list[Message]
    followed: dict[str, Any]
    unfollowed: dict[str, Any]
    follows_dates: bool


def plan_flow(wanted: Wanted, present: Present, memory: Memory) -> Following:
    """The changes of the flow's own data. For phases up to and with marking."""
    found = Following(
        changes=[],
        problems=[],
        followed={k: v for k, v in memory.followed.items() if k != "pending"},
        unfollowed={},
        follows_dates=memory.follows_dates,
    )
    _texts(found, wanted, present, memory)
    _dates(found, wanted, present, memory)
    _scale(found, wanted, present, memory)
    return found


def _is_ours(name: str, there: Any, memory: Memory, same: Callable[[Any, Any], bool]) -> bool:
    """Whether the value in WISEflow is one that we wrote, so that it may be replaced."""
    if memory.is_first or name not in memory.followed:
        return name not in memory.unfollowed
    if name in memory.unfollowed:
        return False
    return same(there, memory.followed[name]) or (name in memory.pending and same(there, memory.pending[name]))


def _follow(
    found: Following,
    memory: Memory,
    name: str,
    says: Any,
    there: Any,
    same: Callable[[Any, Any], bool] = lambda a, b: a == b,
) -> bool:
    """Whether `says` is to be written; remembers the value, or that somebody has changed it."""
    if same(says, there):
        found.followed[name] = says
        return False
    if _is_ours(name, there, memory, same):
        found.followed[name] = says
        return True
    found.unfollowed[name] = {"ladok": says, "wiseflow": there}
    return False


def _texts(found: Following, wanted: Wanted, present: Present, memory: Memory) -> None:
    master = wanted.exams[0]
    for name, says, there in (
        ("title", master.title.strip()[:TEXT_LENGTH] or master.code, present.title),
        ("subtitle", master.subtitle.strip()[:TEXT_LENGTH], present.subtitle),
        ("code", master.code.strip()[:TEXT_LENGTH], present.code),
    ):
        if _follow(found, memory, name, says, there):
            text = message(f"sources.change.{name}", new=says)
            found.changes.append(Change(f"metadata.{name}", {"value": says}, text))


def _iso(moment: dt.datetime | None) -> str | None:
    return moment.astimezone(dt.UTC).isoformat(timespec="seconds") if moment else None


def is_same_moment(one: dt.datetime | str | None, other: dt.datetime | str | None) -> bool:
    one = dt.datetime.fromisoformat(one) if isinstance(one, str) else one
    other = dt.datetime.fromisoformat(other) if isinstance(other, str) else other
    if one is None or other is None:
        return one is other
    return abs(one - other) < SAME_MOMENT


def whole_dates(
    start: dt.datetime | None,
    end: dt.datetime | None,
    marking_end: dt.datetime | None,
    *,
    created_at: dt.datetime,
    tz: dt.tzinfo,
) -> dict[str, dt.datetime]:
    """All four dates: what is missing is filled in by WISEflow's own rule."""
    if start is None and end is not None:
        start = (end.astimezone(dt.UTC) - DEFAULT_LENGTH).astimezone(tz)
    if start is None:
        start = dt.datetime.combine(created_at.astimezone(tz).date() + dt.timedelta(days=1), DEFAULT_START, tz)
    if end is None:
        end = (start.astimezone(dt.UTC) + DEFAULT_LENGTH).astimezone(tz)
    day = end.astimezone(tz).date() + dt.timedelta(days=MARKING_WAITS_DAYS)
    marking_start = dt.datetime.combine(day, MARKING_STARTS, tz)
    if marking_end is None:
        marking_end = marking_start + MARKING_LASTS
    elif end < marking_end <= marking_start:
        # The deadline comes before the usual start of marking: marking starts as soon as participation has ended.
        marking_start = end + dt.timedelta(minutes=1)
    return {
        "participation_start_at": start,
        "participation_end_at": end,
        "marking_start_at": marking_start,
        "marking_end_at": marking_end,
    }


def _dates(found: Following, wanted: Wanted, present: Present, memory: Memory) -> None:
    master = wanted.exams[0]
    has_dates = bool(master.participation_start_at or master.participation_end_at)
    if memory.flow_type.casefold() == "floworal":
        return
    if memory.is_first:
        found.follows_dates = has_dates
        if not has_dates:
            found.problems.append(message("sources.no_dates", code=master.code))
    elif not memory.follows_dates:
        return
    elif not has_dates:
        found.problems.append(message("sources.dates_gone", code=master.code))
        return
    marking_end = master.marking_end_at
    end = master.participation_end_at or master.participation_start_at
    if marking_end and end and marking_end <= end:
        found.problems.append(message("sources.deadline_before_end", code=master.code))
        marking_end = None
    says = whole_dates(
        master.participation_start_at,
        master.participation_end_at,
        marking_end,
        created_at=memory.created_at,
        tz=memory.tz,
    )
    _write_dates(found, says, present, memory)


def _write_dates(found: Following, says: Mapping[str, dt.datetime], present: Present, memory: Memory) -> None:
    result: dict[str, dt.datetime | None] = {}
    to_write = []
    before = dict(found.followed)
    for name in DATE_FIELDS:
        there = getattr(present.dates, name)
        if _follow(found, memory, name, _iso(says[name]), _iso(there), is_same_moment):
            to_write.append(name)
            result[name] = says[name]
        else:
            result[name] = there
    if not to_write:
        return
    start, end, marking_start, marking_end = (result[name] for name in DATE_FIELDS)
    if not (start and end and marking_start and marking_end and start < end < marking_start < marking_end):
        # What Ladok says does not go with what somebody has set by hand: nothing is written, and it is told.
        found.problems.append(message("sources.dates_conflict"))
        for name in to_write:
            found.followed.pop(name)
            if name in before:
                found.followed[name] = before[name]
        return
    text = message(
        "sources.change.dates",
        start=_local(start, memory.tz),
        end=_local(end, memory.tz),
        marking_start=_local(marking_start, memory.tz),
        marking_end=_local(marking_end, memory.tz),
    )
    data = dict(zip(DATE_FIELDS, (start, end, marking_start, marking_end), strict=True))
    found.changes.append(Change("dates.set", data, text))


def values_in_wiseflow(present: Present) -> dict[str, Any]:
    """What WISEflow has now, as `Flow.followed` writes it."""
    dates = {name: _iso(getattr(present.dates, name)) for name in DATE_FIELDS}
    return {"title": present.title, "subtitle": present.subtitle, "code": present.code, **dates}


def _local(moment: dt.datetime, tz: dt.tzinfo) -> str:
    return f"{moment.astimezone(tz):%Y-%m-%d %H:%M}"


def _scale(found: Following, wanted: Wanted, present: Present, memory: Memory) -> None:
    if wanted.scale_id is None:
        # Nothing to follow yet. Should Ladok have a scale later, it may replace this one, but none that was set by hand.
        if present.scale_id is not None:
            found.followed.setdefault("grading_scale", present.scale_id)
        return
    if not _follow(found, memory, "grading_scale", wanted.scale_id, present.scale_id):
        return
    if present.has_grades:
        # Another scale would reset the grades there are.
        found.followed.pop("grading_scale", None)
        if "grading_scale" in memory.followed:
            found.followed["grading_scale"] = memory.followed["grading_scale"]
        found.problems.append(message("sources.scale_kept", scale=wanted.scale_name))
        return
    text = message("sources.change.scale", scale=wanted.scale_name)
    found.changes.append(Change("scale.set", {"scale_id": wanted.scale_id}, text))
