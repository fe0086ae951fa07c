"""The nightly synchronisations: which flows, and when."""

from __future__ import annotations

import datetime as dt

from django.db.models import Exists, OuterRef
from django.utils import timezone

from ladokflow.messages import Refused
from sources.models import Flow, Source, SyncRun
from sources.models.flow import FlowQuerySet
from sources.sync.run import request_sync

# Of one source: enough for the workers of many clusters, and few for whoever comes next to wait behind.
MOST_UNDER_WAY = 50
AT_LEAST = 10  # are asked for at a time, where there are so many


def request_night_syncs(now: dt.datetime | None = None) -> int:
    """Ask for the nightly synchronisations that are due, once per flow and night; how many. Of each source some at a time: whoever
    ends one asks for the next (`go_on`).

    A night that was missed, because nothing ran, is caught up once. Call it every few minutes.
    """
    now = now or timezone.now()
    return sum(_request(source, now) for source in Source.objects.all())


def go_on(run: SyncRun) -> int:
    """A synchronisation has ended: if it was of a night, ask for the next ones of its source; how many."""
    if run.trigger != SyncRun.Trigger.NIGHT or run.state in SyncRun.OPEN:
        return 0
    return _request(run.flow.source, max(run.created_at, timezone.now()))


def _request(source: Source, now: dt.datetime) -> int:
    nights = SyncRun.objects.filter(flow__source=source, trigger=SyncRun.Trigger.NIGHT, state__in=SyncRun.OPEN)
    room = MOST_UNDER_WAY - nights.count()
    flows = list(flows_of_the_night(source, due_at(source, now))[:room]) if room >= AT_LEAST else []
    return sum(_is_requested(flow, now) for flow in flows)


def _is_requested(flow: Flow, now: dt.datetime) -> bool:
    try:
        request_sync(flow=flow, trigger=SyncRun.Trigger.NIGHT, now=now)
    except Refused:  # it has ended meanwhile: the others are asked for all the same
        return False
    return True


def flows_of_the_night(source: Source, night_at: dt.datetime) -> FlowQuerySet:
    """Those that nobody has asked to have synchronised since then: until marking ends, and until the grades are in."""
    since = SyncRun.objects.filter(flow=OuterRef("pk"), created_at__gte=night_at)
    under_way = SyncRun.objects.filter(flow=OuterRef("pk"), state__in=SyncRun.OPEN)
    ours = Flow.objects.filter(source=source, created_at__lt=night_at)
    flows = ours.syncable() | ours.awaiting_grades(night_at)
    return flows.exclude(Exists(since)).exclude(Exists(under_way)).order_by("pk")


def due_at(source: Source, now: dt.datetime) -> dt.datetime:
    """The latest moment, not after `now`, at which the source's clock showed its time for synchronising."""
    local = now.astimezone(source.tz)
    latest = dt.datetime.combine(local.date(), source.sync_at, source.tz)
    # In real time: with the same time zone Python compares wall clocks, and one time may stand in an hour that is missing.
    if latest.astimezone(dt.UTC) > now:
        latest = dt.datetime.combine(local.date() - dt.timedelta(days=1), source.sync_at, source.tz)
    return latest
