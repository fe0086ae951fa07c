"""The roles on a flow: managers, assessors, reviewers, invigilators, authors, and who assesses whom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ladokflow.sandbox.answers import Call, Refusal, Reply
from ladokflow.sandbox.state import State
from ladokflow.sandbox.wiseflow.base import body_of, envelope, flow_of, member_of, open_flow_of, page, route, user_of


@dataclass(frozen=True)
class Role:
    """`flags` must be said when somebody is added, and stand in the answer."""

    plural: str
    id_name: str
    flags: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        return f"/flows/{{flowId}}/{self.plural}"


ROLES = (
    Role("managers", "managerId"),
    Role("assessors", "assessorId"),
    Role("reviewers", "reviewerId", ("isAllocatedToAll", "hasAccessToAssessmentInformation", "canDecideOnFinalGrade")),
    Role("invigilators", "invigilatorId", ("isHeadInvigilator",)),
    Role("authors", "authorId"),
)


def _shape(role: Role, licence: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    user = licence["users"][str(row["userId"])]
    named = {"userId": user["id"], "firstName": user["firstName"], "lastName": user["lastName"]}
    more = {key: row[key] for key in (*role.flags, "isCreator", "assessorTypeId") if key in row}
    return {role.id_name: row["id"], "user": named, **more}


def _user_for(state: State, licence: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    index = state.people[licence["name"]]
    user_id = body.get("userId")
    if user_id is None and "userData" in body:
        found = index.with_data(body["userData"]["userDataTypeId"], body["userData"]["value"])
        user_id = found[0] if len(found) == 1 else None
    elif user_id is None and "email" in body and licence["requires_unique_emails"]:
        found = index.with_email(body["email"])
        user_id = found[0] if len(found) == 1 else None
    user = user_of(licence, user_id)
    if user is None:
        raise Refusal(400, "User not found")
    return user


def _make(role: Role) -> None:
    """The routes of one role: list, add, change, remove."""

    def several(state: State, call: Call, licence: dict[str, Any]) -> Reply:
        rows: Any = list(flow_of(state, call, licence)[role.plural].values())
        more: dict[str, Any] = {}
        if role.plural == "assessors":
            rows, more = page(state, call, rows, most=50)
        return envelope([_shape(role, licence, row) for row in rows], **more)

    def add(state: State, call: Call, licence: dict[str, Any]) -> Reply:
        flow = open_flow_of(state, call, licence)
        kinds = {"userId": "number", "email": "text", "userData": "object", "assessorTypeId": "number"}
        required = role.flags if role.plural == "assessors" else ("userId", *role.flags)
        body = body_of(call, *required, **kinds, **dict.fromkeys(role.flags, "yes-no"))
        user = _user_for(state, licence, body)
        if any(row["userId"] == user["id"] for row in flow[role.plural].values()):
            status = state.data["wiseflow"]["already_assessor_status"] if role.plural == "assessors" else 403
            raise Refusal(status, f"The user already has the role on the flow ({role.plural})")
        row = {"id": state.next_id("row"), "userId": user["id"], **{flag: body[flag] for flag in role.flags}}
        if role.plural == "managers":
            row["isCreator"] = False
        if role.plural == "assessors":
            row["participants"] = {}
            row |= {"assessorTypeId": body["assessorTypeId"]} if "assessorTypeId" in body else {}
        flow[role.plural][str(row["id"])] = row
        return envelope(_shape(role, licence, row), status=201)

    def change(state: State, call: Call, licence: dict[str, Any]) -> Reply:
        row = member_of(
            open_flow_of(state, call, licence)[role.plural], call, role.id_name, role.id_name[:-2].capitalize()
        )
        body = body_of(call, *role.flags, **dict.fromkeys(role.flags, "yes-no"), assessorTypeId="number")
        row.update({key: body[key] for key in (*role.flags, "assessorTypeId") if key in body})
        shown = _shape(role, licence, row)
        return envelope([shown] if role.plural == "reviewers" else shown)

    def remove(state: State, call: Call, licence: dict[str, Any]) -> Reply:
        flow = open_flow_of(state, call, licence)
        row = member_of(flow[role.plural], call, role.id_name, role.id_name[:-2].capitalize())
        if role.plural == "managers" and len(flow["managers"]) == 1:
            raise Refusal(403, "A flow needs a manager")
        for participant_id in list(row.get("participants", {})):
            _unallocate(flow, row, participant_id)
        del flow[role.plural][str(row["id"])]
        return envelope()

    one = f"{role.path}/{{{role.id_name}}}"
    routes: list[tuple[str, str, Callable[[State, Call, dict[str, Any]], Reply]]] = [
        ("GET", role.path, several),
        ("POST", role.path, add),
        ("DELETE", one, remove),
    ]
    if role.flags or role.plural == "assessors":
        routes.append(("PATCH", one, change))
    for method, template, handler in routes:
        route(method, template)(handler)


for _role in ROLES:
    _make(_role)


# --- Who assesses whom ------------------------------------------------------------------------------------------

ALLOCATIONS = "/flows/{flowId}/assessors/{assessorId}/allocations"


def _assessor(state: State, call: Call, licence: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    flow = open_flow_of(state, call, licence)
    return flow, member_of(flow["assessors"], call, "assessorId", "Assessor")


def _allocate(flow: dict[str, Any], row: dict[str, Any], participant_id: str) -> None:
    person = flow["participants"][participant_id]
    if person["assessment"]:
        raise Refusal(403, "The participant has a final grade")
    row["participants"][participant_id] = True
    if row["id"] not in person["assessors"]:
        person["assessors"].append(row["id"])


def _unallocate(flow: dict[str, Any], row: dict[str, Any], participant_id: str) -> None:
    row["participants"].pop(participant_id, None)
    person = flow["participants"].get(participant_id)
    if person and row["id"] in person["assessors"]:
        person["assessors"].remove(row["id"])


@route("GET", ALLOCATIONS)
def allocations(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    row = member_of(flow_of(state, call, licence)["assessors"], call, "assessorId", "Assessor")
    return envelope({"participantIds": [int(key) for key in row["participants"]]})


@route("POST", ALLOCATIONS)
def allocate(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    flow, row = _assessor(state, call, licence)
    wanted = body_of(call, "participantIds", participantIds="list")["participantIds"]
    if row["participants"]:
        raise Refusal(403, "The assessor has allocations already")
    if any(str(number) not in flow["participants"] for number in wanted):
        raise Refusal(400, "Participant not found")
    for number in wanted:
        _allocate(flow, row, str(number))
    return Reply(204)


@route("DELETE", ALLOCATIONS)
def unallocate(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    flow, row = _assessor(state, call, licence)
    for participant_id in list(row["participants"]):
        _unallocate(flow, row, participant_id)
    return envelope()


@route("POST", ALLOCATIONS + "/participants/{participantId}")
def allocate_one(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    flow, row = _assessor(state, call, licence)
    member_of(flow["participants"], call, "participantId", "Participant")
    _allocate(flow, row, call.parts["participantId"])
    return Reply(204)


@route("DELETE", ALLOCATIONS + "/participants/{participantId}")
def unallocate_one(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    flow, row = _assessor(state, call, licence)
    member_of(flow["participants"], call, "participantId", "Participant")
    _unallocate(flow, row, call.parts["participantId"])
    return Reply(204)


@route("GET", "/flows/{flowId}/participants/{participantId}/allocations")
def of_participant(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    flow = flow_of(state, call, licence)
    person = member_of(flow["participants"], call, "participantId", "Participant")
    reviewers = [row["id"] for row in flow["reviewers"].values() if row["isAllocatedToAll"]]
    return envelope({"assessorIds": person["assessors"], "reviewerIds": reviewers})
