"""The raw logs of a licence and of a flow: pages that begin at a moment, the oldest first, kept for 16 weeks.

WISEflow publishes neither what an entry holds nor whether `offset` itself is among what it gives: the sandbox's entries are named after
the participation events and the marking audit trail, and it can be told to leave the moment itself out.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from typing import Any

from ladokflow.sandbox.answers import Call, Refusal, Reply, number_in_query
from ladokflow.sandbox.state import State
from ladokflow.sandbox.wiseflow.base import envelope, flow_of, route

KEPT_SECONDS = 16 * 7 * 24 * 3600
MOST = 10_000
CONTEXTS = ("assessor", "participant", "administrator")
AS_MANAGER = "administrator"


def note(
    state: State,
    licence: str,
    action: str,
    *,
    context: str,
    flow: Mapping[str, Any] | None = None,
    person: Mapping[str, Any] | None = None,
    user_id: int | None = None,
    at: float | None = None,
    late: float = 0,
    **more: Any,
) -> None:
    """Write an entry. `at` is its moment in unix seconds; it can be had `late` seconds after it."""
    moment = state.now() if at is None else at
    source: dict[str, Any] = {"action": action, "contextType": context, "timestamp": int(moment * 1000)}
    if flow is not None:
        source["flowId"] = flow["id"]
    if person is not None:
        source |= {"participantId": person["id"], "userId": person["userId"]}
    elif user_id is not None:
        source["userId"] = user_id
    add(state, licence, source | more, flow=flow, context=context, at=moment, late=late)


def add(
    state: State,
    licence: str,
    source: Mapping[str, Any],
    *,
    flow: Mapping[str, Any] | None = None,
    context: str = AS_MANAGER,
    at: float | None = None,
    late: float = 0,
    key: str = "",
) -> None:
    """As `note`, with whatever it is to say."""
    moment = state.now() if at is None else at
    state.data["wiseflow"].setdefault("logs", []).append(
        {
            "licence": licence,
            "flow": flow["id"] if flow is not None else None,
            "context": context,
            "sort": int(moment * 1000),
            "from": moment + late,
            "_id": key or f"log-{state.next_id('log')}",
            "_source": json.dumps(source, ensure_ascii=False),
        }
    )
    state.is_changed = True


def write_exam(state: State, flow: Mapping[str, Any]) -> None:
    """What the log would have of everybody who has written: opened, saved, now and then disconnected, handed in. Once for each flow."""
    logs = state.data["wiseflow"].setdefault("logs", [])
    if any(row["flow"] == flow["id"] and row["context"] == "participant" for row in logs):
        return
    rng = random.Random(f"log:{flow['id']}")
    start, end = flow["dates"]["start"], min(flow["dates"]["end"], int(state.now()))
    length = max(600, end - start)
    licence = flow["licence"]
    for person in flow["participants"].values():
        if not person["is_activated"]:
            continue
        moments = sorted(start + rng.uniform(0, 0.9) * length for _ in range(4))
        entries = [("FLOW_OPENED", start + rng.uniform(0, 60)), *(("PAPER_SAVED", moment) for moment in moments)]
        if rng.random() < 0.1:
            entries += [("PARTICIPANT_DISCONNECTED", moments[1] + 5), ("PARTICIPANT_RECONNECTED", moments[1] + 95)]
        entries.append(("PAPER_HANDED_IN", start + rng.uniform(0.9, 1) * length))
        for action, moment in entries:
            note(state, licence, action, context="participant", flow=flow, person=person, at=moment)


@route("GET", "/license/logs")
def of_licence(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    return _page(state, call, [row for row in _logs(state) if row["licence"] == licence["name"]])


@route("GET", "/flows/{flowId}/logs")
def of_flow(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    flow, context = flow_of(state, call, licence), call.query.get("type")
    if context is not None and context not in CONTEXTS:
        raise Refusal(400, "Invalid request", errors=(("type", f"must be one of {', '.join(CONTEXTS)}"),))
    rows = [row for row in _logs(state) if row["flow"] == flow["id"] and context in (None, row["context"])]
    return _page(state, call, rows)


def _logs(state: State) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = state.data["wiseflow"].get("logs", [])
    return found


def _page(state: State, call: Call, rows: list[dict[str, Any]]) -> Reply:
    offset, limit = number_in_query(call, "offset", 0), number_in_query(call, "limit", MOST, most=MOST)
    limit = min(limit, state.data["wiseflow"].get("log_page", MOST))
    if state.data["wiseflow"].get("log_offset_is_left_out"):
        offset += 1
    now = state.now()
    oldest = int((now - KEPT_SECONDS) * 1000)
    there = [row for row in rows if row["sort"] >= max(offset, oldest) and row["from"] <= now]
    there.sort(key=lambda row: row["sort"])
    return envelope([{"_id": row["_id"], "_source": row["_source"], "sort": [row["sort"]]} for row in there[:limit]])
