"""`make client-check`: a client whose types npm makes from docs/openapi.json lists, exports, polls until it is done, against pages, a worker
and the sandbox that run.

By hand: it needs node, npm and its registry.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.environment import ROOT
from tests.exports.test_end_to_end import Exam
from tests.factories import OAuthClientFactory
from tests.sources.webhooks.test_with_a_worker import worker

FILES = ("package.json", "tsconfig.json", "client.ts")


def npm(folder: Path, *arguments: str) -> None:
    subprocess.run(["npm", *arguments], cwd=folder, check=True)


def test_a_client_made_by_npm_exports_the_grades_of_a_flow(
    liu: Any, sandbox: Any, live_server: Any, subprocess_environment: dict[str, str], tmp_path: Path
) -> None:
    for name in FILES:
        shutil.copy(ROOT / "tests/client" / name, tmp_path)
    shutil.copy(ROOT / "docs/openapi.json", tmp_path)
    npm(tmp_path, "install", "--no-audit", "--no-fund", "--no-package-lock")
    npm(tmp_path, "run", "client")
    exam = Exam(liu, sandbox.control, people=5)
    exam.grade()
    client: Any = OAuthClientFactory(membership=liu.memberships.get(user__email="anna@liu.example"))
    given = {"LADOKFLOW_URL": live_server.url, "CLIENT_ID": client.client_id, "CLIENT_SECRET": client.secret}
    with worker(subprocess_environment):
        ran = subprocess.run(
            ["node", "client.js"],
            cwd=tmp_path,
            env=os.environ | given,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    assert ran.returncode == 0, ran.stderr
    done = json.loads(ran.stdout)
    assert done == {
        "listed": 1, "isOne": True, "attempt": "exported", "exported": 5, "flow": "exported", "grades": ["exported"] * 5
    }  # fmt: skip
    assert [row["times"] for row in exam.ledger()] == [1] * 5
