"""How the queue is, judged from outside by our own rows: a queue that stands still looks healthy from within."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db.models import Count, Max, Min
from django.utils import timezone

from exports.models import ExportAttempt, Heartbeat
from sources.models import Flow

OLDEST_SECONDS = 600
MOST_ENQUEUES = 5
HEARTBEAT_SECONDS = 180
QUEUE = "queue"


@dataclass(frozen=True)
class QueueFacts:
    """How the queue is. Ages in seconds; None where there is nothing to tell the age of."""

    oldest_queued: float | None  # of the attempts that wait
    heartbeat: float | None  # since a worker last showed a sign of life
    sweep: float | None  # since the last sweep
    waiting: int
    is_stalled: bool


def beat(name: str = QUEUE) -> None:
    Heartbeat.objects.update_or_create(name=name, defaults={"at": timezone.now()})


def last_beat(name: str = QUEUE) -> dt.datetime | None:
    return Heartbeat.objects.filter(name=name).values_list("at", flat=True).first()


def queue_facts() -> QueueFacts:
    now = timezone.now()
    queued = ExportAttempt.objects.filter(state=ExportAttempt.State.QUEUED)
    found = queued.aggregate(waiting=Count("pk"), oldest=Min("created_at"), enqueues=Max("enqueues"))
    beats = dict(Heartbeat.objects.values_list("name", "at"))
    oldest = _age(found["oldest"], now)
    heartbeat = _age(beats.get(QUEUE), now)
    is_silent = heartbeat is not None and heartbeat > HEARTBEAT_SECONDS and not is_a_worker_busy()
    return QueueFacts(
        oldest_queued=oldest,
        heartbeat=heartbeat,
        sweep=_age(beats.get("sweep"), now),
        waiting=found["waiting"],
        is_stalled=(oldest or 0) > OLDEST_SECONDS or (found["enqueues"] or 0) > MOST_ENQUEUES or is_silent,
    )


def is_a_worker_busy() -> bool:
    """Long jobs renew a lease as they go: a heartbeat that has to wait for them is no reason to kill them."""
    now = timezone.now()
    return (
        Flow.objects.filter(sync_lease_until__gt=now).exists()
        or ExportAttempt.objects.filter(lease_until__gt=now, state__in=ExportAttempt.OPEN).exists()
    )


def _age(moment: dt.datetime | None, now: dt.datetime) -> float | None:
    return None if moment is None else max(0.0, (now - moment).total_seconds())
