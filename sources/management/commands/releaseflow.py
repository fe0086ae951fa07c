"""manage.py releaseflow --flow ID --by EMAIL [--delete] [--preview | --seen FINGERPRINT] [--json]"""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from ladokflow.fingerprints import NotAsShown
from ladokflow.messages import Refused, message
from sources.command import PlainCommand, add_seen, find_flow, find_member, one_line
from sources.flows.release import Release, Way, refusal_of, release, releases_of, standing_of
from sources.models import Flow


class Command(PlainCommand):
    help = (
        "Let a flow go: its codes are free, and what was exported of it stays to be read. In WISEflow it stays as it is, unless --delete"
        " says to delete one that was made here and has never been activated. One that WISEflow does not have is only let go."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--flow", type=int, required=True, metavar="ID")
        parser.add_argument("--by", required=True, metavar="EMAIL", help="The manager who does it.")
        parser.add_argument("--delete", action="store_true", help="Delete it in WISEflow, too.")
        add_seen(parser, "Change nothing: print what it would do, and the fingerprint of it.")
        self.add_json(parser)

    def work(self, **options: Any) -> None:
        flow = find_flow(options["flow"])
        user = find_member(flow.source, options["by"], self.needed)
        found = _found(flow, delete=options["delete"])
        if options["preview"]:
            self.show(flow, found, as_json=options["json"])
            return
        try:
            release(flow=flow, way=found.way, by=user, seen=options["seen"])
        except NotAsShown:
            self.show(flow, _found(flow, delete=options["delete"]), as_json=options["json"])
            raise
        flow.refresh_from_db()
        if options["json"]:
            self.print_json(
                {"flow": flow.pk, "released": flow.released_as, "message": one_line(flow.setup_reason or "")}
            )
        else:
            self.stdout.write(f"Flow {flow.pk}: {one_line(flow.setup_reason or '')}")

    def show(self, flow: Flow, found: Release, *, as_json: bool) -> None:
        consequences = [one_line(consequence) for consequence in found.consequences]
        seen = found.fingerprint.whole
        if as_json:
            self.print_json({"flow": flow.pk, "way": str(found.way), "consequences": consequences, "fingerprint": seen})
            return
        for consequence in consequences:
            self.stdout.write(f"  {consequence}")
        self.stdout.write(f"Fingerprint: {seen}")


def _found(flow: Flow, *, delete: bool) -> Release:
    """The way that is asked for; without --delete the one that changes least in WISEflow. Refused where there is none."""
    refusal = refusal_of(flow)
    if refusal is not None:
        raise Refused(refusal)
    ways = [each for each in releases_of(flow, standing_of(flow)) if (each.way is Way.DELETED) == delete]
    if not ways:
        raise Refused(message("sources.release.not_this_way"))
    return ways[0]
