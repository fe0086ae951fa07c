"""An exam of a size: in Ladok, as a flow, handed in every way there is, and graded with and without a paper."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from exports.grades import asking
from ladokflow.sandbox.control import Control
from sources.flows.request import request_flow
from sources.models import Flow

BLOCK = 20  # people; in each everybody hands in a paper, but for these
WAYS = {3: "late", 7: "blank", 11: "opened", 13: "nothing", 17: "group"}
EMPTY = ("blank", "opened", "nothing")
UNGRADED = 1  # has a paper
PASSING, FAILING = ("3", "4", "5"), "U"

Wait = Callable[[Callable[[], bool], str], None]


@dataclass
class Exam:
    """`ways` and `grades` by participant in WISEflow; who is not in `grades` has none."""

    people: int
    code: str = ""
    flow: Flow = field(default_factory=Flow)
    ways: dict[int, str] = field(default_factory=dict)
    grades: dict[int, str] = field(default_factory=dict)

    @property
    def number(self) -> int:
        return int(self.flow.wiseflow_id or 0)

    @property
    def empty(self) -> set[int]:
        return {key for key, way in self.ways.items() if way in EMPTY}

    @property
    def asked(self) -> set[int]:
        """A passing grade, and nothing handed in."""
        return {key for key in self.empty if self.grades.get(key) in PASSING}

    @property
    def ungraded(self) -> set[int]:
        return self.ways.keys() - self.grades.keys()

    def place(self, way: str) -> int:
        """Somebody who has handed in so; of those who have handed in a paper one who has a grade."""
        return next(key for key, each in self.ways.items() if each.partition(":")[0] == way and key in self.grades)


def make(exams: list[Exam], control: Control, source: Any, by: Any, wait: Wait) -> None:
    """The flows, by the workers."""
    for exam in exams:
        exam.code = control.add_exam(source.slug, exam.people)
        control.add_users_of(source.slug, exam.code)
        exam.flow = request_flow(source=source, codes=[exam.code], requested_by=by)
    for exam in exams:
        wait(lambda exam=exam: is_made(exam.flow), f"the flow of {exam.people}")


def is_made(flow: Flow) -> bool:
    flow.refresh_from_db()
    if flow.setup_state == Flow.Setup.STOPPED:
        raise SystemExit(f"The flow was not made: {flow.setup_reason}")
    return flow.setup_state == Flow.Setup.READY


def write(exam: Exam, control: Control) -> None:
    """It is written, handed in and graded, and marking ends. It began and ended some hours ago, so that whoever was late has been."""
    hour, now = 3600, int(time.time())
    control.set_dates_by_hand(exam.number, start=now - 6 * hour, end=now - 2 * hour)
    control.activate(exam.number)
    control.start_participation(exam.number)
    ids = list(exam.flow.participants.order_by("pk").values_list("wiseflow_id", flat=True))
    for place, key in enumerate(ids):
        block, own = divmod(place, BLOCK)
        way = WAYS.get(own, "paper")
        exam.ways[key] = f"group:{ids[place - 1]}" if way == "group" else way
        if own != UNGRADED:
            exam.grades[key] = FAILING if way in EMPTY and block % 2 else PASSING[place % len(PASSING)]
    control.hand_in(exam.number, {key: way for key, way in exam.ways.items() if way != "paper"})
    control.write_exam(exam.number)
    control.end_participation(exam.number)
    control.grade(exam.number, dict(exam.grades))
    control.end_marking(exam.number)


def collect(exams: list[Exam], wait: Wait) -> None:
    """Grades and papers, by the workers."""
    for exam in exams:
        asking.ask(exam.flow.pk)
    for exam in exams:
        wait(lambda exam=exam: not asking.is_asked(exam.flow.pk), f"the grades of {exam.people}")
        exam.flow.refresh_from_db()
