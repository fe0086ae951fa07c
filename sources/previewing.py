"""The source data of the exams that were chosen, as the wizard shows it before anything is made."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Page, Paginator
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ladokflow.ladok.base import Exam, Person, Row
from ladokflow.ladok.mapping import EXAM_FIELDS, PERSON_FIELDS
from ladokflow.messages import Message, Text
from sources.following import whole_dates
from sources.models import FlowSource, Source

MAX_EXAMS = 20
PEOPLE_PER_PAGE = 50
# What Ladok never says, or at some universities does not: set by WISEflow's own rule.
MARKING = {"marking_start_at": _("Start date for marking"), "marking_end_at": _("End date for marking")}


@dataclass(frozen=True)
class Found:
    """What Ladok said of a code: the exam, or why there is none."""

    code: str
    exam: Exam | None = None
    failure: Message | None = None


@dataclass(frozen=True)
class FieldRow:
    """One field: its name in WISEflow, Ladok's own keys for it, and the value that comes in."""

    name: Text
    response: str
    keys: str
    value: Any
    is_missing: bool = False

    @property
    def is_moment(self) -> bool:
        return isinstance(self.value, dt.datetime)


@dataclass(frozen=True)
class Line:
    """A person, and the codes that have them."""

    person: Person
    codes: tuple[str, ...]
    cells: tuple[tuple[FieldRow, Any], ...]


def _row(row: Row, value: Any, *, is_missing: bool = False) -> FieldRow:
    return FieldRow(row.reference or _(row.response), row.response, " + ".join(row.values), value, is_missing)


class SourceData:
    def __init__(self, source: Source, found: Sequence[Found], taken: Mapping[str, FlowSource]) -> None:
        self.source = source
        self.found = found
        self.taken = taken
        self.exams = [one.exam for one in found if one.exam is not None]
        self.lines = self._lines()

    def _lines(self) -> list[Line]:
        people: dict[str, Person] = {}
        codes: dict[str, list[str]] = {}
        for exam in self.exams:
            for person in exam.people:
                key = person.organisation_id.casefold()
                people.setdefault(key, person)
                codes.setdefault(key, []).append(exam.code)
        columns = self.columns
        return [
            Line(person, tuple(codes[key]), tuple((column, getattr(person, column.value)) for column in columns))
            for key, person in people.items()
        ]

    @property
    def is_complete(self) -> bool:
        """Every code was found, and none is on a flow already."""
        return not self.taken and all(one.exam for one in self.found)

    @property
    def problems(self) -> list[tuple[str, Message]]:
        return [(exam.code, problem) for exam in self.exams for problem in exam.problems]

    @property
    def fields(self) -> list[FieldRow]:
        """The flow's own fields: the master's, for it rules them."""
        if not self.exams:
            return []
        master = self.exams[0]
        rows = [*self.source.rules.assessment, *(row for row in self.source.rules.rooms if row.response != "id")]
        dates = whole_dates(
            master.participation_start_at,
            master.participation_end_at,
            master.marking_end_at,
            created_at=timezone.now(),
            tz=self.source.tz,
        )
        fields = []
        after = 0
        for row in rows:
            name = EXAM_FIELDS[row.response]
            value = getattr(master, name)
            fields.append(_row(row, value or dates.get(name), is_missing=not value))
            if dates.pop(name, None) and name != "marking_end_at":
                after = len(fields)
        fields[after:after] = [
            FieldRow(MARKING[name], name, "", value, is_missing=True) for name, value in dates.items()
        ]
        return fields

    @property
    def columns(self) -> list[FieldRow]:
        """The fields of a person; each one's `value` is the attribute of `Person` that holds it."""
        return [_row(row, PERSON_FIELDS[row.response]) for row in self.source.rules.person]

    def page(self, number: str | None) -> Page[Line]:
        return Paginator(self.lines, PEOPLE_PER_PAGE).get_page(number)
