"""When a flow's grades are collected, and having a worker do it: asked for once, as `Collection` remembers."""

from __future__ import annotations

import datetime as dt
from collections import Counter

from django.db import transaction
from django.db.models import Count, Exists, F, OuterRef, Q, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from exports.models import Collection
from ladokflow.leases import STEP
from ladokflow.wiseflow.words import MARKING_OVER
from sources.models import Flow, SyncRun
from sources.models.queued import PATIENCE

# Of one source: whoever comes next waits behind so many at most, and no source keeps the others out.
MOST_WAITING = 100

INSTANT_EVERY = dt.timedelta(minutes=1)
WAITING_EVERY = dt.timedelta(minutes=5)
OTHERS_EVERY = dt.timedelta(hours=1)


def due_for_collection(now: dt.datetime) -> Q:
    """Flows where there may be news: often where somebody waits for them, seldom elsewhere, never in the archive.

    Besides, whatever a synchronisation has found concluded or archived: grades that were read before it may not be the last.
    """
    waiting = Q(marking_end_at__lte=now) & ~Q(state__in=MARKING_OVER)
    # What was read in the future was noted by a clock that has been set back since, and nobody knows how long ago. By an hour this
    # machine's own may be behind the database's: it must not ask all the time for that.
    unread = Q(collected_at__isnull=True) | Q(collected_at__gt=now + OTHERS_EVERY)
    ended = Q(state__gte=Flow.State.CONCLUDED) & synced_since_collected()
    return ended | (~Q(state=Flow.State.ARCHIVED) | unread) & (
        unread
        | Q(instant_export=True, state__gte=Flow.State.PARTICIPATION_STARTED, collected_at__lt=now - INSTANT_EVERY)
        | (waiting & Q(collected_at__lt=now - WAITING_EVERY))
        | Q(state__gte=Flow.State.PARTICIPATION_STARTED, collected_at__lt=now - OTHERS_EVERY)
    )


def synced_since_collected() -> Q:
    """Flows that have been synchronised since their grades were read: the phase we know may be newer than the grades."""
    later = SyncRun.objects.filter(
        flow=OuterRef("pk"), state=SyncRun.State.SUCCESS, finished_at__gt=OuterRef("collected_at")
    )
    return Q(Exists(later))


def ask_for_due(most: int = MOST_WAITING) -> int:
    """Have the grades collected of the flows that are due: of each source those first that have waited longest, until `most` of it
    wait, and the sources in turn; how many. What has been asked for is not asked for again."""
    now = timezone.now()
    waiting = Counter(dict(Collection.objects.asked().values_list("flow__source").annotate(Count("pk"))))
    rests = Q(rests_until__gt=now, rests_until__lte=now + PATIENCE[-1] + STEP)
    left_alone = Collection.objects.filter(Collection.is_waiting_for_a_worker() | rests)
    longest_first = [F("collected_at").asc(nulls_first=True), F("pk").asc()]
    due = (
        Flow.objects.ready()
        .filter(due_for_collection(now))
        .exclude(pk__in=left_alone.values("pk"))
        .annotate(turn=Window(RowNumber(), partition_by=F("source"), order_by=longest_first))
        .filter(turn__lte=most)
        .order_by("turn", "source")
    )
    rows = due.values_list("pk", "source", "turn")
    return sum(ask(pk) for pk, source, turn in rows if turn <= most - waiting[source])


def ask(flow_pk: int) -> bool:
    """Have a worker collect the flow's grades; False where that is asked for already."""
    with transaction.atomic():
        Collection.objects.get_or_create(flow_id=flow_pk)
        return Collection.objects.put_in_queue(flow_pk, Q(enqueues=0))


def is_asked(flow_pk: int) -> bool:
    """Two who collect at once do no harm, and who dies over it leaves it asked for."""
    return Collection.objects.asked().filter(pk=flow_pk).exists()


def end(flow_pk: int, *, is_done: bool) -> None:
    """It was done; or it failed, and the flow is left in peace for the longer, the more often it has."""
    row = Collection.objects.get(pk=flow_pk)
    failures = 0 if is_done else row.failures + 1
    rest = None if is_done else timezone.now() + PATIENCE[min(failures, len(PATIENCE) - 1)]
    Collection.objects.filter(pk=flow_pk).update(enqueues=0, failures=failures, rests_until=rest)
