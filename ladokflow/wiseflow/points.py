"""The points of one participant, out of what WISEflow says of the marking. Pure.

None where there are none, and where it does not tell which count: a part of the sum, the points of a grade that has been replaced, or
those of one of two assessors who differ, would be a wrong number of points.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation

from ladokflow.identifiers import normal
from ladokflow.wiseflow.schemas import ItemMark, MarkingEvent

TOO_MANY = 10**6  # points: no exam has so many

SUBMIT_GRADE = "assessor.audit.log.submit.grade"
REMOVE_GRADE = "assessor.audit.log.remove.grade"
SUBMIT_RUBRIC = "assessor.audit.log.submit.rubric"
REOPEN_RUBRIC = "manager.audit.log.reopened.rubric"
ADD_ASSESSOR = "manager.audit.log.add.assessor"
REMOVE_ASSESSOR = "manager.audit.log.remove.assessor"
# Whose last word is the grade that stands
DECISIONS = (
    "assessor.audit.log.finalized.grade",
    "reviewer.audit.log.finalized.grade",
    "manager.audit.log.submit.grade",
)


def points_of_items(marks: Sequence[ItemMark]) -> Decimal | None:
    """The sum over the items; one that several assessors have scored alike counts once. None while one has no score."""
    scores: dict[tuple[str, int | None], set[float | None]] = {}
    for mark in marks:
        if not mark.deactivated:
            scores.setdefault((mark.reference, mark.item_number), set()).add(mark.score)
    if not scores or any(len(given) != 1 or None in given for given in scores.values()):
        return None
    return _possible(sum((Decimal(str(score)) for given in scores.values() for score in given), Decimal(0)))


def points_in_trail(events: Sequence[MarkingEvent]) -> Decimal | None:
    """Those that the assessors have given with the grade, or in a rubric. `events` are a participant's marking audit trail, the newest
    first.

    Of each assessor on the flow the last points count: not those of a grade that the same assessor has changed or taken away since, nor
    of a rubric that was opened again, nor what came with another grade than the one that stands.
    """
    removed = _removed(events)
    stands = next((event.grade_value for event in events if event.name in DECISIONS), "")
    given = {who: points for who, grade, points in _given(events) if who not in removed and _may_be(grade, stands)}
    values = set(map(_number, given.values()))
    return values.pop() if len(values) == 1 else None


def _given(events: Sequence[MarkingEvent]) -> Iterator[tuple[int | None, str, str]]:
    """For each assessor who has given any: who, beside which grade, and the points that stand."""
    has_grade: set[int | None] = set()  # whose later word on the grade has been seen
    is_done: set[int | None] = set()
    is_reopened = False
    for event in events:
        who = event.assessor_id if event.assessor_id is not None else event.actor_id
        is_reopened = is_reopened or event.name == REOPEN_RUBRIC
        if who in is_done:
            continue
        if event.name == SUBMIT_GRADE and who not in has_grade and event.points:
            is_done.add(who)
            yield who, event.grade_value, event.points
        elif event.name == SUBMIT_RUBRIC and not is_reopened:
            is_done.add(who)
            if event.points:
                yield who, "", event.points
        if event.name in (SUBMIT_GRADE, REMOVE_GRADE):
            has_grade.add(who)


def _removed(events: Sequence[MarkingEvent]) -> set[int]:
    """The assessors who have been taken off the flow, and not put back."""
    newest: dict[int, str] = {}
    for event in events:
        if event.name in (ADD_ASSESSOR, REMOVE_ASSESSOR) and event.assessor_id is not None:
            newest.setdefault(event.assessor_id, event.name)
    return {who for who, name in newest.items() if name == REMOVE_ASSESSOR}


def _may_be(grade: str, stands: str) -> bool:
    """Whether the points came with the grade that stands, as far as it is told: one event may name a grade by what is shown and
    another by the number that WISEflow stores for it, and these cannot be compared."""
    if not grade or not stands or grade.isdecimal() != stands.isdecimal():
        return True
    return normal(grade) == normal(stands)


def _number(text: str) -> Decimal | None:
    try:
        return _possible(Decimal(text.replace(",", ".")))
    except InvalidOperation:
        return None


def _possible(points: Decimal) -> Decimal | None:
    return points if points.is_finite() and abs(points) < TOO_MANY else None
