"""python -m tests.crash: see the package's docstring, and `--help`."""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

from tests import services
from tests.crash.servers import HARNESS, BorrowedPostgres, OwnPostgres, OwnRedis
from tests.services import postgres_binaries

TIMEOUT = 5  # REMOTE_TIMEOUT_SECONDS: all other times are those of production
DONE, FAULTY, CANNOT = 0, 1, 2


class CannotRun(Exception):
    """The machine lacks something; the text says what."""


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--exports", type=int, default=300, help="flows with at least one export each (%(default)s)")
    parser.add_argument(
        "--rounds", type=int, default=3, help="at most so many exports of a flow, the grades changed (%(default)s)"
    )
    parser.add_argument("--kills", type=int, default=300, help="so many are tried for (%(default)s)")
    parser.add_argument(
        "--seed", type=int, default=1, help="what is chosen follows it, the timing does not (%(default)s)"
    )
    usual = "postgres" if postgres_binaries() else "sqlite"
    parser.add_argument("--database", choices=("sqlite", "postgres"), default=usual, help="here: %(default)s")
    parser.add_argument("--broker", choices=("orm", "redis"), default="orm")
    parser.add_argument(
        "--seconds", type=int, default=900, help="the chaos ends after so long in any case (%(default)s)"
    )
    parser.add_argument(
        "--nights", type=float, default=120, help="seconds between two outages of everything (%(default)s)"
    )
    parser.add_argument(
        "--hands", type=int, default=4, help="processes that press buttons and make flows (%(default)s)"
    )
    parser.add_argument(
        "--bare", action="store_true", help="no cluster under `manage.py watch`, where the first one is"
    )
    parser.add_argument("--keep", type=Path, help="a folder for the logs of every process")
    return parser.parse_args(arguments)


class Run:
    """The servers and the environment of a run, taken down again whatever happens."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.postgres: OwnPostgres | BorrowedPostgres | None = None
        self.redis: OwnRedis | None = None

    def __enter__(self) -> Run:
        from tests import environment  # takes what the person has set out of the environment

        try:
            self._start_servers()
        except BaseException:
            self.__exit__()
            raise
        self.folder = Path(os.environ["DATA_DIR"])
        url = self.postgres.url if self.postgres else f"sqlite:///{self.folder / 'ladokflow.sqlite3'}"
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "ladokflow.settings",
            "DATABASE_URL": url,
            "REMOTE_TIMEOUT_SECONDS": str(TIMEOUT),
            "QUEUE_WORKERS": "3",
            "PYTHONPATH": str(environment.ROOT),
        }
        if self.redis:
            os.environ["REDIS_URL"] = self.redis.url
        self.environment = dict(os.environ)
        os.environ["LOG_LEVEL"] = "ERROR"
        if self.postgres:
            os.environ["DATABASE_URL"] = f"{url}?application_name={HARNESS}"
        return self

    def _start_servers(self) -> None:
        if self.options.database == "postgres":
            binaries = postgres_binaries()
            if binaries is not None:
                self.postgres = OwnPostgres(binaries)
            elif server := services.postgres_address():
                self.postgres = BorrowedPostgres(server)
            else:
                raise CannotRun(
                    "There is no PostgreSQL: none to start, and none answers on 127.0.0.1:5432 (or TEST_POSTGRES_URL)."
                )
        if self.options.broker == "redis":
            program = shutil.which("redis-server")
            if program is None:
                raise CannotRun("There is no redis-server.")
            self.redis = OwnRedis(program)

    def __exit__(self, *_: object) -> None:
        for server in (self.postgres, self.redis):
            if server:
                server.close()


def interrupted(number: int, frame: FrameType | None) -> Any:
    raise KeyboardInterrupt


def main() -> int:
    options = parse()
    signal.signal(signal.SIGTERM, interrupted)
    began = time.monotonic()
    try:
        with Run(options) as run:
            import django

            django.setup()
            from tests.crash.running import play

            status = play(
                run.folder, run.environment, options, random.Random(options.seed), run.postgres, run.redis, TIMEOUT
            )
    except CannotRun as reason:
        sys.stderr.write(f"{reason}\n")
        return CANNOT
    sys.stdout.write(f"\n{'FAULTS' if status else 'No fault'}, after {time.monotonic() - began:.0f} s.\n")
    return FAULTY if status else DONE


if __name__ == "__main__":
    sys.exit(main())
