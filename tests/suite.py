"""`make test`: the checks, the tests on SQLite, the tests on PostgreSQL, and a plain account of what was left out.

With `--nothing-left-out` (as `.ci/run` has it) a left-out check is a failure.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from tests import left_out, services
from tests.environment import ROOT

# What a browser shows, asks no database, or uses databases of its own, is the same whichever database the tests are given.
ON_ONE_DATABASE = (
    "tests/crash",
    "tests/ladok",
    "tests/sandbox",
    "tests/wiseflow",
    "tests/pages/test_sizes.py",
    "tests/pages/test_states.py",
    "tests/pages/test_tasks.py",
    "tests/test_house/test_demo.py",
)


def run(name: str, command: list[str], **environment: str) -> tuple[str, bool, float]:
    print(f"\n=== {name}: {' '.join(command)}", flush=True)
    started = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, env=os.environ | environment, stdin=subprocess.DEVNULL, check=False)
    return name, done.returncode == 0, time.monotonic() - started


def pytest_command(jobs: int) -> list[str]:
    return [sys.executable, "-m", "pytest", "-n", str(jobs), "-q", "--durations=5"]


def database_url(server: str) -> str:
    """The server's address with the name that the tests' databases are called after."""
    return urlunsplit(urlsplit(server)._replace(path="/ladokflow"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    # One more than the cores: much of the time the tests wait for a process, a browser or a server.
    parser.add_argument("--jobs", type=int, default=min((os.cpu_count() or 1) + 1, 4))
    parser.add_argument("--nothing-left-out", action="store_true")
    options = parser.parse_args()

    gathered = Path(tempfile.mkstemp(prefix="ladokflow-left-out-")[1])
    telling = {left_out.FILE: str(gathered)}
    postgres = services.postgres_address()
    done = [
        run("Lint, format, types, imports", ["make", "--no-print-directory", "lint"]),
        run("Tests on SQLite", pytest_command(options.jobs), **telling, TEST_DATABASE_URL=""),
    ]
    if postgres:
        url = database_url(postgres)
        command = [*pytest_command(options.jobs), *(f"--ignore={path}" for path in ON_ONE_DATABASE)]
        done.append(run("Tests on PostgreSQL", command, **telling, TEST_DATABASE_URL=url))

    missing = sorted(set(gathered.read_text().splitlines()))
    gathered.unlink()
    if not postgres:
        missing.append("the whole suite on PostgreSQL: no server answers on 127.0.0.1:5432 (or TEST_POSTGRES_URL)")

    print("\n=== Summary")
    for name, passed, seconds in done:
        print(f"  {'passed' if passed else 'FAILED'}  {name} ({seconds:.0f} s)")
    print("  Left out:" if missing else "  Nothing was left out.")
    for line in missing:
        print(f"    - {line}")
    if not all(passed for _, passed, _ in done):
        return 1
    return 1 if missing and options.nothing_left_out else 0


if __name__ == "__main__":
    sys.exit(main())
