"""The planner: a table of phases, roles and changes."""

import datetime as dt
import zoneinfo

import pytest

from ladokflow.ladok.base import Exam, Person
from ladokflow.wiseflow.schemas import FlowDates, Staff, User
from sources.sync.plan.changes import (
    DATE_FIELDS,
    AddParticipant,
    AddStaff,
    AllocateToCode,
    DeactivateParticipant,
    DeallocateFromCode,
    RemoveParticipant,
    RemoveStaff,
    SetDates,
    SetGradingScale,
    SetIndividualEnd,
    SetSubtitle,
    SetTitle,
    UpdateUser,
)
from sources.sync.plan.flow_data import values_in_wiseflow, whole_dates
from sources.sync.plan.identity import match_users, merge_people
from sources.sync.plan.plan import plan
from sources.sync.plan.staff import ROLES
from sources.sync.plan.values import Known, Match, Memory, Present, Wanted, WantedStaff
from tests.sources.sync.plan.modelled import PARTICIPANT

TZ = zoneinfo.ZoneInfo("Europe/Stockholm")
CREATED = dt.datetime(2026, 11, 1, 12, 0, tzinfo=dt.UTC)
START = dt.datetime(2026, 12, 1, 8, 0, tzinfo=TZ)
END = dt.datetime(2026, 12, 1, 13, 0, tzinfo=TZ)
TYPES = {
    "organisation_id": "Personal Organisation Id",
    "national_id": "National ID",
    "external_user_id": "Student number",
}
SETUP, ACTIVATED, PARTICIPATION, MARKING, CONCLUDED, ARCHIVED = range(6)


def person(name="a", **fields):
    return Person(organisation_id=f"{name}@liu.example", first_name=name.title(), last_name="Berg", **fields)


def exam(*people, **fields):
    facts = {"title": "T", "subtitle": "S", "participation_start_at": START, "participation_end_at": END} | fields
    return Exam(code=facts.pop("code", "C"), people=people, **facts)


def participant(number, name="a", *, activated=True, **fields):
    ids = [{"name": TYPES["organisation_id"], "value": f"{name}@liu.example"}]
    user = {"id": 100 + number, "firstName": name.title(), "lastName": "Berg", "externalIds": ids}
    return PARTICIPANT.validate_python({"participantId": number, "activated": activated, "user": user, **fields})


def known(number, name="a", **fields):
    facts = {"first_name": name.title(), "last_name": "Berg", "codes": frozenset({"C"}), "user_id": 100 + number}
    return Known(pk=number, wiseflow_id=number, organisation_id=f"{name}@liu.example", **facts | fields)


def dates(**fields):
    whole = whole_dates(START, END, None, created_at=CREATED, tz=TZ)
    return FlowDates(**whole | fields)


def present(*participants, state=SETUP, **fields):
    facts = {"title": "T", "subtitle": "S", "code": "C", "dates": dates(), "scale_id": 1} | fields
    return Present(state=state, participants=participants, **facts)


def memory(*people, **fields):
    there = values_in_wiseflow(present())
    facts = {"followed": there | {"grading_scale": 1}, "data_types": TYPES, "external_sources": frozenset({"C"})}
    return Memory(created_at=CREATED, tz=TZ, people=people, **facts | fields)


def kinds(found):
    return [type(change) for change in found.changes]


# --- The table of the design -------------------------------------------------------------------------------------

ADD, REMOVE, DEACTIVATE = [AddParticipant, AllocateToCode], [RemoveParticipant], [DeactivateParticipant]


@pytest.mark.parametrize(
    ("state", "flow_type", "came", "went"),
    [
        (SETUP, "FLOWassign", ADD, REMOVE),
        (ACTIVATED, "FLOWassign", ADD, DEACTIVATE),
        (PARTICIPATION, "FLOWassign", ADD, DEACTIVATE),
        (MARKING, "FLOWassign", [], []),
        (CONCLUDED, "FLOWassign", [], []),
        (ARCHIVED, "FLOWassign", [], []),
        (SETUP, "FLOWoral", ADD, REMOVE),
        (ACTIVATED, "FLOWoral", ADD, DEACTIVATE),
        (PARTICIPATION, "FLOWoral", [], []),
        (MARKING, "FLOWoral", [], []),
        (CONCLUDED, "FLOWoral", [], []),
    ],
)
def test_participants_follow_ladok_by_phase(state, flow_type, came, went):
    there = (participant(1), participant(2, "b"))
    rows = memory(known(1), known(2, "b"), flow_type=flow_type)
    more = plan(Wanted((exam(person(), person("b"), person("c")),)), present(*there, state=state), rows)
    fewer = plan(Wanted((exam(person()),)), present(*there, state=state), rows)
    assert kinds(more) == came
    assert kinds(fewer) == went


@pytest.mark.parametrize(
    ("state", "came", "went"),
    [
        (SETUP, [AddStaff], [RemoveStaff]),
        (ACTIVATED, [AddStaff], []),
        (PARTICIPATION, [AddStaff], []),
        (MARKING, [AddStaff], []),
        (CONCLUDED, [], []),
        (ARCHIVED, [], []),
    ],
)
@pytest.mark.parametrize("role", ROLES)
def test_staff_follow_by_phase_and_are_never_removed_from_an_active_flow(state, came, went, role):
    one = WantedStaff(role=role, user_id=7, first_name="A")
    there = Staff.model_validate({"managerId": 70, "user": {"userId": 7, "firstName": "A", "lastName": ""}})
    added = plan(Wanted((exam(),), staff=(one,)), present(state=state, staff={role: ()}), memory())
    removed = plan(
        Wanted((exam(),)),
        present(state=state, staff={role: (there,)}),
        memory(followed=memory().followed | {"staff": [[role, 7]]}),
    )
    assert kinds(added) == came
    assert kinds(removed) == went


@pytest.mark.parametrize("state", [SETUP, ACTIVATED, PARTICIPATION, MARKING])
@pytest.mark.parametrize(
    ("name", "change", "kind"),
    [
        ("title", {"title": "New"}, SetTitle),
        ("subtitle", {"subtitle": "New"}, SetSubtitle),
        ("participation_end_at", {"participation_end_at": END + dt.timedelta(hours=1)}, SetDates),
        ("marking_end_at", {"marking_end_at": END + dt.timedelta(days=20)}, SetDates),
    ],
)
def test_flow_data_follows_until_marking_ends(state, name, change, kind):
    assert kinds(plan(Wanted((exam(**change),)), present(state=state), memory())) == [kind]


@pytest.mark.parametrize("state", [CONCLUDED, ARCHIVED])
def test_after_marking_nothing_follows(state):
    wanted = Wanted((exam(person(), title="New", participation_end_at=END + dt.timedelta(hours=1)),), scale_id=9)
    found = plan(wanted, present(state=state), memory())
    assert kinds(found) == []
    assert [problem.code for problem in found.problems] == ["sources.marking_over"]


@pytest.mark.parametrize("name", ["title", "subtitle", *DATE_FIELDS])
def test_a_value_changed_by_hand_is_left_alone(name):
    by_hand = (
        {"dates": dates(**{name: dates().__dict__[name] + dt.timedelta(minutes=10)})}
        if name in DATE_FIELDS
        else {name: "X"}
    )
    found = plan(Wanted((exam(),)), present(**by_hand), memory())
    assert kinds(found) == []
    assert list(found.unfollowed) == [name]


def test_the_scale_is_set_while_no_grade_exists_and_only_then():
    wanted = Wanted((exam(),), scale_id=2, scale_name="U-G")
    assert kinds(plan(wanted, present(), memory())) == [SetGradingScale]
    found = plan(wanted, present(has_grades=True), memory())
    assert (kinds(found), [problem.code for problem in found.problems][:1]) == ([], ["sources.scale_kept"])


def test_a_scale_chosen_by_hand_while_ladok_had_none_is_kept_and_one_that_was_there_from_the_start_is_not():
    nothing = memory(is_first=True, followed={})
    seen = plan(Wanted((exam(),)), present(), nothing)
    later = memory(followed=seen.followed)
    wanted = Wanted((exam(),), scale_id=2, scale_name="U-G")
    assert kinds(plan(wanted, present(), later)) == [SetGradingScale]
    by_hand = plan(wanted, present(scale_id=3), later)
    assert (kinds(by_hand), list(by_hand.unfollowed)) == ([], ["grading_scale"])


def test_the_first_exam_is_the_master():
    found = plan(Wanted((exam(), exam(code="D", title="Other", subtitle="Other"))), present(), memory())
    assert kinds(found) == []


def test_a_student_of_two_codes_stays_when_one_is_left():
    both = known(1, codes=frozenset({"C", "D"}))
    wanted = Wanted((exam(person()), exam(code="D")))
    rows = memory(both, external_sources=frozenset({"C", "D"}))
    assert kinds(plan(wanted, present(participant(1)), rows)) == [DeallocateFromCode]


# --- Dates -------------------------------------------------------------------------------------------------------


def test_missing_dates_are_filled_in_by_wiseflows_rule():
    found = whole_dates(None, None, None, created_at=CREATED, tz=TZ)
    assert [f"{found[name].astimezone(TZ):%Y-%m-%d %H:%M}" for name in DATE_FIELDS] == [
        "2026-11-02 09:00",
        "2026-11-02 14:00",
        "2026-11-04 12:00",
        "2026-12-02 12:00",
    ]


def test_five_hours_are_five_hours_in_the_night_the_clocks_change():
    start = dt.datetime(2026, 10, 25, 0, 30, tzinfo=TZ)
    found = whole_dates(start, None, None, created_at=CREATED, tz=TZ)
    assert f"{found['participation_end_at']:%H:%M}" == "04:30"


def test_a_deadline_before_the_usual_start_of_marking_lets_marking_start_at_once():
    deadline = END + dt.timedelta(days=1)
    found = whole_dates(START, END, deadline, created_at=CREATED, tz=TZ)
    assert END < found["marking_start_at"] < found["marking_end_at"] == deadline


def test_a_flow_without_dates_at_first_never_gets_them_from_ladok():
    none = {"participation_start_at": None, "participation_end_at": None}
    first = plan(Wanted((exam(**none),)), present(dates=FlowDates()), memory(is_first=True, followed={}))
    assert (kinds(first), first.follows_dates) == ([SetDates], False)
    later = plan(Wanted((exam(),)), present(dates=dates(marking_end_at=END)), memory(follows_dates=False))
    assert kinds(later) == []


def test_dates_that_do_not_go_with_what_was_set_by_hand_are_told_and_not_written():
    by_hand = dates(marking_start_at=END + dt.timedelta(minutes=30))
    wanted = Wanted((exam(participation_end_at=END + dt.timedelta(hours=1)),))
    found = plan(wanted, present(dates=by_hand), memory())
    assert kinds(found) == []
    assert "sources.dates_conflict" in [problem.code for problem in found.problems]


# --- People ------------------------------------------------------------------------------------------------------


def test_a_person_is_the_same_by_both_numbers_when_the_organisation_id_has_changed():
    numbers = {"national_id": "199001012385", "external_user_id": "S1"}
    rows = memory(known(1, **numbers))
    changed = Person(
        organisation_id="new@liu.example",
        national_id="19900101-2385",
        external_user_id="s1",
        first_name="A",
        last_name="Berg",
    )
    assert kinds(plan(Wanted((exam(changed),)), present(participant(1)), rows)) == [UpdateUser]


def test_identifiers_of_two_users_are_told_and_nobody_is_guessed():
    users = [
        User.model_validate({"id": 1, "dataTypes": [{"id": 5, "value": "a@liu.example"}]}),
        User.model_validate({"id": 2, "dataTypes": [{"id": 6, "value": "199001012385"}]}),
    ]
    wanted = Wanted((exam(person(national_id="199001012385")),))
    matches = match_users(merge_people(wanted.exams, memory()), users, {"organisation_id": 5, "national_id": 6})
    found = plan(wanted, present(), memory(), matches)
    assert kinds(found) == []
    assert [problem.code for problem in found.problems] == ["sources.person_ambiguous"]


@pytest.mark.parametrize(
    ("kind", "one", "other", "told"),
    [
        ("national_id", "199001012385", "19900101-2385", "sources.shared_national_id"),
        ("external_user_id", "S1", "s1", "sources.shared_student_number"),
    ],
)
def test_a_number_that_two_people_have_is_told_and_used_for_neither(kind, one, other, told):
    wanted = Wanted((exam(person("b", **{kind: one}), person("a", **{kind: other})),))
    found = plan(wanted, present(), memory())
    assert [(problem.code, problem.params) for problem in found.problems] == [
        (told, {"organisation_ids": "a@liu.example, b@liu.example"})
    ]
    assert [getattr(entry.person, kind) for entry in found.entries] == ["", ""]
    assert kinds(found) == [AddParticipant, AddParticipant, AllocateToCode]


def test_a_newcomer_whose_user_is_on_the_flow_as_somebody_else_is_not_added():
    wanted = Wanted((exam(person(), person("b")),))
    user = User.model_validate({"id": 101, "dataTypes": []})
    found = plan(wanted, present(participant(1)), memory(known(1)), {"b@liu.example": Match(user=user)})
    assert kinds(found) == []
    assert [problem.params["organisation_id"] for problem in found.problems] == ["b@liu.example"]


def test_two_newcomers_with_the_same_user_are_both_told_and_not_added():
    user = User.model_validate({"id": 7, "dataTypes": []})
    matches = {"a@liu.example": Match(user=user), "b@liu.example": Match(user=user)}
    found = plan(Wanted((exam(person(), person("b")),)), present(), memory(), matches)
    assert kinds(found) == []
    assert [problem.code for problem in found.problems] == ["sources.person_ambiguous"] * 2


def test_somebody_added_by_hand_who_then_registers_is_from_ladok_without_being_added_twice():
    rows = memory(known(1, is_from_source=False, codes=frozenset()))
    assert kinds(plan(Wanted((exam(person()),)), present(participant(1)), rows)) == [AllocateToCode]


def test_the_same_end_as_everybody_elses_is_no_individual_end():
    rows = memory(known(1))
    same = plan(Wanted((exam(person(individual_end_at=END)),)), present(participant(1)), rows)
    later = plan(Wanted((exam(person(individual_end_at=END + dt.timedelta(hours=1))),)), present(participant(1)), rows)
    assert (kinds(same), kinds(later)) == ([], [SetIndividualEnd])


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        (10, 0, "sources.brake_empty"),
        (10, 4, "sources.brake_half"),
        (10, 5, None),
        (0, 0, None),
        (1, 0, "sources.brake_empty"),
    ],
)
def test_the_brake(before, now, told):
    names = [f"p{number}" for number in range(before)]
    rows = memory(*(known(n, name) for n, name in enumerate(names, 1)), person_counts={"C": before})
    there = present(*(participant(n, name) for n, name in enumerate(names, 1)))
    found = plan(Wanted((exam(*(person(name) for name in names[:now])),)), there, rows)
    assert (found.brake.code if found.brake else None) == told
    # Nobody is told that the flow has no students yet when it has those of before.
    told_of_nobody = any(problem.code == "sources.nobody_registered" for problem in found.problems)
    assert told_of_nobody == (before == now == 0)


def test_everybody_replaced_by_others_is_a_loss_of_more_than_half():
    rows = memory(known(1), known(2, "b"), person_counts={"C": 2})
    found = plan(Wanted((exam(person("c"), person("d")),)), present(participant(1), participant(2, "b")), rows)
    assert found.brake.code == "sources.brake_gone"
