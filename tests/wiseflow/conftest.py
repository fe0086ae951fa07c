"""A peer over real HTTP that answers as a test tells it to: for what a well-behaved WISEflow never does."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest

from ladokflow.wiseflow import WiseflowClient


@dataclass
class Reply:
    """`body` is sent as JSON unless it is bytes. `cut` closes the connection after the work, before the answer."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    delay: float = 0


def envelope(data: Any = None, **more: Any) -> dict[str, Any]:
    return {"success": True, "data": data, "error": None, **more}


def refusal(status: int, text: str = "") -> Reply:
    return Reply({"success": False, "data": None, "error": {"code": status, "message": text, "errors": []}}, status)


class Peer:
    """`answer()` says what comes to a method and path; of several replies the last is given again and again. A reply may be a
    function of the request, called in the thread that answers."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[dict[str, Any]] = []
        self._replies: dict[tuple[str, str], list[Any]] = {}
        self._lock = threading.Lock()
        self.answer(
            "POST", "/oauth2/token", Reply({"access_token": "token-1", "expires_in": 3599, "token_type": "bearer"})
        )

    def answer(self, method: str, path: str, *replies: Any) -> None:
        self._replies[method, path] = list(replies)

    def take(self, request: dict[str, Any]) -> Reply:
        with self._lock:
            self.requests.append(request)
            replies = self._replies.get((request["method"], request["path"].removeprefix("/v1")))
            if not replies:
                return refusal(404, "Not found")
            reply = replies.pop(0) if len(replies) > 1 else replies[0]
        reply = reply(request) if callable(reply) else reply
        return reply if isinstance(reply, Reply) else Reply(reply)

    def asked(self, method: str, path: str) -> list[dict[str, Any]]:
        return [r for r in self.requests if (r["method"], r["path"]) == (method, f"/v1{path}")]

    def bodies(self, method: str, path: str) -> list[Any]:
        return [json.loads(request["body"]) for request in self.asked(method, path)]


def _handler(peer: Peer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = {
                "method": self.command,
                "path": parts.path,
                "query": parts.query,
                "headers": headers,
                "body": body,
            }
            reply = peer.take(request)
            time.sleep(reply.delay)
            if reply.cut:
                self.close_connection = True
                return
            data = (
                reply.body
                if isinstance(reply.body, bytes)
                else b""
                if reply.status == 204
                else json.dumps(reply.body).encode()
            )
            self.send_response(reply.status)
            for name, value in {"Content-Type": "application/json", "X-Trace-Id": "trace-7", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_one

        def log_message(self, *args: Any) -> None:
            pass

    return Handler


@pytest.fixture
def peer() -> Iterator[Peer]:
    peer = Peer()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(peer))
    server.daemon_threads = True
    peer.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield peer
    server.shutdown()
    server.server_close()


@pytest.fixture
def make_client(peer: Peer) -> Iterator[Callable[..., WiseflowClient]]:
    """Clients with a credential of this test's own, so that no token, count or pause is shared with another test."""
    made, name = [], uuid.uuid4().hex

    def make(**options: Any) -> WiseflowClient:
        given = {"base_url": peer.url, "kind": "oauth_client", "client_id": name, "secret": "s3cret", **options}
        made.append(WiseflowClient(**given))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def wiseflow(make_client: Callable[..., WiseflowClient]) -> WiseflowClient:
    return make_client()
