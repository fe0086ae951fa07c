"""The clock for how long something has taken: nobody can set it, and it goes on while the machine sleeps."""

from __future__ import annotations

import time


def monotonic() -> float:
    """Seconds since some moment, the same for all processes of the machine. `time.monotonic` stands still while a machine is
    suspended; this one does not, where the system has such a clock (Linux)."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.clock_gettime(clock) if clock is not None else time.monotonic()
