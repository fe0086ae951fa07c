"""Rows that say what is to be done. A queue entry only wakes a worker up: it may be lost, or come twice (`ladokflow/queue.py`).

What is in the queue is remembered on the row: when its last entry was made, and how many have been made since a worker last came
(`enqueues`). The more entries nobody has come for, the longer the next one is waited for: a queue that is slow is not made slower,
and one that has lost everything, or a worker that has died, is made up for.
"""

from __future__ import annotations

import datetime as dt
import functools
import operator
from collections.abc import Sequence
from typing import Any, ClassVar, TypeVar

from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone

from ladokflow import leases
from ladokflow.queue import COMMON_ONLY, Queue, enqueue

# How long a worker is waited for after so many entries; the last of them for any further one. With none a worker had come, and has
# died: its lease has run out already, and this only keeps two sweeps from doing the same.
PATIENCE = tuple(dt.timedelta(seconds=seconds) for seconds in (20, 120, 240, 480, 960, 1920, 3600))
STALE = PATIENCE[1]

M = TypeVar("M", bound="Queued")


class QueuedQuerySet(models.QuerySet[M]):
    def put_in_queue(self, pk: Any, only_if: Q | None = None, **changes: Any) -> bool:
        """Have a worker look at the row, with `changes` written in the same UPDATE; False, and nothing done, where
        `only_if` does not hold any more. Inside the transaction that writes what the worker is to see."""
        rows = self.model._default_manager.filter(only_if or Q(), pk=pk)
        written = rows.update(**{self.model.ENQUEUED_AT: timezone.now(), "enqueues": 1, **changes})
        if written:
            self.model.wake_a_worker(pk)
        return bool(written)

    def forgotten(self) -> QueuedQuerySet[M]:
        """Those that nobody has come to for too long, or whose worker has died."""
        model, now = self.model, timezone.now()
        waits, died = model.is_waiting_for_a_worker(), model.left_behind()
        never = Q(**{f"{model.ENQUEUED_AT}__isnull": True})
        begun = _is_before(model.WAITS_SINCE, now - STALE, now) if model.WAITS_SINCE else Q()
        overdue = (waits | died) & model.is_overdue(now)
        return self.filter(overdue | never & (waits & begun | died)).filter(model.is_free())

    def enqueue_again(self) -> list[M]:
        """Put the forgotten ones in the queue again, each once however many do so; which. Safe to be killed."""
        again = []
        for row in self.forgotten():
            seen = getattr(row, self.model.ENQUEUED_AT)
            # Of the row's own columns only: where another sweep was faster, the database looks at them once more.
            same = Q(**{self.model.ENQUEUED_AT: seen}) if seen else Q(**{f"{self.model.ENQUEUED_AT}__isnull": True})
            with transaction.atomic():
                if self.put_in_queue(row.pk, same & row.state_it_was_in(), enqueues=F("enqueues") + 1):
                    again.append(row)
        return again


def _is_before(column: str, moment: dt.datetime, now: dt.datetime) -> Q:
    """What lies in the future was written by a clock that has been set back since, and nobody knows how long ago."""
    return Q(**{f"{column}__lt": moment}) | Q(**{f"{column}__gt": now + leases.STEP})


class Queued(models.Model):
    """`ENQUEUED_AT` and `LEASE_UNTIL` name the columns: when a queue entry was last made, and until when a worker is at it."""

    TASK: ClassVar[str]
    TIMEOUT_SECONDS: ClassVar[int | None] = None
    ENQUEUED_AT: ClassVar[str] = "enqueued_at"
    LEASE_UNTIL: ClassVar[str] = ""  # empty: no worker holds the row itself
    LEASE: ClassVar[dt.timedelta] = dt.timedelta(0)  # what a worker takes it for
    WAITS_SINCE: ClassVar[str] = ""  # for a row that has not been in the queue; empty: it is put there at once

    enqueues = models.PositiveIntegerField(default=0, db_default=0, editable=False)

    class Meta:
        abstract = True

    @classmethod
    def queues(cls) -> Sequence[Queue]:
        """Where its entries go: into each of these."""
        return COMMON_ONLY

    @classmethod
    def wake_a_worker(cls, pk: Any) -> None:
        """Make a queue entry for a row. Inside the transaction that writes it, and with it when that was."""
        enqueue(cls.TASK, pk, timeout=cls.TIMEOUT_SECONDS, queues=cls.queues())

    @classmethod
    def is_waiting_for_a_worker(cls) -> Q:
        """Rows for which there should be a queue entry. Of their own columns only."""
        raise NotImplementedError

    @classmethod
    def left_behind(cls) -> Q:
        """Rows that a worker had begun with and has died over, where that is another state. Of their own columns only."""
        return Q(pk__in=())

    @classmethod
    def is_free(cls) -> Q:
        """Rows no worker is at."""
        lease = cls.LEASE_UNTIL
        return Q(**{f"{lease}__isnull": True}) | leases.is_over(lease, cls.LEASE) if lease else Q()

    @classmethod
    def is_overdue(cls, now: dt.datetime) -> Q:
        """Rows whose last entry has been waited for long enough; none of those that have had none."""
        last = len(PATIENCE) - 1
        waited = [
            Q(**{"enqueues__gte" if made == last else "enqueues": made})
            & _is_before(cls.ENQUEUED_AT, now - patience, now)
            for made, patience in enumerate(PATIENCE)
        ]
        return functools.reduce(operator.or_, waited)

    @classmethod
    def is_awaited(cls, now: dt.datetime) -> Q:
        """Rows with an entry that a worker may still come for."""
        return Q(enqueues__gt=0, **{f"{cls.ENQUEUED_AT}__isnull": False}) & ~cls.is_overdue(now)

    def state_it_was_in(self) -> Q:
        return self.is_waiting_for_a_worker() | self.left_behind()
