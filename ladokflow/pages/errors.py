"""Pages that belong to no app: sign-in, words, health, and what is shown when a page cannot be."""

from __future__ import annotations

import logging
import uuid
from typing import Any

from django.contrib.auth.views import LoginView
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.template import loader
from django.utils import translation
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_safe
from django_htmx.http import HttpResponseClientRedirect

from exports.operation.health import queue_facts
from ladokflow.messages import message
from ladokflow.pages import samples
from ladokflow.pages.forms import SignInForm, StyleguideForm
from ladokflow.pages.glossary import WORDS
from ladokflow.templatetags.ladokflow import BOX_ICONS, LOOKS

logger = logging.getLogger(__name__)


class SignIn(LoginView):
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        # A page that asks for its progress after the session has ended must not get a sign-in form in the middle of itself.
        if request.htmx:  # type: ignore[attr-defined]
            return HttpResponseClientRedirect(request.htmx.current_url or request.path)  # type: ignore[attr-defined]
        return super().dispatch(request, *args, **kwargs)


@require_GET
def glossary(request: HttpRequest) -> HttpResponse:
    return render(request, "pages/glossary.html", {"words": WORDS})


@never_cache
@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """For load balancers and monitors: 200 while the database answers and the queue moves, else 503."""
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
                "stalled": facts.is_stalled,
            },
        },
        status=503 if facts.is_stalled else 200,
    )


@require_GET
def styleguide(request: HttpRequest) -> HttpResponse:
    """Every part of the pages in every state. In development only."""
    form = StyleguideForm({"code": "", "role": "assessor", "agreed": ""})
    form.is_valid()
    told = message("remote.timeout", system="Ladok", seconds=30)
    context = {"form": form, "told": told, "states": LOOKS, "kinds": BOX_ICONS}
    context |= {"grade_charts": samples.grade_charts(), "week_charts": samples.week_charts()}
    return render(request, "pages/styleguide.html", context)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "404.html", status=404)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "403.html", status=403)


def broken(request: HttpRequest) -> HttpResponse:
    """A fault of ours. The page tells a reference, and the log has the traceback beside the same reference."""
    reference = uuid.uuid4().hex[:12]
    logger.error("page.broken reference=%s path=%s", reference, request.path, exc_info=True)
    # Nothing that may have caused the fault is used: no session, no user, no database.
    body = loader.render_to_string("500.html", {"reference": reference, "LANGUAGE_CODE": translation.get_language()})
    return HttpResponse(body, status=500)
