"""What is done about WISEflow's calls, which the sandbox makes for real when somebody does something there."""

import datetime as dt
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.utils import timezone
from django_q.models import OrmQ

from exports.models import Assessment, ExportAttempt
from sources.models import Credential, Flow, Paper, SyncRun, WebhookEvent
from sources.signals import grades_changed
from sources.sweep import sweep_sources
from sources.sync.run import request_sync, run_sync
from sources.webhooks import handle
from tests.factories import FlowFactory
from tests.sources.webhooks.calling import queued, work


@pytest.fixture
def all_called(sandbox, until):
    """Waits until WISEflow has had an answer to everything that it has told."""
    return lambda times=1: until(lambda: all(len(row["calls"]) >= times for row in sandbox.control.deliveries()))


@pytest.fixture
def came(flow, hook, until, all_called):
    """Waits for the calls of a kind about the flow; those of its activation, long ago, are out of the way."""
    until(lambda: WebhookEvent.objects.filter(event="FLOW_STATE_UPDATED", wiseflow_flow_id=flow.wiseflow_id).exists())
    all_called()
    WebhookEvent.objects.all().delete()
    OrmQ.objects.all().delete()

    def came(event, count=1):
        rows = WebhookEvent.objects.filter(event=event, wiseflow_flow_id=flow.wiseflow_id)
        return until(lambda: rows.count() >= count and list(rows.order_by("pk")))

    return came


def people(flow):
    return list(flow.participants.order_by("pk").values_list("wiseflow_id", flat=True))


def grades_of(flow):
    found = Assessment.objects.filter(participant__flow=flow).values_list("participant__wiseflow_id", "grade")
    return dict(found)


def outcomes():
    return set(WebhookEvent.objects.values_list("outcome__code", flat=True))


def age(**changes):
    """As if what is open had been left long ago."""
    then = timezone.now() - dt.timedelta(minutes=5)
    WebhookEvent.objects.filter(handled_at=None).update(enqueued_at=then, received_at=then, **changes)
    OrmQ.objects.all().delete()


def reference_states(sandbox, flow):
    return [source["state"] for source in sandbox.control.flow(flow.wiseflow_id)["sources"]]


# --- Grades


def test_final_grades_are_collected(came, flow, sandbox):
    first, second, *_ = people(flow)
    sandbox.control.grade(flow.wiseflow_id, {first: "5", second: "3"})
    came("FINAL_GRADE", 2)
    came("ASSESSMENT", 2)
    work()
    assert grades_of(flow) == {first: "5", second: "3"}
    assert outcomes() == {"sources.webhook.looked"}
    assert not WebhookEvent.objects.filter(handled_at=None).exists()


def test_an_alternative_grade_is_collected(came, flow, sandbox):
    one = people(flow)[0]
    sandbox.control.grade(flow.wiseflow_id, alternative={one: "Sjuk"})
    came("ALTERNATIVE_GRADE")
    work()
    assert Assessment.objects.get(participant__wiseflow_id=one).alternative_grade == "Sjuk"


def test_calls_about_one_flow_that_come_together_are_one_reading(came, flow, sandbox):
    sandbox.control.grade(flow.wiseflow_id, dict.fromkeys(people(flow), "4"))
    came("FINAL_GRADE", 5)
    came("ASSESSMENT", 5)
    sandbox.control.clear_received()
    assert queued() == ["sources.tasks.handle_webhook"]
    work()
    read = [row for row in sandbox.control.received("wiseflow") if row["path"].endswith("/assessments")]
    assert len(read) == 1
    assert len(grades_of(flow)) == 5
    assert not WebhookEvent.objects.filter(handled_at=None).exists()


def test_what_comes_while_a_worker_reads_is_read_after_it(came, flow, call):
    one = {"event": "FINAL_GRADE", "flowId": flow.wiseflow_id}
    seen: list[int] = []

    def meanwhile(**kwargs):
        seen.append(len(seen))
        if len(seen) == 1:
            assert call(**one, sequence=2).status_code == 200
            handle.handle(WebhookEvent.objects.latest("pk").pk)  # another worker: it leaves it to the first

    grades_changed.connect(meanwhile)
    try:
        call(**one, sequence=1)
        assert work() == ["handle_webhook", "handle_webhook"]
    finally:
        grades_changed.disconnect(meanwhile)
    assert len(seen) == 2
    assert not WebhookEvent.objects.filter(handled_at=None).exists()


def test_calls_that_come_while_several_workers_work_are_all_done_and_none_is_forgotten(came, flow, call):
    is_over = threading.Event()

    def receive(start):
        for sequence in range(start, start + 10):
            assert call(event="FINAL_GRADE", flowId=flow.wiseflow_id, sequence=sequence).status_code == 200

    def go_on_working():
        try:
            while not is_over.is_set() or OrmQ.objects.exists():
                work()
                time.sleep(0.01)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        workers = [pool.submit(go_on_working) for _ in range(2)]
        for receiving in [pool.submit(receive, 100 * number) for number in range(4)]:
            receiving.result()
        is_over.set()
        for working in workers:
            working.result()
    assert WebhookEvent.objects.filter(event="FINAL_GRADE").count() == 40
    assert not WebhookEvent.objects.filter(handled_at=None).exists()


def test_a_grade_of_a_flow_that_is_still_being_made_is_let_be(call, liu):
    flow = FlowFactory(source=liu, setup_state=Flow.Setup.CREATING)
    call(event="FINAL_GRADE", flowId=flow.wiseflow_id)
    work()
    assert outcomes() == {"sources.flow_not_ready"}


# --- Export that follows


def test_instant_export_sends_each_grade_as_it_is_told_and_only_once(hook, make_flow, sandbox, until, all_called):
    flow = make_flow(instant_export=True)
    sandbox.control.end_participation(flow.wiseflow_id)  # everybody has handed in
    first, second, *_ = people(flow)
    code = flow.codes.get().code
    for person, grade in ((first, "5"), (second, "3")):
        known = set(WebhookEvent.objects.values_list("pk", flat=True))
        sandbox.control.grade(flow.wiseflow_id, {person: grade})
        until(lambda known=known: WebhookEvent.objects.exclude(pk__in=known).filter(event="FINAL_GRADE").exists())
        work()
    assert [(row["grade"], row["times"]) for row in sandbox.control.grades("liu", code)] == [("5", 1), ("3", 1)]
    assert set(ExportAttempt.objects.values_list("trigger", flat=True)) == {"instant"}
    all_called()
    for delivery in sandbox.control.deliveries():
        sandbox.control.redeliver(delivery["id"])
    all_called(times=2)
    work()
    assert [row["times"] for row in sandbox.control.grades("liu", code)] == [1, 1]


def test_export_follows_when_wiseflow_tells_that_marking_has_ended(hook, make_flow, sandbox, until):
    flow = make_flow(exports_when_marking_ends=True)
    sandbox.control.grade(flow.wiseflow_id, dict.fromkeys(people(flow), "4"))
    sandbox.control.end_marking(flow.wiseflow_id)
    until(lambda: any('"state": 4' in row["body"] and row["calls"] for row in sandbox.control.deliveries()))
    work()
    flow.refresh_from_db()
    assert flow.state == Flow.State.CONCLUDED
    assert {(row["grade"], row["times"]) for row in sandbox.control.grades("liu", flow.codes.get().code)} == {("4", 1)}
    assert ExportAttempt.objects.get().trigger == "marking_end"


# --- Phase and dates


def test_a_new_phase_is_read_from_wiseflow_and_not_from_the_call(came, flow, sandbox, call):
    sandbox.control.end_participation(flow.wiseflow_id)
    came("FLOW_STATE_UPDATED")
    call(event="FLOW_STATE_UPDATED", flowId=flow.wiseflow_id, data={"state": 5}, sequence=0)
    work()
    flow.refresh_from_db()
    assert flow.state == Flow.State.PARTICIPATION_ENDED


def test_a_phase_is_not_written_down_before_the_grades_could_be_read(came, flow, sandbox):
    """A flow in the archive is not read any more: it must not be known as that with the last grades missing."""
    sandbox.control.end_participation(flow.wiseflow_id)
    came("FLOW_STATE_UPDATED")
    sandbox.control.fault("wiseflow", "/flow/*/assessments", "status", times=-1, status=503)
    work()
    assert sandbox.control.faults()[0]["used"] > 0
    flow.refresh_from_db()
    assert flow.state != Flow.State.PARTICIPATION_ENDED
    assert not WebhookEvent.objects.filter(handled_at__isnull=False).exists()


def test_new_dates_are_read(came, flow, sandbox):
    later = int((timezone.now() + dt.timedelta(days=90)).timestamp())
    sandbox.control.set_dates_by_hand(flow.wiseflow_id, marking_end=later)
    came("FLOW_PERIOD_UPDATED")
    work()
    flow.refresh_from_db()
    assert int(flow.marking_end_at.timestamp()) == later


# --- WISEflow's button


def test_the_button_synchronises_and_is_answered(came, flow, sandbox):
    sandbox.control.change_people("liu", flow.codes.get().code, add=1)
    sandbox.control.request_sync(flow.wiseflow_id)
    came("FLOW_EXTERNAL_SOURCE")
    assert reference_states(sandbox, flow) == ["PENDING"]
    assert work() == ["handle_webhook", "sync_flow"]
    run = SyncRun.objects.get(trigger="wiseflow")
    assert (run.state, run.added, run.problems) == ("success", 1, [])
    assert reference_states(sandbox, flow) == ["SUCCESS"]
    assert outcomes() == {"sources.webhook.sync_requested"}


def test_a_synchronisation_that_fails_is_answered_as_failed(came, flow, sandbox):
    sandbox.control.remove_exam("liu", flow.codes.get().code)
    sandbox.control.request_sync(flow.wiseflow_id)
    came("FLOW_EXTERNAL_SOURCE")
    work()
    assert SyncRun.objects.get(trigger="wiseflow").state == "failed"
    assert reference_states(sandbox, flow) == ["FAILED"]


def test_an_answer_that_wiseflow_does_not_take_is_a_problem_of_the_run(came, flow, sandbox):
    sandbox.control.remove_exam("liu", flow.codes.get().code)
    sandbox.control.fault("wiseflow", "*/sync/fail", "status", times=-1, status=500)
    sandbox.control.request_sync(flow.wiseflow_id)
    came("FLOW_EXTERNAL_SOURCE")
    work()
    run = SyncRun.objects.get(trigger="wiseflow")
    assert [problem.code for problem in run.problem_messages] == ["sources.answer_refused"]


def test_the_button_twice_is_one_synchronisation(came, flow, sandbox):
    sandbox.control.request_sync(flow.wiseflow_id)
    sandbox.control.request_sync(flow.wiseflow_id)
    came("FLOW_EXTERNAL_SOURCE", 2)
    work()
    assert SyncRun.objects.filter(trigger="wiseflow").count() == 1
    assert reference_states(sandbox, flow) == ["SUCCESS"]


def test_while_another_synchronisation_runs_the_button_waits_and_has_its_own(came, flow, sandbox):
    other = request_sync(flow=flow, trigger=SyncRun.Trigger.MANAGER, enqueue=False)
    sandbox.control.request_sync(flow.wiseflow_id)
    came("FLOW_EXTERNAL_SOURCE")
    assert work() == ["handle_webhook"]
    assert outcomes() == {"sources.webhook.waits"}
    assert reference_states(sandbox, flow) == ["PENDING"]
    run_sync(other.pk)
    assert work() == ["handle_webhook", "sync_flow"]
    assert list(SyncRun.objects.filter(flow=flow).order_by("created_at").values_list("trigger", "state"))[-2:] == [
        ("manager", "success"),
        ("wiseflow", "success"),
    ]
    assert reference_states(sandbox, flow) == ["SUCCESS"]


def test_a_button_on_a_flow_whose_creation_has_stopped_is_answered_as_failed(came, flow, sandbox):
    Flow.objects.filter(pk=flow.pk).update(setup_state=Flow.Setup.STOPPED)
    sandbox.control.request_sync(flow.wiseflow_id)
    came("FLOW_EXTERNAL_SOURCE")
    work()
    assert outcomes() == {"sources.flow_not_ready"}
    assert reference_states(sandbox, flow) == ["FAILED"]
    assert not SyncRun.objects.filter(trigger="wiseflow").exists()


# --- When it does not go well


def test_a_call_whose_worker_died_is_taken_up_again(came, flow, sandbox):
    one = people(flow)[0]
    sandbox.control.grade(flow.wiseflow_id, {one: "5"})
    came("FINAL_GRADE")
    came("ASSESSMENT")
    assert sweep_sources() == 0  # it waits for its turn
    age(claims=1, lease_until=timezone.now() - dt.timedelta(minutes=1))
    assert sweep_sources() == 1
    assert sweep_sources() == 0
    work()
    assert grades_of(flow) == {one: "5"}
    assert not WebhookEvent.objects.filter(handled_at=None).exists()


def test_a_call_that_a_worker_is_at_is_left_to_it(came, flow, call):
    call(event="FINAL_GRADE", flowId=flow.wiseflow_id, sequence=1)
    age(claims=1, lease_until=timezone.now() + dt.timedelta(minutes=1))
    assert sweep_sources() == 0
    handle.handle(WebhookEvent.objects.get().pk)
    assert WebhookEvent.objects.get().handled_at is None


def test_a_call_that_was_lost_on_the_way_to_the_queue_is_put_there_again(came, flow, call):
    call(event="FINAL_GRADE", flowId=flow.wiseflow_id, sequence=1)
    age()
    assert sweep_sources() == 1
    work()
    assert WebhookEvent.objects.get().handled_at


def test_a_call_that_kills_its_workers_is_given_up(came, flow, call):
    call(event="FINAL_GRADE", flowId=flow.wiseflow_id, sequence=1)
    WebhookEvent.objects.update(claims=handle.MOST_CLAIMS)
    work()
    assert outcomes() == {"sources.webhook.gave_up"}
    assert WebhookEvent.objects.get().handled_at


def test_while_wiseflow_is_down_it_is_tried_again_and_then_given_up_with_the_reason(came, flow, sandbox, call):
    call(event="FINAL_GRADE", flowId=flow.wiseflow_id, sequence=1)
    Credential.objects.filter(system="wiseflow").update(enabled=False)
    work()
    event = WebhookEvent.objects.get()
    assert (event.handled_at, event.claims, event.outcome["code"]) == (None, 1, "remote.no_credential")
    assert sweep_sources() == 0  # not at once
    for _ in range(handle.MOST_CLAIMS - 1):
        age()
        assert sweep_sources() == 1
        work()
    event.refresh_from_db()
    assert event.handled_at
    assert event.outcome["code"] == "remote.no_credential"
    age()
    assert sweep_sources() == 0


def test_when_wiseflow_is_back_the_call_is_done(came, flow, sandbox):
    one = people(flow)[0]
    Credential.objects.filter(system="wiseflow").update(enabled=False)
    sandbox.control.grade(flow.wiseflow_id, {one: "5"})
    came("FINAL_GRADE")
    work()
    Credential.objects.filter(system="wiseflow").update(enabled=True)
    age()
    sweep_sources()
    work()
    assert grades_of(flow) == {one: "5"}


def test_a_call_that_is_done_is_not_done_again(came, flow, call):
    call(event="FINAL_GRADE", flowId=flow.wiseflow_id, sequence=1)
    work()
    event = WebhookEvent.objects.get()
    handle.handle(event.pk)
    handle.handle(event.pk + 1)
    again = WebhookEvent.objects.get()
    assert (again.claims, again.handled_at) == (1, event.handled_at)


def test_old_calls_are_forgotten(call, settings):
    from exports.operation.pruning import prune

    call(event="PAPER_SUBMITTED", flowId=1, callId="old")
    call(event="PAPER_SUBMITTED", flowId=1, callId="new")
    WebhookEvent.objects.filter(call_id="old").update(received_at=timezone.now() - dt.timedelta(days=91))
    prune()
    assert list(WebhookEvent.objects.values_list("call_id", flat=True)) == ["new"]


def test_a_paper_that_is_handed_in_is_read(came, flow, sandbox):
    first = people(flow)[0]
    Flow.objects.filter(pk=flow.pk).update(state=Flow.State.PARTICIPATION_STARTED)
    sandbox.control.hand_in(flow.wiseflow_id, {first: "blank"})
    came("PAPER_SUBMITTED")
    work()
    assert Paper.objects.get(participant__wiseflow_id=first).state == "blank"
    assert outcomes() == {"sources.webhook.papers_read"}
    sandbox.control.clear_received()
    sandbox.control.hand_in(flow.wiseflow_id, {first: "paper"})  # a moment later: with the next look
    came("PAPER_SUBMITTED", 2)
    work()
    assert outcomes() == {"sources.webhook.papers_read", "sources.webhook.papers_later"}
    assert not [row for row in sandbox.control.received("wiseflow") if "submissions" in row["path"]]
    assert Flow.objects.get(pk=flow.pk).has_news_of_papers
