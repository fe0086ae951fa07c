"""manage.py createflows --source liu --table FILE --manager EMAIL [--preset NAME] [--new-user ORGANISATION_ID] [--preview] [--json]"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.core.management.base import CommandParser

from ladokflow.identifiers import normal
from ladokflow.messages import Refused, message
from sources.command import PlainCommand, find_member, find_source, one_line
from sources.flows.batch import request_batch, request_exam
from sources.flows.create import create_flow
from sources.flows.exam_list import Checked, check, read_exam_list
from sources.flows.presets import choices_of
from sources.flows.staff import questions_about, staff_with
from sources.flows.tables import text_of_file
from sources.models import BatchExam, Flow, FlowPreset, Source
from sources.pages.settings_form import members_of, names_of
from sources.sync.staff import name_staff

Told = dict[str, Any]


class Command(PlainCommand):
    help = (
        "Make a flow in WISEflow of each exam of a list: a Ladok code, assessors and reviewers in each row, with a heading or in this order."
        " Rows that are not in order are told, and the others made."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--source", required=True, metavar="SLUG", help="The university.")
        parser.add_argument(
            "--table", required=True, metavar="FILE", help="The list: .xlsx, CSV, or with tabs between."
        )
        parser.add_argument(
            "--manager", required=True, metavar="EMAIL", help="Whose flows they become: a member of the source."
        )
        parser.add_argument("--preset", metavar="NAME", help="What the flows are made with; otherwise the usual.")
        self.add_new_users(parser)
        parser.add_argument(
            "--preview", "--dry-run", action="store_true", help="Make nothing: tell what there is of each row."
        )
        self.add_json(parser)

    def work(self, **options: Any) -> None:
        source = find_source(options["source"])
        manager = find_member(source, options["manager"], self.needed)
        choices = choices_of(_preset(source, options["preset"]))
        checked = self.rows(source, manager, options)
        good = [row for row in checked if row.is_good]
        made: dict[str, BatchExam] = {}
        if good and not options["preview"]:
            staff_with(source, manager, ())  # refused where WISEflow does not know the manager
            batch = request_batch(
                source=source,
                codes=[row.code for row in good],
                requested_by=manager,
                submission_key=uuid.uuid4(),
                staff_of={row.code: row.staff for row in good},
                enqueue=False,
                **choices,
            )
            made = {exam.code: _made(exam) for exam in batch.exams.all()}
        rows = [_told(row, made.get(row.code) if row.is_good else None) for row in checked]
        if options["json"]:
            self.print_json({"rows": rows})
        for row in rows if not options["json"] else ():
            self.stdout.write(_line(row))
        failures = [row["message"] for row in rows if row["message"]]
        if failures:
            self.fail(failures[0])

    def rows(self, source: Source, manager: AbstractBaseUser, options: Told) -> list[Checked]:
        """Each row, with those who may become users marked, and those whom WISEflow does not know as a fault."""
        try:
            text = text_of_file(Path(options["table"]).read_bytes())
        except OSError as error:
            self.fail(f"{options['table']}: {error.strerror}")
        maker = source.memberships.get(user_id=manager.pk).organisation_id
        rows, _unread = read_exam_list(text)
        checked = check(source, rows, members=members_of(source), names=names_of(source), maker=maker)
        new = set(map(normal, options["new_users"]))
        checked = [replace(row, staff=_marked(row, new)) for row in checked]
        staff = name_staff(source, manager, [person for row in checked for person in row.staff])
        unknown = {normal(question.organisation_id) for question in questions_about(source, staff[1:])}
        return [_with_unknown(row, unknown) for row in checked]


def _preset(source: Source, name: str | None) -> FlowPreset | None:
    if name is None:
        return None
    preset = source.presets.filter(name=name).first()
    if preset is None:
        names = ", ".join(source.presets.values_list("name", flat=True))
        raise Refused(message("sources.unknown_preset", name=name, names=names or "–"))
    return preset


def _marked(row: Checked, new: set[str]) -> tuple[Told, ...]:
    return tuple(
        {**person, "is_new": True} if normal(person["organisation_id"]) in new else {**person} for person in row.staff
    )


def _with_unknown(row: Checked, unknown: set[str]) -> Checked:
    people = [person["organisation_id"] for person in row.staff if normal(person["organisation_id"]) in unknown]
    if not people:
        return row
    return replace(row, faults=(*row.faults, message("sources.staff_not_found_here", people=", ".join(people))))


def _made(exam: BatchExam) -> BatchExam:
    exam = request_exam(exam.pk)
    if exam.flow_id is not None:
        exam.flow = create_flow(exam.flow_id)
    return exam


def _told(row: Checked, made: BatchExam | None) -> Told:
    faults: Sequence[Any] = row.faults
    flow = made.flow if made is not None else None
    if made is not None and made.reason is not None:
        faults = [made.reason]
    elif flow is not None and flow.setup_state != Flow.Setup.READY:
        faults = [flow.setup_reason or message("sources.flow_not_ready")]
    return {
        "line": row.row.number,
        "code": row.code,
        "title": row.exam.title if row.exam is not None else "",
        "students": len(row.exam.people) if row.exam is not None else None,
        "staff": [f"{person['role']} {person['organisation_id']}" for person in row.staff],
        "flow": flow.pk if flow is not None else None,
        "wiseflowFlow": flow.wiseflow_id if flow is not None else None,
        "message": " ".join(one_line(fault) for fault in faults),
        "warnings": [one_line(warning) for warning in row.warnings],
    }


def _line(row: Told) -> str:
    if row["message"]:
        return f"Line {row['line']}, {row['code'] or '–'}: {row['message']}"
    made = f"flow {row['flow']} (flow {row['wiseflowFlow']} in WISEflow)" if row["flow"] else "in order"
    return f"Line {row['line']}, {row['code']}: {made}, {row['title']}, {row['students']} students"
