"""Python's search for garbage, out of the way of a piece of work."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """In here nothing is looked through for garbage, in the whole process: for a worker's one piece of work, which ends soon.

    Of a flow of thousands there are a million objects that are all in use. Going through them again and again takes a fifth of the
    time; what is no longer used goes all the same, unless it hangs together in a circle.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
