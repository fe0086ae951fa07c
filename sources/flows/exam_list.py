"""A list of exams with who assesses and reviews each, as people keep it in a spreadsheet: read, and checked row by row.

    Exam code           Assessor                        Reviewer
    TDDE01-TEN1-1001    asse01@liu.example, asse02      anna@liu.example

A heading in Swedish or English says which column is which, in any order and among others; without one it is code, assessors, reviewers.
Nothing is made here: `batch.py` makes a flow of each row that is in order.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from django.utils import timezone

from ladokflow.http import RemoteError
from ladokflow.identifiers import normal, normal_code
from ladokflow.ladok.base import Exam
from ladokflow.ladok.errors import UnknownToLadok
from ladokflow.messages import Message, Refused, message
from sources.flows.exams import fetch_several, on_flows
from sources.flows.look_up import members_meant
from sources.flows.request import taken_by
from sources.flows.staff import students_among
from sources.flows.tables import Line, lines_of
from sources.models import Source
from sources.sync.staff import StaffRow

MOST_ROWS = 200
LONGEST = 200
ROLES = {"assessors": "assessor", "reviewers": "reviewer"}
# What a heading may call each column, in lower case and without what is no letter
HEADINGS = {
    "code": {
        *("kod", "tentamenskod", "tentakod", "ladokkod", "kodiladok", "tillfälleskod", "aktivitetstillfälle"),
        *("code", "examcode", "codeoftheexam", "ladokcode", "codeinladok"),
    },
    "assessors": {
        *("bedömare", "rättare", "rättande", "rättandelärare", "examinator", "examinatorer"),
        *("assessor", "assessors", "examiner", "examiners", "marker", "markers", "grader", "graders"),
    },
    "reviewers": {*("granskare", "granskande", "medgranskare"), *("reviewer", "reviewers")},
}
USUAL_ORDER = ("code", "assessors", "reviewers")
_NO_LETTER = re.compile(r"[\W\d_]+")
_ADDRESS = re.compile(r".*<\s*([^<>\s]+@[^<>\s]+)\s*>")  # as mail programs write a person
# What a spreadsheet makes of a code: without its zeros, with an exponent, or a date
_SPREADSHEETS = re.compile(r"\d+|\d+([.,]\d+)?E\+\d+|\d{4}-\d\d-\d\d( 00:00:00)?", re.IGNORECASE)


@dataclass(frozen=True)
class Row:
    """One exam, as it was written. `number` is its line's, `surplus` the cells that no column is for."""

    number: int
    code: str
    assessors: tuple[str, ...] = ()
    reviewers: tuple[str, ...] = ()
    surplus: int = 0

    @property
    def cells(self) -> tuple[str, str, str]:
        """As it is written once more, in the usual order."""
        return self.code, ", ".join(self.assessors), ", ".join(self.reviewers)


@dataclass(frozen=True)
class Checked:
    """What there is of a row. With `faults` no flow can be made of it; `staff` as in `Flow.staff`."""

    row: Row
    exam: Exam | None = None
    staff: tuple[StaffRow, ...] = ()
    faults: tuple[Message, ...] = ()
    warnings: tuple[Message, ...] = ()

    @property
    def code(self) -> str:
        return self.exam.code if self.exam is not None else self.row.code

    @property
    def is_good(self) -> bool:
        return not self.faults


# --- Reading ----------------------------------------------------------------------------------------------------------


def read_exam_list(text: str) -> tuple[list[Row], list[str]]:
    """The rows that say anything, and the headings of columns that are not read. Refused where there is no row, too many of them, or a
    heading without the codes."""
    rows: list[Row] = []
    lines = lines_of(text, has_lists=True)
    first = next(lines, None)
    columns, unread = _columns(first) if first is not None else ({}, [])
    if columns and "code" not in columns:
        raise Refused(message("sources.exam_list.no_code_column"))
    for line in lines if columns or first is None else chain([first], lines):
        rows.append(_row(line, columns))
        if len(rows) > MOST_ROWS:
            raise Refused(message("sources.exam_list.too_many", most=MOST_ROWS))
    if not rows:
        raise Refused(message("sources.exam_list.nothing_given"))
    return rows, unread


def _columns(line: Line) -> tuple[dict[str, int], list[str]]:
    """Which column is where, if the line is a heading, and the headings that mean nothing here."""
    found: dict[str, int] = {}
    unread: list[str] = []
    for n, cell in enumerate(line.cells):
        word = _NO_LETTER.sub("", normal(cell))
        name = next((name for name, words in HEADINGS.items() if word in words), "")
        if name and name not in found:
            found[name] = n
        elif cell:
            unread.append(cell[:60])
    return (found, unread) if found else ({}, [])


def _row(line: Line, columns: Mapping[str, int]) -> Row:
    """`columns` of the heading; none where there is no heading."""
    places = columns or {name: n for n, name in enumerate(USUAL_ORDER)}
    cells = {name: line.cells[n] if n < len(line.cells) else "" for name, n in places.items()}
    surplus = 0 if columns else max(0, len(line.cells) - len(USUAL_ORDER))
    people = {name: _people(cells.get(name, "")) for name in ROLES}
    return Row(line.number, " ".join(cells["code"].split()), **people, surplus=surplus)


def _people(cell: str) -> tuple[str, ...]:
    """Comma, semicolon or a line break between them."""
    parts = [" ".join(part.split()) for part in re.split(r"[,;\n]", cell)]
    return tuple(dict.fromkeys(_ADDRESS.sub(r"\1", part) for part in parts if part))


# --- Checking ----------------------------------------------------------------------------------------------------------


def check(
    source: Source,
    rows: Sequence[Row],
    *,
    members: Mapping[str, str],
    names: Mapping[str, str],
    maker: str,
    asks_ladok: bool = True,
) -> list[Checked]:
    """Each row by itself, and beside those before it.

    `members`: e-mail address (in its normal form) to organisation id, `names`: e-mail address to name, of the source's members; `maker`:
    the organisation id of whoever makes the flows. Without `asks_ladok` the rows have been checked a moment ago.
    """
    codes = list(dict.fromkeys(row.code for row in rows if 0 < len(row.code) <= LONGEST))
    answers = dict(zip(codes, fetch_several(source, codes), strict=True)) if codes and asks_ladok else {}
    exams = {code: answer for code, answer in answers.items() if isinstance(answer, Exam)}
    taken = on_flows(source, [*codes, *(exam.code for exam in exams.values())])
    earlier: set[str] = set()
    checked = []
    for row in rows:
        exam, answer = exams.get(row.code), answers.get(row.code)
        key = normal_code(exam.code if exam is not None else row.code)
        faults = _faults_of_shape(row)
        if key and key in earlier:
            faults.append(message("sources.exam_list.twice", code=row.code))
        elif key in taken and not taken[key].flow.is_unmade:
            faults.append(taken_by(taken[key]))
        elif isinstance(answer, RemoteError):
            faults += _why_unread(answer, row.code)
        earlier.add(key)
        staff, strangers = _staff(row, members, names)
        warnings = _warnings(exam, staff, maker=maker) if exam is not None else ()
        checked.append(Checked(row, exam, tuple(staff), (*faults, *strangers), warnings))
    return checked


def _faults_of_shape(row: Row) -> list[Message]:
    faults = []
    if not row.code:
        faults.append(message("sources.exam_list.no_code"))
    if len(row.code) > LONGEST:
        faults.append(message("sources.exam_list.too_long", text=row.code[:60]))
    if row.surplus:
        faults.append(message("sources.exam_list.surplus", count=row.surplus))
    return faults


def _why_unread(error: RemoteError, code: str) -> list[Message]:
    changed = isinstance(error, UnknownToLadok) and _SPREADSHEETS.fullmatch(code)
    return [message("sources.exam_list.spreadsheets", code=code)] if changed else [error.message]


def _staff(row: Row, members: Mapping[str, str], names: Mapping[str, str]) -> tuple[list[StaffRow], list[Message]]:
    """Those named in the row: members by their address or name, others by organisation id. And those who cannot be told."""
    staff: list[StaffRow] = []
    faults = []
    for name, role in ROLES.items():
        for written in getattr(row, name):
            who: Any = _meant(written, names)
            if isinstance(who, Message):
                faults.append(who)
                continue
            member = members.get(normal(who))
            known = {"email": who, "organisation_id": member} if member else {"organisation_id": who}
            staff.append({"role": role, **known})
    return staff, faults


def _meant(written: str, names: Mapping[str, str]) -> str | Message:
    if len(written) > LONGEST:
        return message("sources.exam_list.too_long", text=written[:60])
    if " " not in written:
        return written
    found = members_meant(written, names)
    if len(found) == 1:
        return next(iter(found))
    if found:
        people = "; ".join(f"{name}: {who}" for who, name in found.items())
        return message("sources.exam_list.several_members", name=written, people=people)
    return message("sources.exam_list.no_member", name=written)


def _warnings(exam: Exam, staff: Sequence[StaffRow], *, maker: str) -> tuple[Message, ...]:
    end = exam.participation_end_at
    over = (
        [message("sources.exam_list.over", at=f"{end:%Y-%m-%d %H:%M}")]
        if end is not None and end < timezone.now()
        else []
    )
    return (*over, *students_among(staff, [exam], maker=maker), *exam.problems)


def with_staff(checked: Iterable[Checked], staff: Iterable[Sequence[StaffRow]]) -> list[Checked]:
    """The rows with these people in the place of theirs, in the same order."""
    return [replace(row, staff=tuple(people)) for row, people in zip(checked, staff, strict=True)]
