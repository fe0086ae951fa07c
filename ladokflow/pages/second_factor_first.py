"""Whoever must have a second factor comes no further without it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from ladokflow.middleware import GetResponse
from ladokflow.sign_in_session import has_proven_twice
from sources.identity.second_factors import is_required

OPEN = ("/sign-in/", "/sign-out/", "/preferences/second-factor/", "/language/", "/help/", "/glossary/", "/health/")


def second_factor_first(get_response: GetResponse) -> GetResponse:
    """Somebody who has one has shown it when they signed in; who has none sets one up before anything else."""

    def respond(request: HttpRequest) -> HttpResponse:
        if not request.path.startswith(OPEN) and is_required(request.user) and not has_proven_twice(request):
            return redirect("second_factors")
        return get_response(request)

    return respond
