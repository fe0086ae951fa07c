"""Grades that are collected while people come from Ladok: who is Ladok's is not taken for added by hand."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest
from django.utils import timezone

from exports.grades.collect import collect_grades
from ladokflow.sandbox.server import Sandbox
from sources.flows.create import create_flow
from sources.flows.request import request_flow
from sources.models import Flow, Participant, Source, SyncRun
from sources.sync.apply.apply import Applied
from sources.sync.gather import gather
from sources.sync.lease import Lease
from sources.sync.record import record_success
from sources.sync.run import begin_run, plan_for, request_sync, run_sync
from sources.universities.clients import wiseflow_for
from tests.exports.test_end_to_end import Exam

pytestmark = pytest.mark.django_db


def created(liu: Source, sandbox: Sandbox, *, without_row: bool = True) -> tuple[Flow, Participant]:
    """A flow in marking, everybody graded. One of its people has no row: a synchronisation has just added them."""
    exam = Exam(liu, sandbox.control, people=3)
    exam.grade(end=False)
    flow = Flow.objects.select_related("source").get(pk=exam.flow)
    somebody = flow.participants.order_by("pk")[0]
    Participant.objects.filter(pk=somebody.pk).delete()
    return flow, somebody


def set_lease(flow: Flow, seconds: float | None) -> None:
    until = None if seconds is None else timezone.now() + dt.timedelta(seconds=seconds)
    Flow.objects.filter(pk=flow.pk).update(sync_token=uuid.uuid4() if until else None, sync_lease_until=until)


def test_collecting_makes_no_rows_while_a_synchronisation_is_at_work(liu: Source, sandbox: Sandbox) -> None:
    flow, somebody = created(liu, sandbox)
    set_lease(flow, 40)
    assert collect_grades(flow) == 2
    assert flow.participants.count() == 2
    set_lease(flow, -60)  # its worker is dead
    assert collect_grades(flow) == 3
    assert not flow.participants.get(wiseflow_id=somebody.wiseflow_id).is_from_source


def test_in_marking_a_row_that_came_with_the_grade_becomes_one_from_ladok(liu: Source, sandbox: Sandbox) -> None:
    flow, somebody = created(liu, sandbox)
    collect_grades(flow)
    run = run_sync(request_sync(flow=flow, trigger=SyncRun.Trigger.COMMAND, enqueue=False).pk)
    row = flow.participants.get(wiseflow_id=somebody.wiseflow_id)
    assert (run.state, row.is_from_source, len(row.listed_codes), row.assessment.grade != "") == (
        "success",
        True,
        1,
        True,
    )


@pytest.mark.parametrize("known_by", ["wiseflow_id", "organisation_id"])
def test_a_row_that_has_come_since_the_plan_was_made_is_taken_over(
    liu: Source, sandbox: Sandbox, known_by: str
) -> None:
    flow, somebody = created(liu, sandbox)
    run = request_sync(flow=flow, trigger=SyncRun.Trigger.COMMAND, enqueue=False)
    lease = Lease.take(flow.pk)
    assert lease
    run, _ = begin_run(run, lease)
    with wiseflow_for(flow.source) as client:
        gathered = gather(flow, client)
    plan = plan_for(gathered)
    told = str(getattr(somebody, known_by))
    values: dict[str, Any] = {known_by: told.upper()}
    stranger = Participant.objects.create(flow=flow, is_from_source=False, **values)
    there = {entry.key: entry.present.id for entry in plan.entries if entry.present is not None}
    record_success(gathered, plan, Applied(ids=there), lease, run, state=gathered.present.state)
    row = flow.participants.get(wiseflow_id=somebody.wiseflow_id)
    assert (row.pk, row.organisation_id) == (stranger.pk, somebody.organisation_id)
    assert (row.is_from_source, len(row.listed_codes), flow.participants.count()) == (True, 1, 3)


def test_a_second_account_with_the_same_organisation_id_does_not_stop_the_synchronisation(
    liu: Source, anna: Any, sandbox: Sandbox
) -> None:
    code = sandbox.control.add_exam("liu", people=3)
    flow = create_flow(request_flow(source=liu, codes=[code], requested_by=anna, enqueue=False).pk)
    sandbox.control.start_participation(flow.wiseflow_id)
    first = flow.participants.first()
    added = sandbox.control.add_participant_by_hand(
        flow.wiseflow_id, first.organisation_id, unique_exam_id=first.unique_exam_id, is_another=True
    )
    for _ in range(2):
        run = run_sync(request_sync(flow=flow, trigger=SyncRun.Trigger.COMMAND, enqueue=False).pk)
        assert run.state == "success"
    second = flow.participants.get(wiseflow_id=added)
    assert (second.is_from_source, second.organisation_id, second.unique_exam_id) == (False, "", "")
    assert flow.participants.count() == 4
