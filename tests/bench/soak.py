"""python -m tests.bench.soak: everything at once, for as long as is wanted, held against goals.

Two web processes, two clusters of the common queue and one of exports, the sweeper and the sandbox, whose Ladok takes its time to register
grades. Flow after flow is graded, WISEflow's webhooks tell of it, and a manager exports it on the pages, while all flows are synchronised
night after night. TEST_DATABASE_URL names a PostgreSQL server.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import os
import re
import signal
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from tests.bench.__main__ import sandbox, show
from tests.bench.queue import PATIENCE, Site, own_database, waiting
from tests.crash.processes import Processes
from tests.environment import ROOT
from tests.filling import form_on
from tests.running import free_port, wait_until
from tests.services import answers

CLICK_GOAL, GROWTH_GOAL = (
    1.0,
    1.1,
)  # seconds from the click to the request, p95; memory of the last third to that of the first
PEOPLE = 20  # of a flow
FAULT = re.compile(r" ERROR |\[ERROR\]|\[CRITICAL\]|Traceback")


@contextlib.contextmanager
def running(processes: Processes, ports: list[int]) -> Iterator[None]:
    commands = {
        f"web{port}": (
            "-m",
            "gunicorn",
            "ladokflow.wsgi",
            "--bind",
            f"127.0.0.1:{port}",
            "--threads",
            "4",
            "--no-control-socket",
        )
        for port in ports
    }
    commands |= {f"common{number}": ("manage.py", "watch", "--queue", "common") for number in (1, 2)}
    commands |= {"exports": ("manage.py", "watch", "--queue", "exports"), "sweeper": ("manage.py", "sweep", "--loop")}
    started = [processes.start(name, *command) for name, command in commands.items()]
    try:
        for port in ports:
            wait_until(lambda port=port: answers("127.0.0.1", port), 120, "the pages")
        yield
    finally:
        for process in started:
            process.send_signal(signal.SIGTERM)
        for process in started:
            process.wait(170)


class Soak:
    def __init__(self, site: Site, processes: Processes, ports: list[int], flows: int) -> None:
        from django.test import Client

        self.site, self.processes = site, processes
        self.flows = [site.make(PEOPLE) for _ in range(flows)]
        client = Client()
        client.force_login(site.anna)
        session = {"sessionid": client.cookies["sessionid"].value}
        self.pages = [httpx.Client(base_url=f"http://127.0.0.1:{port}", cookies=session, timeout=60) for port in ports]
        self.clicks: list[float] = []
        self.memory: list[float] = []
        self.waiting: list[int] = []
        self.faults: list[str] = []
        self.nights = 0

    def go_on(self, seconds: float, night_seconds: float) -> None:
        ends, night_at = time.monotonic() + seconds, time.monotonic()
        while time.monotonic() < ends:
            if time.monotonic() >= night_at:
                night_at += night_seconds
                self.night()
            self.one_more()
            self.memory.append(self.memory_mb())
            self.waiting.append(waiting())
            sys.stderr.write(
                f"  {len(self.clicks)}: {self.clicks[-1]:.2f} s, {self.memory[-1]:.0f} MB, {self.waiting[-1]} wait\n"
            )

    def night(self) -> None:
        from django.utils import timezone

        from sources.sync.nightly import request_night_syncs

        self.nights += 1
        request_night_syncs(timezone.now() + dt.timedelta(days=self.nights))

    def one_more(self) -> None:
        """A flow is written, graded and exported."""
        from django.urls import reverse

        from ladokflow.choices import with_trait
        from ladokflow.messages import Trait
        from sources.models import Flow

        control, pages = self.site.control, self.pages[len(self.clicks) % len(self.pages)]
        flow = self.flows.pop() if self.flows else self.site.make(PEOPLE)
        for happens in (control.start_participation, control.end_participation):
            happens(flow.wiseflow_id)
        control.grade(flow.wiseflow_id, "random")
        control.end_marking(flow.wiseflow_id)
        ready = Flow.objects.filter(with_trait("export_message", Trait.READY), pk=flow.pk, graded_count=PEOPLE)
        wait_until(ready.exists, PATIENCE, "the grades, that WISEflow's webhooks tell of")
        for address in ("/", "/exports/?tab=pending", reverse("flows:detail", args=[flow.pk])):
            self.look(pages, address)
        preview, send = (reverse(f"exports:{name}", args=[flow.pk]) for name in ("preview", "send"))
        fields = form_on(self.look(pages, preview), send)
        control.clear_received()
        began = time.time()
        answer = pages.post(send, data=fields)
        if answer.status_code != 302:
            self.faults.append(f"{send}: {answer.status_code}")
        self.clicks.append(self.request_at(flow) - began)

    def look(self, pages: httpx.Client, address: str) -> str:
        answer = pages.get(address)
        if answer.status_code != 200:
            self.faults.append(f"{address}: {answer.status_code}")
        return answer.text

    def request_at(self, flow: Any) -> float:
        end, found = f"/{flow.codes.get().code}/grades", list[float]()

        def has_come() -> bool:
            calls = self.site.control.received("liu")
            found.extend(call["at"] for call in calls if call["method"] == "POST" and call["path"].endswith(end))
            return bool(found)

        wait_until(has_come, PATIENCE, "the request")
        return found[0]

    def memory_mb(self) -> float:
        """Of all our processes together, each with its part of what they share."""
        sizes = []
        for process in self.processes.all():
            with contextlib.suppress(OSError):
                told = re.search(
                    r"^Pss:\s*(\d+) kB", Path(f"/proc/{process.pid}/smaps_rollup").read_text(), re.MULTILINE
                )
                sizes.append(int(told[1]) / 1024 if told else 0.0)
        return sum(sizes)

    def judge(self) -> bool:
        from exports.models import ExportAttempt
        from sources.models import SyncRun, WebhookEvent

        wait_until(lambda: not waiting(), PATIENCE, "an empty queue")
        for log in sorted(self.processes.folder.glob("*.log")):
            self.faults += [f"{log.stem}: {line}" for line in log.read_text().splitlines() if FAULT.search(line)]
        failed = ExportAttempt.objects.filter(state="failed").count(), SyncRun.objects.filter(state="failed").count()
        third = max(1, len(self.memory) // 3)
        first, last = statistics.median(self.memory[:third]), statistics.median(self.memory[-third:])
        p95 = sorted(self.clicks)[min(len(self.clicks) - 1, int(len(self.clicks) * 0.95))]
        rows = [
            ("faults in logs and on pages", str(len(self.faults)), "0", not self.faults),
            ("failed exports, synchronisations", f"{failed[0]}, {failed[1]}", "0, 0", not any(failed)),
            ("click to request, p95", f"{p95:.2f} s", f"{CLICK_GOAL} s", p95 <= CLICK_GOAL),
            ("memory, last third", f"{last:.0f} MB", f"{GROWTH_GOAL} x {first:.0f} MB", last <= GROWTH_GOAL * first),
        ]
        sys.stdout.write("".join(f"{fault}\n" for fault in self.faults[:50]))
        nights = f"{self.nights} nights, {WebhookEvent.objects.count()} calls of WISEflow's, at most {max(self.waiting)} waited"
        sys.stdout.write(
            f"\n{len(self.clicks)} exports of {PEOPLE} (median {statistics.median(self.clicks):.2f} s), {nights}\n\n"
        )
        show(("", "found", "goal", ""), [(*row, "met" if is_met else "missed") for *row, is_met in rows])
        return all(is_met for *_, is_met in rows)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--flows", type=int, default=300)
    parser.add_argument("--night", type=float, default=300, help="seconds from one to the next (%(default)s)")
    parser.add_argument("--ladok", type=float, default=5, help="seconds that Ladok takes for an export (%(default)s)")
    options = parser.parse_args()
    ports = [free_port(), free_port()]
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "ladokflow.settings",
        "LOG_LEVEL": "ERROR",
        "ALLOWED_HOSTS": "127.0.0.1,testserver",
        "PUBLIC_URL": f"http://127.0.0.1:{ports[0]}",
        "PYTHONPATH": str(ROOT),
    }
    folder = Path(os.environ["DATA_DIR"])
    (folder / "logs").mkdir()
    with own_database(), sandbox(folder) as url:
        import django

        django.setup()
        from django.core.management import call_command

        from sources.webhooks.register import register

        site, processes = Site(url, folder), Processes(os.environ, folder / "logs")
        call_command("setupschedules", verbosity=0, stdout=open(os.devnull, "w"))  # noqa: SIM115, PTH123
        site.control.fault("liu", "/exams/*/grades", "late_answer", times=-1, method="POST", seconds=options.ladok)
        soak = Soak(site, processes, ports, options.flows)
        with running(processes, ports):
            register(source=site.source)
            soak.go_on(options.minutes * 60, options.night)
            is_met = soak.judge()
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
