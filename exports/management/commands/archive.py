"""manage.py archive --flow ID [--by EMAIL] [--wait] [--json]"""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import CommandParser

from exports.archive.make import make_package
from exports.archive.request import request_package
from exports.command import find_flow_of
from exports.models import Package
from sources.command import PlainCommand, find_flow

PAUSE_SECONDS = 0.5


class Command(PlainCommand):
    help = "Make an archive package of a flow: papers, grades and history, as BagIt."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--flow", type=int, required=True, metavar="ID")
        parser.add_argument(
            "--by", metavar="EMAIL", help="Who does it, with the right to it; without, the operator of this machine."
        )
        parser.add_argument("--wait", action="store_true", help="Make it here and now, without the queue.")
        self.add_json(parser)

    def work(self, **options: Any) -> None:
        if options["by"]:
            flow, user = find_flow_of(options["flow"], options["by"], self.needed)
        else:
            flow, user = find_flow(options["flow"]), None
        package = request_package(flow=flow, trigger=Package.Trigger.COMMAND, by=user, enqueue=not options["wait"])
        while options["wait"] and make_package(package.pk) in Package.OPEN:
            time.sleep(PAUSE_SECONDS)
            Package.objects.filter(pk=package.pk).update(rests_until=None)
        package.refresh_from_db()
        told = {
            "package": str(package.pk),
            "state": package.state,
            "place": package.place,
            "files": package.file_count,
            "missing": package.missing_count,
            "bytes": package.size,
            "manifestSha256": package.manifest_sha256,
            "message": str(package.reason or ""),
        }
        if options["json"]:
            self.print_json(told)
        else:
            self.stdout.write("{state}: {files} files, {missing} missing, {bytes} bytes. {message}".format(**told))
        if package.state == Package.State.FAILED:
            self.fail(str(package.reason or package.state))
