"""Whom to tell of a weakness (RFC 9116)."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

GOOD_FOR = dt.timedelta(days=180)


@require_safe
def security_txt(request: HttpRequest) -> HttpResponse:
    """404 where SECURITY_CONTACT names nobody. It is good for half a year from the day on which it is asked for."""
    contact = settings.SECURITY_CONTACT
    if not contact:
        raise Http404
    expires = dt.datetime.combine(timezone.now().date() + GOOD_FOR, dt.time(), dt.UTC)
    lines = [
        f"Contact: {contact if ':' in contact else f'mailto:{contact}'}",
        f"Expires: {expires:%Y-%m-%dT%H:%M:%SZ}",
        "Preferred-Languages: sv, en",
        f"Canonical: {settings.PUBLIC_URL}/.well-known/security.txt",
    ]
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")
