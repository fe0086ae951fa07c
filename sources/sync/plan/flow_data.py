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
from ladokflow.texts import as_stored, is_same_text
from ladokflow.wiseflow.words import FlowType, is_type
from sources.sync.plan.changes import (
    DATE_FIELDS,
    Change,
    SetCode,
    SetGradingScale,
    SetSubtitle,
    SetTitle,
    set_dates_to,
)
from sources.sync.plan.moments import is_same_moment, iso
from sources.sync.plan.times import Times
from sources.sync.plan.values import MARKING, Memory, Present, Wanted

TEXT_LENGTH = 255
DEFAULT_START = dt.time(9)
DEFAULT_LENGTH = dt.timedelta(hours=5)
MARKING_WAITS_DAYS = 2
MARKING_STARTS = dt.time(12)
MARKING_LASTS = dt.timedelta(weeks=4)


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
    following = Following(
        changes=[],
        problems=[],
        followed={k: v for k, v in memory.followed.items() if k not in ("pending", "outside")},
        unfollowed={},
        follows_dates=memory.follows_dates,
    )
    _texts(following, wanted, present, memory)
    _dates(following, wanted, present, memory)
    _scale(following, wanted, present, memory)
    return following


def _is_ours(name: str, present: Any, memory: Memory, same: Callable[[Any, Any], bool]) -> bool:
    """Whether the value in WISEflow is one that we wrote, so that it may be replaced."""
    if memory.is_first or name not in memory.followed:
        return name not in memory.unfollowed
    if name in memory.unfollowed:
        return False
    return same(present, memory.followed[name]) or (name in memory.pending and same(present, memory.pending[name]))


def _follow(
    following: Following,
    memory: Memory,
    name: str,
    says: Any,
    present: Any,
    same: Callable[[Any, Any], bool] = lambda a, b: a == b,
) -> bool:
    """Whether `says` is to be written; remembers the value, or that somebody has changed it."""
    if same(says, present):
        following.followed[name] = says
        return False
    if _is_ours(name, present, memory, same):
        following.followed[name] = says
        return True
    following.unfollowed[name] = {"ladok": says, "wiseflow": present}
    return False


def _texts(following: Following, wanted: Wanted, present: Present, memory: Memory) -> None:
    master = wanted.exams[0]
    code = as_stored(master.code, TEXT_LENGTH)
    for kind, name, says, in_wiseflow in (
        (SetTitle, "title", as_stored(master.title, TEXT_LENGTH) or code, present.title),
        (SetSubtitle, "subtitle", as_stored(master.subtitle, TEXT_LENGTH), present.subtitle),
        (SetCode, "code", code, present.code),
    ):
        if _follow(following, memory, name, says, in_wiseflow, is_same_text):
            following.changes.append(kind(value=says, message=message(f"sources.change.{name}", new=says)))


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


def _dates(following: Following, wanted: Wanted, present: Present, memory: Memory) -> None:
    master = wanted.exams[0]
    has_dates = bool(master.participation_start_at or master.participation_end_at)
    if is_type(memory.flow_type, FlowType.ORAL):
        return
    if memory.is_first:
        following.follows_dates = has_dates
        if not has_dates:
            following.problems.append(message("sources.no_dates", code=master.code))
    elif not memory.follows_dates:
        return
    elif not has_dates:
        following.problems.append(message("sources.dates_gone", code=master.code))
        return
    marking_end = master.marking_end_at
    end = master.participation_end_at or master.participation_start_at
    if marking_end and end and marking_end <= end:
        following.problems.append(message("sources.deadline_before_end", code=master.code))
        marking_end = None
    says = whole_dates(
        master.participation_start_at,
        master.participation_end_at,
        marking_end,
        created_at=memory.created_at,
        tz=memory.tz,
    )
    _write_dates(following, says, present, memory)


def _write_dates(following: Following, says: Mapping[str, dt.datetime], present: Present, memory: Memory) -> None:
    result: dict[str, dt.datetime | None] = {}
    to_write = []
    before = dict(following.followed)
    for name in DATE_FIELDS:
        in_wiseflow = getattr(present.dates, name)
        if _follow(following, memory, name, iso(says[name]), iso(in_wiseflow), is_same_moment):
            to_write.append(name)
            result[name] = says[name]
        else:
            result[name] = in_wiseflow
    if not to_write:
        return
    if not Times(*(result[name] for name in DATE_FIELDS)).go_together:
        # What Ladok says does not go with what somebody has set by hand: nothing is written, and it is told.
        following.problems.append(message("sources.dates_conflict"))
        for name in to_write:
            following.followed.pop(name)
            if name in before:
                following.followed[name] = before[name]
        return
    dates = {name: moment for name, moment in result.items() if moment is not None}
    following.changes.append(set_dates_to(dates, memory.tz))


def values_in_wiseflow(present: Present) -> dict[str, Any]:
    """What WISEflow has now, as `Flow.followed` writes it."""
    dates = {name: iso(getattr(present.dates, name)) for name in DATE_FIELDS}
    return {"title": present.title, "subtitle": present.subtitle, "code": present.code, **dates}


def _scale(following: Following, wanted: Wanted, present: Present, memory: Memory) -> None:
    if wanted.scale_id is None:
        # Nothing to follow yet. Should Ladok have a scale later, it may replace this one, but none that was set by hand.
        if present.scale_id is not None:
            following.followed.setdefault("grading_scale", present.scale_id)
        return
    if not _follow(following, memory, "grading_scale", wanted.scale_id, present.scale_id):
        return
    if present.has_grades or present.state >= MARKING:
        # Another scale would reset the grades there are, and in marking there may be some that are not to be seen.
        following.followed.pop("grading_scale", None)
        if "grading_scale" in memory.followed:
            following.followed["grading_scale"] = memory.followed["grading_scale"]
        code = "sources.scale_kept" if present.has_grades else "sources.scale_kept_in_marking"
        following.problems.append(message(code, scale=wanted.scale_name))
        return
    text = message("sources.change.scale", scale=wanted.scale_name)
    following.changes.append(SetGradingScale(scale_id=wanted.scale_id, message=text))
