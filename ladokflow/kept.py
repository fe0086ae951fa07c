"""One client for each credential and process: whoever speaks with a system next finds connections that are open, and need no handshake.

It is closed when its owner comes with another credential, other authorities are trusted, or nobody has used it for a while. Only
what may be asked twice, or looked at afterwards, goes this way: an export has a connection of its own (`Outgoing`).
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import httpx

from ladokflow.clock import monotonic
from ladokflow.http import trust

T = TypeVar("T")

IDLE_SECONDS = 60.0
ANSWERS_SECONDS = 60.0


class Answers:
    """What has been read and does not change while we work, by name: each is read once, and good for so many seconds."""

    def __init__(self, seconds: float = float("inf")) -> None:
        self._seconds = seconds
        self._read: dict[str, tuple[float, Any]] = {}
        self._lock = threading.RLock()

    def get(self, name: str, read: Callable[[], T], suffices: Callable[[T], bool]) -> T:
        """What does not suffice is read anew."""
        with self._lock:
            read_at, answer = self._read.get(name, (float("-inf"), None))
            if monotonic() - read_at >= self._seconds or not suffices(cast(T, answer)):
                began = monotonic()
                answer = read()
                self._read = {name: entry for name, entry in self._read.items() if began - entry[0] < self._seconds}
                self._read[name] = began, answer
            return cast(T, answer)


@dataclass(eq=False)
class Kept:
    """`turn` is taken for each request: a thread that waits for a free connection would otherwise spend its time limit waiting."""

    http: httpx.Client
    turn: threading.BoundedSemaphore
    answers: Answers = field(default_factory=lambda: Answers(ANSWERS_SECONDS))
    users: int = 0
    idle_since: float = 0.0
    is_replaced: bool = False


_kept: dict[str, Kept] = {}
_keys: dict[str, str] = {}  # by owner
_lock = threading.Lock()
_of_the_parent: list[Kept] = []


def _forget() -> None:
    """A forked worker makes its own. Closing the inherited ones could disturb its parent's."""
    global _lock
    _of_the_parent.extend(_kept.values())
    _kept.clear()
    _keys.clear()
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_forget)


def name_of(*parts: str) -> str:
    """A name for a credential that does not give it away."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]


def borrow(credential: str, build: Callable[[], httpx.Client], *, places: int, owner: str = "") -> Kept:
    """The client of a credential (`name_of`), made with `build` where there is none. Give it back.

    `places` is how many requests it can have at a time. An `owner` has one credential at a time.
    """
    key = name_of(credential, str(places), repr(trust()))
    with _lock:
        if key not in _kept:
            _kept[key] = Kept(build(), threading.BoundedSemaphore(places))
        found = _kept[key]
        found.users += 1
        if owner:
            former, _keys[owner] = _keys.get(owner, key), key
            if former in _kept and former not in _keys.values():
                _kept[former].is_replaced = True
        gone = [name for name, kept in _kept.items() if kept.is_replaced or _is_idle(kept)]
        closed = [kept for kept in map(_kept.pop, gone) if not kept.users]
    for kept in closed:
        kept.http.close()
    return found


def _is_idle(kept: Kept) -> bool:
    return not kept.users and monotonic() - kept.idle_since > IDLE_SECONDS


def give_back(kept: Kept) -> None:
    with _lock:
        kept.users -= 1
        kept.idle_since = monotonic()
        is_last = kept.is_replaced and not kept.users
    if is_last:
        kept.http.close()


def close_all() -> None:
    """Also those that somebody has: they are closed when they are given back."""
    with _lock:
        closed = list(_kept.values())
        _kept.clear()
        _keys.clear()
        for kept in closed:
            kept.is_replaced = True
    for kept in closed:
        if not kept.users:
            kept.http.close()
