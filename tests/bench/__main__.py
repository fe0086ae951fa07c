"""python -m tests.bench: see the package's docstring, and `--help`."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.bench import lists, statistics
from tests.bench.syncing import newcomers, starting, unchanged
from tests.environment import ROOT
from tests.running import free_port, wait_until
from tests.services import answers

Line = tuple[str, str, str, str]

KEPT_REQUESTS = 50_000  # of the sandbox's, to be counted: there is one for each person


def clocked(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    done = work()
    return time.perf_counter() - began, done


@contextlib.contextmanager
def sandbox(folder: Path) -> Iterator[str]:
    """In a process of its own: it shares neither our memory nor our interpreter."""
    port = free_port()
    with (folder / "sandbox.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "sandbox", f"--port={port}", f"--keep={KEPT_REQUESTS}"],
            cwd=ROOT,
            stdout=log,
            stderr=log,
        )
    try:
        wait_until(lambda: answers("127.0.0.1", port), 60, "the sandbox")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


class Bench:
    """An exam of a size, from Ladok to WISEflow and back, each step timed."""

    def __init__(self, url: str, folder: Path) -> None:
        from django.core.management import call_command

        from ladokflow.sandbox.control import Control
        from sources.models import Membership, Source

        described = folder / "sources.toml"
        text = (ROOT / "ladokflow/sandbox/demo.toml").read_text()
        described.write_text(text.replace("http://127.0.0.1:8099", url))
        call_command("loadsources", str(described), stdout=open(os.devnull, "w"))  # noqa: SIM115, PTH123
        self.control = Control(url)
        self.control.set_rate_limit(second=100_000, minute=10_000_000)
        self.source = Source.objects.get(slug="liu")
        self.anna: Any = Membership.objects.get(source=self.source, user__email="anna@liu.example").user
        self.seconds: dict[tuple[str, int], float] = {}
        self.peaks: dict[int, float] = {}

    def exam(self, people: int) -> None:
        from exports.attempts.start import start_export
        from exports.grades.collect import collect_grades
        from sources.flows.create import create_flow
        from sources.flows.request import request_flow
        from sources.models import SyncRun
        from sources.sync.run import request_sync, run_sync

        def timed(step: str, work: Callable[[], Any]) -> Any:
            self.seconds[step, people], done = clocked(work)
            sys.stderr.write(f"  {people:6}  {step}: {self.seconds[step, people]:.1f} s\n")
            return done

        code = timed("sandbox: an exam in Ladok", lambda: self.control.add_exam("liu", people))
        asked = request_flow(source=self.source, codes=[code], requested_by=self.anna, enqueue=False)
        flow = timed("create the flow, with everybody", lambda: create_flow(asked.pk))
        asked_again = request_sync(flow=flow, trigger=SyncRun.Trigger.MANAGER, requested_by=self.anna, enqueue=False)
        timed("synchronise, nothing changed", lambda: run_sync(asked_again.pk))
        number = flow.wiseflow_id
        self.control.start_participation(number)
        self.control.end_participation(number)
        timed("sandbox: grade everybody", lambda: self.control.grade(number, "random"))
        self.control.end_marking(number)
        timed("collect the grades", lambda: collect_grades(flow))
        (attempt,) = timed("start the export", lambda: start_export(flow=flow, requested_by=self.anna, enqueue=False))
        worked = measured("work", str(attempt.pk))
        self.seconds["send and record, in one request", people] = worked["seconds"]
        self.peaks[people] = worked["peak_mb"]
        attempt.refresh_from_db()
        if attempt.exported_count != people:
            raise SystemExit(f"{attempt.exported_count} of {people} exported: {attempt.reason}")

    def lines(self, small: int, large: int) -> Iterator[Line]:
        for step in dict.fromkeys(step for step, _ in self.seconds):
            few, many = (self.seconds[step, size] * 1000 / size for size in (small, large))
            yield step, f"{few:.2f} s", f"{many:.2f} s", f"{many / few:.2f}"
        first, again = (
            self.seconds[step, large] for step in ("create the flow, with everybody", "synchronise, nothing changed")
        )
        yield "synchronise, nothing changed: of creating", "", "", f"{again / first:.2f}"


def measured(*arguments: str) -> dict[str, Any]:
    """With memory set as in `deploy/`."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.exports.measured", *arguments],
        cwd=ROOT,
        env=os.environ | {"MALLOC_ARENA_MAX": "2"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def show(headings: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(len(line[column]) for line in [headings, *rows]) for column in range(len(headings))]
    for line in [headings, *rows]:
        cells = [
            line[0].ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)),
        ]
        sys.stdout.write("  ".join(cells).rstrip() + "\n")
    sys.stdout.write("\n")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--people", type=int, nargs=2, default=(2000, 10_000), metavar=("FEW", "MANY"))
    parser.add_argument("--newcomers", type=int, default=1000)
    parser.add_argument("--flows", type=int, nargs=2, default=(200, 5000), metavar=("FEW", "MANY"))
    parser.add_argument(
        "--people-of-a-flow", type=int, default=20, help="in lists and statistics (default: %(default)s)"
    )
    parser.add_argument("--runs", type=int, default=60_000, help="old ones, to be deleted (default: %(default)s)")
    parser.add_argument(
        "--only",
        choices=["lists", "statistics", "sync"],
        help="only lists and pruning, or what has a floor; or the pages of statistics, which are left out without it",
    )
    options = parser.parse_args()
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "ladokflow.settings",
        "LOG_LEVEL": "ERROR",
        "ALLOWED_HOSTS": "testserver",
        "PYTHONPATH": str(ROOT),
    }
    from tests.bench.queue import own_database

    with own_database():
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        return int(missed(options))


def missed(options: argparse.Namespace) -> bool:
    """Whether any goal is."""
    found: list[tuple[str, ...]] = []
    few, many = options.flows
    if options.only == "statistics":
        found = list(statistics.lines(few, many, options.people_of_a_flow))
        show_statistics(options.flows, found)
    if options.only in (None, "lists"):
        listed = list(lists.lines(few, many, options.people_of_a_flow, runs=15))
        deleted = list(lists.prune_lines(options.runs))
        show_lists(options.flows, listed, deleted)
        found += [*listed, *deleted]
    if options.only in (None, "sync"):
        found += of_size(options)
    return any(line[-1] == "missed" for line in found)


def of_size(options: argparse.Namespace) -> list[tuple[str, ...]]:
    few, many = options.people
    folder = Path(os.environ["DATA_DIR"])
    with sandbox(folder) as url:
        bench = Bench(url, folder)
        floors = [*newcomers(bench, options.newcomers), *unchanged(bench, many, measured), *starting()]
        show(("beside a floor", "floor", "ours", "ratio", "goal"), floors)
        if options.only:
            return floors
        for size in (few, many):
            bench.exam(size)
    sys.stdout.write("\nSeconds for each 1,000 people; a ratio of 1 is growth in proportion.\n\n")
    show(("", f"{few:,} people", f"{many:,} people", "ratio"), list(bench.lines(few, many)))
    peaks = [("the worker's peak", *(f"{bench.peaks[size]:.0f} MB" for size in (few, many)), "")]
    show(("memory", f"{few:,} people", f"{many:,} people", ""), peaks)
    return floors


def show_statistics(sizes: Sequence[int], found: list[tuple[str, ...]]) -> None:
    """The last column says whether it takes a second at most, and twelve questions at most, and no more of them than with few."""
    few, many = (f"{size:,} flows" for size in sizes)
    show(("statistics", few, many, f"queries, {few}", many, "goal"), found)


def show_lists(sizes: Sequence[int], listed: list[tuple[str, ...]], deleted: list[tuple[str, ...]]) -> None:
    """The last column says whether it is at most 1.5 times what it is with few, and no longer than Django's own administration."""
    few, many = (f"{size:,} flows" for size in sizes)
    show(("lists", few, many, "ratio", f"Django's, {many}", "of Django's", "goal"), listed)
    show(("old synchronisations", "ours", "bare DELETE", "ratio", "300,000 of them", "goal"), deleted)


if __name__ == "__main__":
    sys.exit(main())
