"""What happens around every call of the API. It stands before all other middleware, so nothing gets past it."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.translation.trans_real import parse_accept_lang_header

from ladokflow.api import problems

ROOT = "/api/"


def around_the_api(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """No cookie gets in: whoever calls has a token, and no session. Every error that comes out is a problem document, and nothing is
    kept by a cache."""

    def respond(request: HttpRequest) -> HttpResponse:
        if not request.path.startswith(ROOT):
            return get_response(request)
        request.META.pop("HTTP_COOKIE", None)
        request.META["HTTP_ACCEPT_LANGUAGE"] = _with_english(request.META.get("HTTP_ACCEPT_LANGUAGE", ""))
        response = get_response(request)
        if response.status_code >= 400 and response.headers.get("Content-Type") != problems.MEDIA_TYPE:
            kept = ("Allow", "Retry-After", "WWW-Authenticate")
            headers = {name: response.headers[name] for name in kept if name in response.headers}
            with translation.override(translation.get_language_from_request(request)):
                response = problems.by_status(request, response.status_code, headers)
        response.headers["Cache-Control"] = "no-store"
        return response

    return respond


def _with_english(asked: str) -> str:
    """The pages' own language is Swedish; whoever asks the API for none of ours, or for any, is told in English."""
    languages = [f"{code};q={weight}" for code, weight in parse_accept_lang_header(asked[:200]) if code != "*"]
    return ",".join([*languages, "en;q=0.001"])
