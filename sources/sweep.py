"""What was left behind by a worker that died, or lost on the way to the queue, is put in the queue again."""

from __future__ import annotations

import datetime as dt
import logging

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from ladokflow.queue import enqueue
from sources.flows import batch, request
from sources.models import Flow, SyncRun
from sources.sync import run as syncing
from sources.sync.lease import is_free
from sources.webhooks import handle

logger = logging.getLogger(__name__)

# A queue entry that has not been looked at for so long may be lost. One more is harmless.
STALE = dt.timedelta(seconds=120)
# After a death the lease has run out already: this only keeps two sweeps from doing the same.
LEFT_BEHIND = dt.timedelta(seconds=20)


def sweep_sources() -> int:
    """Enqueue again what waits too long or whose lease has run out; how many. Safe to run twice, or to be killed."""
    now = timezone.now()
    return _creations(now) + _runs(now) + batch.enqueue_forgotten() + handle.enqueue_forgotten()


def _creations(now: dt.datetime) -> int:
    waits = Q(setup_state=Flow.Setup.QUEUED) & (
        Q(setup_enqueued_at__lt=now - STALE) | Q(setup_enqueued_at__isnull=True, created_at__lt=now - STALE)
    )
    died = Q(setup_state=Flow.Setup.CREATING) & (
        Q(setup_enqueued_at__lt=now - LEFT_BEHIND) | Q(setup_enqueued_at__isnull=True)
    )
    count = 0
    for flow in Flow.objects.filter(waits | died).filter(is_free()):
        with transaction.atomic():
            same = Flow.objects.filter(pk=flow.pk, setup_enqueued_at=flow.setup_enqueued_at)
            if flow.setup_enqueued_at is None:
                same = Flow.objects.filter(pk=flow.pk, setup_enqueued_at__isnull=True)
            if same.update(setup_enqueued_at=now):
                enqueue("sources.tasks.create_flow", flow.pk, timeout=request.TIMEOUT_SECONDS)
                logger.info("flow.creation.enqueued_again flow=%s", flow.pk)
                count += 1
    return count


def _runs(now: dt.datetime) -> int:
    waits = Q(state=SyncRun.State.QUEUED) & (
        Q(enqueued_at__lt=now - STALE) | Q(enqueued_at__isnull=True, created_at__lt=now - STALE)
    )
    died = syncing.is_left_behind() & (Q(enqueued_at__lt=now - LEFT_BEHIND) | Q(enqueued_at__isnull=True))
    count = 0
    for run in SyncRun.objects.filter(waits | died, flow__setup_state=Flow.Setup.READY):
        with transaction.atomic():
            same = SyncRun.objects.filter(pk=run.pk, enqueued_at=run.enqueued_at)
            if run.enqueued_at is None:
                same = SyncRun.objects.filter(pk=run.pk, enqueued_at__isnull=True)
            if same.update(enqueued_at=now):
                enqueue("sources.tasks.sync_flow", run.pk, timeout=syncing.TIMEOUT_SECONDS)
                logger.info("flow.sync.enqueued_again flow=%s run=%s", run.flow_id, run.pk)
                count += 1
    return count
