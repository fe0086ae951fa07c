"""manage.py statistics --source SLUG [--term 2026-1] [--course CODE] [--department NAME] [--flow ID] [--apart term] [--json]"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from exports.statistics.figures import GROUPS, Row, Statistics, grouped, keys_of, statistics_of, whole_selection
from exports.statistics.refresh import refresh_due
from ladokflow.messages import Refused, message
from ladokflow.spreadsheets import safe_text
from sources.command import PlainCommand, find_source
from sources.models import Source

HOUR = 3600.0
COLUMNS = ("table", "side", "name", "count")  # of the work, milliseconds


class Command(PlainCommand):
    help = "Figures of grades, days, rejections and work of a source, small groups too; --refresh works out all that is due first."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--source", metavar="SLUG", help="Without it: only --refresh.")
        for name in ("term", "course", "department"):
            parser.add_argument(f"--{name}", default="", metavar="WHICH")
        parser.add_argument("--flow", type=int, metavar="ID")
        parser.add_argument("--apart", choices=GROUPS, help="A row of each of these instead.")
        parser.add_argument("--refresh", action="store_true", help="Work out what has changed, is new, or a day old.")
        self.add_json(parser)

    def work(self, **options: Any) -> None:
        if options["refresh"]:
            count = refresh_due(HOUR)
            if not options["source"]:
                self.stdout.write(f"The statistics of {count} flows were worked out.")
        if not options["source"]:
            if not options["refresh"]:
                raise Refused(message("statistics.nothing_asked"))
            return
        source = find_source(options["source"])
        chosen = {name: options[name] for name in ("term", "course", "department", "flow")}
        require_known(source, chosen)
        selection = whole_selection(source, **chosen)
        if options["apart"]:
            rows = grouped(selection, options["apart"], list(keys_of(selection, options["apart"])))
            self.show([_shown(row) for row in rows], as_json=options["json"])
        else:
            self.show(_cells(statistics_of(selection)), as_json=options["json"])

    def show(self, rows: list[dict[str, Any]], *, as_json: bool) -> None:
        if as_json:
            self.print_json(rows)
        elif rows:
            writer = csv.writer(self.stdout, delimiter=";")
            writer.writerow(rows[0])
            writer.writerows([safe_text(value) for value in row.values()] for row in rows)


def require_known(source: Source, chosen: Mapping[str, Any]) -> None:
    """No figures of what there is not: that would read as if nobody had been graded."""
    for name, value in chosen.items():
        if value and not keys_of(whole_selection(source, **{name: value}), name).exists():
            raise Refused(message("statistics.unknown", name=name, value=str(value), source=source.slug))


def _shown(row: Row) -> dict[str, Any]:
    return {"key": row.key, "graded": row.graded, "passRate": row.pass_rate, "lateRate": row.late_rate}


def _cells(found: Statistics) -> list[dict[str, Any]]:
    at = found.computed_at.isoformat(timespec="seconds") if found.computed_at else ""
    rows = [("flows", "", "", found.flows), ("computed_at", "", at, None), *found.rows()]
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows]
