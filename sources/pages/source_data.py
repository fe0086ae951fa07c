"""The source data of the exams that were chosen, as the wizard shows it before anything is made."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Page, Paginator
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ladokflow.identifiers import normal
from ladokflow.ladok.base import PERSON_FIELD_OF, Exam, Kind, Person, PersonField, Row
from ladokflow.ladok.mapping import EXAM_FIELDS
from ladokflow.messages import Message, Text, message
from sources.flows.places import ids_of, people_on_several, suggested_place
from sources.models import NAMELESS, FlowSource, Source
from sources.sync.plan.flow_data import whole_dates

MAX_EXAMS = 50
PEOPLE_PER_PAGE = 25
# What Ladok never says, or at some universities does not: set by WISEflow's own rule.
MARKING = {"marking_start_at": _("Start date for marking"), "marking_end_at": _("End date for marking")}


@dataclass(frozen=True)
class Found:
    """What Ladok said of a code: the exam, or why there is none. `maker`: the organisation id of who makes the flow."""

    code: str
    exam: Exam | None = None
    is_scale_unmatched: bool = False  # WISEflow has no counterpart of the exam's grading scale
    failure: Message | None = None
    maker: str = ""

    @property
    def problems(self) -> list[Message]:
        """What is to be looked at, though a flow can be made of the exam."""
        if self.exam is None:
            return []
        nobody = [] if self.exam.people else [message("sources.nobody_registered", code=self.exam.code)]
        scale = message("sources.scale_unmatched", scale=self.exam.grade_scale) if self.is_scale_unmatched else None
        maker = message("sources.maker_is_student", code=self.code) if normal(self.maker) in ids_of(self.exam) else None
        return [*self.exam.problems, *nobody, *(each for each in (maker, scale) if each)]


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
class Column:
    """One field of a person, and Ladok's own key for it."""

    field: PersonField
    keys: str

    @property
    def name(self) -> Text:
        return self.field.label

    @property
    def is_moment(self) -> bool:
        return self.field.kind is Kind.MOMENT


@dataclass(frozen=True)
class Line:
    """A person, and the codes that have them."""

    person: Person
    codes: tuple[str, ...]
    cells: tuple[tuple[Column, Any], ...]


def _row(row: Row, value: Any, *, is_missing: bool = False) -> FieldRow:
    return FieldRow(row.reference or _(row.response), row.response, " + ".join(row.values), value, is_missing)


class SourceData:
    def __init__(self, source: Source, answers: Sequence[Found], taken: Mapping[str, FlowSource]) -> None:
        self.source = source
        self.found = answers
        self.taken = taken
        self.exams = [answer.exam for answer in answers if answer.exam is not None]
        self.lines = self._lines()

    def _lines(self) -> list[Line]:
        people: dict[str, Person] = {}
        codes: dict[str, list[str]] = {}
        for exam in self.coming:
            for person in exam.people:
                key = normal(person.organisation_id)
                people.setdefault(key, person)
                codes.setdefault(key, []).append(exam.code)
        columns = self.columns
        return [
            Line(person, tuple(codes[key]), tuple((column, getattr(person, column.field.name)) for column in columns))
            for key, person in people.items()
        ]

    @property
    def failures(self) -> list[tuple[Message, list[str]]]:
        """Why Ladok gave no exam, each with the codes: a Ladok that is down is told once, not for every code."""
        by_message: dict[str, tuple[Message, list[str]]] = {}
        for answer in self.found:
            if answer.failure is not None:
                by_message.setdefault(str(answer.failure), (answer.failure, []))[1].append(answer.code)
        return list(by_message.values())

    @property
    def good(self) -> list[str]:
        """The codes that a flow can be made of: found, and on no flow yet."""
        return list(dict.fromkeys(exam.code for exam in self.exams if exam.code not in self.taken))

    @property
    def unmatched_scales(self) -> list[str]:
        """Ladok's scales of the exams that a flow can be made of, for which WISEflow's has to be chosen."""
        good = set(self.good)
        exams = [found.exam for found in self.found if found.exam is not None and found.is_scale_unmatched]
        return list(dict.fromkeys(exam.grade_scale.strip() for exam in exams if exam.code in good))

    @property
    def coming(self) -> list[Exam]:
        """The exams that a flow can be made of; where there are none, all that were found."""
        good = set(self.good)
        return [exam for exam in self.exams if exam.code in good] or self.exams

    @property
    def on_several(self) -> int:
        """How many people are on several of the exams that come."""
        return people_on_several(self.coming)

    @property
    def suggested_place(self) -> str:
        return suggested_place(self.source, self.coming)

    @property
    def problems(self) -> list[tuple[Exam, Sequence[Message]]]:
        """The exams that are not as they should be, each with what is the matter."""
        return [(answer.exam, answer.problems) for answer in self.found if answer.exam is not None and answer.problems]

    @property
    def problem_count(self) -> int:
        return sum(len(answer.problems) for answer in self.found)

    @property
    def fields(self) -> list[tuple[Exam, list[FieldRow]]]:
        """Each exam with the fields of the flow that it becomes, or rules as the master."""
        return [(exam, self._fields_of(exam)) for exam in self.coming]

    def _fields_of(self, master: Exam) -> list[FieldRow]:
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
    def columns(self) -> list[Column]:
        """Without what names somebody, where the university hides names."""
        hidden = NAMELESS if self.source.protects_identity else {}
        rows = [row for row in self.source.rules.person if PERSON_FIELD_OF[row.response].name not in hidden]
        return [Column(PERSON_FIELD_OF[row.response], " + ".join(row.values)) for row in rows]

    def page(self, number: str | None) -> Page[Line]:
        return Paginator(self.lines, PEOPLE_PER_PAGE).get_page(number)
