"""Participants of a flow: pages, adding in bulk with an answer per row, own dates, activation, exam ids."""

from __future__ import annotations

from typing import Any

from ladokflow.sandbox.answers import Call, Refusal, Reply
from ladokflow.sandbox.state import State
from ladokflow.sandbox.wiseflow.base import (
    ATTEND,
    NOT_ACTIVATED,
    ORAL,
    body_of,
    check,
    envelope,
    flow_of,
    member_of,
    open_flow_of,
    page,
    route,
    state_of,
)
from ladokflow.sandbox.wiseflow.handed_in import submission_of
from ladokflow.sandbox.wiseflow.users import external_ids


def shape(state: State, licence: dict[str, Any], flow: dict[str, Any], person: dict[str, Any]) -> dict[str, Any]:
    user = licence["users"][str(person["userId"])]
    return {
        "user": {
            "id": user["id"],
            "firstName": user["firstName"],
            "lastName": user["lastName"],
            "phone": user["phone"],
            "externalIds": external_ids(licence, user),
        },
        "participantId": person["id"],
        "uniqueExamId": person["uniqueExamId"],
        "userId": user["id"],
        "number": person["number"],
        "activated": person["is_activated"],
        "submissionId": submission_of(state, flow, person),
        "groupId": None,
        "assessorIds": person["assessors"],
        "assessorGroupIds": [],
    }


@route("GET", "/flows/{flowId}/participants")
def several(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    flow = flow_of(state, call, licence)
    rows, more = page(state, call, list(flow["participants"].values()), most=100)
    return envelope([shape(state, licence, flow, person) for person in rows], **more)


@route("GET", "/flows/{flowId}/participants/{participantId}")
def one(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    return envelope(shape(state, licence, *_person(state, call, licence)))


def _person(
    state: State, call: Call, licence: dict[str, Any], *, to_change: bool = False
) -> tuple[dict[str, Any], dict[str, Any]]:
    flow = open_flow_of(state, call, licence) if to_change else flow_of(state, call, licence)
    return flow, member_of(flow["participants"], call, "participantId", "Participant")


@route("POST", "/flows/{flowId}/participants")
def add(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    flow = flow_of(state, call, licence)
    if not isinstance(call.body, list):
        raise Refusal(400, "Invalid request body", errors=(("body", "must be an array"),))
    for number, row in enumerate(call.body):
        kinds = {"userId": "number", "email": "text", "userData": "object", "uniqueExamId": "text"}
        check(row, (), kinds, f"[{number}].")
    return envelope([_add_row(state, licence, flow, row) for row in call.body])


def _add_row(state: State, licence: dict[str, Any], flow: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    if flow["is_archived"]:
        return {"error": "UNEXPECTED"}
    user_id = _named(state, licence, row)
    if user_id is None:
        return {"error": "USER_NOT_FOUND"}
    known = flow["by_user"].get(str(user_id))
    if known is not None:
        return {"error": "ALREADY_ON_FLOW", **_added(licence, flow["participants"][str(known)])}
    return _added(licence, put_on_flow(state, flow, user_id, row.get("uniqueExamId")))


def _named(state: State, licence: dict[str, Any], row: dict[str, Any]) -> int | None:
    """The one user that a row names by id, data or (where they are unique) e-mail."""
    index = state.people[licence["name"]]
    if "userId" in row:
        return row["userId"] if str(row["userId"]) in licence["users"] else None
    if "userData" in row:
        data = check(row["userData"], ("id", "value"), {"id": "number", "value": "text"}, "userData.")
        found = index.with_data(data["id"], data["value"])
    elif row.get("email") and licence["requires_unique_emails"]:
        found = index.with_email(row["email"])
    else:
        found = []
    return found[0] if len(found) == 1 else None


def put_on_flow(state: State, flow: dict[str, Any], user_id: int, unique_exam_id: str | None) -> dict[str, Any]:
    person: dict[str, Any] = {
        "id": state.next_id("participant"),
        "userId": user_id,
        "number": len(flow["participants"]) + 1,
        "uniqueExamId": unique_exam_id or None,
        "is_activated": True,
        "start": None,
        "end": None,
        "marking_end": None,
        "assessors": [],
        "assessment": None,
        "draft": None,
        "alternative": None,
        "points": None,
    }
    flow["participants"][str(person["id"])] = person
    flow["by_user"][str(user_id)] = person["id"]
    return person


def _added(licence: dict[str, Any], person: dict[str, Any]) -> dict[str, Any]:
    user = licence["users"][str(person["userId"])]
    return {
        "participant": {"id": person["id"], "index": person["number"], "uniqueExamId": person["uniqueExamId"]},
        "user": {
            "id": user["id"],
            "firstName": user["firstName"],
            "lastName": user["lastName"],
            "emails": [row["email"] for row in user["emails"]],
        },
    }


@route("DELETE", "/flows/{flowId}/participants/{participantId}")
def remove(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    flow, person = _person(state, call, licence)
    if state_of(flow, state.now()) != NOT_ACTIVATED:
        raise Refusal(403, "The flow is activated or archived")
    del flow["participants"][str(person["id"])]
    del flow["by_user"][str(person["userId"])]
    for source in flow["sources"].values():
        source["allocated"].pop(str(person["id"]), None)
    for booking in flow["bookings"].values():
        booking["participants"].pop(str(person["id"]), None)
    return envelope()


@route("PUT", "/flows/{flowId}/participants/{participantId}/activated")
def activated(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    _, person = _person(state, call, licence, to_change=True)
    person["is_activated"] = body_of(call, "activated", activated="yes-no")["activated"]
    return envelope()


@route("GET", "/flows/{flowId}/participants/{participantId}/unique-exam-id")
def exam_id(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    found = _person(state, call, licence)[1]["uniqueExamId"]
    return envelope({"uniqueExamId": found} if found else {})


@route("PUT", "/flows/{flowId}/participants/{participantId}/unique-exam-id")
def put_exam_id(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    flow, person = _person(state, call, licence, to_change=True)
    if flow["is_sis"]:
        raise Refusal(403, "The flow was created with a SIS source")
    given = body_of(call, "uniqueExamId", uniqueExamId="text")["uniqueExamId"]
    if not given.strip():
        raise Refusal(400, "Invalid unique exam id")
    person["uniqueExamId"] = given
    return envelope({"uniqueExamId": given})


@route("DELETE", "/flows/{flowId}/participants/{participantId}/unique-exam-id")
def delete_exam_id(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    _, person = _person(state, call, licence, to_change=True)
    person["uniqueExamId"] = None
    return Reply(204)


# --- Own dates --------------------------------------------------------------------------------------------------


def _has_dates(flow: dict[str, Any]) -> None:
    if flow["type"] in (ORAL, ATTEND):
        raise Refusal(403, "Not allowed on this flow type")


def _own_dates(flow: dict[str, Any], person: dict[str, Any]) -> dict[str, Any]:
    general = flow["dates"]
    return {
        "participation": {"start": person["start"] or general["start"], "end": person["end"] or general["end"]},
        "marking": {"end": person["marking_end"] or general["marking_end"]},
    }


def _set_dates(flow: dict[str, Any], person: dict[str, Any], given: dict[str, Any]) -> str | None:
    """Set what is given; the same moment as the flow's own takes the individual one away. The words of a refusal, or None."""
    general, changed = flow["dates"], {}
    participation = check(
        given.get("participation") or {}, (), {"start": "number?", "end": "number?"}, "participation."
    )
    marking = check(given.get("marking") or {}, (), {"end": "number?"}, "marking.")
    for own, said in (
        ("start", participation.get("start")),
        ("end", participation.get("end")),
        ("marking_end", marking.get("end")),
    ):
        if said is not None:
            changed[own] = None if said == general[own] else said
    start, end = (changed.get(own, person[own]) or general[own] for own in ("start", "end"))
    if end <= start:
        return "The end must be after the start"
    person.update(changed)
    return None


@route("GET", "/flows/{flowId}/participants/{participantId}/dates")
def dates(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    flow, person = _person(state, call, licence)
    _has_dates(flow)
    return envelope(_own_dates(flow, person))


@route("PATCH", "/flows/{flowId}/participants/{participantId}/dates")
def patch_dates(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    flow, person = _person(state, call, licence, to_change=True)
    _has_dates(flow)
    if refused := _set_dates(flow, person, body_of(call, participation="object", marking="object")):
        raise Refusal(400, refused)
    return envelope(_own_dates(flow, person))


@route("PATCH", "/flows/{flowId}/participants/dates")
def patch_several_dates(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    flow = open_flow_of(state, call, licence)
    _has_dates(flow)
    done: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    for number, row in enumerate(body_of(call, "participants", participants="list")["participants"]):
        check(
            row, ("id",), {"id": "number", "participation": "object", "marking": "object"}, f"participants[{number}]."
        )
        person = flow["participants"].get(str(row["id"]))
        refused = "Participant not found" if person is None else _set_dates(flow, person, row)
        if refused or person is None:
            errors.append({"id": row["id"], "error": refused})
        else:
            own = _own_dates(flow, person)
            done.append(
                {"id": row["id"], **own, "marking": {"start": flow["dates"]["marking_start"], **own["marking"]}}
            )
    return envelope({"participants": done, "errors": errors})
