"""What is older than it is to be kept goes, once a day."""

import datetime as dt

import pytest
from django.utils import timezone
from django_q.models import Task

from exports import tasks
from exports.models import DigestEntry, Heartbeat
from sources.models import SyncRun, WebhookEvent
from tests.factories import FlowFactory, MembershipFactory, SyncRunFactory

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
