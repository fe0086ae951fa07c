"""The audit log: who did what, and when."""

from __future__ import annotations

import uuid

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from ladokflow.messages import Message
from sources.models import AuditEntry, Flow, Source


def record(
    *,
    message: Message,
    source: Source,
    flow: Flow | None = None,
    attempt_id: uuid.UUID | None = None,
    actor: AbstractBaseUser | AnonymousUser | None = None,
    address: str | None = None,
) -> AuditEntry:
    """Write one entry. Call it in the transaction that does what it tells of.

    `actor` is None for a schedule. `address` is where the request came from, if there was one.
    """
    return AuditEntry.objects.create(
        source=source,
        flow=flow,
        attempt_id=attempt_id,
        actor_id=actor.pk if actor is not None else None,
        address=address or None,
        message=message.to_json(),
    )
