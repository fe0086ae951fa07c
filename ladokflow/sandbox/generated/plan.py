"""Which flows there are to be: of which source, in which state, with how many people, and when. Pure."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass
from enum import StrEnum

FLOWS_PER_COHORT = 20  # exams that the same students write
UNIVERSITIES = 3  # kinds of sources, one after the other


class Kind(StrEnum):
    """What has become of a flow. Nothing is under way in any of them: a worker finds nothing to do."""

    SETUP = "setup"
    WRITING = "writing"
    MARKING = "marking"  # half of the people are graded
    READY = "ready"  # all are graded, and nothing has been sent
    WAITING = "waiting"  # marking has ended, and some are not graded
    EXPORTED = "exported"
    REJECTED = "rejected"  # Ladok has rejected some
    UNKNOWN = "unknown"  # nobody knows what Ladok has
    STOPPED = "stopped"  # the creation stopped: there is nobody in it


# Of a hundred flows
SHARES = {
    Kind.EXPORTED: 64,
    Kind.MARKING: 8,
    Kind.READY: 8,
    Kind.SETUP: 6,
    Kind.WAITING: 5,
    Kind.REJECTED: 5,
    Kind.WRITING: 2,
    Kind.UNKNOWN: 1,
    Kind.STOPPED: 1,
}
# Days from today to the end of marking: at the earliest, and at the latest.
MARKING_ENDS = {
    Kind.SETUP: (40, 150),
    Kind.WRITING: (28, 32),
    Kind.MARKING: (1, 26),
    Kind.READY: (-60, -1),
    Kind.WAITING: (-60, -1),
    Kind.EXPORTED: (-700, -2),
    Kind.REJECTED: (-60, -2),
    Kind.UNKNOWN: (-30, -2),
    Kind.STOPPED: (40, 150),
}
MARKING_DAYS = 26
PARTICIPATION_DAYS = 30  # from the exam to the end of marking


@dataclass(frozen=True)
class FlowPlan:
    """`number` counts all flows, `place` those of the source; both from 0."""

    number: int
    source: int
    place: int
    kind: Kind
    people: int
    marking_end: dt.datetime
    hour: int  # at which the exam starts

    @property
    def cohort(self) -> int:
        return self.place // FLOWS_PER_COHORT

    @property
    def pattern(self) -> tuple[int, Kind, int]:
        """Flows of which this is the same show the same but for names and dates; the first of it is the source's."""
        return self.source % UNIVERSITIES, self.kind, self.people


def plan_flows(
    *, flows: int, participants: int, sources: int, seed: int, today: dt.date, first: int = 0
) -> list[FlowPlan]:
    """So many flows with so many people in all; `first` is how many there are already."""
    rng = random.Random(f"{seed}:{first}")
    kinds = _kinds(flows, rng)
    sizes = iter(_sizes(sum(kind is not Kind.STOPPED for kind in kinds), participants))
    midnight = dt.datetime.combine(today, dt.time(), tzinfo=dt.UTC)
    planned = []
    for number, kind in enumerate(kinds, first):
        ends = midnight + dt.timedelta(days=rng.randint(*MARKING_ENDS[kind]), hours=12)
        planned.append(
            FlowPlan(
                number=number,
                source=number % sources,
                place=number // sources,
                kind=kind,
                people=0 if kind is Kind.STOPPED else next(sizes),
                marking_end=ends,
                hour=rng.choice((8, 9, 13, 14)),
            )
        )
    return planned


def _kinds(flows: int, rng: random.Random) -> list[Kind]:
    """In their shares as nearly as whole numbers go, and one of each at least where there is room."""
    kinds = list(SHARES) if flows >= len(SHARES) else []
    kinds += rng.choices(list(SHARES), weights=list(SHARES.values()), k=flows - len(kinds))
    rng.shuffle(kinds)
    return kinds


def _sizes(flows: int, participants: int) -> list[int]:
    """Small, usual and large exams; the first takes what is left over."""
    if not flows:
        return []
    usual, left = divmod(participants, flows)
    sizes = [usual] * flows
    for small, large in zip(range(1, flows, 3), range(2, flows, 3), strict=False):
        sizes[small] -= usual // 2
        sizes[large] += usual // 2
    sizes[0] += left
    return sizes
