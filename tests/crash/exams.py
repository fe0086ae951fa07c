"""The exams of a run: in the sandbox's Ladok, as flows in its WISEflow, graded anew for every round."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass, field
from typing import Any

from ladokflow.sandbox.control import Control

# For each university its share, who sends, the field and value of the scale, and the grades in the order of the rounds.
UNIVERSITIES: dict[str, tuple[float, str, dict[str, str], tuple[str, ...]]] = {
    "liu": (0.45, "anna@liu.example", {"gradeScale": "U-3-4-5"}, ("3", "4", "5", "U")),
    "oru": (0.3, "olle@oru.example", {"gradeScale": "U-G-VG"}, ("G", "VG", "U")),
    "boras": (0.25, "bodil@boras.example", {"betygskala": "U-G-VG"}, ("G", "VG", "U")),
}
REVIEWED = "oru"  # where a reviewer decides on each grade
READ_BACK = ("liu", "oru")  # while the chaos goes on; after it, all of them
SIZES = ((0.12, 1, 1), (0.38, 2, 15), (0.36, 16, 60), (0.1, 61, 180), (0.04, 181, 400))
LARGE = 400


@dataclass
class Exam:
    """One exam and the exports of it. `way` is who starts the first: a manager in the pages, the command, or nobody."""

    number: int
    university: str
    sizes: list[int]
    rounds: int
    way: str  # pages | command | marking_end | instant
    key: str = field(default_factory=lambda: str(uuid.uuid4()))
    codes: list[str] = field(default_factory=list)
    stage: str = "new"  # new | making | ready | going | over
    flow: int = 0
    wiseflow: int = 0
    round: int = 0
    begun: float = 0.0  # monotonic
    attempts: int = 0  # so many attempts there are when this round is over
    waits: int = 0  # answers from hands that are still to come
    asked: set[str] = field(default_factory=set)  # what a manager has done about this round: retry, readback

    @property
    def can_be_read_back(self) -> bool:
        return self.university in READ_BACK

    @property
    def email(self) -> str:
        return UNIVERSITIES[self.university][1]

    @property
    def switches(self) -> dict[str, Any]:
        return {
            "exports_when_marking_ends": self.way == "marking_end",
            "instant_export": self.way == "instant",
            "grade_decided_by": "reviewer" if self.university == REVIEWED else "assessor",
        }


def plan(rng: random.Random, count: int, rounds: int) -> list[Exam]:
    """So many exams, small and large ones; the first few are one of each way and size."""
    names, shares = list(UNIVERSITIES), [share for share, *_ in UNIVERSITIES.values()]
    exams = []
    for number in range(count):
        _, least, most = rng.choices(SIZES, [share for share, *_ in SIZES])[0]
        sizes = [LARGE if number == 1 and count >= 100 else rng.randint(least, most)]
        if rng.random() < 0.08:
            sizes.append(rng.randint(1, 20))  # a second Ladok code on the same flow
        ways = ("pages", "command", "marking_end", "instant")
        way = ways[number] if number < len(ways) else rng.choices(ways, (78, 5, 10, 7))[0]
        exams.append(Exam(number, rng.choices(names, shares)[0], sizes, rng.randint(1, rounds), way))
    return exams


def put_in_ladok(control: Control, exam: Exam) -> None:
    """The exam's codes, and its students as users of WISEflow."""
    if exam.codes:
        return
    for size in exam.sizes:
        code = control.add_exam(exam.university, size, **UNIVERSITIES[exam.university][2])
        control.add_users_of(exam.university, code)
        exam.codes.append(code)


def grade(control: Control, exam: Exam) -> None:
    """Grades for the round that begins: each person gets one that they have not had. A few are never graded; a few get an
    alternative grade in the first round, and it then stands."""
    people = control.flow(exam.wiseflow)["participants"]
    options = UNIVERSITIES[exam.university][3]
    graded: dict[int, str | None] = {}
    alternative: dict[int, str | None] = {}
    for person in people:
        chance = random.Random(f"{exam.number}:{person['id']}").random()
        if chance < 0.04 and person is not people[0]:
            continue
        graded[person["id"]] = options[(person["id"] + exam.round) % len(options)]
        if exam.round == 0 and chance > 0.97 and exam.way != "instant":
            alternative[person["id"]] = options[(person["id"] + 1) % len(options)]
    control.grade(exam.wiseflow, graded, alternative=alternative)
    if exam.round or exam.way != "instant":
        control.end_marking(exam.wiseflow)


def order_a_fault(control: Control, exam: Exam, rng: random.Random, timeout: float) -> str:
    """Something that goes wrong with one of the next requests for this exam; the name of it."""
    _, kind, options = rng.choices(_FAULTS, [share for share, *_ in _FAULTS])[0]
    if kind:
        told: dict[str, Any] = {
            name: value(rng, timeout) if callable(value) else value for name, value in options.items()
        }
        if kind == "wiseflow":
            control.fault("wiseflow", f"/flow/{exam.wiseflow}/assessments", "status", **told)
        else:
            method = "PATCH" if exam.university == "oru" else "POST"
            control.fault(exam.university, _export_path(exam), kind, method=method, **told)
    return kind


def _export_path(exam: Exam) -> str:
    return (
        f"/aktivitetstillfallen/{exam.codes[0]}/resultat"
        if exam.university == "boras"
        else f"/exams/{exam.codes[0]}/grades"
    )


_FAULTS: tuple[tuple[float, str, dict[str, Any]], ...] = (
    (56, "", {}),
    (6, "lost_answer", {}),
    (5, "status", {"status": 500, "after_work": True}),
    (2, "status", {"status": 503, "after_work": True}),
    (2, "status", {"status": 500}),
    (2, "status", {"status": 422, "body": {"message": "Tillfället är låst."}}),
    (1, "http_429", {}),
    (2, "cut_body", {}),
    (2, "drop", {}),
    (2, "html", {"after_work": True}),
    (1, "not_json", {"after_work": True}),
    (1, "wrong_numbers", {}),
    (1, "strange_errors", {}),
    (1, "empty_body", {"status": 204}),
    (5, "partial_errors", {"count": lambda rng, timeout: rng.randint(1, 5)}),
    (4, "slow", {"seconds": lambda rng, timeout: rng.uniform(0.5, 2)}),
    (4, "latency", {"seconds": lambda rng, timeout: rng.uniform(0.3, 2)}),
    (1, "latency", {"seconds": lambda rng, timeout: timeout + 1}),
    (1, "late_answer", {"seconds": lambda rng, timeout: timeout + 1}),
    (2, "wiseflow", {"status": 400}),
)
