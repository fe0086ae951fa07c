"""A sandbox that sees who is calling, and kills the caller at the moment that hurts most.

| Aim | The worker is killed |
|---|---|
| `preparing` | while it reads the grades from WISEflow: nothing has been sent |
| `soon` | up to a quarter of a second after that: anywhere on the way from preparing to recording |
| `before` | when the request has arrived; Ladok does its work all the same, a little later |
| `after` | when Ladok has registered the grades and is about to answer |
| `record` | when it has the answer and waits for the database to write it down |
| `frozen` | (not killed) stopped until its lease has run out and the outcome is taken for unknown, then let go on |
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from django.db import DatabaseError, connection, transaction

from exports.models import ExportAttempt
from ladokflow.sandbox import server
from ladokflow.sandbox.answers import Call, Reply
from sources.models import Flow
from tests.crash.processes import Processes, owner_of_port
from tests.crash.ticking import let_time_pass

WHILE_SENDING = (("before", 3), ("after", 4), ("record", 5), ("frozen", 1))
WHILE_PREPARING = (("preparing", 3), ("soon", 5))
# The share of the requests that are let off: the moments that come later must have their turn, and so must good endings.
SPARED_PREPARING, SPARED_SENDING = 0.55, 0.3


class _Handler(server._Handler):
    def _worked(self, sandbox: Any, system: str, call: Call) -> Any:
        call.parts["port"] = str(self.client_address[1])
        if (attempt := call.headers.get("x-attempt-id", "")) and call.method != "GET":
            sandbox.requests[attempt] += 1
        with sandbox.at_work():
            return super()._worked(sandbox, system, call)


class AimingSandbox(server.Sandbox):
    """`may_kill` says whether one more kill is wanted now."""

    def __init__(self, processes: Processes, rng: random.Random, may_kill: Callable[[], bool]) -> None:
        super().__init__(kept_requests=100)
        self.server.RequestHandlerClass = _Handler
        self.processes = processes
        self.rng = rng
        self.may_kill = may_kill
        self.kills: Counter[str] = Counter()
        self.requests: Counter[str] = Counter()  # by attempt: more than one would be a second try
        self.calls = 0
        self._count = threading.Lock()

    @contextlib.contextmanager
    def at_work(self) -> Any:
        with self._count:
            self.calls += 1
        try:
            yield
        finally:
            with self._count:
                self.calls -= 1

    def work(self, system: str, call: Call) -> Reply:
        attempt = call.headers.get("x-attempt-id", "")
        if attempt and call.method != "GET":
            return self._aim(WHILE_SENDING, SPARED_SENDING, system, call, attempt)
        if system == "wiseflow" and call.path.endswith("/assessments"):
            return self._aim(WHILE_PREPARING, SPARED_PREPARING, system, call, "")
        return super().work(system, call)

    def _aim(self, aims: tuple[tuple[str, int], ...], spared: float, system: str, call: Call, attempt: str) -> Reply:
        with self._count:
            is_wanted = self.rng.random() >= spared and self.may_kill()
        caller = self._caller(call) if is_wanted else None
        if caller is None:
            return super().work(system, call)
        with self._count:
            aim = self.rng.choices([name for name, _ in aims], [share for _, share in aims])[0]
            pause = self.rng.random()
        if aim == "preparing":
            self._kill(caller, aim)
        elif aim == "soon":
            threading.Timer(pause / 4, self._kill, (caller, aim)).start()
        elif aim == "before":
            self._kill(caller, aim)
            self.stopping.wait(pause * 2)
        elif aim == "record":
            reply = super().work(system, call)
            self._hold_and_kill(attempt, caller)
            return reply
        elif aim == "frozen":
            return self._freeze(system, call, attempt, caller)
        reply = super().work(system, call)
        if aim == "after":
            self._kill(caller, aim)
        return reply

    def _caller(self, call: Call) -> int | None:
        """The worker, or the command, that is calling; not a hand at the pages."""
        ours = [found.pid for part in ("qcluster", "manage.py export") for found in self.processes.all(part)]
        return owner_of_port(int(call.parts["port"]), self.port, ours)

    def _kill(self, pid: int, aim: str) -> None:
        if self.processes.kill(pid):
            with self._count:
                self.kills[f"worker: {aim}"] += 1

    # --- Between the answer and the record ----------------------------------------------------------------------

    def _hold_and_kill(self, attempt: str, caller: int) -> None:
        """Hold the flow's row (on SQLite: the only write lock) until the worker, with its answer, waits for it and is dead."""
        held = threading.Event()
        threading.Thread(target=self._hold, args=(attempt, caller, held), daemon=True).start()
        held.wait(5)

    def _hold(self, attempt: str, caller: int, held: threading.Event) -> None:
        try:
            with transaction.atomic():
                flow = ExportAttempt.objects.values_list("flow_id", flat=True).get(pk=attempt)
                Flow.objects.select_for_update(no_key=True).get(pk=flow)
                held.set()
                time.sleep(0.15)
                # By now the answer has arrived, and only we are in its way.
                is_waiting = ExportAttempt.objects.filter(pk=attempt, state="sending").exists()
                self._kill(caller, "record" if is_waiting else "soon")
        except (DatabaseError, ExportAttempt.DoesNotExist):
            pass  # the database is away: then this one is let off
        finally:
            held.set()
            connection.close()

    # --- Frozen, and thawed too late ----------------------------------------------------------------------------

    def _freeze(self, system: str, call: Call, attempt: str, caller: int) -> Reply:
        with contextlib.suppress(ProcessLookupError):
            os.kill(caller, signal.SIGSTOP)
        reply = super().work(system, call)
        try:
            let_time_pass(ExportAttempt.objects.filter(pk=attempt))
            ends = time.monotonic() + 6
            while time.monotonic() < ends and not ExportAttempt.objects.filter(pk=attempt, state="failed").exists():
                self.stopping.wait(0.2)
        except DatabaseError:
            pass
        finally:
            connection.close()
            with contextlib.suppress(ProcessLookupError):
                os.kill(caller, signal.SIGCONT)
        self.kills["(frozen past the lease)"] += 1
        return reply
