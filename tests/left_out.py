"""Tells at the end which checks were left out because the machine lacks something, so that no gap is silent."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.services import LEFT_OUT

FILE = "LADOKFLOW_LEFT_OUT"  # where `make test` gathers the lines of its runs

ALSO = pytest.StashKey[list[str]]()  # lines of other plugins
_reasons: Counter[str] = Counter()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2].removeprefix("Skipped: ")
        if reason.startswith(LEFT_OUT):
            _reasons[reason.removeprefix(LEFT_OUT)] += 1


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    lines = [f"{count} tests: {reason}" for reason, count in sorted(_reasons.items())]
    lines += config.stash.get(ALSO, None) or []
    if not lines:
        return
    terminalreporter.section("Left out")
    for line in lines:
        terminalreporter.line(line, yellow=True)
    if os.environ.get(FILE):
        with Path(os.environ[FILE]).open("a") as file:
            file.writelines(f"{line}\n" for line in lines)
