"""What somebody does with their own account is on record at each of their sources."""

from __future__ import annotations

import logging
from typing import Any

from ladokflow.messages import message
from sources.audit import record
from sources.models import Source

logger = logging.getLogger(__name__)


def record_everywhere(user: Any, code: str, *, actor: Any, address: str | None, **params: Any) -> None:
    """Never give it a secret. Call it in the transaction that does what it tells of. `actor` is mostly the person themselves; None for a command."""
    told = message(code, email=user.get_username(), **params)
    for source in Source.objects.visible_to(user):
        record(message=told, source=source, actor=actor, address=address)
    logger.info("sign_in.account user=%s code=%s", user.pk, code)
