"""What is older than it is to be kept goes, once a day.

It goes in batches, each committed by itself: whoever is killed has lost no more than one of them, and the day counts as done only
when nothing is left. A batch is a statement for each table, in the order of the foreign keys: Django's own way reads every row
that might hang on one.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Iterator
from typing import Any, cast

from django.conf import settings
from django.db import models, router, transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.db.models.functions import Length
from django.utils import timezone
from django_q.models import Task

from exports.archive import request
from exports.models import ExportAttempt, Heartbeat
from exports.operation import digest, purging
from ladokflow.rows import OneOf
from sources import access
from sources.flows import batch
from sources.models import ApiCall, LogEntry, SyncRun
from sources.subscriptions import delivery
from sources.webhooks import handle

logger = logging.getLogger(__name__)

EVERY = dt.timedelta(hours=24)
TURN = dt.timedelta(minutes=5)  # so long nobody else begins; after a death, the work is gone on with
SECONDS = 10.0  # that one call may take: the queue kills a worker after 60, and the sweeper has more to do
BATCH = 20_000
KEEP_TASKS = dt.timedelta(days=7)
KEEP_CALLS = dt.timedelta(days=7)  # so long a call of the API may be repeated under its key
NAME = "prune"


def prune(seconds: float = SECONDS) -> bool:
    """Go on with the day's work for about so long; whether anything was done. Call it often."""
    now = timezone.now()
    Heartbeat.objects.get_or_create(name=NAME, defaults={"at": now - 2 * EVERY})
    # Whoever gets the row has a turn. It is the day's mark as well, so a turn is a day that is nearly over.
    if not Heartbeat.objects.filter(name=NAME, at__lt=now - EVERY).update(at=now - EVERY + TURN):
        return False
    ends = time.monotonic() + seconds
    count = 0
    for done in _batches(now):
        count += done
        if time.monotonic() > ends:
            Heartbeat.objects.filter(name=NAME).update(at=now - 2 * EVERY)
            logger.info("prune.interrupted rows=%s", count)
            return True
    Heartbeat.objects.filter(name=NAME).update(at=now)
    logger.info("prune.done rows=%s", count)
    return True


def _batches(now: dt.datetime) -> Iterator[int]:
    """Does the work, and says after each batch how many rows it was."""
    yield from _empty_answers(now - dt.timedelta(days=settings.ANSWER_RETENTION_DAYS))
    old = now - dt.timedelta(days=settings.SYNC_RUN_RETENTION_DAYS)
    yield from _delete_runs(old)
    yield from purging.purge(now)
    for rows in (
        access.seen_before(now - dt.timedelta(days=settings.ACCESS_RETENTION_DAYS)),
        digest.told_before(old),
        batch.ended_before(old),
        handle.received_before(now - dt.timedelta(days=settings.WEBHOOK_EVENT_RETENTION_DAYS)),
        delivery.happened_before(now - dt.timedelta(days=settings.WEBHOOK_EVENT_RETENTION_DAYS)),
        ApiCall.objects.filter(created_at__lt=now - KEEP_CALLS),
        Task.objects.filter(stopped__lt=now - KEEP_TASKS),
    ):
        yield from _delete(rows)
    yield from request.remove_old(now)
    logged = LogEntry.objects.filter(at__lt=now - dt.timedelta(days=settings.LOG_RETENTION_DAYS))
    yield from _delete(logged, "at")


def _empty_answers(old: dt.datetime) -> Iterator[int]:
    answers = ExportAttempt.objects.annotate(length=Length("answer")).filter(finished_at__lt=old, length__gt=0)
    while keys := list(answers.order_by().values_list("pk", flat=True)[:BATCH]):
        yield ExportAttempt.objects.filter(pk__in=keys).update(answer="")


def _delete_runs(old: dt.datetime) -> Iterator[int]:
    """The last one of a flow stays. Those that stay are many, and are gone past once."""
    later = SyncRun.objects.filter(flow=OuterRef("flow"), created_at__gt=OuterRef("created_at"))
    for window in _windows(SyncRun.objects.filter(created_at__lt=old), "created_at"):
        yield delete_in_order(window.filter(Exists(later), finished_at__lt=old))


def _delete(rows: QuerySet[Any], column: str = "pk") -> Iterator[int]:
    for window in _windows(rows, column):
        yield delete_in_order(window)


def _windows(rows: QuerySet[Any], column: str) -> Iterator[QuerySet[Any]]:
    """The rows, some thousands at a time by the column: more where many have the same value. Those that are left are not seen again.
    Where an index has the column and all that the rows are chosen by, it alone is read for where a window ends."""
    left = rows.order_by(column)
    while (last := left.values_list(column, flat=True)[BATCH - 1 : BATCH].first()) is not None:
        yield left.filter(**{f"{column}__lte": last})
        left = rows.order_by(column).filter(**{f"{column}__gt": last})
    if left.exists():
        yield left


def delete_in_order(rows: QuerySet[Any]) -> int:
    """Delete the rows, and what hangs on them as `on_delete` says; how many of the rows themselves."""
    return sum(_delete_keys(rows.model, keys) for keys in _keys(rows))


def _keys(rows: QuerySet[Any]) -> Iterator[list[Any]]:
    """Keys, not a subquery: a database that has not counted its rows lately may go through all of it once for each row."""
    keys = list(rows.order_by().values_list("pk", flat=True))
    return (keys[start : start + BATCH] for start in range(0, len(keys), BATCH))


def _delete_keys(table: type[models.Model], keys: list[Any]) -> int:
    with transaction.atomic():
        for relation in table._meta.get_fields(include_hidden=True):
            if isinstance(relation, models.ManyToOneRel):  # a foreign key of another table to this one
                _loosen(relation, keys)
        # As `delete()`, without its reading of what has been dealt with above.
        return table._base_manager.filter(OneOf(F("pk"), keys))._raw_delete(using=router.db_for_write(table))


def _loosen(relation: models.ManyToOneRel, keys: list[Any]) -> None:
    table = cast(type[models.Model], relation.related_model)
    hanging = table._base_manager.filter(OneOf(F(relation.field.attname), keys))
    if relation.on_delete is models.CASCADE:
        delete_in_order(hanging)
    elif relation.on_delete is models.SET_NULL:
        hanging.update(**{relation.field.name: None})
    # What else there is protects: the database refuses.
