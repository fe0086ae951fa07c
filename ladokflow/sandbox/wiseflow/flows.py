"""Flows: create, copy, search, metadata, dates, grading scale, and the steps of their life."""

from __future__ import annotations

from typing import Any

from ladokflow.sandbox.answers import Call, Refusal, Reply
from ladokflow.sandbox.seeding import FLOW_TYPES, new_flow
from ladokflow.sandbox.state import State
from ladokflow.sandbox.wiseflow.base import (
    ARCHIVED,
    CONCLUDED,
    NOT_ACTIVATED,
    ORAL,
    STATE_NAMES,
    body_of,
    check,
    envelope,
    flow_of,
    open_flow_of,
    page,
    route,
    state_of,
    type_name,
)
from ladokflow.sandbox.wiseflow.licence import PURPOSES

EXAMINATION_TYPES = ("ORDINARY", "REEXAMINATION", "REMARKING")
# What a copy has from its template
COPIED = (
    "scale", "marks_items", "purpose", "examinationType", "anonymisation", "description", "timebox", "allocationType",
)  # fmt: skip
COMPARE = {
    "GREATER": lambda have, want: have > want,
    "GREATER_EQUAL": lambda have, want: have >= want,
    "LESS": lambda have, want: have < want,
    "LESS_EQUAL": lambda have, want: have <= want,
    "EQUAL": lambda have, want: have == want,
}


def _new(
    state: State, licence: dict[str, Any], title: str, subtitle: str, type_id: int, users: list[Any]
) -> dict[str, Any]:
    unknown = [user for user in users if str(user) not in licence["users"]]
    if not users or unknown:
        raise Refusal(400, "A flow needs managers that are users of the license")
    flow = new_flow(
        flow_id=state.next_id("flow"),
        licence=licence,
        name=licence["name"],
        title=title,
        subtitle=subtitle,
        type_id=type_id,
        managers=[(state.next_id("row"), user) for user in dict.fromkeys(users)],
        now=int(state.now()),
    )
    state.data["wiseflow"]["flows"][str(flow["id"])] = flow
    return flow


@route("POST", "/license/create/flow")
def create(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    body = body_of(call, "title", "type", "managers", title="text", subTitle="text", type="number", managers="list")
    if body["type"] not in FLOW_TYPES or not body["title"].strip():
        raise Refusal(400, "Unknown flow type or empty title")
    flow = _new(state, licence, body["title"], body.get("subTitle", ""), body["type"], body["managers"])
    return Reply(201, {"flowId": flow["id"]})


@route("POST", "/flows/{flowId}/copy")
def copy(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    template = flow_of(state, call, licence)
    body = body_of(
        call, "managerUserIds", managerUserIds="list", title="text?", subtitle="text?", configuration="object?"
    )
    flow = _new(
        state, licence, body.get("title") or template["title"], body.get("subtitle") or template["subtitle"] or "",
        template["type"], body["managerUserIds"],
    )  # fmt: skip
    configuration = body.get("configuration") or {}
    if configuration.get("settings", True):
        flow.update({key: template[key] for key in COPIED})
    if configuration.get("dates"):
        flow["dates"] = dict(template["dates"])
    return envelope([{"flowId": flow["id"], "flowType": type_name(flow)}], status=201)


@route("GET", "/flow/{flowId}")
def one(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    flow = flow_of(state, call, licence)
    dates = flow["dates"]
    return Reply(
        body={
            "id": flow["id"],
            "name": flow["title"],
            "subName": flow["subtitle"] or "",
            "creationDate": flow["created"],
            "type": flow["type"],
            "state": state_of(flow, state.now()),
            "variant": EXAMINATION_TYPES.index(flow["examinationType"]),
            "purpose": PURPOSES.index(flow["purpose"]),
            "participantStartDate": dates["start"],
            "participantEndDate": dates["end"],
            "assessorStartDate": dates["marking_start"],
            "assessorEndDate": dates["marking_end"],
        }
        | ({"sisInformation": [{"code": flow["sis_code"]}]} if flow["is_sis"] else {})
    )


def _found_shape(flow: dict[str, Any], now: float) -> dict[str, Any]:
    dates = flow["dates"]
    return {
        "flowId": flow["id"],
        "title": flow["title"],
        "subtitle": flow["subtitle"] or "",
        "externalSourceReferences": [source["reference"] for source in flow["sources"].values()],
        "createdAt": flow["created"],
        "type": type_name(flow),
        "state": STATE_NAMES[state_of(flow, now)],
        "variant": flow["examinationType"],
        "purpose": flow["purpose"],
        "participation": {"start": dates["start"], "end": dates["end"]},
        "marking": {"start": dates["marking_start"], "end": dates["marking_end"]},
    }


@route("POST", "/flows/search")
def search(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    body = body_of(call, metadata="object", dates="object", settings="object", room="object", content="object")
    metadata = check(
        body.get("metadata", {}), (),
        {"title": "text", "subtitle": "text", "externalSourceReference": "text", "code": "text", "term": "text",
         "states": "list", "purposes": "list", "isSis": "yes-no", "createdAt": "object"}, "metadata.",
    )  # fmt: skip
    if set(metadata.get("states", ())) - set(STATE_NAMES) or set(metadata.get("purposes", ())) - set(PURPOSES):
        raise Refusal(400, "Unknown state or purpose")
    now = state.now()
    found = [
        flow
        for flow in state.data["wiseflow"]["flows"].values()
        if flow["licence"] == licence["name"]
        and not flow["is_deleted"]
        and _has(flow, metadata, now)
        and _is_when(flow, body)
    ]
    rows, more = page(state, call, found, most=100)
    return envelope([_found_shape(flow, now) for flow in rows], **more)


def _has(flow: dict[str, Any], wanted: dict[str, Any], now: float) -> bool:
    for key in ("title", "subtitle"):
        if wanted.get(key) and wanted[key].casefold() not in (flow[key] or "").casefold():
            return False
    for key in ("code", "term"):
        if wanted.get(key) and wanted[key] != flow[key]:
            return False
    reference = wanted.get("externalSourceReference")
    if reference and all(source["reference"] != reference for source in flow["sources"].values()):
        return False
    if wanted.get("states") and STATE_NAMES[state_of(flow, now)] not in wanted["states"]:
        return False
    if wanted.get("purposes") and flow["purpose"] not in wanted["purposes"]:
        return False
    if wanted.get("isSis") is not None and wanted["isSis"] != flow["is_sis"]:
        return False
    created = wanted.get("createdAt") or {}
    return bool(created.get("from", 0) <= flow["created"] <= created.get("to", float("inf")))


def _is_when(flow: dict[str, Any], body: dict[str, Any]) -> bool:
    dates, asked = flow["dates"], body.get("dates", {})
    names = {"participation": ("start", "end"), "marking": ("marking_start", "marking_end")}
    for period, (start, end) in names.items():
        for edge, own in (("start", start), ("end", end)):
            want = asked.get(period, {}).get(edge)
            if want is not None and not COMPARE[asked[period].get(f"{edge}Comparator", "EQUAL")](dates[own], want):
                return False
    scale, room = body.get("settings", {}).get("gradingScaleId"), body.get("room", {}).get("roomId")
    if scale is not None and flow["scale"] != scale:
        return False
    return room is None or any(booking["roomId"] == room for booking in flow["bookings"].values())


def _metadata(flow: dict[str, Any]) -> dict[str, Any]:
    return {key: flow[key] for key in ("title", "subtitle", "code", "term", "examinationType", "purpose")}


@route("GET", "/flows/{flowId}/metadata")
def metadata(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    return envelope(_metadata(flow_of(state, call, licence)))


@route("PUT", "/flows/{flowId}/metadata")
def put_metadata(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    """Replaces all of it: what is not sent is emptied."""
    flow = open_flow_of(state, call, licence)
    body = body_of(
        call, "title", "examinationType", "purpose",
        title="text", subtitle="text?", code="text?", term="text?", examinationType="text", purpose="text",
    )  # fmt: skip
    if not body["title"].strip() or body["examinationType"] not in EXAMINATION_TYPES or body["purpose"] not in PURPOSES:
        raise Refusal(400, "Invalid title, examination type or purpose")
    flow.update({key: body.get(key) for key in _metadata(flow)})
    return envelope(_metadata(flow))


def _dates(flow: dict[str, Any]) -> dict[str, Any]:
    dates = flow["dates"]
    own = [
        person for person in flow["participants"].values() if person["start"] or person["end"] or person["marking_end"]
    ]
    marking = [person["marking_end"] for person in own if person["marking_end"]] + [dates["marking_end"]]
    return {
        "participation": {
            "start": dates["start"],
            "end": dates["end"],
            "earliestIndividualStart": min([person["start"] for person in own if person["start"]] + [dates["start"]]),
            "latestIndividualEnd": max([person["end"] for person in own if person["end"]] + [dates["end"]]),
        },
        "marking": {
            "start": dates["marking_start"],
            "end": dates["marking_end"],
            "earliestIndividualEnd": min(marking),
            "latestIndividualEnd": max(marking),
        },
    }


@route("GET", "/flows/{flowId}/dates")
def dates(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    return envelope(_dates(flow_of(state, call, licence)))


@route("PATCH", "/flows/{flowId}/dates")
def patch_dates(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    """Only what is sent changes. A marking window left behind by a moved participation is met with a 500, as in WISEflow."""
    flow = open_flow_of(state, call, licence)
    if flow["type"] == ORAL:
        raise Refusal(403, "Not allowed on a FLOWoral")
    body = body_of(call, participation="object", marking="object")
    changed, sent = dict(flow["dates"]), 0
    for period, start, end in (("participation", "start", "end"), ("marking", "marking_start", "marking_end")):
        given = check(body.get(period, {}), (), {"start": "number?", "end": "number?"}, f"{period}.")
        for edge, own in (("start", start), ("end", end)):
            if given.get(edge) is not None:
                changed[own] = given[edge]
                sent += 1
    if changed["end"] <= changed["start"] or changed["marking_end"] <= changed["marking_start"]:
        raise Refusal(400, "Invalid dates", errors=(("dates", "the end must be after the start"),))
    if changed["marking_start"] <= changed["end"]:
        if sent < 4:
            raise Refusal(500, "Internal server error")
        raise Refusal(400, "Invalid dates", errors=(("marking.start", "must be after the end of participation"),))
    flow["dates"] = changed
    return envelope(_dates(flow))


@route("GET", "/flows/{flowId}/grading-scale")
def scale(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    return envelope({"gradingScaleId": flow_of(state, call, licence)["scale"]})


@route("PUT", "/flows/{flowId}/grading-scale")
def put_scale(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    """Resets every grade of the flow, which is why nobody may do it lightly."""
    flow = open_flow_of(state, call, licence)
    if flow["is_sis"]:
        raise Refusal(403, "The flow has a SIS source")
    body = body_of(call, "gradingScaleId", gradingScaleId="number")
    if str(body["gradingScaleId"]) not in licence["scales"]:
        raise Refusal(400, "Unknown grading scale")
    flow["scale"] = body["gradingScaleId"]
    for person in flow["participants"].values():
        person["assessment"] = None
    return envelope()


@route("PATCH", "/flows/{flowId}/activate")
def activate(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    flow = flow_of(state, call, licence)
    if state_of(flow, state.now()) != NOT_ACTIVATED:
        raise Refusal(403, "The flow is already activated")
    flow["is_active"] = True
    return envelope()


@route("PATCH", "/flows/{flowId}/archive")
def archive(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    flow = flow_of(state, call, licence)
    if state_of(flow, state.now()) != CONCLUDED:
        raise Refusal(400, "Only a concluded flow can be archived")
    flow["is_archived"] = True
    return envelope()


@route("PATCH", "/flows/{flowId}/unarchive")
def unarchive(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    flow = flow_of(state, call, licence)
    if state_of(flow, state.now()) != ARCHIVED:
        raise Refusal(400, "The flow is not archived")
    flow["is_archived"] = False
    flow["dates"]["marking_end"] = max(int(state.now()), flow["dates"]["marking_start"] + 1)
    return envelope()


@route("DELETE", "/flows/{flowId}")
def delete(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    flow_of(state, call, licence)["is_deleted"] = True
    return envelope()


@route("PATCH", "/flows/{flowId}/reopen")
def reopen(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    flow = state.data["wiseflow"]["flows"].get(call.parts["flowId"])
    if flow is None or flow["licence"] != licence["name"]:
        raise Refusal(404, "Flow not found")
    flow["is_deleted"] = False
    return envelope()


@route("GET", "/flows/{flowId}/sources")
def sis_sources(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    flow = flow_of(state, call, licence)
    rows = [{"sourceId": 1, "code": flow["sis_code"], "integration": "Ladok"}] if flow["is_sis"] else []
    return envelope(rows)
