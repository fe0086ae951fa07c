"""Several exams at once: one form, one flow of each, every one by itself."""

import datetime as dt
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.utils import timezone
from django_q.models import OrmQ

from exports.tasks import prune
from ladokflow.messages import Refused, message
from sources.flows.batch import refuse, request_batch, request_exam, retry_refused
from sources.flows.create import create_flow
from sources.flows.request import request_flow
from sources.models import AuditEntry, BatchExam, Flow, FlowBatch
from sources.sweep import sweep_sources

pytestmark = pytest.mark.django_db
CODES = ["TDDE01-TEN1-1001", "FINNS-INTE", "TDDE01/TEN Å-2"]


def ask(source, user, codes=CODES, key=None, **choices):
    return request_batch(source=source, codes=codes, requested_by=user, submission_key=key or uuid.uuid4(), **choices)


def work(batch):
    return [request_exam(exam.pk) for exam in batch.exams.all()]


def queued(task):
    return [row.task["args"] for row in OrmQ.objects.all() if row.task["func"] == task]


def test_each_exam_becomes_a_flow_with_the_same_settings_and_a_broken_one_holds_up_no_other(liu, anna):
    batch = ask(liu, anna, flow_type="FLOWassign", instant_export=True, activates=True)
    first, broken, odd = work(batch)
    assert (broken.flow, broken.reason.code) == (None, "ladok.unknown_code")
    flows = [create_flow(exam.flow_id) for exam in (first, odd)]
    assert [flow.setup_state for flow in flows] == ["ready", "ready"]
    assert [[code.code for code in flow.codes.all()] for flow in flows] == [[CODES[0]], [CODES[2]]]
    assert {(flow.instant_export, flow.activates, flow.created_by) for flow in flows} == {(True, True, anna)}
    assert len({flow.wiseflow_id for flow in flows}) == 2


def test_asking_needs_neither_ladok_nor_wiseflow_and_puts_every_exam_in_the_queue(liu, anna, sandbox):
    batch = ask(liu, anna)
    assert not sandbox.control.received("liu")
    assert not sandbox.control.received("wiseflow")
    assert len(queued("sources.tasks.request_exam")) == 3
    assert all(exam.is_waiting for exam in batch.exams.all())
    told = AuditEntry.objects.get()
    assert (told.actor, told.message["params"]) == (anna, {"count": 3})


def test_a_form_that_is_sent_twice_and_a_task_that_runs_twice_make_each_flow_once(liu, anna):
    key = uuid.uuid4()
    first, second = ask(liu, anna, key=key), ask(liu, anna, key=key)
    assert first == second
    made = [[exam.flow_id for exam in work(batch)] for batch in (first, second)]
    stale = first.exams.first()
    assert create_flow(made[0][0]).setup_state == "ready"
    BatchExam.objects.filter(pk=stale.pk).update(flow=None)  # a worker that died before it wrote down its flow
    assert request_exam(stale.pk).flow_id == made[0][0]
    assert made[0] == made[1]
    assert (FlowBatch.objects.count(), Flow.objects.count()) == (1, 2)


def test_a_code_on_another_flow_is_refused_with_that_flow_and_the_others_are_made(liu, anna, lars):
    other = request_flow(source=liu, codes=[CODES[0]], requested_by=lars, enqueue=False)
    taken, _, odd = work(ask(liu, anna))
    assert taken.reason.code == "sources.code_taken"
    assert taken.reason.params["flow"] == other.pk
    assert odd.flow is not None


def test_what_was_refused_is_asked_for_again_and_nothing_else(liu, anna, sandbox):
    sandbox.control.fault("liu", "/exams/TDDE01-TEN1-1001*", "status", times=-1, status=503)
    batch = ask(liu, anna, [CODES[0], CODES[2]])
    down, well = work(batch)
    assert (down.reason.code, well.reason) == ("remote.server_error", None)
    sandbox.control.clear_faults()
    assert (retry_refused(batch), retry_refused(batch)) == (1, 0)
    again = work(batch)
    assert [exam.reason for exam in again] == [None, None]
    assert again[1].flow == well.flow
    assert Flow.objects.count() == 2


def test_a_refusal_never_covers_a_flow(liu, anna):
    exam = ask(liu, anna, CODES[:1]).exams.get()
    made = request_exam(exam.pk)
    refuse(exam, message("ladok.unknown_code", code=exam.code))  # a worker that had asked before, and was slower
    exam.refresh_from_db()
    assert (exam.flow, exam.message) == (made.flow, {})


def test_an_exam_that_was_lost_on_the_way_to_the_queue_is_put_in_again(liu, anna):
    batch = ask(liu, anna)
    OrmQ.objects.all().delete()
    assert BatchExam.objects.enqueue_again() == []
    batch.exams.update(enqueued_at=timezone.now() - dt.timedelta(minutes=5))
    assert (sweep_sources(), sweep_sources()) == (3, 0)
    assert len(queued("sources.tasks.request_exam")) == 3


def test_old_forms_go_once_a_day_but_neither_their_flows_nor_one_that_waits(liu, anna, settings):
    settings.SYNC_RUN_RETENTION_DAYS = 30
    old, waiting, new = ask(liu, anna, CODES[:2]), ask(liu, anna, ["X1"]), ask(liu, anna, ["X2"])
    work(old)
    work(new)
    long_ago = timezone.now() - dt.timedelta(days=31)
    FlowBatch.objects.filter(pk__in=[old.pk, waiting.pk]).update(created_at=long_ago)
    prune()
    assert set(FlowBatch.objects.all()) == {waiting, new}
    assert Flow.objects.count() == 1


@pytest.mark.parametrize("codes", [[], [" "]])
def test_nothing_asked_for_is_refused(liu, anna, codes):
    with pytest.raises(Refused):
        ask(liu, anna, codes)


def test_somebody_elses_university_is_refused_before_anything_is_written(liu, olle):
    with pytest.raises(Refused) as caught:
        ask(liu, olle)
    assert caught.value.message.code == "sources.not_a_member"
    assert not FlowBatch.objects.exists()


def test_one_list_of_assessors_serves_all_flows(liu, anna, sandbox):
    codes = [sandbox.control.add_exam("liu", people=2) for _ in range(2)]
    people = [[one["LiUId"] for one in sandbox.control.exam("liu", code)["participants"]] for code in codes]
    everybody = sorted({one for some in people for one in some})
    batch = ask(
        liu,
        anna,
        codes,
        staff=[{"role": "assessor", "organisation_id": "asse0@liu.example"}],
        assessor_allocation="list",
        allocation_list=[[one, "asse0@liu.example"] for one in everybody],
    )
    flows = [exam.flow for exam in work(batch)]
    listed = [sorted(flow.allocation_lines.values_list("organisation_id", flat=True)) for flow in flows]
    assert listed == [sorted(some) for some in people]


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_the_same_exam_at_the_same_moment_make_one_flow(liu, anna):
    exam = ask(liu, anna, CODES[:1]).exams.get()
    together = threading.Barrier(2)

    def work_once():
        together.wait()
        try:
            return request_exam(exam.pk).flow_id
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        made = [future.result() for future in [pool.submit(work_once), pool.submit(work_once)]]
    assert made == [Flow.objects.get().pk] * 2
    assert BatchExam.objects.get().message == {}
