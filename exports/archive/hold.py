"""Who makes a package: one worker at a time, told from the others by a token. Whatever a dead one would still write is refused."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from exports.models import Package
from ladokflow.clock import monotonic
from ladokflow.leases import LeaseLost, beating

RENEW_SECONDS = 20.0


class Hold:
    def __init__(self, package: Package) -> None:
        self.package = package
        self._renewed = monotonic()

    @classmethod
    def take(cls, pk: uuid.UUID) -> Hold | None:
        """None where somebody is at it, it rests, or there is nothing to do."""
        token = uuid.uuid4()
        waits = Package.is_waiting_for_a_worker() | Package.left_behind()
        taken = Package.objects.filter(waits, pk=pk).update(
            state=Package.State.FETCHING,
            token=token,
            lease_until=Now() + Package.LEASE,
            claims=F("claims") + 1,
            enqueues=0,
            rests_until=None,
        )
        if not taken:
            return None
        found = Package.objects.select_related("flow__source", "requested_by").get(pk=pk)
        return cls(found) if found.token == token else None

    def _own(self) -> Any:
        return Package.objects.filter(Q(state=Package.State.FETCHING), pk=self.package.pk, token=self.package.token)

    def write(self, **changes: Any) -> None:
        if not self._own().update(**changes):
            raise LeaseLost

    def tick(self) -> None:
        """Call it all along: it renews the lease when it is time."""
        if monotonic() - self._renewed > RENEW_SECONDS:
            self.renew()

    def renew(self) -> None:
        begun = monotonic()
        self.write(lease_until=Now() + Package.LEASE)
        self._renewed = begun

    @contextlib.contextmanager
    def writing(self, **changes: Any) -> Iterator[None]:
        """A transaction in which the package is ours; the changes are of its own row."""
        begun = monotonic()
        with transaction.atomic():
            self.write(lease_until=Now() + Package.LEASE, **changes)
            yield
        self._renewed = begun

    def beating(self) -> contextlib.AbstractContextManager[None]:
        return beating(self.renew, every=RENEW_SECONDS, name=f"package-{self.package.pk}")

    def release(self, state: str, **changes: Any) -> None:
        self.write(state=state, token=None, lease_until=None, **changes)
