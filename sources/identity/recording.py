"""What somebody does with their own account is on record at each of their sources."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from ladokflow.messages import message
from sources.audit import record
from sources.models import Source

logger = logging.getLogger(__name__)


def record_everywhere(
    user: Any, code: str, *, actor: Any, address: str | None, at: Iterable[Source] | None = None, **params: Any
) -> None:
    """Never give it a secret. Call it in the transaction that does what it tells of. `actor` is mostly the person themselves; None for a command.
    `at` is for what concerns other sources than the person's own."""
    told = message(code, email=user.get_username(), **params)
    for source in Source.objects.visible_to(user) if at is None else at:
        record(message=told, source=source, actor=actor, address=address)
    logger.info("sign_in.account user=%s code=%s", user.pk, code)
