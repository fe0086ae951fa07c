"""Moments as they are compared, and as `Flow.followed` writes them."""

from __future__ import annotations

import datetime as dt

# WISEflow may keep whole minutes only; such a value is still the one we wrote.
SAME_MOMENT = dt.timedelta(minutes=1)


def iso(moment: dt.datetime | None) -> str | None:
    return utc(moment) if moment else None


def utc(moment: dt.datetime) -> str:
    """One moment is one text, in whatever zone it was said."""
    return moment.astimezone(dt.UTC).isoformat(timespec="seconds")


def is_same_moment(moment: dt.datetime | str | None, other: dt.datetime | str | None) -> bool:
    moment = dt.datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    other = dt.datetime.fromisoformat(other) if isinstance(other, str) else other
    if moment is None or other is None:
        return moment is other
    return abs(moment - other) < SAME_MOMENT


def local(moment: dt.datetime, tz: dt.tzinfo) -> str:
    return f"{moment.astimezone(tz):%Y-%m-%d %H:%M}"
