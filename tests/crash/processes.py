"""The processes of a run: started here, known by a mark in their environment, and the only ones that are ever killed."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.running import wait_until

ROOT = Path(__file__).resolve().parents[2]
MARK = "LADOKFLOW_CRASH_RUN"
ROLES = {
    re.compile(r"ready for work at (\d+)"): "worker",
    re.compile(r"monitoring at (\d+)"): "monitor",
    re.compile(r"pushing tasks at (\d+)"): "pusher",
}


@dataclass(frozen=True)
class Found:
    pid: int
    parent: int
    group: int
    command: str


def read_process(pid: int) -> Found | None:
    """None where it is gone, or a zombie."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return Found(pid, int(fields[1]), int(fields[2]), command) if command and fields[0] != "Z" else None


class Processes:
    """Starts processes with our mark, finds them and their children by it, and kills no others."""

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self.environment = {**environment, MARK: str(folder)}
        self.folder = folder
        self._mark = f"{MARK}={folder}".encode()

    def start(self, name: str, *command: str, speaks: bool = False) -> subprocess.Popen[bytes]:
        """`speaks`: we talk with it through its stdin and stdout. All else it says goes to its log."""
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT,
                env=self.environment,
                start_new_session=True,
                stdin=subprocess.PIPE if speaks else subprocess.DEVNULL,
                stdout=subprocess.PIPE if speaks else log,
                stderr=log,
            )

    def is_ours(self, pid: int) -> bool:
        try:
            return self._mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            return False

    def all(self, part: str = "") -> list[Found]:
        """Ours that are alive, and have `part` in their command line."""
        pids = [int(path.name) for path in Path("/proc").glob("[0-9]*") if path.name != str(os.getpid())]
        found = [read_process(pid) for pid in pids if self.is_ours(pid)]
        return [process for process in found if process and part in process.command]

    def kill(self, pid: int) -> bool:
        if not self.is_ours(pid):
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            return True
        return False

    def kill_group(self, group: int) -> bool:
        """Every process of a group at the same instant, as a machine or a service manager does it."""
        if not any(process.group == group for process in self.all()):
            return False
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
            return True
        return False

    def kill_all(self, *parts: str) -> None:
        """Until none is left: what is killed may have started another meanwhile."""

        def left() -> list[Found]:
            return [process for process in self.all() if any(part in process.command for part in parts)]

        def none_left() -> bool:
            for process in left():
                self.kill(process.pid)
            return not left()

        wait_until(none_left, 20, f"processes that do not die: {parts}")


class Cluster:
    """A qcluster, under `manage.py watch` as in production; or bare, and then the harness is the supervisor that starts it again."""

    def __init__(self, processes: Processes, number: int, *, is_bare: bool, queue: str = "common") -> None:
        self.processes = processes
        self.queue = queue
        self.name = f"{queue}{number}"
        self.is_bare = is_bare
        self._roles: dict[int, str] = {}
        self._read = 0
        self.start()

    def start(self) -> None:
        command = ("qcluster",) if self.is_bare else ("watch", "--queue", self.queue, "--silence", "60")
        self.top = self.processes.start(self.name, "manage.py", *command)
        self._alive = time.monotonic()

    def keep(self) -> None:
        """What a supervisor does when the main process has died: end what is left of it, and start it again."""
        if self.top.poll() is not None:
            self.processes.kill_group(self.top.pid)
            self.start()

    def main(self) -> int | None:
        if self.is_bare:
            return self.top.pid if self.top.poll() is None else None
        return next((found.pid for found in self.processes.all("qcluster") if found.parent == self.top.pid), None)

    def stands_still(self, seconds: float) -> bool:
        """Whether no worker has taken up a task for so long, nor the cluster been started."""
        self._read_log()
        return time.monotonic() - self._alive > seconds

    def is_at_work(self) -> bool:
        return "worker" in self.members()

    def members(self) -> dict[str, list[int]]:
        """Process ids by what they are: main, sentinel, worker, monitor, pusher."""
        self._read_log()
        found: dict[str, list[int]] = {}
        main = self.main()
        for each in self.processes.all("qcluster"):
            if each.group != main:
                continue
            role = "main" if each.pid == main else "sentinel" if each.parent == main else self._roles.get(each.pid, "")
            found.setdefault(role, []).append(each.pid)
        return found

    def _read_log(self) -> None:
        with (self.processes.folder / f"{self.name}.log").open("rb") as log:
            log.seek(self._read)
            text = log.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.decode(errors="replace").splitlines():
            if " processing " in line or " running." in line:
                self._alive = time.monotonic()
            for pattern, role in ROLES.items():
                if told := pattern.search(line):
                    self._roles[int(told[1])] = role

    def kill_cluster(self) -> bool:
        main = self.main()
        return main is not None and self.processes.kill_group(main)

    def kill_unit(self) -> bool:
        """The watchdog and all that it has started, as a service manager ends a unit whose main process has died."""
        main = self.main()
        was_alive = self.top.poll() is None
        if not self.is_bare:
            self.top.kill()
        if main is not None:
            self.processes.kill_group(main)
        self.top.wait()
        return was_alive


class Sweeper:
    def __init__(self, processes: Processes, pause: float) -> None:
        self.processes = processes
        self.pause = pause
        self.start()

    def start(self) -> None:
        self.process = self.processes.start("sweeper", "manage.py", "sweep", "--loop", "--pause", str(self.pause))
        self.started = time.monotonic()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def keep(self) -> None:
        """A killed one comes back after a while."""
        if self.process.poll() is not None and time.monotonic() - self.started > 2:
            self.start()


def owner_of_port(port: int, to: int, among: list[int]) -> int | None:
    """Which of our processes has the connection from `port` to `to` on this machine."""
    wanted = (f"0100007F:{port:04X}", f"0100007F:{to:04X}")
    inode = ""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if (fields[1], fields[2]) == wanted:
            inode = f"socket:[{fields[9]}]"
            break
    for pid in among if inode else []:
        with contextlib.suppress(OSError):
            for link in Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(OSError):
                    if str(link.readlink()) == inode:
                        return pid
    return None
