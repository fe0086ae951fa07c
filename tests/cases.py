"""Cases of one test: what they all begin with is made once, and each leaves it as it was.

To have a flow made, written and graded takes longer than what is then tried on it. A case that fails is told by its name, and the
others are tried all the same. Only for tests that commit nothing, and leave no request at work: there would be no way back.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, TypeVar

import pytest
from django.db import transaction

from tests import databases

if TYPE_CHECKING:
    from ladokflow.sandbox.server import Sandbox

T = TypeVar("T")


@contextmanager
def rolled_back() -> Iterator[None]:
    """A transaction that the product's durable ones may stand in, as in Django's own TestCase."""
    block = transaction.atomic()
    block._from_testcase = True  # type: ignore[attr-defined]
    block.__enter__()
    try:
        yield
    finally:
        transaction.set_rollback(True)
        block.__exit__(None, None, None)


def put_back(sandbox: Sandbox, pickled: bytes) -> None:
    """The sandbox as it was when its data were pickled; it has received nothing yet."""
    with sandbox.state.lock:
        sandbox.state.data = pickle.loads(pickled)  # noqa: S301 - our own
        sandbox.state._index()
        sandbox.faults.clear()
        sandbox.door.disabled.clear()
        sandbox.door.windows.clear()


class Cases:
    def __init__(
        self,
        request: pytest.FixtureRequest,
        subtests: pytest.Subtests,
        sandbox: Sandbox | None,
        forget: Callable[[], None],
    ) -> None:
        self._request, self._subtests, self._sandbox, self._forget = request, subtests, sandbox, forget

    def try_each(
        self,
        cases: Mapping[str, T],
        tried: Callable[[T], None],
        kept: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """`kept`: in it, what else is to be as it was after each."""
        pickled = pickle.dumps(self._sandbox.state.data) if self._sandbox else b""
        for name in databases.values_to_try(self._request.node, list(cases)):
            with self._subtests.test(name), self._undone(pickled), kept():
                tried(cases[name])

    @contextmanager
    def _undone(self, pickled: bytes) -> Iterator[None]:
        try:
            with rolled_back():
                yield
        finally:
            self._forget()
            if self._sandbox:
                self._sandbox.control.clear_received()
                put_back(self._sandbox, pickled)
