"""What was left behind by a worker that died, or lost on the way to the queue, is put in the queue again."""

from __future__ import annotations

import logging

from sources.models import BatchExam, Flow, LogReading, SyncRun
from sources.webhooks import handle

logger = logging.getLogger(__name__)


def sweep_sources() -> int:
    """Enqueue again what waits too long or whose lease has run out; how many. Safe to run twice, or to be killed."""
    again = [
        *Flow.objects.enqueue_again(),
        *SyncRun.objects.filter(flow__setup_state=Flow.Setup.READY).enqueue_again(),
        *BatchExam.objects.enqueue_again(),
        *LogReading.objects.enqueue_again(),
    ]
    for row in again:
        logger.info("%s.enqueued_again pk=%s", row._meta.model_name, row.pk)
    return len(again) + handle.enqueue_forgotten()
