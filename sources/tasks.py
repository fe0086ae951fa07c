"""What the queue calls. The work and the truth about it are in the services."""

from __future__ import annotations

from sources import batching, calls, creating, nights, syncing


def create_flow(pk: str) -> None:
    creating.create_flow(int(pk))


def request_exam(pk: str) -> None:
    batching.request_exam(int(pk))


def sync_flow(run_pk: str) -> None:
    syncing.run_sync(run_pk)


def handle_webhook(pk: str) -> None:
    calls.handle(int(pk))


def sync_night() -> None:
    """Called every few minutes: asks for the nightly synchronisation of each source whose time has come."""
    nights.request_night_syncs()
