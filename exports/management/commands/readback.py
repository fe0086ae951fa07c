"""manage.py readback --flow ID [--json]"""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from exports.attempts.settle import NothingUnknown, Settled, check_with_ladok
from sources.command import PlainCommand, find_flow, one_line


class Command(PlainCommand):
    help = "Ask Ladok which of a flow's unknown outcomes it has registered, and settle them. Sends nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--flow", type=int, required=True, metavar="ID")
        self.add_json(parser)

    def work(self, **options: Any) -> None:
        flow = find_flow(options["flow"])
        try:
            settled = check_with_ladok(flow=flow)
        except NothingUnknown:
            settled = Settled()
        again_at = settled.again_at.isoformat(timespec="minutes") if settled.again_at else None
        if options["json"]:
            found = {"exported": settled.exported, "failed": settled.failed, "unknown": settled.unknown}
            unread = [one_line(failure) for failure in settled.unread]
            self.print_json(
                {"flow": flow.pk, "state": str(flow.export_state), **found, "askAgainAt": again_at, "unread": unread}
            )
            return
        counts = f"{settled.exported} are in Ladok, {settled.failed} are not, {settled.unknown} are still unknown"
        again = f" Ladok may still be working on them: ask again after {again_at}." if again_at else ""
        self.stdout.write(f"Of the unknown outcomes {counts}.{again}")
        for failure in settled.unread:
            self.stdout.write(one_line(failure))
