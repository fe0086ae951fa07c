"""python -m tests.bench.queue: how long an export waits for its turn, and how long a night takes, in one run with what it is held against.

Clicks: from the click to the request in Ladok, in turn while nothing waits, while the queue reads grades and synchronises, and the same
without workers of the exports' own. Nights: the same flows with one cluster and with two, in turn, over systems that take a while to answer.
TEST_DATABASE_URL names a PostgreSQL server; TEST_REDIS_URL a Redis that may be emptied.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bench.__main__ import sandbox, show
from tests.environment import ROOT
from tests.running import wait_until
from tests.services import redis_address

PATIENCE = 600.0
CLICK_GOALS = {"orm": 1.0, "redis": 0.3}  # seconds, at any load
NIGHT_GOAL = 1.8  # two clusters against one
IDLE, BUSY, SHARED = "nothing waits", "the queue is busy", "the queue is busy, no workers of their own"


class Site:
    """A university with flows, and clusters that come and go."""

    def __init__(self, url: str, folder: Path) -> None:
        from django.core.management import call_command

        from ladokflow.sandbox.control import Control
        from sources.models import Membership, Source

        described = folder / "sources.toml"
        described.write_text((ROOT / "ladokflow/sandbox/demo.toml").read_text().replace("http://127.0.0.1:8099", url))
        call_command("migrate", verbosity=0)
        call_command("loadsources", str(described), verbosity=0, stdout=open(os.devnull, "w"))  # noqa: SIM115, PTH123
        self.control = Control(url)
        self.control.set_rate_limit(second=100_000, minute=10_000_000)
        self.source = Source.objects.get(slug="liu")
        self.anna: Any = Membership.objects.get(source=self.source, user__email="anna@liu.example").user

    def make(self, people: int) -> Any:
        from sources.flows.create import create_flow
        from sources.flows.request import request_flow

        code = self.control.add_exam("liu", people)
        asked = request_flow(source=self.source, codes=[code], requested_by=self.anna, enqueue=False)
        return create_flow(asked.pk)

    def make_graded(self, people: int) -> Any:
        from exports.grades.collect import collect_grades

        flow = self.make(people)
        self.control.start_participation(flow.wiseflow_id)
        self.control.end_participation(flow.wiseflow_id)
        self.control.grade(flow.wiseflow_id, "random")
        self.control.end_marking(flow.wiseflow_id)
        collect_grades(flow)
        flow.refresh_from_db()
        return flow

    @contextlib.contextmanager
    def cluster(self, name: str) -> Iterator[None]:
        """The workers of a queue, from their first sign of life on."""
        from exports.models import Heartbeat
        from ladokflow.queue import Queue

        queue = Queue[name.upper()]
        Heartbeat.objects.filter(name=Heartbeat.NAMES[queue]).delete()
        command = [sys.executable, "manage.py", "watch", "--queue", name]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: Heartbeat.objects.is_heard(queue), 120, f"the workers of {name}")
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(170)
            Heartbeat.objects.filter(name=Heartbeat.NAMES[queue]).delete()


# --- Clicks ------------------------------------------------------------------------------------------------------


def waiting() -> int:
    from exports.models import Collection
    from sources.models import SyncRun

    return Collection.objects.asked().count() + SyncRun.objects.filter(state__in=SyncRun.OPEN).count()


def fill_queue(flows: list[Any]) -> None:
    from exports.grades import asking
    from sources.models import SyncRun
    from sources.sync.run import request_sync

    for flow in flows:
        asking.ask(flow.pk)
        request_sync(flow=flow, trigger=SyncRun.Trigger.COMMAND)


def click(site: Site, flow: Any) -> float:
    """Seconds until Ladok has the request."""
    from exports.attempts.start import start_export

    site.control.clear_received()
    began = time.time()
    start_export(flow=flow, requested_by=site.anna)

    def sent() -> list[float]:
        return [call["at"] for call in site.control.received("liu") if call["method"] == "POST"]

    ends = time.monotonic() + PATIENCE
    while not (found := sent()):
        if time.monotonic() > ends:
            raise TimeoutError("the request")
        time.sleep(0.2)
    return found[0] - began


def measure_clicks(site: Site, load: list[Any], clicks: int) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {IDLE: [], BUSY: [], SHARED: []}

    def one(name: str) -> None:
        wait_until(lambda: not waiting(), PATIENCE, "an empty queue")
        flow = site.make_graded(5)
        if name != IDLE:
            fill_queue(load)
            time.sleep(1)
        before = waiting()
        found[name].append(click(site, flow))
        sys.stderr.write(f"  {name}: {found[name][-1]:.2f} s, {before} waited before it and {waiting()} after it\n")

    with site.cluster("common"):
        with site.cluster("exports"):
            for _ in range(clicks):
                one(IDLE)
                one(BUSY)
        one(SHARED)
        wait_until(lambda: not waiting(), PATIENCE, "an empty queue")
    return found


# --- Nights ------------------------------------------------------------------------------------------------------


def night(flows: list[Any], days: int) -> float:
    """Seconds from its beginning until every flow has been synchronised."""
    from django.utils import timezone

    from sources.models import SyncRun
    from sources.sync.nightly import request_night_syncs

    now = timezone.now() + dt.timedelta(days=days)
    began = time.perf_counter()
    request_night_syncs(now)
    runs = SyncRun.objects.filter(flow__in=flows, trigger=SyncRun.Trigger.NIGHT, created_at__gte=now)
    wait_until(lambda: runs.exclude(state__in=SyncRun.OPEN).count() == len(flows), PATIENCE, "the end of the night")
    return time.perf_counter() - began


def measure_nights(site: Site, flows: list[Any], nights: int, delay: float) -> dict[int, list[float]]:
    found: dict[int, list[float]] = {1: [], 2: []}
    site.control.delay(delay)
    for days in range(1, 2 * nights + 1):
        clusters = 2 - days % 2
        with contextlib.ExitStack() as running:
            for _ in range(clusters):
                running.enter_context(site.cluster("common"))
            found[clusters].append(night(flows, days))
            sys.stderr.write(
                f"  a night of {len(flows)} flows, {clusters} of 2 clusters: {found[clusters][-1]:.1f} s\n"
            )
    site.control.delay(0)
    return found


# --- A run -------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def own_database() -> Iterator[None]:
    """On PostgreSQL a new one, which goes again. On SQLite the file is this process's own."""
    url = os.environ["DATABASE_URL"]
    if not url.startswith("postgres"):
        yield
        return
    import psycopg

    name = f"ladokflow_bench_{os.getpid()}"
    with psycopg.connect(url.replace("postgres://", "postgresql://", 1), autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')
        os.environ["DATABASE_URL"] = f"{url.rpartition('/')[0]}/{name}"
        try:
            yield
        finally:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def run(broker: str, options: argparse.Namespace) -> bool:
    """Whether the goals are met."""
    if broker == "redis":
        import redis

        os.environ["REDIS_URL"] = redis_address()
        redis.Redis.from_url(os.environ["REDIS_URL"]).flushdb()
    os.environ |= {"DJANGO_SETTINGS_MODULE": "ladokflow.settings", "LOG_LEVEL": "ERROR", "PYTHONPATH": str(ROOT)}
    folder = Path(os.environ["DATA_DIR"])
    with own_database(), sandbox(folder) as url:
        import django

        django.setup()
        site = Site(url, folder)
        flows = [site.make(20) for _ in range(options.flows)]
        clicks = measure_clicks(site, flows, options.clicks) if options.clicks else {}
        nights = measure_nights(site, flows, options.nights, options.delay) if options.nights else {}
    sys.stdout.write(f"\n{broker}, {os.environ['DATABASE_URL'].partition(':')[0]}\n\n")
    rows = [(name, *_spread(seconds)) for name, seconds in clicks.items()]
    rows += [(f"a night of {len(flows)}, clusters: {number}", *_spread(seconds)) for number, seconds in nights.items()]
    show(("seconds", "median", "least", "most"), rows)
    is_met = True
    if clicks:
        slowest = max(max(seconds) for name, seconds in clicks.items() if name != SHARED)
        is_met &= _goal(
            f"the slowest click {slowest:.2f} s, goal {CLICK_GOALS[broker]}", slowest <= CLICK_GOALS[broker]
        )
    if nights:
        ratio = statistics.median(nights[1]) / statistics.median(nights[2])
        is_met &= _goal(f"two clusters {ratio:.2f} times as fast as one, goal {NIGHT_GOAL}", ratio >= NIGHT_GOAL)
    return is_met


def _goal(text: str, is_met: bool) -> bool:
    sys.stdout.write(f"{'met' if is_met else 'MISSED'}: {text}\n")
    return is_met


def _spread(seconds: list[float]) -> tuple[str, str, str]:
    return f"{statistics.median(seconds):.2f}", f"{min(seconds):.2f}", f"{max(seconds):.2f}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.queue", description=__doc__)
    parser.add_argument("--broker", choices=tuple(CLICK_GOALS), nargs="+", default=tuple(CLICK_GOALS))
    parser.add_argument("--flows", type=int, default=60, help="twice as many entries wait before a click (%(default)s)")
    parser.add_argument("--clicks", type=int, default=8, help="of each kind; 0: none (%(default)s)")
    parser.add_argument("--nights", type=int, default=2, help="with each number of clusters; 0: none (%(default)s)")
    parser.add_argument("--delay", type=float, default=0.1, help="seconds before each answer at night (%(default)s)")
    options = parser.parse_args()
    if len(options.broker) == 1:
        return 0 if run(options.broker[0], options) else 1
    # The settings are read once in a process, so each broker has its own.
    given = [
        argument
        for name in ("flows", "clicks", "nights", "delay")
        for argument in (f"--{name}", str(getattr(options, name)))
    ]
    command = [sys.executable, "-m", "tests.bench.queue", *given, "--broker"]
    return max(subprocess.run([*command, broker], cwd=ROOT, check=False).returncode for broker in options.broker)


if __name__ == "__main__":
    sys.exit(main())
