"""What happens around every page."""

from __future__ import annotations

from collections.abc import Callable
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

from ladokflow.privacy import names

GetResponse = Callable[[HttpRequest], HttpResponse]
READY = "/ready/"
MOST_BYTES = 5 * 1024 * 1024  # the file of a list, and what goes with it
MOST_BYTES_OF_STRANGERS = 64 * 1024


def ready(get_response: GetResponse) -> GetResponse:
    """Answers whoever shares requests out among the web processes: 200 while this one reaches the database, else 503.

    First of all middleware, for a probe calls a process by its address, without TLS: it knows no host name and follows no redirect.
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
