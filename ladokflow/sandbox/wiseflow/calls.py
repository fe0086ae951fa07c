"""The calls of webhooks: what is told, how it is signed, and when it is tried again.

WISEflow's signature header, its encoding and the payload are not public; the sandbox's are settings of it, and the payload
is the shape the vendor's own demonstration uses. A call that fails is made again every 15 minutes, eight times in all.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from ladokflow.http import tls_context
from ladokflow.sandbox.state import State
from ladokflow.sandbox.wiseflow.base import iso, state_of

MOST_CALLS = 8
BETWEEN_CALLS = 15 * 60
AT_ONCE = 8
IN_ONE_GO = 400
KEPT = 5000


def tell(
    state: State,
    flow: dict[str, Any],
    event: str,
    data: dict[str, Any] | None = None,
    participant_id: int | None = None,
) -> None:
    """Put a call in the queue for every webhook of the flow's licence that wants the event."""
    for webhook in state.data["wiseflow"]["webhooks"].values():
        if webhook["licence"] == flow["licence"] and webhook["active"] and event in webhook["events"]:
            payload: dict[str, Any] = {
                "event": event,
                "webhookId": webhook["id"],
                "flowId": flow["id"],
                "flowCode": flow["code"],
            }
            if participant_id is not None:
                payload["participantId"] = participant_id
            queue(state, webhook, payload | {"occurredAt": iso(state.now()), "data": data or {}})


def tell_states(state: State) -> None:
    """Tell of every flow whose state is no longer what was last told: dates pass without anybody's doing."""
    now = state.now()
    for flow in state.data["wiseflow"]["flows"].values():
        current = state_of(flow, now)
        if current != flow["told_state"]:
            flow["told_state"] = current
            state.is_changed = True
            tell(state, flow, "FLOW_STATE_UPDATED", {"state": current})


def catch_up(state: State, licence: str) -> None:
    """A new listener is not told of what came before it."""
    now = state.now()
    for flow in state.data["wiseflow"]["flows"].values():
        if flow["licence"] == licence:
            flow["told_state"] = state_of(flow, now)


def queue(state: State, webhook: dict[str, Any], payload: dict[str, Any]) -> None:
    deliveries = state.data["wiseflow"]["deliveries"]
    sequence = state.next_id("delivery")
    deliveries.append(
        {
            "id": sequence,
            "webhookId": webhook["id"],
            "url": webhook["url"],
            "secret": webhook["secret"],
            "body": json.dumps(payload | {"sequence": sequence}, ensure_ascii=False),
            "calls": [],
            "next_at": state.now(),
        }
    )
    if len(deliveries) > 2 * KEPT:  # the old ones go, but never one that is still to be made
        deliveries[:-KEPT] = [row for row in deliveries[:-KEPT] if row["next_at"] is not None]


def signature(settings: dict[str, str], secret: str, body: bytes) -> str:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    shown = digest.hex() if settings["encoding"] == "hex" else base64.b64encode(digest).decode()
    return settings["prefix"] + shown


class Caller:
    """Makes the calls whose time has come, a few at once. The waiting is outside the lock."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="sandbox-webhook")
        # A connection for each call: an open one would keep a thread of the listener busy until the next call.
        limits = httpx.Limits(max_keepalive_connections=0)
        self.client = httpx.Client(timeout=10, limits=limits, trust_env=False, verify=tls_context())

    def close(self) -> None:
        self.pool.shutdown(wait=False, cancel_futures=True)
        self.client.close()

    def deliver_due(self) -> None:
        with self.state.lock:
            now = self.state.now()
            deliveries = self.state.data["wiseflow"]["deliveries"]
            due = [row for row in deliveries if row["next_at"] is not None and row["next_at"] <= now][:IN_ONE_GO]
        list(self.pool.map(self._deliver, due))

    def _deliver(self, delivery: dict[str, Any]) -> None:
        with self.state.lock:
            settings = dict(self.state.data["wiseflow"]["signature"])
        answered = self._call(delivery, settings)
        with self.state.lock:
            delivery["calls"].append({"at": iso(self.state.now()), **answered})
            is_over = 200 <= answered["status"] < 300 or len(delivery["calls"]) >= MOST_CALLS
            delivery["next_at"] = None if is_over else self.state.now() + BETWEEN_CALLS
            self.state.is_changed = True

    def _call(self, delivery: dict[str, Any], settings: dict[str, str]) -> dict[str, Any]:
        body, call_id = delivery["body"].encode(), str(uuid.uuid4())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "WISEflow-Sandbox",
            "X-Wiseflow-Call-Id": call_id,
            "X-Wiseflow-Sequence": str(delivery["id"]),
            settings["header"]: signature(settings, delivery["secret"], body),
        }
        try:
            answer = self.client.post(delivery["url"], content=body, headers=headers)
            return {"callId": call_id, "status": answer.status_code, "answer": answer.text[:1024]}
        except httpx.HTTPError as error:
            return {"callId": call_id, "status": 0, "answer": type(error).__name__}
