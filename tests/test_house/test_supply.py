"""What production is made of: asked about, and written down, by the tools themselves."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests import audit
from tests.environment import ROOT

ADVISORY = {
    "id": "PYSEC-2026-1",
    "summary": "Something",
    "affected": [
        {
            "package": {"name": "django", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.1"}]}],
        }
    ],
}


class Service:
    """An advisory service as of osv.dev: what it knows of each package, or a fault of its own."""

    def __init__(self) -> None:
        self.known: dict[str, list[Any]] = {}
        self.asked: list[str] = []
        self.status = 200
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                name = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["package"]["name"]
                outer.asked.append(name)
                found = outer.known.get(name)
                body = json.dumps({"vulns": found} if found else {}).encode()
                self.send_response(outer.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1/query"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    yield made
    made.server.shutdown()


def locked() -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE))


def ask(service: Service) -> tuple[list[str], str]:
    return audit.ask("--vulnerability-service", "osv", "--osv-url", service.url)


def test_each_package_is_asked_about_and_what_is_vulnerable_is_told(service: Service) -> None:
    service.known["django"] = [ADVISORY]
    lines, why_not = ask(service)
    assert lines == [f"django {locked()['django']}: PYSEC-2026-1, mended in 99.1"]
    assert why_not == ""
    assert set(service.asked) == {re.sub(r"[._]+", "-", name) for name in locked()}


def test_where_nobody_can_be_asked_it_is_said_and_is_no_finding(service: Service) -> None:
    service.status = 503
    lines, why_not = ask(service)
    assert lines == []
    assert why_not


def test_the_bill_of_materials_names_what_is_locked(tmp_path: Path) -> None:
    command = [
        "requirements",
        "--pyproject",
        "pyproject.toml",
        "--output-reproducible",
        "--of",
        "JSON",
        "requirements.lock",
    ]
    ran = subprocess.run(
        [Path(sys.executable).with_name("cyclonedx-py"), *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert " ".join(command[:-1]) in (ROOT / "Makefile").read_text()
    bill = json.loads(ran.stdout)
    assert bill["bomFormat"] == "CycloneDX"
    assert bill["metadata"]["component"]["name"] == "ladokflow"
    assert {row["name"]: row["version"] for row in bill["components"]} == locked()
