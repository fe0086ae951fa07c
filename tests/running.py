"""The demo as a person starts it: a process of its own, on free ports, with a data folder of its own."""

from __future__ import annotations

import contextlib
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tests.environment import ROOT

START_SECONDS = 240


def free_port() -> int:
    """One that nobody gets by chance before it is listened on: below those that the system gives to whoever asks for any."""
    while True:
        # Not from `random`, which begins anew with each test, and alike in all workers.
        port = 20_000 + secrets.randbelow(10_000)
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port


def wait_until(done: Callable[[], object], seconds: float, what: str) -> None:
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.5)


def processes_with(text: str) -> list[str]:
    """Command lines of the processes that have the text in their environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if text.encode() in (folder / "environ").read_bytes():
                found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return [line for line in found if line]


class Demo:
    def __init__(self, data: Path, environment: Mapping[str, str]) -> None:
        self.data = data
        self.port, self.sandbox_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {**environment, "DATA_DIR": str(data)}
        self.log = data / "demo.log"

    def start(self) -> None:
        self.data.mkdir(parents=True, exist_ok=True)
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [*(sys.executable, "manage.py", "demo"), f"--port={self.port}", f"--sandbox-port={self.sandbox_port}"],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def stop(self, number: int = signal.SIGINT) -> int:
        """Ask it to stop, as Ctrl-C or a service manager does; its exit status."""
        self.process.send_signal(number)
        return self.process.wait(timeout=120)

    def wait_until(self, done: Callable[[], object], seconds: float) -> None:
        """Raises AssertionError with all that was said where the demo ends before, or takes too long."""
        end = time.monotonic() + seconds
        while not done():
            if time.monotonic() > end or self.process.poll() is not None:
                raise AssertionError(self.said()[-8000:])
            time.sleep(0.5)

    def left_behind(self) -> list[str]:
        return processes_with(f"DATA_DIR={self.data}")

    def said(self) -> str:
        return self.log.read_text()


@contextlib.contextmanager
def demo(data: Path, environment: Mapping[str, str]) -> Iterator[Demo]:
    running = Demo(data, environment)
    running.start()
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.stop()
