"""What all areas of the sandbox's WISEflow share: its routes, its two envelopes, the checks of bodies, the life of a flow."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from ladokflow.sandbox.answers import Call, Refusal, Reply, Routes, number_in_query
from ladokflow.sandbox.seeding import FLOW_TYPES
from ladokflow.sandbox.state import State

route = Routes()
NOT_ACTIVATED, NOT_STARTED, STARTED, ENDED, CONCLUDED, ARCHIVED = range(6)
STATE_NAMES = ("NOT_ACTIVATED", "ACTIVATED", "PARTICIPATION_STARTED", "PARTICIPATION_ENDED", "CONCLUDED", "ARCHIVED")
ORAL, ATTEND = 32, 64
KINDS: dict[str, type | tuple[type, ...]] = {
    "text": str,
    "number": int,
    "decimal": (int, float),
    "yes-no": bool,
    "list": list,
    "object": dict,
}

# The description gives these no null; WISEflow's published examples do. Left out unless the sandbox is told to send nulls.
NOT_NULLABLE = frozenset(
    (
        "error", "data", "grade", "date", "adminGrade", "adminGradeDate", "exportDate", "exportMessage", "lastSync",
        "lastRequestedSync", "uniqueExamId",
    )
)  # fmt: skip


def envelope(data: Any = None, *, status: int = 200, **more: Any) -> Reply:
    return Reply(status, {"success": True, "data": data, "error": None, **more})


def page(
    state: State, call: Call, rows: Sequence[Any], *, most: int, default: int | None = None
) -> tuple[Sequence[Any], dict[str, Any]]:
    """The asked-for page of `rows` and what the envelope says of it."""
    offset = number_in_query(call, "offset", 0)
    limit = number_in_query(call, "limit", default or most, most=most)
    return rows[offset : offset + limit], {"pagination": {"limit": limit, "offset": offset, "total": len(rows)}}


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None or key not in NOT_NULLABLE}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def body_of(call: Call, *required: str, **kinds: str) -> dict[str, Any]:
    """The body as an object with the required keys and the kinds of value said; 400 with each key at fault otherwise.

    A kind ends in "?" where null may stand. Keys that are not named are let through, as they are by WISEflow.
    """
    return check(call.body, required, kinds)


def check(body: Any, required: Sequence[str], kinds: dict[str, str], where: str = "") -> dict[str, Any]:
    if not isinstance(body, dict):
        raise Refusal(400, "Invalid request body", errors=((where or "body", "must be an object"),))
    faults = [(where + key, "is required") for key in required if key not in body]
    for key, kind in kinds.items():
        if key not in body or (kind.endswith("?") and body[key] is None):
            continue
        value, wanted = body[key], KINDS[kind.rstrip("?")]
        if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
            faults.append((where + key, f"must be a {kind.rstrip('?')}"))
    if faults:
        raise Refusal(400, "Invalid request body", errors=tuple(faults))
    return body


def flow_of(state: State, call: Call, licence: dict[str, Any], name: str = "flowId") -> dict[str, Any]:
    """The flow in the path; 404 where it is another licence's, as if there were none."""
    flow = state.data["wiseflow"]["flows"].get(call.parts[name])
    if flow is None or flow["licence"] != licence["name"] or flow["is_deleted"]:
        raise Refusal(404, "Flow not found")
    return flow


def open_flow_of(state: State, call: Call, licence: dict[str, Any]) -> dict[str, Any]:
    """The flow in the path, to be changed: 403 once it is archived."""
    flow = flow_of(state, call, licence)
    if flow["is_archived"]:
        raise Refusal(403, "The flow is archived")
    return flow


def member_of(rows: dict[str, Any], call: Call, name: str, what: str) -> dict[str, Any]:
    found = rows.get(call.parts[name])
    if found is None:
        raise Refusal(404, f"{what} not found")
    return found


def user_of(licence: dict[str, Any], user_id: Any) -> dict[str, Any] | None:
    return licence["users"].get(str(user_id))


def state_of(flow: dict[str, Any], now: float) -> int:
    """Where the flow is in its life: by its dates and the clock, or further if somebody pushed it on by hand."""
    if flow["is_archived"]:
        return ARCHIVED
    if not flow["is_active"]:
        return NOT_ACTIVATED
    dates = flow["dates"]
    if now >= dates["marking_end"]:
        by_clock = CONCLUDED
    elif now >= dates["end"]:
        by_clock = ENDED
    elif now >= dates["start"]:
        by_clock = STARTED
    else:
        by_clock = NOT_STARTED
    return max(by_clock, flow["least_state"])


def type_name(flow: dict[str, Any]) -> str:
    return FLOW_TYPES.get(flow["type"], "FLOWassign")


def scale_of(licence: dict[str, Any], flow: dict[str, Any]) -> dict[str, Any]:
    return licence["scales"][str(flow["scale"])]


def stored_value(scale: dict[str, Any], grade: str) -> int:
    """What WISEflow stores for a grade as it is shown; 0 for what is not on the scale, and got there by force."""
    for option in scale["list"]["options"]:
        if option["grade"] == grade:
            return int(option["value"])
    try:
        return 0 if scale["list"]["options"] else round(float(grade) * (scale["input"]["modifier"] or 1))
    except ValueError:
        return 0


def iso(seconds: float | None) -> str | None:
    return None if seconds is None else dt.datetime.fromtimestamp(int(seconds), dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
