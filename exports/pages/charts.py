"""What the charts show: grades of a flow, and exports week by week. Each in one query.

The lengths are whole numbers below 1,000: they become attributes of an SVG, where a decimal comma or a thousands
separator of the reader's language would be wrong.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from django.utils import timezone

from exports.models import Assessment, ExportAttempt
from exports.statistics.grades import FAILED, result_of
from ladokflow.numbers import rounded
from sources.models import Flow

WEEKS = 12
COLUMN = 20  # how wide a week is
HIGHEST = 100
MOST_BARS = 12  # for numbers


@dataclass(frozen=True)
class GradeBar:
    """`grade` is empty for the people who have none yet; `length` is in percent of the longest bar."""

    grade: str
    count: int
    percent: int
    length: int


def grade_bars(flow: Flow) -> list[GradeBar]:
    counts = Assessment.objects.filter(participant__flow=flow).per_grade()
    return bars_of(counts, scale=flow.grades, people=flow.participant_count)


def bars_of(counts: Mapping[str, int], *, scale: Sequence[str], people: int) -> list[GradeBar]:
    """The grades of the scale in its own order, also those nobody has; then other grades; then who has none yet."""
    if not counts:
        return []
    others = sorted(set(counts) - set(scale), key=_in_order)
    bars = _gathered([(grade, counts.get(grade, 0)) for grade in [*scale, *others]])
    graded = sum(counts.values())
    if people > graded:
        bars.append(("", people - graded))
    whole, most = max(people, graded), max(count for _, count in bars)
    return [GradeBar(grade, count, _share(count, whole), _share(count, most)) for grade, count in bars]


def _number(grade: str) -> Decimal | None:
    """The grade as a number; None for a word, and for what is too long to be a grade."""
    match = re.fullmatch(r"-?\d{1,6}([.,]\d{1,4})?", grade)
    return Decimal(match[0].replace(",", ".")) if match else None


def _in_order(grade: str) -> tuple[int, Decimal, str]:
    """Words that fail, as scales begin with them; numbers by size; other words."""
    number = _number(grade)
    place = 1 if number is not None else 0 if result_of(grade, ()) == FAILED else 2
    return place, number or Decimal(0), grade


def _gathered(counted: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Where there are more different numbers than can be read: intervals in their place. Words stay as they are."""
    numbers = [(number, count) for grade, count in counted if (number := _number(grade)) is not None]
    if len(numbers) <= MOST_BARS:
        return counted
    decimals = max(0, *(-int(number.as_tuple().exponent) for number, _ in numbers))
    step = Decimal(1).scaleb(-decimals)
    lowest, highest = min(numbers)[0], max(numbers)[0]
    width = next(width for width in _widths(step) if _below(highest, width) - _below(lowest, width) < MOST_BARS)
    counts: dict[int, int] = {}
    for number, count in numbers:
        place = _below(number, width)
        counts[place] = counts.get(place, 0) + count
    intervals = [
        (_interval(place * width, place * width + width - step, decimals), counts.get(place, 0))
        for place in range(_below(lowest, width), _below(highest, width) + 1)
    ]
    is_number = [_number(grade) is not None for grade, _ in counted]
    first = is_number.index(True)
    words = [pair for pair, numeric in zip(counted, is_number, strict=True) if not numeric]
    return [*words[:first], *intervals, *words[first:]]


def _below(number: Decimal, width: Decimal) -> int:
    """Which interval the number stands in; 0 begins at nought."""
    return int((number / width).to_integral_value(ROUND_FLOOR))


def _widths(step: Decimal) -> Iterator[Decimal]:
    while True:
        yield from (step * times for times in (1, 2, 5))
        step *= 10


def _interval(first: Decimal, last: Decimal, decimals: int) -> str:
    low, high = (rounded(number, decimals) for number in (first, last))
    return low if low == high else f"{low}–{high}"


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
    return weeks_of(attempts.per_week(since=since, tz=tz), first=first)


def weeks_of(counts: Mapping[dt.date, tuple[int, int]], *, first: dt.date) -> list[Week]:
    """`counts` are (exported, failed or unknown) by Monday; `first` is the first Monday."""
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


def weeks_context(weeks: list[Week]) -> dict[str, Any]:
    """What the template of the weeks' chart takes."""
    return {
        "weeks": weeks,
        "good": sum(week.good for week in weeks),
        "bad": sum(week.bad for week in weeks),
        "most": max((week.good + week.bad for week in weeks), default=0),
    }
