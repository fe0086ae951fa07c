"""What the control sees and does in a WISEflow licence: its users, rooms, and the calls of its webhooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ladokflow.sandbox.seeding import new_user
from ladokflow.sandbox.universities import UNIVERSITIES

if TYPE_CHECKING:
    from ladokflow.sandbox.server import Sandbox

ACTIONS = ("users", "add_user", "add_users_of", "rooms", "webhooks", "deliveries", "redeliver")


def users(sandbox: Sandbox, licence: str) -> list[dict[str, Any]]:
    return list(sandbox.state.data["wiseflow"]["licences"][licence]["users"].values())


def add_user(
    sandbox: Sandbox,
    licence: str,
    ids: dict[str, str],
    first_name: str = "Ny",
    last_name: str = "Användare",
    email: str | None = None,
    is_another: bool = False,
) -> int:
    """Somebody new, or who has these ids already: `ids` holds organisation_id, national_id, external_user_id.

    `is_another` makes an account of its own of somebody who has them: WISEflow has nothing against it.
    """
    known = sandbox.state.data["wiseflow"]["licences"][licence]
    index = sandbox.state.people[licence]
    places = dict(
        zip(("organisation_id", "national_id", "external_user_id"), map(int, known["data_types"]), strict=False)
    )
    for name, value in ids.items():
        if not is_another and (found := index.with_data(places[name], value)):
            return found[0]
    user = new_user(sandbox.state.next_id("user"), first_name, last_name, int(sandbox.state.now()))
    for name, value in ids.items():
        user["data"].append(
            {"userDataId": sandbox.state.next_id("row"), "userDataTypeId": places[name], "value": value}
        )
        index.add_data(user["id"], places[name], value)
    if email:
        user["emails"].append({"emailId": sandbox.state.next_id("row"), "email": email, "primary": True})
        index.add_email(user["id"], email)
    known["users"][str(user["id"])] = user
    return int(user["id"])


def add_users_of(sandbox: Sandbox, university: str, code: str) -> int:
    """Make users in WISEflow of everybody on an exam who has an organisation id. Gives how many there are."""
    known = UNIVERSITIES[university]
    exams = sandbox.state.data["ladok"][university]["exams"]
    if code not in exams:
        raise ValueError(f"There is no exam {code} at {university}")
    own = {
        name: known.fields[name]
        for name in ("organisation_id", "national_id", "first_name", "last_name", "email", "student_uid")
    }
    found: set[int] = set()
    for person in exams[code]["people"]:
        values = {name: str(person.get(wire) or "") for name, wire in own.items()}
        if not values["organisation_id"]:
            continue
        ids = {name: values[name] for name in ("organisation_id", "national_id") if values[name]}
        ids |= {"external_user_id": values["student_uid"]} if values["student_uid"] else {}
        found.add(
            add_user(sandbox, university, ids, values["first_name"], values["last_name"], values["email"] or None)
        )
    return len(found)


def rooms(sandbox: Sandbox, licence: str) -> list[dict[str, Any]]:
    return list(sandbox.state.data["wiseflow"]["licences"][licence]["rooms"].values())


def webhooks(sandbox: Sandbox, licence: str | None = None) -> list[dict[str, Any]]:
    found = sandbox.state.data["wiseflow"]["webhooks"].values()
    return [
        {key: value for key, value in row.items() if key != "secret"}
        for row in found
        if licence in (None, row["licence"])
    ]


def deliveries(sandbox: Sandbox) -> list[dict[str, Any]]:
    """Every webhook call that was due, with how each try went."""
    found = sandbox.state.data["wiseflow"]["deliveries"]
    return [{key: value for key, value in row.items() if key != "secret"} for row in found]


def redeliver(sandbox: Sandbox, delivery_id: int) -> None:
    """Call once more, as "at least once" may: the sequence number is the same, the id of the call is new."""
    for row in sandbox.state.data["wiseflow"]["deliveries"]:
        if row["id"] == delivery_id:
            row["next_at"] = sandbox.state.now()
            return
    raise ValueError(f"There is no delivery {delivery_id}")
