"""What is started, once: with an `Idempotency-Key` the same call does nothing a second time, and is answered as the first was.

The key is kept in the transaction that does the work: a process that dies in between has done neither. What is refused is not kept,
for nothing was done; the same may be said again when things stand otherwise.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from typing import Any

from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse

from ladokflow.api.callers import Caller
from ladokflow.api.problems import Problem
from ladokflow.api.schemas import Out
from ladokflow.messages import message
from sources.audit import record
from sources.models import ApiCall, Flow

REPLAYED = "Idempotency-Replayed"


def start(
    request: HttpRequest,
    response: HttpResponse,
    flow: Flow,
    key: str | None,
    work: Callable[[], dict[str, Any]],
    shape: type[Out],
) -> dict[str, Any]:
    """Do it, and write down that this token has. `work` calls a service, which asks nobody outside."""
    caller: Caller = request.auth  # type: ignore[attr-defined]
    if key is not None and (answer := _earlier(request, caller, key)) is not None:
        response.headers[REPLAYED] = "true"
        return answer
    try:
        with transaction.atomic():
            kept = _keep(request, caller, key) if key is not None else None
            answer = shape.model_validate(work()).model_dump(mode="json", by_alias=True)
            _write_down(request, caller, flow, answer)
            if kept is not None:
                ApiCall.objects.filter(pk=kept.pk).update(status=202, answer=answer)
    except IntegrityError:
        # Somebody else has said the same in this moment, and was faster.
        if key is None or (answer := _earlier(request, caller, key)) is None:
            raise
        response.headers[REPLAYED] = "true"
    return answer


def _earlier(request: HttpRequest, caller: Caller, key: str) -> dict[str, Any] | None:
    row = ApiCall.objects.filter(caller=caller.key, key=key).first()
    if row is None:
        return None
    if row.request_hash != _hash(request):
        raise Problem(422, message("api.key_used_otherwise"))
    answer: dict[str, Any] = row.answer
    return answer


def _keep(request: HttpRequest, caller: Caller, key: str) -> ApiCall:
    return ApiCall.objects.create(source=caller.source, caller=caller.key, key=key, request_hash=_hash(request))


def _hash(request: HttpRequest) -> str:
    said = f"{request.method} {request.path}\n".encode() + request.body
    return hashlib.sha256(said).hexdigest()


def _write_down(request: HttpRequest, caller: Caller, flow: Flow, answer: dict[str, Any]) -> None:
    """Beside what the service itself has written down of who did it: with which token."""
    attempts = answer.get("attempts") or [{}]
    attempt_id = uuid.UUID(attempts[0]["attempt"]) if attempts[0] else None
    record(
        message=message("sources.audit.api_call", access=caller.name, call=f"{request.method} {request.path}"),
        source=caller.source,
        flow=flow,
        attempt_id=attempt_id,
        actor=caller.user,
        address=caller.address,
    )
