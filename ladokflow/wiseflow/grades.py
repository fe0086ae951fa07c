"""Grades and points. WISEflow's API reads them only: it can neither write a grade nor start an export."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from ladokflow.messages import message
from ladokflow.wiseflow.connection import Connection
from ladokflow.wiseflow.errors import FORBIDDEN, NoItems, WiseflowError
from ladokflow.wiseflow.schemas import ItemMark, MarkingEvent, MarkingTrail, WiseflowAssessment


class Grades(Connection):
    def assessments(self, flow_id: int) -> list[WiseflowAssessment]:
        """GET /flow/{flowId}/assessments, one row per participant.

        Two rows that differ for the same participant are an error: which grade counts is nothing to guess.
        """
        rows: list[WiseflowAssessment] = self.get(f"/flow/{flow_id:d}/assessments", list[WiseflowAssessment])
        found: dict[int, WiseflowAssessment] = {}
        for row in rows:
            if found.setdefault(row.participant_id, row) != row:
                told = message("wiseflow.two_grades", participant=row.participant_id, flow=flow_id)
                raise WiseflowError(told, permanent=True)
        return list(found.values())

    def item_based_points(self, flow_id: int, participant_id: int) -> Decimal | None:
        """GET /flows/{flowId}/participants/{participantId}/item-based-marks, summed.

        None where an item is not scored yet, and where assessors differ: a sum of a part would be a wrong number of
        points. Raises NoItems where the flow is not marked item by item (403).
        """
        path = f"/flows/{flow_id:d}/participants/{participant_id:d}/item-based-marks"
        try:
            marks: list[ItemMark] = self.get(path, list[ItemMark], expected=FORBIDDEN)
        except WiseflowError as error:
            if error.status != FORBIDDEN:
                raise
            raise NoItems(error.message, permanent=True, status=error.status, reference=error.reference) from error
        return points(marks)

    def marking_events(self, flow_id: int, participant_id: int) -> tuple[MarkingEvent, ...]:
        """GET /flows/{flowId}/participants/{participantId}/marking-audit-trail: the newest hundred, the newest first."""
        path = f"/flows/{flow_id:d}/participants/{participant_id:d}/marking-audit-trail"
        found: MarkingTrail = self.get(path, MarkingTrail, params={"offset": 0, "limit": 100})
        return found.events


def is_approved_by_reviewer(events: Sequence[MarkingEvent]) -> bool:
    """Whether a reviewer's is the last word on the grade: nobody has given, changed, unlocked or removed it since.

    `events` are a participant's marking audit trail, the newest first.
    """
    of_the_grade = (event.kind.strip() for event in events if event.kind.strip().endswith(".grade"))
    return next(of_the_grade, "") == "reviewer.audit.log.finalized.grade"


def points(marks: list[ItemMark]) -> Decimal | None:
    """The points of one participant; an item that several assessors have scored alike counts once."""
    scores: dict[tuple[str, int | None], set[float | None]] = {}
    for mark in marks:
        if not mark.deactivated:
            scores.setdefault((mark.reference, mark.item_number), set()).add(mark.score)
    if not scores or any(len(given) != 1 or None in given for given in scores.values()):
        return None
    return sum((Decimal(str(score)) for given in scores.values() for score in given), Decimal(0))
