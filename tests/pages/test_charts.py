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
from django.utils import timezone, translation

from exports.pages.charts import WEEKS, export_weeks, grade_bars
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


def test_many_different_numbers_are_gathered_in_intervals_and_words_stand_for_themselves(
    membership: Membership,
) -> None:
    flow = FlowFactory(source=membership.source, grades=["U", "G"], participant_count=40)
    for grade in [*(str(number) for number in range(0, 60, 2)), "100", "G", "nan"]:
        ParticipantFactory(flow=flow, grade=grade)
    found = {bar.grade: bar.count for bar in grade_bars(flow)}
    assert list(found)[:4] == ["U", "G", "0–9", "10–19"]
    assert list(found)[-4:] == ["90–99", "100–109", "nan", ""]
    assert (found["G"], found["10–19"], found["60–69"], found["100–109"], found["nan"], found[""]) == (1, 5, 0, 1, 1, 7)
    assert sum(found.values()) == 40


@pytest.mark.parametrize(("language", "first"), [("sv", "5,0–5,4"), ("en", "5.0–5.4")])
def test_intervals_of_decimals_do_not_overlap_and_are_written_as_the_reader_does(
    membership: Membership, language: str, first: str
) -> None:
    flow = FlowFactory(source=membership.source, grades=[])
    for tenth in range(50, 100, 2):
        ParticipantFactory(flow=flow, grade=f"{tenth // 10},{tenth % 10}")
    with translation.override(language):
        bars = grade_bars(flow)
    assert bars[0].grade == first
    assert [bar.count for bar in bars] == [3, 2] * 5


def test_twelve_different_numbers_are_still_shown_one_by_one(membership: Membership) -> None:
    flow = FlowFactory(source=membership.source, grades=[])
    for number in range(1, 13):
        ParticipantFactory(flow=flow, grade=str(number * 7))
    assert len(grade_bars(flow)) == 12
    ParticipantFactory(flow=flow, grade="-3")
    assert [bar.grade for bar in grade_bars(flow)][:2] == ["-10–-1", "0–9"]


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


def test_a_page_shows_the_weeks_and_the_same_as_a_table(sign_in: SignIn, membership: Membership) -> None:
    client = sign_in(membership.user)
    FlowFactory(source=membership.source)
    assert 'id="weeks-title"' not in client.get("/exports/weeks/").text
    assert 'href="/exports/weeks/"' in client.get("/exports/").text
    sent(membership, exported_count=8)
    page = client.get("/exports/weeks/").text
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


def test_the_style_guide_shows_the_charts_in_all_their_states(client: Client) -> None:
    page = client.get("/styleguide/", headers={"accept-language": "en"}).text
    assert page.count("How many have each grade") == 4
    assert page.count("Show as a table") == 3
    assert "Not graded" in page
