"""Processes of a test that work in its database at once: forked from one that has loaded Django, and has connected to nothing.

`python -c ...` and `manage.py ...` spend a second of the processor on loading before they do anything, and are started some
hundred times. From there on it is all the same: a process of its own, with its own connections, to be stopped and killed.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sys
from collections.abc import Iterator, Mapping
from multiprocessing import forkserver

LOADED = "tests.loaded"


class WarmProcess:
    """`WarmProcess("-c", code, ...)` or `WarmProcess("manage.py", command, ...)`: as `subprocess.Popen` of Python with these.

    Its settings are those of the first environment that is given in this process; what else it reads there is as given.
    """

    def __init__(self, *arguments: str, environment: Mapping[str, str]) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([LOADED])
        self._process = context.Process(target=_work, args=(arguments, dict(environment)), daemon=True)
        with _environment(environment):  # which the first of them all is started with
            self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def poll(self) -> int | None:
        """Its exit status; None while it lives."""
        return self._process.exitcode

    def wait(self, timeout: float = 300) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise TimeoutError(f"The process has not ended within {timeout} seconds.")
        return self._process.exitcode

    def kill(self) -> None:
        self._process.kill()


def stop() -> None:
    """Let go of the process that the others are forked from, if there is one."""
    with contextlib.suppress(ChildProcessError):
        forkserver._forkserver._stop()  # type: ignore[attr-defined]


@contextlib.contextmanager
def _environment(given: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(given)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _work(arguments: tuple[str, ...], environment: dict[str, str]) -> None:
    from django.core.management import execute_from_command_line

    os.environ.update(environment)
    if arguments[0] == "-c":
        sys.argv = ["-c", *arguments[2:]]
        exec(arguments[1], {"__name__": "__main__"})  # noqa: S102 - what `python -c` does
    else:
        execute_from_command_line(list(arguments))
