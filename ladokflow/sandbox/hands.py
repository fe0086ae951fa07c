"""What people do by hand in WISEflow: activate, write, end the marking, add somebody, change a title, press Sync."""

from __future__ import annotations

import copy
import uuid
from typing import TYPE_CHECKING, Any

from ladokflow.sandbox.licences import add_user
from ladokflow.sandbox.state import State
from ladokflow.sandbox.wiseflow.base import CONCLUDED, ENDED, STARTED, STATE_NAMES, scale_of, state_of
from ladokflow.sandbox.wiseflow.calls import tell
from ladokflow.sandbox.wiseflow.logs import AS_MANAGER, note
from ladokflow.sandbox.wiseflow.participants import put_on_flow

if TYPE_CHECKING:
    from ladokflow.sandbox.server import Sandbox

ACTIONS = (
    "flows", "flow", "activate", "start_participation", "end_participation", "end_marking", "archive", "delete_flow",
    "add_participant_by_hand", "remove_participant_by_hand", "set_activated_by_hand", "set_metadata_by_hand", "set_dates_by_hand",
    "set_end_by_hand", "set_settings_by_hand", "set_former_client", "request_sync",
)  # fmt: skip


def flow_of(state: State, flow_id: Any) -> dict[str, Any]:
    found: dict[str, Any] | None = state.data["wiseflow"]["flows"].get(str(flow_id))
    if found is None:
        raise ValueError(f"There is no flow {flow_id} in WISEflow")
    return found


def licence_of(state: State, flow: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = state.data["wiseflow"]["licences"][flow["licence"]]
    return found


def participant_of(row: dict[str, Any], key: Any) -> dict[str, Any]:
    if str(key) not in row["participants"]:
        raise ValueError(f"There is no participant {key} on flow {row['id']}")
    found: dict[str, Any] = row["participants"][str(key)]
    return found


def flows(sandbox: Sandbox, licence: str | None = None) -> list[dict[str, Any]]:
    """Every flow that is not deleted, in a few words."""
    now = sandbox.state.now()
    return [
        {
            "id": row["id"],
            "licence": row["licence"],
            "title": row["title"],
            "subtitle": row["subtitle"],
            "state": state_of(row, now),
            "stateName": STATE_NAMES[state_of(row, now)],
            "type": row["type"],
            "participants": len(row["participants"]),
            "graded": sum(bool(person["assessment"]) for person in row["participants"].values()),
        }
        for row in sandbox.state.data["wiseflow"]["flows"].values()
        if not row["is_deleted"] and licence in (None, row["licence"])
    ]


def flow(sandbox: Sandbox, flow_id: int) -> dict[str, Any]:
    """All there is to know of a flow; lists where WISEflow has lists, each participant with `organisationId`."""
    row = flow_of(sandbox.state, flow_id)
    licence = licence_of(sandbox.state, row)
    users, first = licence["users"], int(next(iter(licence["data_types"])))

    def named(person: dict[str, Any]) -> dict[str, Any]:
        user = users[str(person["userId"])]
        ids = [data["value"] for data in user["data"] if data["userDataTypeId"] == first]
        return person | {
            "organisationId": ids[-1] if ids else "",
            "firstName": user["firstName"],
            "lastName": user["lastName"],
        }

    shown = {key: value for key, value in row.items() if key != "by_user"}
    for people in ("participants", "managers", "assessors", "reviewers", "invigilators", "authors"):
        shown[people] = [named(person) for person in row[people].values()]
    for people in ("sources", "bookings"):
        shown[people] = list(row[people].values())
    shown |= {"state": state_of(row, sandbox.state.now()), "scaleName": scale_of(licence, row)["name"]}
    return copy.deepcopy(shown)


# --- The life of a flow. What people do early by hand does not move the dates: those come from the source --------


def _push(sandbox: Sandbox, flow_id: int, least: int) -> int:
    state, row = sandbox.state, flow_of(sandbox.state, flow_id)
    if not row["is_active"]:
        manager = next((person["userId"] for person in row["managers"].values()), None)
        note(state, row["licence"], "FLOW_ACTIVATED", context=AS_MANAGER, flow=row, user_id=manager)
    row["is_active"] = True
    if least >= ENDED:
        row.setdefault("ended_at", int(state.now()))
    row["least_state"] = max(row["least_state"], least)
    return state_of(row, state.now())


def activate(sandbox: Sandbox, flow_id: int) -> int:
    return _push(sandbox, flow_id, 0)


def start_participation(sandbox: Sandbox, flow_id: int) -> int:
    return _push(sandbox, flow_id, STARTED)


def end_participation(sandbox: Sandbox, flow_id: int) -> int:
    return _push(sandbox, flow_id, ENDED)


def end_marking(sandbox: Sandbox, flow_id: int) -> int:
    return _push(sandbox, flow_id, CONCLUDED)


def archive(sandbox: Sandbox, flow_id: int) -> int:
    flow_of(sandbox.state, flow_id)["is_archived"] = True
    return state_of(flow_of(sandbox.state, flow_id), sandbox.state.now())


def delete_flow(sandbox: Sandbox, flow_id: int) -> None:
    flow_of(sandbox.state, flow_id)["is_deleted"] = True


# --- Changes by hand --------------------------------------------------------------------------------------------


def add_participant_by_hand(
    sandbox: Sandbox,
    flow_id: int,
    organisation_id: str,
    first_name: str = "Hanna",
    last_name: str = "Handlagd",
    unique_exam_id: str | None = None,
    is_another: bool = False,
    national_id: str = "",
) -> int:
    """Put somebody on the flow who did not come from the source. Gives the participant's id."""
    row = flow_of(sandbox.state, flow_id)
    ids = {"organisation_id": organisation_id} | ({"national_id": national_id} if national_id else {})
    user_id = add_user(sandbox, row["licence"], ids, first_name, last_name, is_another=is_another)
    if str(user_id) in row["by_user"]:
        raise ValueError(f"{organisation_id} is on the flow already")
    return int(put_on_flow(sandbox.state, row, user_id, unique_exam_id)["id"])


def remove_participant_by_hand(sandbox: Sandbox, flow_id: int, participant_id: int) -> None:
    row = flow_of(sandbox.state, flow_id)
    person = participant_of(row, participant_id)
    del row["participants"][str(person["id"])]
    del row["by_user"][str(person["userId"])]
    for booking in row["bookings"].values():
        booking["participants"].pop(str(person["id"]), None)


def set_activated_by_hand(sandbox: Sandbox, flow_id: int, participant_id: int, activated: bool) -> None:
    participant_of(flow_of(sandbox.state, flow_id), participant_id)["is_activated"] = activated


def set_settings_by_hand(sandbox: Sandbox, flow_id: int, fields: dict[str, Any]) -> None:
    """anonymisation, description, timebox, allocationType, assessorGroups: as the sandbox keeps them."""
    row = flow_of(sandbox.state, flow_id)
    if unknown := set(fields) - {"anonymisation", "description", "timebox", "allocationType", "assessorGroups"}:
        raise ValueError(f"Unknown: {', '.join(sorted(unknown))}")
    row.update(fields)


def set_metadata_by_hand(sandbox: Sandbox, flow_id: int, fields: dict[str, Any]) -> None:
    """title, subtitle, code, term, examinationType, purpose."""
    row = flow_of(sandbox.state, flow_id)
    if unknown := set(fields) - {"title", "subtitle", "code", "term", "examinationType", "purpose"}:
        raise ValueError(f"Unknown: {', '.join(sorted(unknown))}")
    row.update(fields)


def set_dates_by_hand(sandbox: Sandbox, flow_id: int, fields: dict[str, int]) -> None:
    """start, end, marking_start, marking_end, in unix seconds."""
    row = flow_of(sandbox.state, flow_id)
    if unknown := set(fields) - set(row["dates"]):
        raise ValueError(f"Unknown: {', '.join(sorted(unknown))}")
    row["dates"].update({key: int(value) for key, value in fields.items()})
    tell(sandbox.state, row, "FLOW_PERIOD_UPDATED")


def set_end_by_hand(sandbox: Sandbox, flow_id: int, participant_id: int, end: int) -> None:
    """One person's end, in unix seconds."""
    participant_of(flow_of(sandbox.state, flow_id), participant_id)["end"] = int(end)


def set_former_client(sandbox: Sandbox, flow_id: int, code: str = "", exported: dict[str, int] | None = None) -> None:
    row = flow_of(sandbox.state, flow_id)
    row["is_sis"], row["sis_code"] = bool(code), code
    for key, state in (exported or {}).items():
        participant_of(row, key)["sis_export"] = {"state": state, "at": int(sandbox.state.now())}


def request_sync(sandbox: Sandbox, flow_id: int, reference: str | None = None) -> str:
    """A manager presses the button on the flow's page. Gives the request's id."""
    row = flow_of(sandbox.state, flow_id)
    sources = [source for source in row["sources"].values() if reference in (None, source["reference"])]
    if not sources:
        raise ValueError(f"Flow {flow_id} has no such external source")
    request_id = str(uuid.uuid4())
    for source in sources:
        source["state"], source["requested"] = "PENDING", int(sandbox.state.now())
        tell(
            sandbox.state,
            row,
            "FLOW_EXTERNAL_SOURCE",
            {"requestId": request_id, "reference": source["reference"], "flowCode": row["code"]},
        )
    return request_id
