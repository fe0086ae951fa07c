"""Errors to Sentry, spans to OpenTelemetry, over real HTTP: what is about a person stays here; and off, nothing of them is loaded."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ladokflow import errors, logs
from tests.environment import ROOT
from tests.test_house.test_settings import SECRET


class Collector:
    """Takes down what it is sent."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.bodies.append(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.server.shutdown()


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own: what watches takes hold of a whole process."""
    keep = {name: os.environ[name] for name in ("PATH", "FIELD_ENCRYPTION_KEYS") if name in os.environ}
    given = keep | {"ENV_FILE": "/dev/null", "SECRET_KEY": SECRET, "DJANGO_SETTINGS_MODULE": "ladokflow.settings"}
    given |= {"ALLOWED_HOSTS": "testserver", "DATABASE_URL": "sqlite://:memory:", "NO_PROXY": "*"}
    setup = "import django; django.setup()\nfrom django.test import Client\n"
    command = [sys.executable, "-c", setup + code]
    return subprocess.run(command, cwd=ROOT, env=given | environment, capture_output=True, text=True, check=False)


WRONG = """
import logging, sentry_sdk
from ladokflow import logs
with logs.about(request="abc12345", flow=7):
    # The page fails, for there is no table; and the person has written things that are nobody's business.
    client = Client(raise_request_exception=False)
    client.cookies["sessionid"] = "of-the-session"
    client.get("/search/?q=Anna+Andersson", headers={"user-agent": "Annas dator"})
    client.post("/sign-in/", {"username": "anna@liu.example", "password": "hemligt-hemligt"})
    try:
        name = "Anna Andersson"
        raise ValueError(f"{name} 19900101-1239")
    except ValueError:
        logging.getLogger("exports").exception("row.refused who=%s", name)
sentry_sdk.flush()
"""


def test_what_goes_to_sentry_says_where_it_happened_and_nothing_of_people(collector: Collector) -> None:
    ran = run(WRONG, SENTRY_DSN=f"http://public@{collector.host}/1")
    assert ran.returncode == 0, ran.stderr
    sent = b"\n".join(collector.bodies).decode()
    for theirs in ("Anna", "1239", "hemligt", "anna@", "of-the-session", "sessionid", os.uname().nodename):
        assert theirs not in sent, theirs
    events = [json.loads(line) for line in sent.splitlines() if line.startswith("{") and '"exception"' in line]
    assert {value["type"] for event in events for value in event["exception"]["values"]} >= {
        "ValueError",
        "OperationalError",
    }
    assert {event["tags"].get("flow") for event in events} == {"7"}
    assert all(event["exception"]["values"][-1]["stacktrace"]["frames"][-1]["lineno"] for event in events)
    assert not any(set(event) - errors.KEPT for event in events)


def test_what_a_later_library_adds_to_an_event_is_left_out_until_somebody_has_looked_at_it() -> None:
    event = {
        "event_id": "0" * 32, "level": "error", "message": "Anna", "transaction": "/students/19900101-1239/",
        "request": {"data": {"name": "Anna"}, "url": "https://x/?q=Anna"}, "user": {"email": "anna@liu.example"},
        "extra": {"who": "Anna"}, "contexts": {"trace": {"data": "Anna"}}, "breadcrumbs": {"values": [{"message": "Anna"}]},
        "logentry": {"message": "row.refused who=%s", "params": ["Anna"], "formatted": "row.refused who=Anna"},
        "exception": {"values": [{"type": "E", "value": "Anna", "mechanism": {"data": "Anna"},
                      "stacktrace": {"frames": [{"function": "f", "lineno": 3, "vars": {"name": "Anna"}, "context_line": "Anna"}]}}]},
        "something_new": "Anna",
    }  # fmt: skip
    with logs.about(attempt="9f"):
        left = errors.scrubbed(event, {})
    assert "Anna" not in str(left)
    assert "1239" not in str(left)
    assert left["tags"] == {"attempt": "9f"}
    assert left["exception"]["values"][0]["stacktrace"]["frames"] == [{"function": "f", "lineno": 3}]


TRACED = """
from django.db import DatabaseError
from ladokflow import tracing
from ladokflow.queue import watched_task
Client().get("/ready/?q=Anna", headers={"user-agent": "Annas dator"})
try:
    with tracing.span("failed"):
        raise ValueError("Anna")
except ValueError:
    pass
try:
    watched_task("exports.tasks.collect_flow")("7")  # there is no database
except DatabaseError:
    pass
tracing.shut_down()
"""


def test_spans_name_routes_and_ids_and_nothing_that_a_person_has_written(collector: Collector) -> None:
    ran = run(TRACED, OPENTELEMETRY="true", OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{collector.host}")
    assert ran.returncode == 0, ran.stderr
    requests = [ExportTraceServiceRequest.FromString(body) for body in collector.bodies]
    spans = [
        span for each in requests for part in each.resource_spans for scope in part.scope_spans for span in scope.spans
    ]
    assert [span.name for span in spans] == ["request", "failed", "task"]
    facts = {attribute.key: attribute.value for span in spans for attribute in span.attributes}
    assert facts["ladokflow.status"].int_value == 200
    assert facts["ladokflow.task"].string_value == "exports.tasks.collect_flow"
    assert facts["ladokflow.flow"].string_value == "7"
    assert [(span.status.code, span.status.message) for span in spans][1:] == [
        (2, "ValueError"),
        (2, "OperationalError"),
    ]
    assert b"Anna" not in b"".join(collector.bodies)


def test_off_nothing_of_them_is_loaded() -> None:
    ran = run(
        "Client().get('/ready/'); import sys; print([name for name in sys.modules if name in ('sentry_sdk', 'opentelemetry')])"
    )
    assert (ran.returncode, ran.stdout) == (0, "[]\n"), ran.stderr
