"""Everything at once, with made-up universities, on this machine only."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError, no_translations

from ladokflow.sandbox import demo


class Command(BaseCommand):
    help = "Start sandbox, web, worker and sweeper, and bring a few flows all the way. Ctrl-C stops all of it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="where the pages are (default: %(default)s)")
        parser.add_argument(
            "--sandbox-port", type=int, default=8099, help="where the sandbox is (default: %(default)s)"
        )

    @no_translations
    def handle(self, *args: Any, port: int, sandbox_port: int, **options: Any) -> None:
        try:
            demo.check(port=port, sandbox_port=sandbox_port)
            demo.prepare(sandbox_port=sandbox_port)
        except demo.CannotStart as error:
            raise CommandError(str(error)) from error
        self.stdout.write(demo.beginning(port=port, sandbox_port=sandbox_port))
        self.stdout.flush()
        if status := demo.run(port=port, sandbox_port=sandbox_port):
            raise SystemExit(status)
