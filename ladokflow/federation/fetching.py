"""Reads what an identity provider or a federation publishes, through the one guarded way out (`ladokflow/http.py`)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from ladokflow.http import build_client, exchange, host_of
from ladokflow.messages import Refused, message
from ladokflow.response import Answer, NoAnswer, NotData

logger = logging.getLogger(__name__)
SECONDS = 15.0


def fetch(method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None) -> Answer:
    """What came back with 2xx. Refused where nothing did; of what the other side says the log has the status only."""
    with build_client(timeout=SECONDS) as client:
        answer = exchange(client, method, url, body=body, headers=headers, seconds=SECONDS)
    if isinstance(answer, NoAnswer) or not answer.is_success:
        outcome = answer.kind if isinstance(answer, NoAnswer) else answer.status
        logger.warning("sign_in.federation.no_answer host=%s outcome=%s", host_of(url), outcome)
        raise Refused(message("federation.unreachable", host=host_of(url)))
    return answer


def fetch_json(method: str, url: str, **given: Any) -> dict[str, Any]:
    try:
        data = fetch(method, url, **given).json()
    except NotData:
        data = None
    if not isinstance(data, dict):
        logger.warning("sign_in.federation.not_json host=%s", host_of(url))
        raise Refused(message("federation.unreachable", host=host_of(url)))
    return data
