"""The raw logs of a licence and of a flow: pages that begin at a moment, the oldest first, kept for 16 weeks.

WISEflow publishes neither what an entry holds nor whether `offset` itself is among what it gives: the sandbox's entries are named after
the participation events and the marking audit trail, and it can be told to leave the moment itself out.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from typing import Any

from ladokflow.sandbox.answers import Call, Refusal, Reply, number_in_query
from ladokflow.sandbox.state import State
from ladokflow.sandbox.wiseflow.base import envelope, flow_of, route
from ladokflow.sandbox.wiseflow.handed_in import handed_in_at, is_handed_in, submission_of, way_of

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
    row = _row(
        licence, source, flow=flow, context=context, at=moment, late=late, key=key or f"log-{state.next_id('log')}"
    )
    state.data["wiseflow"].setdefault("logs", []).append(row)
    state.is_changed = True


def _row(
    licence: str,
    source: Mapping[str, Any],
    *,
    flow: Mapping[str, Any] | None,
    context: str,
    at: float,
    key: str,
    late: float = 0,
) -> dict[str, Any]:
    return {
        "licence": licence,
        "flow": flow["id"] if flow is not None else None,
        "context": context,
        "sort": int(at * 1000),
        "from": at + late,
        "_id": key,
        "_source": json.dumps(source, ensure_ascii=False),
    }


def write_exam(state: State, flow: dict[str, Any]) -> None:
    """From now on the log has what everybody on the flow has written and handed in."""
    flow["is_logged"] = True
    state.is_changed = True


def logs_of(state: State, licence: str, flow_id: int | None = None) -> list[dict[str, Any]]:
    """What has been noted, and what follows from how people have handed in: made of the same facts as submissions. Of one flow where that
    is said."""
    noted = [row for row in state.data["wiseflow"].get("logs", []) if row["licence"] == licence]
    flows = [row for row in state.data["wiseflow"]["flows"].values() if row["licence"] == licence]
    if flow_id is not None:
        noted = [row for row in noted if row["flow"] == flow_id]
        flows = [row for row in flows if row["id"] == flow_id]
    return noted + [row for flow in flows if flow.get("is_logged") for row in _written(state, flow)]


def _written(state: State, flow: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for person in flow["participants"].values():
        if person["is_activated"] and submission_of(state, flow, person) is not None:
            for number, (action, moment) in enumerate(_moments(state, flow, person)):
                about = {"flowId": flow["id"], "participantId": person["id"], "userId": person["userId"]}
                source = {"action": action, "contextType": "participant", "timestamp": int(moment * 1000)} | about
                key = f"log-{flow['id']}-{person['id']}-{number}"
                yield _row(flow["licence"], source, flow=flow, context="participant", at=moment, key=key)


def _moments(state: State, flow: dict[str, Any], person: dict[str, Any]) -> list[tuple[str, float]]:
    """Opened, saved, now and then disconnected, handed in."""
    rng = random.Random(f"log:{flow['id']}:{person['id']}")
    is_handed = is_handed_in(state, flow, person)
    until = handed_in_at(flow, person) if is_handed else min(flow["dates"]["end"], state.now())
    start = min(flow["dates"]["start"], until - 600)
    opened = start + rng.uniform(0, 60)
    saved = sorted(opened + rng.uniform(0, 0.95) * (until - opened) for _ in range(4))
    entries = [("FLOW_OPENED", opened)]
    if way_of(state, flow, person) != "blank":
        entries += [("PAPER_SAVED", moment) for moment in saved]
    if rng.random() < 0.1:
        lost = saved[1] + 1
        entries += [("PARTICIPANT_DISCONNECTED", lost), ("PARTICIPANT_RECONNECTED", min(lost + 90, until - 1))]
    return [*entries, ("PAPER_HANDED_IN", float(until))] if is_handed else entries


@route("GET", "/license/logs")
def of_licence(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    return _page(state, call, logs_of(state, licence["name"]))


@route("GET", "/flows/{flowId}/logs")
def of_flow(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    flow, context = flow_of(state, call, licence), call.query.get("type")
    if context is not None and context not in CONTEXTS:
        raise Refusal(400, "Invalid request", errors=(("type", f"must be one of {', '.join(CONTEXTS)}"),))
    rows = [row for row in logs_of(state, licence["name"], flow["id"]) if context in (None, row["context"])]
    return _page(state, call, rows)


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
