"""What may come of a call to WISEflow that gives nothing."""

from __future__ import annotations

from dataclasses import replace

from django.utils.translation import gettext_lazy as _

import ladokflow.wiseflow.messages  # noqa: F401 - the sentences used below
from ladokflow.http import Answer, RemoteError
from ladokflow.messages import MANAGER, Sentence, message
from ladokflow.remote_answers import FAILURES, UNAUTHORISED, Failure, Failures

FORBIDDEN = 403
# As in `ladokflow/remote_answers.py`, but for what only WISEflow means by it.
WISEFLOW_FAILURES: Failures = {
    **FAILURES,
    # About the flow's phase here, and not about our token.
    FORBIDDEN: Failure(
        "wiseflow.not_allowed",
        Sentence(
            _("WISEflow does not allow it (HTTP 403): %(detail)s"),
            todo=_("Look at the flow in WISEflow: it may be archived, or too far on for this."),
            who=MANAGER,
        ),
        unsaid=Sentence(
            _("WISEflow does not allow it (HTTP 403), and does not say why."),
            todo=_(
                "Look at the flow in WISEflow: it may be archived, or too far on for this. If not, ask if our credential "
                "may do it."
            ),
            who=MANAGER,
        ),
        is_permanent=True,
        is_about_one=True,
    ),
    # Another of its servers may answer at once.
    "timeout": replace(FAILURES["timeout"], is_retried=True),
    408: replace(FAILURES[408], is_retried=True),
}
# Where a token is asked for, it is the credential that is refused: then everything is.
TOKEN_FAILURES: Failures = {
    **{kind: replace(failure, is_about_one=False) for kind, failure in WISEFLOW_FAILURES.items()},
    **dict.fromkeys((400, 401, 403), UNAUTHORISED),
}


class WiseflowError(RemoteError):
    """WISEflow could not be asked, refused, or did not answer as its API says. `reference` is its X-Trace-Id."""

    system = "WISEflow"
    failures = WISEFLOW_FAILURES


class NoItems(WiseflowError):
    """The flow is not marked item by item: nobody on it has points."""


def not_understood(response: Answer, detail: str) -> WiseflowError:
    reference = response.headers.get("x-trace-id", "")
    reason = message("wiseflow.unexpected", detail=detail, reference=reference or "-")
    return WiseflowError(reason, permanent=True, status=response.status, reference=reference)


def endless(response: Answer) -> WiseflowError:
    """A list whose pages do not come to an end."""
    reference = response.headers.get("x-trace-id", "")
    reason = message("wiseflow.endless", reference=reference or "-")
    return WiseflowError(reason, permanent=True, status=response.status, reference=reference)
