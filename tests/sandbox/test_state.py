"""What the sandbox keeps: as new after a reset, and where it was after a restart, also of the command."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import httpx
import pytest

from ladokflow.sandbox.control import Control
from ladokflow.sandbox.server import Sandbox
from tests.environment import ROOT


def test_reset_makes_everything_as_new(control: Control, liu_wiseflow: httpx.Client) -> None:
    before = (control.exams("liu"), control.users("liu"), control.flows())
    control.add_exam("liu", 3)
    control.reject("liu", "x")
    control.fault("liu", "*", "drop", times=-1)
    control.advance(1_000_000)
    control.set_rate_limit(minute=1)
    liu_wiseflow.get("/license/roles")
    control.reset()
    assert (control.exams("liu"), control.users("liu"), control.flows()) == before
    assert control.faults() == []
    assert control.received("wiseflow") == []
    assert liu_wiseflow.get("/license/roles").headers["x-ratelimit-minute-limit"] == "5000"


def test_same_seed_gives_the_same_people_and_another_seed_others(tmp_path: Path) -> None:
    seen = []
    for seed in (7, 7, 8):
        with Sandbox(seed=seed) as sandbox:
            seen.append(sandbox.control.exam("liu", "TDDE01-TEN1-1001"))
    assert seen[0] == seen[1] != seen[2]


def test_second_start_goes_on_where_the_first_ended(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "state.json"
    with Sandbox(state_file=file) as first:
        code = first.control.add_exam("liu", 2)
        exam_id = first.control.exam("liu", code)["participants"][0]["uniqueExamId"]
        body = {"gradeExports": [{"studentUid": exam_id, "grade": {"grade": "5"}}]}
        export: dict[str, Any] = {"json": body, "headers": {"x-api-key": "liu-ladok"}, "timeout": 60}
        httpx.post(f"{first.url}/liu/exams/{code}/grades", **export)
        first.control.advance(3600)
    with Sandbox(state_file=file) as second:
        httpx.post(f"{second.url}/liu/exams/{code}/grades", **export)
        assert [row["times"] for row in second.control.grades("liu", code)] == [2]
        assert second.control.exam("liu", code)["participants"][0]["uniqueExamId"] == exam_id
        user = second.control.users("liu")[0]
        assert second.control.add_user("liu", {"organisation_id": user["data"][0]["value"].upper()}) == user["id"]
    assert list(file.parent.iterdir()) == [file]


# --- The command --------------------------------------------------------------------------------------------------


SECONDS = 240  # a process that hangs is not waited for longer


def start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "manage.py", "sandbox", *arguments]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_command_serves_until_it_is_told_to_stop_and_keeps_its_state(tmp_path: Path, how: signal.Signals) -> None:
    process = start("--port", "0", "--state", str(tmp_path / "state.json"))
    found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline() if process.stdout else "")
    assert found
    Control(found[0]).add_exam("liu", 1, examCode="KVAR")
    process.send_signal(how)
    _out, errors = process.communicate(timeout=SECONDS)
    assert (process.returncode, errors) == (0, "")
    assert "KVAR" in json.loads((tmp_path / "state.json").read_text())["ladok"]["liu"]["exams"]


def test_taken_port_is_told_in_one_line(sandbox: Sandbox) -> None:
    process = start("--port", str(sandbox.port))
    out, errors = process.communicate(timeout=SECONDS)
    assert (process.returncode, out, len(errors.splitlines())) == (1, "", 1)
    assert f"127.0.0.1:{sandbox.port}" in errors


def test_broken_state_file_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text('{"half')
    process = start("--port", "0", "--state", str(tmp_path / "state.json"))
    _out, errors = process.communicate(timeout=SECONDS)
    assert (process.returncode, len(errors.splitlines())) == (1, 1)


def test_demo_names_people_that_the_sandbox_has(control: Control) -> None:
    described = tomllib.loads((ROOT / "ladokflow/sandbox/demo.toml").read_text())
    for source in described["source"]:
        known = {row["value"] for user in control.users(source["slug"]) for row in user["data"]}
        assert {member["organisation_id"] for member in source["member"]} <= known
