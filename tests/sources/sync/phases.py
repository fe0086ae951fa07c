"""What happens to a flow in the table of `test_phases_and_roles.py`, and what is then seen of it in WISEflow.

A change is a list of steps; the flow is synchronised after each of them, and the last one is what counts.
"""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Callable
from typing import Any

from ladokflow.sandbox.control import Control
from sources.flows.create import create_flow
from sources.flows.request import request_flow
from sources.models import Flow, Source, SyncRun
from sources.sync.run import request_sync, run_sync
from sources.universities.clients import wiseflow_for

TZ = zoneinfo.ZoneInfo("Europe/Stockholm")
STAFF = ("manager", "assessor", "reviewer", "invigilator", "author")
VALUES = ("title", "subtitle", "code", "start", "end", "marking end", "scale")
PHASES = ("setup", "activated", "participation", "marking", "concluding", "archived")
SIZE = 24  # so that those who go in one flow are far from the brake


class World:
    """One flow from one exam in Linköping, and the people around it. Persons are named by organisation id."""

    def __init__(
        self, control: Control, source: Source, manager: Any, *, flow_type: str = "FLOWassign", size: int = SIZE
    ) -> None:
        self.control, self.source = control, source
        # What the brake holds has tests of its own.
        Source.objects.filter(pk=source.pk).update(brake_people=size)
        self.gone: dict[str, dict[str, Any]] = {}  # people whom Ladok had, to come back as they were
        self.code = control.add_exam("liu", people=size, campus="")
        control.add_users_of("liu", self.code)
        self.untouched = iter([person["LiUId"] for person in self.exam["participants"]])
        asked = request_flow(source=source, codes=[self.code], requested_by=manager, flow_type=flow_type, enqueue=False)
        self.row = create_flow(asked.pk)
        self.id = self.row.wiseflow_id

    @property
    def exam(self) -> dict[str, Any]:
        return self.control.exam("liu", self.code)

    @property
    def flow(self) -> dict[str, Any]:
        return self.control.flow(self.id)

    def person(self, who: str) -> dict[str, Any]:
        return next(person for person in self.exam["participants"] if person["LiUId"] == who)

    def member(self, who: str, role: str = "participant") -> dict[str, Any] | None:
        return next((row for row in self.flow[f"{role}s"] if row["organisationId"] == who), None)

    def enter(self, phase: str) -> None:
        reach: list[Callable[[int], int]] = [
            self.control.activate,
            self.control.start_participation,
            self.control.end_participation,
            self.control.end_marking,
            self.control.archive,
        ]
        for step in reach[: PHASES.index(phase)]:
            step(self.id)

    def sync(self) -> SyncRun:
        return run_sync(request_sync(flow=self.row, trigger=SyncRun.Trigger.COMMAND, enqueue=False).pk)

    def change(self, who: str, **fields: str) -> None:
        self.control.change_people("liu", self.code, change={who: fields})


# --- Participants ------------------------------------------------------------------------------------------------


def come(world: World, who: str) -> None:
    person = world.gone.pop(who, {"LiUId": who, "firstname": "Kim", "lastname": f"Kommen {who}"})
    world.control.change_people("liu", world.code, add=[person], exact=True)


def go(world: World, who: str) -> None:
    world.gone[who] = world.person(who)
    world.control.change_people("liu", world.code, remove=[who])


def _switch(activated: bool) -> Callable[[World, str], None]:
    return lambda world, who: world.control.set_activated_by_hand(world.id, world.member(who)["id"], activated)


def add_by_hand(world: World, who: str) -> None:
    world.control.add_participant_by_hand(world.id, who)


def remove_by_hand(world: World, who: str) -> None:
    world.control.remove_participant_by_hand(world.id, world.member(who)["id"])


PARTICIPANT: dict[str, list[Callable[[World, str], None]]] = {
    "comes": [come],
    "goes": [go],
    "goes and comes back": [go, come],
    "is deactivated by hand": [_switch(False)],
    "is deactivated by hand, then goes": [_switch(False), go],
    "is deactivated by hand, goes and comes back": [_switch(False), go, come],
    "goes, and is activated by hand": [go, _switch(True)],
    "is deactivated and activated by hand, then goes": [_switch(False), _switch(True), go],
    "is deactivated by hand, then gets another name": [
        _switch(False),
        lambda world, who: world.change(who, lastname="Ny-Åberg"),
    ],
    "goes, is activated by hand, comes and goes": [go, _switch(True), come, go],
    "gets another name": [lambda world, who: world.change(who, lastname="Ny-Åberg")],
    "gets another personnummer": [lambda world, who: world.change(who, civicNumber="199001012385")],
    "gets another exam id": [lambda world, who: world.change(who, uniqueExamId=f"NY-{who[:6]}")],
    "gets longer time": [lambda world, who: world.change(who, endTime="20:45")],
    "gets longer time, then not": [
        lambda world, who: world.change(who, endTime="20:45"),
        lambda world, who: world.change(who, endTime=""),
    ],
    "is added by hand": [add_by_hand],
    "is added by hand, then comes": [add_by_hand, come],
    "is added and deactivated by hand, then comes": [add_by_hand, _switch(False), come],
    "is added by hand, comes and goes": [add_by_hand, come, go],
    "is removed by hand": [remove_by_hand],
}
STRANGERS = ("comes", *(change for change in PARTICIPANT if change.startswith("is added")))


def see_participant(world: World, who: str) -> Any:
    found = world.member(who)
    if found is None:
        return None
    user = next(row for row in world.control.users("liu") if row["id"] == found["userId"])
    values = sorted(row["value"] for row in user["data"])
    return {
        "activated": found["is_activated"],
        "is": (found["lastName"], found["uniqueExamId"], found["end"], values),
    }


def tell_participant(before: Any, after: Any) -> str:
    if before is None or after is None:
        return "stays away" if before is after else "added" if before is None else "removed"
    if before["activated"] != after["activated"]:
        return "activated" if after["activated"] else "deactivated"
    return "left alone" if before == after else "changed"


# --- Staff -------------------------------------------------------------------------------------------------------


def _put(world: World, who: str, role: str) -> None:
    person = {
        "role": role,
        "organisation_id": who,
        "email": who,
        "first_name": "Stina",
        "last_name": "Stab",
        "is_new": True,
    }
    Flow.objects.filter(pk=world.row.pk).update(staff=[*_staff(world), person])


def _take(world: World, who: str, role: str) -> None:
    left = [one for one in _staff(world) if (one["role"], one["organisation_id"]) != (role, who)]
    Flow.objects.filter(pk=world.row.pk).update(staff=left)


def _staff(world: World) -> list[dict[str, str]]:
    return Flow.objects.get(pk=world.row.pk).staff


def _put_by_hand(world: World, who: str, role: str) -> None:
    user_id = world.control.add_user("liu", {"organisation_id": who})
    with wiseflow_for(world.source) as client:
        getattr(client, f"add_{role}")(world.id, user_id)


def _take_by_hand(world: World, who: str, role: str) -> None:
    with wiseflow_for(world.source) as client:
        getattr(client, f"remove_{role}")(world.id, world.member(who, role)["id"])


STAFF_CHANGES: dict[str, list[Callable[[World, str, str], None]]] = {
    "comes": [_put],
    "goes": [_put, _take],
    "is added by hand": [_put_by_hand],
    "is removed by hand": [_put, _take_by_hand],
}


# --- Title, subtitle, dates and scale ----------------------------------------------------------------------------

DATE_KEYS = {"start": "start", "end": "end", "marking end": "marking_end"}


def say(world: World, value: str) -> None:
    """Ladok says something new."""
    exam = world.exam
    later = dt.date.fromisoformat(exam["sensurfrist"][:10]) + dt.timedelta(days=7)
    new = {
        "title": {"courseName": f"{exam['courseName']} igen"},
        "subtitle": {"examTitle": f"{exam['examTitle']} igen"},
        "start": {"startTime": "07:20"},
        "end": {"endTime": "19:40"},
        "marking end": {"sensurfrist": later.isoformat()},
        "scale": {"gradeScale": "U-G"},
    }
    world.control.change_exam("liu", world.code, **new[value])


def _said(world: World, value: str) -> Any:
    """What Ladok says, as WISEflow holds it."""
    exam = world.exam

    def at(day: str, time: str) -> int:
        return int(dt.datetime.fromisoformat(f"{day}T{time}").replace(tzinfo=TZ).timestamp())

    if value == "marking end":
        return exam["sensurfrist"][:10]
    return {
        "title": f"{exam['courseCode']} {exam['courseName']}",
        "subtitle": f"{exam['examCode']} {exam['examTitle']}",
        "code": exam["examCode"],
        "start": at(exam["examStartDate"], exam["startTime"]),
        "end": at(exam["examEndDate"], exam["endTime"]),
        "scale": {"U-3-4-5": "U345"}.get(exam["gradeScale"], exam["gradeScale"]),
    }[value]


def see_value(world: World, value: str) -> Any:
    flow = world.flow
    if value == "scale":
        return flow["scaleName"]
    found = flow["dates"][DATE_KEYS[value]] if value in DATE_KEYS else flow[value]
    if value == "marking end":
        return dt.datetime.fromtimestamp(found, TZ).date().isoformat()
    return found


def tell_value(world: World, value: str, before: Any, after: Any) -> str:
    if before == after:
        return "left alone"
    return "follows" if after == _said(world, value) else f"became {after!r}"


def _set_by_hand(world: World, value: str) -> None:
    if value in DATE_KEYS:
        moved = {"start": -1800, "end": 1800, "marking end": 86400}[value]
        there = world.flow["dates"][DATE_KEYS[value]]
        world.control.set_dates_by_hand(world.id, **{DATE_KEYS[value]: there + moved})
    elif value == "scale":
        with wiseflow_for(world.source) as client:
            other = next(scale for scale in client.grading_scales() if scale.is_range)
            client.put_grading_scale(world.id, other.id)
    else:
        world.control.set_metadata_by_hand(world.id, **{value: "Handskriven"})


def _set_back(world: World, value: str) -> None:
    said = _said(world, value)
    if value in ("title", "subtitle"):
        world.control.set_metadata_by_hand(world.id, **{value: said})
    else:
        world.control.set_dates_by_hand(world.id, **{DATE_KEYS[value]: said})


def _grade_somebody(world: World, value: str) -> None:
    world.control.grade(world.id, {world.flow["participants"][-1]["id"]: "U"})


VALUE_CHANGES: dict[str, list[Callable[[World, str], None]]] = {
    "changes in Ladok": [say],
    "is changed by hand": [_set_by_hand],
    "is changed by hand, then in Ladok": [_set_by_hand, say],
    "is changed by hand and back, then in Ladok": [_set_by_hand, _set_back, say],
    "changes in Ladok once somebody is graded": [_grade_somebody, say],
}
