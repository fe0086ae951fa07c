"""Days and moments in words. How they are written stands in `ladokflow/formats`."""

from __future__ import annotations

import datetime as dt
import re

from django.utils import formats, timezone

# What is taken for a day that somebody writes or asks for: before and after it is a slip, and beyond what clocks and databases reckon with.
FIRST_DAY, LAST_DAY = dt.date(1900, 1, 1), dt.date(2199, 12, 31)
# How a message keeps a day or a moment: in the source's time zone, without saying so.
KEPT_DAY, KEPT_MOMENT = re.compile(r"\d{4}-\d\d-\d\d"), re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d")
# And a moment that does say so, as a value of a row or of a file with data.
KEPT_EXACTLY = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?[+-]\d\d:\d\d")


def is_sane(day: dt.date) -> bool:
    return FIRST_DAY <= day <= LAST_DAY


def read_day(text: str) -> dt.date:
    """A day as 2026-11-28; ValueError for anything else, and for a day that nobody means."""
    day = dt.date.fromisoformat(text.strip())
    if not is_sane(day):
        raise ValueError(f"{text} is beyond what is taken for a day")
    return day


def day_in_words(day: dt.date) -> str:
    return formats.date_format(day, "DATE_FORMAT")


def moment_in_words(moment: dt.datetime, tz: dt.tzinfo | None = None) -> str:
    """In the time zone that is given, or in the active one."""
    return formats.date_format(timezone.localtime(moment, tz), "DATETIME_FORMAT")


def in_words(value: object) -> object:
    """What a message has kept as a day or a moment, in words; anything else as it is."""
    if not isinstance(value, str):
        return value
    try:
        if KEPT_MOMENT.fullmatch(value):
            return formats.date_format(dt.datetime.fromisoformat(value), "DATETIME_FORMAT")
        if KEPT_EXACTLY.fullmatch(value):
            return moment_in_words(dt.datetime.fromisoformat(value))
        if KEPT_DAY.fullmatch(value):
            return day_in_words(dt.date.fromisoformat(value))
    except ValueError:
        pass  # looks like a day, and is none
    return value
