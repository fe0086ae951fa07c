"""Tells at the end where the time went: the seconds that the tests of each folder took, and the files that took most."""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

FILE = "LADOKFLOW_DURATIONS"  # where `make test` gathers the lines of its runs
MOST = 8  # files that are told of
SHOWN = 1.0  # seconds; what took less is not told


@dataclass
class Spent:
    """By test file: seconds of set-up, call and tear-down, and tests."""

    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    tests: Counter[str] = field(default_factory=Counter)

    def add(self, file: str, seconds: float, tests: int) -> None:
        self.seconds[file] += seconds
        self.tests[file] += tests

    def by_folder(self) -> Spent:
        """By room: at most three folders deep, as `tests/sources/sync`."""
        folders = Spent()
        for file, seconds in self.seconds.items():
            folders.add("/".join(PurePosixPath(file).parent.parts[:3]), seconds, self.tests[file])
        return folders


def most(spent: Spent) -> list[tuple[str, float]]:
    return sorted(spent.seconds.items(), key=lambda each: each[1], reverse=True)


_spent = Spent()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if isinstance(report, pytest.SubtestReport):  # its seconds are among those of its test
        return
    counts = report.when == "call" or (report.when == "setup" and not report.passed)
    _spent.add(report.nodeid.partition("::")[0], report.duration, int(counts))


def pytest_sessionfinish(session: pytest.Session) -> None:
    if os.environ.get(FILE) and not hasattr(session.config, "workerinput"):
        line = json.dumps([session.config.getoption("share"), _spent.seconds, _spent.tests])
        with Path(os.environ[FILE]).open("a") as file:
            file.write(f"{line}\n")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if len(_spent.seconds) > 1 and not os.environ.get(FILE):
        terminalreporter.section("Where the time went")
        for line in table({"": _spent}):
            terminalreporter.line(line)


def read(lines: Iterable[str]) -> dict[str, Spent]:
    """What the runs have written down, by the database that each was on."""
    runs: dict[str, Spent] = defaultdict(Spent)
    for line in lines:
        share, seconds, tests = json.loads(line)
        for file in seconds:
            runs[share or ""].add(file, seconds[file], tests[file])
    return runs


def table(runs: dict[str, Spent]) -> list[str]:
    """A line for each folder, with the seconds of all workers together in each run; then the files that took most."""
    folders = {name: spent.by_folder() for name, spent in runs.items()}
    both = Spent()
    for spent in runs.values():
        for file, seconds in spent.seconds.items():
            both.add(file, seconds, spent.tests[file])
    total = sum(both.seconds.values()) or 1.0
    head = "".join(f"{name:>12}" for name in runs) if len(runs) > 1 else ""
    lines = [f"{'seconds':>9}{'share':>7}{'tests':>7}{head}"]
    for folder, seconds in most(both.by_folder()):
        if seconds >= SHOWN:
            parts = "".join(f"{folders[name].seconds[folder]:12.0f}" for name in runs) if len(runs) > 1 else ""
            count = both.by_folder().tests[folder]
            lines.append(f"{seconds:9.0f}{100 * seconds / total:5.0f} %{count:7}{parts}  {folder}")
    return [*lines, "The files that took most:", *(f"{s:9.0f}  {f}" for f, s in most(both)[:MOST])]
