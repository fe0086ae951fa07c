"""Rows that are written by the thousand are written as Django writes them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.db import DataError, IntegrityError, connection, transaction

from exports.models import ExportAttempt, ExportItem
from sources.models import Participant
from tests.factories import ExportAttemptFactory, ParticipantFactory

KEYS = {"id", "attempt_id"}

# What each of three rows has in one column, and how many of them: all the same, all others, one without.
COLUMNS: dict[str, list[Any]] = {
    "organisation_id": ["anna01", "", "it's \\ {a,\"b\"} åäö 😀"],
    "national_id": ["199001011234", "", "19900101-1234"],
    "grade": ["NULL", "VG", "null"],
    "is_alternative": [True, False, True],
    "points": [Decimal("12.50"), None, Decimal("0")],
    "graded_at": [dt.datetime(2026, 10, 25, 0, 30, tzinfo=dt.UTC), None, dt.datetime(2026, 10, 25, 1, 30, tzinfo=dt.UTC)],
    "is_points_read": [None, True, False],
    "generation": [0, 1, 30_000],
    "place": [0, 2**40, 7],
    "message": [{}, {"code": "attempt.sending", "params": {"count": 1}}, {"code": "ö\\u0041"}],
}  # fmt: skip


@pytest.fixture
def attempt(db: None) -> ExportAttempt:
    return ExportAttemptFactory()


def rows(attempt: ExportAttempt, people: list[Participant], **columns: list[Any]) -> list[ExportItem]:
    values = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return [
        ExportItem(attempt=attempt, participant=person, **{"grade": "5", **given})
        for person, given in zip(people, values, strict=True)
    ]


def in_database(attempt: ExportAttempt) -> list[dict[str, Any]]:
    found = attempt.items.order_by("participant_id").values()
    return [{name: value for name, value in row.items() if name not in KEYS} for row in found]


@pytest.mark.parametrize("how_many", [1, 2, 3])
@pytest.mark.parametrize(
    "agreeing", [(), tuple(COLUMNS), tuple(COLUMNS)[::2]], ids=["none agrees", "all agree", "some agree"]
)
def test_each_column_is_written_as_it_is(attempt: ExportAttempt, agreeing: tuple[str, ...], how_many: int) -> None:
    people = ParticipantFactory.create_batch(how_many, flow=attempt.flow)
    given = {
        column: values[:1] * how_many if column in agreeing else values[:how_many] for column, values in COLUMNS.items()
    }
    other = ExportAttemptFactory(flow=attempt.flow, state=ExportAttempt.State.FAILED, finished_at=attempt.created_at)
    with transaction.atomic():
        ExportItem.objects.bulk_create(rows(other, people, **given))
        by_django = in_database(other)
        transaction.set_rollback(True)
    made = rows(attempt, people, **given)
    ExportItem.insert(made, batch_size=500)
    assert in_database(attempt) == by_django
    assert {row.pk: row.participant_id for row in made} == dict(attempt.items.values_list("pk", "participant"))
    made[0].save()  # it knows that it is there
    assert attempt.items.count() == how_many


@pytest.mark.parametrize("columns", [(), tuple(COLUMNS)])
def test_a_row_that_is_made_is_as_the_constructor_makes_it(attempt: ExportAttempt, columns: tuple[str, ...]) -> None:
    person = ParticipantFactory(flow=attempt.flow)
    values = {column: COLUMNS[column][1] for column in columns}
    row, other = (ExportItem.made(values, attempt=attempt, participant=person) for _ in range(2))
    by_django = ExportItem(attempt=attempt, participant=person, **values)
    state, its_state = vars(row).pop("_state"), vars(by_django).pop("_state")
    assert vars(row) == vars(by_django)
    assert (state.adding, state.fields_cache) == (its_state.adding, its_state.fields_cache)
    if "message" not in values:
        assert row.message is not other.message


def test_each_batch_is_told_its_own(attempt: ExportAttempt) -> None:
    """What is the same in one is not so in the next."""
    people = ParticipantFactory.create_batch(5, flow=attempt.flow)
    made = rows(attempt, people, grade=["3", "3", "4", "4", "5"])
    ExportItem.insert(made, batch_size=2)
    assert [row["grade"] for row in in_database(attempt)] == ["3", "3", "4", "4", "5"]


def test_none_at_all_is_nothing(attempt: ExportAttempt) -> None:
    ExportItem.insert([], batch_size=2)
    assert not attempt.items.exists()


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite knows no length")
@pytest.mark.parametrize("grades", [["g" * 101, "g" * 101], ["5", "g" * 101]])
def test_what_is_too_long_is_not_cut(attempt: ExportAttempt, grades: list[str]) -> None:
    people = ParticipantFactory.create_batch(2, flow=attempt.flow)
    with pytest.raises(DataError), transaction.atomic():
        ExportItem.insert(rows(attempt, people, grade=grades), batch_size=500)


def test_nobody_has_two_in_one_place(attempt: ExportAttempt) -> None:
    people = ParticipantFactory.create_batch(2, flow=attempt.flow)
    ExportItem.insert(rows(attempt, people, grade=["5", "5"]), batch_size=500)
    with pytest.raises(IntegrityError), transaction.atomic():
        ExportItem.insert(rows(attempt, people, grade=["5", "5"]), batch_size=500)
