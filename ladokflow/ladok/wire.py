"""Reading single values out of what Ladok sends. Tolerant in form, and never guessing: what cannot be read is `Unreadable`."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from typing import Any
from zoneinfo import ZoneInfo

_DATE = re.compile(r"[0-9]{4}(-?)[0-9]{2}\1[0-9]{2}")
_TIME = re.compile(r"([0-9]{1,2})[:.]([0-9]{2})(?:[:.]([0-9]{2})(?:\.[0-9]+)?)?")
END_OF_DAY = dt.time(23, 59, 59)
MIDNIGHT = dt.time(0), 0
FIRST_YEAR, LAST_YEAR = 1970, 2999


class Unreadable(ValueError):
    """A value that is there and cannot be understood."""


def text(value: Any) -> str:
    """A string or a whole number as text without surrounding space; a list as its parts with commas; missing or null as ""."""
    if value is None:
        return ""
    if isinstance(value, str):
        if value.isprintable():
            return value.strip()
        # Neither database column nor header takes these; halves of surrogate pairs come from broken JSON escapes.
        return "".join(" " if ch in "\t\n\r" else ch for ch in value if ch in "\t\n\r" or _is_text(ch)).strip()
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, list):
        return ", ".join(part for part in map(text, value) if part)
    raise Unreadable


def _is_text(character: str) -> bool:
    return unicodedata.category(character) not in ("Cc", "Cs")


def joined(values: list[Any]) -> str:
    """The texts of several values with a space between, as in the article's "courseCode courseName"."""
    return " ".join(part for part in map(text, values) if part)


def date(value: Any) -> dt.date | None:
    """`YYYY-MM-DD`; of a date-time, its date. None where there is nothing."""
    found = text(value)
    return _iso(found).date() if found else None


def _iso(found: str) -> dt.datetime:
    if not _DATE.match(found):  # `fromisoformat` knows weeks, too
        raise Unreadable
    try:
        read = dt.datetime.fromisoformat(found)
    except ValueError:
        raise Unreadable from None
    if not FIRST_YEAR <= read.year <= LAST_YEAR:  # 0001-01-01 and 9999-12-31 stand for "none" in many systems
        raise Unreadable
    return read


def time(value: Any) -> tuple[dt.time, int] | None:
    """`HH:MM` or `HH:MM:SS`, and how many days later: `24:00` is midnight of the next day. None where there is nothing."""
    found = text(value)
    if not found:
        return None
    match = _TIME.fullmatch(found)
    if not match:
        raise Unreadable
    hour, minute, second = (int(part or 0) for part in match.groups())
    if (hour, minute, second) == (24, 0, 0):
        return dt.time(0), 1
    try:
        return dt.time(hour, minute, second), 0
    except ValueError:
        raise Unreadable from None


def at(date: dt.date, time: tuple[dt.time, int], tz: ZoneInfo) -> dt.datetime:
    """A wall-clock time at the source.

    The hour that the clocks jump over in spring is moved past the jump; of the doubled hour in autumn the first is meant.
    """
    clock, days = time
    wall = dt.datetime.combine(date + dt.timedelta(days=days), clock, tzinfo=tz)
    return wall.astimezone(dt.UTC).astimezone(tz)


def moment(value: Any, tz: ZoneInfo) -> dt.datetime | None:
    """A date, meaning the end of that day, or a date-time, in the source's time zone where it names none."""
    found = text(value)
    if not found:
        return None
    match = _DATE.match(found)
    if not match:
        raise Unreadable
    day, clock = match[0], found[match.end() :].lstrip("T ")
    if not clock:
        return at(_iso(day).date(), (END_OF_DAY, 0), tz)
    if _TIME.fullmatch(clock):
        return at(_iso(day).date(), time(clock) or MIDNIGHT, tz)
    read = _iso(found)
    return at(read.date(), (read.time(), 0), tz) if read.tzinfo is None else read.astimezone(tz)


def is_later(one: dt.datetime, other: dt.datetime) -> bool:
    """Whether `one` is after `other` in real time: Python compares wall clocks when both have the same time zone."""
    return one.timestamp() > other.timestamp()
