"""The kinds of rows that workers are woken for: forgotten ones are put in the queue again, each once, and ever more seldom."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import Q
from django.utils import timezone
from django_q.models import OrmQ

from exports.models import Collection, ExportAttempt, Package
from sources.models import BatchExam, Delivery, Flow, FlowBatch, LogReading, Subscription, SyncRun, WebhookEvent
from sources.models.queued import PATIENCE, Queued
from tests.factories import ExportAttemptFactory, FlowFactory, SourceFactory, SyncRunFactory, UserFactory

pytestmark = pytest.mark.django_db


def batch_exam() -> BatchExam:
    batch = FlowBatch.objects.create(source=SourceFactory(), requested_by=UserFactory())
    return BatchExam.objects.create(batch=batch, position=0, code="TEN1")


def delivery() -> Delivery:
    subscription = Subscription.objects.create(source=SourceFactory(), label="x", url="https://x.example/")
    return Delivery.objects.create(subscription=subscription, event="flow.exported")


MAKE: dict[type[Queued], Callable[[], Any]] = {
    Flow: lambda: FlowFactory(setup_state="queued", wiseflow_id=None, synced_at=None),
    SyncRun: lambda: SyncRunFactory(state="queued"),
    BatchExam: batch_exam,
    WebhookEvent: lambda: WebhookEvent.objects.create(source=SourceFactory(), call_id="1", event="ASSESSMENT"),
    ExportAttempt: lambda: ExportAttemptFactory(state="queued"),
    Collection: lambda: Collection.objects.create(flow=FlowFactory()),
    Package: lambda: Package.objects.create(flow=FlowFactory(), trigger="manager", store="disk"),
    Delivery: delivery,
    LogReading: lambda: LogReading.objects.create(source=SourceFactory(), wanted_at=timezone.now()),
}
kinds = pytest.mark.parametrize("model", MAKE, ids=lambda model: model.__name__)


def row_enqueued(model: type[Queued], seconds_ago: float, **fields: Any) -> Any:
    row = MAKE[model]()
    at = timezone.now() - dt.timedelta(seconds=seconds_ago)
    model._default_manager.filter(pk=row.pk).update(**{model.ENQUEUED_AT: at, "enqueues": 1, **fields})
    return model._default_manager.get(pk=row.pk)


def test_every_kind_is_looked_after_here() -> None:
    assert set(MAKE) == set(Queued.__subclasses__())


@kinds
def test_it_waits_for_its_entry_for_a_while_and_then_gets_another_one(model: type[Queued]) -> None:
    early = row_enqueued(model, 90)
    rows: Any = model._default_manager
    assert list(rows.forgotten()) == []
    rows.filter(pk=early.pk).update(**{model.ENQUEUED_AT: timezone.now() - dt.timedelta(seconds=125)})
    assert [row.pk for row in rows.enqueue_again()] == [early.pk]
    assert rows.enqueue_again() == []
    assert OrmQ.objects.count() == 1
    assert OrmQ.objects.get().func() == model.TASK


@kinds
def test_each_further_entry_is_waited_for_longer_and_a_queue_that_is_slow_is_not_made_slower(
    model: type[Queued],
) -> None:
    row = row_enqueued(model, 0)
    rows: Any = model._default_manager
    for patience in (*PATIENCE[1:], PATIENCE[-1]):
        for off, found in ((-30, 0), (30, 1)):
            at = timezone.now() - patience - dt.timedelta(seconds=off)
            rows.filter(pk=row.pk).update(**{model.ENQUEUED_AT: at})
            assert len(rows.enqueue_again()) == found
    assert OrmQ.objects.count() == len(PATIENCE)


@pytest.mark.parametrize(
    ("model", "begun"),
    [
        (SyncRun, {"state": "running"}),
        (
            Flow,
            {
                "setup_state": "creating",
                "sync_token": uuid.uuid4(),
                "sync_lease_until": timezone.now() - dt.timedelta(hours=1),
            },
        ),
    ],
)
def test_for_one_that_a_worker_has_died_over_nobody_waits_long(model: type[Queued], begun: dict[str, Any]) -> None:
    row_enqueued(model, 25, enqueues=0, **begun)
    rows: Any = model._default_manager
    assert len(rows.enqueue_again()) == 1
    assert rows.enqueue_again() == []


@kinds
def test_of_two_sweeps_that_have_seen_it_one_puts_it_in_the_queue(model: type[Queued]) -> None:
    row = row_enqueued(model, 125)
    rows: Any = model._default_manager
    same = Q(**{model.ENQUEUED_AT: getattr(row, model.ENQUEUED_AT)}) & row.state_it_was_in()
    assert [rows.put_in_queue(row.pk, same) for _ in range(3)] == [True, False, False]
    assert OrmQ.objects.count() == 1


@pytest.mark.parametrize("model", [Flow, WebhookEvent])
def test_one_that_a_worker_is_at_is_left_alone(model: type[Queued]) -> None:
    token = {"sync_token": uuid.uuid4()} if model is Flow else {}
    row_enqueued(model, 600, **token, **{model.LEASE_UNTIL: timezone.now() + model.LEASE})
    rows: Any = model._default_manager
    assert rows.enqueue_again() == []


DONE: dict[type[Queued], dict[str, Any]] = {
    Flow: {"setup_state": "stopped"},
    SyncRun: {"state": "failed", "finished_at": timezone.now()},
    BatchExam: {"message": {"code": "sources.no_code"}},
    WebhookEvent: {"handled_at": timezone.now()},
    ExportAttempt: {"state": "failed", "finished_at": timezone.now()},
    Collection: {"enqueues": 0},
    Package: {"state": "failed"},
    Delivery: {"ended_at": timezone.now()},
    LogReading: {"wanted_at": None},
}


@kinds
def test_what_is_done_is_not_forgotten(model: type[Queued]) -> None:
    row_enqueued(model, 600, **DONE[model])
    rows: Any = model._default_manager
    assert rows.enqueue_again() == []


@kinds
def test_what_is_done_meanwhile_is_not_put_in_the_queue(model: type[Queued]) -> None:
    row = row_enqueued(model, 600)
    rows: Any = model._default_manager
    rows.filter(pk=row.pk).update(**DONE[model])
    assert not rows.put_in_queue(row.pk, row.state_it_was_in())
    assert OrmQ.objects.count() == 0
