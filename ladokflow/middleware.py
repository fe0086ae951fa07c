"""What happens around every page."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.views import redirect_to_login
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from django.utils.cache import add_never_cache_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from ladokflow import logs, tracing
from ladokflow.addresses import comes_by_a_proxy
from ladokflow.privacy import names

GetResponse = Callable[[HttpRequest], HttpResponse]
READY = "/ready/"
REQUEST_ID = "X-Request-ID"
_GIVEN_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{7,99}")
# What the browser may do for a page of ours: nothing but show it.
PERMISSIONS_POLICY = ", ".join(
    f"{name}=()"
    for name in (
        "accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "hid", "magnetometer", "microphone",
        "midi", "payment", "screen-wake-lock", "serial", "usb", "xr-spatial-tracking",
    )
)  # fmt: skip
MOST_BYTES = 5 * 1024 * 1024  # the file of a list, and what goes with it
MOST_BYTES_OF_STRANGERS = 64 * 1024


class Named:
    """Each request has an id: on every log line that it leads to, and on its answer. A trusted proxy may have given it one already.

    Outermost of all, so that whatever goes wrong has it. With tracing on, it is a span as well.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        name = _given_id(request) or uuid.uuid4().hex
        with logs.about(request=name), tracing.span("request", request=name, method=request.method) as span:
            response = self.get_response(request)
            route = request.resolver_match.view_name if request.resolver_match else ""
            tracing.say(span, route=route, status=response.status_code)
        response.headers[REQUEST_ID] = name
        return response

    @staticmethod
    def process_view(request: HttpRequest, view: Any, args: Any, kwargs: dict[str, Any]) -> None:
        """What the page is about."""
        match = request.resolver_match
        pk = kwargs.get("pk")
        if match is not None and match.namespace in ("flows", "exports") and pk is not None:
            logs.bind(**{"attempt" if isinstance(pk, uuid.UUID) else "flow": pk})


def _given_id(request: HttpRequest) -> str:
    """What anybody else has written there may be anything."""
    given = request.headers.get(REQUEST_ID, "")
    return given if given and comes_by_a_proxy(request) and _GIVEN_ID.fullmatch(given) else ""


def with_headers(get_response: GetResponse) -> GetResponse:
    """What browsers are told of each page, besides what Django's own middleware tells them."""

    def respond(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        return response

    return respond


def ready(get_response: GetResponse) -> GetResponse:
    """Answers whoever shares requests out among the web processes: 200 while this one reaches the database, else 503.

    Before all but the naming of requests, for a probe calls a process by its address, without TLS: it knows no host name and follows no redirect.
    Nothing is told of the queue: were it to stand still, every web process would be taken out, and with them the pages that say so.
    """

    def respond(request: HttpRequest) -> HttpResponse:
        if request.path != READY or request.method not in ("GET", "HEAD"):
            return get_response(request)
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        except DatabaseError:
            return HttpResponse("The database does not answer.\n", content_type="text/plain", status=503)
        return HttpResponse("Ready.\n", content_type="text/plain")

    return respond


def never_stored(get_response: GetResponse) -> GetResponse:
    """No page is kept by a browser or a proxy: most of them have names, and who goes back after signing out is to find none. Static files are
    answered before this."""

    def respond(request: HttpRequest) -> HttpResponse:
        with names(hidden=False):  # a view that hides them does so until it is done
            response = get_response(request)
        add_never_cache_headers(response)
        response.headers["Cache-Control"] = "no-store, private, max-age=0"
        return response

    return respond


def within_bounds(get_response: GetResponse) -> GetResponse:
    """Nobody sends more than a form of ours holds, and who is not signed in no more than a name and a password, before anything of it is read."""

    def respond(request: HttpRequest) -> HttpResponse:
        length = _content_length(request)
        if length > MOST_BYTES or (length > MOST_BYTES_OF_STRANGERS and SESSION_KEY not in request.session):
            text = _("More was sent than LadokFlow takes at once. Nothing has been done.")
            return HttpResponse(text, content_type="text/plain; charset=utf-8", status=413)
        return get_response(request)

    return respond


def _content_length(request: HttpRequest) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


def without_nul(get_response: GetResponse) -> GetResponse:
    """PostgreSQL stores no NUL and looks for none. No address of ours has one: there is nothing there. In a question the sign for what
    cannot be read stands in its place, which finds nothing; what a form sends is looked at by the form."""

    def respond(request: HttpRequest) -> HttpResponse:
        if "\0" in request.path_info:
            request.path_info = request.path = "/%00"
        if "%00" in request.META.get("QUERY_STRING", ""):
            question = request.GET.copy()
            for name, values in request.GET.lists():
                question.setlist(name, [value.replace("\0", "\ufffd") for value in values])
            request.GET = question  # type: ignore[assignment]
        return get_response(request)

    return respond


def signed_out_in_between(get_response: GetResponse) -> GetResponse:
    """A button that is pressed after the session has ended: say that nothing was done, and lead back to where it stands.

    The address that the button sends to answers no GET, so to go there after the sign-in would end at an empty page.
    """

    def respond(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if request.method == "POST" and _asks_to_sign_in(response):
            messages.warning(request, _("You had been signed out, so nothing was done. Sign in and do it again."))
            return redirect_to_login(_page_of_the_button(request))
        return response

    return respond


def _asks_to_sign_in(response: HttpResponse) -> bool:
    address = urlsplit(response.headers.get("Location", ""))
    return address.path == resolve_url(settings.LOGIN_URL) and "next=" in address.query


def _page_of_the_button(request: HttpRequest) -> str:
    page = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(page, {request.get_host()}, require_https=request.is_secure()):
        return resolve_url(settings.LOGIN_REDIRECT_URL)
    return urlsplit(page)._replace(scheme="", netloc="", fragment="").geturl()
