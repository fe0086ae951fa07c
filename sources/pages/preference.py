"""A person's own choices, at hand on every page without a query: they come into the session when somebody signs in, and when
they are changed. Another session of the same person has them when she signs in there the next time, within a day."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest

from sources.models import Preference

KEY = "preference"  # as templates/base.html asks for it


@receiver(user_logged_in, dispatch_uid="sources.bring_preference")
def at_sign_in(sender: Any, request: HttpRequest | None, user: Any, **kwargs: Any) -> None:
    if request is not None:
        bring(request, Preference.of(user))


def bring(request: HttpRequest, preference: Preference) -> None:
    request.session[KEY] = {"has_keys": preference.has_keys, "lists": preference.lists}


def kept_query(request: HttpRequest, name: str) -> str:
    """What the list of this name is opened with; empty where it is opened as it comes."""
    query: str = request.session.get(KEY, {}).get("lists", {}).get(name, "")
    return query


def kept_address(request: HttpRequest, name: str) -> str:
    """Where somebody is led who opens the list at its bare address; empty where it is shown there."""
    query = "" if request.GET or "HX-Request" in request.headers else kept_query(request, name)
    return f"{request.path}?{query}" if query else ""
