"""What a process has counted since it last told: how often, and when last. Kept in memory, written down by `exports/operation/tallies.py`.

A name is one of NAMES; what tells its kinds apart is joined to one label, in the order that stands there.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass

from django.utils import timezone

REMOTE_ANSWERS = "remote_answers"  # system, source, HTTP status or kind of no answer
LIMIT_WAITS = "limit_waits"  # calls to WISEflow that waited for their turn
LIMIT_MILLISECONDS = "limit_milliseconds"  # for so long in all
WEBHOOK_CALLS = "webhook_calls"  # what became of it when it came in
NAMES = {
    REMOTE_ANSWERS: ("system", "source", "status"),
    LIMIT_WAITS: (),
    LIMIT_MILLISECONDS: (),
    WEBHOOK_CALLS: ("result",),
}
NOBODYS = "-"


@dataclass
class Count:
    value: int = 0
    at: float = 0.0  # seconds since 1970


_counts: dict[tuple[str, str], Count] = {}
_lock = threading.Lock()


def _forget() -> None:
    """What the parent has counted it writes down itself."""
    global _lock
    _counts.clear()
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_forget)


def count(name: str, *kinds: str, by: int = 1) -> None:
    now = timezone.now().timestamp()
    with _lock:
        row = _counts.setdefault((name, " ".join(kinds)), Count())
        row.value += by
        row.at = now


def count_answer(owner: str, status: int | str) -> None:
    """`owner` is as of `ladokflow.kept.borrow`: the source's key and the system. Without one nobody's."""
    source, _, system = owner.partition(" ")
    count(REMOTE_ANSWERS, system or NOBODYS, source or NOBODYS, str(status))


def take() -> dict[tuple[str, str], Count]:
    """All of it; from now on it is counted from nought."""
    with _lock:
        taken = dict(_counts)
        _counts.clear()
    return taken


def put_back(taken: dict[tuple[str, str], Count]) -> None:
    """What could not be written down."""
    with _lock:
        for key, row in taken.items():
            there = _counts.setdefault(key, Count())
            there.value += row.value
            there.at = max(there.at, row.at)
