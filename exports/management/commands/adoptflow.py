"""manage.py adoptflow --source liu --wiseflow 225 --code X [--code Y] --by EMAIL [--keep title] [--preview | --seen FINGERPRINT] [--json]
manage.py adoptflow --source liu --table FILE --by EMAIL [--preview] [--json]
manage.py adoptflow --flow ID --exported all|wiseflow|ladok|none --reason TEXT --by EMAIL [--preview | --seen FINGERPRINT] [--json]"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.core.management.base import CommandParser

from exports.attempts.adoption import Offer, Which, offer_of, say
from exports.command import find_flow_of
from exports.grades.collect import collect_grades
from ladokflow.fingerprints import NotAsShown
from ladokflow.http import RemoteError
from ladokflow.messages import Message, Refused, message
from sources.command import PlainCommand, add_seen, find_member, find_source, one_line
from sources.flows.adoption import KEEPABLE, Checked, Look, adopt, check, flows_in, look
from sources.flows.adoption_table import Pair, read_table
from sources.flows.create import create_flow
from sources.flows.tables import text_of_file
from sources.models import Flow, Source


class Command(PlainCommand):
    help = (
        "Take over a flow that stands in WISEflow already: connect it to its Ladok code, and do what a synchronisation would. Of a flow"
        " that has been taken over (--flow), say which of its grades were exported before: until then none is sent."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--source", metavar="SLUG", help="The university.")
        parser.add_argument("--by", required=True, metavar="EMAIL", help="The manager who does it.")
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--wiseflow", metavar="NUMBER", help="The flow in WISEflow, or the link to its page.")
        which.add_argument(
            "--table", metavar="FILE", help="A flow and a code on each line: .xlsx, CSV, or with tabs between."
        )
        which.add_argument("--flow", type=int, metavar="ID", help="A flow here that has been taken over.")
        parser.add_argument("--code", action="append", default=[], dest="codes", help="A Ladok code; may be repeated.")
        parser.add_argument(
            "--keep",
            action="append",
            default=[],
            choices=KEEPABLE,
            help="What stays as it is in WISEflow; may be repeated.",
        )
        parser.add_argument("--exported", choices=Which.values, help="Whose grade was exported before, with --flow.")
        parser.add_argument("--reason", default="", metavar="TEXT", help="How it is known. Kept in the audit log.")
        parser.add_argument("--instant", action="store_true", help="From now on export each grade when it is approved.")
        parser.add_argument(
            "--when-marking-ends", action="store_true", help="From now on export what is left when marking ends."
        )
        add_seen(parser, "Change nothing: print what would be done, and the fingerprint of it.")
        self.add_json(parser)

    def work(self, **options: Any) -> None:
        if options["flow"]:
            self.say(**options)
            return
        if not options["source"]:
            self.fail("Give --source.")
        source = find_source(options["source"])
        manager = find_member(source, options["by"], self.needed)
        checked = check(source, self.pairs(**options))
        rows = [self.one(source, manager, one, options) for one in flows_in(checked).values()]
        rows += [_refused(row) for row in checked if row.refusal is not None]
        if options["json"]:
            self.print_json({"flows": rows})
        for row in rows if not options["json"] else ():
            self.print_row(row)
        failures = [row["message"] for row in rows if row["message"]]
        if failures:
            self.fail(failures[0])

    def pairs(self, **options: Any) -> Sequence[Pair]:
        if not options["table"]:
            codes = options["codes"] or [""]
            return [Pair(options["wiseflow"], code, line) for line, code in enumerate(codes, start=1)]
        if options["seen"]:
            self.fail("A fingerprint is of one flow: give --wiseflow.")
        try:
            text = text_of_file(Path(options["table"]).read_bytes())
        except OSError as error:
            self.fail(f"{options['table']}: {error.strerror}")
        return read_table(text)

    def one(
        self, source: Source, manager: AbstractBaseUser, rows: Sequence[Checked], options: dict[str, Any]
    ) -> dict[str, Any]:
        """What becomes of one flow; nothing is taken over with --preview."""
        try:
            if options["preview"]:
                return _looked(look(rows, source, keeps=options["keep"]))
            flow = adopt(rows, source, by=manager, keeps=options["keep"], seen=options["seen"], enqueue=False)
        except NotAsShown as changed:
            return _looked(look(rows, source, keeps=options["keep"])) | {"message": one_line(changed.message)}
        except (Refused, RemoteError) as error:
            return {"wiseflowFlow": rows[0].number, "message": one_line(error.message)}
        flow = create_flow(flow.pk)
        is_ready = flow.setup_state == Flow.Setup.READY
        reason = flow.setup_reason or message("sources.flow_not_ready")
        return {
            "flow": flow.pk,
            "wiseflowFlow": flow.wiseflow_id,
            "state": flow.setup_state,
            "title": flow.title,
            "codes": [code.code for code in flow.codes.all()],
            "asksWhatWasExported": flow.is_adoption_unsaid,
            "message": "" if is_ready else one_line(reason),
        }

    def print_row(self, row: dict[str, Any]) -> None:
        for told in [*row.get("warnings", ()), *row.get("problems", ()), *row.get("changes", ())]:
            self.stdout.write(f"  {told}")
        if "fingerprint" in row:
            self.stdout.write(f"Flow {row['wiseflowFlow']} in WISEflow. Fingerprint: {row['fingerprint']}")
        elif "flow" in row:
            asks = " Say which grades were exported before: adoptflow --flow." if row["asksWhatWasExported"] else ""
            self.stdout.write(f"Flow {row['flow']}: {row['title']} (flow {row['wiseflowFlow']} in WISEflow).{asks}")
        if row["message"]:
            self.stdout.write(f"Flow {row['wiseflowFlow'] or '-'} in WISEflow: {row['message']}")

    # --- What was exported before

    def say(self, **options: Any) -> None:
        flow, user = find_flow_of(options["flow"], options["by"], self.needed)
        if not flow.is_adoption_unsaid:
            raise Refused(message("adoption.said_already" if flow.adoption else "adoption.none_to_say"))
        collect_grades(flow)
        if options["preview"] or not options["exported"]:
            self.show(flow, offer_of(flow), as_json=options["json"])
            if not options["preview"]:
                self.fail(message("adoption.asked"))
            return
        try:
            count = say(
                Which(options["exported"]),
                flow=flow,
                by=user,
                reason=options["reason"],
                seen=options["seen"],
                instant_export=options["instant"],
                exports_when_marking_ends=options["when_marking_ends"],
            )
        except NotAsShown:
            self.show(flow, offer_of(flow), as_json=options["json"])
            raise
        if options["json"]:
            self.print_json({"flow": flow.pk, "state": str(flow.export_state), "exportedBefore": count})
        else:
            self.stdout.write(f"{count} grades count as exported before.")

    def show(self, flow: Flow, offer: Offer, *, as_json: bool) -> None:
        people = [
            {
                "organisationId": line.person.participant.organisation_id,
                "code": line.code.code,
                "grade": line.grade,
                "wiseflowSaysExported": line.former is not None,
                "gradeInLadok": line.in_ladok,
            }
            for line in offer.lines
        ]
        counts = {which.value: offer.count(which) for which in offer.choices}
        unread = one_line(offer.evidence.unread) if offer.evidence.unread else ""
        if as_json:
            document = {"flow": flow.pk, "fingerprint": offer.fingerprint.whole, "people": people}
            self.print_json(document | {"counts": counts, "message": unread})
            return
        for person in people:
            told = "exported, says WISEflow" if person["wiseflowSaysExported"] else ""
            ladok = f"{person['gradeInLadok']} in Ladok" if person["gradeInLadok"] else ""
            notes = ", ".join(filter(None, [told, ladok]))
            self.stdout.write("{code}: {organisationId} {grade}".format(**person) + (f" ({notes})" if notes else ""))
        self.stdout.write(", ".join(f"{name}: {count}" for name, count in counts.items()))
        if unread:
            self.stdout.write(unread)
        self.stdout.write(f"Fingerprint: {offer.fingerprint.whole}")


def _refused(row: Checked) -> dict[str, Any]:
    told: Message | None = row.refusal
    return {"wiseflowFlow": row.number, "line": row.pair.line, "message": one_line(told) if told else ""}


def _looked(shown: Look) -> dict[str, Any]:
    return {
        "wiseflowFlow": shown.flow.wiseflow_id,
        "codes": [code.code for code in shown.codes],
        "warnings": [one_line(told) for told in shown.warnings],
        "problems": [one_line(told) for told in shown.plan.problems],
        "changes": [one_line(change.message) for change in shown.plan.changes],
        "fingerprint": shown.fingerprint.whole,
        "message": "",
    }
