"""Threads for a few requests at a time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, TypeVar

from django.db import connections

T = TypeVar("T")


class Threads(ThreadPoolExecutor):
    """Work in here knows what is known where it is given: whose national ids and names are hidden, and what the log is about. By itself a
    thread knows none of it. It is not to need the database; where what hides a national id looks into it, the connection is given back."""

    def submit(self, do: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        return super().submit(copy_context().run, _done, do, *args, **kwargs)


def _done(do: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    try:
        return do(*args, **kwargs)
    finally:
        connections.close_all()  # of this thread, where there are any
