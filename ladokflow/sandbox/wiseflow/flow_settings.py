"""A flow's settings that managers choose: anonymisation, description, time box, credits, allocation of assessors."""

from __future__ import annotations

import json
import re
from typing import Any

from ladokflow.sandbox.answers import Call, Refusal, Reply
from ladokflow.sandbox.state import State
from ladokflow.sandbox.wiseflow.base import body_of, check, envelope, flow_of, member_of, open_flow_of, route

LONGEST_DESCRIPTION = 50_000
KINDS = {"participantIndex": "yes-no", "userDataTypeId": "number?", "uniqueExamId": "yes-no"}
NOBODY = {"participantIndex": False, "userDataTypeId": None, "uniqueExamId": False}
ALLOCATION_TYPES = SINGLE, GROUPED = ("SINGLE_ASSESSOR", "GROUPED")
MOST_GROUPS = 50
CREDITS = re.compile(r"\d+(\.\d+)?")


@route("GET", "/flows/{flowId}/anonymisation")
def anonymisation(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    kind = flow_of(state, call, licence)["anonymisation"]
    return envelope({"enabled": kind is not None, **({"type": kind} if kind else {})})


@route("PUT", "/flows/{flowId}/anonymisation")
def put_anonymisation(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    flow = open_flow_of(state, call, licence)
    kind = NOBODY | {key: value for key, value in body_of(call, **KINDS).items() if key in NOBODY}
    if sum(bool(value) for value in kind.values()) != 1:
        raise Refusal(400, "Exactly one kind of anonymisation is to be set")
    data_type = kind["userDataTypeId"]
    if data_type is not None and str(data_type) not in licence["data_types"]:
        raise Refusal(404, "User data type not found")
    is_new = flow["anonymisation"] is None
    flow["anonymisation"] = kind
    return envelope(kind, status=201 if is_new else 200)


@route("DELETE", "/flows/{flowId}/anonymisation")
def delete_anonymisation(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    """The description calls this answer text/plain; it holds JSON all the same."""
    open_flow_of(state, call, licence)["anonymisation"] = None
    return Reply(200, json.dumps({"success": True, "data": None, "error": None}), kind="text/plain")


@route("GET", "/flows/{flowId}/description")
def description(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    return envelope(flow_of(state, call, licence)["description"])


@route("PUT", "/flows/{flowId}/description")
def put_description(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    flow = flow_of(state, call, licence)
    text = body_of(call, "description", description="text")["description"]
    if len(text) > LONGEST_DESCRIPTION:
        raise Refusal(400, "The description is too long")
    is_new = flow["description"] is None
    flow["description"] = {
        "description": text,
        "updatedByUserId": None,
        "updatedBy": "API",
        "updated": int(state.now()),
    }
    return envelope(status=201 if is_new else 200)


@route("GET", "/flows/{flowId}/timebox")
def timebox(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    return envelope(flow_of(state, call, licence)["timebox"])


@route("PUT", "/flows/{flowId}/timebox")
def put_timebox(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    flow = open_flow_of(state, call, licence)
    body = body_of(call, enabled="yes-no", durationMinutes="number?")
    flow["timebox"] = {key: body.get(key, value) for key, value in flow["timebox"].items()}
    return envelope(flow["timebox"])


@route("GET", "/flows/{flowId}/marking/assessor-allocation-type")
def allocation_type(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    return envelope({"allocationType": open_flow_of(state, call, licence)["allocationType"]})


@route("PUT", "/flows/{flowId}/marking/assessor-allocation-type")
def put_allocation_type(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    flow = open_flow_of(state, call, licence)
    kind = body_of(call, "allocationType", allocationType="text")["allocationType"]
    if kind not in ALLOCATION_TYPES:
        raise Refusal(400, "Unknown allocation type")
    if kind == SINGLE and flow["assessorGroups"]:
        raise Refusal(403, "The flow has assessor group allocations")
    flow["allocationType"] = kind
    return envelope({"allocationType": kind})


@route("PUT", "/flows/{flowId}/settings")
def put_settings(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    """There is one of them, and nothing that reads it."""
    flow = open_flow_of(state, call, licence)
    rows = body_of(call, settings="list").get("settings", [])
    for row in rows:
        check(row, ("name", "value"), {"name": "text", "value": "text?"}, "settings.")
        if row["name"] != "ECTS" or not (row["value"] is None or CREDITS.fullmatch(row["value"])):
            raise Refusal(400, "Unknown setting, or a value that it does not take")
        flow["credits"] = row["value"]
    return envelope([{"name": row["name"], "value": row["value"]} for row in rows])


# --- Assessors in groups -----------------------------------------------------------------------------------------

GROUPS = "/flows/{flowId}/assessor-groups"


def _grouped(state: State, call: Call, licence: dict[str, Any]) -> dict[str, Any]:
    flow = open_flow_of(state, call, licence)
    if flow["allocationType"] != GROUPED:
        raise Refusal(403, "The assessor allocation type is not GROUPED")
    return flow


def _group(flow: dict[str, Any], call: Call) -> dict[str, Any]:
    return member_of(flow["assessorGroups"], call, "assessorGroupId", "Assessor group")


def _wanted(flow: dict[str, Any], call: Call) -> dict[str, Any]:
    body = body_of(call, "title", "assessorIds", title="text", assessorIds="list")
    if len(set(body["assessorIds"])) < len(body["assessorIds"]):
        raise Refusal(400, "Duplicate assessors")
    if any(str(row) not in flow["assessors"] for row in body["assessorIds"]):
        raise Refusal(404, "Assessor not found")
    return {"title": body["title"], "assessorIds": body["assessorIds"]}


@route("GET", GROUPS)
def groups(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    return envelope(list(_grouped(state, call, licence)["assessorGroups"].values()))


@route("POST", GROUPS)
def add_group(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    flow = _grouped(state, call, licence)
    if len(flow["assessorGroups"]) >= MOST_GROUPS:
        raise Refusal(403, "The flow has the most groups there may be")
    group = {"id": state.next_id("row"), **_wanted(flow, call)}
    flow["assessorGroups"][str(group["id"])] = group | {"participantIds": []}
    return envelope(group)


@route("GET", GROUPS + "/{assessorGroupId}")
def group(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    return envelope(_group(_grouped(state, call, licence), call))


@route("PUT", GROUPS + "/{assessorGroupId}")
def change_group(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    flow = _grouped(state, call, licence)
    _group(flow, call).update(_wanted(flow, call))
    return envelope()


@route("DELETE", GROUPS + "/{assessorGroupId}")
def remove_group(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    flow = _grouped(state, call, licence)
    del flow["assessorGroups"][str(_group(flow, call)["id"])]
    return envelope()
