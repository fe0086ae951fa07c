"""A Ladok side that answers what a test tells it to, over real HTTP."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ladokflow.ladok.client import LadokClient

STOCKHOLM = ZoneInfo("Europe/Stockholm")


@dataclass
class Request:
    method: str
    path: str  # as it was sent: still percent-encoded, with its query
    headers: dict[str, str]
    body: bytes
    connection: int


@dataclass
class Reply:
    body: Any = b""
    status: int = 200
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    cut_after: int | None = None  # bytes of the body; the rest never comes

    def bytes(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


class Ladok:
    """`replies` are given in turn, the last one again and again."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.replies: list[Reply] = []
        self.requests: list[Request] = []
        self.release = threading.Event()  # a reply of status 0 waits for it: a side that never answers
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_address[1]}/liu"

    def answers(self, *replies: Any) -> None:
        self.replies = [reply if isinstance(reply, Reply) else Reply(reply) for reply in replies]

    def stop(self) -> None:
        self.release.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        ladok = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: Any) -> None:
                pass

            def serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                ladok.requests.append(Request(self.command, self.path, headers, body, self.client_address[1]))
                reply = ladok.replies.pop(0) if len(ladok.replies) > 1 else ladok.replies[0]
                if reply.status == 0:
                    ladok.release.wait(120)
                    self.close_connection = True
                    return
                if reply.cut_after == 0:
                    self.close_connection = True
                    return
                content = reply.bytes()
                self.send_response(reply.status)
                for name, value in {"Content-Type": reply.content_type, **reply.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if reply.cut_after is not None:
                    self.close_connection = True
                self.wfile.write(content[: reply.cut_after])

            do_GET = do_POST = do_PATCH = serve

        return Handler


@pytest.fixture
def ladok() -> Iterator[Ladok]:
    server = Ladok()
    yield server
    server.stop()


@pytest.fixture
def connect(ladok: Ladok) -> Iterator[Callable[..., LadokClient]]:
    """A client for the fixture `ladok`; any of its arguments may be given."""
    made: list[LadokClient] = []

    def build(**changes: Any) -> LadokClient:
        arguments: dict[str, Any] = {
            "base_url": ladok.url,
            "kind": "bearer",
            "client_id": "",
            "secret": "token",
            "paths": {},
            "tz": STOCKHOLM,
        }
        made.append(LadokClient(**(arguments | changes)))
        return made[-1]

    yield build
    for client in made:
        client.close()


@pytest.fixture
def client(connect: Callable[..., LadokClient]) -> LadokClient:
    return connect()
