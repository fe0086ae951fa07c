"""Until when a worker is at something: a lease, by the database's clock, so that several machines agree.

A lease is believed only as long as it can be true. None is taken for longer than its kind may last; one that ends later than that
was written by a clock that has been set back since, and counts as over. Else what a dead worker has left would stay as it is
for as long as the clock was wrong.
"""

from __future__ import annotations

import datetime as dt

from django.db.models import Q
from django.db.models.functions import Now

# By so much a clock that is kept right may be moved.
STEP = dt.timedelta(seconds=5)


def is_held(column: str, longest: dt.timedelta, *, rest: dt.timedelta = dt.timedelta(0)) -> Q:
    """Rows whose lease, in `column`, runs for at least `rest` more. `longest` is what such a lease is taken for."""
    return Q(**{f"{column}__gte": Now() + rest, f"{column}__lte": Now() + longest + STEP})


def is_over(column: str, longest: dt.timedelta, *, now: dt.datetime | None = None) -> Q:
    """Rows whose lease is not held any more; none of those that have no lease. `now`, where it is not the database's."""
    moment = Now() if now is None else now
    return Q(**{f"{column}__lt": moment}) | Q(**{f"{column}__gt": moment + longest + STEP})
