"""How the queue is, judged from outside by our own rows: a queue that stands still looks healthy from within."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db.models import Count, Max, Min, Q
from django.db.models.functions import Now
from django.utils import timezone

from exports.attempts import transitions
from exports.models import SILENCE, ExportAttempt, Heartbeat
from ladokflow import leases
from ladokflow.clock import monotonic
from ladokflow.queue import Queue
from sources.models import Flow

OLDEST_SECONDS = 600
MOST_ENQUEUES = 5
HEARTBEAT_SECONDS = SILENCE.total_seconds()
CLOCK_SECONDS = 30
QUEUE, EXPORTS = Heartbeat.NAMES[Queue.COMMON], Heartbeat.NAMES[Queue.EXPORTS]
EXPORTS_AWAITED = "exports awaited"  # since when a worker of theirs is expected to show itself
SHOWN_EVERY_SECONDS = 10.0  # a worker that has one task after the other

_shown: dict[str, float] = {}  # when this process last showed a sign of life, by name


@dataclass(frozen=True)
class QueueFacts:
    """How the queue is. Ages in seconds; None where there is nothing to tell the age of. What lies in the future, because a clock
    has been set back, is as old as it is far away."""

    oldest_queued: float | None  # of the attempts that wait
    heartbeat: float | None  # since a worker last showed a sign of life
    exports_heartbeat: float | None  # since a worker of the exports' own queue did, or was first waited for
    sweep: float | None  # since the last sweep
    waiting: int
    left_behind: int  # attempts whose worker is dead, and that no sweep has taken care of
    clock_difference: float  # the database's clock less the machine's, in seconds
    is_stalled: bool
    lacks_export_worker: bool  # exports wait behind everything else

    @property
    def clocks_agree(self) -> bool:
        return abs(self.clock_difference) < CLOCK_SECONDS


def beat(name: str = QUEUE) -> None:
    Heartbeat.objects.update_or_create(name=name, defaults={"at": timezone.now()})


def show_life(queue: Queue) -> None:
    """A worker begins with a task. A heartbeat that was asked for stands behind whatever else waits."""
    name = Heartbeat.NAMES[queue]
    if monotonic() - _shown.get(name, -SHOWN_EVERY_SECONDS) >= SHOWN_EVERY_SECONDS:
        beat(name)
        _shown[name] = monotonic()


def await_export_worker() -> None:
    """From now on a sign of life of one is waited for, unless it has been before."""
    Heartbeat.objects.get_or_create(name=EXPORTS_AWAITED, defaults={"at": timezone.now()})


def last_beat(name: str = QUEUE) -> dt.datetime | None:
    return Heartbeat.objects.filter(name=name).values_list("at", flat=True).first()


def queue_facts() -> QueueFacts:
    now = timezone.now()
    attempts = ExportAttempt.objects.filter(state__in=ExportAttempt.OPEN).order_by()
    counted = attempts.values_list("state").annotate(Count("pk"), Min("created_at"), Max("enqueues"))
    queue = {state: figures for state, *figures in counted}
    waiting, waiting_since, enqueues = queue.get(ExportAttempt.State.QUEUED, (0, None, 0))
    # Every page asks this, and most of the time no worker has anything.
    left = attempts.filter(_is_left_behind(now)).count() if queue.keys() & set(transitions.LEASED) else 0
    rows = list(Heartbeat.objects.values_list("name", "at", Now()))
    beats = {name: at for name, at, _ in rows}
    oldest = _age(waiting_since, now)
    heartbeat = _age(beats.get(QUEUE), now)
    exports_heartbeat = _age(beats.get(EXPORTS, beats.get(EXPORTS_AWAITED)), now)
    is_silent = _is_long(heartbeat) and not is_a_worker_busy(Queue.COMMON)
    return QueueFacts(
        oldest_queued=oldest,
        heartbeat=heartbeat,
        exports_heartbeat=exports_heartbeat,
        sweep=_age(beats.get("sweep"), now),
        waiting=waiting,
        left_behind=left,
        clock_difference=round((rows[0][2] - now).total_seconds(), 1) if rows else 0.0,
        is_stalled=(oldest or 0) > OLDEST_SECONDS or enqueues > MOST_ENQUEUES or is_silent or left > 0,
        lacks_export_worker=_is_long(exports_heartbeat),
    )


def _is_long(silence: float | None) -> bool:
    return silence is not None and silence > HEARTBEAT_SECONDS


def _is_left_behind(now: dt.datetime) -> Q:
    """Not those that the next sweep comes to."""
    recent = Q(lease_until__gt=now - dt.timedelta(seconds=HEARTBEAT_SECONDS), lease_until__lte=now)
    return transitions.left_behind(*transitions.LEASED) & ~recent


def is_a_worker_busy(queue: Queue) -> bool:
    """Whether one may be with something that lasts longer than a silence: it renews a flow's lease as it goes. No export does, and
    each begins with a sign of life; who is at one may be of the other queue."""
    return queue is Queue.COMMON and Flow.objects.filter(leases.is_held("sync_lease_until", Flow.LEASE)).exists()


def _age(moment: dt.datetime | None, now: dt.datetime) -> float | None:
    return None if moment is None else abs((now - moment).total_seconds())
