"""A creation that is cut off anywhere ends as one flow, complete."""

import datetime as dt
import os
import signal
import threading

import pytest
from django.db import connection
from django.db.models.functions import Now

from sources.flows.create import create_flow
from sources.flows.request import request_flow, resume_flow
from sources.models import Flow, Participant
from sources.sync.lease import LEASE
from tests.warm import WarmProcess


@pytest.fixture
def code(sandbox):
    """An exam of six people, one of whom has extra time."""
    made = sandbox.control.add_exam("liu", people=6, courseName="Avbruten")
    somebody = sandbox.control.exam("liu", made)["participants"][0]["LiUId"]
    sandbox.control.change_people("liu", made, change={somebody: {"endTime": "19:30"}})
    return made


def wiseflow_flows(sandbox):
    return [flow for flow in sandbox.control.flows("liu") if "Avbruten" in flow["title"]]


def requested(liu, anna, code):
    return request_flow(source=liu, codes=[code], requested_by=anna, enqueue=False)


def is_complete(flow, sandbox):
    there = sandbox.control.flow(flow.wiseflow_id)
    return (
        flow.setup_state == Flow.Setup.READY
        and flow.setup_mark not in there["subtitle"]
        and len(there["participants"]) == Participant.objects.filter(flow=flow, is_from_source=True).count() == 6
    )


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/v1/license/create/flow", "POST"),
        ("/v1/flows/*/external-sources", "POST"),
        ("/v1/flows/*/metadata", "PUT"),
        ("/v1/flows/*/dates", "PATCH"),
        ("/v1/license/user", "POST"),
        ("/v1/flows/*/participants", "POST"),
        ("/v1/flows/*/participants/dates", "PATCH"),
        ("/v1/license/rooms", "POST"),
        ("/v1/flows/*/room-bookings", "POST"),
        ("/v1/flows/*/sync/done", "POST"),
    ],
)
@pytest.mark.parametrize("kind", ["lost_answer", "drop"])
def test_a_lost_answer_at_any_step_ends_as_one_complete_flow(liu, anna, sandbox, code, path, method, kind):
    fault = sandbox.control.fault("wiseflow", path.removeprefix("/v1"), kind, method=method)
    flow = create_flow(requested(liu, anna, code).pk)
    used = {row["id"]: row["used"] for row in sandbox.control.faults()}.get(fault, 1)
    assert used == 1
    for _ in range(2):
        if flow.setup_state == Flow.Setup.STOPPED:
            assert flow.setup_reason.code in ("remote.cut", "sources.creation_in_doubt"), flow.setup_reason
            flow = create_flow(resume_flow(flow, anna).pk)
    assert is_complete(flow, sandbox)
    assert len(wiseflow_flows(sandbox)) == 1
    assert len(sandbox.control.flow(flow.wiseflow_id)["sources"]) == 1


def test_a_flow_that_is_there_although_wiseflow_did_not_say_so_is_found_by_its_mark(liu, anna, sandbox, code):
    sandbox.control.fault("wiseflow", "/license/create/flow", "lost_answer")
    flow = create_flow(requested(liu, anna, code).pk)
    assert is_complete(flow, sandbox)
    assert len(wiseflow_flows(sandbox)) == 1


def test_a_worker_that_is_overtaken_writes_nothing_more(liu, anna, sandbox, code):
    flow = requested(liu, anna, code)
    Flow.objects.filter(pk=flow.pk).update(setup_state="creating", sync_token="0" * 32, sync_lease_until=Now() + LEASE)
    assert create_flow(flow.pk).setup_state == "creating"
    assert not wiseflow_flows(sandbox)
    Flow.objects.filter(pk=flow.pk).update(sync_lease_until=Now() - dt.timedelta(seconds=1))
    assert create_flow(flow.pk).setup_state == "ready"


def test_a_creation_that_kills_its_worker_every_time_is_given_up(liu, anna, code):
    flow = requested(liu, anna, code)
    Flow.objects.filter(pk=flow.pk).update(setup_claims=5)
    flow = create_flow(flow.pk)
    assert (flow.setup_state, flow.setup_reason.code) == ("stopped", "sources.creation_gave_up")


KILLED = """
import os, sys, django
django.setup()
from django.conf import settings
from sources.flows.create import create_flow
create_flow(int(sys.argv[1]))
"""


@pytest.mark.parametrize("wait_for", ["creating", "created", "metadata", "scale", "staff"])
def test_a_killed_worker_is_followed_by_one_that_finishes(
    liu, anna, sandbox, code, subprocess_environment, wait_for, monkeypatch
):
    flow = requested(liu, anna, code)
    has_come, is_dead = threading.Event(), threading.Event()

    def take(system, call):
        """Before each call is worked on: once the step has come, nothing goes on until the worker is dead."""
        if Flow.objects.get(pk=flow.pk).setup_step == wait_for:
            has_come.set()
            is_dead.wait(300)
        connection.close()

    with monkeypatch.context() as held:
        held.setattr(sandbox.faults, "take", take)
        worker = WarmProcess("-c", KILLED, str(flow.pk), environment=subprocess_environment)
        assert has_come.wait(300)
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
        is_dead.set()
    flow.refresh_from_db()
    assert (flow.setup_state, flow.setup_step) == ("creating", wait_for)
    # The lease of the dead is waited for in real life.
    Flow.objects.filter(pk=flow.pk).update(sync_lease_until=Now() - dt.timedelta(seconds=1))
    flow = create_flow(flow.pk)
    assert is_complete(flow, sandbox)
    assert len(wiseflow_flows(sandbox)) == 1
    assert flow.sync_runs.get().state == "success"
