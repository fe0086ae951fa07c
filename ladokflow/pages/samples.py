"""What the style guide shows: every state there is, and made-up figures."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils import timezone

from exports.models import ExportAttempt, ExportItem, Finding, Package
from exports.pages.charts import WEEKS, bars_of, weeks_context, weeks_of
from exports.pages.standing import Standing
from ladokflow.pages.coming import Lack
from sources.models import Flow, Paper, SyncRun
from sources.models.flow import ExportState

SCALE = ("U", "3", "4", "5")

# A name and the states, for everything that has some.
STATES = (
    ("Creation of a flow", Flow.Setup),
    ("Flow that was let go", Flow.Release),
    ("Phase of a flow", Flow.State),
    ("Export of a flow and of a participant", ExportState),
    ("Export of a flow, in a list", Standing),
    ("Paper of a participant", Paper.State),
    ("Archive package", Package.State),
    ("Synchronisation", SyncRun.State),
    ("Attempt", ExportAttempt.State),
    ("Grade in an attempt", ExportItem.State),
    ("What has come out about a grade", Finding.Kind),
    ("What a coming exam lacks", Lack),
)


def grade_charts() -> list[tuple[str, Any]]:
    """A name and the bars of each state: begun, done, a grade that is not on the scale, and a range of numbers."""
    numbers = {str(number): 40 - abs(55 - number) for number in range(20, 91, 5)}
    return [
        ("begun", bars_of({"3": 1}, scale=SCALE, people=120)),
        ("done", bars_of({"U": 14, "3": 40, "4": 31, "5": 15}, scale=SCALE, people=100)),
        ("other", bars_of({"U": 3, "VG": 9}, scale=("U", "G"), people=14)),
        ("range", bars_of(numbers | {"U": 6}, scale=(), people=500)),
    ]


def week_charts() -> list[tuple[str, Any]]:
    """A name and what the template takes: all is well, some failed, one week only."""
    monday = timezone.localdate() - dt.timedelta(days=timezone.localdate().weekday())
    first = monday - dt.timedelta(weeks=WEEKS - 1)
    weeks = [first + dt.timedelta(weeks=number) for number in range(WEEKS)]
    good = {week: (number * 37 % 180, 0) for number, week in enumerate(weeks)}
    mixed = {week: (count, count % 23) for week, (count, _) in good.items()}
    return [
        (name, weeks_context(weeks_of(counts, first=first)))
        for name, counts in (("good", good), ("mixed", mixed), ("one", {monday: (3, 1)}))
    ]
