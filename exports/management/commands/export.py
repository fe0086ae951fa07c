"""manage.py export --flow ID --by EMAIL [--with-last-list] [--send-again] [--without-paper REASON] [--send-as FORM] [--preview | --seen FINGERPRINT]
[--wait] [--json]"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractBaseUser

from exports.attempts.start import start_export
from exports.command import SendingCommand
from exports.models import ExportAttempt
from exports.rules.values import Asking
from sources.models import Flow


class Command(SendingCommand):
    asking = Asking.FIRST
    help = "Send a flow's grades to Ladok: those that have not been sent before. They are read from WISEflow first."

    def start(self, flow: Flow, user: AbstractBaseUser, **given: Any) -> list[ExportAttempt]:
        return start_export(flow=flow, requested_by=user, **given)
