"""manage.py readback --flow ID [--json]"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from exports.attempts.settle import Settled, check_with_ladok
from ladokflow.messages import Refused
from sources.command import PlainCommand, find_flow


class Command(PlainCommand):
    help = "Ask Ladok which of a flow's unknown outcomes it has registered, and settle them. Sends nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--flow", type=int, required=True, metavar="ID")
        self.add_json(parser)

    def work(self, **options: Any) -> None:
        flow = find_flow(options["flow"])
        try:
            settled = check_with_ladok(flow=flow)
        except Refused as refused:
            if refused.message.code != "settle.nothing_unknown":
                raise
            settled = Settled()
        if options["json"]:
            self.print_json({"flow": flow.pk, "state": str(flow.export_state), **asdict(settled)})
            return
        counts = f"{settled.exported} are in Ladok, {settled.failed} are not, {settled.unknown} are still unknown"
        self.stdout.write(f"Of the unknown outcomes {counts}.")
