"""A Ladok and a WISEflow as small as can be, over real HTTP, for moments that must be looked at from inside a request."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Call:
    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class World:
    """`answer` is given the call and returns (status, body) for Ladok, or None to drop the connection."""

    state: int = 4
    grades: dict[int, str] = field(default_factory=dict)
    alternatives: dict[int, str] = field(default_factory=dict)
    exported: list[Call] = field(default_factory=list)
    registered: list[Any] = field(default_factory=list)
    wiseflow_status: int = 200
    read_back_status: int = 200
    read_back_delay: float = 0.0
    delay: float = 0.0
    answer: Callable[[Call], tuple[int, bytes] | None] = lambda call: (200, b"")
    url: str = ""

    def assessments(self) -> list[dict[str, Any]]:
        ids = sorted({*self.grades, *self.alternatives})
        rows = []
        for each in ids:
            row: dict[str, Any] = {"id": each, "participantId": each, "exportState": 0}
            if self.grades.get(each):
                row |= {"grade": self.grades[each], "date": 1_700_000_000}
            if self.alternatives.get(each):
                row |= {"adminGrade": self.alternatives[each], "adminGradeDate": 1_700_000_000}
            rows.append(row)
        return rows


def serve(world: World) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: Any) -> None:
            pass

        def reply(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            if self.path.startswith("/ladok/"):
                time.sleep(world.read_back_delay)
                self.reply(world.read_back_status, json.dumps({"gradeExports": world.registered}).encode())
            elif world.wiseflow_status != 200:
                self.reply(world.wiseflow_status, b"{}")
            elif self.path.endswith("/assessments"):
                self.reply(200, json.dumps(world.assessments()).encode())
            elif self.path.startswith("/wiseflow/v1/flow/"):
                self.reply(200, json.dumps({"id": 1, "name": "x", "type": 2, "state": world.state}).encode())
            else:
                self.reply(404, b"{}")

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            call = Call(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, json.loads(raw))
            world.exported.append(call)
            time.sleep(world.delay)
            answer = world.answer(call)
            if answer is None:
                self.close_connection = True
                self.connection.close()
                return
            self.reply(*answer)

        do_PATCH = do_POST

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *args: Any) -> None:
            """Whoever asked has hung up: that is what some tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    world.url = f"http://127.0.0.1:{server.server_address[1]}"
    return server
