"""The charts: right figures, readable as tables, and as many queries for much as for little."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from exports.charts import WEEKS, export_weeks, grade_bars
from sources.models import Membership
from tests.factories import (
    AssessmentFactory,
    ExportAttemptFactory,
    FlowFactory,
    MembershipFactory,
    ParticipantFactory,
)

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]


@pytest.fixture
def membership() -> Membership:
    return MembershipFactory()


def sent(membership: Membership, *, days_ago: float = 0, **counts: int) -> Any:
    state = "failed" if counts.get("failed_count") or counts.get("unknown_count") else "exported"
    moment = timezone.now() - dt.timedelta(days=days_ago)
    return ExportAttemptFactory(flow__source=membership.source, state=state, finished_at=moment, **counts)


def test_grades_stand_in_the_order_of_the_scale_also_those_nobody_has(membership: Membership) -> None:
    flow = FlowFactory(source=membership.source, grades=["U", "3", "4", "5"], participant_count=6)
    for grade in ("5", "5", "3", "Z"):
        ParticipantFactory(flow=flow, grade=grade)
    AssessmentFactory(participant=ParticipantFactory(flow=flow), grade="U", alternative_grade="3")
    found = [(bar.grade, bar.count) for bar in grade_bars(flow)]
    assert found == [("U", 0), ("3", 2), ("4", 0), ("5", 2), ("Z", 1), ("", 1)]
    assert [bar.length for bar in grade_bars(flow)] == [0, 100, 0, 100, 50, 50]


def test_grades_of_a_range_stand_by_size(membership: Membership) -> None:
    flow = FlowFactory(source=membership.source, grades=[])
    for grade in ("10", "9,5", "100"):
        ParticipantFactory(flow=flow, grade=grade)
    assert [bar.grade for bar in grade_bars(flow)] == ["9,5", "10", "100"]


def test_flow_without_a_grade_has_no_chart(sign_in: SignIn, membership: Membership) -> None:
    flow = FlowFactory(source=membership.source, grades=["U", "G"], participant_count=3)
    assert 'id="grades-title"' not in sign_in(membership.user).get(reverse("flows:exports", args=[flow.pk])).text


def test_chart_of_grades_is_a_table_with_bars(sign_in: SignIn, membership: Membership) -> None:
    flow = FlowFactory(source=membership.source, grades=["U", "G"], participant_count=3)
    ParticipantFactory.create_batch(3, flow=flow, grade="G")
    page = sign_in(membership.user).get(reverse("flows:exports", args=[flow.pk])).text
    assert '<td class="num">100 %</td>' in page
    assert '<rect width="100" height="10"/>' in page


def test_weeks_are_twelve_with_this_one_last(membership: Membership) -> None:
    sent(membership, exported_count=8)
    sent(membership, exported_count=1, failed_count=2, unknown_count=1)
    sent(membership, days_ago=7 * (WEEKS + 1), exported_count=500)
    sent(MembershipFactory(), exported_count=900)  # another university's
    weeks = export_weeks(membership.user)
    assert len(weeks) == WEEKS
    assert (weeks[-1].good, weeks[-1].bad) == (9, 3)
    assert sum(week.good + week.bad for week in weeks) == 12
    assert weeks[-1].monday <= timezone.localdate() < weeks[-1].monday + dt.timedelta(days=7)
    assert all(0 <= week.bad_top <= week.good_top <= 100 for week in weeks)


def test_week_changes_at_midnight_in_the_readers_time_and_not_in_utc(membership: Membership) -> None:
    monday = timezone.localdate() - dt.timedelta(days=timezone.localdate().weekday())
    just_after = dt.datetime.combine(monday, dt.time(0, 30), timezone.get_current_timezone())
    ExportAttemptFactory(flow__source=membership.source, state="exported", finished_at=just_after, exported_count=4)
    assert export_weeks(membership.user)[-1].good == 4


def test_home_shows_the_weeks_and_the_same_as_a_table(sign_in: SignIn, membership: Membership) -> None:
    client = sign_in(membership.user)
    FlowFactory(source=membership.source)
    assert 'id="weeks-title"' not in client.get("/").text
    sent(membership, exported_count=8)
    page = client.get("/").text
    assert "8 grades exported" in page
    assert page.count('<th scope="row">') >= WEEKS
    assert "Show as a table" in page


def test_charts_take_one_query_each_however_much_there_is(membership: Membership) -> None:
    flow = FlowFactory(source=membership.source, grades=["U", "5"])
    for more in (1, 20):
        ParticipantFactory.create_batch(more, flow=flow, grade="5")
        for _ in range(more):
            sent(membership, exported_count=1)
        with CaptureQueriesContext(connection) as queries:
            grade_bars(flow)
            export_weeks(membership.user)
        assert len(queries) == 2
