"""manage.py export --flow ID --by EMAIL [--wait] [--json]"""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser

from exports.attempts.start import start_export
from exports.command import SendingCommand
from exports.models import ExportAttempt
from sources.models import Flow


class Command(SendingCommand):
    help = "Send a flow's grades to Ladok: those that have not been sent before. They are read from WISEflow first."

    def start(self, flow: Flow, user: AbstractBaseUser, *, enqueue: bool) -> list[ExportAttempt]:
        return start_export(flow=flow, requested_by=user, enqueue=enqueue)
