"""What the machine has for the tests besides Python, and how a check that needs it is left out where it is not there."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import pytest

LEFT_OUT = "left out: "  # every skip begins with it: the summary at the end of `make test` tells them all


def leave_out(reason: str) -> NoReturn:
    pytest.skip(LEFT_OUT + reason)


def host_of(url: str) -> str:
    return urlsplit(url).hostname or "" if url else ""


def answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=10).close()
    except OSError:
        return False
    return True


@cache
def postgres_address() -> str:
    """A DATABASE_URL of a server where databases may be created, or ""."""
    given = os.environ.get("TEST_POSTGRES_URL", "")
    candidates = [given] if given else [f"postgres://{user}@127.0.0.1:5432/postgres" for user in ("postgres", "root")]
    import psycopg

    for url in candidates:
        try:
            with psycopg.connect(url.replace("postgres://", "postgresql://", 1), connect_timeout=30) as server:
                row = server.execute(
                    "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
                ).fetchone()
        except psycopg.Error:
            continue
        if row and row[0]:
            return url
    return ""


BINARIES = "/usr/lib/postgresql/*/bin"


def postgres_binaries() -> Path | None:
    """The newest PostgreSQL of the machine, if we can start a server of our own with it."""
    if os.getuid() == 0 and not shutil.which("runuser"):
        return None
    found = [path for path in Path("/").glob(BINARIES.lstrip("/")) if (path / "initdb").exists()]
    return max(found, key=lambda path: float(path.parent.name), default=None)


@cache
def redis_address() -> str:
    given = os.environ.get("TEST_REDIS_URL", "")
    if given:
        return given
    return "redis://127.0.0.1:6379/15" if answers("127.0.0.1", 6379) else ""


@contextlib.contextmanager
def alone_with(url: str) -> Iterator[None]:
    """While it lasts, every other process of this machine that wants to be alone with the service waits: all workers have one."""
    name = f"ladokflow-tests-{os.getuid()}-{hashlib.sha256(url.encode()).hexdigest()[:12]}.lock"
    with Path(tempfile.gettempdir(), name).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@cache
def chromium_path() -> str:
    """The same engine without windows comes first: it takes half of the processor to show a page."""
    named = os.environ.get("CHROMIUM", "")
    if named:
        return named
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((path for name in names if (path := shutil.which(name))), "")


@cache
def openapi_path() -> Path | None:
    named = os.environ.get("WISEFLOW_OPENAPI", "")
    return Path(named).resolve() if named and Path(named).is_file() else None
