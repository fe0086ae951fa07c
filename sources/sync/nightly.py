"""The nightly synchronisations: which flows, and when."""

from __future__ import annotations

import datetime as dt

from django.db.models import Exists, OuterRef
from django.utils import timezone

from sources.models import Flow, Source, SyncRun
from sources.models.flow import FlowQuerySet
from sources.sync.run import request_sync

NIGHT_BATCH = 50


def request_night_syncs(now: dt.datetime | None = None) -> int:
    """Ask for the nightly synchronisations that are due: once per flow and night, some at a time; how many.

    A night that was missed, because nothing ran, is caught up once. Call it every few minutes.
    """
    now = now or timezone.now()
    asked = 0
    for source in Source.objects.all():
        for flow in flows_of_the_night(source, due_at(source, now))[:NIGHT_BATCH]:
            request_sync(flow=flow, trigger=SyncRun.Trigger.NIGHT, now=now)
            asked += 1
    return asked


def flows_of_the_night(source: Source, night_at: dt.datetime) -> FlowQuerySet:
    """Those that nobody has asked to have synchronised since then."""
    since = SyncRun.objects.filter(flow=OuterRef("pk"), created_at__gte=night_at)
    under_way = SyncRun.objects.filter(flow=OuterRef("pk"), state__in=SyncRun.OPEN)
    flows = Flow.objects.filter(source=source, created_at__lt=night_at).syncable()
    return flows.exclude(Exists(since)).exclude(Exists(under_way)).order_by("pk")


def due_at(source: Source, now: dt.datetime) -> dt.datetime:
    """The latest moment, not after `now`, at which the source's clock showed its time for synchronising."""
    local = now.astimezone(source.tz)
    found = dt.datetime.combine(local.date(), source.sync_at, source.tz)
    # In real time: with the same time zone Python compares wall clocks, and one time may stand in an hour that is missing.
    if found.astimezone(dt.UTC) > now:
        found = dt.datetime.combine(local.date() - dt.timedelta(days=1), source.sync_at, source.tz)
    return found
