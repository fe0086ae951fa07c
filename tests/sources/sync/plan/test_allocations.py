"""Who assesses whom: the dealing out, and what a synchronisation makes of it in WISEflow."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.flows.assessor_list import change_list
from sources.flows.create import create_flow
from sources.flows.request import request_flow
from sources.models import SyncRun
from sources.sync.plan.allocations import round_robin
from sources.sync.run import preview_sync, request_sync, run_sync
from sources.universities.clients import wiseflow_for

NAMES = st.text("abcdefgh", min_size=1, max_size=3)


@given(st.lists(NAMES, unique=True), st.dictionaries(NAMES, st.integers(0, 20), min_size=1))
def test_everybody_is_dealt_to_one_assessor_and_never_to_one_who_has_more(people, loads):
    dealt = round_robin(people, loads)
    assert sorted(name for given_ in dealt.values() for name in given_) == sorted(people)
    after = {assessor: load + len(dealt.get(assessor, ())) for assessor, load in loads.items()}
    fewest = min(after.values())
    assert all(after[assessor] <= fewest + 1 for assessor in dealt)


def test_round_robin_without_assessors_deals_nothing_and_with_the_same_people_the_same():
    assert round_robin(["a", "b"], {}) == {}
    assert round_robin(["a", "b", "c"], {"x": 0, "y": 0}) == {"x": ["a", "c"], "y": ["b"]}


ASSESSORS = [{"role": "assessor", "organisation_id": f"asse{number}@liu.example"} for number in range(2)]


@pytest.fixture
def code(sandbox):
    for number in range(10):
        sandbox.control.add_user("liu", {"organisation_id": f"asse{number}@liu.example"})
    return sandbox.control.add_exam("liu", people=5)


@pytest.fixture
def make(liu, anna, code):
    def made(allocation, staff=ASSESSORS):
        flow = request_flow(
            source=liu, codes=[code], requested_by=anna, staff=staff, assessor_allocation=allocation, enqueue=False
        )
        return create_flow(flow.pk)

    return made


def sync(flow):
    run = run_sync(request_sync(flow=flow, trigger=SyncRun.Trigger.COMMAND, enqueue=False).pk)
    assert run.state == "success", run.message
    flow.refresh_from_db()
    return run


def shares(sandbox, flow):
    """How many participants each assessor has, fewest first."""
    rows = sandbox.control.flow(flow.wiseflow_id)["assessors"]
    return sorted(len(row["participants"]) for row in rows)


def writes(sandbox):
    read_by_post = ("/users/search", "/flows/search", "/oauth2/token")
    return [
        row["path"]
        for row in sandbox.control.received("wiseflow")
        if row["method"] != "GET" and not row["path"].endswith(read_by_post)
    ]


@pytest.mark.parametrize(("allocation", "first", "then"), [("all", [5, 5], [7, 7]), ("round_robin", [2, 3], [3, 4])])
def test_participants_are_given_when_they_are_there_and_then_left_alone(sandbox, make, code, allocation, first, then):
    flow = make(allocation)
    assert shares(sandbox, flow) == first
    sandbox.control.clear_received()
    assert (sync(flow).changes, writes(sandbox)) == ([], [])
    sandbox.control.change_people("liu", code, add=2)
    previewed = {str(change.message) for change in preview_sync(flow).changes}
    run = sync(flow)
    assert {str(told) for told in run.change_messages} == previewed
    assert "sources.change.assessor_allocated" in {told.code for told in run.change_messages}
    assert shares(sandbox, flow) == then
    assert sync(flow).changes == []


def test_none_gives_nobody_anything(sandbox, make):
    assert shares(sandbox, make("none")) == [0, 0]


def test_a_refusal_is_told_as_a_problem_and_the_rest_of_the_synchronisation_is_done(sandbox, make):
    sandbox.control.fault("wiseflow", "/flows/*/assessors/*/allocations", "status", times=-1, status=403, method="POST")
    flow = make("round_robin")
    assert flow.setup_state == "ready"
    problems = [told.code for told in flow.sync_runs.get().problem_messages]
    assert problems.count("sources.change_refused") == 2
    assert flow.participants.count() == 5
    sandbox.control.clear_faults()
    sync(flow)
    assert shares(sandbox, flow) == [2, 3]
    assert sync(flow).changes == []


def test_a_participant_who_was_moved_by_hand_in_wiseflow_stays_with_that_assessor(sandbox, liu, make):
    flow = make("all")
    with wiseflow_for(liu) as client:
        assessor = client.assessors(flow.wiseflow_id)[0].id
        somebody = client.assessor_allocations(flow.wiseflow_id, assessor)[0]
        client.deallocate_assessor(flow.wiseflow_id, assessor, somebody)
    assert sync(flow).changes == []
    assert shares(sandbox, flow) == [4, 5]


# --- By a list ---------------------------------------------------------------------------------------------------


def ids_of(sandbox, code):
    return [person["LiUId"] for person in sandbox.control.exam("liu", code)["participants"]]


def make_by_list(liu, anna, code, lines, **options):
    flow = request_flow(
        source=liu,
        codes=[code],
        requested_by=anna,
        staff=ASSESSORS,
        assessor_allocation="list",
        allocation_list=lines,
        enqueue=False,
        **options,
    )
    return create_flow(flow.pk)


def assessed_by(sandbox, flow, source):
    """Each assessor's organisation id, with those of their participants."""
    with wiseflow_for(source) as client:
        people = {row.id: row for row in client.participants(flow.wiseflow_id)}
        rows = client.assessors(flow.wiseflow_id)
        given = {row.user_id: client.assessor_allocations(flow.wiseflow_id, row.id) for row in rows}
    by_number = {row.wiseflow_id: row.organisation_id for row in flow.participants.all()}
    assert set(by_number) == set(people)
    return sorted(sorted(by_number[pk] for pk in pks) for pks in given.values())


def problems(run):
    return [told.code for told in run.problem_messages]


def test_a_list_gives_each_assessor_their_own_participants_and_a_second_time_writes_nothing(sandbox, liu, anna, code):
    people = ids_of(sandbox, code)
    lines = [(one.upper(), f"asse{number % 2}@liu.example") for number, one in enumerate(people)]
    flow = make_by_list(liu, anna, code, lines)
    assert assessed_by(sandbox, flow, liu) == sorted([sorted(people[0::2]), sorted(people[1::2])])
    assert problems(flow.sync_runs.get()) == [] or set(problems(flow.sync_runs.get())) == {"sources.staff_created"}
    sandbox.control.clear_received()
    run = sync(flow)
    assert (run.changes, problems(run), writes(sandbox)) == ([], [], [])


def test_who_is_not_on_the_list_is_told_until_they_are_and_who_is_on_it_comes_later(sandbox, liu, anna, code):
    people = ids_of(sandbox, code)
    lines = [(people[0], "asse0@liu.example"), ("later1", "asse1@liu.example")]
    flow = make_by_list(liu, anna, code, lines)
    told = {message.code: message for message in flow.sync_runs.get().problem_messages}
    assert told["sources.not_on_the_list"].params["count"] == 4
    assert people[1] in told["sources.not_on_the_list"].what
    assert told["sources.listed_not_on_the_flow"].params["people"] == "later1"
    sandbox.control.change_people("liu", code, add=[{"LiUId": "later1"}])
    run = sync(flow)
    assert "sources.change.assessor_allocated" in {message.code for message in run.change_messages}
    assert "sources.listed_not_on_the_flow" not in problems(run)
    assert assessed_by(sandbox, flow, liu) == sorted([[people[0]], ["later1"]])
    sandbox.control.clear_received()
    assert (sync(flow).changes, writes(sandbox)) == ([], [])


def test_a_shared_list_leaves_out_those_of_the_other_exams(sandbox, liu, anna, code):
    people = ids_of(sandbox, code)
    lines = [*((one, "asse0@liu.example") for one in people), ("elsewhere", "asse1@liu.example")]
    flow = make_by_list(liu, anna, code, lines, is_list_shared=True)
    assert "sources.listed_not_on_the_flow" not in problems(flow.sync_runs.get())
    assert flow.allocation_lines.count() == 5


def test_an_assessor_of_the_list_who_is_not_on_the_flow_is_told(sandbox, liu, anna, code):
    lines = [(one, "asse9@liu.example") for one in ids_of(sandbox, code)]
    flow = make_by_list(liu, anna, code, lines)
    told = {message.code: message for message in flow.sync_runs.get().problem_messages}
    assert told["sources.listed_assessor_missing"].params["people"] == "asse9@liu.example"
    assert shares(sandbox, flow) == [0, 0]


def test_a_pair_that_was_taken_away_by_hand_is_not_given_again(sandbox, liu, anna, code):
    flow = make_by_list(liu, anna, code, [(one, "asse0@liu.example") for one in ids_of(sandbox, code)])
    with wiseflow_for(liu) as client:
        rows = {
            row.id: client.assessor_allocations(flow.wiseflow_id, row.id) for row in client.assessors(flow.wiseflow_id)
        }
        assessor = next(row for row, given_ in rows.items() if given_)
        client.deallocate_assessor(flow.wiseflow_id, assessor, rows[assessor][0])
    assert sync(flow).changes == []
    assert shares(sandbox, flow) == [0, 4]


def test_a_pair_that_somebody_has_given_in_wiseflow_already_is_not_written_again(sandbox, liu, anna, code, make):
    flow = make("none")
    first, second = sorted(ids_of(sandbox, code))[:2]
    assert {problem.code for problem in flow.sync_runs.get().problem_messages} <= {"sources.staff_created"}
    with wiseflow_for(liu) as client:
        names = {row.user_id: row.id for row in client.assessors(flow.wiseflow_id)}
        by_hand = flow.participants.get(organisation_id=first).wiseflow_id
        for assessor in names.values():
            client.allocate_assessor(flow.wiseflow_id, assessor, [by_hand])
    change_list(flow=flow, pairs=[(first, "asse0@liu.example"), (second, "asse0@liu.example")], by=anna, enqueue=False)
    sandbox.control.clear_received()
    run = run_sync(SyncRun.objects.get(state="queued").pk)
    given_ = [told.params["count"] for told in run.change_messages if told.code == "sources.change.assessor_allocated"]
    assert given_ == [1]
    assert len([path for path in writes(sandbox) if "/allocations" in path]) == 1, writes(sandbox)
    assert shares(sandbox, flow) == [1, 2]
    assert [told.params["count"] for told in run.problem_messages if told.code == "sources.not_on_the_list"] == [3]
