"""The families of attacks, each a generator out of a seed: what is done to an export, and what managers do then."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.attack import answers
from tests.owner.play import Step


@dataclass(frozen=True)
class Kind:
    """Which base: the university, how many people, and whether they are graded already. Where it `goes_to_each`, the flow has two codes,
    and the grade of who is on both goes to each of them. One that `is_instant` is still being marked, or written where it `is_open`. Where it
    `is_reviewed`, a reviewer decides, and has approved everybody's grade but one."""

    slug: str
    size: int
    is_ready: bool = True
    goes_to_each: bool = False
    is_instant: bool = False
    is_open: bool = False
    is_reviewed: bool = False


@dataclass(frozen=True)
class Attack:
    number: int
    family: str
    kind: Kind
    steps: tuple[Step, ...]


READY = (Kind("liu", 3), Kind("liu", 3, goes_to_each=True), Kind("oru", 3), Kind("boras", 2))
NEW = (Kind("liu", 3, is_ready=False), Kind("oru", 3, is_ready=False))
INSTANT = (Kind("boras", 2, goes_to_each=True, is_instant=True),)
# Where codes are added and removed while grades go
OPEN = (
    Kind("liu", 3, is_instant=True, is_open=True),
    Kind("oru", 3, goes_to_each=True, is_instant=True, is_open=True),
)
# Where no grade goes that only an assessor has given
REVIEWED = (
    Kind("liu", 3, is_instant=True, is_reviewed=True),
    Kind("oru", 3, goes_to_each=True, is_instant=True, is_open=True, is_reviewed=True),
    Kind("boras", 2, goes_to_each=True, is_instant=True, is_reviewed=True),
)
KINDS = {"wiseflow": NEW, "instant": INSTANT, "reviewed": REVIEWED}

EXPORT: tuple[Step, ...] = (("preview", 0), ("press", 0))
RETRY: tuple[Step, ...] = (("preview", 1, "retry"), ("press", 1))
# As many as a worker passes from its claim to its end, and some more (tests/attack/freezing.py).
POINTS = 30
LONG = 300.0  # seconds, and no lease lasts as long
# While somebody stands still after the request has left, Ladok may be at work: all in all less than it may be so by any setting.
SHORT = 150.0


def attack(seed: int, number: int, family: str = "") -> Attack:
    rng = random.Random(f"{seed}:{number}")
    name = family or tuple(FAMILIES)[number % len(FAMILIES)]
    kind = rng.choice(KINDS.get(name, READY))
    return Attack(number, name, kind, tuple(FAMILIES[name](rng)))


def crowd_attack(seed: int, number: int) -> Attack:
    """The part of the fifth family that is done by threads."""
    rng = random.Random(f"{seed}:{number}:crowd")
    if number % 2:
        return Attack(number, "open crowds", rng.choice(OPEN), tuple(_open_crowd(rng)))
    return Attack(number, "crowds", rng.choice(READY), tuple(_crowd(rng)))


def _trick(rng: random.Random, chance: float = 1.0) -> Step:
    """`work`, with or without a Ladok that answers strangely."""
    return ("work", answers.by_lot(rng)) if rng.random() < chance else ("work",)


def _managed(rng: random.Random) -> list[Step]:
    """What a manager, or the sweeper, does about an export that has not come through."""
    return rng.choice(
        (
            [("check",)],
            [("passes", 70.0), ("check",)],
            [("passes", LONG), ("check",), ("passes", LONG), ("check",)],
            [("passes", 70.0), ("settle",)],
            [("mark_page", 5), ("mark_press", 5)],
            [("mark_page", 5), ("mark_press", 5), ("take_back_page", 5), ("mark_press", 5)],
            [("take_back_page", 5), ("mark_press", 5)],
            [("look",), ("deal",)],
            [*RETRY, _trick(rng, 0.4)],
            [("list", 2, "failed"), ("press", 2), _trick(rng, 0.4)],
            [("command", "retry")],
            [("sweep",)],
            [("passes", LONG), ("sweep",)],
        )
    )


def _refusing(rng: random.Random) -> list[Step]:
    return [("refuse", rng.randrange(4))] if rng.random() < 0.3 else []


def _silent(rng: random.Random, chance: float) -> list[Step]:
    return [("cannot_tell",)] if rng.random() < chance else []


# --- The families ------------------------------------------------------------------------------------------------


def _answers(rng: random.Random) -> list[Step]:
    """1. An answer that is cut, packed, counted, spelt or refused in any way."""
    steps = [*_refusing(rng), *EXPORT, _trick(rng), *_silent(rng, 0.2)]
    for _ in range(rng.randint(0, 3)):
        steps += _managed(rng)
    return steps


def _freezes(rng: random.Random) -> list[Step]:
    """2. Whoever sends stands still at any of its steps until its lease is over, and others go on."""
    at = rng.choice(("asked", "registered", rng.randrange(POINTS), rng.randrange(POINTS)))
    meanwhile: list[Step] = [("passes", LONG)]
    if rng.random() < 0.85:
        meanwhile.append(("sweep",))
    choices: list[list[Step]] = [
        [*RETRY, _trick(rng, 0.3)],
        [("mark_page", 5, 0), ("mark_press", 5)],
        [("check",), ("passes", SHORT), ("check",)],
        [("passes", 70.0), ("check",), *RETRY, ("work",)],
        [("code_page", 6), ("press", 6)],
        [("work",)],
        [],
    ]
    for _ in range(rng.randint(1, 2)):
        meanwhile += rng.choice(choices)
    frozen = ("frozen", at, _trick(rng, 0.2), tuple(meanwhile))
    first: list[Step] = [*EXPORT, ("work", ("lost",)), *RETRY] if rng.random() < 0.2 else [*EXPORT]
    return [*_refusing(rng), *first, frozen, *(_managed(rng) if rng.random() < 0.5 else [])]


def _previews(rng: random.Random) -> list[Step]:
    """3. A page is opened, or a command's preview; something changes, and then what it showed is done."""
    page = rng.choice(
        ("first", "first", "retry", "retry", "mark", "code", "list", "typed", "typed again", "back", "start")
    )
    steps: list[Step] = []
    if page in ("retry", "mark", "list", "typed again"):
        steps += [
            *EXPORT,
            ("work", rng.choice((("lost",), ("never",), ("names", 422, 1), ("status", 503, "plain", 1)))),
        ]
    if page == "back":
        steps += [*EXPORT, ("work", ("lost",)), ("mark_page", 6, rng.randrange(2)), ("mark_press", 6)]
    opened: dict[str, Step] = {
        "back": ("take_back_page", 7), "start": ("list", 7, "pending"),
        "first": ("preview", 7, "first"), "retry": ("preview", 7, "retry"), "mark": ("mark_page", 7),
        "code": ("code_page", 7), "list": ("list", 7, "failed"),
        "typed": ("type", 7, "export"), "typed again": ("type", 7, "retry"),
    }  # fmt: skip
    steps.append(opened[page])
    for _ in range(rng.randint(1, 2)):
        steps += _change(rng)
    steps.append(
        ("enter", 7) if page.startswith("typed") else ("mark_press", 7) if page in ("mark", "back") else ("press", 7)
    )
    return [*steps, _trick(rng, 0.2), *(_managed(rng) if rng.random() < 0.3 else [])]


def _change(rng: random.Random) -> list[Step]:
    """While a page is open."""
    who = rng.randrange(4)
    return rng.choice(
        (
            [("grade", who, rng.randrange(4)), ("collect",)],
            [("grade", who, rng.randrange(4))],
            [("grade_all", rng.randrange(1, 4)), ("collect",)],
            [("gone", 0, who)],
            [("gone", 0, who), ("sync",)],
            [("correct", 0, who, rng.randrange(6))],
            [("exchange", 0, who, who + 1, 0)],
            [("preview", 8, "first", 1), ("press", 8), _trick(rng, 0.6)],
            [("preview", 8, "retry", 1), ("press", 8), _trick(rng, 0.6)],
            [("preview", 8, "retry", 1), ("press", 8), ("work", ("lost",))],
            [("mark_page", 8, 0), ("mark_press", 8)],
            [("take_back_page", 8), ("mark_press", 8)],
            [("passes", 70.0), ("check", 1)],
            [("passes", LONG), ("sweep",)],
            [("command", "retry", ("lost",))],
            [("code_page", 9), ("press", 9)],
        )
    )


def _clocks(rng: random.Random) -> list[Step]:
    """4. The machine's clock is ahead of the database's or behind, or a lease was written by a clock that was wrong."""
    steps: list[Step] = (
        [("clock", rng.choice((-1, 1)) * rng.choice((0.1, 1, 5, 30, 24 * 400)))] if rng.random() < 0.7 else []
    )
    steps += EXPORT
    hours = rng.choice((-1, 1)) * rng.choice((0.2, 1, 24, 24 * 365))
    where = rng.random()
    if where < 0.4:
        steps.append(("killed", rng.choice(("claimed", "marked")), hours))
    elif where < 0.8:
        at = rng.choice(("asked", "registered", rng.randrange(POINTS)))
        after: list[Step] = [("lease", hours), ("sweep",), *rng.choice(([*RETRY, ("work",)], [("work",)], []))]
        steps.append(("frozen", at, ("work",), tuple(after)))
    else:
        steps.append(_trick(rng))
    return [*steps, ("sweep",), *_managed(rng)]


def _doubles(rng: random.Random) -> list[Step]:
    """5. Two of everything: one does it in the middle of the other's doing it."""
    steps: list[Step] = []
    kind = rng.choice(("first", "first", "retry", "retry", "work", "check", "mark", "flows"))
    if kind == "flows":
        leave = rng.random() < 0.7
        steps = [*EXPORT, _trick(rng, 0.3), *([("code_page", 6), ("press", 6)] if leave else []), ("second_flow",)]
        return [*steps, *_silent(rng, 0.4), *EXPORT, ("work",)]
    if kind in ("retry", "check", "mark"):
        steps = [*EXPORT, ("work", rng.choice((("lost",), ("never",), ("names", 422, 1)))), ("passes", 70.0)]
    asking = "first" if kind == "first" else "retry"
    steps += [("preview", 7, asking), ("preview", 8, asking, rng.randrange(2))]
    others: dict[str, tuple[Step, list[Step]]] = {
        "first": (("press", 7), [("press", 8), _trick(rng, 0.6)]),
        "retry": (("press", 7), [("press", 8), _trick(rng, 0.6)]),
        "work": (("work",), [("work",)]),
        "check": (("check",), rng.choice(([("check", 1)], [("press", 8), _trick(rng, 0.6)]))),
        "mark": (("mark_press", 7), [("press", 8), _trick(rng, 0.6)]),
    }
    if kind == "work":
        steps = [*EXPORT]
    if kind == "mark":
        steps += [("mark_page", 7)]
    step, others_step = others[kind]
    if rng.random() < 0.3:
        others_step = [("command", "retry" if asking == "retry" else "export", answers.by_lot(rng))]
    steps.append(("frozen", rng.randrange(22), step, tuple(others_step)))
    return [*steps, ("work",), ("press", 8), _trick(rng, 0.3)]


def _readbacks(rng: random.Random) -> list[Step]:
    """6. Ladok is still at work when it is asked; what it said was not there comes later."""
    first: list[Step] = [("passes", rng.choice((5.0, 70.0, 100.0, 200.0))), rng.choice((("check",), ("settle",)))]
    steps: list[Step] = [*EXPORT, ("work", ("later",)), *first]
    if rng.random() < 0.3:
        steps += first
    late: list[Step] = rng.choice(
        ([("finishes",), *RETRY, ("work",)], [*RETRY, ("work",), ("finishes",)], [*RETRY, ("finishes",), ("work",)])
    )
    if rng.random() < 0.3:
        at = rng.randrange(28)
        steps.append(("frozen", at, ("check",), (("finishes",),)))
    return [*steps, *late, *(_managed(rng) if rng.random() < 0.3 else [])]


def _wiseflow(rng: random.Random) -> list[Step]:
    """7. Somebody changes the flow in WISEflow between our reading and our writing."""
    changes: list[Step] = [
        rng.choice((("ladok_exam", "examTitle", "Ny titel"), ("ladok_exam", "courseName", "Nytt namn"))),
        rng.choice((("ladok_exam", "examEndDate", "2027-06-03"), ("ladok_exam", "endTime", "18:45"))),
        ("ladok_exam", "sensurfrist", "2027-08-20"),
    ]
    rng.shuffle(changes)
    hand: Step = rng.choice(
        (
            ("by_hand", "title", "För hand"),
            ("by_hand", "subtitle", "Sal U3"),
            ("by_hand", "code", "HAND-1"),
            *(("by_hand", name, 3600 * rng.randint(1, 5)) for name in ("start", "end", "marking_start", "marking_end")),
        )
    )
    at = ("before wiseflow GET", rng.randrange(12))
    chance = rng.random()
    if chance < 0.2:
        who = rng.randrange(3)
        given: Step = ("end_by_hand", rng.choice((who, who, rng.randrange(3))), 60 * rng.randint(5, 60))
        says: Step = ("ladok_end", who, rng.choice(("20:15", "20:45", "")))
        return [("ladok_end", who, "20:30"), ("sync",), says, ("frozen", at, ("sync",), (given,)), ("sync",)]
    if chance < 0.4:
        graded: Step = ("graded_by_hand", rng.randrange(3), rng.randrange(3))
        begun: list[Step] = [("activate",), ("start",), ("sync",), ("ladok_exam", "gradeScale", "U-G")]
        return [*begun, ("frozen", at, ("sync",), (graded,)), ("sync",)]
    return [*changes[: rng.randint(1, 3)], ("frozen", at, ("sync",), (hand,)), ("sync",)]


def _instant(rng: random.Random) -> list[Step]:
    """8. Grades go by themselves while assessors are still at work, and a manager is at the flow."""
    goes: Step = ("goes", answers.by_lot(rng)) if rng.random() < 0.5 else ("goes",)
    others: list[list[Step]] = [
        [("goes",)],
        [("grade", rng.randrange(4), rng.randrange(3)), ("goes",)],
        [("grade", rng.randrange(4), rng.randrange(3), 1)],
        [("points", rng.randrange(4), rng.choice((0.0, 7.5, 30.0)))],
        [("instant", 0)],
        [("place", "one")],
        [("conclude",), ("collect",)],
        [*RETRY, _trick(rng, 0.4)],
        [("mark_page", 5), ("mark_press", 5)],
        [("passes", LONG), ("sweep",)],
        [("passes", 70.0), ("check",)],
    ]
    at = rng.choice(("asked", "registered", ("before wiseflow GET", rng.randrange(12)), rng.randrange(POINTS)))
    first: Step = ("frozen", at, goes, tuple(rng.choice(others))) if rng.random() < 0.6 else goes
    steps: list[Step] = [first]
    for _ in range(rng.randint(1, 3)):
        steps += rng.choice(others)
    return [*steps, goes, *_managed(rng), ("conclude",), ("collect",)]


def _reviewed(rng: random.Random) -> list[Step]:
    """9. The same where a reviewer decides: grades are given, approved, given anew and taken back while they go, and all else goes on."""
    steps: list[Step] = [("drafts", rng.randrange(2))]
    at: list[Any] = ["asked", "registered", *(("before wiseflow GET", rng.randrange(16)) for _ in range(4))]
    at += [rng.randrange(POINTS) for _ in range(2)]
    for _ in range(rng.randint(2, 4)):
        goes: Step = ("goes", answers.by_lot(rng)) if rng.random() < 0.4 else ("goes",)
        sends: Step = rng.choice((goes, goes, ("starts",)))
        if rng.random() < 0.7:
            meanwhile = [each for _ in range(rng.randint(1, 3)) for each in _while_reviewed(rng)]
            sends = ("frozen", rng.choice(at), sends, tuple(meanwhile))
        steps.append(sends)
        for _ in range(rng.randint(1, 3)):
            steps += _while_reviewed(rng)
        if rng.random() < 0.5:
            steps.append(_trick(rng, 0.3))
    return [*steps, *_managed(rng), ("approve_all",), ("goes",), ("conclude",), ("collect",)]


def _while_reviewed(rng: random.Random) -> list[Step]:
    """What an assessor, a reviewer, a manager or Ladok may do while grades go; marking is their own business more often than not."""
    who = rng.randrange(4)
    marking: list[list[Step]] = [
        [("draft", who, rng.randrange(4))],
        [("draft", who)],
        [("draft", who), ("review", who, rng.randrange(4))],
        [("review", who, rng.randrange(4))],
        [("approve", who)],
        [("approve_all",)],
        [("points", who, rng.choice((0.0, 7.5, 30.0)))],
        [("grade", who, rng.randrange(3), 1)],
    ]
    others: list[list[Step]] = [
        [("starts",)],
        [("work",)],
        [("goes",)],
        [("collect",)],
        [("sync",)],
        [("instant", rng.randrange(2))],
        [("place", rng.choice(("one", "each")))],
        [("conclude",)],
        [("conclude",), ("collect",)],
        [("remove_code", 1)],
        [("add_code", rng.choice(("", "one", "each")))],
        [("passes", LONG), ("sweep",)],
        _managed(rng),
        _change(rng),
    ]
    return rng.choice(marking if rng.random() < 0.6 else others)


def _crowd(rng: random.Random) -> list[Step]:
    """5, in earnest: threads with connections of their own, at the same instant."""
    asking = rng.choice(("first", "retry"))
    steps: list[Step] = []
    if asking == "retry":
        steps = [*EXPORT, ("work", rng.choice((("lost",), ("never",), ("names", 422, 1))))]
    steps += [("preview", tab, asking, tab % 2) for tab in (7, 8)]
    pressing: list[Step] = [("press", 7), ("press", 8)]
    if rng.random() < 0.4:
        pressing.append(("check",))
    if rng.random() < 0.4:
        pressing.append(("command", "export" if asking == "first" else "retry"))
    working = [_trick(rng, 0.5), ("work",), *rng.choice(([], [("sweep",)], [("check",)]))]
    # What else a manager may press at either moment; a page is opened before.
    for acts in (pressing, working):
        page, act = rng.choice(OTHERS)
        if rng.random() < 0.5:
            steps += page
            acts.append(act)
    return [*steps, ("together", tuple(pressing)), ("together", tuple(working)), *_managed(rng)]


# Pages to open, and what is pressed then
OTHERS: tuple[tuple[list[Step], Step], ...] = (
    ([("mark_page", 5, 0)], ("mark_press", 5)),
    ([("mark_page", 5)], ("mark_press", 5)),
    ([("take_back_page", 5)], ("mark_press", 5)),
    ([("code_page", 6)], ("press", 6)),
    ([], ("let_go",)),
    ([], ("settle",)),
)


def _open_crowd(rng: random.Random) -> list[Step]:
    """The same while students write and grades go by themselves: two workers, and managers who change the flow."""
    acts: list[Step] = [
        ("add_code", rng.choice(("", "one", "each"))),
        ("remove_code", 1),
        ("place", rng.choice(("one", "each"))),
        ("instant", 0),
        ("instant", 1),
        ("check",),
        ("sync",),
        ("grade", rng.randrange(4), rng.randrange(3)),
        ("sweep",),
        ("retry_all",),
    ]
    steps: list[Step] = []
    for _ in range(rng.randint(1, 2)):
        goes: Step = ("goes", answers.by_lot(rng)) if rng.random() < 0.4 else ("goes",)
        steps.append(("together", (goes, ("goes",), *rng.sample(acts, rng.randint(1, 3)))))
    return [*steps, ("conclude",), ("sync",), ("collect",), *_managed(rng)]


FAMILIES: dict[str, Callable[[random.Random], list[Step]]] = {
    "answers": _answers,
    "freezes": _freezes,
    "previews": _previews,
    "clocks": _clocks,
    "doubles": _doubles,
    "readbacks": _readbacks,
    "wiseflow": _wiseflow,
    "instant": _instant,
    "reviewed": _reviewed,
}
