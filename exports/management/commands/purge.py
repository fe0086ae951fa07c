"""manage.py purge [--source SLUG] [--preview] [--json]"""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from exports.operation.purging import due, purge
from sources.command import PlainCommand, find_source


class Command(PlainCommand):
    help = "Empties the students of flows that have been done for as long as their source keeps them. The sweeper does it every day."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--source", metavar="SLUG", help="Of this source only.")
        parser.add_argument(
            "--preview", "--dry-run", action="store_true", help="Change nothing: print which flows it would be."
        )
        self.add_json(parser)

    def work(self, **options: Any) -> None:
        source = find_source(options["source"]) if options["source"] else None
        now = timezone.now()
        if options["preview"]:
            rows: list[dict[str, Any]] = [
                {
                    "flow": flow.pk,
                    "source": flow.source.slug,
                    "title": flow.title,
                    "students": flow.participants.count(),
                }
                for flows in due(now, source)
                for flow in flows.select_related("source")
            ]
        else:
            rows = [{"students": count} for count in purge(now, source)]
        students = sum(row["students"] for row in rows)
        document = {"preview": options["preview"], "count": len(rows), "students": students}
        if options["json"]:
            self.print_json(document | ({"flows": rows} if options["preview"] else {}))
            return
        for row in rows if options["preview"] else ():
            self.stdout.write("flow {flow} ({source}) {title}: {students} students".format(**row))
        would = "would be emptied" if options["preview"] else "emptied"
        self.stdout.write(f"{document['students']} students of {document['count']} flows {would}.")
