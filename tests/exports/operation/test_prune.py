"""What is older than it is to be kept goes, once a day."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.models import Task

from exports import tasks
from exports.models import DigestEntry, Heartbeat
from exports.operation import pruning
from sources.models import SyncRun, WebhookEvent
from tests.factories import ExportAttemptFactory, FlowFactory, MembershipFactory, SyncRunFactory

pytestmark = pytest.mark.django_db


def days_ago(count):
    return timezone.now() - dt.timedelta(days=count)


def run(flow, *, age):
    made = SyncRunFactory(flow=flow, finished_at=days_ago(age))
    SyncRun.objects.filter(pk=made.pk).update(created_at=days_ago(age))
    return made.pk


def test_old_synchronisations_go_but_never_the_last_of_a_flow(settings):
    settings.SYNC_RUN_RETENTION_DAYS = 30
    still, long_done = FlowFactory(), FlowFactory()
    old, kept = run(still, age=40), run(still, age=20)
    before_last, last = run(long_done, age=50), run(long_done, age=45)
    tasks.prune()
    left = set(SyncRun.objects.values_list("pk", flat=True))
    assert left == {kept, last}
    assert not left & {old, before_last}


def test_old_calls_summaries_and_queue_entries_go(settings):
    settings.WEBHOOK_EVENT_RETENTION_DAYS = settings.SYNC_RUN_RETENTION_DAYS = 30
    member = MembershipFactory()
    for age in (40, 1):
        WebhookEvent.objects.create(source=member.source, call_id=f"call-{age}", received_at=days_ago(age))
        told = SyncRunFactory()
        DigestEntry.objects.create(user=member.user, run=told, told_at=days_ago(age))
        Task.objects.create(
            id=f"task-{age}", name="n", func="f", started=days_ago(age), stopped=days_ago(age), success=True
        )
    tasks.prune()
    assert [row.call_id for row in WebhookEvent.objects.all()] == ["call-1"]
    assert DigestEntry.objects.count() == Task.objects.count() == 1


def test_it_is_done_once_a_day():
    tasks.prune()
    flow = FlowFactory()
    run(flow, age=9999)
    run(flow, age=1)
    tasks.prune()
    assert SyncRun.objects.count() == 2
    Heartbeat.objects.filter(name="prune").update(at=days_ago(2))
    tasks.prune()
    assert SyncRun.objects.count() == 1


def test_one_that_has_not_ended_stays_however_old_and_holds_nobody_up():
    flow = FlowFactory()
    still = SyncRunFactory(flow=flow, state="queued", finished_at=None)
    SyncRun.objects.filter(pk=still.pk).update(created_at=days_ago(9999))
    run(flow, age=9998)
    last = run(flow, age=1)
    tasks.prune()
    assert set(SyncRun.objects.values_list("pk", flat=True)) == {still.pk, last}


# --- In batches ------------------------------------------------------------------------------------------------------


def test_what_is_not_done_in_time_is_gone_on_with_and_only_then_the_day_is_over():
    attempt = ExportAttemptFactory(state="failed", answer="said", finished_at=days_ago(9999))
    flow = FlowFactory()
    run(flow, age=9999)
    kept = run(flow, age=1)
    assert pruning.prune(seconds=0)
    attempt.refresh_from_db()
    assert (attempt.answer, SyncRun.objects.count()) == ("", 2)
    assert pruning.prune(seconds=0)
    assert pruning.prune()
    assert list(SyncRun.objects.values_list("pk", flat=True)) == [kept]
    assert not pruning.prune()


def test_while_one_is_at_it_nobody_else_begins_and_after_a_death_somebody_does():
    flow = FlowFactory()
    run(flow, age=9999)
    run(flow, age=1)
    now = timezone.now()
    Heartbeat.objects.create(name="prune", at=now - pruning.EVERY + pruning.TURN)  # as whoever begins leaves it
    assert not pruning.prune()
    Heartbeat.objects.filter(name="prune").update(at=now - pruning.EVERY - dt.timedelta(seconds=1))
    assert pruning.prune()
    assert SyncRun.objects.count() == 1


def test_what_hangs_on_a_synchronisation_goes_or_is_let_go_with_it():
    member, flow = MembershipFactory(), FlowFactory()
    old, last = run(flow, age=9999), run(flow, age=1)
    SyncRun.objects.filter(pk=last).update(confirms=old)
    DigestEntry.objects.create(user=member.user, run_id=old, told_at=timezone.now())
    told = DigestEntry.objects.create(user=member.user, run_id=last, told_at=timezone.now())
    tasks.prune()
    assert SyncRun.objects.get().confirms is None
    assert DigestEntry.objects.get() == told


def test_many_synchronisations_of_one_moment_go_in_few_statements():
    flow, at = FlowFactory(), days_ago(9999)
    SyncRun.objects.bulk_create(
        SyncRun(flow=flow, trigger="night", state="success", created_at=at, finished_at=at)
        for _ in range(pruning.BATCH + 10)
    )
    last = run(flow, age=1)
    with CaptureQueriesContext(connection) as queries:
        tasks.prune()
    assert list(SyncRun.objects.values_list("pk", flat=True)) == [last]
    assert len(queries) < 45
