"""manage.py extract --source SLUG --person ORGANISATION_ID --by EMAIL [--json]"""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.db.models import Q

from exports.register import as_text, extract_of
from ladokflow.identifiers import spellings
from ladokflow.messages import Refused, by_row, message
from sources import audit
from sources.access import Kind, student_seen_by
from sources.command import PlainCommand, find_member, find_source
from sources.models import Participant


class Command(PlainCommand):
    help = "Prints all that is held of a student at a university, for a student who asks for it. That it was made is on record."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--source", required=True, metavar="SLUG")
        parser.add_argument("--person", required=True, metavar="ORGANISATION_ID", help="Or the student number.")
        parser.add_argument("--by", required=True, metavar="EMAIL", help="The licence admin who asks for it.")
        self.add_json(parser)

    def work(self, **options: Any) -> None:
        source = find_source(options["source"])
        user = find_member(source, options["by"], self.needed)
        who = options["person"].strip()
        named = Q(organisation_id__in=spellings(who)) | Q(external_user_id__iexact=who)
        person = (
            Participant.objects.filter(named, flow__source=source)
            .select_related("flow__source")
            .order_by("-pk")
            .first()
        )
        if person is None:
            raise Refused(message("export.no_student", source=source.name))
        found = extract_of(person)
        student_seen_by(user, [person], Kind.EXTRACT)
        said = message("sources.audit.extract_made", person=by_row(person.pk))
        audit.record(message=said, source=source, flow=person.flow, actor=user)
        if options["json"]:
            self.print_json(found)
        else:
            self.stdout.write(as_text(found))
