"""Time that passes at once. Leases and patience are minutes long; a run does not always wait for them.

Only ever for rows whose worker is dead or stopped: for these nothing but time is missing, and whether it passes in the row or on
the clock is the same.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from typing import Any, TypeVar

from django.db import DatabaseError, connection
from django.db.models import F, QuerySet
from django_q.models import OrmQ

from exports.models import ExportAttempt

LONG = dt.timedelta(hours=2)  # longer than every lease, and than the longest patience with a queue entry
TIMES = ("lease_until", "enqueued_at", "claimed_at", "sending_at", "finished_at")

Result = TypeVar("Result")


def let_time_pass(attempts: QuerySet[ExportAttempt]) -> None:
    attempts.update(**{name: F(name) - LONG for name in TIMES})


def let_the_night_pass() -> None:
    """Hours go by with every machine down."""
    let_time_pass(ExportAttempt.objects.all())
    OrmQ.objects.update(lock=F("lock") - LONG)


def whatever_it_takes(work: Callable[[], Result], seconds: float = 90) -> Result:
    """Do it, again and again while the database is away or its connections are cut."""
    ends = time.monotonic() + seconds
    while True:
        try:
            return work()
        except DatabaseError:
            connection.close()
            if time.monotonic() > ends:
                raise
            time.sleep(0.3)


def count(rows: QuerySet[Any]) -> int:
    return whatever_it_takes(rows.count)
