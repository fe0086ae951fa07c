"""A flow's dates, one person's end and a room's booking depend on one another, whichever of them moves, and in whatever order."""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from ladokflow.ladok.base import Exam, Person
from ladokflow.wiseflow.schemas import FlowDates
from sources.sync.plan.changes import DATE_FIELDS, BookRoom, SetDates, SetIndividualEnd
from sources.sync.plan.times import Times, times_of
from sources.sync.plan.values import MARKING, PARTICIPATION, Booking
from tests.sources.sync.plan.modelled import TZ, Model, wanted_of

FIXED = settings(
    max_examples=150, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
DAY, HOUR, MINUTE = dt.timedelta(days=1), dt.timedelta(hours=1), dt.timedelta(minutes=1)
START = dt.datetime(2026, 12, 1, 8, 0, tzinfo=TZ)
END = START + 5 * HOUR
TIMES = Times(START, END, END + DAY, END + 20 * DAY)


# --- The check


@pytest.mark.parametrize(
    ("moment", "is_allowed"),
    [
        (START - DAY, False),
        (START, False),
        (START + MINUTE, True),
        (END, True),
        (END + 3 * HOUR, True),
        (TIMES.marking_end - MINUTE, True),
        (TIMES.marking_end, False),
        (TIMES.marking_end + DAY, False),
    ],
)
def test_an_end_of_ones_own_lies_between_the_start_and_the_end_of_marking(moment, is_allowed):
    assert TIMES.allow_end(moment) is is_allowed


@pytest.mark.parametrize(
    ("booked_from", "booked_to", "are_within"),
    [
        (START, END, True),
        (START - HOUR, END + HOUR, True),
        (START + 30 * dt.timedelta(seconds=1), END, True),
        (START + HOUR, END, False),
        (START, END - HOUR, False),
        (START - DAY, END - DAY, False),
        (None, None, True),
    ],
)
def test_a_room_is_there_for_the_whole_of_participation(booked_from, booked_to, are_within):
    assert TIMES.are_within(Booking(1, 1, booked_from, booked_to)) is are_within


MOMENTS = st.integers(0, 6).map(lambda hours: START + hours * HOUR)


@given(st.tuples(*[st.none() | MOMENTS] * 4))
def test_dates_go_together_when_each_comes_after_the_one_before(four):
    in_order = all(moment is not None for moment in four) and all(a < b for a, b in itertools.pairwise(four))
    assert Times(*four).go_together is bool(in_order)


# --- Every order of moves


@dataclass
class World:
    """A flow in a model of WISEflow, and what Ladok says of its exam."""

    model: Model = field(default_factory=lambda: Model(codes=("C",)))
    start: dt.datetime = START
    hours: int = 5
    marking_end: dt.datetime | None = START + 30 * DAY
    room: str = "Valla"
    ends: dict[str, dt.datetime | None] = field(default_factory=lambda: dict.fromkeys("abc"))

    def wanted(self) -> Any:
        people = tuple(
            Person(organisation_id=f"{name}@x", first_name=name.upper(), last_name="Berg", individual_end_at=end)
            for name, end in sorted(self.ends.items())
        )
        dates = {
            "participation_start_at": self.start,
            "participation_end_at": self.start + self.hours * HOUR,
            "marking_end_at": self.marking_end,
        }
        exam = Exam(code="C", title="T", subtitle="S", room=self.room, people=people, **dates)
        return wanted_of((exam,), (), None)

    # Each move is one of Ladok's or of somebody's hand in WISEflow.

    def ladok_moves(self, days: int, hours: int) -> None:
        self.start, self.hours = START + days * DAY, hours

    def ladok_ends_marking(self, days: int) -> None:
        self.marking_end = START + days * DAY

    def ladok_gives(self, name: str, hours: int | None) -> None:
        self.ends[name] = None if hours is None else START + hours * HOUR

    def ladok_houses(self, room: str) -> None:
        self.room = room

    def hand_moves(self, name: str, days: int) -> None:
        dates = self.model.present.dates
        moved = dates.model_copy(update={name: getattr(dates, name) + days * DAY})
        if times_of(moved).go_together:  # WISEflow takes nothing else
            self.model.present = replace(self.model.present, dates=moved)

    def hand_books(self, hours: int) -> None:
        self.model._bookings(
            lambda row: replace(row, start_at=row.start_at + hours * HOUR, end_at=row.end_at + hours * HOUR)
        )

    def hand_cancels(self) -> None:
        self.model._bookings(lambda row: None)

    def enter(self, state: int) -> None:
        self.model.present = replace(self.model.present, state=max(state, self.model.present.state))


MOVES = st.one_of(
    st.tuples(st.just("ladok_moves"), st.integers(0, 9), st.integers(4, 6)),
    st.tuples(st.just("ladok_ends_marking"), st.sampled_from([3, 12, 30])),
    st.tuples(
        st.just("ladok_gives"),
        st.sampled_from("abc"),
        st.none() | st.sampled_from([-2, 4, 5, 7, 24 * 3, 24 * 9, 24 * 40]),
    ),
    st.tuples(st.just("ladok_houses"), st.sampled_from(["Valla", "Norr", ""])),
    st.tuples(st.just("hand_moves"), st.sampled_from(DATE_FIELDS), st.integers(-9, 9)),
    st.tuples(st.just("hand_books"), st.integers(-3, 30)),
    st.tuples(st.just("hand_cancels")),
    st.tuples(st.just("enter"), st.sampled_from([0, 1, 2, 3])),
)


def told(found, code):
    return [problem.params for problem in found.problems if problem.code == code]


def check(world, found):
    """Nothing that is written contradicts, and what stands and contradicts is told by name."""
    model = world.model
    times = times_of(model.present.dates)
    assert times.go_together
    for change in found.changes:
        if isinstance(change, SetDates):
            assert times_of(change).go_together
        if isinstance(change, SetIndividualEnd) and change.end_at is not None:
            assert times.allow_end(change.end_at)
        if isinstance(change, BookRoom):
            assert (change.start_at, change.end_at) == (times.start, times.end)
    named = {params["organisation_id"] for params in told(found, "sources.end_outside")}
    changed = {change.key for change in found.changes if isinstance(change, SetIndividualEnd)}
    assert not {entry.organisation_id for entry in found.entries if entry.key in changed} & named
    standing = {who for who, end in model.ends.items() if not times.allow_end(end)}
    assert standing <= named
    if model.present.state <= PARTICIPATION:
        for name, says in world.ends.items():
            who, is_own = f"{name}@x", says is not None and says != times.end
            if is_own and not times.allow_end(says):
                assert who in named
            else:
                assert model.ends.get(who) == (says if is_own else None)
    event("an end is told" if named else "no end is told")
    if model.present.state < MARKING:
        rooms = {room.id: room.name for room in model.present.rooms}
        elsewhen = {rooms[row.room_id] for row in model.present.bookings if not times.are_within(row)}
        assert elsewhen == {params["room"] for params in told(found, "sources.room_elsewhen")}
        event("a room is told" if elsewhen else "no room is told")


@FIXED
@given(st.lists(st.lists(MOVES, min_size=1, max_size=3), min_size=1, max_size=5))
def test_in_whatever_order_they_move_nothing_contradicts_that_is_not_told(rounds):
    world = World()
    model = world.model
    for moves in [[], *rounds]:
        for name, *arguments in moves:
            getattr(world, name)(*arguments)
        wanted = world.wanted()
        found = model.plan(wanted)
        model.do(found, wanted)
        check(world, found)
        assert [str(change.message) for change in model.plan(wanted).changes] == []


def test_an_end_that_somebody_has_set_by_hand_is_told_when_marking_is_to_end_before_it():
    world = World()
    wanted = world.wanted()
    world.model.do(world.model.plan(wanted), wanted)
    dates = world.model.present.dates
    late = {"latest_individual_end_at": dates.marking_end_at + DAY}
    world.model.present = replace(world.model.present, dates=dates.model_copy(update=late))
    assert len(told(world.model.plan(wanted), "sources.hand_set_end_outside")) == 1
    early = {"latest_individual_end_at": dates.participation_end_at + HOUR}
    world.model.present = replace(world.model.present, dates=dates.model_copy(update=early))
    assert told(world.model.plan(wanted), "sources.hand_set_end_outside") == []


def test_wiseflow_says_what_the_latest_end_is():
    seconds = int((END + HOUR).timestamp())
    dates = FlowDates.model_validate({"participation": {"start": 1, "end": 2, "latestIndividualEnd": seconds}})
    assert dates.latest_individual_end_at == END + HOUR
