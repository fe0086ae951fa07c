"""manage.py flowstatus --flow ID --json"""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from exports.reporting import flow_status
from sources.command import PlainCommand, find_flow


class Command(PlainCommand):
    help = "What a flow shows: its state, its participants, its last synchronisation, its export attempts."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--flow", type=int, required=True, metavar="ID")
        self.add_json(parser)

    def work(self, **options: Any) -> None:
        status = flow_status(find_flow(options["flow"]))
        if options["json"]:
            self.print_json(status)
            return
        self.stdout.write(f"{status['state']}: {status['reason']}")
        for person in status["participants"]:
            self.stdout.write(f"  {person['organisationId']}: {person['state']} {person['message']}")
