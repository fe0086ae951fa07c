"""Sequences out of a seed, and the shortest one that still fails."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence

from tests.owner.play import EXCHANGES, LISTS, SENDINGS, Step

# (university, people on the first exam, exams on the flow)
KINDS = (("liu", 4, 1), ("liu", 3, 2), ("liu", 6, 1), ("oru", 3, 1), ("oru", 4, 2), ("boras", 3, 1), ("boras", 2, 2))

# The life of every flow; what is put between is by lot.
LIFE: tuple[Step, ...] = (
    ("sync",),
    ("activate",),
    ("sync",),
    ("start",),
    ("sync",),
    ("hand_in",),
    ("grade_all",),
    ("collect",),
    ("sync",),
    ("conclude",),
    ("export",),
    ("retry",),
)


def kind_of(seed: int, number: int) -> tuple[str, int, int]:
    return KINDS[random.Random(f"{seed}:{number}:kind").randrange(len(KINDS))]


def sequence(seed: int, number: int) -> list[Step]:
    rng = random.Random(f"{seed}:{number}")
    steps = [_of_life(rng, step) for step in LIFE if step[0] not in ("sync", "retry") or rng.random() < 0.7]
    for _ in range(rng.randint(1, 7)):
        steps.insert(rng.randint(0, len(steps)), _by_lot(rng))
    # By a lot of its own: what the others are stays as it was.
    return _said_of_it(random.Random(f"{seed}:{number}:said"), kind_of(seed, number), steps)


def _said_of_it(rng: random.Random, kind: tuple[str, int, int], steps: list[Step]) -> list[Step]:
    """With what some flows have: grades that go to each code, points, and instant export."""
    slug, _, on_flow = kind
    if on_flow > 1 and rng.random() < 0.5:
        steps = [("place", "each"), *steps]
    if slug == "boras" and rng.random() < 0.7:
        graded = next(place for place, step in enumerate(steps) if step[0] == "grade_all") + 1
        steps = [*steps[:graded], ("points_all", rng.randrange(9)), *steps[graded:]]
        for _ in range(rng.randint(0, 2)):
            points = ("points", rng.randrange(9), rng.choice((None, 0.0, 7.5, 12.25, 40.0)))
            steps.insert(rng.randint(graded, len(steps)), points)
    if rng.random() < 0.35:
        steps.insert(rng.randint(0, len(steps) - 1), ("instant", 1))
        for _ in range(rng.randint(1, 3)):
            steps.insert(rng.randint(len(steps) // 2, len(steps)), ("goes", *_sending(rng)))
        if rng.random() < 0.2:
            steps.insert(rng.randint(len(steps) // 2, len(steps)), ("instant", 0))
    return steps


def _of_life(rng: random.Random, step: Step) -> Step:
    if step[0] == "grade_all":
        return ("grade_all", rng.randrange(4))
    if step[0] in ("export", "retry"):
        return (step[0], *_sending(rng))
    return step


def _sending(rng: random.Random) -> tuple[str, str, Step]:
    sending = rng.choice(("", "", "", "waits", "claimed", "marked", "twice", *SENDINGS))
    meanwhile = _change(rng) if rng.random() < 0.15 else ()
    return sending, _a_list(rng, 0.1), meanwhile


def _a_list(rng: random.Random, chance: float) -> str:
    # A 500 is asked three times, with pauses: seldom.
    names = [name for name in LISTS if name != "500" or rng.random() < 0.05]
    return rng.choice(names) if rng.random() < chance else ""


def _by_lot(rng: random.Random) -> Step:
    chance = rng.random()
    if chance < 0.62:
        return _change(rng)
    if chance < 0.72:
        return rng.choice((("grade", rng.randrange(9), rng.randrange(6), int(rng.random() < 0.2)), ("grade_all", 1)))
    if chance < 0.80:
        return rng.choice(
            (("add_code",), ("remove_code", rng.randrange(2)), ("reject", 0, rng.randrange(9)), ("accept",))
        )
    step = rng.choice(("sync", "sync", "collect", "export", "retry", "work", "mark", "read_back", "sweep"))
    if step in ("export", "retry", "work"):
        return (step, *_sending(rng))
    if step == "mark":
        return (step, rng.randrange(9))
    return (step, _a_list(rng, 0.15)) if step == "sync" else (step,)


def _change(rng: random.Random) -> Step:
    """Something happens to people in Ladok."""
    code = int(rng.random() < 0.3)
    one, other = rng.randrange(9), rng.randrange(9)
    return rng.choice(
        (
            ("exchange", code, one, other, 0),
            ("exchange", code, one, other, rng.randrange(len(EXCHANGES))),
            ("exchange", code, one, other, rng.randrange(len(EXCHANGES))),
            ("correct", code, one, rng.randrange(6)),
            ("correct", code, one, rng.randrange(6)),
            ("no_exam_id", code, one),
            ("take_exam_id", code, one, other),
            ("take_exam_id", code, one, other),
            ("same_exam_id", one, other),
            ("merge", code, one, other),
            ("split", code, one),
            ("gone", code, one),
            ("gone", code, one),
            ("back", code, one, rng.randrange(2)),
            ("back", code, one, rng.randrange(2)),
            ("anew", code, one),
            ("move", code, one, rng.randrange(2)),
            ("both", code, one),
            ("repeat", code, rng.randint(1, 3), rng.randrange(3)),
            ("list_whole", code),
            ("unreadable", code, one),
            ("without_login", code, one),
            ("spell", code, one, rng.randrange(2), rng.randrange(6)),
            ("no_name", code, one),
            ("bare_account", rng.randrange(3)),
            ("newcomer", code, rng.randrange(2)),
            ("recycle", code, one),
            ("renew_exam_ids", code),
        )
    )


def shortest(steps: Sequence[Step], fails: Callable[[Sequence[Step]], bool]) -> list[Step]:
    """Leave out whatever can be left out, in ever smaller pieces, as long as it still fails."""
    left = list(steps)
    size = max(1, len(left) // 2)
    while True:
        for start in _from_the_end(len(left), size):
            tried = left[:start] + left[start + size :]
            if len(tried) < len(left) and fails(tried):
                left = tried
        if size == 1:
            return left
        size = max(1, size // 2)


def _from_the_end(length: int, size: int) -> Iterable[int]:
    return range(length - size, -1, -size) if length >= size else ()
