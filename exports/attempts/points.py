"""The points of an attempt's people, each read once right before the request, however long that takes.

WISEflow has a call for each of them. What it has told is kept with the grade that it belongs to: a worker reads for a few seconds,
and whoever comes next, also after a death, goes on where it stopped; from the beginning, where nobody has come for long (`transitions.claim`).
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.db.models import QuerySet

from exports.attempts import transitions
from exports.grades.points import PointsReader
from exports.grades.read import Gathered, Trails, number_of
from exports.models import ExportAttempt, ExportItem
from ladokflow.clock import monotonic
from ladokflow.wiseflow.client import WiseflowClient
from ladokflow.wiseflow.connection import chunks
from ladokflow.wiseflow.schemas import WiseflowAssessment
from sources.universities.clients import wiseflow_for

READ_SECONDS = 5.0  # at one go: then another attempt may have the worker
AT_ONCE = 100  # people are asked for before it is written down what they have

Dates = Mapping[int, dt.datetime | None]


class GoesOn(Exception):
    """There is more to read than one worker has time for: another one goes on."""


def with_points(
    attempt: ExportAttempt, token: uuid.UUID, wiseflow: WiseflowClient, grades: Gathered, items: Sequence[ExportItem]
) -> Gathered:
    """`grades` with the points of these items' people, where the university takes any. Raises GoesOn before all are read.

    Who has been given a grade anew since the points were read is asked for once more.
    """
    if not attempt.flow.source.rules.sends_points:
        return grades
    given = {row.participant_id: _given_at(row) for row in grades.rows}
    people = {number: item for item in items if (number := item.participant.wiseflow_id)}
    lacking = {
        number: item
        for number, item in people.items()
        if item.is_points_read is None or item.graded_at != given.get(number)
    }
    reader = PointsReader(number_of(attempt.flow), wiseflow, grades.trails, until=monotonic() + READ_SECONDS)
    if not _read(attempt, token, reader, lacking, given):
        _tell(attempt, token)
        transitions.go_on(attempt.pk, token, is_read=False)
        raise GoesOn
    return replace(
        grades,
        points={number: item.points_read for number, item in people.items() if item.is_points_read},
        unread=frozenset(number for number, item in people.items() if item.is_points_read is False),
    )


def go_on_reading(attempt: ExportAttempt, token: uuid.UUID) -> None:
    """Read for a while what an attempt that is `reading` still lacks. When it lacks nothing it is prepared anew."""
    rows = _readable(attempt).filter(is_points_read=None).select_related("participant")
    rows = rows.defer("national_id", "participant__national_id")
    lacking = {number: row for row in rows if (number := row.participant.wiseflow_id)}
    flow_id = number_of(attempt.flow)
    with wiseflow_for(attempt.flow) as wiseflow:
        reader = PointsReader(flow_id, wiseflow, Trails(flow_id, wiseflow), until=monotonic() + READ_SECONDS)
        is_read = _read(attempt, token, reader, lacking, None)
    transitions.go_on(attempt.pk, token, is_read=is_read)


def _read(
    attempt: ExportAttempt,
    token: uuid.UUID,
    reader: PointsReader,
    lacking: Mapping[int, ExportItem],
    given: Dates | None,
) -> bool:
    """Whether all of them have been asked for. `given` are the dates of the grades; None where they have not been read anew.

    Whoever clicks meanwhile does not wait until our time is over: the worker is theirs as soon as some people's points are here.
    """
    left = len(lacking)
    for numbers in chunks(list(lacking), AT_ONCE):
        told = reader.read(numbers)
        changes: dict[int, dict[str, Any]] = {}
        for number in told.asked:
            item = lacking[number]
            item.points_read, item.is_points_read = told.points.get(number), number in told.points
            item.graded_at = item.graded_at if given is None else given.get(number)
            changes[item.pk] = {name: getattr(item, name) for name in ("points_read", "is_points_read", "graded_at")}
        if changes and not transitions.change_items(attempt.pk, token, changes):
            raise GoesOn  # whoever has the attempt now
        if given is None:
            _tell(attempt, token)
        left -= len(changes)
        if len(changes) < len(numbers) or (left and _somebody_waits()):
            return False
    return True


def _somebody_waits() -> bool:
    """Whether there is an export that no worker has come to."""
    return ExportAttempt.objects.filter(state=ExportAttempt.State.QUEUED, enqueued_at__isnull=False).exists()


def _tell(attempt: ExportAttempt, token: uuid.UUID) -> None:
    people = _readable(attempt)
    read = people.filter(is_points_read__isnull=False).count()
    transitions.tell_reading(attempt.pk, token, read=read, total=people.count())


def _readable(attempt: ExportAttempt) -> QuerySet[ExportItem]:
    return attempt.items.filter(state=ExportItem.State.LIVE, participant__wiseflow_id__isnull=False)


def _given_at(row: WiseflowAssessment) -> dt.datetime | None:
    return row.alternative_grade_at if row.alternative_grade else row.grade_at
