"""manage.py watch: runs the queue, and starts it again when it stands still."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any

from django.core.management.base import CommandParser
from django.db import DatabaseError, close_old_connections, connection
from django.utils import timezone

from exports.operation import health
from ladokflow.queue import enqueue
from sources.command import PlainCommand

logger = logging.getLogger(__name__)

CHECK_SECONDS = 5.0
BEAT_EVERY_SECONDS = 30.0
STOP_SECONDS = 150.0  # a graceful stop first ends the tasks at hand


class Command(PlainCommand):
    is_service = True
    help = (
        "Run qcluster in a process group of its own. When no worker shows a sign of life any more, the whole group is killed and "
        "started again: a cluster that stands still does not stop gracefully, and killing is safe at any moment."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--silence", type=float, default=health.HEARTBEAT_SECONDS, metavar="SECONDS")

    def work(self, **options: Any) -> None:
        self.stopped = threading.Event()
        self.silence = options["silence"]
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stopped.set())
        while not self.stopped.is_set():
            self.run_once()

    def run_once(self) -> None:
        """One life of the cluster."""
        cluster = subprocess.Popen([sys.executable, sys.argv[0], "qcluster"], start_new_session=True)  # noqa: S603
        logger.info("queue.started pid=%s", cluster.pid)
        started, asked = time.monotonic(), 0.0
        began = timezone.now()
        try:
            while cluster.poll() is None and not self.stopped.wait(CHECK_SECONDS):
                if time.monotonic() - asked > BEAT_EVERY_SECONDS and self.ask_for_a_beat(began):
                    asked = time.monotonic()
                if time.monotonic() - started > self.silence and self.is_silent():
                    logger.error("queue.silent pid=%s", cluster.pid)
                    kill_group(cluster.pid)
                    break
            else:
                if cluster.poll() is None:
                    self.stop(cluster)
                else:
                    logger.warning("queue.ended status=%s", cluster.returncode)
                    self.stopped.wait(2)
        finally:
            # Whatever is left of it: the main process may be gone and its workers not.
            kill_group(cluster.pid)
            cluster.wait()

    def ask_for_a_beat(self, since: Any) -> bool:
        """Have a worker show that it is there, unless an earlier wish still waits in the queue."""
        try:
            close_old_connections()
            last = health.last_beat("asked")
            heard = health.last_beat()
            if last is not None and last > since and (heard is None or heard < last):
                return False
            health.beat("asked")
            enqueue("exports.tasks.heartbeat", "watch")
        except DatabaseError:
            connection.close()
            return False
        return True

    def is_silent(self) -> bool:
        """Whether it is for certain that nobody works. A database that is down says nothing about the workers."""
        try:
            close_old_connections()
            heard = health.last_beat()
            if heard is not None and (timezone.now() - heard).total_seconds() < self.silence:
                return False
            return not health.is_a_worker_busy()
        except DatabaseError:
            connection.close()
            return False

    def stop(self, cluster: subprocess.Popen[bytes]) -> None:
        """SIGTERM to the main process alone: its children would be stopped in the middle of a task."""
        cluster.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            cluster.wait(STOP_SECONDS)


def kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
