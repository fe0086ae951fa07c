"""What the charts show: grades of a flow, and exports week by week. Each in one query.

The lengths are whole numbers below 1,000: they become attributes of an SVG, where a decimal comma or a thousands
separator of the reader's language would be wrong.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from exports.models import Assessment, ExportAttempt
from sources.models import Flow

WEEKS = 12
COLUMN = 20  # how wide a week is
HIGHEST = 100


@dataclass(frozen=True)
class GradeBar:
    """`grade` is empty for the people who have none yet; `length` is in percent of the longest bar."""

    grade: str
    count: int
    percent: int
    length: int


def grade_bars(flow: Flow) -> list[GradeBar]:
    """The grades of the scale in its own order, also those nobody has; then other grades; then who has none yet."""
    counts = Assessment.objects.filter(participant__flow=flow).per_grade()
    if not counts:
        return []
    others = sorted(set(counts) - set(flow.grades), key=_in_order)
    found = [(grade, counts.get(grade, 0)) for grade in [*flow.grades, *others]]
    graded = sum(counts.values())
    if flow.participant_count > graded:
        found.append(("", flow.participant_count - graded))
    whole, most = max(flow.participant_count, graded), max(count for _, count in found)
    return [GradeBar(grade, count, _share(count, whole), _share(count, most)) for grade, count in found]


def _in_order(grade: str) -> tuple[float, str]:
    """Numbers by size, before words."""
    try:
        return float(grade.replace(",", ".")), grade
    except ValueError:
        return float("inf"), grade


def _share(part: int, whole: int) -> int:
    """In percent, rounded; what there is at all is at least 1."""
    return max(1, round(100 * part / whole)) if part else 0


@dataclass(frozen=True)
class Week:
    """A week's exports. `good` stand on the ground and `bad` on top of them: `top` is where each bar begins, from above."""

    monday: dt.date
    good: int
    bad: int
    x: int
    good_height: int
    bad_height: int

    @property
    def number(self) -> int:
        return self.monday.isocalendar().week

    @property
    def good_top(self) -> int:
        return HIGHEST - self.good_height

    @property
    def bad_top(self) -> int:
        return HIGHEST - self.good_height - self.bad_height


def export_weeks(user: Any) -> list[Week]:
    """The last twelve weeks, this one last, also those in which nothing was sent; none where nothing was sent in any."""
    tz = timezone.get_current_timezone()
    today = timezone.localdate()
    first = today - dt.timedelta(days=today.weekday(), weeks=WEEKS - 1)
    attempts = ExportAttempt.objects.filter(flow__in=Flow.objects.visible_to(user))
    since = dt.datetime.combine(first, dt.time(), tz)
    counts = attempts.per_week(since=since, tz=tz)
    most = max((good + bad for good, bad in counts.values()), default=0)
    if not most:
        return []
    weeks = []
    for number in range(WEEKS):
        monday = first + dt.timedelta(weeks=number)
        good, bad = counts.get(monday, (0, 0))
        # Two bars on each other: room is kept for the smallest that can be seen of each.
        heights = [max(2, (HIGHEST - 2) * count // most) if count else 0 for count in (good, bad)]
        weeks.append(Week(monday, good, bad, number * COLUMN + 3, *heights))
    return weeks
