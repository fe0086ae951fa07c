"""What WISEflow does not do, or does to somebody else, is told, is not taken for done, and is tried again."""

import pytest

from sources.flows.create import create_flow
from sources.flows.request import request_flow
from sources.sync.plan.changes import UpdateUser
from sources.sync.run import preview_sync
from sources.universities.clients import wiseflow_for
from tests.sources.sync.test_run import codes_of, counts, ids, people, sync

NEW = {"LiUId": "nyasta01@liu.example", "firstname": "Nya", "lastname": "Namnet", "email": "nya@liu.example"}
WHO = NEW["LiUId"]


@pytest.fixture
def code(sandbox):
    return sandbox.control.add_exam("liu", people=5, campus="")


@pytest.fixture
def flow(liu, anna, code, sandbox):
    return create_flow(request_flow(source=liu, codes=[code], requested_by=anna, enqueue=False).pk)


def user(sandbox, number):
    return next(row for row in sandbox.control.users("liu") if row["id"] == number)


def come(sandbox, code, person=NEW):
    sandbox.control.change_people("liu", code, add=[person], exact=True)


def refuse(sandbox, times=1):
    sandbox.control.fault("wiseflow", "/license/user", "status", times=times, status=400, body={"message": "Nej."})


def answer(sandbox, user_id, times=1):
    """WISEflow says that it has saved this user, whomever it was asked to save."""
    sandbox.control.fault("wiseflow", "/license/user", "answer", times=times, status=200, body={"userId": user_id})


def names(sandbox, number):
    found = user(sandbox, number)
    return f"{found['firstName']} {found['lastName']}"


def test_a_newcomer_whose_user_could_not_be_updated_comes_and_the_update_stays_to_be_done(flow, sandbox, code):
    number = sandbox.control.add_user("liu", {"organisation_id": WHO}, first_name="Gamla", last_name="Namnet")
    come(sandbox, code)
    refuse(sandbox)
    run = sync(flow)
    assert (run.state, counts(run)) == ("success", {"added": 1, "unchanged": 5})
    assert codes_of(run.problem_messages) == ["sources.change_refused"]
    assert "Nya Namnet" in str(run.problem_messages[0])
    assert "added" not in str(run.problem_messages[0])
    assert WHO in ids(sandbox, flow)
    row = flow.participants.get(organisation_id=WHO)
    assert (row.email, row.is_from_source) == (NEW["email"], True)  # an export needs all that Ladok says
    assert [type(change) for change in preview_sync(flow).changes] == [UpdateUser]
    assert counts(sync(flow)) == {"updated": 1, "unchanged": 5}
    assert names(sandbox, number) == "Nya Namnet"
    assert sync(flow).changes == []
    assert "not_updated" not in flow.followed


def test_a_number_of_another_user_is_told_and_neither_user_is_written(flow, sandbox, code):
    number = sandbox.control.add_user("liu", {"national_id": "199001012385"}, first_name="Den", last_name="Andra")
    known = sandbox.control.exam("liu", code)["participants"][0]
    sandbox.control.change_people("liu", code, remove=[known["LiUId"]])
    come(sandbox, code, {**known, "civicNumber": "199001012385"})
    run = sync(flow)
    assert (run.state, run.changes, codes_of(run.problem_messages)) == ("success", [], ["sources.member_ambiguous"])
    assert names(sandbox, number) == "Den Andra"


def test_refused_for_good_it_is_told_every_time(flow, sandbox, code):
    sandbox.control.add_user("liu", {"organisation_id": WHO}, first_name="Gamla", last_name="Namnet")
    come(sandbox, code)
    refuse(sandbox, times=-1)
    for _ in range(3):
        assert codes_of(sync(flow).problem_messages) == ["sources.change_refused"]


def test_an_update_of_somebody_who_was_added_by_hand_is_not_taken_for_done_either(flow, sandbox, code):
    sandbox.control.add_participant_by_hand(flow.wiseflow_id, WHO)
    come(sandbox, code)
    refuse(sandbox)
    assert codes_of(sync(flow).problem_messages) == ["sources.change_refused"]
    assert UpdateUser in [type(change) for change in preview_sync(flow).changes]
    sync(flow)
    assert names(sandbox, ids(sandbox, flow)[WHO]["userId"]) == "Nya Namnet"
    assert sync(flow).changes == []


def test_a_changed_name_that_is_refused_is_tried_again(flow, sandbox, code):
    somebody = people(sandbox, code)[0]
    sandbox.control.change_people("liu", code, change={somebody: {"lastname": "Ny-Åberg"}})
    refuse(sandbox)
    run = sync(flow)
    assert codes_of(run.problem_messages) == ["sources.change_refused"]
    assert counts(run) == {"unchanged": 5}
    assert [type(change) for change in preview_sync(flow).changes] == [UpdateUser]
    assert counts(sync(flow))["updated"] == 1


def test_who_is_refused_one_of_two_changes_is_updated_all_the_same(flow, sandbox, code):
    somebody = people(sandbox, code)[0]
    sandbox.control.change_people("liu", code, change={somebody: {"lastname": "Ny-Åberg", "uniqueExamId": "NY-1"}})
    refuse(sandbox)
    assert counts(sync(flow)) == {"updated": 1, "unchanged": 4}


def test_also_of_somebody_who_had_been_taken_away_by_hand_before(flow, sandbox, code):
    """Our row says already what Ladok says: it does not tell what WISEflow has."""
    somebody = people(sandbox, code)[0]
    there = ids(sandbox, flow)[somebody]
    sandbox.control.remove_participant_by_hand(flow.wiseflow_id, there["id"])
    with wiseflow_for(flow.source) as client:
        type_id = client.user_data_types()[0].id
        client.save_user(first_name="X", last_name="Felstavad", external_ids=[(type_id, somebody)], roles=[])
    refuse(sandbox)
    assert codes_of(sync(flow).problem_messages) == ["sources.change_refused"]
    assert counts(sync(flow))["updated"] == 1
    assert names(sandbox, there["userId"]).endswith(there["lastName"])
    assert sync(flow).changes == []


# --- WISEflow answers with somebody else's user ------------------------------------------------------------------


def test_a_newcomer_who_is_given_a_participants_user_does_not_come_in_as_that_one(flow, sandbox, code):
    first = people(sandbox, code)[0]
    theirs = ids(sandbox, flow)[first]["userId"]
    come(sandbox, code)
    answer(sandbox, theirs)
    run = sync(flow)
    assert codes_of(run.problem_messages) == ["sources.same_user"]
    assert counts(run) == {"unchanged": 5}
    assert WHO not in ids(sandbox, flow)
    assert not flow.participants.filter(organisation_id=WHO).exists()
    assert flow.participants.get(user_id=theirs).organisation_id == first
    assert counts(sync(flow)) == {"added": 1, "unchanged": 5}
    assert WHO in ids(sandbox, flow)


def test_two_newcomers_who_are_given_one_user_come_in_one_at_most(flow, sandbox, code):
    number = sandbox.control.add_user("liu", {"organisation_id": "helt@annan.example"})
    come(sandbox, code)
    come(sandbox, code, NEW | {"LiUId": "nyandra2@liu.example"})
    answer(sandbox, number, times=2)
    run = sync(flow)
    assert codes_of(run.problem_messages) == ["sources.same_user"]
    assert run.added == 1
    assert [row["userId"] for row in ids(sandbox, flow).values()].count(number) == 1
    assert flow.participants.filter(user_id=number).count() == 1


def test_an_update_that_went_to_another_user_is_told_and_not_taken_for_done(flow, sandbox, code):
    somebody, other = people(sandbox, code)[:2]
    rows = ids(sandbox, flow)
    sandbox.control.change_people("liu", code, change={somebody: {"lastname": "Ny-Åberg"}})
    answer(sandbox, rows[other]["userId"])
    run = sync(flow)
    assert codes_of(run.problem_messages) == ["sources.other_user"]
    row = flow.participants.get(organisation_id=somebody)
    assert (row.last_name, row.user_id) == (rows[somebody]["lastName"], rows[somebody]["userId"])
    assert counts(sync(flow))["updated"] == 1
    assert names(sandbox, rows[somebody]["userId"]).endswith("Ny-Åberg")


def test_a_newcomer_whose_update_went_to_another_user_comes_in_as_who_they_are(flow, sandbox, code):
    own = sandbox.control.add_user("liu", {"organisation_id": WHO}, first_name="Gamla", last_name="Namnet")
    stranger = sandbox.control.add_user("liu", {"organisation_id": "helt@annan.example"})
    come(sandbox, code)
    answer(sandbox, stranger)
    run = sync(flow)
    assert (codes_of(run.problem_messages), run.added) == (["sources.other_user"], 1)
    assert ids(sandbox, flow)[WHO]["userId"] == own
    assert flow.participants.get(organisation_id=WHO).user_id == own
    assert counts(sync(flow))["updated"] == 1
    assert names(sandbox, own) == "Nya Namnet"
