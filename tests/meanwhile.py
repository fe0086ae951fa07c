"""What somebody else does while our work is at a certain point of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from django.db import connection


def once_at(words: Sequence[str], do: Callable[[], Any], *, after: int = 0) -> AbstractContextManager[None]:
    """In here it is done once, right before the first query that has all these words in it, or so many `after` that."""
    left = [do] + [lambda: None] * after

    def wrap(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if left and all(word in sql for word in words):
            left.pop()()
        return execute(sql, *rest)

    return connection.execute_wrapper(wrap)
