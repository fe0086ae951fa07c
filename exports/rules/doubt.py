"""When a grade that Ladok does not show is known not to be there. Pure.

Whatever came back of a request, or nothing: Ladok may be at work on it for a while. So that a grade is not there says nothing the
first time. It does when it has been missing twice, further apart than Ladok may work on a request
(`Source.settling_minutes`): whoever looks first looks after the request has left.
"""

from __future__ import annotations

import datetime as dt

MINUTE = dt.timedelta(minutes=1)


def first_look(absent_at: dt.datetime | None, asked_at: dt.datetime) -> dt.datetime:
    """When it was first missing. A look from later than now was noted by a clock that has been set back: it counts as none."""
    return absent_at if absent_at is not None and absent_at <= asked_at else asked_at


def is_over(first_at: dt.datetime, asked_at: dt.datetime, settling_time: dt.timedelta) -> bool:
    """Whether what was missing at both looks is not there, and will not be."""
    return asked_at - first_at >= settling_time


def ask_again_at(first_at: dt.datetime, settling_time: dt.timedelta) -> dt.datetime:
    """The full minute from which on a second look is one."""
    again_at = first_at + settling_time
    return again_at if again_at == _floor(again_at) else _floor(again_at) + MINUTE


def _floor(at: dt.datetime) -> dt.datetime:
    return at.replace(second=0, microsecond=0)
