"""Assessments: read only, as in WISEflow. Giving a grade is the control's business, in the place of an assessor."""

from __future__ import annotations

from typing import Any

from ladokflow.sandbox.answers import Call, Refusal, Reply
from ladokflow.sandbox.state import State
from ladokflow.sandbox.wiseflow.base import envelope, flow_of, member_of, page, route


def _shape(state: State, person: dict[str, Any]) -> dict[str, Any]:
    draft = person.get("draft") if state.data["wiseflow"].get("shows_drafts") else None
    final, alternative = person["assessment"] or draft or {}, person["alternative"] or {}
    return {
        "id": final.get("id") or alternative.get("id"),
        "participantId": person["id"],
        "grade": final.get("grade"),
        "adminGrade": alternative.get("grade"),
        "adminGradeDate": alternative.get("date"),
        "date": final.get("date"),
        "exportState": 0,
        "exportDate": None,
        "exportMessage": None,
    }


@route("GET", "/flow/{flowId}/assessments")
def several(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    return Reply(body=[_shape(state, person) for person in flow_of(state, call, licence)["participants"].values()])


@route("GET", "/flow/{flowId}/assessments/{participantId}")
def one(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    people = flow_of(state, call, licence)["participants"]
    return envelope(_shape(state, member_of(people, call, "participantId", "Participant")))


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
    points = person["points"]
    shares = [None] * 4 if points is None else _shares(points, 4)
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


def _shares(points: float, count: int) -> list[Any]:
    """Parts with at most one decimal that add up to `points` exactly."""
    part = int(points) // count
    shares: list[Any] = [part] * (count - 1)
    last = round(points - part * (count - 1), 2)
    return [*shares, int(last) if last == int(last) else last]
