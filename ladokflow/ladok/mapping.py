"""From a university's exam object to an `Exam`, driven by its tables. Pure: no network, no clock.

Whatever is wrong with one value or one person becomes a problem in words and leaves the rest untouched.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from ladokflow.ladok import wire
from ladokflow.ladok.base import Exam, Person, Row
from ladokflow.messages import Message, message

# "Response to WISEflow" of the article -> our field.
EXAM_FIELDS = {
    "title": "title",
    "subtitle": "subtitle",
    "participantStartDate": "participation_start_at",
    "participantEndDate": "participation_end_at",
    "assessmentEndDate": "marking_end_at",
    "gradeType": "grade_scale",
    "id": "room_id",
    "Room": "room",
}
PERSON_FIELDS = {
    "organisationId": "organisation_id",
    "nationalId": "national_id",
    "firstName": "first_name",
    "lastName": "last_name",
    "emails": "email",
    "externalUserId": "external_user_id",
    "uniqueExamId": "unique_exam_id",
    "individualParticipantEndDate": "individual_end_at",
}
DEFAULT_START = dt.time(9)
LONGEST_NAME = 200
LONGEST_IDENTIFIER = 200
LONGEST_EMAIL = 254
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


class _Reader:
    """Reads rows out of one object and gathers what could not be read."""

    def __init__(self, found: Mapping[str, Any], rows: Sequence[Row]) -> None:
        self.found = found
        self.rows = {row.response: row.values for row in rows}
        self.problems: list[Message] = []

    def values(self, response: str) -> list[Any]:
        return [self.found.get(key) for key in self.rows.get(response, ())]

    def unreadable(self, key: str, value: Any) -> None:
        self.problems.append(message("ladok.value_unreadable", field=key, value=str(value)[:60]))

    def text(self, response: str) -> str:
        readable = []
        for key, value in zip(self.rows.get(response, ()), self.values(response), strict=True):
            try:
                readable.append(wire.text(value))
            except wire.Unreadable:
                self.unreadable(key, value)
        return wire.joined(readable)

    def read(self, read: Any, response: str, position: int = 0) -> Any:
        """The value at `position` of the row through `read`, or None."""
        keys = self.rows.get(response, ())
        if position >= len(keys):
            return None
        value = self.found.get(keys[position])
        try:
            return read(value)
        except wire.Unreadable:
            self.unreadable(keys[position], value)
            return None


def exam(
    found: Mapping[str, Any], *, code: str, rows: Sequence[Row], rooms: Sequence[Row], people_key: str, tz: ZoneInfo
) -> Exam:
    """The exam without its people."""
    reader = _Reader(found, (*rows, *rooms))
    start_at = _start(reader, tz)
    end_at = _end(reader, start_at, tz)
    return Exam(
        code=code,
        title=reader.text("title"),
        subtitle=reader.text("subtitle"),
        participation_start_at=start_at,
        participation_end_at=end_at,
        marking_end_at=reader.read(lambda value: wire.moment(value, tz), "assessmentEndDate"),
        grade_scale=reader.text("gradeType"),
        room_id=reader.text("id"),
        room=reader.text("Room"),
        problems=tuple(reader.problems),
        raw={key: value for key, value in found.items() if key != people_key},
    )


def _start(reader: _Reader, tz: ZoneInfo) -> dt.datetime | None:
    day = reader.read(wire.date, "participantStartDate")
    clock = reader.read(wire.time, "participantStartDate", 1)
    if day is None:
        return None
    if clock is None:
        reader.problems.append(message("ladok.no_start_time", date=day.isoformat()))
        clock = DEFAULT_START, 0
    return wire.at(day, clock, tz)


def _end(reader: _Reader, start_at: dt.datetime | None, tz: ZoneInfo) -> dt.datetime | None:
    """The end as Ladok has it. Without a date it is the first such time after the start; None where Ladok has too little."""
    day = reader.read(wire.date, "participantEndDate")
    clock = reader.read(wire.time, "participantEndDate", 1)
    if day is None:
        return None if clock is None or start_at is None else _next_such_time(start_at, clock, tz)
    if clock is None:
        reader.problems.append(message("ladok.no_end_time", date=day.isoformat()))
        if start_at is not None and day <= start_at.date():
            return None
        clock = wire.END_OF_DAY, 0
    end_at = wire.at(day, clock, tz)
    if start_at is not None and not wire.is_later(end_at, start_at):
        shown = {"start": f"{start_at:%Y-%m-%d %H:%M}", "end": f"{end_at:%Y-%m-%d %H:%M}"}
        reader.problems.append(message("ladok.ends_before_start", **shown))
        return None
    return end_at


def _next_such_time(start_at: dt.datetime, clock: tuple[dt.time, int], tz: ZoneInfo) -> dt.datetime:
    """The wall-clock time on the day of the start, or on the next where that is earlier than the start."""
    same_day = wire.at(start_at.date(), clock, tz)
    if wire.is_later(start_at, same_day):
        return wire.at(start_at.date() + dt.timedelta(days=1), clock, tz)
    return same_day


def people(
    found: Sequence[Any], *, exam: Exam, rows: Sequence[Row], tz: ZoneInfo
) -> tuple[tuple[Person, ...], tuple[Message, ...]]:
    """Everyone who can come in, in Ladok's order, and what is wrong with the others."""
    taken: dict[str, Person] = {}
    repeated: dict[str, str] = {}
    problems: list[Message] = []
    for number, entry in enumerate(found, start=1):
        if not isinstance(entry, dict):
            problems.append(message("ladok.person_unreadable", number=number))
            continue
        person, about = _person(entry, number=number, exam=exam, rows=rows, tz=tz)
        problems += about
        if not person.organisation_id:
            continue
        # Ladok's sides differ in upper and lower case within one list; WISEflow does not tell them apart.
        key = person.organisation_id.casefold()
        if key in taken:
            repeated.setdefault(key, taken[key].organisation_id)
        else:
            taken[key] = person
    problems += [message("ladok.person_twice", organisation_id=shown) for shown in repeated.values()]
    return _without_shared_exam_ids(list(taken.values()), problems), tuple(problems)


def _person(
    entry: Mapping[str, Any], *, number: int, exam: Exam, rows: Sequence[Row], tz: ZoneInfo
) -> tuple[Person, list[Message]]:
    values: dict[str, Any] = {}
    unread: list[str] = []
    end_time = None
    for row in rows:
        field, key = PERSON_FIELDS[row.response], row.values[0]
        try:
            if field == "individual_end_at":
                end_time = _clock_or_moment(entry.get(key), tz)
            elif field == "email":
                values[field] = _email(entry.get(key))
            else:
                values[field] = _limited(field, wire.text(entry.get(key)))
        except wire.Unreadable:
            unread.append(key)
    person = Person(**values)
    name = f"{person.first_name} {person.last_name}".strip()
    if not person.organisation_id:
        key = next(row.values[0] for row in rows if row.response == "organisationId")
        if key in unread and entry.get(key):
            code = "ladok.person_id_unreadable" if name else "ladok.nameless_person_id_unreadable"
        else:
            code = "ladok.person_without_id" if name else "ladok.nameless_person_without_id"
        return person, [message(code, name=name, number=number, field=key)]
    name = name or person.organisation_id
    problems = [message("ladok.person_value_unreadable", field=key, name=name) for key in unread]
    if isinstance(end_time, dt.datetime):
        person = replace(person, individual_end_at=end_time)
    elif end_time is not None:
        person = replace(person, individual_end_at=_individual_end(exam, end_time, tz))
        if person.individual_end_at is None:
            problems.append(message("ladok.individual_end_without_start", name=name, value=f"{end_time[0]:%H:%M}"))
    return person, problems


def _clock_or_moment(value: Any, tz: ZoneInfo) -> tuple[dt.time, int] | dt.datetime | None:
    try:
        return wire.time(value)
    except wire.Unreadable:
        return wire.moment(value, tz)


def _individual_end(exam: Exam, clock: tuple[dt.time, int], tz: ZoneInfo) -> dt.datetime | None:
    """When a person with a time of their own ends: on the day of the start, or the next where that is earlier than the start.

    An exam of several days ends for everyone on its last day.
    """
    start_at, end_at = exam.participation_start_at, exam.participation_end_at
    if end_at is not None and (start_at is None or end_at.timestamp() - start_at.timestamp() > 24 * 3600):
        return wire.at(end_at.date(), clock, tz)
    return None if start_at is None else _next_such_time(start_at, clock, tz)


def _limited(field: str, value: str) -> str:
    if field in ("first_name", "last_name"):
        return value[:LONGEST_NAME]
    if len(value) > LONGEST_IDENTIFIER:
        raise wire.Unreadable
    return value


def _email(value: Any) -> str:
    """The first address where there are several."""
    if isinstance(value, list):
        value = next((entry for entry in value if entry), None)
    address = wire.text(value)
    if address and (len(address) > LONGEST_EMAIL or not _EMAIL.fullmatch(address)):
        raise wire.Unreadable
    return address


def _without_shared_exam_ids(everyone: list[Person], problems: list[Message]) -> tuple[Person, ...]:
    """Two people with one unique exam id would get each other's grades: it is taken from both, and told."""
    holders: dict[str, list[int]] = {}
    for index, person in enumerate(everyone):
        if person.unique_exam_id:
            holders.setdefault(person.unique_exam_id.casefold(), []).append(index)
    for indexes in holders.values():
        if len(indexes) == 1:
            continue
        first, *others = (everyone[index].organisation_id for index in indexes)
        problems += [message("ladok.unique_exam_id_shared", first=first, second=other) for other in others]
        for index in indexes:
            everyone[index] = replace(everyone[index], unique_exam_id="")
    return tuple(everyone)
