"""A synchronisation that is cut off anywhere is completed by the next one, and nothing is there twice."""

import datetime as dt
import os
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest
from django.db.models.functions import Now

from ladokflow.clock import monotonic
from sources.flows.codes import add_code
from sources.flows.create import create_flow
from sources.flows.request import request_flow
from sources.models import Flow, SyncRun
from sources.sweep import sweep_sources
from sources.sync.lease import SURE_SECONDS
from sources.sync.run import request_sync, run_sync
from tests.environment import ROOT
from tests.warm import WarmProcess

# Every kind of writing call of the synchronisation below.
CALLS = [
    ("POST", "/flows/*/external-sources"),
    ("PUT", "/flows/*/metadata"),
    ("PATCH", "/flows/*/dates"),
    ("POST", "/license/user"),
    ("POST", "/flows/*/participants"),
    ("PATCH", "/flows/*/participants/dates"),
    ("POST", "/flows/*/external-sources/*/allocations/participants"),
    ("DELETE", "/flows/*/participants/*"),
    ("POST", "/flows/*/assessors"),
    ("POST", "/license/rooms"),
    ("POST", "/flows/*/room-bookings"),
    ("PUT", "/flows/*/room-bookings/*/participants"),
    ("DELETE", "/flows/*/room-bookings/*"),
]
RUN = """
import sys, django
django.setup()
from sources.sync.run import run_sync
run_sync(sys.argv[1])
"""


@pytest.fixture
def flow(liu, anna, sandbox):
    """A flow to which something of every kind is to be done."""
    first = sandbox.control.add_exam("liu", people=8, campus="Valla", startTime="08:00", endTime="12:00")
    flow = create_flow(request_flow(source=liu, codes=[first], requested_by=anna, enqueue=False).pk)
    second = sandbox.control.add_exam("liu", people=3, campus="Trädgår’n")
    add_code(flow=flow, code=second, by=anna, enqueue=False)
    people = sandbox.control.exam("liu", first)["participants"]
    sandbox.control.change_people(
        "liu", first, add=3, remove=[people[0]["LiUId"]], change={people[1]["LiUId"]: {"endTime": "20:45"}}
    )
    sandbox.control.change_exam("liu", first, courseName="Nytt namn", endTime="13:00")
    assessor = {
        "role": "assessor",
        "organisation_id": "stab01@liu.example",
        "first_name": "Stina",
        "last_name": "Stab",
        "is_new": True,
    }
    Flow.objects.filter(pk=flow.pk).update(staff=[*flow.staff, assessor])
    flow.refresh_from_db()
    return flow


def wanted_people(flow, sandbox):
    codes = flow.codes.filter(removed_at__isnull=True).values_list("code", flat=True)
    return {person["LiUId"] for code in codes for person in sandbox.control.exam("liu", code)["participants"]}


def check_all_is_there_once(flow, sandbox):
    there = sandbox.control.flow(flow.wiseflow_id)
    ids = [row["value"] for user in sandbox.control.users("liu") for row in user["data"][:1]]
    assert [value for value, count in Counter(ids).items() if count > 1] == []
    people = wanted_people(flow, sandbox)
    assert Counter(row["organisationId"] for row in there["participants"]) == Counter(people)
    assert sorted(flow.participants.values_list("organisation_id", flat=True)) == sorted(people)
    rows = {row.wiseflow_id for row in flow.participants.all()}
    assert rows == {row["id"] for row in there["participants"]}
    assert all(row.is_from_source and row.listed_codes for row in flow.participants.all())
    references = [row["reference"] for row in there["sources"]]
    assert len(references) == len(set(references)) == 2
    rooms = [room["name"] for room in sandbox.control.rooms("liu")]
    assert len(rooms) == len(set(rooms))
    assert len({booking["roomId"] for booking in there["bookings"]}) == len(there["bookings"]) == 2
    seated = Counter(number for booking in there["bookings"] for number in booking["participants"])
    assert seated == Counter(str(number) for number in rows)
    assert [row["organisationId"] for row in there["assessors"]] == ["stab01@liu.example"]
    # Who was made a user in WISEflow is told, wherever it was cut off.
    assert [row.organisation_id for row in flow.staff_accounts.all()] == ["stab01@liu.example"]


def finish(flow, sandbox):
    run = run_sync(request_sync(flow=flow, trigger=SyncRun.Trigger.COMMAND, enqueue=False).pk)
    flow.refresh_from_db()
    assert run.state == "success", run.reason
    check_all_is_there_once(flow, sandbox)
    assert flow.unfollowed == {}
    sandbox.control.clear_received()
    assert run_sync(request_sync(flow=flow, trigger=SyncRun.Trigger.COMMAND, enqueue=False).pk).changes == []


@pytest.mark.parametrize("kind", ["lost_answer", "drop"])
def test_a_call_that_is_cut_off_leaves_nothing_twice(flow, sandbox, kind, cases):
    def cut_off(call):
        method, path = call
        sandbox.control.fault("wiseflow", path, kind, method=method)
        fresh = Flow.objects.get(pk=flow.pk)
        run = run_sync(request_sync(flow=fresh, trigger=SyncRun.Trigger.COMMAND, enqueue=False).pk)
        assert [fault["used"] for fault in sandbox.control.faults()] in ([], [1])
        assert run.state in ("failed", "success")
        finish(fresh, sandbox)

    cases.try_each({" ".join(call): call for call in CALLS}, cut_off)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("method", "path"), CALLS)
def test_a_worker_that_is_killed_in_a_call_is_followed_by_one_that_finishes(
    flow, sandbox, subprocess_environment, method, path
):
    """WISEflow has done what it was asked, and the worker dies before it hears of it."""
    run = request_sync(flow=flow, trigger=SyncRun.Trigger.COMMAND, enqueue=False)
    sandbox.control.fault("wiseflow", path, "late_answer", times=-1, method=method, seconds=20)
    worker = WarmProcess("-c", RUN, str(run.pk), environment=subprocess_environment)
    while not any(fault["used"] for fault in sandbox.control.faults()):
        assert worker.poll() is None, "the worker has ended without having made the call"
        time.sleep(0.05)
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    sandbox.control.clear_faults()
    run.refresh_from_db()
    assert run.state == "running"
    # The lease of the dead is waited for in real life.
    Flow.objects.filter(pk=flow.pk).update(sync_lease_until=Now() - dt.timedelta(seconds=1))
    SyncRun.objects.filter(pk=run.pk).update(enqueued_at=None)
    assert sweep_sources() == 1
    assert run_sync(run.pk).state == "success"
    finish(flow, sandbox)


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_was_frozen_right_before_a_writing_writes_nothing_once_another_has_the_flow(
    flow, sandbox, subprocess_environment
):
    """It has looked at what is there, and would write at once; meanwhile another has done all that was to be done."""
    run = request_sync(flow=flow, trigger=SyncRun.Trigger.COMMAND, enqueue=False)
    path = "/flows/*/metadata"
    sandbox.control.fault("wiseflow", path, "slow", method="GET", seconds=0)
    sandbox.control.fault("wiseflow", path, "slow", method="GET", seconds=20)
    environment = subprocess_environment | {"REMOTE_TIMEOUT_SECONDS": "120"}  # a setting: it loads Django itself
    worker = subprocess.Popen([sys.executable, "-c", RUN, str(run.pk)], env=environment, cwd=ROOT)
    try:
        while [fault["used"] for fault in sandbox.control.faults()] != [1, 1]:
            assert worker.poll() is None, "the worker has ended without having looked"
            time.sleep(0.05)
        os.kill(worker.pid, signal.SIGSTOP)
        frozen_at = monotonic()
        Flow.objects.filter(pk=flow.pk).update(sync_lease_until=Now() - dt.timedelta(seconds=1))
        assert run_sync(run.pk).state == "success"
        time.sleep(max(0.0, frozen_at + SURE_SECONDS + 1 - monotonic()))
        sandbox.control.clear_received()
        os.kill(worker.pid, signal.SIGCONT)
        worker.wait(60)
        received = [(row["method"], row["path"]) for row in sandbox.control.received("wiseflow")]
        assert [call for call in received if call[0] != "GET"] == []
    finally:
        worker.kill()
        worker.wait()
    finish(flow, sandbox)
