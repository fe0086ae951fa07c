"""Exports have a queue of their own, where somebody serves it; where nobody does they go all the same, and that is told."""

from __future__ import annotations

import datetime as dt
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from django.conf import settings
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ

from exports.attempts.start import start_export
from exports.models import Heartbeat
from exports.operation import health
from exports.operation.sweep import sweep
from ladokflow.queue import Queue, enqueue
from sources.models import Flow
from tests.environment import ROOT
from tests.running import wait_until

MakeFlow = Callable[..., Flow]
LONG_AGO = dt.timedelta(seconds=health.HEARTBEAT_SECONDS + 5)


def test_the_queues_are_those_of_the_settings() -> None:
    assert [*Queue] == [settings.Q_CLUSTER["name"], *settings.Q_CLUSTER["ALT_CLUSTERS"]]


def entries() -> Counter[str]:
    return Counter(OrmQ.objects.values_list("key", flat=True))


@pytest.mark.parametrize(
    ("silent_for", "found"),
    [
        (None, {Queue.COMMON: 1}),
        (LONG_AGO, {Queue.COMMON: 1}),
        (dt.timedelta(seconds=20), {Queue.COMMON: 1, Queue.EXPORTS: 1}),
    ],
)
def test_an_export_goes_where_somebody_will_come(
    make_flow: MakeFlow, silent_for: dt.timedelta | None, found: dict[Queue, int]
) -> None:
    flow = make_flow()
    if silent_for is not None:
        Heartbeat.objects.create(name="exports", at=timezone.now() - silent_for)
    start_export(flow=flow, requested_by=flow.created_by)
    assert entries() == found


@pytest.mark.django_db
def test_nothing_else_goes_into_the_queue_of_exports() -> None:
    health.beat("exports")
    enqueue("exports.tasks.collect_flow", 1)
    assert entries() == {Queue.COMMON: 1}


def test_that_exports_have_no_worker_is_told_after_a_while(make_flow: MakeFlow, client: Client) -> None:
    flow = make_flow()
    client.force_login(flow.created_by)

    def told() -> tuple[bool, bool, int]:
        answer = client.get("/health/")
        page = client.get("/", headers={"accept-language": "en"}).content.decode()
        return not answer.json()["exports"]["hasWorker"], "Exports take longer than usual" in page, answer.status_code

    assert told() == (False, False, 200)
    sweep()
    assert told() == (False, False, 200)
    Heartbeat.objects.filter(name=health.EXPORTS_AWAITED).update(at=timezone.now() - LONG_AGO)
    sweep()
    assert told() == (True, True, 200)
    health.beat("exports")
    assert told() == (False, False, 200)
    Heartbeat.objects.filter(name="exports").update(at=timezone.now() - LONG_AGO)
    assert told() == (True, True, 200)


@pytest.fixture(params=["orm", "redis"])
def broker(request: pytest.FixtureRequest, subprocess_environment: dict[str, str]) -> dict[str, str]:
    """The environment of our processes with each of the brokers."""
    if request.param == "orm":
        return subprocess_environment
    url = request.getfixturevalue("redis_url")
    redis.Redis.from_url(url).flushdb()
    return subprocess_environment | {"REDIS_URL": url}


@pytest.fixture
def export_worker(broker: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, "manage.py", "watch", "--queue", "exports"],
        cwd=ROOT, env=broker, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_until(lambda: Heartbeat.objects.is_heard(Queue.EXPORTS), 90, "the export worker")
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(170) == 0


def test_an_export_is_sent_though_nobody_comes_to_the_common_queue(
    make_flow: MakeFlow, world: Any, broker: dict[str, str], export_worker: None
) -> None:
    flow = make_flow()
    command = [sys.executable, "manage.py", "export", "--flow", str(flow.pk), "--by", flow.created_by.email]
    subprocess.run(command, cwd=ROOT, env=broker, check=True, capture_output=True)
    wait_until(lambda: flow.attempts.filter(state="exported").exists(), 120, "the export")
    assert len(world.exported) == 1
    assert not Heartbeat.objects.filter(name="queue").exists()
    if "REDIS_URL" in broker:
        assert redis.Redis.from_url(broker["REDIS_URL"]).llen(f"django_q:{Queue.COMMON}:q") == 1
    else:
        assert entries()[Queue.COMMON] == 1
