"""Who is late does not send: real processes that are frozen between the mark and the first byte, and the look before it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from exports.attempts import transitions
from exports.attempts.send import send_attempt
from exports.attempts.start import retry_export, start_export
from exports.models import ExportAttempt
from exports.operation.sweep import sweep
from sources.models import Flow, Source
from tests.exports.attempts.test_once import Sender
from tests.exports.gate import Gate
from tests.exports.world import World
from tests.factories import ExportAttemptFactory, in_hours

MakeFlow = Callable[..., Flow]


@pytest.fixture
def gate(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    gate = Gate(tmp_path, world.url)
    monkeypatch.setenv("SSL_CERT_FILE", str(gate.trust))
    yield gate
    gate.stop()


@pytest.fixture
def frozen(
    transactional_db: None, make_flow: MakeFlow, gate: Gate, subprocess_environment: dict[str, str]
) -> Iterator[Callable[[], Any]]:
    """`export --wait` in a process of its own, stopped right before its first byte. Calling it lets it go on to its end."""
    flow = make_flow(people=3)
    Source.objects.update(ladok_url=f"{gate.url}/ladok")
    sender = Sender(flow, subprocess_environment | {"SSL_CERT_FILE": str(gate.trust)})
    try:
        assert gate.arrived.wait(60)
        assert ExportAttempt.objects.get().state == "sending"
        os.kill(sender.process.pid, signal.SIGSTOP)

        def wake() -> None:
            gate.opened.set()
            time.sleep(0.3)  # the handshake waits for it in the socket
            os.kill(sender.process.pid, signal.SIGCONT)
            sender.process.wait(60)

        yield wake
    finally:
        sender.process.kill()
        sender.process.wait()


SHORT = "shorter than the request"
OVER = {"run out": -3600, "further away than any": 3 * 3600, SHORT: 20}  # seconds from now


@pytest.mark.parametrize("lease", OVER)
@pytest.mark.parametrize("meanwhile", ["nothing", "swept", "retried"])
def test_a_sender_that_was_frozen_after_its_mark_sends_nothing_once_its_lease_is_over(
    frozen: Callable[[], None], world: World, lease: str, meanwhile: str
) -> None:
    is_held = lease == SHORT
    ExportAttempt.objects.update(lease_until=in_hours(OVER[lease] / 3600))
    if meanwhile != "nothing":
        assert sweep().unknown == (0 if is_held else 1)
    if meanwhile == "retried" and not is_held:
        flow = Flow.objects.select_related("source").get()
        (retry,) = retry_export(flow=flow, requested_by=flow.created_by, enqueue=False)
        assert send_attempt(retry.pk) == "exported"
    frozen()
    attempt = ExportAttempt.objects.earliest("created_at")
    assert attempt.state == "failed"
    if meanwhile == "retried" and not is_held:
        assert len(world.exported) == 1
        assert set(attempt.items.values_list("state", flat=True)) == {"superseded"}
    else:
        # What is known for certain is told, also where the sweeper had taken it for unknown.
        assert not world.exported
        assert (attempt.message["code"], attempt.failed_count, attempt.unknown_count) == ("attempt.too_late", 3, 0)
        assert set(attempt.items.values_list("state", flat=True)) == {"failed"}


def test_a_sender_that_was_frozen_for_a_moment_sends(frozen: Callable[[], None], world: World) -> None:
    frozen()
    assert (ExportAttempt.objects.get().state, len(world.exported)) == ("exported", 1)


def test_what_may_be_there_from_an_earlier_sending_stays_unknown(frozen: Callable[[], None], world: World) -> None:
    items = ExportAttempt.objects.get().items.order_by("pk")
    first = items.first()
    assert first is not None
    items.filter(pk=first.pk).update(may_be_in_ladok=True)
    ExportAttempt.objects.update(lease_until=in_hours(-1))
    sweep()
    frozen()
    attempt = ExportAttempt.objects.get()
    assert (attempt.message["code"], attempt.failed_count, attempt.unknown_count) == ("attempt.retry_not_sent", 2, 1)
    assert not world.exported


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_stood_still_in_the_preparation_sends_nothing_once_others_have_sent_and_retried(
    make_flow: MakeFlow, world: World
) -> None:
    """Its items are no longer their people's newest."""
    flow = make_flow(people=2)
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by, enqueue=False)

    def others() -> None:
        world.at_list = lambda: None
        try:
            ExportAttempt.objects.update(lease_until=in_hours(-1))
            assert sweep().put_back == 1
            world.answer = lambda call: None
            assert send_attempt(attempt.pk) == "failed"
            retry_export(flow=flow, requested_by=flow.created_by, enqueue=False)
        finally:
            connection.close()

    world.at_list = others
    assert send_attempt(attempt.pk) == "failed"
    assert len(world.exported) == 1
    attempt.refresh_from_db()
    assert (attempt.unknown_count, set(attempt.items.values_list("state", flat=True))) == (2, {"superseded"})
    assert send_attempt(ExportAttempt.objects.get(state="queued").pk) == "failed"
    assert len(world.exported) == 2


SECONDS = {
    "over": (-1, False),
    "too short for the request": (30, False),
    "long enough": (60, True),
    "as long as can be": (89, True),
    "longer than can be": (600, False),
    "of another clock": (7200, False),
}


@pytest.mark.parametrize("lease", SECONDS)
@pytest.mark.parametrize("change", [{}, {"state": "claimed"}, {"token": "0" * 32}])
def test_the_last_look_wants_the_mark_and_a_lease_that_can_be_true(
    make_flow: MakeFlow, lease: str, change: dict[str, str]
) -> None:
    seconds, may = SECONDS[lease]
    attempt = ExportAttemptFactory(flow=make_flow(), state="sending", lease_until=in_hours(seconds / 3600))
    ExportAttempt.objects.filter(pk=attempt.pk).update(**change)
    assert transitions.may_begin(attempt.pk, attempt.token) is (may and not change)
