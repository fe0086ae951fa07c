"""What a session knows of how its person has signed in."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

PROVEN_TWICE = "proven_twice"
SIGNED_IN_AT = "signed_in_at"
FRESH = dt.timedelta(minutes=15)


@receiver(user_logged_in, dispatch_uid="ladokflow.sign_in_session")
def keep_time(sender: Any, request: HttpRequest | None, **given: Any) -> None:
    if request is not None and hasattr(request, "session"):
        request.session[SIGNED_IN_AT] = timezone.now().timestamp()


def has_proven_twice(request: HttpRequest) -> bool:
    return PROVEN_TWICE in request.session


def is_fresh(request: HttpRequest) -> bool:
    """Whether the person has signed in a moment ago: then it is not somebody who found the browser open."""
    return timezone.now().timestamp() - request.session.get(SIGNED_IN_AT, 0) < FRESH.total_seconds()
