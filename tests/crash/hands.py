"""The hands at the pages, seen from the harness: who is free, what each is at, and what they said."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable
from typing import Any, cast

from tests.crash.processes import Processes

Said = dict[str, Any]
DIED: Said = {"died": True}


class Hand:
    """One process. `job` is what it is at, with who wants to hear of it."""

    def __init__(self, processes: Processes, name: str, heard: queue.Queue[tuple[Hand, Said]]) -> None:
        self.job: Callable[[Said], None] | None = None
        self.process = processes.start(name, "-m", "tests.crash.hand", speaks=True)
        threading.Thread(target=self._listen, args=(heard,), daemon=True).start()

    def _listen(self, heard: queue.Queue[tuple[Hand, Said]]) -> None:
        for line in cast(Any, self.process.stdout):
            heard.put((self, json.loads(line)))
        heard.put((self, DIED))

    def give(self, told: Callable[[Said], None], do: str, **arguments: Any) -> None:
        self.job = told
        try:
            stdin = cast(Any, self.process.stdin)
            stdin.write(json.dumps({"job": 1, "do": do, **arguments}).encode() + b"\n")
            stdin.flush()
        except OSError:
            pass  # it has died: `_listen` tells


class Hands:
    def __init__(self, processes: Processes, count: int) -> None:
        self.processes = processes
        self.heard: queue.Queue[tuple[Hand, Said]] = queue.Queue()
        self.all: list[Hand] = [Hand(processes, f"hand{number}", self.heard) for number in range(count)]

    def free(self) -> list[Hand]:
        return [hand for hand in self.all if hand.job is None and hand.process.poll() is None]

    def busy(self) -> list[Hand]:
        return [hand for hand in self.all if hand.job is not None]

    def listen(self) -> None:
        """Pass on what was said. Somebody new sits down where one has died."""
        while True:
            try:
                hand, said = self.heard.get_nowait()
            except queue.Empty:
                return
            told, hand.job = hand.job, None
            if said is DIED:
                number = self.all.index(hand)
                hand.process.wait()
                self.all[number] = Hand(self.processes, f"hand{number}", self.heard)
            if told:
                told(said)
