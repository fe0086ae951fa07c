"""The figures of generated flows are those that pandas works out of the same rows by itself, to the last digit."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from io import StringIO
from typing import Any

import numpy as np
import pandas as pd
import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from exports.models import Assessment, ExportAttempt, ExportItem, Figure, FlowSummary
from exports.statistics.figures import GROUPS, Selection, grouped, keys_of, selection_for, statistics_of
from exports.statistics.refresh import AT_ONCE, due, refresh, refresh_due, term_of
from sources.models import Flow, FlowSource, Source, SyncRun
from tests.cases import Cases
from tests.factories import (
    AuditEntryFactory,
    ExportAttemptFactory,
    ExportItemFactory,
    FlowFactory,
    MembershipFactory,
    ParticipantFactory,
    SourceFactory,
    UserFactory,
    in_hours,
)

pytestmark = pytest.mark.django_db
Kind, Shown = Figure.Kind, Figure.Shown


def frame(rows: QuerySet[Any], *columns: str) -> pd.DataFrame:
    return pd.DataFrame.from_records(list(rows.order_by().values(*columns)), columns=list(columns))


def days_in(moments: pd.Series, tz: str) -> pd.Series:
    return pd.to_datetime(moments, utc=True).dt.tz_convert(tz).dt.tz_localize(None).dt.normalize()


@pytest.fixture
def generated() -> Selection:
    call_command("generate", flows=60, participants=900, stdout=StringIO())
    Source.objects.filter(slug="generated-01").update(departments={"GEN0000": "IDA", "gen": "MAI"})
    refresh_due()
    keys = Source.objects.values_list("pk", flat=True)
    return Selection(sources=list(keys), full=list(keys))


def worked_out_apart() -> pd.DataFrame:
    """A row for each person with a grade: the flow, its term and course, the grade, and the days, as pandas sees them."""
    grades = frame(
        Assessment.objects.all(), "participant_id", "participant__flow_id", "grade", "alternative_grade", "grade_at", "alternative_grade_at"
    )  # fmt: skip
    flows = frame(Flow.objects.all(), "id", "source_id", "participation_end_at", "marking_end_at", "source__timezone")
    items = frame(ExportItem.objects.filter(state="exported"), "participant_id", "attempt__finished_at")
    table = grades.merge(flows, left_on="participant__flow_id", right_on="id").merge(
        items, how="left", on="participant_id"
    )
    zone = table["source__timezone"].unique()
    assert list(zone) == ["Europe/Stockholm"]
    has_other = table["alternative_grade"] != ""
    table["counts"] = np.where(has_other, table["alternative_grade"], table["grade"])
    table = table[table["counts"] != ""]
    given = table["alternative_grade_at"].where(has_other, table["grade_at"])
    exam, deadline = (days_in(table[name], zone[0]) for name in ("participation_end_at", "marking_end_at"))
    graded, sent = days_in(given, zone[0]), days_in(table["attempt__finished_at"], zone[0])
    table["to_grade"], table["to_ladok"] = (graded - exam).dt.days, (sent - exam).dt.days
    table["grade_ladok"] = (sent - graded).dt.days
    table["late"], table["late_in_ladok"] = graded > deadline, sent > deadline
    table["term"] = exam.dt.year.astype(str) + np.where(exam.dt.month <= 6, "-1", "-2")
    table["passed"] = ~table["counts"].isin(["U", "F", "Fx"])
    return table


def as_counts(series: pd.Series) -> dict[str, int]:
    return {str(key): int(count) for key, count in series.dropna().value_counts().items()}


def all_figures_are_those_that_pandas_works_out_apart(generated: Selection) -> None:
    table, found = worked_out_apart(), statistics_of(generated)
    assert found.flows == Flow.objects.ready().count()
    assert found.graded == len(table) > 500
    assert found.table(Kind.GRADE).flat == as_counts(table["counts"])
    assert found.pass_rate == table["passed"].mean()
    assert found.late_rate == table["late"].mean()
    for kind, column in (
        (Kind.TO_GRADE, "to_grade"),
        (Kind.TO_LADOK, "to_ladok"),
        (Kind.GRADE_TO_LADOK, "grade_ladok"),
    ):
        days, column_days = found.days(kind), table[column].dropna().astype(int)
        assert {str(day): count for day, count in days.counts.items()} == as_counts(column_days)
        assert days.mean == column_days.sum() / len(column_days)
        assert days.share(50) == int(np.quantile(column_days, 0.5, method="inverted_cdf"))
        assert days.share(90) == int(np.quantile(column_days, 0.9, method="inverted_cdf"))
    sent = table.dropna(subset=["to_ladok"])
    assert found.table(Kind.REPORTED).of("late") == int(sent["late_in_ladok"].sum())


def each_group_is_as_pandas_groups_it(generated: Selection) -> None:
    for by in GROUPS:
        compare(generated, worked_out_apart(), by)


def compare(generated: Selection, table: pd.DataFrame, by: str) -> None:
    codes = frame(FlowSource.objects.all(), "flow_id", "code").merge(
        table, left_on="flow_id", right_on="participant__flow_id"
    )
    codes["course"] = codes["code"].str.split("-").str[0]
    codes["source"] = codes["source_id"].map(dict(Source.objects.values_list("pk", "name")))
    first = Source.objects.get(slug="generated-01").pk
    small = codes["course"].str.startswith("GEN0000")
    codes["department"] = np.where(codes["source_id"] == first, np.where(small, "IDA", "MAI"), "")
    column = {"flow": "flow_id"}.get(by, by)
    apart = (
        codes[codes[column] != ""]
        .groupby(column)
        .agg(n=("passed", "size"), rate=("passed", "mean"), late=("late", "mean"))
    )
    rows = {row.key: row for row in grouped(generated, by, list(keys_of(generated, by)))}
    graded = {key: row for key, row in rows.items() if row.graded}
    assert {str(key) for key in apart.index} == set(graded)
    for key, values in apart.iterrows():
        row = graded[str(key)]
        assert (row.graded, row.pass_rate, row.late_rate) == (values["n"], values["rate"], values["late"])


def work_and_rejections_are_as_pandas_adds_them_up(generated: Selection) -> None:
    found = statistics_of(generated)
    runs = frame(SyncRun.objects.exclude(started_at=None).exclude(finished_at=None), "started_at", "finished_at")
    attempts = frame(
        ExportAttempt.objects.exclude(claimed_at=None).exclude(finished_at=None), "claimed_at", "finished_at"
    )
    for side, rows, begun in (("sync", runs, "started_at"), ("export", attempts, "claimed_at")):
        took = (pd.to_datetime(rows["finished_at"]) - pd.to_datetime(rows[begun])).sum()
        assert found.hours.get(side, 0.0) == (took // pd.Timedelta(milliseconds=1)) / 3_600_000
    failed = frame(ExportItem.objects.filter(state="failed"), "message")
    assert len(failed)
    assert found.table(Kind.REJECTION).told == len(failed)
    assert set(found.table(Kind.REJECTION).counts) == {message["code"] for message in failed["message"]}


def without_the_right_everything_is_a_sum_of_what_flows_show(generated: Selection) -> None:
    """So no page tells more than the flows' own pages, whatever is subtracted from what."""
    user = UserFactory()
    for source in Source.objects.all():
        MembershipFactory(source=source, user=user)
    whole = selection_for(user)
    assert not set(whole.full)
    sums: dict[tuple[str, str, str], int] = defaultdict(int)
    hidden: dict[str, int] = defaultdict(int)
    for flow in Flow.objects.ready():
        own = statistics_of(selection_for(user, source=flow.source, flow=flow.pk))
        for kind in Kind.values:
            hidden[kind] += own.table(kind).hidden
            for side, names in own.table(kind).counts.items():
                for name, count in names.items():
                    sums[kind, side, name] += count
    shown = statistics_of(whole)
    cells = {
        (kind, side, name): count
        for kind in Kind.values
        for side, names in shown.table(kind).counts.items()
        for name, count in names.items()
    }
    assert cells == sums
    assert {kind: shown.table(kind).hidden for kind in Kind.values if shown.table(kind).hidden} == {
        kind: count for kind, count in hidden.items() if count
    }
    assert sum(hidden.values()) > 0
    assert not shown.is_full
    assert shown.graded < statistics_of(generated).graded


def whoever_has_the_right_at_one_source_alone_sees_all_of_that_one(generated: Selection) -> None:
    user, (first, second, *_rest) = UserFactory(), Source.objects.all()
    MembershipFactory(source=first, user=user, can_see_small_groups=True)
    MembershipFactory(source=second, user=user)
    assert selection_for(user).full == [first.pk]
    own = Selection(sources=[first.pk], full=[first.pk])
    assert statistics_of(selection_for(user, source=first)).tables == statistics_of(own).tables
    assert statistics_of(selection_for(user, source=second)).graded < len(
        worked_out_apart().query(f"source_id == {second.pk}")
    )


OF_GENERATED = (
    all_figures_are_those_that_pandas_works_out_apart,
    each_group_is_as_pandas_groups_it,
    work_and_rejections_are_as_pandas_adds_them_up,
    without_the_right_everything_is_a_sum_of_what_flows_show,
    whoever_has_the_right_at_one_source_alone_sees_all_of_that_one,
)


def test_the_figures_of_generated_flows(generated: Selection, cases: Cases) -> None:
    cases.try_each({check.__name__: check for check in OF_GENERATED}, lambda check: check(generated))


def test_an_admin_sees_small_groups_in_any_case() -> None:
    member = MembershipFactory(role="licence_admin")
    assert selection_for(member.user).full == [member.source_id]


# --- Keeping them ------------------------------------------------------------------------------------------------------


def figures() -> list[Any]:
    rows = Figure.objects.order_by("summary", "kind", "side", "name")
    return list(rows.values_list("summary", "kind", "side", "name", "count", "shown"))


def test_worked_out_twice_it_is_the_same_and_does_not_grow_with_the_number_of_people() -> None:
    flow = FlowFactory(participation_end_at=in_hours(-240), grades=["U", "3"])
    ParticipantFactory.create_batch(3, flow=flow, grade="3")
    with CaptureQueriesContext(
        connection,
    ) as few:
        refresh([flow.pk])
    ParticipantFactory.create_batch(9, flow=flow, grade="U")
    with CaptureQueriesContext(connection) as many:
        refresh([flow.pk])
    assert len(many) == len(few)
    before = figures()
    assert before
    refresh([flow.pk])
    assert figures() == before
    assert Figure.objects.get(kind=Kind.RESULT, name="failed").count == 9


def test_what_has_changed_is_worked_out_anew_and_the_rest_once_a_day() -> None:
    flow = FlowFactory(participation_end_at=in_hours(-240))
    now = timezone.now()
    assert due(now) == [flow.pk]
    refresh_due()
    assert due(now) == []
    later = now + dt.timedelta(minutes=30)
    Flow.objects.update(graded_at=later)
    assert due(later) == [flow.pk]
    # What was written just before we looked may have been committed after: it is looked at once more, and not again and again.
    FlowSummary.objects.update(computed_at=later + dt.timedelta(minutes=1))
    assert due(later + dt.timedelta(minutes=3)) == []
    assert due(later + dt.timedelta(minutes=7)) == [flow.pk]
    FlowSummary.objects.update(computed_at=later + dt.timedelta(minutes=7))
    assert due(later + dt.timedelta(minutes=19)) == []
    FlowSummary.objects.update(computed_at=now)
    Flow.objects.update(graded_at=None)
    AuditEntryFactory(source=flow.source, flow=flow, message={"code": "audit.export_failed", "params": {}})
    FlowSummary.objects.update(computed_at=now - dt.timedelta(minutes=20))
    assert due(timezone.now()) == [flow.pk]
    FlowSummary.objects.update(computed_at=now + dt.timedelta(minutes=7))
    assert due(now + dt.timedelta(hours=19)) == []
    assert due(now + dt.timedelta(hours=21)) == [flow.pk]


def test_a_change_just_after_the_figures_were_worked_out_does_not_wait_for_the_margin() -> None:
    flow = FlowFactory(participation_end_at=in_hours(-240))
    refresh_due()
    now = timezone.now()
    FlowSummary.objects.update(computed_at=now)
    Flow.objects.update(graded_at=now + dt.timedelta(minutes=1))
    assert due(now + dt.timedelta(minutes=3)) == [flow.pk]
    Flow.objects.update(graded_at=None)
    entry = AuditEntryFactory(source=flow.source, flow=flow, message={"code": "audit.export_failed", "params": {}})
    FlowSummary.objects.update(computed_at=entry.at - dt.timedelta(seconds=30))
    assert due(entry.at + dt.timedelta(minutes=2)) == [flow.pk]


def test_a_change_by_a_clock_that_is_ahead_is_worked_out_once_in_a_call() -> None:
    flow = FlowFactory(participation_end_at=in_hours(-240), graded_at=in_hours(1))
    assert refresh_due() == 1
    assert FlowSummary.objects.get().flow == flow


def test_flows_of_several_turns_are_all_worked_out() -> None:
    source = SourceFactory()
    FlowFactory.create_batch(AT_ONCE + 3, source=source)
    FlowFactory(source=source, setup_state="stopped")
    assert refresh_due() == AT_ONCE + 3
    assert refresh_due() == 0


def test_an_alternative_grade_a_grade_without_a_day_and_a_flow_without_dates() -> None:
    flow = FlowFactory(
        participation_start_at=None,
        participation_end_at=None,
        marking_end_at=None,
        grades=["U", "G"],
        codes=["ABC123-X"],
    )
    person = ParticipantFactory(flow=flow)
    Assessment.objects.create(participant=person, grade="U", alternative_grade="G", collected_at=timezone.now())
    refresh([flow.pk])
    summary = FlowSummary.objects.get()
    assert (summary.course, summary.term, summary.exam_on) == ("ABC123", "", None)
    assert set(Figure.objects.values_list("kind", "name")) == {("result", "passed"), ("grade", "G")}


def test_a_grade_that_goes_to_each_of_several_codes_is_one_student_who_is_in_ladok_with_the_last() -> None:
    ended = timezone.now() - dt.timedelta(days=20)
    flow = FlowFactory(participation_end_at=ended, codes=["A-1", "B-1"], grades=["U", "5"])
    people = ParticipantFactory.create_batch(6, flow=flow, grade="5")
    for days, code in zip((3, 8), flow.codes.order_by("position"), strict=True):
        attempt = ExportAttemptFactory(
            flow=flow, code=code, state="exported", finished_at=ended + dt.timedelta(days=days)
        )
        for person in people[: 6 if days == 3 else 4]:
            ExportItemFactory(attempt=attempt, participant=person, state="exported", place=code.pk)
    refresh([flow.pk])
    assert dict(Figure.objects.filter(kind=Kind.TO_LADOK).values_list("name", "count")) == {"3": 2, "8": 4}
    assert Figure.objects.get(kind=Kind.REPORTED).count == 6


def test_a_grade_that_was_corrected_and_sent_again_is_one_student() -> None:
    ended = timezone.now() - dt.timedelta(days=20)
    flow = FlowFactory(participation_end_at=ended, grades=["U", "5"])
    person = ParticipantFactory(flow=flow, grade="5")
    for days, state in ((3, "superseded"), (8, "exported")):
        attempt = ExportAttemptFactory(flow=flow, state="exported", finished_at=ended + dt.timedelta(days=days))
        ExportItemFactory(attempt=attempt, participant=person, state=state)
    refresh([flow.pk])
    assert dict(Figure.objects.filter(kind=Kind.TO_LADOK).values_list("name", "count")) == {"8": 1}


def test_no_name_and_no_number_of_a_student_is_in_a_reason() -> None:
    flow = FlowFactory()
    person = ParticipantFactory(
        flow=flow, first_name="Åsa", last_name="Öberg-Lind", organisation_id="asaob12@liu.example"
    )
    said = "Åsa Öberg-Lind (asaob12@liu.example, 199001011234, 8812345) är inte registrerad"
    message = {"code": "answer.person_rejected", "params": {"said": said}}
    attempt = ExportAttemptFactory(flow=flow, state="failed")
    ExportItemFactory(attempt=attempt, participant=person, state="failed", message=message)
    refresh([flow.pk])
    reason = Figure.objects.get(kind=Kind.REJECTION)
    assert reason.side == "answer.person_rejected"
    assert "är inte registrerad" in reason.name
    for secret in ("Åsa", "Öberg", "asaob12", "1234", "8812345", "011234"):
        assert secret not in reason.name


@pytest.mark.parametrize(
    ("day", "term"), [("2026-01-01", "2026-1"), ("2026-06-30", "2026-1"), ("2026-07-01", "2026-2")]
)
def test_terms(day: str, term: str) -> None:
    assert term_of(dt.date.fromisoformat(day)) == term
