"""Submissions with their files and responses, and the assignments that they answer: read only, as in WISEflow."""

from __future__ import annotations

import uuid
from typing import Any

from ladokflow.sandbox.answers import Call, Refusal, Reply
from ladokflow.sandbox.state import State
from ladokflow.sandbox.wiseflow.base import envelope, flow_of, iso, route, scale_of, stored_value
from ladokflow.sandbox.wiseflow.handed_in import (
    IP,
    MULTI,
    authors,
    authors_of,
    files_of,
    handed_in_at,
    hands_in,
    is_handed_in,
    link,
    question_of,
    reference_of,
    way_of,
)

TASKS = 4


def _shape(state: State, flow: dict[str, Any], number: int, person: dict[str, Any]) -> dict[str, Any]:
    is_in = is_handed_in(state, flow, person)
    is_blank = way_of(state, flow, person) == "blank"
    report = {"id": number, "percentage": person["id"] * 7 % 40, "status": "DONE", "provider": "Ouriginal"}
    return {
        "id": number,
        "status": {
            "handedIn": is_in,
            "handedInBlank": is_blank,
            "handedInDate": iso(handed_in_at(flow, person)) if is_in else None,
            "handedInIp": IP if is_in else None,
        },
        "similarityReports": [report] if is_in and not is_blank else [],
    }


def _told(state: State, shape: dict[str, Any]) -> dict[str, Any]:
    """As it is answered: null, says the description, of which its schema knows nothing; there both are texts that have to be there."""
    if not shape["status"]["handedIn"] and not state.data["wiseflow"]["sends_nulls"]:
        shape["status"] |= {"handedInDate": "", "handedInIp": ""}
    return shape


def _submission(state: State, call: Call, licence: dict[str, Any]) -> tuple[dict[str, Any], int, list[dict[str, Any]]]:
    flow = flow_of(state, call, licence)
    number = call.parts["submissionId"]
    people = authors_of(state, flow, int(number)) if number.isdecimal() else None
    if not people:
        raise Refusal(404, "Submission not found")
    return flow, int(number), people


@route("GET", "/flows/{flowId}/submissions")
def several(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    flow = flow_of(state, call, licence)
    rows = [_told(state, _shape(state, flow, number, people[0])) for number, people in authors(state, flow).items()]
    return envelope(rows, pagination={"limit": len(rows), "offset": 0, "total": len(rows)})


@route("GET", "/flows/{flowId}/submissions/{submissionId}")
def one(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    flow, number, people = _submission(state, call, licence)
    return Reply(
        body={
            **_told(state, _shape(state, flow, number, people[0])),
            "coverSheet": [],
            "allocations": {"assessors": [], "assessorGroupIds": []},
            "participants": [_participant(licence, flow, person) for person in people],
        }
    )


def _participant(licence: dict[str, Any], flow: dict[str, Any], person: dict[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {"id": person["id"], "participantId": person["id"], "userId": person["userId"]}
    if final := person["assessment"]:
        value = stored_value(scale_of(licence, flow), final["grade"])
        row["finalGrade"] = {"grade": value, "date": iso(final["date"])}
    if alternative := person["alternative"]:
        row["alternativeGrade"] = {"grade": alternative["grade"], "date": iso(alternative["date"])}
    return row


@route("GET", "/flows/{flowId}/submissions/{submissionId}/files")
def files(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    flow, _number, people = _submission(state, call, licence)
    return envelope([_with_link(state, call, flow, row) for row in files_of(state, flow, people[0])])


@route("GET", "/flows/{flowId}/submissions/{submissionId}/files/{fileId}")
def file(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    flow, _number, people = _submission(state, call, licence)
    for row in files_of(state, flow, people[0]):
        if str(row["id"]) == call.parts["fileId"]:
            return envelope(_with_link(state, call, flow, row))
    raise Refusal(404, "File not found")


def _with_link(state: State, call: Call, flow: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    return row | {"link": link(state, call, flow, "paper", row["id"])}


@route("GET", "/flows/{flowId}/submissions/{submissionId}/responses")
def responses(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    flow, number, people = _submission(state, call, licence)
    if flow["type"] != MULTI:
        raise Refusal(403, "The flow is not a FLOWmulti")
    answered = files_of(state, flow, people[0])
    items = [str(uuid.uuid5(uuid.NAMESPACE_OID, f"item {flow['id']} {task}")) for task in range(TASKS)]
    given = [
        {
            "response_id": f"{number}-{task}",
            "question_type": "longtextV2",
            "attempted": bool(answered),
            "score": 0,
            "max_score": 5,
            "question_reference": str(uuid.uuid5(uuid.NAMESPACE_OID, f"question {flow['id']} {task}")),
            "item_reference": item,
            "response": {"value": {"text": f"Svar {people[0]['id'] * (task + 1) % 97}"}, "type": "object"},
        }
        for task, item in enumerate(items)
    ]
    return envelope(
        {
            "activity_id": reference_of(flow),
            "num_attempted": TASKS if answered else 0,
            "num_questions": TASKS,
            "score": 0,
            "max_score": 5 * TASKS,
            "responses": given,
            "items": [
                {
                    "reference": item,
                    "response_ids": [f"{number}-{task}"],
                    "scoring": {
                        "score": 0,
                        "max_score": 5,
                        "type": "manual",
                        "max_score_of_attempted": 5,
                        "max_score_of_unmarked": 5,
                        "attempted": bool(answered),
                    },
                }
                for task, item in enumerate(items)
            ],
        }
    )


# --- What they answer ---------------------------------------------------------------------------------------------


@route("GET", "/flow/{flowId}/assignments")
def assignments(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    flow = flow_of(state, call, licence)
    if not hands_in(flow):
        return Reply(body=[])
    row: dict[str, Any] = {"id": flow["id"] * 100, "appendices": [_shown(state, call, flow, 1, "formelsamling.pdf")]}
    if flow["type"] == MULTI:
        row |= {"publishedReference": reference_of(flow), "data": {"items": TASKS}}
    else:
        row["assignment"] = _shown(state, call, flow, 0, "uppgifter.pdf")
    return Reply(body=[row])


def _shown(state: State, call: Call, flow: dict[str, Any], number: int, name: str) -> dict[str, Any]:
    size = len(question_of(flow, number))
    address = link(state, call, flow, "question", number)
    return {"name": name, "size": size, "content-type": "application/pdf", "url": address}


@route("GET", "/flows/{flowId}/assignments/{publishedReference}")
def assignment(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    flow = flow_of(state, call, licence)
    if flow["type"] != MULTI or call.parts["publishedReference"] != reference_of(flow):
        raise Refusal(404, "Assignment not found")
    address = link(state, call, flow, "question", 0)
    return Reply(body={"validatedPDFUrl": address, "nonValidatedPDFUrl": address})
