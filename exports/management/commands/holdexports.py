"""manage.py holdexports [--json]"""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from exports.operation.restored import hold
from sources.command import PlainCommand


class Command(PlainCommand):
    help = (
        "After a restored backup: sends no grade of any flow before a manager has said what is in Ladok. Run it before the pages, the"
        " workers and the sweeper are started."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        self.add_json(parser)

    def work(self, **options: Any) -> None:
        rows = [{"flow": pk, "unknown": unknown} for pk, unknown in hold()]
        unknown = sum(row["unknown"] for row in rows)
        if options["json"]:
            self.print_json({"count": len(rows), "unknown": unknown, "flows": rows})
            return
        self.stdout.write(
            f"{len(rows)} flows are held until it is said which of their grades are in Ladok; of {unknown} grades it is unknown now."
        )
