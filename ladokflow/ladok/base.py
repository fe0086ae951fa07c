"""What a university's Ladok side gives and takes, in words of no university's own.

The field names are the article's "Response to WISEflow": what Ladok calls them stands in each university's tables.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _

from ladokflow.messages import Message, Text


class Kind(enum.Enum):
    """How the value of a person's field is read, kept and compared."""

    IDENTIFIER = "identifier"  # says who somebody is; one that is too long is left out rather than cut
    TEXT = "text"
    EMAIL = "e-mail address"
    MOMENT = "moment"  # a time on the day of the exam, or a date and time


@dataclass(frozen=True)
class PersonField:
    """One field of a person. `name` is its attribute here, and the column of our participants."""

    name: str
    response: str  # the article's "Response to WISEflow"
    label: Text  # the article's "Reference field in WISEflow"
    kind: Kind
    is_of_user: bool  # WISEflow has it with the user: where Ladok changes it, the user is saved
    is_masked: bool  # shown with its last digits hidden


def _field(response: str, label: Text, kind: Kind, *, is_of_user: bool = False, is_masked: bool = False) -> Any:
    facts = {"response": response, "label": label, "kind": kind, "is_of_user": is_of_user, "is_masked": is_masked}
    return field(default=None if kind is Kind.MOMENT else "", metadata=facts)


@dataclass(frozen=True, slots=True)
class Person:
    """A student as the source has it. Empty strings where the source has nothing.

    This is the list of a person's fields: mapping, merging, our rows, the source data page and the documentation follow it.
    """

    organisation_id: str = _field("organisationId", _("Organisation ID"), Kind.IDENTIFIER, is_of_user=True)
    national_id: str = _field("nationalId", _("National ID"), Kind.IDENTIFIER, is_of_user=True, is_masked=True)
    first_name: str = _field("firstName", _("First name"), Kind.TEXT, is_of_user=True)
    last_name: str = _field("lastName", _("Last name"), Kind.TEXT, is_of_user=True)
    email: str = _field("emails", _("Email address"), Kind.EMAIL, is_of_user=True)
    external_user_id: str = _field("externalUserId", _("Student number"), Kind.IDENTIFIER, is_of_user=True)
    unique_exam_id: str = _field("uniqueExamId", _("Unique Exam ID"), Kind.IDENTIFIER)
    individual_end_at: dt.datetime | None = _field(  # noqa: RUF009 - it gives a field, not a value
        "individualParticipantEndDate", _("Individual participation end date"), Kind.MOMENT
    )


PERSON_FIELDS = tuple(PersonField(name=row.name, **row.metadata) for row in fields(Person))
PERSON_FIELD_OF = {row.response: row for row in PERSON_FIELDS}  # by the article's name


@dataclass(frozen=True)
class Exam:
    """An exam occasion: what a flow is made from. Times carry the source's time zone.

    From *List* `people` is empty. `problems` are told to the manager and never stop the others from coming in.
    `raw` is the object as Ladok sent it, without the people: for the source data page.

    How far the list of people is to be trusted: `unread` of its rows could not be read, or do not say who the person is;
    `repeated` of them repeat somebody who stands there already; `expected` is how many people there are according to Ladok
    itself, None where it does not say.
    """

    code: str
    title: str = ""
    subtitle: str = ""
    participation_start_at: dt.datetime | None = None
    participation_end_at: dt.datetime | None = None
    marking_end_at: dt.datetime | None = None
    grade_scale: str = ""
    room_id: str = ""
    room: str = ""
    people: tuple[Person, ...] = ()
    unread: int = 0
    repeated: int = 0
    expected: int | None = None
    problems: tuple[Message, ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """One row of the article's tables: response to WISEflow | value(s) from Ladok | reference field in WISEflow."""

    response: str
    values: tuple[str, ...] = ()  # empty: the row opens a group of an export table, say `gradeExports`
    reference: Any = ""


def person_row(response: str, value: str) -> Row:
    """A row of the table of a person's fields. KeyError where the article, and so our list, has no such field."""
    return Row(response, (value,), PERSON_FIELD_OF[response].label)


@dataclass(frozen=True)
class GradeLine:
    """One person's grade on its way to Ladok. `grade` is the one that counts: an alternative grade stands in its place, and `mark` is
    then the assessor's grade beside it, if there is one."""

    grade: str
    is_alternative: bool = False
    points: Decimal | None = None
    organisation_id: str = ""
    unique_exam_id: str = ""
    external_user_id: str = ""
    national_id: str = ""
    mark: str = ""


@dataclass(frozen=True)
class Registered:
    """A grade that Ladok says it has, from *Read back*. `identifiers` are all the person's that the answer holds; `named` are the same,
    each with the field of Ladok's that it stands in."""

    identifiers: tuple[str, ...]
    grade: str
    points: Decimal | None = None
    named: tuple[tuple[str, str], ...] = field(default=(), compare=False)
