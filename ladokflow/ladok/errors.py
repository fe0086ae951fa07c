"""What goes wrong when Ladok is asked."""

from __future__ import annotations

from ladokflow.http import RemoteError
from ladokflow.remote_answers import FAILURES, NOT_JSON


class LadokError(RemoteError):
    """Ladok could not be asked, or did not answer as agreed."""

    system = "Ladok"
    failures = {
        **FAILURES,
        "3xx": NOT_JSON,  # a sign-in page, most often: the side wants a browser
    }


class UnknownToLadok(LadokError):
    """Ladok has not got the exam, the course or the list that was asked for."""
