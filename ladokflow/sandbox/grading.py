"""What assessors and reviewers do in WISEflow: they give grades, approve them, and take them back."""

from __future__ import annotations

import random
import uuid
from typing import TYPE_CHECKING, Any

from ladokflow.sandbox.hands import flow_of, licence_of, participant_of
from ladokflow.sandbox.state import State
from ladokflow.sandbox.wiseflow.base import scale_of, stored_value
from ladokflow.sandbox.wiseflow.calls import tell
from ladokflow.sandbox.wiseflow.logs import note

if TYPE_CHECKING:
    from ladokflow.sandbox.server import Sandbox

ACTIONS = ("grade", "set_shows_drafts", "set_gives_stored", "set_scale_by_hand")

DECIDED = ("ASSESSMENT", "FINAL_GRADE")


def grade(
    sandbox: Sandbox,
    flow_id: int,
    grades: dict[str, str | None] | str | None = None,
    alternative: dict[str, str | None] | None = None,
    points: dict[str, float | None] | str | None = None,
    force: bool = False,
    seed: int = 1,
    by: str = "",
    by_items: bool = True,
) -> int:
    """Give grades, alternative grades and points, by participant id; null takes one away. Gives how many were graded.

    "random" gives everybody active one. A grade that is not on the flow's scale is refused, unless forced. `by` is
    "assessor" or "reviewer": on a flow whose reviewer decides, an assessor's grade is a draft until a reviewer gives
    one. Without it, whoever decides has given it. Points make the flow one that is marked item by item; without `by_items`
    they are given as on any other flow: with the assessor's grade, or in a rubric, and stand in the audit trail.
    """
    state, row = sandbox.state, flow_of(sandbox.state, flow_id)
    scale = scale_of(licence_of(state, row), row)
    people = {key: person for key, person in row["participants"].items() if person["is_activated"]}
    decider = "reviewer" if any(one["canDecideOnFinalGrade"] for one in row["reviewers"].values()) else "assessor"
    if by == "reviewer" and decider != "reviewer":
        raise ValueError(f"No reviewer decides on flow {flow_id}")
    rng = random.Random(f"{seed}:{flow_id}")
    if grades == "random":
        grades = {key: _any_grade(scale, rng) for key in people}
    if points == "random":
        points = {key: float(rng.randint(0, 120)) / 2 for key in people}
    for key, value in (grades if isinstance(grades, dict) else {}).items():
        if value is not None and not force and not _is_on(scale, value):
            raise ValueError(f"{value} is not on the scale {scale['name']}")
        person, giver = participant_of(row, key), by or decider
        given = None if by_items or giver != "assessor" or not isinstance(points, dict) else points.pop(key, None)
        _give_grade(state, row, scale, person, value, giver, decider, given)
    for key, value in (alternative or {}).items():
        _give(state, row, participant_of(row, key), "alternative", value, ("ALTERNATIVE_GRADE",))
    for key, number in (points if isinstance(points, dict) else {}).items():
        if not by_items:
            _trail(state, row, scale, participant_of(row, key), "assessor", "submit", None, points=number, of="rubric")
            continue
        participant_of(row, key)["points"] = number
        row["marks_items"] = True
    return len(grades or {}) if isinstance(grades, dict) else 0


def set_shows_drafts(sandbox: Sandbox, shows: bool) -> None:
    """Whether `/flow/{flowId}/assessments` has a grade that no reviewer has approved yet: WISEflow's description is silent."""
    sandbox.state.data["wiseflow"]["shows_drafts"] = shows


def set_gives_stored(sandbox: Sandbox, licence: str, gives: bool) -> None:
    """Whether the licence's `/flow/{flowId}/assessments` has stored values in the place of grades as they are shown: WISEflow's
    description is silent."""
    sandbox.state.data["wiseflow"]["licences"][licence]["gives_stored"] = gives


def set_scale_by_hand(sandbox: Sandbox, flow_id: int, scale: str, keeps_grades: bool = False) -> None:
    row = flow_of(sandbox.state, flow_id)
    row["scale"] = next(
        each["id"] for each in licence_of(sandbox.state, row)["scales"].values() if each["name"] == scale
    )
    for person in () if keeps_grades else row["participants"].values():
        person["assessment"] = None


def _any_grade(scale: dict[str, Any], rng: random.Random) -> str:
    options = [option["grade"] for option in scale["list"]["options"]]
    return rng.choice(options) if options else str(rng.randint(scale["input"]["min"], scale["input"]["max"]))


def _is_on(scale: dict[str, Any], value: str) -> bool:
    if options := scale["list"]["options"]:
        return any(option["grade"] == value for option in options)
    try:
        return bool(scale["input"]["min"] <= float(value) <= scale["input"]["max"])
    except ValueError:
        return False


def _give_grade(
    state: State,
    row: dict[str, Any],
    scale: dict[str, Any],
    person: dict[str, Any],
    value: str | None,
    by: str,
    decider: str,
    points: float | None = None,
) -> None:
    """Whoever does not decide takes the decision back: it is to be made anew."""
    person["draft"] = None
    if by != decider:
        person["assessment"] = None
        _give(state, row, person, "draft", value, ("ASSESSMENT",))
        _trail(state, row, scale, person, by, "submit" if value else "remove", value, points=points)
        return
    _give(state, row, person, "assessment", value, DECIDED)
    if by == "assessor" and value:
        _trail(state, row, scale, person, by, "submit", value, points=points)
    _trail(state, row, scale, person, by, "finalized" if value else "remove", value)


def _give(
    state: State, row: dict[str, Any], person: dict[str, Any], kind: str, value: str | None, events: tuple[str, ...]
) -> None:
    if value is None:
        person[kind] = None
        return
    person.setdefault("graded_at", int(state.now()))
    known = person["assessment"] or person["alternative"] or {}
    person[kind] = {"id": known.get("id") or state.next_id("row"), "grade": value, "date": int(state.now())}
    for event in events:
        tell(state, row, event, {"participantId": person["id"]}, person["id"])


def _trail(
    state: State,
    row: dict[str, Any],
    scale: dict[str, Any],
    person: dict[str, Any],
    by: str,
    done: str,
    value: Any,
    *,
    points: float | None = None,
    of: str = "grade",
) -> None:
    """An entry in the marking audit trail, the newest first as it is answered."""
    people = row["reviewers" if by == "reviewer" else "assessors"] or row["managers"]
    event: dict[str, Any] = {
        "id": str(uuid.uuid4()),
        "triggeredBy": {"userId": next(iter(people.values()))["userId"]},
        "grade": {"value": stored_value(scale, value), "scaleId": scale["id"]} if value else None,
        "score": None,
        "points": None if points is None else f"{points:g}",
        "markingAuditNote": None,
        "assessorUserId": None,
        "type": f"{by}.audit.log.{done}.{of}",
        "timestamp": int(state.now()),
    }
    person.setdefault("trail", []).insert(0, event)
    about = {"participantId": person["id"], "userId": event["triggeredBy"]["userId"]}
    note(state, row["licence"], event["type"], context="assessor", flow=row, **about)
