"""`make test`: the checks, the tests on PostgreSQL and on SQLite, and a plain account of what was left out.

Where a PostgreSQL answers, everything is run on it, and on SQLite what depends on the database (`tests/databases.py`); `--all` runs
everything on both. Where none does, everything is run on SQLite. The steps run beside each other: much of the time a test waits
for a process, a browser or a server. With `--nothing-left-out` (as `.ci/run` has it) a left-out check is a failure.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from tests import durations, left_out, prepared, recorder, services
from tests.databases import POSTGRESQL, SQLITE
from tests.environment import ROOT

PYTEST = [sys.executable, "-m", "pytest", "-q"]
# One test at a time goes to the worker that is free: with the longest first, none waits for another worker's long one.
IN_TURN = ["--dist=load", "--maxschedchunk=1"]


@dataclass
class Step:
    """A command of its own. One is seen while it runs; what the others say is told afterwards, each in one piece."""

    name: str
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    is_seen: bool = False
    said: str = ""
    passed: bool = False
    wall: float = 0.0
    cpu: float = 0.0  # seconds, with its children

    def run(self) -> Step:
        started = time.monotonic()
        with tempfile.TemporaryFile("w+", errors="replace") as said:
            process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env=os.environ | self.environment,
                stdin=subprocess.DEVNULL,
                stdout=None if self.is_seen else said,
                stderr=None if self.is_seen else subprocess.STDOUT,
            )
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            said.seek(0)
            self.said = said.read()
        self.passed = process.returncode == 0
        self.wall, self.cpu = time.monotonic() - started, used.ru_utime + used.ru_stime
        print(f"\n=== {self.line()}", flush=True)
        return self

    def tell(self) -> None:
        if not self.is_seen:
            print(f"\n=== {self.name}: {' '.join(self.command)}\n{self.said}", flush=True)

    def line(self) -> str:
        return f"{'passed' if self.passed else 'FAILED'}  {self.name} ({self.wall:.0f} s, {self.cpu:.0f} s of CPU)"


def database_url(server: str) -> str:
    """The server's address with the name that the tests' databases are called after: another for each copy of the repository."""
    copy = hashlib.sha256(str(ROOT).encode()).hexdigest()[:8]
    return urlunsplit(urlsplit(server)._replace(path=f"/ladokflow_{copy}"))


def test_steps(jobs: int, postgres: str, folder: Path, *, everything: bool) -> list[Step]:
    on_sqlite = {"TEST_DATABASE_URL": "", prepared.NAME: str(folder / "prepared.sqlite3")}
    if not postgres:
        return [Step("Tests on SQLite", [*PYTEST, *IN_TURN, "-n", str(jobs)], on_sqlite, is_seen=True)]

    # On SQLite there is about a third as much to do.
    few = max(1, jobs // 3)
    url = database_url(postgres)
    on_postgresql = {
        "TEST_DATABASE_URL": url,
        prepared.NAME: f"test_{urlsplit(url).path[1:]}_prepared",
        prepared.WRITTEN: str(folder / "prepared.sql"),
    }
    steps = []
    for name, share, workers, environment in (
        ("PostgreSQL", POSTGRESQL, max(1, jobs - few), on_postgresql),
        ("SQLite", SQLITE, few, on_sqlite),
    ):
        chosen = [] if everything else ["--share", share]
        command = [*PYTEST, *IN_TURN, "-n", str(workers), *chosen]
        steps.append(Step(f"Tests on {name}", command, environment, is_seen=share == POSTGRESQL))
    return steps


def database_step(tests: Step, what: str) -> Step:
    """`make` or `drop` the database that these tests copy."""
    name = f"The database of {tests.name.lower()}: {what}"
    return Step(name, [sys.executable, "-m", "tests.prepared", what], tests.environment)


def openapi_step(folder: Path) -> Step:
    return Step("WISEflow's OpenAPI", [sys.executable, "-m", "tests.openapi", str(folder)])


def compiled() -> None:
    """The bytecode of everything, once: or each worker would compile it all for itself."""
    command = [*PYTEST, "--collect-only", "-p", "no:randomly"]
    subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, check=False)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    # Two or three for a core: much of a test's time goes by in waiting for a process, a browser or a server.
    parser.add_argument("--jobs", type=int, default=min(3 * (os.cpu_count() or 1), 8), help="here: %(default)s")
    parser.add_argument("--all", action="store_true", help="everything on both databases")
    parser.add_argument("--nothing-left-out", action="store_true")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory(prefix="ladokflow-suite-") as folder:
        return run(Path(folder), options)


def run(folder: Path, options: argparse.Namespace) -> int:
    started, at_work = time.monotonic(), machine_cpu()
    missing_file, durations_file, requests = folder / "left-out", folder / "durations", folder / "requests"
    requests.mkdir()
    os.environ |= {
        left_out.FILE: str(missing_file),
        durations.FILE: str(durations_file),
        recorder.FOLDER: str(requests),
    }
    postgres = services.postgres_address()
    lint = Step("Lint, format, types, imports", ["make", "--no-print-directory", "lint"])
    tests = test_steps(options.jobs, postgres, folder, everything=options.all)
    makes, drops = ([database_step(step, what) for step in tests] for what in ("make", "drop"))
    with ThreadPoolExecutor(1 + len(tests)) as threads:
        checking = threads.submit(lint.run)
        compiled()
        for step in makes:
            step.run()
        running: list[Future[Step]] = [checking, *(threads.submit(step.run) for step in tests)]
        for future in running:
            future.result()
    for step in drops:
        step.run()
    steps = [lint, *makes, *tests, *drops]
    missing = sorted(set(lines_of(missing_file)))
    if not postgres:
        missing.append("the whole suite on PostgreSQL: no server answers on 127.0.0.1:5432 (or TEST_POSTGRES_URL)")
    if services.openapi_path():
        steps.append(openapi_step(requests).run())
    else:
        missing += recorder.unchecked(requests)
    for step in steps:
        step.tell()

    print("\n=== Where the time went")
    for line in durations.table(durations.read(lines_of(durations_file))):
        print(f"  {line}")
    cpu = f"{sum(step.cpu for step in steps):.0f} s of CPU, and on the whole machine {machine_cpu() - at_work:.0f} s"
    print(f"\n=== Summary: {time.monotonic() - started:.0f} s, {cpu}")
    for step in steps:
        print(f"  {step.line()}")
    print("  Left out:" if missing else "  Nothing was left out.")
    for line in missing:
        print(f"    - {line}")
    if not all(step.passed for step in steps):
        return 1
    return 1 if missing and options.nothing_left_out else 0


def machine_cpu() -> float:
    """Seconds that the processors have been at work for anybody: what a browser and PostgreSQL take is counted to no step."""
    stat = Path("/proc/stat")
    if not stat.is_file():
        return 0.0
    user, nice, system, _idle, _waiting, *others = map(int, stat.read_text().splitlines()[0].split()[1:9])
    return (user + nice + system + sum(others)) / os.sysconf("SC_CLK_TCK")


def lines_of(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.is_file() else []


if __name__ == "__main__":
    sys.exit(main())
