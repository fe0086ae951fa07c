"""manage.py sweep [--loop] [--json]"""

from __future__ import annotations

import signal
import threading
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser
from django.db import close_old_connections

from exports.operation.sweep import sweep
from sources.command import PlainCommand

PAUSE_SECONDS = 20.0


class Command(PlainCommand):
    is_service = True
    help = "Take care of what dead workers and a lost queue left behind. Runs beside the queue, not in it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--loop", action="store_true", help="Go on until stopped.")
        parser.add_argument("--pause", type=float, default=PAUSE_SECONDS, metavar="SECONDS", help="Between two sweeps.")
        self.add_json(parser)

    def work(self, **options: Any) -> None:
        if options["loop"]:
            self.loop(options["pause"])
            return
        report = sweep()
        counts = {name: value for name, value in asdict(report).items() if name != "failures"}
        if options["json"]:
            self.print_json({**counts, "failures": report.failures})
        else:
            self.stdout.write(", ".join(f"{name} {value}" for name, value in counts.items()))
        if report.failures:
            self.fail(f"Could not be done: {', '.join(report.failures)}.")

    def loop(self, pause: float) -> None:
        """A sweep that fails is logged, and the next one tries again: the database may be down for a while."""
        stopped = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopped.set())
        while not stopped.is_set():
            close_old_connections()
            sweep()
            stopped.wait(pause)
