"""What a university's module consists of, and the four parts of its Ladok side that follow from its tables.

List       which exams there are for a course code
Fetch      one exam with its people
Export     the body with grades (`ladokflow/ladok/client.py` sends it)
Read back  optional: which grades Ladok says it has
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ladokflow.ladok import exporting, mapping, wire
from ladokflow.ladok.base import Exam, GradeLine, LadokError, Registered, Row
from ladokflow.messages import message

if TYPE_CHECKING:
    from ladokflow.ladok.client import LadokClient

logger = logging.getLogger(__name__)


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
    rooms: tuple[Row, ...] = ()
    # Where a person has several identifiers: send them all, or only the first there is, in the table's order.
    sends_every_identifier: bool = False
    needs_export_right: bool = False  # only some managers may export, and their identity is sent

    @property
    def has_rooms(self) -> bool:
        return bool(self.rooms)

    @property
    def sends_points(self) -> bool:
        return any(row.response == "points" for row in self.export)

    # --- List and Fetch

    def list_exams(self, client: LadokClient, course_code: str) -> list[Exam]:
        """The exams of a course, without people; an empty list where there are none. LadokError otherwise."""
        try:
            found = client.get_json(
                client.path("list", self.list_path, course_code), {self.list_parameter: course_code.strip()}
            )
        except LadokError as error:
            if error.status == 404:
                raise _unknown("ladok.unknown_course", course_code) from error
            raise
        if not isinstance(found, list):
            raise _unexpected(found, "list")
        exams: dict[str, Exam] = {}
        for entry in found:
            code = self._code(entry) if isinstance(entry, dict) else ""
            if code:
                exams.setdefault(code, self._exam(entry, code, client))
            else:
                logger.warning("ladok.list.entry_without_code university=%s", self.slug)
        return list(exams.values())

    def fetch_exam(self, client: LadokClient, code: str) -> Exam:
        """One exam with its people. LadokError `ladok.unknown_code` where Ladok has no such exam."""
        asked = code.strip()
        if asked in ("", ".", ".."):
            raise _unknown("ladok.unknown_code", code)
        try:
            found = client.get_json(client.path("fetch", self.fetch_path, asked))
        except LadokError as error:
            if error.status == 404:
                raise _unknown("ladok.unknown_code", asked) from error
            raise
        if not found:
            raise LadokError(message("ladok.empty_answer", code=asked), permanent=False)
        if not isinstance(found, dict):
            raise _unexpected(found, "object")
        answered = self._code(found) or asked
        if answered.casefold() != asked.casefold():
            raise LadokError(message("ladok.other_code", code=asked, answered=answered[:100]), permanent=True)
        exam = self._exam(found, answered, client)
        listed = found.get(self.people_key)
        if listed is None:
            return replace(exam, problems=(*exam.problems, message("ladok.no_people_list", code=asked)))
        if not isinstance(listed, list):
            raise _unexpected(listed, self.people_key)
        people, problems = mapping.people(listed, exam=exam, rows=self.person, tz=client.tz)
        return replace(exam, people=people, problems=(*exam.problems, *problems))

    def _code(self, found: Mapping[str, Any]) -> str:
        try:
            return wire.text(found.get(self.code_key))
        except wire.Unreadable:
            return ""

    def _exam(self, found: Mapping[str, Any], code: str, client: LadokClient) -> Exam:
        return mapping.exam(
            found, code=code, rows=self.assessment, rooms=self.rooms, people_key=self.people_key, tz=client.tz
        )

    # --- Export and Read back

    def export_url(self, client: LadokClient, code: str) -> str:
        return client.url(client.path("export", self.export_path, code.strip()))

    def export_body(self, lines: Sequence[GradeLine], managers: Sequence[str] = ()) -> dict[str, Any]:
        """The university's own body. `managers` are organisation ids, sent where the table has a place for them."""
        return exporting.body(self.export, lines, managers, sends_every_identifier=self.sends_every_identifier)

    def identifiers(self, line: GradeLine) -> tuple[str, ...]:
        """What `errors[].userId` may hold for the person: first what the body says, then their other identifiers."""
        return exporting.identifiers(self.export, line)

    def can_identify(self, line: GradeLine) -> bool:
        """Whether the body can say whose grade it is. Where every identifier is sent, the first names the person."""
        named = exporting.sent_identifiers(self.export, line)
        first = exporting.groups(self.export)[exporting.PEOPLE][0].values[0]
        return bool(named) and (not self.sends_every_identifier or named[0][0] == first)

    def read_back(self, client: LadokClient, code: str) -> list[Registered]:
        """Which grades Ladok has for the exam. LadokError where it cannot tell."""
        try:
            found = client.get_json(client.path("export", self.export_path, code.strip()))
        except LadokError as error:
            if error.status == 404:
                raise _unknown("ladok.nothing_to_read_back", code) from error
            raise
        try:
            return exporting.registered(self.export, found)
        except wire.Unreadable as error:
            raise _unexpected(found, "gradeExports") from error


def _unknown(text: str, code: str) -> LadokError:
    return LadokError(message(text, code=code.strip()[:100]), permanent=True, status=404)


def _unexpected(found: Any, wanted: str) -> LadokError:
    detail = f"{wanted}: {type(found).__name__}"
    return LadokError(message("remote.unexpected", system="Ladok", detail=detail), permanent=True)
