from __future__ import annotations

import re
import signal
import subprocess
import sys

import pytest
from django.conf import settings

from tests.environment import ROOT
from tests.services import leave_out, postgres_address, postgres_binaries

SHORT = ["--exports=25", "--rounds=1", "--kills=40", "--seed=7", "--seconds=45", "--nights=25", "--hands=4", "--bare"]


@pytest.mark.timeout(900)
def test_no_grade_is_sent_twice_or_lost_while_everything_is_killed_at_random() -> None:
    """The short form of `make crash`, on the database that these tests are run on."""
    if not settings.IS_SQLITE and not postgres_binaries() and not postgres_address():
        leave_out("no PostgreSQL that may be used for the crash run")
    database = "sqlite" if settings.IS_SQLITE else "postgres"
    run = subprocess.Popen(
        [sys.executable, "-m", "tests.crash", *SHORT, "--database", database],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        told, _ = run.communicate(timeout=840)
    finally:
        if run.poll() is None:
            run.send_signal(signal.SIGTERM)
            run.wait(60)
    assert run.returncode == 0, told
    kills = re.search(r"^(\d+) kills:", told, re.MULTILINE)
    attempts = re.search(r"(\d+)  attempts$", told, re.MULTILINE)
    assert kills is not None
    assert int(kills[1]) > 0
    assert attempts is not None
    assert int(attempts[1]) > 0
