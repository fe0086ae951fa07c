"""PostgreSQL stopped and Redis emptied in the middle of an export: nothing is lost, and nothing is sent twice."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ladokflow.sandbox.server import Sandbox
from tests import prepared
from tests.crash.servers import OwnPostgres, OwnRedis
from tests.environment import ROOT
from tests.running import wait_until
from tests.services import leave_out, postgres_binaries

SECONDS = 180
HELD = 20  # seconds that Ladok takes over an answer: the servers fail meanwhile
EMPTY = "ladokflow_empty"  # the database with nothing in it yet, which each test has a copy of
LATER = """
    UPDATE exports_exportattempt SET enqueued_at = enqueued_at - interval '2 hours', lease_until = lease_until - interval '2 hours'
"""


class Site:
    """LadokFlow on servers of its own: `run` is a command, `start` a process that stays."""

    def __init__(self, folder: Path, sandbox: Sandbox, postgres: OwnPostgres, redis: OwnRedis) -> None:
        self.folder, self.control, self.postgres, self.redis = folder, sandbox.control, postgres, redis
        self.processes: list[subprocess.Popen[bytes]] = []
        self.environment = os.environ | {
            "DATABASE_URL": postgres.url,
            "REDIS_URL": redis.url,
            "DATA_DIR": str(folder),
            "DJANGO_SETTINGS_MODULE": "ladokflow.settings",
            "PYTHONPATH": str(ROOT),
        }
        described = folder / "sources.toml"
        text = (ROOT / "ladokflow/sandbox/demo.toml").read_text()
        described.write_text(text.replace("http://127.0.0.1:8099", sandbox.url))
        self.run("loadsources", str(described))

    def run(self, *command: str) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "manage.py", *command],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def close(self) -> None:
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    # --- An exam and its export

    def make_exam(self, people: int = 5) -> tuple[str, int]:
        code = self.control.add_exam("liu", people=people)
        made = json.loads(
            self.run("createflow", "--source", "liu", "--code", code, "--manager", "anna@liu.example", "--json")
        )
        for step in ("activate", "start_participation", "end_participation"):
            self.control.call(step, flow_id=made["wiseflowFlow"])
        self.control.grade(made["wiseflowFlow"], "random")
        self.control.end_marking(made["wiseflowFlow"])
        return code, int(made["flow"])

    def export(self, flow: int) -> None:
        self.run("export", "--flow", str(flow), "--by", "anna@liu.example")

    def attempts(self) -> list[tuple[str, int, int, int]]:
        """State, and how many are sent, exported and unknown; nothing while the database is away."""
        try:
            with psycopg.connect(self.postgres.url) as server:
                rows = server.execute(
                    "SELECT state, sent_count, exported_count, unknown_count FROM exports_exportattempt ORDER BY created_at"
                )
                return [(str(row[0]), row[1], row[2], row[3]) for row in rows.fetchall()]
        except psycopg.OperationalError:
            return []

    def let_time_pass(self) -> None:
        with psycopg.connect(self.postgres.url, autocommit=True) as server:
            server.execute(LATER)

    def times(self, code: str) -> list[int]:
        return [row["times"] for row in self.control.grades("liu", code)]

    def requests(self) -> int:
        return len([call for call in self.control.received("liu") if call["method"] == "POST"])


def execute(postgres: OwnPostgres, statement: str) -> None:
    """On the server, beside its databases."""
    with psycopg.connect(postgres.url.replace("/ladokflow", "/postgres"), autocommit=True) as server:
        server.execute(statement)


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[OwnPostgres, OwnRedis]]:
    binaries, program = postgres_binaries(), shutil.which("redis-server")
    if binaries is None:
        leave_out("no PostgreSQL that may be started and stopped")
    if program is None:
        leave_out("no redis-server")
    postgres = OwnPostgres(binaries)
    if not prepared.filled(postgres.url):
        environment = os.environ | {"DATABASE_URL": postgres.url}
        subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity=0"], cwd=ROOT, env=environment, check=True)
    execute(postgres, f"ALTER DATABASE ladokflow RENAME TO {EMPTY}")
    redis = OwnRedis(program)
    yield postgres, redis
    redis.close()
    postgres.close()


@pytest.fixture
def site(tmp_path: Path, sandbox: Sandbox, servers: tuple[OwnPostgres, OwnRedis]) -> Iterator[Site]:
    postgres, redis = servers
    execute(postgres, "DROP DATABASE IF EXISTS ladokflow WITH (FORCE)")
    execute(postgres, f"CREATE DATABASE ladokflow TEMPLATE {EMPTY}")
    redis.empty()
    site = Site(tmp_path, sandbox, postgres, redis)
    yield site
    site.close()


@pytest.mark.timeout(900)
def test_postgresql_restarted_and_redis_emptied_while_ladok_has_the_request(site: Site) -> None:
    """The answer comes while the database is away: it is kept, and written down when it is back."""
    code, flow = site.make_exam()
    site.control.fault("liu", "/exams/*/grades", "late_answer", method="POST", seconds=HELD)
    site.start("qcluster")
    site.export(flow)
    wait_until(lambda: site.times(code) == [1] * 5, SECONDS, "the request in Ladok")
    assert [state for state, *_ in site.attempts()] == ["sending"]
    site.postgres.stop_at_once()
    site.redis.empty()
    calls = len(site.control.received("liu"))
    wait_until(lambda: _was_answered(site), SECONDS, "the answer")
    site.postgres.start()
    wait_until(lambda: site.attempts() == [("exported", 5, 5, 0)], SECONDS, "the record")
    assert site.times(code) == [1] * 5
    assert (site.requests(), len(site.control.received("liu"))) == (1, calls)


@pytest.mark.timeout(900)
def test_what_waits_in_a_redis_that_is_emptied_is_sent_all_the_same_and_once(site: Site) -> None:
    """The queue was only to wake a worker: the sweeper, outside it, puts what is forgotten in again."""
    code, flow = site.make_exam()
    other_code, other = site.make_exam()
    site.export(flow)
    site.export(other)
    site.redis.empty()
    site.postgres.stop_at_once()
    site.postgres.start()
    site.redis.restart()
    site.start("qcluster")
    assert [state for state, *_ in site.attempts()] == ["queued"] * 2
    site.let_time_pass()
    site.start("sweep", "--loop")
    wait_until(lambda: site.attempts() == [("exported", 5, 5, 0)] * 2, SECONDS, "both exports")
    assert (site.times(code), site.times(other_code)) == ([1] * 5, [1] * 5)
    assert site.requests() == 2


def _was_answered(site: Site) -> Any:
    return next((call["status"] for call in site.control.received("liu") if call["method"] == "POST"), None)
