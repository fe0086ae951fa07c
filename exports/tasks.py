"""What the queue calls. The work and the truth about it are in the services."""

from __future__ import annotations

import uuid

from exports.archive import make, request
from exports.attempts import automatic, send
from exports.grades import asking
from exports.models import Heartbeat
from exports.operation import digest, health, pruning
from exports.statistics import marking, refresh
from ladokflow import queue


def send_attempt(pk: str) -> None:
    with queue.at_work(attempt=pk):
        send.send_attempt(pk)


def collect_flow(pk: str) -> None:
    with queue.at_work(flow=pk):
        automatic.collect_as_asked(int(pk))


def collect_all() -> None:
    """Called every minute: have the grades collected of flows where there may be news."""
    asking.ask_for_due()


def send_digests() -> None:
    """Called every few minutes: e-mails the managers what failed or asks."""
    digest.send_digests()


def prune() -> None:
    """Called every hour: once a day, what is older than it is to be kept goes."""
    pruning.prune()


def make_package(pk: str) -> None:
    with queue.at_work(package=pk):
        make.make_package(uuid.UUID(pk))


def request_packages() -> None:
    """Called every hour: asks for the archive packages of sources that make them by themselves."""
    request.request_due()


def refresh_statistics() -> None:
    """Called every few minutes: works out the statistics of what has changed, and has the marking of it read."""
    refresh.refresh_due()
    marking.want_due()


def read_marking(flow_pk: str) -> None:
    with queue.at_work(flow=flow_pk):
        marking.read_marking(int(flow_pk))


def heartbeat(_key: str = "") -> None:
    health.beat(Heartbeat.NAMES[queue.here()])
