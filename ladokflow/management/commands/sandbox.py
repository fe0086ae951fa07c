"""`manage.py sandbox`: Ladok at three universities and WISEflow, simulated, until it is stopped."""

from __future__ import annotations

import signal
import sys
import threading
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from ladokflow.sandbox.server import Sandbox


class Command(BaseCommand):
    help = "Serve Ladok at three universities and WISEflow, simulated over HTTP."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8099)
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument(
            "--state", type=Path, help="Keep everything in this file, and go on from it at the next start."
        )
        parser.add_argument("--seed", type=int, default=1, help="Which invented people and exams to begin with.")
        parser.add_argument("--keep", type=int, default=2000, help="How many of the last requests can be looked at.")

    def handle(
        self, *args: Any, port: int, host: str, state: Path | None, seed: int, keep: int, **options: Any
    ) -> None:
        stop = threading.Event()
        try:
            sandbox = Sandbox(port, state, seed, host=host, kept_requests=keep)
        except OSError as error:
            self.stderr.write(
                f"The sandbox cannot listen on {host}:{port}: {error.strerror or error}. Choose another with --port."
            )
            sys.exit(1)
        except ValueError:
            self.stderr.write(f"The state file {state} cannot be read. Move it away to begin anew.")
            sys.exit(1)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        with sandbox:
            self.stdout.write(f"The sandbox serves LiU, ÖrU, Borås and WISEflow on {sandbox.url}")
            stop.wait()
        self.stdout.write("The sandbox has stopped.")
