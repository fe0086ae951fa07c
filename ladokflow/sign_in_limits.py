"""Guessing passwords is slowed down, and nobody is locked out by somebody else's guesses.

Wrong passwords are counted in three ways, over the last hour: of one name from one address, from one address under any name, and of one
name from anywhere. After a few of them the next try has to wait, longer each time, a minute at most; what comes before is not looked at.
From an address that somebody has signed in from before, only their own wrong passwords from there count: others may do as they like.

Second factors, letters for a new password, and old passwords that are asked for again are counted likewise, each by itself (`Tries`).
"""

from __future__ import annotations

import datetime as dt
import math
from typing import Any, NamedTuple

from axes.handlers.database import AxesDatabaseHandler
from axes.handlers.proxy import AxesProxyHandler
from axes.models import AccessAttempt, AccessLog
from django.db import transaction
from django.db.models import F, Max, Q, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

WINDOW = dt.timedelta(hours=1)
LONGEST_NAME = 255  # of django-axes' column
KNOWN_FOR = dt.timedelta(days=90)


class Limit(NamedTuple):
    free: int  # wrong passwords before the first wait
    longest: int  # seconds

    def seconds_after(self, failures: int) -> float:
        return 0 if failures < self.free else min(self.longest, 2.0 ** min(30, failures - self.free + 1))


OF_BOTH = Limit(free=5, longest=60)
OF_ADDRESS = Limit(free=10, longest=60)
OF_NAME = Limit(free=20, longest=30)
# Six digits are few: who has somebody's password gets no more than some tries an hour, from wherever.
OF_SECOND_STEP = Limit(free=10, longest=600)


def seconds_to_wait(
    name: str, address: str | None, now: dt.datetime, *, owner: str = "", of_name: Limit = OF_NAME
) -> int:
    """`owner` is whose address it is known as, where the name is not that of an account."""
    waits = [_left(Q(username=name, ip_address=address), OF_BOTH, now)]
    if not _is_known(owner or name, address, now):
        waits += [_left(Q(ip_address=address), OF_ADDRESS, now), _left(Q(username=name), of_name, now)]
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


class Tries:
    """Of something else than a password at the sign-in, by a name of its own. `owner` is the account's user name, where it is known."""

    def __init__(self, request: HttpRequest, name: str, *, owner: str = "", of_name: Limit = OF_NAME) -> None:
        self.request, self.name, self.owner, self.of_name = request, name[:LONGEST_NAME], owner, of_name
        AxesProxyHandler.update_request(request)

    def too_soon(self) -> HttpResponse | None:
        """What is answered instead of looking at another try; None where one may be made."""
        now = self.request.axes_attempt_time  # type: ignore[attr-defined]
        wait = seconds_to_wait(self.name, self._address, now, owner=self.owner, of_name=self.of_name)
        self.request.sign_in_wait = wait  # type: ignore[attr-defined]
        return too_soon(self.request) if wait > 0 else None

    @transaction.atomic
    def was_wrong(self) -> None:
        """Without what was typed: another password may be in it."""
        now = self.request.axes_attempt_time  # type: ignore[attr-defined]
        attempt, is_new = AccessAttempt.objects.get_or_create(
            username=self.name,
            ip_address=self._address,
            user_agent="",
            defaults={"failures_since_start": 1, "attempt_time": now, "path_info": self.request.path[:255]},
        )
        if not is_new:
            AccessAttempt.objects.filter(pk=attempt.pk).update(
                failures_since_start=F("failures_since_start") + 1, attempt_time=now
            )

    def was_right(self) -> None:
        AccessAttempt.objects.filter(username=self.name, ip_address=self._address).delete()

    @property
    def _address(self) -> str | None:
        return self.request.axes_ip_address  # type: ignore[attr-defined]


def too_soon(request: HttpRequest, *_given: Any) -> HttpResponse:
    seconds = getattr(request, "sign_in_wait", OF_BOTH.longest)
    response = render(request, "registration/too_soon.html", {"seconds": seconds}, status=429)
    response.headers["Retry-After"] = str(seconds)
    return response
