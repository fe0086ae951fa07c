"""What the queue calls. The work and the truth about it are in the services."""

from __future__ import annotations

from exports.attempts import automatic, send
from exports.grades import collect
from exports.operation import digest, health, sweep
from sources.models import Flow


def send_attempt(pk: str) -> None:
    send.send_attempt(pk)


def collect_flow(pk: str) -> None:
    """Collect one flow's grades: asked for by a page or a webhook."""
    flow = Flow.objects.ready().filter(pk=pk).first()
    if flow is not None:
        automatic.collect_and_export(flow)


def collect_all() -> None:
    """Called every few minutes: have the grades collected of every flow where there may be news."""
    collect.enqueue_collections()


def send_digests() -> None:
    """Called every few minutes: e-mails the managers what failed or asks."""
    digest.send_digests()


def prune() -> None:
    """Called every hour: once a day, what is older than it is to be kept goes."""
    sweep.prune()


def heartbeat(_key: str = "") -> None:
    health.beat()
