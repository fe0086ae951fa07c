"""The sandbox's HTTP server: one process, four systems, and the control.

A server of our own over the standard library's, because the faults need the connection itself: answers are lost, cut and
dripped the way they are on real networks.
"""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import threading
import time
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

from ladokflow.sandbox import control_api, faults, front, ladok, papers
from ladokflow.sandbox.answers import Call, Reply
from ladokflow.sandbox.control import Control
from ladokflow.sandbox.state import State
from ladokflow.sandbox.universities import UNIVERSITIES
from ladokflow.sandbox.wiseflow import calls, entry
from ladokflow.sandbox.wiseflow.handed_in import STORAGE

logger = logging.getLogger(__name__)
SYSTEMS = {f"/{slug}": slug for slug in UNIVERSITIES} | {entry.PREFIX: "wiseflow", STORAGE: "storage"}
KEPT_REQUESTS = 20_000
KEPT_ANSWER = 100_000


class Sandbox:
    """`with Sandbox() as sandbox: sandbox.url, sandbox.control`. `delay` is added to every answer, in seconds."""

    def __init__(
        self,
        port: int = 0,
        state_file: Path | str | None = None,
        seed: int = 1,
        delay: float = 0,
        *,
        host: str = "127.0.0.1",
        kept_requests: int = KEPT_REQUESTS,
    ) -> None:
        self.state = State(seed=seed, file=Path(state_file) if state_file else None)
        self.delay = delay
        self.faults = faults.Faults()
        self.door = entry.Door(self.state)
        self.caller = calls.Caller(self.state)
        self.received: deque[dict[str, Any]] = deque(maxlen=kept_requests)
        self.stopping = threading.Event()
        self.server = _Server((host, port), _Handler)
        self.server.sandbox = self
        self.port = self.server.server_address[1]
        self.url = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{self.port}"  # noqa: S104
        self.control = Control(self.url)
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        for name, work in (("serve", self._serve), ("tell", self._tell), ("save", self._save)):
            thread = threading.Thread(target=work, name=f"sandbox-{name}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Stop serving, and keep what is to be kept."""
        self.stopping.set()
        self.server.shutdown()
        self.server.server_close()
        for thread in self._threads:
            thread.join(timeout=5)
        self.caller.close()
        self.control.close()
        self.state.save()

    def __enter__(self) -> Sandbox:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _serve(self) -> None:
        self.server.serve_forever(poll_interval=0.05)

    def _tell(self) -> None:
        """Webhooks: notice flows whose time has come, and make the calls that are due."""
        while not self.stopping.wait(0.1):
            try:
                with self.state.lock:
                    has_listeners = bool(self.state.data["wiseflow"]["webhooks"])
                    if has_listeners:
                        calls.tell_states(self.state)
                if has_listeners or self.state.data["wiseflow"]["deliveries"]:
                    self.caller.deliver_due()
            except Exception:
                logger.exception("sandbox.webhooks.failed")

    def _save(self) -> None:
        while not self.stopping.wait(1):
            try:
                self.state.save()
            except OSError:
                logger.exception("sandbox.state.not_saved")

    # --- One request --------------------------------------------------------------------------------------------

    def system(self, path: str) -> tuple[str, str]:
        """Which of the systems a path belongs to, and the path within it; "" for none."""
        for prefix, name in SYSTEMS.items():
            if path == prefix or path.startswith(prefix + "/"):
                return name, path[len(prefix) :] or "/"
        return "", path

    def work(self, system: str, call: Call) -> Reply:
        with self.state.lock:
            if system == "wiseflow":
                reply = self.door.answer(call)
            elif system == "storage":  # where WISEflow keeps the files that it links to
                reply = papers.answer(self.state, call)
            else:
                reply = ladok.answer(self.state, UNIVERSITIES[system], call)
            # Encoded here: what the body refers to may be changed by the next request.
            return _encoded(reply)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    sandbox: Sandbox

    def handle_error(self, request: Any, client_address: Any) -> None:
        logger.debug("sandbox.connection.failed", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    timeout = 120
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _answer(self) -> None:
        sandbox = self.server.sandbox
        path, _, query = self.path.partition("?")
        content = self._content()
        if content is None:
            self.close_connection = True
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        system, inner = sandbox.system(path)
        call = Call(self.command, inner, dict(parse_qsl(query, keep_blank_values=True)), headers, content)
        if not system:
            reply = control_api.answer(sandbox, call) if path.startswith("/control/") else front.answer(sandbox, call)
            self._send(faults.Sending(_encoded(reply)))
            return
        segments = [unquote(part) for part in inner.split("/") if part]
        call.parts = {"decoded": "/" + "/".join(segments), "code": segments[1] if len(segments) > 1 else ""}
        row = {
            "system": system,
            "method": call.method,
            "path": path,
            "query": query,
            "headers": headers,
            "body": content,
            "at": time.time(),
        }
        sandbox.received.append(row)
        sending = self._worked(sandbox, system, call)
        row |= _told(sending.reply)
        self._send(sending)

    def _worked(self, sandbox: Sandbox, system: str, call: Call) -> faults.Sending:
        if sandbox.delay:
            sandbox.stopping.wait(sandbox.delay)
        fault = sandbox.faults.take(system, call)
        try:
            if fault is None:
                return faults.Sending(sandbox.work(system, call))
            return faults.play(
                fault,
                call,
                lambda: _decoded(sandbox.work(system, call)),
                lambda seconds: _wait(sandbox, seconds),
                lambda action, arguments: control_api.act(sandbox, action, arguments),
            )
        except Exception:
            logger.exception("sandbox.request.failed system=%s", system)
            return faults.Sending(Reply(500, {"message": "The sandbox itself failed."}))

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

    def _content(self) -> bytes | None:
        """The body; None where the caller went away in the middle of it, and so asked for nothing."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return self._chunks()
        size = int(self.headers.get("Content-Length") or 0)
        with contextlib.suppress(OSError):
            content = self.rfile.read(size)
            return content if len(content) == size else None
        return None

    def _chunks(self) -> bytes | None:
        chunks = []
        with contextlib.suppress(OSError, ValueError):
            while size := int(self.rfile.readline().split(b";")[0], 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(chunks)
        return None

    def _send(self, sending: faults.Sending) -> None:
        if sending.reply is None:
            self._drop()
            return
        reply = _encoded(sending.reply)
        body: bytes = reply.body or b""
        head = [f"HTTP/1.1 {reply.status} {self.responses.get(reply.status, ('',))[0]}"]
        if body:
            head.append(f"Content-Type: {reply.kind}")
        if reply.status != 204:
            head.append(f"Content-Length: {len(body)}")
        head += [f"{name}: {value}" for name, value in reply.headers.items()]
        start = ("\r\n".join(head) + "\r\n\r\n").encode("latin-1", "replace")
        with contextlib.suppress(OSError):
            if sending.cut:
                self.wfile.write(start + body[: max(1, len(body) // 2)])
                self._drop()
            elif sending.seconds:
                self.wfile.write(start)
                self._drip(body, sending.seconds)
            else:
                self.wfile.write(start + body)

    def _drip(self, body: bytes, seconds: float) -> None:
        size = max(1, -(-len(body) // 20))
        pieces = [body[place : place + size] for place in range(0, len(body), size)]
        for piece in pieces:
            if self.server.sandbox.stopping.wait(seconds / len(pieces)):
                return
            self.wfile.write(piece)

    def _drop(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


def _wait(sandbox: Sandbox, seconds: float) -> None:
    sandbox.stopping.wait(seconds)


def _encoded(reply: Reply) -> Reply:
    """The reply with its body as bytes."""
    body = reply.body
    if body is None or isinstance(body, bytes):
        return reply
    is_text = isinstance(body, str) and reply.kind != "application/json"
    reply.body = (
        body.encode()
        if is_text or (isinstance(body, str) and "charset" in reply.kind)
        else json.dumps(body, ensure_ascii=False).encode()
    )
    return reply


def _decoded(reply: Reply) -> Reply:
    if isinstance(reply.body, bytes) and reply.kind == "application/json":
        reply.body = json.loads(reply.body)
    return reply


def _told(reply: Reply | None) -> dict[str, Any]:
    """What is remembered of an answer: its status (0 where none was sent) and its body, or the beginning of a long one."""
    if reply is None:
        return {"status": 0, "answer": b"", "answer_headers": {}, "answer_kind": ""}
    body = _encoded(reply).body or b""
    return {
        "status": reply.status,
        "answer": body[:KEPT_ANSWER],
        "answer_headers": dict(reply.headers),
        "answer_kind": reply.kind,
    }
