"""Grades and points. WISEflow's API reads them only: it can neither write a grade nor start an export."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ladokflow.messages import message
from ladokflow.wiseflow.connection import Connection
from ladokflow.wiseflow.errors import FORBIDDEN, NoItems, WiseflowError
from ladokflow.wiseflow.schemas import (
    EventGrade,
    FormerExport,
    ItemMark,
    MarkingEvent,
    MarkingTrail,
    WiseflowAssessment,
)

# The ends of the kinds of entries that give a grade. Others take it back, or say that assessors differ.
GIVEN = (".submit.grade", ".finalized.grade")

NOT_FOUND = 404
TRAIL_PAGE, TRAIL_MOST = 100, 1000

T = TypeVar("T")


class Grades(Connection):
    def assessments(self, flow_id: int) -> list[WiseflowAssessment]:
        """GET /flow/{flowId}/assessments, one row per participant.

        Two rows that differ for the same participant are an error: which grade counts is nothing to guess.
        """
        rows: list[WiseflowAssessment] = self.get(f"/flow/{flow_id:d}/assessments", list[WiseflowAssessment])
        by_participant: dict[int, WiseflowAssessment] = {}
        for row in rows:
            if by_participant.setdefault(row.participant_id, row) != row:
                reason = message("wiseflow.two_grades", participant=row.participant_id, flow=flow_id)
                raise WiseflowError(reason, permanent=True)
        return list(by_participant.values())

    def former_exports(self, flow_id: int) -> list[FormerExport]:
        """GET /flow/{flowId}/assessments: which grades UNIwise's own client has exported."""
        rows: list[FormerExport] = self.get(f"/flow/{flow_id:d}/assessments", list[FormerExport])
        return rows

    def item_marks(self, flow_id: int, participant_id: int, *, patience: float | None = None) -> list[ItemMark]:
        """GET /flows/{flowId}/participants/{participantId}/item-based-marks. Raises NoItems where the flow is not marked item
        by item (403). `patience` is as of `Connection`, of each call."""
        path = f"/flows/{flow_id:d}/participants/{participant_id:d}/item-based-marks"
        try:
            marks: list[ItemMark] = self.get(path, list[ItemMark], expected=FORBIDDEN, patience=patience)
        except WiseflowError as error:
            if error.status != FORBIDDEN:
                raise
            raise NoItems(error.message, permanent=True, status=error.status, reference=error.reference) from error
        return marks

    def marking_events(
        self, flow_id: int, participant_id: int, *, patience: float | None = None
    ) -> tuple[MarkingEvent, ...]:
        """GET /flows/{flowId}/participants/{participantId}/marking-audit-trail, the newest first: the newest thousand, at most."""
        return tuple(self._trail(flow_id, participant_id, MarkingTrail, lambda trail: trail.events, patience=patience))

    def trail(self, flow_id: int, participant_id: int) -> list[Any] | None:
        """As `marking_events`, each entry as it is; None where it is not there, or we may not see it."""
        try:
            return self._trail(flow_id, participant_id, Any, _events, expected=NOT_FOUND)
        except WiseflowError as error:
            if error.status not in (FORBIDDEN, NOT_FOUND):
                raise
            return None

    def _trail(
        self, flow_id: int, participant_id: int, model: Any, events_in: Callable[[Any], Sequence[T]], **how: Any
    ) -> list[T]:
        path = f"/flows/{flow_id:d}/participants/{participant_id:d}/marking-audit-trail"
        return self.get_first(path, model, events_in, limit=TRAIL_PAGE, most=TRAIL_MOST, **how)


def _events(page: Any) -> list[Any]:
    found = page.get("auditEvents") if isinstance(page, dict) else None
    return found if isinstance(found, list) else []


def is_approved_by_reviewer(events: Sequence[MarkingEvent]) -> bool:
    """Whether a reviewer's is the last word on the grade: nobody has given, changed, unlocked or removed it since.

    `events` are a participant's marking audit trail, the newest first.
    """
    newest = _last_word(events)
    return newest is not None and newest.name == "reviewer.audit.log.finalized.grade"


def last_grade(events: Sequence[MarkingEvent]) -> EventGrade | None:
    """The grade that was given last, by whoever decides; None where it has been taken back, or was never told.

    `events` are a participant's marking audit trail, the newest first.
    """
    newest = _last_word(events)
    return newest.grade if newest is not None and newest.name.endswith(GIVEN) else None


def _last_word(events: Sequence[MarkingEvent]) -> MarkingEvent | None:
    return next((event for event in events if event.name.endswith(".grade")), None)
