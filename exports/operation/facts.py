"""How everything is, for monitors, for metrics and for the operator's page: read from rows, in a number of queries that no number of
sources or flows changes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import redis
from django.conf import settings
from django.db.models import Case, Count, DateTimeField, Exists, F, Max, Min, OuterRef, Q, Value, When
from django.utils import timezone
from django_q.models import OrmQ

from exports.models import Collection, ExportAttempt, ExportItem, Package, Tally
from ladokflow import tallies
from ladokflow.queue import Queue
from sources.models import (
    BatchExam,
    Credential,
    Delivery,
    Flow,
    LogReading,
    Source,
    SyncRun,
    WebhookEvent,
)
from sources.models.queued import Queued
from sources.sync.nightly import due_at

BROKER_SECONDS = 2
LATE = dt.timedelta(hours=3)  # after its time a night should at least have begun with every flow


@dataclass(frozen=True)
class Waiting:
    """Rows that wait for a worker; `oldest`: since when the first of them does, where that is known."""

    kind: str
    count: int
    oldest: dt.datetime | None


# Every kind of row that the queue works for, with the column that says since when it waits.
KINDS: dict[str, tuple[type[Queued], str]] = {
    "exports": (ExportAttempt, "created_at"),
    "collections": (Collection, "enqueued_at"),
    "packages": (Package, "created_at"),
    "flows": (Flow, "created_at"),
    "batch_exams": (BatchExam, "batch__created_at"),
    "synchronisations": (SyncRun, "created_at"),
    "webhook_calls": (WebhookEvent, "received_at"),
    "log_readings": (LogReading, "wanted_at"),
    "deliveries": (Delivery, "created_at"),
}


def waiting() -> list[Waiting]:
    found = []
    for kind, (model, since) in KINDS.items():
        rows = model._default_manager.filter(model.is_waiting_for_a_worker())
        found.append(Waiting(kind, *rows.order_by().aggregate(count=Count("pk"), oldest=Min(since)).values()))
    return found


class BrokerFailed(Exception):
    """Redis does not answer: nothing new gets into the queue before it does."""


def entries_by_queue() -> dict[str, int]:
    """Entries that no worker has taken, of each queue. BrokerFailed where the broker does not answer; the database's own errors."""
    if settings.Q_CLUSTER.get("orm"):
        rows = OrmQ.objects.filter(lock__lte=timezone.now()).values_list("key").annotate(Count("pk")).order_by()
        counts = dict(rows)
        return {queue.value: counts.get(queue.value, 0) for queue in Queue}
    try:
        with redis.Redis.from_url(
            settings.REDIS_URL, socket_timeout=BROKER_SECONDS, socket_connect_timeout=BROKER_SECONDS
        ) as client:
            pipe = client.pipeline(transaction=False)
            for queue in Queue:
                pipe.llen(f"django_q:{queue.value}:q")
            return dict(zip([queue.value for queue in Queue], pipe.execute(), strict=True))
    except redis.RedisError as error:
        raise BrokerFailed from error


# --- The last night -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Night:
    """Of a source, since its clock last showed its time for synchronising."""

    source: Source
    due: dt.datetime
    done: int = 0
    failed: int = 0
    asked: int = 0  # those that a manager has to answer
    under_way: int = 0
    left: int = 0  # flows that nobody has come to yet

    @property
    def is_late(self) -> bool:
        return self.left > 0 and timezone.now() - self.due > LATE


def nights(sources: Iterable[Source]) -> list[Night]:
    """Two queries, however many sources."""
    due = {source: due_at(source, timezone.now()) for source in sources}
    if not due:
        return []
    runs = SyncRun.objects.filter(trigger=SyncRun.Trigger.NIGHT, created_at__gte=min(due.values()))
    rows = (
        runs.annotate(night=_night_of("flow__source", due))
        .filter(created_at__gte=F("night"))
        .values("flow__source")
        .annotate(
            done=Count("pk", filter=Q(state=SyncRun.State.SUCCESS)),
            failed=Count("pk", filter=Q(state=SyncRun.State.FAILED, asks=False)),
            asked=Count("pk", filter=Q(asks=True)),
            under_way=Count("pk", filter=Q(state__in=SyncRun.OPEN)),
        )
        .order_by()
    )
    counts = {row.pop("flow__source"): row for row in rows}
    since = SyncRun.objects.filter(flow=OuterRef("pk"), created_at__gte=OuterRef("night"))
    flows = Flow.objects.syncable().annotate(night=_night_of("source", due)).filter(created_at__lt=F("night"))
    left = dict(flows.exclude(Exists(since)).values_list("source").annotate(Count("pk")).order_by())
    return [Night(source, at, **counts.get(source.pk, {}), left=left.get(source.pk, 0)) for source, at in due.items()]


def _night_of(path: str, due: dict[Source, dt.datetime]) -> Case:
    return Case(
        *(When(**{path: source.pk}, then=Value(at)) for source, at in due.items()), output_field=DateTimeField()
    )


# --- What has been done -------------------------------------------------------------------------------------------


def attempts_by_state() -> dict[str, int]:
    rows = dict(ExportAttempt.objects.order_by().values_list("state").annotate(Count("pk")))
    return {state: rows.get(state, 0) for state in ExportAttempt.State.values}


def unknown_outcomes() -> int:
    return ExportItem.objects.filter(state=ExportItem.State.UNKNOWN).count()


def runs_by_state(hours: int = 24) -> dict[tuple[str, str], int]:
    """(trigger, state) of the synchronisations that were asked for lately."""
    since = timezone.now() - dt.timedelta(hours=hours)
    rows = SyncRun.objects.filter(created_at__gte=since).order_by().values_list("trigger", "state")
    found = {(trigger, state): count for trigger, state, count in rows.annotate(Count("pk"))}
    keys = [(trigger, state) for trigger in SyncRun.Trigger.values for state in SyncRun.State.values]
    return {key: found.get(key, 0) for key in keys}


def counted() -> list[Tally]:
    return list(Tally.objects.filter(name__in=tallies.NAMES).order_by("name", "label"))


def last_answers(rows: Iterable[Tally]) -> dict[tuple[int, str], dt.datetime]:
    """(source, system) -> when it last answered anything over HTTP."""
    last: dict[tuple[int, str], dt.datetime] = {}
    for row in rows:
        system, source, status, *_ = [*row.label.split(" "), "", "", ""]
        if row.name == tallies.REMOTE_ANSWERS and source.isdecimal() and status.isdecimal():
            last[int(source), system] = max(row.at, last.get((int(source), system), row.at))
    return last


def credentials_in_use() -> list[Any]:
    return list(Credential.objects.in_use().defer("secret").select_related("source"))


def last_syncs() -> dict[int, dt.datetime]:
    """Source -> when a synchronisation last succeeded, within a week."""
    since = timezone.now() - dt.timedelta(days=7)
    rows = SyncRun.objects.filter(state=SyncRun.State.SUCCESS, created_at__gte=since).order_by()
    return dict(rows.values_list("flow__source").annotate(Max("finished_at")))
