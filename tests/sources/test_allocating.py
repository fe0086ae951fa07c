"""Who assesses whom: the dealing out, and what a synchronisation makes of it in WISEflow."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.allocating import round_robin
from sources.connections import wiseflow_for
from sources.creating import create_flow, request_flow
from sources.models import SyncRun
from sources.syncing import preview_sync, request_sync, run_sync

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
