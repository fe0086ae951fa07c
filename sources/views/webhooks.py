"""The address that WISEflow calls. It has no session and asks for none: what counts is the signature."""

from __future__ import annotations

import logging

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from ladokflow import tallies
from ladokflow.addresses import address_of
from sources.webhooks.receive import Came, receive

logger = logging.getLogger(__name__)

MOST_BYTES = 64 * 1024
MOST_REFUSALS = 20  # a minute and address; what is beyond leaves no line in the log


@csrf_exempt
@require_POST
def webhook(request: HttpRequest, slug: str) -> HttpResponse:
    """200 for WISEflow's own calls, also those that come twice or mean nothing to us: anything else is called again.

    Whoever is not WISEflow hears nothing of why.
    """
    if _length(request) > MOST_BYTES:
        return _refused(request, "too_large", status=413)
    receipt, reason = receive(slug=slug, body=request.body, headers=request.headers)
    tallies.count(tallies.WEBHOOK_CALLS, receipt.value)
    if receipt == Came.REFUSED:
        return _refused(request, reason, slug=slug)
    return HttpResponse("Received.\n" if receipt == Came.ACCEPTED else "Received before.\n", content_type="text/plain")


def _length(request: HttpRequest) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


def _refused(request: HttpRequest, reason: str, *, slug: str = "", status: int = 403) -> HttpResponse:
    """Genuine calls are not counted, so nobody can have them refused by calling often."""
    key = f"webhook.refused.{address_of(request)}"
    cache.add(key, 0, timeout=60)
    try:
        count = cache.incr(key)
    except ValueError:  # it ran out in between
        count = 1
    if count > MOST_REFUSALS:
        return HttpResponse(status=429, headers={"Retry-After": "60"})
    logger.warning("webhook.refused source=%s reason=%s", slug[:50] or "-", reason)
    return HttpResponse(status=status)
