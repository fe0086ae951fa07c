"""Standing still at a chosen moment, while others go on.

Whoever works passes *points*: each query that stands outside a transaction (between two of them nobody is hindered by a lock of
ours, so all that others can do there they can do whole), and each request as it arrives at a sandbox. At one of them the rest
of the world has its turn, and then the work goes on as if nothing had been. No process has to be stopped for it, and each
moment can be chosen again.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, connections

Point = int | str | tuple[str, int]


class Freezer:
    """`at`: the number of a point, the name of one, or a name and the number among those of it. `passed` is how many there were."""

    def __init__(self, at: Point, meanwhile: Callable[[], None]) -> None:
        self.at, self.passed = at, 0
        self._of_name: Counter[str] = Counter()
        self.has_frozen = False
        self._meanwhile = meanwhile
        self._depth = len(connection.savepoint_ids)
        self._home = threading.current_thread()
        self._shared = connections["default"]
        self._lock = threading.Lock()
        self._error: BaseException | None = None

    @contextmanager
    def watching(self) -> Iterator[None]:
        self._shared.inc_thread_sharing()
        try:
            with self._shared.execute_wrapper(self._at_query):
                yield
        finally:
            self._shared.dec_thread_sharing()
        if self._error is not None:
            raise self._error

    def at_request(self, name: str, look: Callable[[], None] | None = None) -> None:
        """In the sandbox's thread: whoever asked waits for the answer, so its connection to the database is free."""
        is_hit = self._is_hit(name)
        if not is_hit and look is None:
            return
        connections["default"] = self._shared
        try:
            if look is not None:
                look()
            if is_hit:
                self._meanwhile()
        except BaseException as error:
            self._error = error
        finally:
            del connections["default"]

    def _at_query(self, execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        is_between = len(self._shared.savepoint_ids) == self._depth and not sql.startswith(("RELEASE", "ROLLBACK"))
        if is_between and threading.current_thread() is self._home and self._is_hit("query"):
            self._meanwhile()
        return execute(sql, *rest)

    def _is_hit(self, name: str) -> bool:
        with self._lock:
            if self.has_frozen:
                return False
            self.has_frozen = self.at in (self.passed, name, (name, self._of_name[name]))
            self.passed += 1
            self._of_name[name] += 1
            return self.has_frozen
