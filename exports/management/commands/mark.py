"""manage.py mark --flow ID --by EMAIL --reason TEXT [--not-in-ladok] | --undo [--person ORGANISATION_ID ...]
[--preview | --seen FINGERPRINT] [--json]"""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from exports.attempts.marks import (
    ABSENT,
    THERE,
    Word,
    fingerprint_of,
    of_whom,
    say,
    seen_of,
    take_back,
)
from exports.command import find_flow_of
from exports.models import ExportItem, ExportItemQuerySet
from ladokflow.fingerprints import NotAsShown, require_seen
from ladokflow.identifiers import normal
from ladokflow.messages import Refused, message
from sources.command import PlainCommand, add_seen, one_line
from sources.models import Flow


class Command(PlainCommand):
    help = (
        "Say that grades are in Ladok which were not exported from here: those of whom Ladok has said so itself, or the people"
        " who are named. With --not-in-ladok, that those whose outcome is unknown are not there. With --undo, take that back."
        " Sends nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--flow", type=int, required=True, metavar="ID")
        parser.add_argument("--by", required=True, metavar="EMAIL", help="The manager who has looked in Ladok.")
        parser.add_argument("--reason", default="", metavar="TEXT", help="How it is known. Kept in the audit log.")
        parser.add_argument(
            "--person",
            action="append",
            dest="people",
            metavar="ORGANISATION_ID",
            help="Whose grade it is said of; may be repeated.",
        )
        which = parser.add_mutually_exclusive_group()
        which.add_argument(
            "--not-in-ladok",
            action="store_true",
            help="Say that unknown outcomes are not in Ladok, of those who are named or of all.",
        )
        which.add_argument("--undo", action="store_true", help="Take the marks back, of those who are named or of all.")
        add_seen(
            parser, "Change nothing: print whom it would be said of, with grade and state, and the fingerprint of it."
        )
        self.add_json(parser)

    def work(self, **options: Any) -> None:
        flow, user = find_flow_of(options["flow"], options["by"], self.needed)
        word = None if options["undo"] else ABSENT if options["not_in_ladok"] else THERE
        items = _of_whom(flow, word, options["people"])
        if options["preview"]:
            self.show(flow, items, word, as_json=options["json"])
            return
        try:
            require_seen(options["seen"], fingerprint_of(items, word))
        except NotAsShown:
            self.show(flow, items, word, as_json=options["json"])
            raise
        seen = {item.pk: seen_of(item) for item in items}
        if word is None:
            take_back(flow=flow, seen=seen, by=user)
        else:
            say(word, flow=flow, seen=seen, by=user, reason=options["reason"])
        names = [item.organisation_id for item in items]
        key, did = DONE[word]
        if options["json"]:
            self.print_json({"flow": flow.pk, "state": str(flow.export_state), key: names})
            return
        self.stdout.write(f"{did} {', '.join(names)}")

    def show(self, flow: Flow, items: list[ExportItem], word: Word | None, *, as_json: bool) -> None:
        """Whom it would be said of now."""
        people = [
            {
                "organisationId": item.organisation_id,
                "grade": item.grade,
                "state": item.state,
                "message": str(item.reason or ""),
            }
            for item in items
        ]
        seen = fingerprint_of(items, word).whole
        if as_json:
            self.print_json({"flow": flow.pk, "fingerprint": seen, "people": people})
            return
        for person in people:
            self.stdout.write(one_line("{organisationId} {grade} {state}: {message}".format(**person)))
        self.stdout.write(f"Fingerprint: {seen}")


# What has been done, in the JSON document and in words
DONE = {
    None: ("takenBack", "Took back the mark of"),
    THERE: ("marked", "Marked as exported:"),
    ABSENT: ("notInLadok", "Marked as not in Ladok:"),
}


def _of_whom(flow: Flow, word: Word | None, people: list[str] | None) -> list[ExportItem]:
    """Those who are named, or of whom else the word is said; of all whose mark is taken back where it is None. Refused where there is nobody."""
    found, nobody = of_whom(flow, word, is_named=bool(people))
    items = _named(found, people)
    if not items:
        raise Refused(nobody)
    return items


def _named(items: ExportItemQuerySet, people: list[str] | None) -> list[ExportItem]:
    """Those who are named, or all. Refused where one of the names is of nobody there."""
    rows = list(items.order_by("pk"))
    if not people:
        return rows
    wanted = {normal(name) for name in people}
    unknown = wanted - {normal(item.organisation_id) for item in rows}
    if unknown:
        raise Refused(message("settle.no_such_people", people=", ".join(sorted(unknown))))
    return [item for item in rows if normal(item.organisation_id) in wanted]
