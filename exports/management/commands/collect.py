"""manage.py collect --flow ID | --all [--json]"""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from exports.attempts.automatic import export_automatically
from exports.grades.collect import collect_all_grades
from ladokflow.http import RemoteError
from ladokflow.messages import Refused
from sources.command import PlainCommand, find_flow, one_line
from sources.models import Flow
from sources.papers.read import read_if_due


class Command(PlainCommand):
    help = "Read phases and grades from WISEflow, and start the exports that are to start by themselves."

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--flow", type=int, metavar="ID")
        which.add_argument("--all", action="store_true", help="Every flow that is not archived.")
        self.add_json(parser)

    def work(self, **options: Any) -> None:
        collected: list[dict[str, Any]] = []
        for flow in _flows(options["flow"]):
            try:
                collected.append({"flow": flow.pk, "assessments": collect_all_grades(flow)})
            except (RemoteError, Refused) as error:
                if options["flow"]:
                    raise
                collected.append({"flow": flow.pk, "assessments": None, "message": str(error.message)})
                continue
            read_if_due(flow)
            export_automatically(flow)
        failed = [row for row in collected if "message" in row]
        if options["json"]:
            self.print_json({"flows": collected})
        else:
            for row in collected:
                self.stdout.write(f"Flow {row['flow']}: {row.get('message') or str(row['assessments']) + ' graded'}")
        if failed:
            self.fail(
                f"{len(failed)} of {len(collected)} flows could not be read. {one_line(str(failed[0]['message']))}"
            )


def _flows(pk: int | None) -> list[Flow]:
    if pk:
        return [find_flow(pk)]
    return list(Flow.objects.ready().exclude(state=Flow.State.ARCHIVED).select_related("source").order_by("pk"))
