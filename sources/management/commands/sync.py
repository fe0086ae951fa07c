"""manage.py sync --flow ID | --source SLUG | --all   [--preview | --seen FINGERPRINT --by EMAIL] [--json]"""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from ladokflow.fingerprints import NotAsShown
from ladokflow.http import RemoteError
from ladokflow.messages import Message, Refused, message
from sources.command import PlainCommand, add_seen, find_flow, find_member, find_source, one_line, wait_until
from sources.models import Flow, SyncRun
from sources.sync.run import preview_sync, request_sync, run_sync, run_that_asks
from sources.universities.permissions import COMMANDS

COUNTS = ("added", "updated", "removed", "deactivated", "unchanged")


class Command(PlainCommand):
    help = "Synchronise flows with Ladok now; with --preview, only tell what would be done."

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--flow", type=int, metavar="ID", help="One flow.")
        which.add_argument("--source", metavar="SLUG", help="Every flow of a university whose marking has not ended.")
        which.add_argument("--all", action="store_true", help="Every flow whose marking has not ended.")
        add_seen(
            parser,
            "Change nothing: tell what would be done and, where the last synchronisation asks, the fingerprint of what it asks.",
            "It is right what the synchronisation asks, as it was printed with this fingerprint: do it. With --flow and --by.",
        )
        parser.add_argument("--by", metavar="EMAIL", help="The manager who has looked, for --seen.")
        self.add_json(parser)

    def work(self, **options: Any) -> None:
        if options["seen"] is not None and not (options["flow"] and options["by"]):
            self.fail("--seen is for one flow, and says who has looked: give --flow and --by, too.")
        if options["flow"] is not None:
            flows = [find_flow(options["flow"])]
        else:
            syncable = Flow.objects.syncable().select_related("source").order_by("pk")
            flows = list(syncable if options["all"] else syncable.filter(source=find_source(options["source"])))
        rows = []
        for flow in flows:
            try:
                rows.append(_preview(flow) if options["preview"] else _sync(flow, options["seen"], options["by"]))
            except NotAsShown as error:
                rows.append(_preview(flow) | {"state": "failed", "message": str(error.message)})
            except (Refused, RemoteError) as error:
                rows.append(_row(flow, "failed", error.message))
        if options["json"]:
            self.print_json({"flows": rows})
        else:
            self._print(rows)
        failed = [row for row in rows if row["state"] != "success"]
        if len(rows) == 1 and failed:
            self.fail(failed[0]["message"])
        if failed:
            self.fail(f"{len(failed)} of {len(rows)} flows failed.")

    def _print(self, rows: list[dict[str, Any]]) -> None:
        for row in rows:
            numbers = ", ".join(f"{row[name]} {name}" for name in COUNTS)
            self.stdout.write(f"Flow {row['flow']}: {row['state']}: {numbers}")
            for text in row["changes"] + row["problems"]:
                self.stdout.write(f"  {one_line(text)}")
            if row.get("fingerprint"):
                self.stdout.write(f"  Fingerprint: {row['fingerprint']}")


def _sync(flow: Flow, seen: str | None = None, by: str | None = None) -> dict[str, Any]:
    user = find_member(flow.source, by, COMMANDS["sync"]) if by else None
    asked = request_sync(flow=flow, trigger=SyncRun.Trigger.COMMAND, requested_by=user, seen=seen, enqueue=False)
    run = run_sync(asked.pk)
    if run.state in SyncRun.OPEN:
        run = wait_until(lambda: run_sync(run.pk), lambda current: current.state not in SyncRun.OPEN)
    return row_of(flow, run)


def row_of(flow: Flow, run: SyncRun) -> dict[str, Any]:
    """The state is success or failed. A run that is open still after the wait has not done what was asked."""
    is_open = run.state in SyncRun.OPEN
    return _row(
        flow,
        "failed" if is_open else str(run.state),
        message("sources.sync_still_open") if is_open else run.reason,
        changes=run.change_messages,
        problems=run.problem_messages,
        **{name: getattr(run, name) for name in COUNTS},
    )


def _preview(flow: Flow) -> dict[str, Any]:
    plan = preview_sync(flow)
    asked = run_that_asks(flow, plan)
    changes = [change.message for change in plan.changes]
    state = "success" if plan.brake is None else "failed"
    return _row(flow, state, plan.brake, changes=changes, problems=plan.problems, **plan.counts) | {
        "preview": True,
        "fingerprint": asked.fingerprint.whole if asked is not None else "",
    }


def _row(
    flow: Flow, state: str, reason: Message | None, *, changes: Any = (), problems: Any = (), **counts: int
) -> dict[str, Any]:
    """As in the documentation of the command. Why it failed stands first among the problems."""
    reasons = [reason] if reason is not None else []
    return {
        "flow": flow.pk,
        "state": state,
        **{name: counts.get(name, 0) for name in COUNTS},
        "changes": [str(entry) for entry in changes],
        "problems": [str(entry) for entry in (*reasons, *problems)],
        "message": str(reason) if reason is not None else "",
    }
