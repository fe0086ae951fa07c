"""Guessing passwords is slowed down, and nobody is locked out by somebody else's guesses.

Wrong passwords are counted in three ways, over the last hour: of one name from one address, from one address under any name, and of one
name from anywhere. After a few of them the next try has to wait, longer each time, a minute at most; what comes before is not looked at.
From an address that somebody has signed in from before, only their own wrong passwords from there count: others may do as they like.
"""

from __future__ import annotations

import datetime as dt
import math
from typing import Any, NamedTuple

from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt, AccessLog
from django.db.models import Max, Q, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

WINDOW = dt.timedelta(hours=1)
KNOWN_FOR = dt.timedelta(days=90)


class Limit(NamedTuple):
    free: int  # wrong passwords before the first wait
    longest: int  # seconds

    def seconds_after(self, failures: int) -> float:
        return 0 if failures < self.free else min(self.longest, 2.0 ** min(30, failures - self.free + 1))


OF_BOTH = Limit(free=5, longest=60)
OF_ADDRESS = Limit(free=10, longest=60)
OF_NAME = Limit(free=20, longest=30)


def seconds_to_wait(name: str, address: str | None, now: dt.datetime) -> int:
    of_both, of_address, of_name = Q(username=name, ip_address=address), Q(ip_address=address), Q(username=name)
    waits = [_left(of_both, OF_BOTH, now)]
    if not _is_known(name, address, now):
        waits += [_left(of_address, OF_ADDRESS, now), _left(of_name, OF_NAME, now)]
    return math.ceil(max(waits))


def _left(which: Q, limit: Limit, now: dt.datetime) -> float:
    wrong = AccessAttempt.objects.filter(which, attempt_time__gte=now - WINDOW)
    found = wrong.aggregate(failures=Sum("failures_since_start"), last=Max("attempt_time"))
    if not found["failures"]:
        return 0
    return limit.seconds_after(found["failures"]) - (now - found["last"]).total_seconds()


def _is_known(name: str, address: str | None, now: dt.datetime) -> bool:
    return AccessLog.objects.filter(username=name, ip_address=address, attempt_time__gte=now - KNOWN_FOR).exists()


class SlowDown(AxesDatabaseHandler):
    """Django-axes writes down who has tried what; when one may try again is said here."""

    def get_failures(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        """None are enough to be locked out."""
        return 0

    def is_locked(self, request: Any, credentials: dict[str, Any] | None = None) -> bool:
        name = (credentials or {}).get("username") or ""
        request.sign_in_wait = seconds_to_wait(name, request.axes_ip_address, request.axes_attempt_time)
        return request.sign_in_wait > 0


def too_soon(request: HttpRequest, *_given: Any) -> HttpResponse:
    seconds = getattr(request, "sign_in_wait", OF_BOTH.longest)
    response = render(request, "registration/too_soon.html", {"seconds": seconds}, status=429)
    response.headers["Retry-After"] = str(seconds)
    return response
