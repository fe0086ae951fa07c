"""References on a flow to what it was made from, who came from where, and the answer to a manager's wish to synchronise."""

from __future__ import annotations

import re
from typing import Any

from ladokflow.sandbox.answers import Call, Refusal, Reply
from ladokflow.sandbox.state import State
from ladokflow.sandbox.wiseflow.base import body_of, envelope, flow_of, iso, member_of, open_flow_of, route

SOURCES = "/flows/{flowId}/external-sources"
SOURCE = SOURCES + "/{flowExternalSourceId}"
REFERENCE = re.compile(r"[a-zA-Z0-9\-_]{1,255}\Z")


def _shape(source: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": source["id"],
        "reference": source["reference"],
        "description": source["description"],
        "createdAt": iso(source["created"]),
        "updatedAt": iso(source["updated"]),
        "lastRequestedSync": iso(source["requested"]),
        "lastSync": iso(source["synced"]),
        "state": source["state"],
    }


@route("GET", SOURCES)
def several(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    return envelope([_shape(source) for source in flow_of(state, call, licence)["sources"].values()])


@route("POST", SOURCES)
def add(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    flow = open_flow_of(state, call, licence)
    body = body_of(call, "reference", reference="text", description="text?")
    if not REFERENCE.match(body["reference"]):
        raise Refusal(400, "Invalid reference", errors=(("reference", "must match ^[a-zA-Z0-9-_]+$"),))
    if any(source["reference"] == body["reference"] for source in flow["sources"].values()):
        raise Refusal(409, "The reference is already on the flow")
    now = int(state.now())
    source = {
        "id": state.next_id("row"),
        "reference": body["reference"],
        "description": body.get("description") or "",
        "created": now,
        "updated": now,
        "requested": None,
        "synced": None,
        "state": "NONE",
        "allocated": {},
    }
    flow["sources"][str(source["id"])] = source
    return envelope(_shape(source))


def _source(state: State, call: Call, licence: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    flow = open_flow_of(state, call, licence)
    return flow, member_of(flow["sources"], call, "flowExternalSourceId", "External source")


@route("GET", SOURCE)
def one(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    return envelope(
        _shape(member_of(flow_of(state, call, licence)["sources"], call, "flowExternalSourceId", "External source"))
    )


@route("PUT", SOURCE)
def describe(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    _, source = _source(state, call, licence)
    source["description"] = body_of(call, description="text?").get("description") or ""
    source["updated"] = int(state.now())
    return envelope(_shape(source))


@route("DELETE", SOURCE)
def remove(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    flow, source = _source(state, call, licence)
    del flow["sources"][str(source["id"])]
    return envelope()


def _synced(state: State, call: Call, licence: dict[str, Any], outcome: str) -> Reply:
    flow = open_flow_of(state, call, licence)
    for source in flow["sources"].values():
        if source["reference"] == call.parts["flowExternalSourceReference"]:
            source["state"] = outcome
            source["synced"] = source["updated"] = int(state.now())
            return envelope()
    raise Refusal(404, "External source not found")


@route("POST", SOURCES + "/{flowExternalSourceReference}/sync/done")
def done(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    return _synced(state, call, licence, "SUCCESS")


@route("POST", SOURCES + "/{flowExternalSourceReference}/sync/fail")
def failed(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    return _synced(state, call, licence, "FAILED")


@route("POST", SOURCE + "/allocations/participants")
def allocate(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    flow, source = _source(state, call, licence)
    wanted = [str(number) for number in body_of(call, "participantIds", participantIds="list")["participantIds"]]
    if any(number not in flow["participants"] for number in wanted):
        raise Refusal(400, "Participant not found")
    source["allocated"].update(dict.fromkeys(wanted, True))
    return envelope()


@route("DELETE", SOURCE + "/allocations")
def clear(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    _source(state, call, licence)[1]["allocated"] = {}
    return envelope()


@route("DELETE", SOURCE + "/allocations/participants/{participantId}")
def unallocate(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    flow, source = _source(state, call, licence)
    member_of(flow["participants"], call, "participantId", "Participant")
    source["allocated"].pop(call.parts["participantId"], None)
    return envelope()


@route("GET", SOURCES + "/participants/{participantId}")
def of_participant(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    flow = flow_of(state, call, licence)
    member_of(flow["participants"], call, "participantId", "Participant")
    return envelope(
        [_shape(source) for source in flow["sources"].values() if call.parts["participantId"] in source["allocated"]]
    )
