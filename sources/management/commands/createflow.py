"""manage.py createflow --source liu --code X [--code Y] --manager EMAIL [--type FLOWassign] [--template ID] [--instant]
[--new-user ORGANISATION_ID]"""

from typing import Any

from django.core.management.base import CommandParser

from ladokflow.messages import Refused, message
from ladokflow.wiseflow.words import USUAL_TYPE
from sources.command import PlainCommand, find_member, find_source, wait_until
from sources.flows.create import create_flow
from sources.flows.request import refuse_unknown_type, request_flow
from sources.flows.staff import staff_with
from sources.models import Flow, SyncRun


def _choices(given: list[str]) -> dict[str, str]:
    pairs = [entry.rpartition("=") for entry in given]
    for name, _, _ in pairs:
        if not name.strip():
            raise Refused(message("sources.scale_option"))
    return {name: scale for name, _, scale in pairs}


class Command(PlainCommand):
    help = "Make a flow in WISEflow from one or more Ladok codes, with its students. The first code is the master."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--source", required=True, metavar="SLUG", help="The university.")
        parser.add_argument(
            "--code", required=True, action="append", dest="codes", help="A Ladok code; may be repeated."
        )
        parser.add_argument(
            "--manager", required=True, metavar="EMAIL", help="Whose flow it becomes: a member of the source."
        )
        parser.add_argument("--type", default=USUAL_TYPE, dest="flow_type", help="The flow type in WISEflow.")
        parser.add_argument("--template", type=int, metavar="ID", help="A flow in WISEflow whose settings are copied.")
        parser.add_argument(
            "--scale",
            action="append",
            default=[],
            metavar="LADOK=WISEFLOW",
            help="For a scale of Ladok's that WISEflow has no counterpart of: which of its scales to use, by name or id; nothing "
            "after = is whichever the flow has. May be repeated.",
        )
        parser.add_argument(
            "--grade-goes-to",
            choices=Flow.GradeGoesTo.values,
            default="",
            help="Where the grade of somebody on several of the codes goes: to one, the one that Ladok accepts, or to each. Without it the flow asks.",
        )
        parser.add_argument("--instant", action="store_true", help="Export each grade as soon as it is approved.")
        self.add_new_users(parser)
        self.add_json(parser)

    def work(self, **options: Any) -> None:
        source = find_source(options["source"])
        manager = find_member(source, options["manager"], self.needed)
        if options["template"] is None:
            refuse_unknown_type(source, options["flow_type"])
        staff = staff_with(source, manager, options["new_users"])
        flow = request_flow(
            source=source,
            codes=options["codes"],
            requested_by=manager,
            flow_type=options["flow_type"],
            template_flow_id=options["template"],
            instant_export=options["instant"],
            staff=staff,
            scale_choices=_choices(options["scale"]),
            grade_goes_to=options["grade_goes_to"],
            enqueue=False,
        )
        flow = create_flow(flow.pk)
        if flow.setup_state in (Flow.Setup.QUEUED, Flow.Setup.CREATING):
            flow = wait_until(
                lambda: create_flow(flow.pk),
                lambda current: current.setup_state in (Flow.Setup.READY, Flow.Setup.STOPPED),
            )
        if flow.setup_state != Flow.Setup.READY:
            self.fail(flow.setup_reason or message("sources.flow_not_ready"))
        run = SyncRun.objects.filter(flow=flow).exclude(state__in=SyncRun.OPEN).order_by("created_at").last()
        problems = [str(problem) for problem in run.problem_messages] if run is not None else []
        participants = flow.participants.filter(is_from_source=True, is_active=True).count()
        if options["json"]:
            self.print_json(
                {
                    "flow": flow.pk,
                    "wiseflowFlow": flow.wiseflow_id,
                    "state": flow.setup_state,
                    "participants": participants,
                    "problems": problems,
                    "title": flow.title,
                    "subtitle": flow.subtitle,
                    "codes": [code.code for code in flow.codes.all()],
                }
            )
            return
        self.stdout.write(
            f"Flow {flow.pk}: {flow.title} (flow {flow.wiseflow_id} in WISEflow), {participants} participants"
        )
        for problem in problems:
            self.stdout.write(f"  {problem}")
