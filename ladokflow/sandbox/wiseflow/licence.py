"""Look-ups of the licence: everything a client needs to know before it may send an id."""

from __future__ import annotations

from typing import Any

from ladokflow.sandbox.answers import Call, Refusal, Reply
from ladokflow.sandbox.seeding import FLOW_TYPES
from ladokflow.sandbox.state import State
from ladokflow.sandbox.wiseflow.base import envelope, route

PURPOSES = ("EXAMINATION", "COURSE_WORK", "BACHELOR", "MASTER")
MODULES = ("Flow External Sources", "Alternative grades", "Reassessment")


def _types() -> list[dict[str, Any]]:
    return [{"id": number, "name": name, "description": f"{name} in WISEflow"} for number, name in FLOW_TYPES.items()]


def _purposes() -> list[dict[str, Any]]:
    return [
        {"id": number, "name": value.replace("_", " ").capitalize(), "value": value}
        for number, value in enumerate(PURPOSES)
    ]


@route("GET", "/license/info")
def info(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    return Reply(
        body={
            "flowTypes": _types(),
            "modules": [
                {"id": number, "name": name, "type": "feature"} for number, name in enumerate(MODULES, start=1)
            ],
            "coverSheetElements": [],
            "flowPurposes": _purposes(),
            "userDataTypes": [
                {
                    "id": kind["id"],
                    "name": kind["name"],
                    "type": number,
                    "description": kind["name"],
                    "pattern": kind["pattern"],
                }
                for number, kind in enumerate(licence["data_types"].values())
            ],
            "settings": {"requireUniqueEmails": licence["requires_unique_emails"]},
            "markingScales": [{"id": scale["id"], "name": scale["name"]} for scale in licence["scales"].values()],
            "licenseRoles": list(licence["roles"].values()),
        }
    )


@route("GET", "/license/roles")
def roles(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    return envelope(list(licence["roles"].values()))


@route("GET", "/license/roles/{roleId}/user-count")
def role_count(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    if call.parts["roleId"] not in licence["roles"]:
        raise Refusal(404, "Role not found")
    role = int(call.parts["roleId"])
    return envelope(
        [
            {
                "value": sum(
                    any(row["licenseRoleId"] == role for row in user["roles"]) for user in licence["users"].values()
                )
            }
        ]
    )


@route("GET", "/license/user-data-types")
def user_data_types(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    more = {"supportsMultipleValues": True, "protected": False, "visible": True}
    return envelope([kind | more for kind in licence["data_types"].values()])


@route("GET", "/license/flow-types")
def flow_types(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    return envelope(_types())


@route("GET", "/license/flow-purposes")
def flow_purposes(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    return envelope(_purposes())


@route("GET", "/license/grading-scales")
def grading_scales(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    return envelope(list(licence["scales"].values()))


@route("GET", "/license/modules")
def modules(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    return envelope(
        {
            "features": [{"id": number, "name": name} for number, name in enumerate(MODULES, start=1)],
            "authentication_methods": [{"id": 1, "name": "SAML"}],
        }
    )


@route("GET", "/license/sis/clients")
def sis_clients(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    return Reply(body=[])


@route("GET", "/license/assessor-types")
def assessor_types(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    return envelope([])
