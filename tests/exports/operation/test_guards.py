"""What stands guard over the rest: the audit log, the settings, the watchdog, the commands' manners."""

from __future__ import annotations

import copy
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django_q.signals import pre_execute

from exports.models import ExportAttempt, Heartbeat
from exports.operation import health
from exports.operation.checks import check_queue
from ladokflow.messages import message
from ladokflow.queue import Queue
from sources.audit import record
from sources.models import AuditEntry, Flow
from tests.environment import ROOT
from tests.exports.world import World
from tests.factories import ExportAttemptFactory, in_hours

MakeFlow = Callable[..., Flow]


@pytest.mark.parametrize(
    "statement", ["UPDATE sources_auditentry SET attempt_id = NULL", "DELETE FROM sources_auditentry"]
)
def test_the_database_itself_refuses_to_change_or_delete_an_audit_entry(make_flow: MakeFlow, statement: str) -> None:
    flow = make_flow()
    record(message=message("audit.export_claimed"), source=flow.source, flow=flow)
    with pytest.raises(DatabaseError, match="never"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    with pytest.raises(DatabaseError), transaction.atomic():
        AuditEntry.objects.all().delete()
    assert AuditEntry.objects.count() == 1


def test_the_settings_as_they_are_keep_the_promise() -> None:
    assert check_queue(None) == []


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"retry": 120}, "exports.E002"),
        ({"queue_limit": 16}, "exports.E002"),
        ({"timeout": 60.5}, "exports.E001"),
        ({"timeout": None}, "exports.E001"),
        ({"guard_cycle": 0.3}, "exports.E001"),
    ],
)
def test_settings_that_would_break_the_promise_are_refused(settings: Any, changes: dict[str, Any], error: str) -> None:
    settings.Q_CLUSTER = copy.deepcopy(settings.Q_CLUSTER) | changes
    assert [found.id for found in check_queue(None)] == [error]


def test_a_request_that_may_outlast_the_worker_is_refused(settings: Any) -> None:
    settings.REMOTE_TIMEOUT_SECONDS = 55
    assert [found.id for found in check_queue(None)] == ["exports.E003"]


def test_a_refusal_is_one_line_on_stderr_and_status_1(
    make_flow: MakeFlow, subprocess_environment: dict[str, str]
) -> None:
    flow = make_flow(synced_at=None)
    found = subprocess.run(
        [sys.executable, "manage.py", "export", "--flow", str(flow.pk), "--by", flow.created_by.email, "--json"],
        cwd=ROOT, env=subprocess_environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (found.returncode, found.stdout) == (1, "")
    assert len(found.stderr.splitlines()) == 1
    assert "Not synchronised with Ladok yet." in found.stderr


def test_without_wait_the_export_goes_through_the_queue(make_flow: MakeFlow, world: World) -> None:
    flow, out = make_flow(), io.StringIO()
    call_command("export", "--flow", str(flow.pk), "--by", flow.created_by.email, "--json", stdout=out)
    found = json.loads(out.getvalue())
    assert (found["state"], found["sent"], found["exported"]) == ("queued", 2, 0)
    assert found["attempts"] == [found["attempt"]]
    assert not world.exported


def test_the_sweeper_stops_when_told(transactional_db: None, subprocess_environment: dict[str, str]) -> None:
    process = subprocess.Popen(
        [sys.executable, "manage.py", "sweep", "--loop", "--pause", "1"], cwd=ROOT, env=subprocess_environment
    )
    try:
        _until(lambda: health.last_beat("sweep") is not None)
        process.send_signal(signal.SIGTERM)
        assert process.wait(90) == 0
    finally:
        process.kill()


@pytest.mark.timeout(600)
def test_a_cluster_whose_workers_stand_still_is_killed_and_started_again(
    transactional_db: None, subprocess_environment: dict[str, str]
) -> None:
    """Though the common queue lives, and its workers do exports all the time."""
    process = subprocess.Popen(
        [sys.executable, "manage.py", "watch", "--queue", "exports", "--silence", "30"],
        cwd=ROOT, env=subprocess_environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    health.beat()
    ExportAttemptFactory(state="sending", lease_until=in_hours(0.02))

    def is_heard() -> bool:
        ExportAttempt.objects.update(lease_until=in_hours(0.02))
        return health.last_beat("exports") is not None

    try:
        _until(is_heard)
        (cluster,) = _children(process.pid)
        with (
            transaction.atomic()
        ):  # nobody stands still with a lock that this test, and the new workers, would wait for
            list(Heartbeat.objects.select_for_update())
            for pid in [cluster, *_descendants(cluster)]:
                os.kill(pid, signal.SIGSTOP)
        Heartbeat.objects.filter(name="exports").delete()
        _until(is_heard)
        assert _children(process.pid) != [cluster]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(170)
    assert process.returncode == 0


@pytest.mark.django_db
def test_a_worker_that_begins_with_a_task_is_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the heartbeat that was asked for waits behind other tasks."""
    monkeypatch.setattr(health, "SHOWN_EVERY_SECONDS", 0.0)  # the setting of a limit, not our code
    assert not Heartbeat.objects.is_heard(Queue.COMMON)
    pre_execute.send(sender="django_q", func=None, task={})
    assert Heartbeat.objects.is_heard(Queue.COMMON)
    assert not Heartbeat.objects.is_heard(Queue.EXPORTS)


def test_a_watch_that_cannot_start_its_cluster_ends_for_its_own_supervisor_to_see(
    transactional_db: None, subprocess_environment: dict[str, str], tmp_path: Path
) -> None:
    """One of its two queues without workers, and nobody told, would be worse."""
    python = tmp_path / "python"
    python.symlink_to(sys.executable)
    packages = os.pathsep.join(path for path in sys.path if path.endswith("site-packages"))
    environment = subprocess_environment | {
        "PYTHONPATH": f"{subprocess_environment['PYTHONPATH']}{os.pathsep}{packages}"
    }
    process = subprocess.Popen(
        [python, "manage.py", "watch"], cwd=ROOT, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    try:
        _until(lambda: [_is_cluster(pid) for pid in _children(process.pid)] == [True] * len(Queue))
        first, *_ = _children(process.pid)
        python.unlink()
        os.killpg(first, signal.SIGKILL)
        assert process.wait(170) == 1
    finally:
        for cluster in [] if process.poll() is not None else _children(process.pid):
            os.killpg(cluster, signal.SIGKILL)
        process.kill()


def _until(is_so: Callable[[], bool], seconds: float = 180) -> None:
    ends = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < ends
        time.sleep(0.2)


def _is_cluster(pid: int) -> bool:
    """Not what is about to become one: that has neither a group nor a program of its own yet."""
    return b"qcluster" in Path(f"/proc/{pid}/cmdline").read_bytes()


def _children(pid: int) -> list[int]:
    lists = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    return [int(each) for each in " ".join(lists).split()]


def _descendants(pid: int) -> list[int]:
    children = _children(pid)
    return children + [each for child in children for each in _descendants(child)]
