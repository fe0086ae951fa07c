"""Pages of a list, some of them asked for before it is their turn."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future
from types import TracebackType
from typing import Generic, Self, TypeVar

from ladokflow.threads import Threads

P = TypeVar("P")


class Ahead(Generic[P]):
    """`ask(offset)` gives a page. At most `breadth` are asked for ahead; the first ones are read without any thread."""

    def __init__(self, ask: Callable[[int], P], breadth: int) -> None:
        self._ask = ask
        self._breadth = breadth
        self._waiting: dict[int, Future[P]] = {}
        self._pool: Threads | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=error is None, cancel_futures=True)

    def at(self, offset: int) -> P:
        """The page that begins there. Those that were asked for and begin elsewhere are of no use any more."""
        found = self._waiting.pop(offset, None)
        if found is not None:
            return found.result()
        for future in self._waiting.values():
            future.cancel()
        self._waiting.clear()
        return self._ask(offset)

    def ask_ahead(self, offsets: Iterable[int]) -> None:
        """The pages that are to come, the next one first."""
        if self._pool is None:
            self._pool = Threads(max_workers=self._breadth)
        for offset in offsets:
            if len(self._waiting) >= self._breadth:
                break
            if offset not in self._waiting:
                self._waiting[offset] = self._pool.submit(self._ask, offset)
