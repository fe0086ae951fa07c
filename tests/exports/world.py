"""A Ladok and a WISEflow as small as can be, over real HTTP, for moments that must be looked at from inside a request."""

from __future__ import annotations

import copy
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote


@dataclass
class Call:
    method: str
    path: str
    headers: dict[str, str]
    body: Any


# Each university's own names of what Ladok knows a person by; what is not one's own is not read.
SPELT = {
    "organisation_id": ("LiUId", "studentuid", "federeradIdentitet"),
    "national_id": ("civicNumber", "personnummer"),
    "external_user_id": ("studentUID",),
    "unique_exam_id": ("uniqueExamId",),
}
SCALE = re.compile(r"/wiseflow/v1/flows/(\d+)/grading-scale")
TRAIL = re.compile(r"/wiseflow/v1/flows/\d+/participants/(\d+)/marking-audit-trail")
LIST = re.compile(r"/ladok/(?:exams|aktivitetstillfallen)/([^/]+)")


def envelope(data: Any) -> bytes:
    return json.dumps({"success": True, "data": data, "error": None}).encode()


@dataclass
class World:
    """`answer` is given the call and returns (status, body) for Ladok, or None to drop the connection."""

    state: int = 4
    # By Ladok code and participant's key: Ladok's list, which follows our registrations unless a test says otherwise.
    listed: dict[str, dict[int, dict[str, str]]] = field(default_factory=dict)
    list_status: int = 200
    lists_asked: list[str] = field(default_factory=list)
    at_list: Callable[[], None] = lambda: None  # what happens while a list is asked for
    grades: dict[int, str] = field(default_factory=dict)
    alternatives: dict[int, str] = field(default_factory=dict)
    exported: list[Call] = field(default_factory=list)
    registered: list[Any] = field(default_factory=list)
    wiseflow_status: int = 200
    read_back_status: int = 200
    unreadable: set[str] = field(default_factory=set)  # codes of which Ladok knows no registered grades
    read_back_delay: float = 0.0
    delay: float = 0.0
    # By flow: the scale that WISEflow has, as `Flow.scale_definition` writes it; it follows our flow unless a test says otherwise.
    scales: dict[int, dict[str, Any]] = field(default_factory=dict)
    trails: dict[int, list[dict[str, Any]]] = field(default_factory=dict)  # by participant, the newest first
    answer: Callable[[Call], tuple[int, bytes] | None] = lambda call: (200, b"")
    url: str = ""

    @contextmanager
    def kept(self) -> Iterator[None]:
        """What is done to it is undone."""
        before = copy.deepcopy(vars(self))
        try:
            yield
        finally:
            vars(self).update(before)

    def follow(self, sender: Any = None, instance: Any = None, **_: Any) -> None:
        """A registration has been saved: Ladok's list says the same."""
        row = {field: getattr(instance, name) for name, fields in SPELT.items() for field in fields}
        people = self.listed.setdefault(instance.code.code, {})
        people.pop(instance.participant_id, None)
        if instance.is_listed:
            people[instance.participant_id] = row

    def follow_scale(self, sender: Any = None, instance: Any = None, **_: Any) -> None:
        """A flow has been saved: WISEflow has the scale that it says."""
        if instance.wiseflow_id and instance.scale_definition:
            self.scales[instance.wiseflow_id] = instance.scale_definition

    def definitions(self) -> list[dict[str, Any]]:
        """As `GET /license/grading-scales`."""
        rows = []
        for scale in {each["id"]: each for each in self.scales.values()}.values():
            options = [{"grade": shown, "value": stored} for shown, stored in scale["options"]]
            numbers = {"min": scale["least"], "max": scale["most"], "modifier": scale["modifier"]}
            row = {"id": scale["id"], "name": scale["name"] or "Alla", "list": {"options": options}, "input": numbers}
            rows.append(row)
        return rows

    def people_of(self, code: str) -> dict[str, Any]:
        people = list(self.listed.get(code, {}).values())
        return {"examCode": code, "kod": code, "participants": people, "deltagare": people}

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
            if match := LIST.fullmatch(self.path):
                world.lists_asked.append(unquote(match[1]))
                world.at_list()
                found = json.dumps(world.people_of(unquote(match[1]))).encode()
                self.reply(world.list_status, found if world.list_status == 200 else b"{}")
            elif self.path.startswith("/ladok/"):
                time.sleep(world.read_back_delay)
                is_unknown = not world.unreadable.isdisjoint(unquote(self.path).split("/"))
                status = 404 if is_unknown else world.read_back_status
                self.reply(status, json.dumps({"gradeExports": world.registered}).encode())
            elif world.wiseflow_status != 200:
                self.reply(world.wiseflow_status, b"{}")
            elif self.path.endswith("/license/grading-scales"):
                self.reply(200, envelope(world.definitions()))
            elif match := SCALE.fullmatch(self.path):
                known = world.scales.get(int(match[1]))
                self.reply(200, envelope({"gradingScaleId": known["id"]})) if known else self.reply(404, b"{}")
            elif match := TRAIL.fullmatch(self.path.partition("?")[0]):
                trail = world.trails.get(int(match[1]))
                self.reply(404, b"{}") if trail is None else self.reply(200, envelope({"auditEvents": trail}))
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
