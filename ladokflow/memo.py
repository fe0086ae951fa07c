"""Results that are kept for one piece of work, and not a moment longer: what they are made of may be secret."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

T = TypeVar("T")

_kept: ContextVar[dict[Any, Any] | None] = ContextVar("kept", default=None)


@contextmanager
def remembering() -> Iterator[None]:
    """In here a function that is `remembered` works out each result once. Afterwards nothing of them is kept."""
    token = _kept.set({})
    try:
        yield
    finally:
        _kept.reset(token)


def remembered(function: Callable[..., T]) -> Callable[..., T]:
    """For a function of hashable values, called by position, that gives the same again. Outside `remembering` nothing is kept."""

    @functools.wraps(function)
    def call(*values: Any) -> T:
        kept = _kept.get()
        if kept is None:
            return function(*values)
        key = call, values
        if key not in kept:
            kept[key] = function(*values)
        found: T = kept[key]
        return found

    return call


def remember(function: Callable[..., T], *values: Any, result: T) -> None:
    """What a function that is `remembered` gives is known already, by another way."""
    kept = _kept.get()
    if kept is not None:
        kept.setdefault((function, values), result)
