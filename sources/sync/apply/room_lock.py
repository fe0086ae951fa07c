"""One worker at a time makes a room of a name on a licence: flows of one campus are synchronised at the same time.

Like the lease of a flow: no transaction is held over the network, and the turn of a worker that died runs out.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import time
import uuid
from collections.abc import Iterator

from django.db.models import Q
from django.db.models.functions import Now

from ladokflow import leases
from ladokflow.identifiers import normal
from sources.models import RoomTurn, Source

LEASE = dt.timedelta(minutes=2)  # longer than looking and making take, with every repetition and timeout
PAUSE_SECONDS = 0.2
NAME_LENGTH = 250


class TurnTaken(Exception):
    """Another worker is at it, and has not finished in time."""


@contextlib.contextmanager
def rooms_turn(source: Source, name: str, *, wait_seconds: float) -> Iterator[None]:
    """Waits until it is our turn; TurnTaken where that takes too long. Look whether the room is there once it is."""
    row, _ = RoomTurn.objects.get_or_create(source=source, name=normal(name)[:NAME_LENGTH])
    token, deadline = uuid.uuid4(), time.monotonic() + wait_seconds
    free = RoomTurn.objects.filter(Q(token__isnull=True) | leases.is_over("lease_until", LEASE), pk=row.pk)
    while not free.update(token=token, lease_until=Now() + LEASE):
        if time.monotonic() >= deadline:
            raise TurnTaken
        time.sleep(PAUSE_SECONDS)
    try:
        yield
    finally:
        RoomTurn.objects.filter(pk=row.pk, token=token).update(token=None, lease_until=None)
