"""From the assessor's click in WISEflow to the grade in Ladok, with the queue's own workers in a process of their own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.environment import ROOT

SECONDS = 60  # on a busy machine; the work itself takes less than one


@contextlib.contextmanager
def worker(environment: dict[str, str]) -> Iterator[None]:
    cluster = subprocess.Popen(
        [sys.executable, "manage.py", "qcluster"],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        os.killpg(cluster.pid, signal.SIGKILL)
        cluster.wait()


@pytest.fixture
def has_started(until):
    """The workers have taken something from the queue: it is not their start that is waited for."""

    def has_started():
        from exports.models import Heartbeat
        from ladokflow.queue import enqueue

        enqueue("exports.tasks.heartbeat", "")
        until(lambda: Heartbeat.objects.exists(), 240)

    return has_started


def test_an_approved_grade_is_in_ladok_within_seconds(
    make_flow, sandbox, subprocess_environment, pages, until, has_started
):
    flow = make_flow(instant_export=True)
    one = flow.participants.values_list("wiseflow_id", flat=True)[0]
    with worker(subprocess_environment):
        has_started()
        sandbox.control.grade(flow.wiseflow_id, {one: "5"})
        (row,) = until(lambda: sandbox.control.grades("liu", flow.codes.get().code), SECONDS)
        until(lambda: flow.attempts.filter(state="exported").exists(), SECONDS)
    assert (row["grade"], row["times"]) == ("5", 1)


def test_wiseflows_button_is_answered_within_seconds(
    make_flow, sandbox, subprocess_environment, pages, until, has_started
):
    flow = make_flow()
    with worker(subprocess_environment):
        has_started()
        sandbox.control.request_sync(flow.wiseflow_id)
        until(lambda: sandbox.control.flow(flow.wiseflow_id)["sources"][0]["state"] == "SUCCESS", SECONDS)
        until(lambda: flow.sync_runs.filter(trigger="wiseflow", state="success").exists(), SECONDS)
