"""The databases and brokers of a run. A server of our own can be stopped in the middle of its work; a borrowed one cannot."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

from tests.running import free_port

HARNESS = "crash-harness"  # the application name of our own connections: these are never cut on purpose


class OwnPostgres:
    """A PostgreSQL of its own in a temporary folder, on a free port. Run as `postgres` where we are root: it refuses root."""

    can_be_restarted = True

    def __init__(self, binaries: Path) -> None:
        self.binaries = binaries
        self.folder = Path(tempfile.mkdtemp(prefix="ladokflow-crash-pg-"))
        self.port = free_port()
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/ladokflow"
        self._as = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        if self._as:
            shutil.chown(self.folder, "postgres", "postgres")
        self._run("initdb", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-sync")
        self.start()
        with psycopg.connect(self.url.replace("/ladokflow", "/postgres"), autocommit=True) as server:
            server.execute("CREATE DATABASE ladokflow")

    def start(self) -> None:
        options = f"-h 127.0.0.1 -p {self.port} -k {self.folder} -c max_connections=200"
        self._run("pg_ctl", "-w", "-t", "60", "-l", str(self.folder / "log"), "-o", options, "start")

    def stop_at_once(self) -> None:
        """As a power cut to the server: no transaction is ended, every connection is gone."""
        self._run("pg_ctl", "-m", "immediate", "stop")

    def close(self) -> None:
        with contextlib.suppress(subprocess.SubprocessError, OSError):
            self.stop_at_once()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        # pg_ctl leaves the server behind with what it has open: no pipe of ours may be among it.
        subprocess.run(
            [*self._as, str(self.binaries / program), "-D", str(self.folder), *arguments],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
            timeout=90,
        )


class BorrowedPostgres:
    """A database of its own on a server that others may be using: connections are cut, the server is left alone."""

    can_be_restarted = False

    def __init__(self, server: str) -> None:
        self.server = server
        self.name = f"ladokflow_crash_{os.getpid()}"
        self.url = urlunsplit(urlsplit(server)._replace(path=f"/{self.name}"))
        self._execute(f"CREATE DATABASE {self.name}")

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(statement)

    def close(self) -> None:
        with contextlib.suppress(psycopg.Error):
            self._execute(f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")


class OwnRedis:
    """A Redis of its own that keeps nothing: killed or emptied, all that was queued in it is gone."""

    def __init__(self, program: str) -> None:
        self.program = program
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.folder = Path(tempfile.mkdtemp(prefix="ladokflow-crash-redis-"))
        self.start()

    def start(self) -> None:
        arguments = f"--bind 127.0.0.1 --port {self.port} --appendonly no --dir {self.folder}".split()
        self.process = subprocess.Popen(
            [self.program, *arguments, "--save", ""], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def empty(self) -> None:
        import redis

        with contextlib.suppress(redis.RedisError), redis.Redis.from_url(self.url) as connection:
            connection.flushall()

    def restart(self) -> None:
        self.kill()
        time.sleep(0.5)
        self.start()

    def close(self) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
