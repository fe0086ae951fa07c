"""What is shown when a page cannot be."""

from __future__ import annotations

import logging
import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template import loader
from django.utils import translation

logger = logging.getLogger(__name__)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "404.html", status=404)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "403.html", {"reason": getattr(exception, "message", None)}, status=403)


def broken(request: HttpRequest) -> HttpResponse:
    """A fault of ours. The page tells a reference, and the log has the traceback beside the same reference."""
    reference = uuid.uuid4().hex[:12]
    logger.error("page.broken reference=%s path=%s", reference, request.path, exc_info=True)
    # Nothing that may have caused the fault is used: no session, no user, no database.
    body = loader.render_to_string("500.html", {"reference": reference, "LANGUAGE_CODE": translation.get_language()})
    return HttpResponse(body, status=500)
