"""What a university's module consists of, and the four parts of its Ladok side that follow from its tables.

List       which exams there are for a course code; where its service can, also between two dates
Fetch      one exam with its people
Export     the body with grades (`ladokflow/ladok/client.py` sends it)
Read back  optional: which grades Ladok says it has
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from ladokflow.identifiers import normal, normal_code, spellings_of_code
from ladokflow.ladok import exporting, mapping, wire
from ladokflow.ladok.answers import AnswerRules
from ladokflow.ladok.base import Exam, GradeLine, Registered, Row
from ladokflow.ladok.errors import LadokError, UnknownToLadok
from ladokflow.messages import message
from ladokflow.texts import visible

if TYPE_CHECKING:
    from ladokflow.ladok.client import LadokClient

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")
# Where an exam says itself how many people are on it. Not in the contract: read where it is there.
COUNT_KEYS = ("participantCount", "numberOfParticipants", "antalDeltagare")


# Of the scales that Swedish universities use in Ladok: everything else counts as passed. An alternative grade is no grade of the scale.
FAILING = frozenset({"u", "uk", "ug", "f", "fx", "0", "underkänd", "underkänt", "icke godkänd", "ej godkänd", "fail"})


@dataclass(frozen=True)
class University:
    """A university's own tables and rules. The tables read like the article's; see `Row`."""

    slug: str
    name: str
    list_path: str  # templates with {code}, under the source's address; a source may override them
    list_parameter: str
    fetch_path: str
    export_path: str
    code_key: str
    people_key: str
    assessment: tuple[Row, ...]
    person: tuple[Row, ...]
    export: tuple[Row, ...]
    # As `list_path`, with {from} and {to} (dates): which exams there are then, of any course. Empty: its service lists by course alone.
    list_by_dates_path: str = ""
    rooms: tuple[Row, ...] = ()
    # Where a person has several identifiers: send them all, or only the first there is, in the table's order.
    sends_every_identifier: bool = False
    names_sender: bool = False  # who exports is named in the request, by organisation id
    # Whether grades of people who were added by hand in WISEflow are taken: what a new source begins with.
    takes_hand_added: bool = False
    # Ladok's key of what tells the exams of one course apart: two with the same are occasions of one exam.
    module_key: str = ""
    example_course: str = "ABC123"  # a course code as they look here, beside the field for one
    fails: frozenset[str] = FAILING  # grades that do not count as passed, in their normal form
    answers: AnswerRules = field(default_factory=AnswerRules)  # what its answers to an export prove

    @property
    def has_rooms(self) -> bool:
        return bool(self.rooms)

    @property
    def sends_points(self) -> bool:
        return any(row.response == "points" for row in self.export)

    def is_passing(self, grade: str) -> bool:
        return bool(grade) and normal(grade) not in self.fails

    def tells_modules(self, exams: Sequence[Exam]) -> bool:
        """Whether these are surely not occasions of one exam: of several courses, or several modules of a course. What Ladok does not
        say tells nothing."""
        return any(_tells_apart(exams, key) for key in (self._course_key, self.module_key) if key)

    def course_of(self, exam: Exam) -> str:
        """Its course code, as Ladok spells it; empty where Ladok does not say."""
        value = exam.raw.get(self._course_key)
        return value.strip() if isinstance(value, str) else ""

    @property
    def _course_key(self) -> str:
        return next((row.values[0] for row in self.assessment if row.response == "title" and row.values), "")

    # --- List and Fetch

    def list_exams(self, client: LadokClient, course_code: str) -> list[Exam]:
        """The exams of a course, without people; an empty list where there are none. UnknownToLadok where there is no such course,
        LadokError where it cannot tell."""
        try:
            body = client.get_json(
                client.path("list", self.list_path, course_code), {self.list_parameter: course_code.strip()}
            )
        except LadokError as error:
            if error.status == 404:
                raise _unknown("ladok.unknown_course", course_code) from error
            raise
        return self._exams(body, client)

    def list_by_dates(self, client: LadokClient, first: dt.date, last: dt.date) -> list[Exam]:
        """The exams of any course that start on one of these days, without people. LadokError where it cannot tell; only where
        `can_list_by_dates`."""
        template = client.paths.get("list_by_dates") or self.list_by_dates_path
        path = template.replace("{from}", first.isoformat()).replace("{to}", last.isoformat())
        return starting_within(self._exams(client.get_json(path), client), first, last)

    def can_list_by_dates(self, paths: Mapping[str, str]) -> bool:
        """`paths` are the source's own."""
        return bool(paths.get("list_by_dates") or self.list_by_dates_path)

    def _exams(self, body: Any, client: LadokClient) -> list[Exam]:
        if not isinstance(body, list):
            raise _unexpected(body, "list")
        exams: dict[str, Exam] = {}
        for entry in body:
            code = self._code(entry) if isinstance(entry, dict) else ""
            if code:
                exams.setdefault(code, self._exam(entry, code, client))
            else:
                logger.warning("ladok.list.entry_without_code university=%s", self.slug)
        return list(exams.values())

    def find_exams(self, client: LadokClient, typed: str) -> list[Exam]:
        """As `list_exams`, for a course code that somebody has typed: the first of the ways it may be meant with exams."""
        return _first_known(spellings_of_code(typed) or (typed,), lambda code: self.list_exams(client, code))

    def fetch_exam(self, client: LadokClient, code: str) -> Exam:
        """One exam with its people. UnknownToLadok where Ladok has no such exam."""
        asked = code.strip()
        if asked in ("", ".", ".."):
            raise _unknown("ladok.unknown_code", code)
        try:
            body = client.get_json(client.path("fetch", self.fetch_path, asked))
        except LadokError as error:
            if error.status == 404:
                raise _unknown("ladok.unknown_code", asked) from error
            raise
        if not body:
            raise LadokError(message("ladok.empty_answer", code=asked), permanent=False)
        if not isinstance(body, dict):
            raise _unexpected(body, "object")
        answered = self._code(body) or asked
        if normal_code(answered) != normal_code(asked):
            raise LadokError(message("ladok.other_code", code=asked, answered=answered[:100]), permanent=True)
        exam = self._exam(body, answered, client)
        listed = body.get(self.people_key)
        if listed is None:
            return replace(exam, problems=(*exam.problems, message("ladok.no_people_list", code=asked)))
        if not isinstance(listed, list):
            raise _unexpected(listed, self.people_key)
        exam = mapping.with_people(exam, listed, rows=self.person, tz=client.tz)
        return replace(exam, expected=_expected(body))

    def find_exam(self, client: LadokClient, typed: str) -> Exam:
        """As `fetch_exam`, for a code that somebody has typed: as it stands, then in the other ways it may be meant.

        The exam has its code as Ladok spells it.
        """
        return _first_known(spellings_of_code(typed) or (typed,), lambda code: self.fetch_exam(client, code))

    def _code(self, entry: Mapping[str, Any]) -> str:
        """In Ladok's own spelling, for that is how it is asked for."""
        try:
            code = wire.spelling(entry.get(self.code_key))
        except wire.Unreadable:
            return ""
        return code if visible(code).strip() and len(code) <= mapping.LONGEST_IDENTIFIER else ""

    def _exam(self, entry: Mapping[str, Any], code: str, client: LadokClient) -> Exam:
        return mapping.exam(
            entry, code=code, rows=self.assessment, rooms=self.rooms, people_key=self.people_key, tz=client.tz
        )

    # --- Export and Read back

    def export_url(self, client: LadokClient, code: str) -> str:
        return client.url(client.path("export", self.export_path, code.strip()))

    def export_body(self, lines: Sequence[GradeLine], managers: Sequence[str] = ()) -> dict[str, Any]:
        """The university's own body. `managers` are organisation ids, sent where the table has a place for them."""
        return exporting.body(self.export, lines, managers, sends_every_identifier=self.sends_every_identifier)

    @cached_property
    def names(self) -> exporting.Names:
        return exporting.names(self.export)

    def identifiers(self, line: GradeLine) -> tuple[str, ...]:
        """What `errors[].userId` may hold for the person: first what the body says, then their other identifiers."""
        return exporting.identifiers(self.names, line)

    def may_be(self, line: GradeLine, row: Registered) -> bool:
        """Whether a row of *Read back* that holds an identifier of the person's is the person's."""
        return exporting.may_be(self.names, line, row)

    def known_by(self, line: GradeLine) -> frozenset[tuple[str, str]]:
        """(Ladok's field, value in its normal form) of each identifier by which an export may name the person."""
        return exporting.known_by(self.names, line)

    @property
    def identifier_columns(self) -> tuple[str, ...]:
        """The identifiers that an export may use, by the names of `GradeLine`."""
        return tuple(dict.fromkeys(name for _, name in self.names))

    def can_identify(self, line: GradeLine) -> bool:
        """Whether the body can say whose grade it is. Where every identifier is sent, the first names the person."""
        if self.sends_every_identifier:
            return bool(getattr(line, self.names[0][1]))
        return any(getattr(line, name) for _, name in self.names)

    def read_back(self, client: LadokClient, code: str) -> list[Registered]:
        """Which grades Ladok has for the exam. LadokError where it cannot tell."""
        try:
            body = client.get_json(client.path("export", self.export_path, code.strip()))
        except LadokError as error:
            if error.status == 404:
                raise _unknown("ladok.nothing_to_read_back", code) from error
            raise
        try:
            return exporting.registered(self.export, body)
        except wire.Unreadable as error:
            raise _unexpected(body, "gradeExports") from error


def starting_within(exams: Sequence[Exam], first: dt.date | None, last: dt.date | None) -> list[Exam]:
    """Those that start on one of these days; without any date of either, all. One of which Ladok has no date starts on none."""
    if first is None and last is None:
        return list(exams)
    starts = [(exam, exam.participation_start_at) for exam in exams]
    return [
        exam
        for exam, start in starts
        if start is not None and (first or dt.date.min) <= start.date() <= (last or dt.date.max)
    ]


def _first_known(forms: Sequence[str], ask: Callable[[str], Answer]) -> Answer:
    """What Ladok has for the first form that it knows; where it knows none, what it said to the first."""
    empty: list[Answer] = []
    unknown: list[UnknownToLadok] = []
    for form in forms:
        try:
            answer = ask(form)
        except UnknownToLadok as error:
            unknown.append(error)
        else:
            if answer:
                return answer
            empty.append(answer)
    if not empty:
        raise unknown[0]
    return empty[0]


def _expected(body: Mapping[str, Any]) -> int | None:
    """How many people there are according to the exam itself."""
    said = next((body[key] for key in COUNT_KEYS if key in body), None)
    try:
        text = wire.text(said)
    except wire.Unreadable:
        return None
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else None


def _unknown(text: str, code: str) -> UnknownToLadok:
    return UnknownToLadok(message(text, code=code.strip()[:100]), permanent=True, status=404)


def _unexpected(body: Any, wanted: str) -> LadokError:
    detail = f"{wanted}: {type(body).__name__}"
    return LadokError(message("remote.unexpected", system="Ladok", detail=detail), permanent=True)


def _tells_apart(exams: Sequence[Exam], key: str) -> bool:
    values = {_compared(exam.raw.get(key)) for exam in exams} - {()}
    return len(values) > 1


def _compared(value: Any) -> tuple[str, ...]:
    """A text, or a list of them in any order, as it is compared; empty where there is none."""
    parts = value if isinstance(value, list) else [value]
    return tuple(sorted(filter(None, (normal_code(str(part)) for part in parts if part is not None))))
