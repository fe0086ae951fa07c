"""The last step of matching: by e-mail address, on a licence where one belongs to one user only (Örebro's)."""

import json

import pytest

from sources.flows.create import create_flow
from sources.flows.request import request_flow
from sources.sync.run import preview_sync
from tests.sources.sync.test_run import codes_of, counts, ids, sync

MAIL = "vera.vik@oru.example"
WHO = "veravik1@oru.example"
NEW = {"studentuid": WHO, "civicNumber": "199001012385", "firstname": "Vera", "lastname": "Vik", "email": MAIL}


@pytest.fixture
def code(sandbox):
    return sandbox.control.add_exam("oru", people=4)


@pytest.fixture
def flow(oru, olle, code, sandbox):
    flow = create_flow(request_flow(source=oru, codes=[code], requested_by=olle, enqueue=False).pk)
    sandbox.control.clear_received()
    return flow


def come(sandbox, code, *people, university="oru"):
    sandbox.control.change_people(university, code, add=list(people), exact=True)


def user(sandbox, number):
    return next(row for row in sandbox.control.users("oru") if row["id"] == number)


def asked_by_email(sandbox):
    """The e-mail addresses in each request that adds participants."""
    sent = [
        json.loads(row["body"])
        for row in sandbox.control.received("wiseflow")
        if row["method"] == "POST" and row["path"].endswith("/participants") and "/flows/" in row["path"]
    ]
    return [[row["email"] for row in rows if "email" in row] for rows in sent if any("email" in row for row in rows)]


def test_a_user_whom_only_the_address_tells_is_the_one_who_comes_in(flow, sandbox, code):
    number = sandbox.control.add_user("oru", {}, first_name="V", last_name="Vik", email=MAIL)
    come(sandbox, code, NEW)
    plan = preview_sync(flow)
    assert next(change.message.code for change in plan.changes) == "sources.change.added_by_email"
    run = sync(flow)
    assert (run.state, run.problems, counts(run)) == ("success", [], {"added": 1, "unchanged": 4})
    assert sorted(str(change.message) for change in plan.changes) == sorted(map(str, run.change_messages))
    assert ids(sandbox, flow)[WHO]["userId"] == number
    assert flow.participants.get(organisation_id=WHO).user_id == number
    assert asked_by_email(sandbox) == [[MAIL]]
    found = user(sandbox, number)
    assert found["firstName"] == "Vera"
    assert {WHO, NEW["civicNumber"]} <= {row["value"] for row in found["data"]}
    assert sync(flow).changes == []


def test_the_exam_id_comes_too(flow, sandbox, code):
    sandbox.control.add_user("oru", {}, email=MAIL)
    come(sandbox, code, NEW | {"uniqueExamId": "AX-9"})
    sync(flow)
    assert ids(sandbox, flow)[WHO]["uniqueExamId"] == "AX-9"
    assert sync(flow).changes == []


def test_where_nobody_has_the_address_a_user_is_made(flow, sandbox, code):
    come(sandbox, code, NEW)
    run = sync(flow)
    assert (run.problems, counts(run)) == ([], {"added": 1, "unchanged": 4})
    assert user(sandbox, ids(sandbox, flow)[WHO]["userId"])["emails"][0]["email"] == MAIL
    assert sync(flow).changes == []


@pytest.mark.parametrize("theirs", [{"organisation_id": "helt@annan.example"}, {"national_id": "198505056612"}])
@pytest.mark.parametrize("is_active", [False, True])
def test_a_user_whose_identifiers_are_others_is_told_and_left_as_they_are(flow, sandbox, code, theirs, is_active):
    number = sandbox.control.add_user("oru", theirs, first_name="Annan", last_name="Person", email=MAIL)
    before = user(sandbox, number)
    if is_active:
        sandbox.control.activate(flow.wiseflow_id)
    come(sandbox, code, NEW)
    for _ in range(2):
        run = sync(flow)
        assert (run.state, counts(run)) == ("success", {"unchanged": 4})
        assert codes_of(run.problem_messages) == ["sources.email_of_other"]
        assert MAIL not in str(run.problems)
        assert user(sandbox, number) == before
        people = sandbox.control.flow(flow.wiseflow_id)["participants"]
        there = [row for row in people if row["userId"] == number]
        # WISEflow takes nobody off an active flow: there the other one is deactivated.
        assert [row["is_activated"] for row in there] == ([False] if is_active else [])
    assert not flow.participants.filter(organisation_id=WHO).exists()


def test_somebody_who_was_added_by_hand_under_the_address_is_the_same_person(flow, sandbox, code):
    number = sandbox.control.add_user("oru", {}, first_name="Vera", last_name="Vik", email=MAIL)
    add_by_hand(flow, number)
    assert sync(flow).changes == []
    participant = flow.participants.get(user_id=number)
    assert not participant.is_from_source
    come(sandbox, code, NEW)
    run = sync(flow)
    assert (run.state, run.problems) == ("success", [])
    assert len(sandbox.control.flow(flow.wiseflow_id)["participants"]) == 5
    row = flow.participants.get(user_id=number)
    assert (row.pk, row.organisation_id, row.is_from_source) == (participant.pk, WHO, True)
    assert [one.code for one in row.listed_codes] == [code]
    assert sync(flow).changes == []


def add_by_hand(flow, number):
    from ladokflow.wiseflow.schemas import NewParticipant
    from sources.universities.clients import wiseflow_for

    with wiseflow_for(flow.source) as client:
        client.add_participants(flow.wiseflow_id, [NewParticipant(user_id=number)])


def test_the_address_of_another_student_on_the_flow_is_told(flow, sandbox, code):
    other = sandbox.control.exam("oru", code)["participants"][0]
    there = ids(sandbox, flow)[other["studentuid"]]
    # Ladok has corrected the other's address, and WISEflow has still the old one.
    sandbox.control.change_people("oru", code, change={other["studentuid"]: {"email": "ny@oru.example"}})
    come(sandbox, code, NEW | {"email": other["email"]})
    run = sync(flow)
    assert codes_of(run.problem_messages) == ["sources.same_user"]
    assert WHO not in ids(sandbox, flow)
    assert ids(sandbox, flow)[other["studentuid"]]["is_activated"] == there["is_activated"]
    assert user(sandbox, there["userId"])["lastName"] == other["lastname"]


def test_an_address_that_two_people_share_tells_nobody_apart(flow, sandbox, code):
    number = sandbox.control.add_user("oru", {}, email=MAIL)
    twin = {"studentuid": "tvilling@oru.example", "firstname": "Tova", "lastname": "Vik", "email": MAIL.upper()}
    come(sandbox, code, NEW, twin)
    run = sync(flow)
    assert (run.state, run.added) == ("success", 2)
    assert codes_of(run.problem_messages) == ["sources.shared_email"]
    assert asked_by_email(sandbox) == []
    assert number not in {row["userId"] for row in ids(sandbox, flow).values()}
    assert sync(flow).changes == []


def test_where_addresses_are_not_unique_nobody_is_asked_for_by_address(liu, anna, sandbox):
    code = sandbox.control.add_exam("liu", people=2)
    flow = create_flow(request_flow(source=liu, codes=[code], requested_by=anna, enqueue=False).pk)
    sandbox.control.add_user("liu", {}, email="delad@liu.example")
    same = {"firstname": "D", "lastname": "D", "email": "delad@liu.example"}
    come(sandbox, code, {"LiUId": "delad01@x", **same}, {"LiUId": "delad02@x", **same}, university="liu")
    assert sync(flow).added == 2
    assert asked_by_email(sandbox) == []


def test_one_address_that_wiseflow_does_not_like_stops_nobody_else(flow, sandbox, code):
    number = sandbox.control.add_user("oru", {}, first_name="V", last_name="Vik", email=MAIL)
    come(sandbox, code, NEW, NEW | {"studentuid": "annan01@oru.example", "civicNumber": "", "email": "ann@oru.example"})
    # The whole call is refused, and then each is asked for by itself.
    sandbox.control.fault("wiseflow", "/flows/*/participants", "status", status=400, method="POST", times=1)
    run = sync(flow)
    assert (run.state, run.problems, run.added) == ("success", [], 2)
    assert ids(sandbox, flow)[WHO]["userId"] == number


def test_a_licence_that_does_not_tell_is_not_relied_on(flow, sandbox, code):
    sandbox.control.fault("wiseflow", "/license/info", "status", status=403, times=-1)
    come(sandbox, code, NEW)
    assert sync(flow).added == 1
    assert asked_by_email(sandbox) == []


def test_a_hundred_are_asked_for_at_a_time(oru, olle, sandbox):
    code = sandbox.control.add_exam("oru", people=220)
    sandbox.control.clear_received()
    flow = create_flow(request_flow(source=oru, codes=[code], requested_by=olle, enqueue=False).pk)
    first, *others = map(len, asked_by_email(sandbox))
    assert first == 100
    assert others
    assert max(others) <= 100
    assert len(ids(sandbox, flow)) == 220
