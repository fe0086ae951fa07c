"""What may come of a call to WISEflow that gives nothing."""

from __future__ import annotations

import ladokflow.wiseflow.messages  # noqa: F401 - the sentences used below
from ladokflow.http import Answer, NoAnswer, RemoteError, failure, said
from ladokflow.messages import message

SYSTEM = "WISEflow"
FORBIDDEN = 403


class WiseflowError(RemoteError):
    """WISEflow could not be asked, refused, or did not answer as its API says. `reference` is its X-Trace-Id."""


class NoItems(WiseflowError):
    """The flow is not marked item by item: nobody on it has points."""


def refused(url: str, came: Answer | NoAnswer) -> WiseflowError:
    """The error for an exchange that gave nothing. A 403 is about the flow's phase here, and not about our token."""
    if isinstance(came, Answer) and came.status == FORBIDDEN:
        reference, detail = came.headers.get("x-trace-id", ""), said(came)
        told = message("wiseflow.not_allowed", detail=detail) if detail else message("wiseflow.not_allowed_unsaid")
        return WiseflowError(told, permanent=True, status=came.status, reference=reference)
    error = failure(SYSTEM, url, came)
    return WiseflowError(error.message, permanent=error.permanent, status=error.status, reference=error.reference)


def not_understood(came: Answer, detail: str) -> WiseflowError:
    reference = came.headers.get("x-trace-id", "")
    told = message("wiseflow.unexpected", detail=detail, reference=reference or "-")
    return WiseflowError(told, permanent=True, status=came.status, reference=reference)


def not_json(came: Answer) -> WiseflowError:
    detail = came.headers.get("content-type", "").split(";")[0] or "-"
    told = message("remote.not_json", system=SYSTEM, detail=detail)
    return WiseflowError(told, permanent=True, status=came.status, reference=came.headers.get("x-trace-id", ""))
