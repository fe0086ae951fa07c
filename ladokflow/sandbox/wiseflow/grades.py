"""Assessments: read only, as in WISEflow. Giving a grade is the control's business, in the place of an assessor."""

from __future__ import annotations

from typing import Any

from ladokflow.sandbox.answers import Call, Refusal, Reply
from ladokflow.sandbox.state import State
from ladokflow.sandbox.wiseflow.base import envelope, flow_of, member_of, page, route, scale_of, stored_value


def _shape(state: State, person: dict[str, Any], licence: dict[str, Any], flow: dict[str, Any]) -> dict[str, Any]:
    draft = person.get("draft") if state.data["wiseflow"].get("shows_drafts") else None
    sent: dict[str, int] = person.get("sis_export") or {}
    final, alternative = person["assessment"] or draft or {}, person["alternative"] or {}
    return {
        "id": final.get("id") or alternative.get("id"),
        "participantId": person["id"],
        "grade": _given_out(final.get("grade"), licence, flow),
        "adminGrade": alternative.get("grade"),
        "adminGradeDate": alternative.get("date"),
        "date": final.get("date"),
        "exportState": sent.get("state", 0),
        "exportDate": sent.get("at"),
        "exportMessage": None,
    }


def _given_out(grade: str | None, licence: dict[str, Any], flow: dict[str, Any]) -> str | None:
    if grade is None or not licence.get("gives_stored"):
        return grade
    return str(stored_value(scale_of(licence, flow), grade))


@route("GET", "/flow/{flowId}/assessments")
def several(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    flow = flow_of(state, call, licence)
    return Reply(body=[_shape(state, person, licence, flow) for person in flow["participants"].values()])


@route("GET", "/flow/{flowId}/assessments/{participantId}")
def one(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    flow = flow_of(state, call, licence)
    return envelope(_shape(state, member_of(flow["participants"], call, "participantId", "Participant"), licence, flow))


@route("GET", "/flows/{flowId}/participants/{participantId}/marking-audit-trail")
def trail(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    """Who gave, approved and took back the person's grade, the newest first."""
    person = member_of(flow_of(state, call, licence)["participants"], call, "participantId", "Participant")
    rows, more = page(state, call, person.get("trail", []), most=100, default=10)
    return envelope({"auditEvents": list(rows)}, **more)


@route("GET", "/flows/{flowId}/participants/{participantId}/item-based-marks")
def items(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    """The points of a person, spread over the items of the exam."""
    flow = flow_of(state, call, licence)
    person = member_of(flow["participants"], call, "participantId", "Participant")
    if not flow["marks_items"]:
        raise Refusal(403, "The flow does not use item based marking")
    assessor = next((row["id"] for row in flow["assessors"].values()), None)
    shares = shares_of(person)
    return envelope(
        [
            {
                "isAutoScored": number == 0,
                "deactivated": False,
                "itemNumber": number + 1,
                "assessorId": None if number == 0 else assessor,
                "reference": f"item-{flow['id']}-{number + 1}",
                "score": share,
                "state": "LOCKED" if number == 0 else ("SCORED" if share is not None else "NOT_STARTED"),
            }
            for number, share in enumerate(shares)
        ]
    )


def shares_of(person: dict[str, Any]) -> list[Any]:
    """A person's points, question by question; None for each where there are none."""
    points = person["points"]
    return [None] * 4 if points is None else _shares(points, 4)


def _shares(points: float, count: int) -> list[Any]:
    """Parts with at most one decimal that add up to `points` exactly."""
    part = int(points) // count
    shares: list[Any] = [part] * (count - 1)
    last = round(points - part * (count - 1), 2)
    return [*shares, int(last) if last == int(last) else last]
