"""Until when a worker is at something: a lease, by the database's clock, so that several machines agree.

A lease is believed only as long as it can be true. None is taken for longer than its kind may last; one that ends later than that
was written by a clock that has been set back since, and counts as over. Else what a dead worker has left would stay as it is
for as long as the clock was wrong.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import threading
from collections.abc import Callable, Iterator

from django.db import DatabaseError, connection, transaction
from django.db.models import Q
from django.db.models.functions import Now

logger = logging.getLogger(__name__)

# By so much a clock that is kept right may be moved.
STEP = dt.timedelta(seconds=5)


def is_held(column: str, longest: dt.timedelta, *, rest: dt.timedelta = dt.timedelta(0)) -> Q:
    """Rows whose lease, in `column`, runs for at least `rest` more. `longest` is what such a lease is taken for."""
    return Q(**{f"{column}__gte": Now() + rest, f"{column}__lte": Now() + longest + STEP})


def is_over(column: str, longest: dt.timedelta, *, now: dt.datetime | None = None) -> Q:
    """Rows whose lease is not held any more; none of those that have no lease. `now`, where it is not the database's."""
    moment = Now() if now is None else now
    return Q(**{f"{column}__lt": moment}) | Q(**{f"{column}__gt": moment + longest + STEP})


class LeaseLost(Exception):
    """Another worker has taken it over: stop at once, and write nothing more."""


@contextlib.contextmanager
def beating(renew: Callable[[], None], *, every: float, name: str) -> Iterator[None]:
    """Renewed in the background every so many seconds, for one call to the other systems may take longer than the lease. `renew` raises
    LeaseLost where it is another's.

    Not inside a transaction: another connection does not see what it has written.
    """
    if transaction.get_connection().in_atomic_block:
        yield
        return
    stop = threading.Event()
    thread = threading.Thread(target=_beat, args=(renew, every, name, stop), daemon=True, name=name)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _beat(renew: Callable[[], None], every: float, name: str, stop: threading.Event) -> None:
    try:
        while not stop.wait(every):
            try:
                renew()
            except LeaseLost:
                return
            except DatabaseError as error:
                logger.warning("lease.not_renewed lease=%s kind=%s", name, type(error).__name__)
                connection.close()
    finally:
        connection.close()
