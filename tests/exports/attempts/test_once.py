"""Once, whatever happens: many at the same time, and workers that are killed."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from exports.attempts.send import send_attempt
from exports.attempts.start import retry_export, start_export
from exports.models import ExportAttempt, ExportItem
from exports.operation.sweep import sweep
from ladokflow.messages import Refused
from sources.models import Flow
from tests.exports.world import Call, World
from tests.factories import in_hours
from tests.warm import WarmProcess

MakeFlow = Callable[..., Flow]

AT_ONCE = 20


def at_once(work: Callable[[], Any], count: int = AT_ONCE) -> list[Any]:
    """Do it in so many threads at the same instant, each with a connection of its own; the results and the refusals."""
    barrier = threading.Barrier(count)

    def one(_: int) -> Any:
        try:
            connection.ensure_connection()
            barrier.wait()
            return work()
        except Refused as refused:
            return refused.message.code
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def test_twenty_starts_at_once_make_one_attempt(transactional_db: None, make_flow: MakeFlow) -> None:
    flow = make_flow(people=5)
    results = at_once(lambda: start_export(flow=Flow.objects.get(pk=flow.pk), requested_by=flow.created_by))
    assert sum(isinstance(result, list) for result in results) == 1
    assert results.count("export.under_way") == AT_ONCE - 1
    assert ExportAttempt.objects.count() == 1
    assert ExportItem.objects.count() == 5


def test_twenty_retries_at_once_make_one_attempt(transactional_db: None, make_flow: MakeFlow, world: World) -> None:
    flow = make_flow(people=3)
    world.answer = lambda call: (500, b"")
    (first,) = start_export(flow=flow, requested_by=flow.created_by)
    send_attempt(first.pk)
    results = at_once(lambda: retry_export(flow=Flow.objects.get(pk=flow.pk), requested_by=flow.created_by))
    assert sum(isinstance(result, list) for result in results) == 1
    assert ExportAttempt.objects.count() == 2
    assert ExportItem.objects.filter(state="live").count() == 3


def test_twenty_workers_at_once_send_one_request(transactional_db: None, make_flow: MakeFlow, world: World) -> None:
    flow = make_flow(people=3)
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by)
    at_once(lambda: send_attempt(attempt.pk))
    attempt.refresh_from_db()
    assert attempt.state == "exported"
    assert len(world.exported) == 1


class Sender:
    """`manage.py export --wait` in a process of its own, to be killed at a moment of the test's choice."""

    def __init__(self, flow: Flow, environment: dict[str, str]) -> None:
        command = ("manage.py", "export", "--flow", str(flow.pk), "--by", flow.created_by.email, "--wait")
        self.process = WarmProcess(*command, environment=environment)

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()


def test_a_worker_killed_inside_the_request_ends_as_unknown_and_is_sent_once(
    make_flow: MakeFlow, world: World, subprocess_environment: dict[str, str]
) -> None:
    flow, arrived, go_on = make_flow(people=3), threading.Event(), threading.Event()

    def hold(call: Call) -> tuple[int, bytes]:
        arrived.set()
        go_on.wait(30)
        return 200, b""

    world.answer = hold
    sender = Sender(flow, subprocess_environment)
    assert arrived.wait(60)
    sender.kill()
    go_on.set()
    attempt = ExportAttempt.objects.get()
    assert attempt.state == "sending"
    assert sweep().unknown == 0  # its lease has not run out: somebody may be at it
    send_attempt(attempt.pk)  # delivered again
    ExportAttempt.objects.update(lease_until=in_hours(-1))
    assert sweep().unknown == 1
    attempt.refresh_from_db()
    assert (attempt.state, attempt.unknown_count, attempt.message["code"]) == ("failed", 3, "attempt.worker_died")
    send_attempt(attempt.pk)
    assert len(world.exported) == 1


def test_a_worker_killed_while_preparing_is_followed_by_another_that_sends_once(
    make_flow: MakeFlow, world: World, subprocess_environment: dict[str, str]
) -> None:
    flow, arrived, go_on = make_flow(people=3), threading.Event(), threading.Event()
    answer = world.assessments

    def hold() -> list[dict[str, Any]]:
        if ExportAttempt.objects.filter(state="claimed").exists():
            arrived.set()
            go_on.wait(30)
        connection.close()
        return answer()

    world.assessments = hold  # type: ignore[method-assign]
    sender = Sender(flow, subprocess_environment)
    assert arrived.wait(60)
    sender.kill()
    go_on.set()
    ExportAttempt.objects.update(lease_until=in_hours(-1))
    report = sweep()
    assert (report.put_back, report.enqueued) == (1, 1)
    attempt = ExportAttempt.objects.get()
    send_attempt(attempt.pk)
    attempt.refresh_from_db()
    assert attempt.state == "exported"
    assert len(world.exported) == 1


@pytest.mark.parametrize("outcome", ["registered", "lost"])
def test_after_a_kill_a_managers_retry_carries_the_same_key(
    make_flow: MakeFlow, world: World, subprocess_environment: dict[str, str], outcome: str
) -> None:
    """A Ladok that honours the key registers once, whether the killed request got through or not."""
    flow, arrived = make_flow(people=2), threading.Event()
    ledger: set[str] = set()

    def register(call: Call) -> tuple[int, bytes] | None:
        if arrived.is_set():
            ledger.add(call.headers["idempotency-key"])
            return 200, b""
        if outcome == "registered":
            ledger.add(call.headers["idempotency-key"])
        arrived.set()
        return None

    world.answer = register
    Sender(flow, subprocess_environment).process.wait(60)
    assert arrived.is_set()
    (retry,) = retry_export(flow=flow, requested_by=flow.created_by)
    send_attempt(retry.pk)
    retry.refresh_from_db()
    assert retry.state == "exported"
    assert len(ledger) == 1
