"""Every request that any test made to WISEflow's sandbox, held against WISEflow's own OpenAPI document when the tests end.

Each process writes what its tests sent; who started them reads it all, once: the process of pytest itself, or `make test`, which
names the folder beforehand and holds what all of its runs have sent against the document together.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests import left_out, services

FOLDER = "LADOKFLOW_RECORDED_REQUESTS"
OURS = "ladokflow/"  # what our clients' User-Agent begins with: a test of the sandbox itself may send nonsense
LOOKED_AT = ("method", "path", "query", "body")
ID = re.compile(r"(?<=/)[1-9]\d*(?=/|$)")  # to the document, one is as good as another

_owns_folder = pytest.StashKey[bool]()
_told = pytest.StashKey[str]()
_problems = pytest.StashKey[list[str]]()
_written: set[str] = set()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_owns_folder] = not hasattr(config, "workerinput") and not os.environ.get(FOLDER)
    if config.stash[_owns_folder]:
        os.environ[FOLDER] = tempfile.mkdtemp(prefix="ladokflow-recorded-")


def keep(test: str, requests: Iterable[Mapping[str, Any]]) -> None:
    """Write down what a test sent: a line for each request, empty where this process has written the same before."""
    lines = []
    for request in requests:
        headers = {str(name).lower(): value for name, value in dict(request["headers"]).items()}
        if not str(headers.get("user-agent", "")).lower().startswith(OURS):
            continue
        sent = {name: _text(request.get(name)) for name in LOOKED_AT} | {"headers": _shown(headers)}
        line = json.dumps(sent, ensure_ascii=False, sort_keys=True)
        lines.append("" if line in _written else json.dumps({**sent, "test": test}, ensure_ascii=False))
        _written.add(line)
    if lines:
        with Path(os.environ[FOLDER], f"{os.getpid()}.jsonl").open("a") as file:
            file.writelines(f"{line}\n" for line in lines)


def _text(value: Any) -> Any:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _shown(headers: Mapping[str, Any]) -> dict[str, Any]:
    return {name: "(secret)" if name in ("authorization", "x-api-key") else value for name, value in headers.items()}


def recorded(folder: Path) -> tuple[int, list[dict[str, Any]]]:
    """How many requests were sent, and each that differs from the others in more than the ids in its path."""
    count = 0
    different: dict[tuple[Any, ...], dict[str, Any]] = {}
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text().split("\n")[:-1]:
            count += 1
            if line:
                request = json.loads(line)
                alike = request | {"path": ID.sub("1", request["path"])}
                parts = (*(alike[name] for name in LOOKED_AT), request["headers"].get("content-type"))
                different.setdefault(parts, request)
    return count, list(different.values())


def checked(folder: Path) -> tuple[str, list[str]]:
    """What was held against the document, in words, and what is wrong with it. Needs the document."""
    from tests.openapi import check_requests

    count, different = recorded(folder)
    problems = list(dict.fromkeys(check_requests(different)))
    return f"{count} requests to WISEflow, {len(different)} different, {len(problems)} problems", problems


def unchecked(folder: Path) -> list[str]:
    """The line for where there is no document; none where nothing was sent."""
    count, _ = recorded(folder)
    reason = "were not held against its OpenAPI document: WISEFLOW_OPENAPI does not name it"
    return [f"{count} requests to WISEflow {reason}"] if count else []


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    config = session.config
    if not config.stash.get(_owns_folder, False):
        return
    folder = Path(os.environ.pop(FOLDER))
    try:
        if not services.openapi_path():
            config.stash.setdefault(left_out.ALSO, []).extend(unchecked(folder))
            return
        if not any(folder.iterdir()):
            return
        config.stash[_told], config.stash[_problems] = checked(folder)
        if config.stash[_problems]:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.hookimpl(tryfirst=True)
def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if told := config.stash.get(_told, ""):
        terminalreporter.section("WISEflow's OpenAPI")
        terminalreporter.line(told)
    for problem in config.stash.get(_problems, [])[:50]:
        terminalreporter.line(problem, red=True)
