"""What a university's Ladok side gives and takes, in words of no university's own.

The field names are the article's "Response to WISEflow": what Ladok calls them stands in each university's tables.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from ladokflow.http import RemoteError
from ladokflow.messages import Message


class LadokError(RemoteError):
    """Ladok could not be asked, or did not answer as agreed."""

    @classmethod
    def of(cls, error: RemoteError) -> LadokError:
        return cls(error.message, permanent=error.permanent, status=error.status, reference=error.reference)


@dataclass(frozen=True)
class Person:
    """A student as the source has it. Empty strings where the source has nothing."""

    organisation_id: str = ""
    national_id: str = ""
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    external_user_id: str = ""
    unique_exam_id: str = ""
    individual_end_at: dt.datetime | None = None


@dataclass(frozen=True)
class Exam:
    """An exam occasion: what a flow is made from. Times carry the source's time zone.

    From *List* `people` is empty. `problems` are told to the manager and never stop the others from coming in.
    `raw` is the object as Ladok sent it, without the people: for the source data page.
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
    problems: tuple[Message, ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """One row of the article's tables: response to WISEflow | value(s) from Ladok | reference field in WISEflow."""

    response: str
    values: tuple[str, ...] = ()  # empty: the row opens a group of an export table, say `gradeExports`
    reference: Any = ""


@dataclass(frozen=True)
class GradeLine:
    """One person's grade on its way to Ladok. `grade` is the one that counts: an alternative grade stands in its place."""

    grade: str
    is_alternative: bool = False
    points: Decimal | None = None
    organisation_id: str = ""
    unique_exam_id: str = ""
    external_user_id: str = ""
    national_id: str = ""


@dataclass(frozen=True)
class Registered:
    """A grade that Ladok says it has, from *Read back*. `identifiers` are all the person's that the answer holds."""

    identifiers: tuple[str, ...]
    grade: str
    points: Decimal | None = None
