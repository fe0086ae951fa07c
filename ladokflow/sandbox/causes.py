"""What a visitor may cause, and end again: what sets LadokFlow apart when it happens in earnest.

Each cause stands in the state's `caused` for as long as it lasts: `{id, kind, university, ...}`, with what ending it needs. A lost
answer or a system that is down is a fault of `faults.py` as well, which no restart survives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ladokflow.sandbox import registers
from ladokflow.sandbox.hands import flow_of
from ladokflow.sandbox.people import check_digit
from ladokflow.sandbox.universities import UNIVERSITIES, University

if TYPE_CHECKING:
    from ladokflow.sandbox.server import Sandbox

WISEFLOW = "wiseflow"
REASONS = (
    "Studenten är inte registrerad på momentet.",
    "Studenten saknar en obligatorisk del.",
    "Examinatorn har inte behörighet att rapportera.",
    "Resultatet är redan registrerat.",
)


@dataclass(frozen=True)
class Cause:
    """`what` tells how it is while it lasts, `see` what to do in LadokFlow; both are filled in with what the row holds."""

    button: str
    what: str
    see: str
    end: str


CAUSES = {
    "reject": Cause(
        "Reject",
        "Ladok rejects {who}: “{reason}”",
        "End marking here, then export the flow: {who} is Failed with these words, the others are Exported. When Ladok accepts again, "
        "Retry sends this one grade. Of a grade that is “redan registrerat”, Mark as exported is offered instead.",
        "Accept again",
    ),
    "take_off": Cause(
        "Take off the list",
        "{who} is off Ladok's list of {code}",
        "Synchronise the flow: before the exam {who} is removed from it, while students write deactivated, and never deleted. Export it: "
        "{who} is held by name, and the others go.",
        "Put back",
    ),
    "half": Cause(
        "Take half off the list",
        "{count} of the {total} people are off Ladok's list of {code}",
        "Synchronise the flow: LadokFlow takes nobody away before you have said that it is right.",
        "Put them back",
    ),
    "national_id": Cause(
        "Correct the national id",
        "{who} has another national id in Ladok",
        "Synchronise the flow: the user name says who it is, so LadokFlow follows.",
        "Take it back",
    ),
    "new_ids": Cause(
        "Change every identifier",
        "{who} has other identifiers in Ladok, and the same name",
        "Synchronise the flow: somebody is gone from the list, and somebody of the same name is there. LadokFlow asks whether it is the "
        "same person, and locks nobody out before that.",
        "Take it back",
    ),
    "name": Cause(
        "Correct the name",
        "{who} has another surname in Ladok",
        "Synchronise the flow: the new name is there, and nothing else has changed.",
        "Take it back",
    ),
    "lost_answer": Cause(
        "Lose the next answer",
        "Ladok will register the next grades of {code}, and the answer will be lost",
        "Export the flow: LadokFlow cannot know whether the grades are there, says so, and sends nothing twice. Look here which grades Ladok "
        "has, and say so in LadokFlow.",
        "Let it through",
    ),
    "lost_request": Cause(
        "Lose the next request",
        "The next grades of {code} will be lost on their way to Ladok",
        "Export the flow: LadokFlow cannot know that, so it does not just send again. Look here: Ladok has nothing. Say so in LadokFlow, then "
        "Retry.",
        "Let it through",
    ),
    "down": Cause(
        "Take down",
        "{name} is down",
        "Synchronise or export: LadokFlow says who does not answer and what that means for the grades. Up again, the sweeper and the next try go "
        "on by themselves.",
        "Bring up again",
    ),
}  # fmt: skip
OF_A_PERSON = ("reject", "take_off", "name", "national_id", "new_ids")
OF_AN_EXAM = ("lost_answer", "lost_request", "half")
FAULTS = {"lost_answer": "lost_answer", "lost_request": "drop"}


# --- What is caused now --------------------------------------------------------------------------------------------


def now(sandbox: Sandbox) -> list[dict[str, Any]]:
    """What lasts, the newest first."""
    return [row for row in reversed(_rows(sandbox)) if _lasts(sandbox, row)]


def _rows(sandbox: Sandbox) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sandbox.state.data.setdefault("caused", [])
    return found


def _lasts(sandbox: Sandbox, row: dict[str, Any]) -> bool:
    if row["kind"] == "reject":
        return any(name in _side(sandbox, row)["rejections"] for name in row["identifiers"])
    if "fault" in row:
        ordered = [fault for fault in sandbox.faults.rows if fault.options.get("caused") == row["id"]]
        return bool(ordered) and all(fault.times for fault in ordered)  # of POST and PATCH one is met
    return True


def _side(sandbox: Sandbox, row: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = sandbox.state.data["ladok"][row["university"]]
    return found


def _keep(sandbox: Sandbox, kind: str, **facts: Any) -> int:
    """Write down what is caused; gives its id."""
    number = sandbox.state.next_id("cause")
    _rows(sandbox).append({"id": number, "kind": kind, **facts})
    return number


# --- Whom and what it is about -------------------------------------------------------------------------------------


def exams_of(sandbox: Sandbox, flow_id: Any) -> Iterator[tuple[University, str, list[dict[str, Any]]]]:
    """University, code and people of each exam in Ladok that the flow comes from."""
    flow = flow_of(sandbox.state, flow_id)
    university = UNIVERSITIES[flow["licence"]]
    exams = sandbox.state.data["ladok"][university.slug]["exams"]
    for source in flow["sources"].values():
        if source["description"] in exams:
            yield university, source["description"], exams[source["description"]]["people"]


def name_of(university: University, person: dict[str, Any]) -> str:
    keys = university.fields
    return f"{person.get(keys['first_name'], '')} {person.get(keys['last_name'], '')}".strip()


def identifiers_of(university: University, person: dict[str, Any]) -> list[str]:
    """Those that an export may name the person by."""
    keys = (university.organisation_id, university.fields.get("unique_exam_id", ""))
    return [str(person[key]) for key in keys if person.get(key)]


# --- Cause, and end ------------------------------------------------------------------------------------------------


def take_down(sandbox: Sandbox, system: str) -> None:
    name = "WISEflow" if system == WISEFLOW else f"Ladok at {UNIVERSITIES[system].name}"
    number = _keep(sandbox, "down", university=system, name=name, fault=True)
    body = {"message": "Driftstopp"}
    sandbox.faults.add(system, "*", "status", -1, "", {"status": 503, "body": body, "caused": number})


def cause_for_exam(sandbox: Sandbox, kind: str, university: str, code: str) -> None:
    """One of `OF_AN_EXAM`. ValueError for what is not there."""
    exam, facts = _exam(sandbox, university, code), {"university": university, "code": code}
    if kind == "half":
        off = exam["people"][len(exam["people"]) // 3 :]
        _keep(sandbox, kind, count=len(off), total=len(exam["people"]), people=off, **facts)
        exam["people"] = exam["people"][: len(exam["people"]) // 3]
        return
    number = _keep(sandbox, kind, fault=True, **facts)
    known = UNIVERSITIES[university]
    pattern = f"/{known.collection}/{code}/{known.export}"
    for method in ("POST", "PATCH"):
        sandbox.faults.add(university, pattern, FAULTS[kind], 1, method, {"caused": number})


def cause_for_person(sandbox: Sandbox, kind: str, university: str, code: str, key: str, reason: str = "") -> None:
    """One of `OF_A_PERSON`; `key` is who it is, by organisation id. ValueError for what is not there."""
    known, people = UNIVERSITIES[university], _exam(sandbox, university, code)["people"]
    person = next((each for each in people if each.get(known.organisation_id) == key), None)
    if person is None:
        raise ValueError(f"Not on the exam: {key}")
    facts = {"university": university, "code": code, "who": name_of(known, person)}
    if kind == "reject":
        identifiers, reason = identifiers_of(known, person), reason if reason in REASONS else REASONS[0]
        _keep(sandbox, kind, identifiers=identifiers, reason=reason, **facts)
        for identifier in identifiers:
            registers.reject(sandbox, university, identifier, reason)
    elif kind == "take_off":
        people.remove(person)
        _keep(sandbox, kind, people=[person], **facts)
    else:
        old = dict(person)
        for own in CORRECTED[kind]:
            if person.get(wire := known.fields.get(own, "")):
                person[wire] = ANOTHER[own](str(person[wire]))
        _keep(sandbox, kind, old=old, key=person[known.organisation_id], **facts)


def end(sandbox: Sandbox, number: int) -> None:
    """As it was before; ValueError where nothing of the number is caused."""
    row = next((row for row in _rows(sandbox) if row["id"] == number), None)
    if row is None:
        raise ValueError("That has ended already")
    _rows(sandbox).remove(row)
    if row["kind"] == "reject":
        for identifier in row["identifiers"]:
            registers.reject(sandbox, row["university"], identifier, None)
    elif "fault" in row:
        sandbox.faults.drop(number)
    elif "people" in row:
        _exam(sandbox, row["university"], row["code"])["people"] += row["people"]
    else:
        own = UNIVERSITIES[row["university"]].organisation_id
        for person in _exam(sandbox, row["university"], row["code"])["people"]:
            if person.get(own) == row["key"]:
                person.update(row["old"])


def _exam(sandbox: Sandbox, university: str, code: str) -> dict[str, Any]:
    exam: dict[str, Any] | None = sandbox.state.data["ladok"].get(university, {}).get("exams", {}).get(code)
    if exam is None:
        raise ValueError(f"There is no exam {code}")
    return exam


def _other_number(old: str) -> str:
    """A personnummer of the same day, with a check digit that fits."""
    born = old[:8] if old[:8].isdecimal() else "19990101"
    serial = "900" if old[9:12] != "900" else "901"
    return f"{born}-{serial}{check_digit(born[2:] + serial)}"


def _other_address(old: str) -> str:
    name, _, domain = old.partition("@")
    return f"{name}9@{domain}" if domain else f"{name}9"


# What is corrected, in the sandbox's own words, and how it reads afterwards.
CORRECTED = {
    "name": ("last_name",),
    "national_id": ("national_id",),
    "new_ids": ("organisation_id", "national_id", "student_uid", "email", "unique_exam_id"),
}
ANOTHER: dict[str, Callable[[str], str]] = {
    "last_name": lambda old: f"{old} Ny",
    "national_id": _other_number,
    "organisation_id": _other_address,
    "email": _other_address,
    "student_uid": lambda old: old[::-1],
    "unique_exam_id": lambda old: f"{old}9",
}
