"""The line of phases says what is true: each phase of WISEflow's at each moment of the flow's dates."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils.translation import override

from sources.models import Flow
from sources.pages.phases import phases
from tests.factories import FlowFactory, SourceFactory

DAY = dt.datetime(2026, 12, 10, tzinfo=dt.UTC)
START, END = DAY.replace(hour=8), DAY.replace(hour=13)
MARKING, LAST = DAY + dt.timedelta(days=2), DAY + dt.timedelta(days=30)
MOMENTS = {
    "three weeks before": START - dt.timedelta(days=21),
    "a minute before": START - dt.timedelta(minutes=1),
    "during": START + dt.timedelta(hours=1),
    "after": END + dt.timedelta(hours=1),
    "the day after": END + dt.timedelta(hours=25),
    "in marking": MARKING + dt.timedelta(hours=1),
    "after marking": LAST + dt.timedelta(minutes=1),
}
DONE, NOW, NEXT, NOT_BEGUN, NOT_ENDED, LATER = "done", "current", "next", "not_begun", "not_ended", None
# Phase of WISEflow -> at each of the moments, the mark of the phase that the flow is in
EXPECTED: dict[int | None, tuple[str, ...]] = {
    None: (NOW,) * 7,
    0: (NOW, NOW, *(NOT_ENDED,) * 5),
    1: (NEXT, NEXT, NOW, *(NOT_BEGUN,) * 4),
    2: (NOW, NOW, NOW, NOW, *(NOT_ENDED,) * 3),
    3: (*(NEXT,) * 5, NOW, NOT_ENDED),
    4: (NOW,) * 7,
    5: (NOW,) * 7,
}
PLACE = {None: 0, 0: 0, 1: 1, 2: 1, 3: 2, 4: 3, 5: 4}


def flow_in(state: int | None, **dates: dt.datetime | None) -> Flow:
    usual = {
        "participation_start_at": START,
        "participation_end_at": END,
        "marking_start_at": MARKING,
        "marking_end_at": LAST,
    }
    flow: Flow = FlowFactory.build(state=state, source=SourceFactory.build(), **usual | dates)
    return flow


@pytest.mark.parametrize("number", range(len(MOMENTS)), ids=list(MOMENTS))
@pytest.mark.parametrize("state", EXPECTED)
def test_each_phase_at_each_moment(state: int | None, number: int) -> None:
    moment = list(MOMENTS.values())[number]
    line = phases(flow_in(state), moment)
    place = PLACE[state]
    expected = [DONE] * place + [EXPECTED[state][number]] + [LATER] * (4 - place)
    assert [phase.mark for phase in line] == expected
    assert [phase.is_current for phase in line].count(True) == (EXPECTED[state][number] is not NEXT)


@pytest.mark.parametrize(
    ("moment", "days"),
    [("three weeks before", 21), ("a minute before", 0), ("during", None)],
)
def test_what_comes_next_says_in_how_many_days(moment: str, days: int | None) -> None:
    line = phases(flow_in(1), MOMENTS[moment])
    assert [phase.days for phase in line] == [None, days, None, None, None]
    with override("en"):
        words = {21: "in 21 days", 0: "later today", None: "now"}
        assert [phase.note for phase in line] == ["over", words[days], "", "", ""]


def test_days_are_those_of_the_universitys_calendar() -> None:
    """23:30 in Stockholm, and the exam begins nine hours later: tomorrow, though it is the same day in UTC."""
    evening = dt.datetime(2026, 12, 9, 22, 30, tzinfo=dt.UTC)
    assert phases(flow_in(1), evening)[1].days == 1
    assert phases(flow_in(1), evening + dt.timedelta(hours=1))[1].days == 0


@pytest.mark.parametrize(("state", "mark"), [(0, NOW), (1, NEXT), (2, NOW), (3, NOW)])
def test_without_dates_what_wiseflow_says_counts(state: int, mark: str) -> None:
    dates = dict.fromkeys(("participation_start_at", "participation_end_at", "marking_start_at", "marking_end_at"))
    shown = phases(flow_in(state, **dates), DAY)[PLACE[state]]
    assert (shown.mark, shown.days) == (mark, None)
