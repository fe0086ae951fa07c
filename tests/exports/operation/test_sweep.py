from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from exports.attempts.send import send_attempt
from exports.attempts.start import start_export
from exports.grades.collect import collect_grades
from exports.models import ExportAttempt, ExportItem
from exports.operation import health
from exports.operation.pruning import prune
from exports.operation.sweep import _tried, sweep
from exports.rules.states import refresh_states
from sources.models import Flow
from tests.exports.world import World
from tests.factories import ExportAttemptFactory, ExportItemFactory, SyncRunFactory, in_hours

MakeFlow = Callable[..., Flow]

pytestmark = pytest.mark.django_db


def left_behind(flow: Flow, state: str, **fields: object) -> ExportAttempt:
    attempt = ExportAttemptFactory(flow=flow, state=state, sent_count=flow.participants.count(), **fields)
    for person in flow.participants.all():
        ExportItemFactory(attempt=attempt, participant=person)
    return attempt


def test_an_expired_sending_becomes_unknown_once(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow(people=3)
    attempt = left_behind(flow, "sending", lease_until=in_hours(-1))
    assert sweep().unknown == 1
    assert sweep().unknown == 0
    attempt.refresh_from_db()
    assert (attempt.state, attempt.unknown_count) == ("failed", 3)
    assert set(attempt.items.values_list("state", flat=True)) == {ExportItem.State.UNKNOWN}
    flow.refresh_from_db()
    assert (flow.export_state, flow.export_message["code"]) == ("failed", "attempt.worker_died")
    assert not world.exported


@pytest.mark.parametrize("state", ["claimed", "sending"])
def test_a_live_lease_is_left_alone(make_flow: MakeFlow, state: str) -> None:
    attempt = left_behind(make_flow(), state)
    report = sweep()
    assert (report.unknown, report.put_back, report.dropped) == (0, 0, 0)
    attempt.refresh_from_db()
    assert attempt.state == state


def test_an_expired_claim_is_put_back_and_sent_by_the_next_worker(make_flow: MakeFlow, world: World) -> None:
    attempt = left_behind(make_flow(), "claimed", lease_until=in_hours(-1), claims=1)
    report = sweep()
    assert (report.put_back, report.enqueued) == (1, 1)
    again = sweep()
    assert (again.put_back, again.enqueued) == (0, 0)
    send_attempt(attempt.pk)
    attempt.refresh_from_db()
    assert attempt.state == "exported"
    assert len(world.exported) == 1


def test_a_claim_that_kills_its_workers_ends_failed_with_nothing_sent(make_flow: MakeFlow, world: World) -> None:
    attempt = left_behind(make_flow(), "claimed", lease_until=in_hours(-1), claims=3)
    assert sweep().dropped == 1
    assert sweep().dropped == 0
    attempt.refresh_from_db()
    assert (attempt.state, attempt.failed_count, attempt.message["code"]) == ("failed", 2, "attempt.not_prepared")
    assert not world.exported


def test_a_forgotten_attempt_is_put_in_the_queue_again_and_more_and_more_seldom(make_flow: MakeFlow) -> None:
    flow = make_flow()
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    row = ExportAttempt.objects.filter(pk=attempt.pk)
    assert sweep().enqueued == 0
    row.update(enqueued_at=timezone.now() - timedelta(seconds=130))
    assert sweep().enqueued == 1
    assert sweep().enqueued == 0
    row.update(enqueued_at=timezone.now() - timedelta(seconds=130))
    assert sweep().enqueued == 0
    row.update(enqueued_at=timezone.now() - timedelta(seconds=250))
    assert sweep().enqueued == 1
    assert OrmQ.objects.count() == 2


@pytest.mark.parametrize("state", [Flow.State.CONCLUDED, Flow.State.ARCHIVED])
def test_an_export_that_was_to_start_when_marking_ended_is_started_once(make_flow: MakeFlow, state: int) -> None:
    _tried.clear()
    flow = make_flow(exports_when_marking_ends=True, state=state)
    by_a_manager = make_flow(state=state)
    refresh_states(flow)
    refresh_states(by_a_manager)
    assert set(Flow.objects.to_export()) == {flow, by_a_manager}
    assert sweep().started == 1
    _tried.clear()
    assert sweep().started == 0
    assert [(row.flow_id, row.trigger) for row in ExportAttempt.objects.all()] == [(flow.pk, "marking_end")]


def test_the_export_when_marking_ends_waits_for_the_grades_to_be_read_after_the_end(
    make_flow: MakeFlow, world: World
) -> None:
    """It runs once: what was graded between the last reading and the end would be left to a manager."""
    _tried.clear()
    flow = make_flow(exports_when_marking_ends=True)
    Flow.objects.update(collected_at=in_hours(-0.5))
    SyncRunFactory(flow=flow)
    refresh_states(flow)
    assert sweep().started == 0
    collect_grades(flow)
    assert sweep().started == 1


def test_an_export_that_is_refused_is_not_tried_at_every_sweep(make_flow: MakeFlow) -> None:
    _tried.clear()
    flow = make_flow(university="boras", exports_when_marking_ends=True)
    refresh_states(flow)
    flow.source.memberships.update(can_export=False)
    assert sweep().started == 0
    flow.source.memberships.update(can_export=True)
    assert sweep().started == 0
    _tried.clear()
    assert sweep().started == 1


def test_old_answers_are_pruned_once_a_day(make_flow: MakeFlow, settings: object) -> None:
    flow = make_flow()
    old = ExportAttemptFactory(flow=flow, state="failed", answer="said", finished_at=in_hours(-24 * 400))
    new = ExportAttemptFactory(flow=flow, state="failed", answer="said")
    sweep()
    old.refresh_from_db()
    new.refresh_from_db()
    assert (old.answer, new.answer) == ("", "said")
    assert not prune()


def test_a_queue_that_stands_still_is_told(make_flow: MakeFlow) -> None:
    assert not health.queue_facts().is_stalled
    attempt = left_behind(make_flow(), "queued")
    assert not health.queue_facts().is_stalled
    ExportAttempt.objects.filter(pk=attempt.pk).update(created_at=in_hours(-0.5))
    facts = health.queue_facts()
    assert facts.is_stalled
    assert facts.waiting == 1
    assert facts.oldest_queued is not None
    assert facts.oldest_queued > 1700


def test_silence_is_told_unless_a_worker_is_busy_with_something_long(make_flow: MakeFlow) -> None:
    from exports.models import Heartbeat

    health.beat()
    assert not health.queue_facts().is_stalled
    Heartbeat.objects.update(at=in_hours(-0.2))
    assert health.queue_facts().is_stalled
    flow = make_flow()
    Flow.objects.filter(pk=flow.pk).update(sync_token=uuid.uuid4(), sync_lease_until=timezone.now() + Flow.LEASE)
    assert not health.queue_facts().is_stalled


def test_a_flow_that_still_shows_an_ended_export_is_brought_up_to_date(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow()
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by)
    send_attempt(attempt.pk)
    Flow.objects.update(export_state="pending", export_message={"code": "export.sending", "params": {"percent": 50}})
    assert sweep().refreshed == 1
    assert sweep().refreshed == 0
    flow.refresh_from_db()
    assert flow.export_state == "exported"
