"""Synchronising beside its floor, and starting a command beside bare Django: each pair in turns within one run."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

from tests.environment import ROOT

TURNS = 3
DELAY_SECONDS = 0.02
Line = tuple[str, ...]
PEAK_GOAL_MB = 150


def floor(*arguments: str) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.bench.floors", *arguments]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(done.stdout))


def line(what: str, ours: list[float], theirs: list[float], goal: float) -> Line:
    """The medians and their ratio, with the least and the greatest of the turns, and whether it is as wanted."""
    ratios = [our / their for our, their in zip(ours, theirs, strict=True)]
    spread = f"{median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"
    is_met = median(ratios) <= goal
    return f"{what}; goal {goal}", f"{median(theirs):.2f} s", f"{median(ours):.2f} s", spread, met(is_met)


def met(is_met: bool) -> str:
    return "met" if is_met else "missed"


def newcomers(bench: Any, people: int) -> Iterator[Line]:
    """A new exam, every call taking 20 ms: the floor makes as many calls, as fast as WISEflow lets anybody."""
    from sources.flows.create import create_flow
    from sources.flows.request import request_flow

    ours, theirs = [], []
    # Of a large university, so that those whom one turn makes users are not those of the next.
    bench.control.remove_exam("liu", bench.control.add_exam("liu", 30 * people))
    for _ in range(TURNS):
        code = bench.control.add_exam("liu", people)
        asked = request_flow(source=bench.source, codes=[code], requested_by=bench.anna, enqueue=False)
        bench.control.clear_received()
        bench.control.delay(DELAY_SECONDS)
        began = time.perf_counter()
        flow = create_flow(asked.pk)
        ours.append(time.perf_counter() - began)
        count = len(bench.control.received("wiseflow"))
        url = f"{bench.source.wiseflow_url}/flow/{flow.wiseflow_id}"
        theirs.append(floor("calls", url, token(), str(count))["seconds"])
        bench.control.delay(0)
    yield line(f"create with {people:,} new people ({count} calls)", ours, theirs, 1.2)


def unchanged(bench: Any, people: int, measured: Callable[..., dict[str, Any]]) -> Iterator[Line]:
    """In a process of its own, as a worker does it."""
    from sources.flows.create import create_flow
    from sources.flows.request import request_flow
    from sources.models import SyncRun
    from sources.sync.run import request_sync

    code = bench.control.add_exam("liu", people)
    asked = request_flow(source=bench.source, codes=[code], requested_by=bench.anna, enqueue=False)
    flow = create_flow(asked.pk)
    secret = bench.source.credentials.get(system="ladok").secret
    wiseflow = f"{bench.source.wiseflow_url}/flows/{flow.wiseflow_id}/participants"
    ours, theirs = [], []
    for _ in range(TURNS + 1):
        run = request_sync(flow=flow, trigger=SyncRun.Trigger.MANAGER, requested_by=bench.anna, enqueue=False)
        ours.append(measured("sync", str(run.pk)))
        theirs.append(floor("read", f"{bench.source.ladok_url}/exams/{code}", secret, wiseflow, token(), str(people)))
        if (ours[-1]["state"], ours[-1]["changes"]) != ("success", 0):
            raise SystemExit(f"The synchronisation was not unchanged: {ours[-1]}")
    for name, goal in (("seconds", 1.5), ("cpu", 4.0)):
        # The first one follows the creation: nobody has found yet that there is nothing to do, and everybody is looked at.
        pair = [[each[name] for each in side[1:]] for side in (ours, theirs)]
        yield line(f"synchronise {people:,}, nothing changed: {name}", pair[0], pair[1], goal)
    first, *others = (each["peak_mb"] for each in ours)
    for name, peak in (("nothing changed", max(others)), ("in full", first)):
        yield (
            f"synchronise {people:,}, {name}: peak; goal {PEAK_GOAL_MB} MB",
            "",
            f"{peak:.0f} MB",
            "",
            met(peak <= PEAK_GOAL_MB),
        )


def token() -> str:
    """The one that our own client has for WISEflow."""
    from ladokflow.wiseflow import auth

    return next(iter(auth._tokens.values())).value


def starting() -> Iterator[Line]:
    """`manage.py check` beside that of a project as `startproject` makes it."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "django", "startproject", "bare", folder], check=True)
        bare = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
        ours, theirs = [], []
        for _ in range(3 * TURNS):
            theirs.append(cpu_of(Path(folder), bare))
            ours.append(cpu_of(ROOT, dict(os.environ)))
    yield line("manage.py check: cpu", ours[1:], theirs[1:], 2.5)


def cpu_of(folder: Path, environment: dict[str, str]) -> float:
    """Of the machine, not of the clock: what else runs does not count."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "manage.py", "check"]
    subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
