"""Answering the button in WISEflow that asks for a synchronisation: `sync/done` or `sync/fail` for every reference."""

from __future__ import annotations

import logging

from ladokflow.http import RemoteError
from ladokflow.messages import Message, message
from ladokflow.wiseflow.client import WiseflowClient
from ladokflow.wiseflow.errors import WiseflowError
from sources.models import Flow
from sources.sync.gather import Gathered
from sources.universities.clients import wiseflow_for

logger = logging.getLogger(__name__)


def answer(gathered: Gathered, client: WiseflowClient, *, is_done: bool) -> list[Message]:
    """Tell WISEflow how it went, for every code's reference; the problems, if it would not hear it."""
    problems = []
    tell = client.sync_done if is_done else client.sync_fail
    for code in gathered.codes:
        if code.external_source_id is None:
            continue
        try:
            tell(gathered.wiseflow_id, code.reference)
        except WiseflowError:
            problems.append(message("sources.answer_refused", code=code.code))
    return problems


def answer_failed(flow: Flow) -> list[Message]:
    """Tell WISEflow that it did not go well, for every code's reference; the problems, if it would not hear it."""
    problems = []
    codes = flow.codes.filter(removed_at__isnull=True, external_source_id__isnull=False)
    try:
        with wiseflow_for(flow) as client:
            for code in codes:
                try:
                    client.sync_fail(flow.wiseflow_id or 0, code.reference)
                except WiseflowError:
                    problems.append(message("sources.answer_refused", code=code.code))
    except RemoteError:
        problems += [message("sources.answer_refused", code=code.code) for code in codes]
    if problems:
        logger.warning("flow.sync.not_answered flow=%s", flow.pk)
    return problems
