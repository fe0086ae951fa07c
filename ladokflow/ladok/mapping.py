"""From a university's exam object to an `Exam`, driven by its tables. Pure: no network, no clock.

Whatever is wrong with one value or one person becomes a problem in words and leaves the rest untouched.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple, assert_never
from zoneinfo import ZoneInfo

from ladokflow.ladok import wire
from ladokflow.ladok.base import PERSON_FIELD_OF, Exam, Kind, Person, Row
from ladokflow.ladok.repeats import each_once
from ladokflow.messages import Message, message
from ladokflow.privacy import shown_name
from ladokflow.texts import as_stored

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
DEFAULT_START = wire.Clock(dt.time(9))
LONGEST_TEXT = 200
LONGEST_IDENTIFIER = 200
LONGEST_EMAIL = 254
LONGEST_ROOM = 250
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


class _Reader:
    """Reads rows out of one object and gathers what could not be read."""

    def __init__(self, exam_object: Mapping[str, Any], rows: Sequence[Row]) -> None:
        self.exam_object = exam_object
        self.rows = {row.response: row.values for row in rows}
        self.problems: list[Message] = []

    def values(self, response: str) -> list[Any]:
        return [self.exam_object.get(key) for key in self.rows.get(response, ())]

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
        value = self.exam_object.get(keys[position])
        try:
            return read(value)
        except wire.Unreadable:
            self.unreadable(keys[position], value)
            return None


def exam(
    exam_object: Mapping[str, Any],
    *,
    code: str,
    rows: Sequence[Row],
    rooms: Sequence[Row],
    people_key: str,
    tz: ZoneInfo,
) -> Exam:
    """The exam without its people."""
    reader = _Reader(exam_object, (*rows, *rooms))
    start_at = _start(reader, tz)
    end_at = _end(reader, start_at, tz)
    return Exam(
        code=code,
        title=reader.text("title"),
        subtitle=reader.text("subtitle"),
        participation_start_at=start_at,
        participation_end_at=end_at,
        marking_end_at=reader.read(partial(wire.deadline, tz=tz), "assessmentEndDate"),
        grade_scale=reader.text("gradeType"),
        room_id=reader.text("id"),
        room=as_stored(reader.text("Room"), LONGEST_ROOM),
        problems=tuple(reader.problems),
        raw={key: value for key, value in exam_object.items() if key != people_key},
    )


def _start(reader: _Reader, tz: ZoneInfo) -> dt.datetime | None:
    day, clock = _when(reader, "participantStartDate", tz)
    if day is None or isinstance(day, dt.datetime):
        return day
    if clock is None:
        reader.problems.append(message("ladok.no_start_time", date=day.isoformat()))
    return wire.at(day, clock or DEFAULT_START, tz)


def _end(reader: _Reader, start_at: dt.datetime | None, tz: ZoneInfo) -> dt.datetime | None:
    """The end as Ladok has it. Without a date it is the first such time after the start; None where Ladok has too little."""
    day, clock = _when(reader, "participantEndDate", tz)
    if day is None:
        return None if clock is None or start_at is None else _next_such_time(start_at, clock, tz)
    if isinstance(day, dt.datetime):
        end_at = day
    else:
        if clock is None:
            reader.problems.append(message("ladok.no_end_time", date=day.isoformat()))
            if start_at is not None and day <= start_at.date():
                return None
        end_at = wire.at(day, clock or wire.END_OF_DAY, tz)
    if start_at is not None and not wire.is_later(end_at, start_at):
        shown = {"start": f"{start_at:%Y-%m-%d %H:%M}", "end": f"{end_at:%Y-%m-%d %H:%M}"}
        reader.problems.append(message("ladok.ends_before_start", **shown))
        return None
    return end_at


def _when(reader: _Reader, response: str, tz: ZoneInfo) -> tuple[dt.date | dt.datetime | None, wire.Clock | None]:
    """The date and the time of a row; the moment itself where one of its two fields is a whole date-time.

    The day is that of the date field and the time that of the time field, where there is one. Where the fields do not go
    together, that is told.
    """
    day = reader.read(partial(wire.day, tz=tz), response)
    clock = reader.read(partial(wire.clock, tz=tz), response, 1)
    if day is None:
        return (clock, None) if isinstance(clock, dt.datetime) else (None, clock)
    if clock is None or not (isinstance(day, dt.datetime) or isinstance(clock, dt.datetime)):
        return day, clock
    moment = _moment_of(day, clock, tz)
    if any(isinstance(part, dt.datetime) and not _agrees(part, moment) for part in (day, clock)):
        keys = reader.rows[response]
        said = {"first": keys[0], "second": keys[1], "used": f"{moment:%Y-%m-%d %H:%M}"}
        reader.problems.append(message("ladok.date_and_time_differ", **said))
    return moment, None


def _moment_of(day: dt.date | dt.datetime, clock: wire.Clock | dt.datetime, tz: ZoneInfo) -> dt.datetime:
    date = day.date() if isinstance(day, dt.datetime) else day
    if isinstance(clock, dt.datetime):
        return clock if clock.date() == date else wire.at(date, wire.Clock(clock.time()), tz)
    moment = wire.at(date, clock, tz)
    # A date-time that names its zone says which of the two hours it is, when the clocks go back.
    return day if isinstance(day, dt.datetime) and day.replace(tzinfo=None) == moment.replace(tzinfo=None) else moment


def _agrees(part: dt.datetime, moment: dt.datetime) -> bool:
    """Midnight in UTC is how some systems write a date."""
    is_date = part.astimezone(dt.UTC).time() == wire.MIDNIGHT.time and part.date() == moment.date()
    return is_date or abs(part.timestamp() - moment.timestamp()) < 60


def _next_such_time(start_at: dt.datetime, clock: wire.Clock, tz: ZoneInfo) -> dt.datetime:
    """The wall-clock time on the day of the start, or on the next where that is earlier than the start."""
    same_day = wire.at(start_at.date(), clock, tz)
    if wire.is_later(start_at, same_day):
        return wire.at(start_at.date() + dt.timedelta(days=1), clock, tz)
    return same_day


def with_people(exam: Exam, listed: Sequence[Any], *, rows: Sequence[Row], tz: ZoneInfo) -> Exam:
    """The exam with everyone who can come in, in Ladok's order, and with what is wrong with the others."""
    read: list[Person] = []
    problems: list[Message] = []
    readers = [_reader_of(row, tz) for row in rows]
    for number, entry in enumerate(listed, start=1):
        if not isinstance(entry, dict):
            problems.append(message("ladok.person_unreadable", number=number))
            continue
        person, about = _person(entry, number=number, exam=exam, readers=readers, tz=tz)
        problems += about
        if person.organisation_id:
            read.append(person)
    people, contradictions = each_once(read)
    return replace(
        exam,
        people=people,
        unread=len(listed) - len(read),
        repeated=len(read) - len(people),
        problems=(*exam.problems, *problems, *contradictions),
    )


class _FieldReader(NamedTuple):
    """Where a field of a person stands in Ladok's object, and how its value is read."""

    name: str
    key: str
    read: Callable[[Any], Any]


def _reader_of(row: Row, tz: ZoneInfo) -> _FieldReader:
    field = PERSON_FIELD_OF[row.response]
    match field.kind:
        case Kind.IDENTIFIER:
            read: Callable[[Any], Any] = _identifier
        case Kind.TEXT:
            read = _text
        case Kind.EMAIL:
            read = _email
        case Kind.MOMENT:
            read = partial(_clock_or_moment, tz=tz)
        case _:
            assert_never(field.kind)
    return _FieldReader(field.name, row.values[0], read)


def _person(
    entry: Mapping[str, Any], *, number: int, exam: Exam, readers: Sequence[_FieldReader], tz: ZoneInfo
) -> tuple[Person, list[Message]]:
    values: dict[str, Any] = {}
    clocks: dict[str, wire.Clock] = {}  # a time of day becomes a moment on the day of the exam
    unread: list[str] = []
    for field_name, key, read in readers:
        try:
            value = read(entry.get(key))
        except wire.Unreadable:
            unread.append(key)
            continue
        if isinstance(value, wire.Clock):
            clocks[field_name] = value
        else:
            values[field_name] = value
    person = Person(**values)
    name = shown_name(person.first_name, person.last_name)
    if not person.organisation_id:
        return person, [_without_id(entry, name, number=number, readers=readers, unread=unread)]
    name = name or person.organisation_id
    problems = [message("ladok.person_value_unreadable", field=key, name=name) for key in unread]
    for field_name, clock in clocks.items():
        moments: dict[str, Any] = {field_name: _individual_end(exam, clock, tz)}
        person = replace(person, **moments)
        if moments[field_name] is None:
            problems.append(message("ladok.individual_end_without_start", name=name, value=f"{clock.time:%H:%M}"))
    return person, problems


def _without_id(
    entry: Mapping[str, Any], name: str, *, number: int, readers: Sequence[_FieldReader], unread: Sequence[str]
) -> Message:
    key = next(reader.key for reader in readers if reader.name == "organisation_id")
    if key in unread and entry.get(key):
        code = "ladok.person_id_unreadable" if name else "ladok.nameless_person_id_unreadable"
    else:
        code = "ladok.person_without_id" if name else "ladok.nameless_person_without_id"
    return message(code, name=name, number=number, field=key)


def _identifier(value: Any) -> str:
    identifier = wire.text(value)
    if len(identifier) > LONGEST_IDENTIFIER:
        raise wire.Unreadable
    return identifier


def _text(value: Any) -> str:
    return as_stored(wire.text(value), LONGEST_TEXT)


def _clock_or_moment(value: Any, tz: ZoneInfo) -> wire.Clock | dt.datetime | None:
    """Of a date and time the moment; perhaps the time of day alone."""
    if value is None:
        return None
    try:
        return wire.clock(value, tz)
    except wire.Unreadable:
        return wire.moment(value, tz)


def _individual_end(exam: Exam, clock: wire.Clock, tz: ZoneInfo) -> dt.datetime | None:
    """When a person with a time of their own ends: on the day of the start, or the next where that is earlier than the start.

    An exam of several days ends for everyone on its last day.
    """
    start_at, end_at = exam.participation_start_at, exam.participation_end_at
    if end_at is not None and (start_at is None or end_at.timestamp() - start_at.timestamp() > 24 * 3600):
        return wire.at(end_at.date(), clock, tz)
    return None if start_at is None else _next_such_time(start_at, clock, tz)


def _email(value: Any) -> str:
    """The first address where there are several."""
    if isinstance(value, list):
        value = next((entry for entry in value if entry), None)
    address = wire.text(value)
    if address and (len(address) > LONGEST_EMAIL or not _EMAIL.fullmatch(address)):
        raise wire.Unreadable
    return address
