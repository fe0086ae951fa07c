"""Reading single values out of what Ladok sends. Tolerant in form, and never guessing: what cannot be read is `Unreadable`."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from ladokflow.texts import visible

_DATE = r"(?P<date>[0-9]{4}(?P<hyphen>-?)[0-9]{2}(?P=hyphen)[0-9]{2})"
_CLOCK = (
    r"(?P<hour>[0-9]{1,2})[:.](?P<minute>[0-9]{2})(?:[:.](?P<second>[0-9]{2})(?:[.,][0-9]+)?)?"
    r"|(?P<basic>[0-9]{4}(?:[0-9]{2}(?:[.,][0-9]+)?)?)"
)
_ZONE = r"(?P<zone>Z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?)"
_NAME = r"(?:\[[\w/+-]+\])?"  # as Java writes a zone behind the offset
_TIME = re.compile(rf"T?(?:{_CLOCK})\s*(?:{_ZONE}{_NAME})?", re.IGNORECASE)
_MOMENT = re.compile(rf"{_DATE}(?:(?:T|\s+)(?P<clock>.+)|{_ZONE})?", re.IGNORECASE)
_HOUR = re.compile(r"[0-9]{2}")
_HYPHENS = str.maketrans("\u2010\u2011\u2212", "---")

# 0001-01-01, 1970-01-01 and 9999-12-31 stand for "none" in many systems.
FIRST_YEAR, LAST_YEAR = 1971, 2999


class Unreadable(ValueError):
    """A value that is there and cannot be understood."""


class Clock(NamedTuple):
    """A time of day. `days` later than the date it goes with: `24:00` is midnight of the next day.

    `zone` is None where the source's own is meant, as is usual.
    """

    time: dt.time
    days: int = 0
    zone: dt.tzinfo | None = None


END_OF_DAY = Clock(dt.time(23, 59, 59))
MIDNIGHT = Clock(dt.time(0))


def text(value: Any) -> str:
    """As `spelling`, without the characters that cannot be seen."""
    if isinstance(value, str) and value.isascii() and value.isprintable():  # as nearly all are
        return value.strip()
    return visible(spelling(value)).strip()


def spelling(value: Any) -> str:
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


# --- Dates and times ---------------------------------------------------------------------------------------------
#
# A moment that names its zone is that moment, and comes in the source's time zone. Without one, the source's own is meant.


def day(value: Any, tz: ZoneInfo) -> dt.date | dt.datetime | None:
    """A date, or a date-time as that moment. One at midnight is a date: that is how many systems write one."""
    parts = _parts(value)
    if parts is None:
        return None
    date, clock = parts
    if clock is None or clock == MIDNIGHT:
        return date
    read = _moment(date, clock, tz)
    return read.date() if clock.zone is not None and not clock.days and read.time() == MIDNIGHT.time else read


def deadline(value: Any, tz: ZoneInfo) -> dt.datetime | None:
    """A date-time as that moment; a date, also as `day` knows one, as the end of that day: at its midnight it would be over a day early."""
    parts, read = _parts(value), day(value, tz)
    if parts is None or read is None:
        return None
    date, written = parts
    if written == MIDNIGHT._replace(zone=dt.UTC):  # how some systems write a date
        return at(date, END_OF_DAY, tz)
    return read if isinstance(read, dt.datetime) else at(read, END_OF_DAY, tz)


def clock(value: Any, tz: ZoneInfo) -> Clock | dt.datetime | None:
    """A time of day, or a date-time as that moment. One of 1970 or before is how some systems write a time of day."""
    plain = _plain(value)
    if not plain:
        return None
    match = _MOMENT.fullmatch(plain)
    if not match:
        return _clock(plain)
    if not match["clock"]:
        raise Unreadable
    return _clock(match["clock"]) if int(match["date"][:4]) < FIRST_YEAR else moment(value, tz)


def moment(value: Any, tz: ZoneInfo) -> dt.datetime | None:
    """A date-time as that moment; a date as the end of that day."""
    parts = _parts(value)
    if parts is None:
        return None
    date, clock = parts
    return _moment(date, clock or END_OF_DAY, tz)


def at(date: dt.date, clock: Clock, tz: ZoneInfo) -> dt.datetime:
    """The moment of `date` in `tz` at which the clock shows the time.

    The hour that the clocks jump over in spring is moved past the jump; of the doubled hour in autumn the first is meant.
    A clock of another zone may show the time on its own day before or after; the date is that of `tz` all the same.
    """
    days = (0, -1, 1) if clock.zone is not None else (0,)
    candidates = [_moment(date + dt.timedelta(days=more), clock, tz) for more in days]
    return next(
        (candidate for candidate in candidates if candidate.date() == date + dt.timedelta(days=clock.days)),
        candidates[0],
    )


def is_later(instant: dt.datetime, other: dt.datetime) -> bool:
    """Whether `instant` is after `other` in real time: Python compares wall clocks when both have the same time zone."""
    return instant.timestamp() > other.timestamp()


def _parts(value: Any) -> tuple[dt.date, Clock | None] | None:
    plain = _plain(value)
    if not plain:
        return None
    match = _MOMENT.fullmatch(plain)
    if not match:
        raise Unreadable
    # A zone behind a mere date names no other day.
    return _date(match["date"]), _clock(match["clock"], takes_hours=True) if match["clock"] else None


def _plain(value: Any) -> str:
    return text(value).translate(_HYPHENS)


def _date(plain: str) -> dt.date:
    try:
        read = dt.date.fromisoformat(plain)
    except ValueError:
        raise Unreadable from None
    if not FIRST_YEAR <= read.year <= LAST_YEAR:
        raise Unreadable
    return read


def _clock(plain: str, *, takes_hours: bool = False) -> Clock:
    if takes_hours and _HOUR.match(plain) and not _TIME.fullmatch(plain):
        plain = f"{plain[:2]}:00{plain[2:]}"
    match = _TIME.fullmatch(plain)
    if not match:
        raise Unreadable
    basic = match["basic"]
    parts = (basic[:2], basic[2:4], basic[4:6]) if basic else (match["hour"], match["minute"], match["second"])
    hour, minute, second = (int(part or 0) for part in parts)
    zone = _zone(match["zone"])
    if (hour, minute, second) == (24, 0, 0):
        return Clock(dt.time(0), 1, zone)
    try:
        return Clock(dt.time(hour, minute, second), 0, zone)
    except ValueError:
        raise Unreadable from None


def _zone(zone: str | None) -> dt.tzinfo | None:
    if zone is None:
        return None
    if zone[0] not in "+-":
        return dt.UTC
    digits = zone[1:].replace(":", "")
    offset = dt.timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0))
    if offset >= dt.timedelta(hours=24) or digits[2:] not in (
        "",
        "00",
        "15",
        "30",
        "45",
    ):  # every zone's is of whole quarters
        raise Unreadable
    return dt.timezone(offset if zone[0] == "+" else -offset)


def _moment(date: dt.date, clock: Clock, tz: ZoneInfo) -> dt.datetime:
    shown = dt.datetime.combine(date + dt.timedelta(days=clock.days), clock.time, tzinfo=clock.zone or tz)
    return shown.astimezone(dt.UTC).astimezone(tz)
