"""For any two states of the source, and whatever people do by hand in between: a plan that is done leaves nothing to do."""

import datetime as dt
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from ladokflow.ladok.base import Exam, Person
from sources.sync.plan.changes import (
    DATE_FIELDS,
    AddParticipant,
    DeactivateParticipant,
    ReactivateParticipant,
    RemoveParticipant,
    SetIndividualEnd,
    SetUniqueExamId,
    UpdateUser,
)
from sources.sync.plan.values import CONCLUDED, PARTICIPATION, SETUP
from tests.sources.sync.plan.modelled import TZ, Model, wanted_of

# The same examples every time, so that the suite takes the same time and fails for the same reasons.
FIXED = settings(
    max_examples=120, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)

START = dt.datetime(2026, 12, 1, 8, 0, tzinfo=TZ)
HOUR = dt.timedelta(hours=1)
STAFF = tuple((role, user_id) for role in ("manager", "assessor", "reviewer") for user_id in (1, 2))


def person_of(name, version):
    """Two ways in which Ladok may describe the same person."""
    more = {"unique_exam_id": f"{name}-2", "individual_end_at": START + 9 * HOUR, "email": f"{name}@mail"}
    facts = more if version else {"unique_exam_id": f"{name}-1"}
    return Person(organisation_id=f"{name}@x", first_name=name.upper(), last_name=f"Berg{version}", **facts)


PEOPLE = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 1), max_size=6).map(
    lambda found: tuple(person_of(name, version) for name, version in sorted(found.items()))
)
STARTS = st.sampled_from([None, START, START + HOUR])
TEXTS = st.sampled_from(["Ett", "Två"])


@st.composite
def sources(draw):
    start = draw(STARTS)
    exam = {"title": draw(TEXTS), "subtitle": draw(TEXTS), "room": draw(st.sampled_from(["", "Valla"]))}
    exam["participation_start_at"] = start
    exam["participation_end_at"] = start and draw(st.sampled_from([None, start + 5 * HOUR, start + 6 * HOUR]))
    exam["marking_end_at"] = start and draw(st.sampled_from([None, start + dt.timedelta(days=20)]))
    exams = (Exam(code="C", people=draw(PEOPLE), **exam), Exam(code="D", people=draw(PEOPLE), title="Annan"))
    staff = draw(st.lists(st.sampled_from(STAFF), unique=True, max_size=4))
    return wanted_of(exams, tuple(staff), draw(st.sampled_from([None, 1, 2])))


@st.composite
def hands(draw):
    """What people do by hand in WISEflow between two synchronisations."""
    return {
        "texts": draw(
            st.dictionaries(st.sampled_from(["title", "subtitle", "code"]), st.sampled_from(["För hand", "Två"]))
        ),
        "dates": draw(st.dictionaries(st.sampled_from(DATE_FIELDS), st.sampled_from([10, 60]), max_size=2)),
        "scale": draw(st.sampled_from([None, None, 3])),
        "switched": draw(st.sets(st.sampled_from("abcdef"), max_size=3)),
        "removed": draw(st.sets(st.sampled_from("abcdef"), max_size=1)),
        "added": draw(st.sets(st.sampled_from("abcxy"), max_size=3)),
        "seated": draw(st.sets(st.sampled_from("abcdef"), max_size=2)),
        "staff_added": draw(st.sets(st.sampled_from(STAFF), max_size=2)),
        "staff_removed": draw(st.sets(st.sampled_from(STAFF), max_size=2)),
    }


def use(model, by_hand):
    """Do it; what was really changed by it."""
    there = model.present
    done: dict[str, Any] = {"switched": {}, "added": [], "staff_added": [], "staff_removed": []}
    dates = {name: getattr(there.dates, name) + dt.timedelta(minutes=by) for name, by in by_hand["dates"].items()}
    model.present = replace(
        there,
        **by_hand["texts"],
        dates=there.dates.model_copy(update=dates),
        scale_id=by_hand["scale"] or there.scale_id,
    )
    done["values"] = {
        **{name: value for name, value in by_hand["texts"].items() if value != getattr(there, name)},
        **dates,
        **({"scale_id": by_hand["scale"]} if by_hand["scale"] not in (None, there.scale_id) else {}),
    }
    for name in sorted(by_hand["removed"]):
        model.remove_participant(f"{name}@x")
    for name in sorted(by_hand["switched"]):
        if (row := model.participant(f"{name}@x")) is not None:
            model.change_participant(f"{name}@x", activated=not row.activated)
            done["switched"][f"{name}@x"] = not row.activated
    for name in sorted(by_hand["added"]):
        if model.participant(f"{name}@x") is None:
            model.add_participant(f"{name}@x")
            done["added"].append(f"{name}@x")
    if by_hand["seated"]:
        done["booking"] = model.seat_by_hand(frozenset(f"{name}@x" for name in by_hand["seated"]))
    on_flow = {(role, row.user_id) for role, rows in there.staff.items() for row in rows}
    for pair in sorted(by_hand["staff_added"] - on_flow):
        model.add_staff(*pair)
        done["staff_added"].append(pair)
    for pair in sorted(by_hand["staff_removed"] & on_flow):
        model.remove_staff(*pair)
        done["staff_removed"].append(pair)
    return done


def begin(first):
    """A flow that has been synchronised once, in setup."""
    model = Model(codes=("C", "D"))
    model.do(model.plan(first), first)
    return model


def value_of(present, name):
    return getattr(present.dates, name) if name in DATE_FIELDS else getattr(present, name)


def keys_of(found, *kinds):
    return {change.key for change in found.changes if isinstance(change, kinds)}


@FIXED
@given(first=sources(), second=sources(), by_hand=hands(), state=st.integers(0, 5), remarking=st.booleans())
def test_planning_again_after_doing_it_finds_nothing(first, second, by_hand, state, remarking):
    model = begin(first)
    model.present = replace(model.present, is_remarking=remarking)
    again = model.plan(first)
    assert [str(change.message) for change in again.changes] == []
    use(model, by_hand)
    model.present = replace(model.present, state=state)
    found = model.plan(second)
    event("changes" if found.changes else "no changes")
    assert state < CONCLUDED or found.changes == ()
    model.do(found, second)
    again = model.plan(second)
    assert [str(change.message) for change in again.changes] == []
    assert {again.counts[name] for name in ("added", "updated", "removed", "deactivated")} == {0}


@FIXED
@given(first=sources(), second=sources(), by_hand=hands(), state=st.integers(0, 3), remarking=st.booleans())
def test_what_was_set_by_hand_is_never_touched(first, second, by_hand, state, remarking):
    model = begin(first)
    model.present = replace(model.present, is_remarking=remarking)
    done = use(model, by_hand)
    model.present = replace(model.present, state=state)
    before = model.present
    model.do(model.plan(second), second)
    for name in done["values"]:
        assert value_of(model.present, name) == value_of(before, name), name
    registered = {person.organisation_id for exam in second.exams for person in exam.people}
    for who, activated in done["switched"].items():
        row = model.participant(who)
        # In setup, somebody who has gone from Ladok goes from WISEflow too.
        assert row.activated is activated if row is not None else state == SETUP and who not in registered
    was_registered = {person.organisation_id for exam in first.exams for person in exam.people}
    for who in set(done["added"]) - registered - was_registered:
        assert model.participant(who).activated
    seats = {booking.id: booking.participant_ids for booking in before.bookings}
    on_flow = {row.id for row in model.present.participants}
    for booking in model.present.bookings:
        if booking.id == done.get("booking"):
            assert booking.participant_ids == seats[booking.id] & on_flow
    there = {(role, row.user_id) for role, rows in model.present.staff.items() for row in rows}
    ours = {(one.role, one.user_id) for one in first.staff}
    assert set(done["staff_added"]) - ours <= there
    assert not set(done["staff_removed"]) & there
    if state != SETUP:
        assert {row.id for row in before.participants} <= {row.id for row in model.present.participants}
        assert {(role, row.user_id) for role, rows in before.staff.items() for row in rows} <= there


@FIXED
@given(first=sources(), second=sources(), by_hand=hands(), state=st.integers(0, 3))
def test_the_counts_are_those_of_the_changes(first, second, by_hand, state):
    model = begin(first)
    use(model, by_hand)
    model.present = replace(model.present, state=state)
    found = model.plan(second)
    added = keys_of(found, AddParticipant)
    assert found.counts["added"] == len(added)
    assert found.counts["removed"] == len(keys_of(found, RemoveParticipant))
    assert found.counts["deactivated"] == len(keys_of(found, DeactivateParticipant))
    changed = keys_of(found, UpdateUser, SetUniqueExamId, SetIndividualEnd, ReactivateParticipant) - added
    assert found.counts["updated"] == len(changed)
    if state <= PARTICIPATION:
        people = {person.organisation_id for exam in second.exams for person in exam.people}
        assert sum(found.counts[name] for name in ("added", "updated", "unchanged")) == len(people)
    before = {row.id for row in model.present.participants}
    model.do(found, second)
    after = {row.id for row in model.present.participants}
    assert (len(after - before), len(before - after)) == (found.counts["added"], found.counts["removed"])
