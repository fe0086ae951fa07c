"""A sandbox that writes down what each worker asks for and when, and kills the one that asks for what is aimed at."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from ladokflow.sandbox import server
from ladokflow.sandbox.answers import Call, Reply
from ladokflow.sandbox.wiseflow import entry
from tests.crash.processes import Processes, owner_of_port

NUMBER = re.compile(r"(?<=/)\d+(?=/|$)")


@dataclass
class Asked:
    """A request as it arrived. `worker` is a process id, 0 for whoever is no worker; `status` 0 until it is answered."""

    at: float
    system: str
    path: str
    query: dict[str, str]
    worker: int
    status: int = 0


@dataclass
class Aim:
    """Whoever makes the `count`th request of a kind is killed `pause` seconds after it has arrived; `then` is called once it is dead."""

    name: str
    system: str
    path: str  # a regular expression for the whole path within the system
    count: int
    then: Callable[[], object]
    pause: float = 0.0
    seen: int = 0
    victim: int = 0


class _Handler(server._Handler):
    def _worked(self, sandbox: Any, system: str, call: Call) -> Any:
        call.parts["port"] = str(self.client_address[1])
        return super()._worked(sandbox, system, call)


class WatchingSandbox(server.Sandbox):
    def __init__(self, processes: Processes) -> None:
        super().__init__(kept_requests=100)
        self.server.RequestHandlerClass = _Handler
        self.processes = processes
        self.ledger: list[Asked] = []
        self.different: dict[
            tuple[str, ...], dict[str, Any]
        ] = {}  # requests to WISEflow, to be held against its description
        self.aims: list[Aim] = []
        self._workers: dict[str, int] = {}  # port -> process id
        self._lock = threading.Lock()

    def work(self, system: str, call: Call) -> Reply:
        asked = Asked(time.time(), system, call.path, call.query, self._worker(call.parts["port"]))
        with self._lock:
            self.ledger.append(asked)
            self._keep(system, call)
            aim = self._aim(asked)
        if aim is not None:
            self._kill(aim)
        reply = super().work(system, call)
        asked.status = reply.status
        return reply

    def kills(self) -> int:
        return sum(bool(aim.victim) for aim in self.aims)

    def _worker(self, port: str) -> int:
        if not self.processes.is_ours(self._workers.get(port, 0)):
            ours = [found.pid for found in self.processes.all()]
            self._workers[port] = owner_of_port(int(port), self.port, ours) or 0
        return self._workers[port]

    def _keep(self, system: str, call: Call) -> None:
        if system == "wiseflow" and not call.path.startswith("/oauth"):
            row = {
                "method": call.method,
                "path": entry.PREFIX + call.path,
                "query": urlencode(call.query),
                "headers": dict(call.headers),
                "body": call.content,
            }
            shape = (call.method, NUMBER.sub("1", call.path), ",".join(sorted(call.query)), str(len(call.content)))
            self.different.setdefault(shape, row)

    def _aim(self, asked: Asked) -> Aim | None:
        """The one that this request meets, if a worker has made it."""
        met = None
        for aim in self.aims if asked.worker else ():
            if aim.system == asked.system and re.fullmatch(aim.path, asked.path):
                aim.seen += 1
                if aim.seen == aim.count:
                    aim.victim, met = asked.worker, aim
        return met

    def _kill(self, aim: Aim) -> None:
        def kill() -> None:
            self.processes.kill(aim.victim)
            while self.processes.is_ours(aim.victim):
                time.sleep(0.01)
            aim.then()

        # Beside the answer: what is called then may ask the database for long.
        threading.Timer(aim.pause, kill).start()
