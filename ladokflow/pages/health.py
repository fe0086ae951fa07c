"""How it is, for monitors."""

from __future__ import annotations

import logging

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from exports.operation.facts import BrokerFailed, entries_by_queue, nights
from exports.operation.health import queue_facts
from sources.models import Source

logger = logging.getLogger(__name__)


@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """For monitors: 200 while the database and the broker answer and the queue moves, else 503. Load balancers ask `middleware.ready`.

    A night that is late, or a cluster of its own that is missing, is told and is no 503: exports go, and pages are right.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        facts = queue_facts()
        entries, night = _broker(), _night()
    except DatabaseError:
        logger.exception("health.database.failed")
        return JsonResponse({"status": "failed", "database": "failed"}, status=503)
    is_fine = not facts.is_stalled and entries is not None
    return JsonResponse(
        {
            "status": "failed" if not is_fine else "warning" if facts.lacks_export_worker or night["late"] else "ok",
            "database": "ok",
            "broker": {"status": "failed" if entries is None else "ok", "entries": entries or {}},
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
            "sweeper": {"heartbeatSeconds": facts.sweep},
            "night": night,
            "clock": {"differenceSeconds": facts.clock_difference, "agrees": facts.clocks_agree},
        },
        status=200 if is_fine else 503,
    )


def _broker() -> dict[str, int] | None:
    """Entries by queue; None where the broker does not answer."""
    try:
        return entries_by_queue()
    except BrokerFailed:
        logger.exception("health.broker.failed")
        return None


def _night() -> dict[str, int]:
    """Of all sources together: flows by what became of them, and the sources that are late."""
    found = nights(Source.objects.all())
    names = ("done", "failed", "asked", "under_way", "left")
    sums = {"underWay" if name == "under_way" else name: sum(getattr(each, name) for each in found) for name in names}
    return {**sums, "late": sum(each.is_late for each in found)}
