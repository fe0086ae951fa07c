"""What is told in a package besides what WISEflow has: who is in it and where, grades, exports, history, and what is missing.

People are named by organisation id, student number and unique exam id, as Ladok and WISEflow know them: no national id is in a package, and no
name but those that stand in the papers themselves.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.db.models import Count
from django.template.loader import render_to_string
from django.utils import translation

from exports.archive.paths import PAYLOAD
from exports.models import ExportItem, Package, PackageFile, PackagePerson
from ladokflow.messages import Message
from ladokflow.spreadsheets import csv_parts
from sources.audit import name_people
from sources.models import AuditEntry, Flow, Paper

KIND = "table"
ROWS = 500
LANGUAGE = "sv"  # an archive is read by many, for long: in the language of the authority

Row = Sequence[Any]
Place = tuple[PackagePerson, str, int]


def of(package: Package, flow: Flow) -> Iterator[tuple[str, Iterator[bytes]]]:
    """(path, content) of each, read from the database a little at a time."""
    people = list(people_of(package))
    yield f"{PAYLOAD}/README.txt", _in_swedish(lambda: _readme(package, flow))
    yield f"{PAYLOAD}/index.csv", csv_parts(INDEX, _index(people))
    yield f"{PAYLOAD}/index.html", _in_swedish(lambda: _page(package, flow, people))
    yield f"{PAYLOAD}/grades.csv", csv_parts(GRADES, _grades(package, flow))
    yield f"{PAYLOAD}/exports.csv", csv_parts(EXPORTS, _exports(flow))
    yield f"{PAYLOAD}/history.csv", csv_parts(HISTORY, _history(flow))
    yield f"{PAYLOAD}/missing.csv", csv_parts(MISSING, _missing(package))


def _in_swedish(make: Any) -> Iterator[bytes]:
    with translation.override(LANGUAGE):
        text: str = make()
    yield text.encode()


# --- Who, and where -----------------------------------------------------------------------------------------------

INDEX = (
    "organisation_id",
    "student_number",
    "unique_exam_id",
    "participant",
    "folder",
    "submission",
    "kept_in",
    "files",
)


def people_of(package: Package) -> Iterator[Place]:
    """Everybody with the folder that holds the submission, a group's first member's, and how many files that is."""
    files = PackageFile.objects.filter(package=package, person__isnull=False, path__contains="/files/")
    counts = dict(files.exclude(sha256="").order_by().values_list("person").annotate(Count("pk")))
    owners: dict[int, tuple[str, int]] = {}
    rows = PackagePerson.objects.filter(package=package).select_related("participant").order_by("pk")
    for row in rows.iterator(chunk_size=ROWS):
        own = (row.folder, counts.get(row.pk, 0))
        folder, count = owners.setdefault(row.submission_id, own) if row.submission_id else own
        yield row, folder, count


def _index(people: Iterable[Place]) -> Iterator[Row]:
    for row, folder, count in people:
        person = row.participant
        known = (person.organisation_id, person.external_user_id, person.unique_exam_id) if person else ("", "", "")
        number = person.wiseflow_id if person else ""
        yield (*known, number, f"people/{row.folder}", row.submission_id or "", f"people/{folder}", count)


def _page(package: Package, flow: Flow, people: Iterable[Place]) -> str:
    rows = [
        {"person": row.participant, "folder": row.folder, "kept_in": folder, "count": count}
        for row, folder, count in people
    ]
    return render_to_string("exports/archive/index.html", {"package": package, "flow": flow, "rows": rows})


def _readme(package: Package, flow: Flow) -> str:
    return render_to_string("exports/archive/readme.txt", {"package": package, "flow": flow})


# --- Grades and history -------------------------------------------------------------------------------------------

GRADES = (
    "organisation_id", "unique_exam_id", "paper", "handed_in_at", "late", "similarity", "grade", "graded_at", "alternative_grade",
    "points", "export_state",
)  # fmt: skip


def _grades(package: Package, flow: Flow) -> Iterator[Row]:
    rows = flow.participants.select_related("assessment", "paper").defer("national_id").order_by("pk")
    for person in rows.iterator(chunk_size=ROWS):
        assessment, paper = getattr(person, "assessment", None), getattr(person, "paper", None)
        yield (
            person.organisation_id,
            person.unique_exam_id,
            *_paper(paper, flow),
            assessment.grade if assessment else "",
            _at(assessment.grade_at if assessment else None, flow),
            assessment.alternative_grade if assessment else "",
            "" if assessment is None or assessment.points is None else assessment.points,
            person.export_state,
        )


def _paper(paper: Paper | None, flow: Flow) -> Row:
    if paper is None:
        return "", "", "", ""
    similarity = "" if paper.similarity is None else paper.similarity
    return paper.state, _at(paper.handed_in_at, flow), "late" if paper.is_late else "", similarity


def _at(moment: Any, flow: Flow) -> str:
    return moment.astimezone(flow.source.tz).isoformat(timespec="seconds") if moment else ""


EXPORTS = (
    "attempt", "code", "requested_at", "sent_at", "finished_at", "requested_by", "organisation_id", "unique_exam_id", "grade", "points",
    "state", "told",
)  # fmt: skip


def _exports(flow: Flow) -> Iterator[Row]:
    items = (
        ExportItem.objects.filter(attempt__flow=flow)
        .select_related("attempt__code", "attempt__requested_by")
        .defer("national_id", "attempt__answer", "attempt__order")
        .order_by("pk")
    )
    for item in items.iterator(chunk_size=ROWS):
        attempt = item.attempt
        yield (
            attempt.pk,
            attempt.code.code,
            *(_at(moment, flow) for moment in (attempt.created_at, attempt.sending_at, attempt.finished_at)),
            attempt.requested_by.get_username() if attempt.requested_by else attempt.trigger,
            item.organisation_id,
            item.unique_exam_id,
            item.grade,
            "" if item.points is None else item.points,
            item.state,
            _told(item.reason),
        )


HISTORY = ("at", "who", "what")


def _history(flow: Flow) -> Iterator[Row]:
    entries = AuditEntry.objects.filter(flow=flow).select_related("actor").order_by("pk")
    read = entries.iterator(chunk_size=ROWS)
    while some := list(itertools.islice(read, ROWS)):
        for entry in name_people(some):
            who = entry.actor.get_username() if entry.actor else ""
            yield _at(entry.at, flow), who, _told(Message.from_json(entry.message))


MISSING = ("path", "why")


def _missing(package: Package) -> Iterator[Row]:
    rows = PackageFile.objects.filter(package=package, sha256="").order_by("path")
    for row in rows.iterator(chunk_size=ROWS):
        yield row.path, _told(row.missing_reason)


def _told(told: Message | None) -> str:
    if told is None:
        return ""
    with translation.override(LANGUAGE):
        return " ".join(str(told).split())
