"""Settings that would break the promise "once", found when the program starts."""

from __future__ import annotations

import math
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

EXACT_GUARD_CYCLES = (0.5, 1)  # django-q2 subtracts it until the result is exactly 0
SLACK_SECONDS = 15  # besides the one request, a sending has to read WISEflow and write its rows


@register()
def check_queue(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    common = settings.Q_CLUSTER
    for cluster in (common, *(common | others for others in common["ALT_CLUSTERS"].values())):
        if errors := _faults(cluster):
            return errors
    return []


def _faults(queue: dict[str, Any]) -> list[CheckMessage]:
    timeout, guard_cycle = queue["timeout"], queue["guard_cycle"]
    if type(timeout) is not int or guard_cycle not in EXACT_GUARD_CYCLES:
        return [Error("Q_CLUSTER: timeout must be a whole number, guard_cycle 0.5 or 1.", id="exports.E001")]
    errors: list[CheckMessage] = []
    longest = (timeout + 3 + guard_cycle) * (1 + math.ceil((queue["queue_limit"] + queue["bulk"]) / queue["workers"]))
    if queue["retry"] <= longest:
        errors.append(Error(f"Q_CLUSTER: retry must be more than {longest:.0f}.", id="exports.E002"))
    if timeout < settings.REMOTE_TIMEOUT_SECONDS + SLACK_SECONDS:
        errors.append(
            Error(
                f"REMOTE_TIMEOUT_SECONDS may be at most {timeout - SLACK_SECONDS}: a worker lives {timeout} s.",
                id="exports.E003",
            )
        )
    return errors
