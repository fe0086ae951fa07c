"""Every request that any test made to WISEflow's sandbox, held against WISEflow's own OpenAPI document when the tests end.

Each process writes what its tests sent; the one that was started reads them all, so it works with and without xdist.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests import left_out, services

FOLDER = "LADOKFLOW_RECORDED_REQUESTS"
OURS = "ladokflow/"  # what our clients' User-Agent begins with: a test of the sandbox itself may send nonsense


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        os.environ[FOLDER] = tempfile.mkdtemp(prefix="ladokflow-recorded-")


def keep(test: str, requests: Iterable[Mapping[str, Any]]) -> None:
    """Write down what a test sent, each different request once per process."""
    with Path(os.environ[FOLDER], f"{os.getpid()}.jsonl").open("a") as file:
        for request in requests:
            headers = {str(name).lower(): value for name, value in dict(request["headers"]).items()}
            if not str(headers.get("user-agent", "")).lower().startswith(OURS):
                continue
            file.write(json.dumps({**request, "headers": _shown(headers), "test": test}, ensure_ascii=False) + "\n")


def _shown(headers: Mapping[str, Any]) -> dict[str, Any]:
    return {name: "(secret)" if name in ("authorization", "x-api-key") else value for name, value in headers.items()}


def recorded() -> tuple[int, list[dict[str, Any]]]:
    """How many requests were sent, and each different one."""
    count = 0
    different: dict[str, dict[str, Any]] = {}
    for path in sorted(Path(os.environ[FOLDER]).glob("*.jsonl")):
        for line in path.read_text().splitlines():
            request = json.loads(line)
            count += 1
            parts = (
                request["method"],
                request["path"],
                request.get("query"),
                request["headers"].get("content-type"),
                request.get("body"),
            )
            different.setdefault(hashlib.sha256(repr(parts).encode()).hexdigest(), request)
    return count, list(different.values())


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    config = session.config
    if hasattr(config, "workerinput"):
        return
    try:
        count, different = recorded()
        if not count:
            return
        if not services.openapi_path():
            reason = f"{count} requests to WISEflow were not held against its OpenAPI document: WISEFLOW_OPENAPI does not name it"
            config.stash.setdefault(left_out.ALSO, []).append(reason)
            return
        from tests.openapi import check_requests

        problems = list(dict.fromkeys(check_requests(different)))
        config.stash[_told] = f"{count} requests to WISEflow, {len(different)} different, {len(problems)} problems"
        config.stash[_problems] = problems
        if problems:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
    finally:
        shutil.rmtree(os.environ[FOLDER], ignore_errors=True)


_told = pytest.StashKey[str]()
_problems = pytest.StashKey[list[str]]()


@pytest.hookimpl(tryfirst=True)
def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if told := config.stash.get(_told, ""):
        terminalreporter.section("WISEflow's OpenAPI")
        terminalreporter.line(told)
    for problem in config.stash.get(_problems, [])[:50]:
        terminalreporter.line(problem, red=True)
