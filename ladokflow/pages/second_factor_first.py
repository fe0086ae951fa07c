"""Whoever must have a second factor comes no further without it."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from ladokflow.middleware import GetResponse
from ladokflow.sign_in_session import has_proven_twice

OPEN = ("/sign-in/", "/sign-out/", "/preferences/second-factor/", "/language/", "/help/", "/glossary/", "/health/")


def second_factor_first(get_response: GetResponse) -> GetResponse:
    """Somebody who has one has shown it when they signed in; who has none sets one up before anything else."""

    def respond(request: HttpRequest) -> HttpResponse:
        if (
            settings.REQUIRE_SECOND_FACTOR
            and not request.path.startswith(OPEN)
            and (request.user.is_superuser or request.user.is_staff)
            and not has_proven_twice(request)
        ):
            return redirect("second_factors")
        return get_response(request)

    return respond
