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
from itertools import pairwise
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
from sources.flows.tables import LONGEST_CELL, Line, lines_of
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
    # As the list is written once more: so that what is told of a row says where it stands in the spreadsheet
    "number": {*("rad", "radnr"), *("line", "lineno")},
}
USUAL_ORDER = ("code", "assessors", "reviewers")
_NUMBER = re.compile(r"[1-9][0-9]{0,5}")
_NO_LETTER = re.compile(r"[\W_]+")
_ADDRESS = re.compile(r".*<\s*([^<>\s]+@[^<>\s]+)\s*>")  # as mail programs write a person
# What a spreadsheet makes of a code: without its zeros, with an exponent, or a date
_SPREADSHEETS = re.compile(r"\d+|\d+([.,]\d+)?E\+\d+|\d{4}-\d\d-\d\d( 00:00:00)?", re.IGNORECASE)


@dataclass(frozen=True)
class Row:
    """One exam, as it was written. `number` is its line's in the list that was begun with; `rest` the cells that no column is for.
    `was_good`: it has been found in order before."""

    number: int
    code: str
    assessors: tuple[str, ...] = ()
    reviewers: tuple[str, ...] = ()
    rest: tuple[str, ...] = ()
    was_good: bool = False

    @property
    def cells(self) -> tuple[str, ...]:
        """As it is written once more: in the usual order and with its number, and what belongs nowhere behind it."""
        return self.code, ", ".join(self.assessors), ", ".join(self.reviewers), str(self.number), *self.rest


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


@dataclass(frozen=True)
class Columns:
    """Where the cells of each name stand; `known` are the columns that have a heading, also one that means nothing here (`unread`)."""

    places: Mapping[str, tuple[int, ...]]
    known: frozenset[int]
    unread: tuple[str, ...] = ()


USUAL_COLUMNS = Columns({name: (n,) for n, name in enumerate(USUAL_ORDER)}, frozenset(range(len(USUAL_ORDER))))


def read_exam_list(text: str) -> tuple[list[Row], list[str]]:
    """The rows that say anything, each once, and the headings of columns that are not read. Refused where there is no row, too many of
    them, or a heading without the codes."""
    rows, unread = rows_in(text)
    if not rows:
        raise Refused(message("sources.exam_list.nothing_given"))
    return rows, unread


def rows_in(text: str) -> tuple[list[Row], list[str]]:
    """As `read_exam_list`, where there may be no row."""
    rows: list[Row] = []
    unread: list[str] = []
    columns = USUAL_COLUMNS
    for n, line in enumerate(lines_of(text, has_lists=True)):
        heading = _heading(line)
        # Further down it is one only with the codes: two lists, one below the other, or a title above the list.
        if heading is not None and (n == 0 or "code" in heading.places):
            if "code" not in heading.places:
                raise Refused(message("sources.exam_list.no_code_column"))
            columns = heading
            unread += heading.unread
            continue
        rows.append(_row(line, columns))
    return each_once(rows), list(dict.fromkeys(unread))


def each_once(rows: Iterable[Row]) -> list[Row]:
    """Without those that say nothing else than one before them, as where a list is pasted twice. Refused where they are too many."""
    once: dict[Any, Row] = {}
    for row in rows:
        people = [sorted(map(normal, names)) for names in (row.assessors, row.reviewers)]
        once.setdefault((normal_code(row.code), *map(tuple, people), row.rest), row)
    if len(once) > MOST_ROWS:
        raise Refused(message("sources.exam_list.too_many", most=MOST_ROWS))
    return list(once.values())


def _heading(line: Line) -> Columns | None:
    """The columns, if the line is a heading. A code may begin as one does: a number stands in a heading beside others only."""
    words = [_NO_LETTER.sub("", normal(cell)) for cell in line.cells]
    names = [_column_named(word) for word in words]
    if not {*names} - {"", "number"}:
        return None
    names = [name or _column_named(word.rstrip("0123456789")) for name, word in zip(names, words, strict=True)]
    code = names.index("code") if "code" in names else None
    names = [name if name != "code" or n == code else "" for n, name in enumerate(names)]
    places = {name: tuple(n for n, there in enumerate(names) if there == name) for name in names if name}
    unread = tuple(cell[:60] for cell, name in zip(line.cells, names, strict=True) if cell and not name)
    return Columns(places, frozenset(n for n, cell in enumerate(line.cells) if cell), unread)


def _column_named(word: str) -> str:
    return next((name for name, words in HEADINGS.items() if word in words), "")


def _row(line: Line, columns: Columns) -> Row:
    def people(name: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(who for cell in cells_of(name) for who in _people(cell)))

    def cells_of(name: str) -> list[str]:
        return [line.cells[n] for n in columns.places.get(name, ()) if n < len(line.cells)]

    rest = tuple(cell for n, cell in enumerate(line.cells) if cell and n not in columns.known)
    code = " ".join(" ".join(cells_of("code")).split())
    number = next((int(cell) for cell in cells_of("number") if _NUMBER.fullmatch(cell)), line.number)
    return Row(number, code, people("assessors"), people("reviewers"), rest)


def _people(cell: str) -> tuple[str, ...]:
    """Comma, semicolon or a line break between them."""
    if len(cell) >= LONGEST_CELL:  # somebody may have been cut off: it is told as it stands
        return (cell,)
    parts = [" ".join(part.split()) for part in re.split(r"[,;\n]", cell)]
    return tuple(dict.fromkeys(_ADDRESS.sub(r"\1", part) if len(part) <= LONGEST else part for part in parts if part))


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
    earlier: dict[str, Row] = {}
    checked = []
    for row in rows:
        exam, answer = exams.get(row.code), answers.get(row.code)
        key = normal_code(exam.code if exam is not None else row.code)
        faults = _faults_of_shape(row)
        if key and key in earlier:
            faults.append(_twice(row, earlier[key]))
        elif key in taken and not taken[key].flow.is_unmade:
            faults.append(taken_by(taken[key]))
        elif isinstance(answer, RemoteError):
            faults += _why_unread(answer, row.code)
        earlier.setdefault(key, row)
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
    if row.rest:
        faults.append(message("sources.exam_list.surplus", count=len(row.rest)))
    return faults


def _twice(row: Row, earlier: Row) -> Message:
    if earlier.was_good:
        return message("sources.exam_list.in_order_already", code=row.code)
    return message("sources.exam_list.twice", code=row.code, line=earlier.number)


def _why_unread(error: RemoteError, code: str) -> list[Message]:
    changed = isinstance(error, UnknownToLadok) and _SPREADSHEETS.fullmatch(code)
    return [message("sources.exam_list.spreadsheets", code=code)] if changed else [error.message]


def _staff(row: Row, members: Mapping[str, str], names: Mapping[str, str]) -> tuple[list[StaffRow], list[Message]]:
    """Those named in the row: members by their address or name, others by organisation id. And those who cannot be told."""
    staff: list[StaffRow] = []
    faults = []
    for name, role in ROLES.items():
        people = getattr(row, name)
        faults += [fault for pair in pairwise(people) if (fault := _comma_within(*pair, names)) is not None]
        for written in people:
            who: Any = _meant(written, names)
            if isinstance(who, Message):
                faults.append(who)
                continue
            member = members.get(normal(who))
            known = {"email": who, "organisation_id": member} if member else {"organisation_id": who}
            staff.append({"role": role, **known})
    return staff, faults


def _comma_within(last: str, first: str, names: Mapping[str, str]) -> Message | None:
    """Where two who stand beside each other are one member, with the family name first."""
    name = f"{first} {last}"
    is_one = any(sorted(normal(name).split()) == sorted(normal(one).split()) for one in names.values())
    return message("sources.exam_list.comma_in_name", written=f"{last}, {first}", name=name) if is_one else None


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
