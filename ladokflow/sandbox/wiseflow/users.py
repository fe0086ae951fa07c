"""People of the licence: search in bulk, create or update one at a time, look at one."""

from __future__ import annotations

import re
from typing import Any

from ladokflow.sandbox.answers import Call, Refusal, Reply
from ladokflow.sandbox.seeding import RELATIONS, new_user
from ladokflow.sandbox.state import State
from ladokflow.sandbox.wiseflow.base import body_of, check, envelope, page, route, user_of


def external_ids(licence: dict[str, Any], user: dict[str, Any]) -> list[dict[str, str]]:
    types = licence["data_types"]
    return [{"name": types[str(row["userDataTypeId"])]["name"], "value": row["value"]} for row in user["data"]]


def _old_shape(licence: dict[str, Any], user: dict[str, Any]) -> dict[str, Any]:
    roles = [licence["roles"][str(row["licenseRoleId"])]["name"] for row in user["roles"]]
    return {
        "id": user["id"],
        "firstName": user["firstName"],
        "lastName": user["lastName"],
        "phone": user["phone"],
        "externalIds": external_ids(licence, user),
        "language": user["language"],
        "roles": [{"name": name, "relationIds": [RELATIONS[name]] if name in RELATIONS else []} for name in roles],
        "emails": [row["email"] for row in user["emails"]],
    }


def _found_shape(licence: dict[str, Any], user: dict[str, Any]) -> dict[str, Any]:
    types = licence["data_types"]
    return {
        "id": user["id"],
        "firstName": user["firstName"],
        "lastName": user["lastName"],
        "phone": user["phone"],
        "language": user["language"],
        "emails": [row["email"] for row in user["emails"]],
        "roles": [
            {"name": licence["roles"][str(row["licenseRoleId"])]["name"], "id": row["licenseRoleId"]}
            for row in user["roles"]
        ],
        "dataTypes": [
            {"id": row["userDataTypeId"], "name": types[str(row["userDataTypeId"])]["name"], "value": row["value"]}
            for row in user["data"]
        ],
        "deactivated": user["loginDeactivated"],
    }


@route("POST", "/users/search")
def search(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    asked = body_of(call, dataTypes="list").get("dataTypes", [])
    index = state.people[licence["name"]]
    found: dict[int, None] = {}
    for number, wanted in enumerate(asked):
        check(wanted, ("id", "value"), {"id": "number", "value": "text"}, f"dataTypes[{number}].")
        if str(wanted["id"]) not in licence["data_types"]:
            raise Refusal(
                400, "Unknown user data type", errors=(("dataTypes", f"{wanted['id']} is not on the license"),)
            )
        found.update(dict.fromkeys(index.with_data(wanted["id"], wanted["value"])))
    rows, more = page(state, call, list(found), most=100)
    return envelope([_found_shape(licence, licence["users"][str(number)]) for number in rows], **more)


@route("POST", "/license/user")
def save(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    """Create, or update whom the identifiers already name: names overwrite, identifiers, e-mails and roles add."""
    if "json" not in call.headers.get("content-type", ""):
        raise Refusal(415)
    body = body_of(
        call, "firstName", "lastName", "roles", "emails",
        firstName="text", lastName="text", phone="text", externalIds="list", language="text", roles="list", emails="list",
    )  # fmt: skip
    ids = body.get("externalIds", [])
    for number, given in enumerate(ids):
        check(
            given, ("userDataTypeId", "value"), {"userDataTypeId": "number", "value": "text"}, f"externalIds[{number}]."
        )
    _check_user(licence, body, ids)
    index = state.people[licence["name"]]
    user_id = _known(licence, index, body, ids)
    _check_others(licence, index, user_id, body, ids)
    if user_id is None:
        user = new_user(state.next_id("user"), "", "", int(state.now()))
        licence["users"][str(user["id"])] = user
    else:
        user = licence["users"][str(user_id)]
    _write(state, licence, user, body, ids)
    return Reply(201 if user_id is None else 200, {"userId": user["id"]})


def _check_user(licence: dict[str, Any], body: dict[str, Any], ids: list[dict[str, Any]]) -> None:
    if not body["firstName"].strip() or not body["lastName"].strip():
        raise Refusal(400, "A user needs a first and a last name")
    if not ids and not (licence["requires_unique_emails"] and body["emails"]):
        raise Refusal(400, "A user needs at least one unique identifier")
    for given in ids:
        kind = licence["data_types"].get(str(given["userDataTypeId"]))
        if kind is None:
            raise Refusal(400, "Unknown user data type")
        if not given["value"] or (kind["pattern"] and not re.fullmatch(kind["pattern"], given["value"])):
            raise Refusal(400, f"The value does not match {kind['pattern'] or '.+'}")
    for role in body["roles"]:
        known = licence["roles"].get(str(role))
        if known is None or known["isProtected"]:
            raise Refusal(400, "The role cannot be given")
    for email in body["emails"]:
        if not isinstance(email, str) or not re.fullmatch(r"[^@\s]+@[^@\s]+", email):
            raise Refusal(400, "Not an e-mail address")


def _known(licence: dict[str, Any], index: Any, body: dict[str, Any], ids: list[dict[str, Any]]) -> int | None:
    """Whom the identifiers name, in the order they are matched: organisation id, national id, student number, e-mail."""
    order = {int(key): place for place, key in enumerate(licence["data_types"])}
    for given in sorted(ids, key=lambda given: order[given["userDataTypeId"]]):
        if found := index.with_data(given["userDataTypeId"], given["value"]):
            return int(found[0])
    if licence["requires_unique_emails"]:
        for email in body["emails"]:
            if found := index.with_email(email):
                return int(found[0])
    return None


def _check_others(
    licence: dict[str, Any], index: Any, user_id: int | None, body: dict[str, Any], ids: list[dict[str, Any]]
) -> None:
    """An identifier belongs to one user, and so does an e-mail address where they are to be unique."""
    owners = [owner for given in ids for owner in index.with_data(given["userDataTypeId"], given["value"])]
    if licence["requires_unique_emails"]:
        owners += [owner for email in body["emails"] for owner in index.with_email(email)]
    if any(owner != user_id for owner in owners):
        raise Refusal(400, "An identifier or e-mail address belongs to another user")


def _write(
    state: State, licence: dict[str, Any], user: dict[str, Any], body: dict[str, Any], ids: list[dict[str, Any]]
) -> None:
    index = state.people[licence["name"]]
    user["firstName"], user["lastName"] = body["firstName"], body["lastName"]
    user["phone"] = body.get("phone", user["phone"])
    user["language"] = body.get("language", user["language"])
    have = {(row["userDataTypeId"], row["value"].casefold()) for row in user["data"]}
    for given in ids:
        if (given["userDataTypeId"], given["value"].casefold()) not in have:
            row = {
                "userDataId": state.next_id("row"),
                "userDataTypeId": given["userDataTypeId"],
                "value": given["value"],
            }
            user["data"].append(row)
            index.add_data(user["id"], given["userDataTypeId"], given["value"])
    addresses = {row["email"].casefold() for row in user["emails"]}
    for email in body["emails"]:
        if email.casefold() not in addresses:
            user["emails"].append({"emailId": state.next_id("row"), "email": email, "primary": not user["emails"]})
            index.add_email(user["id"], email)
    held = {row["licenseRoleId"] for row in user["roles"]}
    for role in body["roles"]:
        if role not in held:
            user["roles"].append({"userRoleId": state.next_id("row"), "licenseRoleId": role})


@route("GET", "/user/userDataType/{userDataType}/{value}")
def by_data(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    kind = call.parts["userDataType"]
    found = state.people[licence["name"]].with_data(int(kind), call.parts["value"]) if kind.isdecimal() else []
    if not found:
        raise Refusal(404)
    return Reply(body=_old_shape(licence, licence["users"][str(found[0])]))


@route("GET", "/user/eduPrincipalName/{orgId}")
def by_organisation_id(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    found = state.people[licence["name"]].with_data(int(next(iter(licence["data_types"]))), call.parts["orgId"])
    if not found:
        raise Refusal(404)
    return Reply(body=_old_shape(licence, licence["users"][str(found[0])]))


@route("GET", "/user/{userId}/info")
def user_info(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    return Reply(body=_old_shape(licence, _user(licence, call)))


def _user(licence: dict[str, Any], call: Call) -> dict[str, Any]:
    user = user_of(licence, call.parts["userId"])
    if user is None:
        raise Refusal(404, "User not found")
    return user


def _plain_shape(user: dict[str, Any]) -> dict[str, Any]:
    return {
        key: user[key]
        for key in ("firstName", "lastName", "phone", "language", "loginDeactivated", "lastLogin", "creationDate")
    }


@route("GET", "/users/{userId}")
def one(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    return envelope(_plain_shape(_user(licence, call)))


@route("PUT", "/users/{userId}")
def replace(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    user = _user(licence, call)
    kinds = {"firstName": "text", "lastName": "text", "phone": "text", "language": "text", "loginDeactivated": "yes-no"}
    body = body_of(call, *kinds, **kinds)
    user.update({key: body[key] for key in kinds})
    return envelope(_plain_shape(user))


@route("GET", "/users/{userId}/emails")
def emails(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    more = {"fromExternalSource": False, "receiveNotifications": True, "activated": True}
    return envelope([row | more for row in _user(licence, call)["emails"]])


@route("GET", "/users/{userId}/roles")
def roles(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    known = licence["roles"]
    return envelope(
        [
            row | {key: known[str(row["licenseRoleId"])][key] for key in ("name", "isProtected")}
            for row in _user(licence, call)["roles"]
        ]
    )


@route("GET", "/users/{userId}/user-data")
def user_data(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    types = licence["data_types"]
    return envelope(
        [
            row
            | {
                "description": types[str(row["userDataTypeId"])]["name"],
                "metaTypeName": types[str(row["userDataTypeId"])]["type"],
            }
            for row in _user(licence, call)["data"]
        ]
    )
