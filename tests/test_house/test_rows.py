"""Rows that are read and written by the thousand: what is done to make it quick leaves them the rows that they are."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.db import connection, models
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from exports.attempts.start import start_export
from exports.rules.cases import load_case
from exports.rules.states import refresh_states
from ladokflow.rows import ManyRows, OneOf
from sources.models import Flow, Paper, Participant, SyncRun
from tests.factories import AssessmentFactory, ExportItemFactory, FlowFactory, ParticipantFactory, SyncRunFactory

pytestmark = pytest.mark.django_db

MODELS = [model for model in apps.get_models() if issubclass(model, ManyRows)]


@pytest.fixture
def world() -> dict[type[models.Model], Any]:
    """A row of each of these models, as it was made."""
    flow = FlowFactory(codes=["TEN1"])
    person = ParticipantFactory(
        flow=flow, codes=[flow.codes.get()], national_id="199001011234", export_message={"code": "export.ready"}
    )
    made = [
        person,
        person.registrations.get(),
        AssessmentFactory(participant=person, points="12.50"),
        Paper.objects.create(participant=person, state=Paper.State.BLANK, similarity="3.5"),
        ExportItemFactory(participant=person, attempt__flow=flow, attempt__code=flow.codes.get()),
    ]
    return {type(row): row for row in made}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_what_is_read_is_what_was_written(model: type[models.Model], world: dict[type[models.Model], Any]) -> None:
    row = model._default_manager.get(pk=world[model].pk)
    built = model(**{field.attname: getattr(row, field.attname) for field in model._meta.concrete_fields})
    assert row == built
    assert {key: value for key, value in vars(row).items() if key != "_state"} == {
        key: value for key, value in vars(built).items() if key != "_state"
    }
    assert (row._state.adding, row._state.db) == (False, "default")
    assert not row._state.fields_cache


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_what_was_not_read_is_read_when_it_is_asked_for(
    model: type[models.Model], world: dict[type[models.Model], Any]
) -> None:
    field = next(each for each in model._meta.concrete_fields if not each.primary_key and not each.is_relation)
    row = model._default_manager.defer(field.attname).get(pk=world[model].pk)
    assert row.get_deferred_fields() == {field.attname}
    with CaptureQueriesContext(connection) as asked:
        assert getattr(row, field.attname) == getattr(model._default_manager.get(pk=row.pk), field.attname)
    assert len(asked) == 2
    assert not row.get_deferred_fields()


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_it_is_saved_as_the_row_that_it_is(model: type[models.Model], world: dict[type[models.Model], Any]) -> None:
    row = model._default_manager.get(pk=world[model].pk)
    with CaptureQueriesContext(connection) as asked:
        row.save()
    assert [each["sql"].split()[0] for each in asked] == ["UPDATE"]
    row.refresh_from_db()
    assert model._default_manager.count() == 1


def test_nobody_of_a_case_is_asked_for_one_by_one(graded: Flow) -> None:
    """What is not read with the people is read for none of them: asked of forty as of four."""
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as asked:
            load_case(graded)
            refresh_states(graded)
        counts.append(len(asked))
        people(graded, 36)
    assert counts[0] == counts[1]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="where a row is written is PostgreSQL's")
def test_what_everybody_shows_is_written_without_the_indexes(graded: Flow) -> None:
    """Twice in each export, for thousands: a column of it in an index, or a table without room in its pages, is eight times the time."""
    people(graded, 396)
    written = _written()
    start_export(flow=graded)
    states, beside = (now - before for now, before in zip(_written(), written, strict=True))
    assert states >= 400
    assert beside >= 0.75 * states


@pytest.fixture
def graded() -> Flow:
    flow: Flow = FlowFactory(codes=["TEN1"], state=4)
    people(flow, 4)
    return flow


def people(flow: Flow, count: int) -> None:
    for _ in range(count):
        ParticipantFactory(flow=flow, codes=[flow.codes.get()], grade="VG")


def _written() -> tuple[int, int]:
    """Updates of participants in this transaction, and how many of them wrote no index."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_xact_user_tables WHERE relname = %s",
            [Participant._meta.db_table],
        )
        updates, beside = cursor.fetchone()
    return updates, beside


def test_rows_are_found_by_thousands_of_keys_as_by_few() -> None:
    """Whole numbers and UUIDs, a row's own key and another's; and by none, none."""
    runs = [SyncRunFactory(flow=FlowFactory()) for _ in range(3)]
    for model, column, keys in (
        (SyncRun, "pk", [run.pk for run in runs[:2]]),
        (SyncRun, "flow", [run.flow_id for run in runs[:2]]),
        (Flow, "pk", [run.flow_id for run in runs[:2]]),
    ):
        rows = model._default_manager.all()
        assert rows.filter(OneOf(F(column), [*keys, *keys])).count() == 2
        assert not rows.filter(OneOf(F(column), [])).exists()
    many = [run.flow_id for run in runs] + list(range(10_000_000, 10_005_000))
    assert Flow.objects.filter(OneOf(F("pk"), many)).update(subtitle="found") == 3
