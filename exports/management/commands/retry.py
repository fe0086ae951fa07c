"""manage.py retry --flow ID --by EMAIL [--wait] [--json]"""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser

from exports.attempts.start import retry_export
from exports.command import SendingCommand
from exports.models import ExportAttempt
from sources.models import Flow


class Command(SendingCommand):
    help = (
        "Send once more what failed, or ended with an unknown outcome: then Ladok may have it already, so look first."
    )

    def start(self, flow: Flow, user: AbstractBaseUser, *, enqueue: bool) -> list[ExportAttempt]:
        return retry_export(flow=flow, requested_by=user, enqueue=enqueue)
