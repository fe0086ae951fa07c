"""Who works on a flow: one worker at a time, told from the others by a token.

A worker that dies leaves its lease behind; when it has run out another worker may take it, and gets a token of its own.
Whatever the first one would still write is then refused, for every write of ours asks for the token. The clock is the
database's, so that several machines agree.
"""

from __future__ import annotations

import contextlib
import threading
import uuid
from collections.abc import Iterator
from typing import Any

from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Now

from ladokflow.clock import monotonic
from ladokflow.leases import LeaseLost, beating
from ladokflow.messages import Refused, message
from sources.models import Flow

LEASE = Flow.LEASE
BEAT_SECONDS = 10.0
# Nobody else can have taken a lease that is younger than this.
SURE_SECONDS = 25.0


def is_free() -> Q:
    return Flow.is_free()


@contextlib.contextmanager
def alone_with(flow_pk: int) -> Iterator[Flow]:
    """The flow, fresh, in a transaction in which no worker works on it: for what a manager decides about it.

    A worker that has begun has read the flow already, and would write over what is decided meanwhile: then it is Refused.
    One that waits in the queue reads the flow afterwards.
    """
    with transaction.atomic():
        lease = alone_or_refused(flow_pk)
        yield Flow.objects.select_related("source").get(pk=flow_pk)
        lease.release()


def alone_or_refused(flow_pk: int) -> Lease:
    """The lease of a flow that is there; Refused where a worker has it."""
    lease = Lease.take(flow_pk, only_if=Q(setup_state=Flow.Setup.READY))
    if lease is None:
        is_ready = Flow.objects.filter(pk=flow_pk, setup_state=Flow.Setup.READY).exists()
        raise Refused(message("sources.flow_busy" if is_ready else "sources.flow_not_ready"))
    return lease


class Lease:
    def __init__(self, flow_pk: int, token: uuid.UUID) -> None:
        self.flow_pk = flow_pk
        self.token = token
        self._renewed = monotonic()
        self._home = threading.current_thread()
        self._is_in_transaction = transaction.get_connection().in_atomic_block

    @classmethod
    def take(cls, flow_pk: int, *, only_if: Q | None = None, **changes: Any) -> Lease | None:
        """The lease, with `changes` written in the same UPDATE; None where somebody has it or `only_if` does not hold."""
        token = uuid.uuid4()
        taken = Flow.objects.filter(is_free(), only_if or Q(), pk=flow_pk).update(
            sync_token=token, sync_lease_until=Now() + LEASE, **changes
        )
        return cls(flow_pk, token) if taken else None

    def write(self, **changes: Any) -> None:
        """Change the flow's row, as long as we are the one who works on it."""
        if not Flow.objects.filter(pk=self.flow_pk, sync_token=self.token).update(**changes):
            raise LeaseLost

    def renew(self) -> None:
        """Call right before a write to WISEflow that two must not make."""
        begun = monotonic()
        self.write(sync_lease_until=Now() + LEASE)
        self._renewed = begun

    def keep(self) -> None:
        """Call between writes to WISEflow: a process that was frozen for a while finds out here that it is too late."""
        if monotonic() - self._renewed > SURE_SECONDS:
            self.renew()

    def look(self) -> None:
        """As `keep`, at the last moment: right before the first byte of a writing, in whichever thread that is."""
        if threading.current_thread() is self._home:
            self.keep()
        elif not self._is_in_transaction:  # else nobody has it before that ends, and another connection does not see it
            try:
                self.keep()
            finally:
                connection.close()

    def release(self, **changes: Any) -> None:
        self.write(sync_token=None, sync_lease_until=None, **changes)

    def beating(self) -> contextlib.AbstractContextManager[None]:
        return beating(self.renew, every=BEAT_SECONDS, name=f"lease-{self.flow_pk}")
