"""manage.py retry --flow ID --by EMAIL [--to CODE] [--with-last-list] [--send-again] [--send-as FORM]
[--preview | --seen FINGERPRINT] [--wait] [--json]"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.core.management.base import CommandParser

from exports.attempts.start import retry_export
from exports.command import SendingCommand
from exports.models import ExportAttempt
from exports.rules.values import Asking
from sources.models import Flow


class Command(SendingCommand):
    asking = Asking.RETRY
    help = (
        "Send once more what failed, or ended with an unknown outcome: then Ladok may have it already, so look first."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--to", metavar="CODE", help="Send whoever is on several of the flow's Ladok codes to this one of them."
        )

    def start(self, flow: Flow, user: AbstractBaseUser, **given: Any) -> list[ExportAttempt]:
        return retry_export(flow=flow, requested_by=user, **given)
