"""Errors as RFC 9457 has them (`application/problem+json`), each with what to do next and who can.

`type` is a name for the kind of problem, and `code` the same without its prefix: they do not change. The words are in the language
that `Accept-Language` asks for, English or Swedish.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext_lazy as _
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from ladokflow.fingerprints import NotAsShown
from ladokflow.http import RemoteError
from ladokflow.messages import Message, Refused, message
from ladokflow.privacy import redact

MEDIA_TYPE = "application/problem+json"
PREFIX = "urn:ladokflow:problem:"
REALM = 'Bearer realm="LadokFlow"'
TITLES = {
    400: _("The request cannot be read"),
    401: _("Not signed in"),
    403: _("Not allowed"),
    404: _("Not found"),
    405: _("Method not allowed"),
    409: _("Not as things stand"),
    413: _("Too much at once"),
    422: _("Not what is taken here"),
    429: _("Too many requests"),
    500: _("An error in LadokFlow"),
    502: _("Ladok or WISEflow did not do it"),
}
# For what has no message of its own
BY_STATUS = {
    400: "api.not_acceptable",
    401: "api.no_token",
    404: "api.not_found",
    405: "api.not_allowed",
    413: "api.too_large",
}


class Problem(Exception):
    """Ends a call. `members` are put beside those that every problem has."""

    def __init__(self, status: int, told: Message, *, headers: Mapping[str, str] | None = None, **members: Any) -> None:
        super().__init__(str(told))
        self.status, self.told, self.headers, self.members = status, told, headers or {}, members


def response_of(
    request: HttpRequest, status: int, told: Message, headers: Mapping[str, str] | None = None, **members: Any
) -> HttpResponse:
    written = told.to_json()
    document = {
        "type": PREFIX + written["code"],
        "title": str(TITLES.get(status, TITLES[500] if status >= 500 else TITLES[400])),
        "status": status,
        "detail": redact(str(told)),
        "instance": request.path,
        "code": written["code"],
        "todo": redact(told.todo),
        "who": told.who,
    }
    response = JsonResponse({**document, **members}, status=status, content_type=MEDIA_TYPE)
    for name, value in (headers or {}).items():
        response.headers[name] = value
    return response


def by_status(request: HttpRequest, status: int, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """For a response that came from around the API, and is no problem document yet."""
    code = BY_STATUS.get(status, "api.broken" if status >= 500 else "api.failed")
    return response_of(request, status, message(code), headers)


def handle(api: NinjaAPI) -> None:
    """Have the API say everything that goes wrong in it as a problem."""

    @api.exception_handler(Problem)
    def of_ours(request: HttpRequest, error: Problem) -> HttpResponse:
        return response_of(request, error.status, error.told, error.headers, **error.members)

    @api.exception_handler(Refused)
    def of_a_rule(request: HttpRequest, error: Refused) -> HttpResponse:
        return response_of(request, 409, error.message, isNotAsShown=isinstance(error, NotAsShown))

    @api.exception_handler(RemoteError)
    def of_ladok_or_wiseflow(request: HttpRequest, error: RemoteError) -> HttpResponse:
        return response_of(request, 502, error.message)

    @api.exception_handler(ValidationError)
    def of_what_was_sent(request: HttpRequest, error: ValidationError) -> HttpResponse:
        errors = [
            {"where": redact(".".join(map(str, each["loc"])))[:200], "what": redact(str(each["msg"]))[:500]}
            for each in error.errors[:50]
        ]
        return response_of(request, 422, message("api.invalid"), errors=errors)

    @api.exception_handler(AuthenticationError)
    def of_nobody(request: HttpRequest, _error: AuthenticationError) -> HttpResponse:
        return response_of(request, 401, message("api.no_token"), {"WWW-Authenticate": REALM})

    @api.exception_handler(HttpError)
    def of_the_body(request: HttpRequest, error: HttpError) -> HttpResponse:
        is_body = error.status_code == 400  # the only one that django-ninja raises: for a body that it cannot parse
        told = message("api.not_json") if is_body else message("api.failed")
        return response_of(request, error.status_code, told)

    @api.exception_handler(Http404)
    def of_nothing(request: HttpRequest, _error: Http404) -> HttpResponse:
        return response_of(request, 404, message("api.not_found"))
