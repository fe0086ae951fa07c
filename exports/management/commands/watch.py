"""manage.py watch [--queue common|exports]: runs the queue, and starts it again when it stands still."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any

from django.core.management.base import CommandParser
from django.db import Error, close_old_connections, connection

from exports.models import Heartbeat
from exports.operation import health
from ladokflow.queue import Queue, enqueue
from sources.command import PlainCommand

logger = logging.getLogger(__name__)

CHECK_SECONDS = 5.0
BEAT_EVERY_SECONDS = 30.0
STOP_SECONDS = 150.0  # a graceful stop first ends the tasks at hand


class Command(PlainCommand):
    is_service = True
    help = (
        "Run a qcluster for each queue, in a process group of its own. When no worker shows a sign of life any more, the whole group "
        "is killed and started again: a cluster that stands still does not stop gracefully, and killing is safe at any moment."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        names = [queue.name.lower() for queue in Queue]
        parser.add_argument("--queue", choices=names, help="Only the cluster of this queue; else one for each.")
        parser.add_argument(
            "--silence",
            type=float,
            default=health.HEARTBEAT_SECONDS,
            metavar="SECONDS",
            help="After which none of its workers is alive (default: %(default)s). A task may take a minute.",
        )

    def work(self, **options: Any) -> None:
        stopped = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopped.set())
        queues = [Queue[options["queue"].upper()]] if options["queue"] else list(Queue)
        watches = [Watch(queue, options["silence"], stopped) for queue in queues]
        threads = [threading.Thread(target=watch.run) for watch in watches]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if any(watch.has_failed for watch in watches):
            self.fail("A cluster could not be watched any more: all of them are stopped.")


class Watch:
    """Over the cluster of one queue."""

    def __init__(self, queue: Queue, silence: float, stopped: threading.Event) -> None:
        self.queue, self.silence, self.stopped = queue, silence, stopped
        self.has_failed = False

    def run(self) -> None:
        """Until it is stopped. A fault of ours stops the others too: whoever runs us starts all of it again."""
        try:
            while not self.stopped.is_set():
                self.run_once()
        except Exception:
            logger.exception("queue.watch.failed queue=%s", self.queue)
            self.has_failed = True
            self.stopped.set()

    def run_once(self) -> None:
        """One life of the cluster."""
        command, environment = [sys.executable, sys.argv[0], "qcluster"], {**os.environ, "Q_CLUSTER_NAME": self.queue}
        cluster = subprocess.Popen(command, env=environment, start_new_session=True)  # noqa: S603
        logger.info("queue.started queue=%s pid=%s", self.queue, cluster.pid)
        asked, beats = 0.0, _Beats(Heartbeat.NAMES[self.queue])
        try:
            while cluster.poll() is None and not self.stopped.wait(CHECK_SECONDS):
                if time.monotonic() - asked > BEAT_EVERY_SECONDS and self.ask_for_a_beat(beats):
                    asked = time.monotonic()
                if self.is_silent(beats):
                    logger.error("queue.silent queue=%s pid=%s", self.queue, cluster.pid)
                    kill_group(cluster.pid)
                    break
            else:
                if cluster.poll() is None:
                    self.stop(cluster)
                else:
                    logger.warning("queue.ended queue=%s status=%s", self.queue, cluster.returncode)
                    self.stopped.wait(2)
        finally:
            # Whatever is left of it: the main process may be gone and its workers not.
            kill_group(cluster.pid)
            cluster.wait()

    def ask_for_a_beat(self, beats: _Beats) -> bool:
        """Have a worker show that it is there, unless an earlier wish still waits in the queue."""
        try:
            close_old_connections()
            heard = (health.last_beat(beats.name),)
            if heard == beats.asked_after:
                return False
            enqueue("exports.tasks.heartbeat", "watch", queues=(self.queue,))
        except Error:
            connection.close()
            return False
        beats.asked_after = heard
        return True

    def is_silent(self, beats: _Beats) -> bool:
        """Whether it is for certain that nobody works. A database that is down says nothing about the workers."""
        try:
            close_old_connections()
            return beats.silence() > self.silence and not health.is_a_worker_busy(self.queue)
        except Error:
            connection.close()
            return False

    def stop(self, cluster: subprocess.Popen[bytes]) -> None:
        """SIGTERM to the main process alone: its children would be stopped in the middle of a task."""
        cluster.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            cluster.wait(STOP_SECONDS)


class _Beats:
    """The workers' signs of life since a cluster was started. One is told by its being new, whatever the clock says that wrote it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.last: dt.datetime | None = None
        self.since = time.monotonic()
        self.asked_after: tuple[dt.datetime | None] | None = None  # the last one there was when one was asked for

    def silence(self) -> float:
        """For how many seconds there has been no new one."""
        heard = health.last_beat(self.name)
        if heard is not None and heard != self.last:
            self.last, self.since = heard, time.monotonic()
        return time.monotonic() - self.since


def kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
