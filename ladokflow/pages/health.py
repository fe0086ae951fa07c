"""How it is, for monitors."""

from __future__ import annotations

import logging

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from exports.operation.health import queue_facts

logger = logging.getLogger(__name__)


@never_cache
@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """For monitors: 200 while the database answers and the queue moves, else 503. Load balancers ask `middleware.ready`."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        facts = queue_facts()
    except DatabaseError:
        logger.exception("health.database.failed")
        return JsonResponse({"database": "failed"}, status=503)
    return JsonResponse(
        {
            "database": "ok",
            "queue": {
                "waiting": facts.waiting,
                "oldestQueuedSeconds": facts.oldest_queued,
                "heartbeatSeconds": facts.heartbeat,
                "leftBehind": facts.left_behind,
                "stalled": facts.is_stalled,
            },
            "exports": {
                "heartbeatSeconds": facts.exports_heartbeat,
                "hasWorker": not facts.lacks_export_worker,
            },
            "clock": {"differenceSeconds": facts.clock_difference, "agrees": facts.clocks_agree},
        },
        status=503 if facts.is_stalled else 200,
    )
