"""Whose each registration is, in every phase, and whom nobody takes for somebody else."""

import pytest

from ladokflow.ladok.errors import LadokError
from sources.flows.create import create_flow
from sources.flows.request import request_flow
from sources.models import Participant, Registration
from sources.sync.registrations import read_registrations
from sources.universities.clients import ladok_for
from tests.sources.sync.test_run import codes_of, ids, people, sync, writes


@pytest.fixture
def code(sandbox):
    return sandbox.control.add_exam("liu", people=4)


@pytest.fixture
def flow(liu, anna, code, sandbox):
    made = create_flow(request_flow(source=liu, codes=[code], requested_by=anna, enqueue=False).pk)
    sandbox.control.clear_received()
    return made


def registrations(flow):
    return {row.participant.organisation_id: row for row in Registration.objects.filter(participant__flow=flow)}


def read(flow):
    with ladok_for(flow.source) as client:
        return read_registrations(flow, flow.codes.get(), client).problems


def exchange(sandbox, code, *fields):
    one, other = sandbox.control.exam("liu", code)["participants"][:2]
    change = {
        one["LiUId"]: {name: other[name] for name in fields},
        other["LiUId"]: {name: one[name] for name in fields},
    }
    sandbox.control.change_people("liu", code, change=change)
    return one, other


@pytest.mark.parametrize("phase", ["start_participation", "end_participation", "end_marking"])
def test_exam_ids_that_are_exchanged_are_their_new_owners_in_every_phase(flow, sandbox, code, phase):
    getattr(sandbox.control, phase)(flow.wiseflow_id)
    sync(flow)
    one, other = exchange(sandbox, code, "uniqueExamId")
    before = flow.codes.get().list_read_at
    assert sync(flow).state == "success"
    found = registrations(flow)
    assert found[one["LiUId"]].unique_exam_id == other["uniqueExamId"]
    assert found[other["LiUId"]].unique_exam_id == one["uniqueExamId"]
    assert flow.codes.get().list_read_at > before


def test_who_has_left_while_marking_is_off_the_list_stays_on_the_flow_and_comes_back(flow, sandbox, code):
    sandbox.control.end_participation(flow.wiseflow_id)
    gone = sandbox.control.exam("liu", code)["participants"][0]
    sandbox.control.change_people("liu", code, remove=[gone["LiUId"]])
    sync(flow)
    row = registrations(flow)[gone["LiUId"]]
    assert (row.is_listed, row.gone_at is None, row.participant.is_active) == (False, False, True)
    sandbox.control.change_people("liu", code, add=[gone], exact=True)
    read(flow)
    row = registrations(flow)[gone["LiUId"]]
    assert (row.is_listed, row.gone_at) == (True, None)


def test_a_user_name_that_was_given_to_a_new_person_is_told_and_nothing_is_written(flow, sandbox, code):
    sandbox.control.start_participation(flow.wiseflow_id)
    who = people(sandbox, code)[0]
    before = registrations(flow)[who]
    new = {"civicNumber": "199001012385", "studentUid": "new", "firstname": "Ny", "uniqueExamId": "NEW-1"}
    key = next(
        key
        for key, value in sandbox.control.exam("liu", code)["participants"][0].items()
        if value == before.external_user_id
    )
    sandbox.control.change_people("liu", code, change={who: {**new, key: "00000000-0000-11ee-8000-999999999999"}})
    there = ids(sandbox, flow)[who]
    run = sync(flow)
    assert [code for code in codes_of(run.problem_messages) if "doubt" in code] == ["sources.doubt.organisation_id"]
    assert "199001012385" not in str(run.problems)
    assert writes(sandbox) == []
    assert ids(sandbox, flow)[who] == there
    after = registrations(flow)[who]
    assert (after.national_id, after.is_listed) == (before.national_id, True)
    assert after.doubt_reason.code == "sources.doubt.organisation_id"


def test_the_account_of_a_former_student_is_not_a_new_ones(flow, sandbox, code):
    former = {"organisation_id": "stude905@liu.example", "national_id": "197001012391", "external_user_id": "old"}
    number = sandbox.control.add_user("liu", former, first_name="Före", last_name="Detta")
    new = {"LiUId": "stude905@liu.example", "civicNumber": "200001012384", "firstname": "Ny", "lastname": "Student"}
    sandbox.control.change_people("liu", code, add=[new])
    run = sync(flow)
    assert (run.state, run.added) == ("success", 0)
    assert [told for told in codes_of(run.problem_messages) if "doubt" in told] == ["sources.doubt.organisation_id"]
    account = next(row for row in sandbox.control.users("liu") if row["id"] == number)
    assert (account["firstName"], account["lastName"]) == ("Före", "Detta")
    assert "stude905@liu.example" not in ids(sandbox, flow)


def test_whom_ladok_has_no_name_of_keeps_the_one_in_wiseflow(flow, sandbox, code):
    who = people(sandbox, code)[0]
    sandbox.control.change_people(
        "liu", code, change={who: {"firstname": "", "lastname": "", "email": "x@liu.example"}}
    )
    before = ids(sandbox, flow)[who]
    sync(flow)
    assert ids(sandbox, flow)[who]["lastName"] == before["lastName"]
    number = sandbox.control.add_user("liu", {"organisation_id": "stude906@liu.example"}, first_name="S", last_name="K")
    nameless = {"LiUId": "stude906@liu.example", "civicNumber": "200001012384"}
    sandbox.control.change_people("liu", code, add=[nameless], exact=True)
    assert sync(flow).added == 1
    account = next(row for row in sandbox.control.users("liu") if row["id"] == number)
    assert (account["firstName"], account["lastName"]) == ("S", "K")


def test_an_unchanged_list_costs_one_request_and_writes_no_row(flow, sandbox, django_assert_num_queries):
    before = {row.pk: row.doubt for row in Registration.objects.all()}
    read(flow)
    assert len(sandbox.control.received("liu")) == 1
    rows = Participant.objects.filter(flow=flow)
    assert {row.pk: row.doubt for row in Registration.objects.all()} == before
    assert rows.count() == 4


@pytest.mark.parametrize(("kind", "options"), [("empty_list", {}), ("status", {"status": 404}), ("html", {})])
def test_a_list_that_cannot_be_read_leaves_the_registrations_as_they_are(flow, sandbox, kind, options):
    before = flow.codes.get().list_read_at
    sandbox.control.fault("liu", "/exams/*", kind, times=-1, **options)
    with pytest.raises(LadokError):
        read(flow)
    assert flow.codes.get().list_read_at == before
    assert all(row.is_listed for row in Registration.objects.all())


def test_who_is_missing_on_half_a_list_is_in_doubt_and_the_others_are_as_they_are_now(flow, sandbox, code):
    rows = sandbox.control.exam("liu", code)["participants"]
    sandbox.control.set_people("liu", code, [rows[0], rows[0], *rows[2:]])
    read(flow)
    found = registrations(flow)
    assert [bool(found[row["LiUId"]].doubt) for row in rows] == [False, True, False, False]
    assert all(row.is_listed for row in found.values())
    sandbox.control.set_people("liu", code, rows)
    read(flow)
    assert not any(row.doubt for row in registrations(flow).values())


def test_while_students_write_half_a_list_asks_and_locks_nobody_out(liu, anna, sandbox):
    """Sixty are writing; Ladok answers with 25 of them twice, and 25 are missing. One is new, and comes in."""
    code = sandbox.control.add_exam("liu", people=60)
    sandbox.control.add_users_of("liu", code)
    flow = create_flow(request_flow(source=liu, codes=[code], requested_by=anna, enqueue=False).pk)
    sandbox.control.start_participation(flow.wiseflow_id)
    rows = sandbox.control.exam("liu", code)["participants"]
    new = {**rows[0], "LiUId": "ny@liu.example", "civicNumber": "", "uniqueExamId": "NEW-1"}
    new = {name: value for name, value in new.items() if "uid" not in name.lower()} | {"LiUId": "ny@liu.example"}
    sandbox.control.set_people("liu", code, [*rows[:35], *rows[:25], new])
    run = sync(flow)
    assert (run.state, run.asks, run.reason.code) == ("failed", True, "sources.list_distrusted")
    assert (run.added, run.deactivated, len(run.would_go["goers"])) == (1, 0, 25)
    there = ids(sandbox, flow)
    assert len(there) == 61
    assert all(row["is_activated"] for row in there.values())
    confirmed = sync(flow, confirms=run, requested_by=anna)
    assert (confirmed.state, confirmed.deactivated) == ("success", 25)
    assert Registration.objects.filter(participant__flow=flow, is_listed=False).count() == 25


@pytest.mark.parametrize(("gone", "asks"), [(3, False), (4, True)])
def test_while_students_write_more_than_the_source_lets_go_are_asked_about(liu, anna, sandbox, gone, asks):
    code = sandbox.control.add_exam("liu", people=20)
    sandbox.control.add_users_of("liu", code)
    flow = create_flow(request_flow(source=liu, codes=[code], requested_by=anna, enqueue=False).pk)
    sandbox.control.start_participation(flow.wiseflow_id)
    sandbox.control.change_people("liu", code, remove=people(sandbox, code)[:gone])
    run = sync(flow)
    assert run.asks == asks
    assert run.deactivated == (0 if asks else gone)
    assert not asks or run.reason.code == "sources.brake_writing"
