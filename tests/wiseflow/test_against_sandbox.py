"""The client against a WISEflow that keeps state: what is written is what is read afterwards."""

import datetime as dt
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from ladokflow.wiseflow import NewParticipant, WiseflowClient, WiseflowError
from ladokflow.wiseflow.errors import NoItems
from ladokflow.wiseflow.webhooks import parse_event, verify_signature

SCALE = "U345"


@pytest.fixture
def wiseflow(sandbox):
    with WiseflowClient(
        base_url=f"{sandbox.url}/wiseflow/v1", kind="oauth_client", client_id="liu", secret="liu-secret"
    ) as client:
        yield client


@pytest.fixture
def people(wiseflow):
    """Ten users, made with an organisation id and an unusual name each."""
    (kind,) = [row.id for row in wiseflow.user_data_types() if row.name == "Personal Organisation Id"]
    (role,) = [row.id for row in wiseflow.licence_roles() if row.name == "Participant"]
    return [
        wiseflow.save_user(
            first_name="Åsa-Märta",
            last_name=f"Öberg {n}",
            external_ids=[(kind, f"prov{n:02d}")],
            roles=[role],
            emails=[],
        )
        for n in range(10)
    ]


@pytest.fixture
def flow_id(wiseflow, people):
    (kind,) = [row.id for row in wiseflow.flow_types() if row.name == "FLOWassign"]
    return wiseflow.create_flow(title="TDDE01 Prov", subtitle="TEN1 lf-7f3a", type_id=kind, manager_ids=[people[0]])


TODAY = dt.datetime.now(dt.UTC).replace(minute=0, second=0, microsecond=0)  # one day, also for a test about midnight


def soon(days, hour=9):
    return TODAY.replace(hour=hour) + dt.timedelta(days=days)


def put_on(wiseflow, flow_id, people):
    return wiseflow.add_participants(flow_id, [NewParticipant(user_id=pk, unique_exam_id=f"U{pk}") for pk in people])


@pytest.mark.parametrize(
    ("kind", "client_id", "secret"), [("oauth_client", "liu", "liu-secret"), ("api_key", "", "liu-key")]
)
def test_both_kinds_of_credential_are_let_in(sandbox, kind, client_id, secret):
    options = {"kind": kind, "client_id": client_id, "secret": secret}
    with WiseflowClient(base_url=f"{sandbox.url}/wiseflow/v1", **options) as client:
        assert SCALE in [scale.name for scale in client.grading_scales()]


@pytest.mark.parametrize("kind", ["oauth_client", "api_key"])
def test_wrong_secret_is_told_as_a_refused_credential(sandbox, kind):
    with (
        WiseflowClient(base_url=f"{sandbox.url}/wiseflow/v1", kind=kind, client_id="liu", secret="wrong") as client,
        pytest.raises(WiseflowError) as caught,
    ):
        client.flow_types()
    assert caught.value.message.code == "remote.unauthorised"


def test_user_is_created_once_and_found_by_every_identifier(wiseflow, people):
    types = {row.name: row.id for row in wiseflow.user_data_types()}
    kind = types["Personal Organisation Id"]
    again = wiseflow.save_user(
        first_name="Åsa", last_name="Ny", external_ids=[(kind, "prov03"), (types["Student number"], "s-3")], roles=[]
    )
    assert again == people[3]
    found = wiseflow.search_users([(kind, "prov03"), (types["Student number"], "s-3"), (kind, "nobody")])
    assert [(user.id, user.last_name) for user in found] == [(people[3], "Ny")]
    assert len(wiseflow.search_users([(kind, f"prov{n:02d}") for n in range(120)])) == 10


def test_flow_is_found_again_by_its_title_and_by_its_reference(wiseflow, flow_id):
    assert [flow.id for flow in wiseflow.search_flows(title="TDDE01 Prov", subtitle="lf-7f3a")] == [flow_id]
    made = wiseflow.add_external_source(flow_id, "tdde01-7f3a", "TDDE01/TEN1 å")
    assert wiseflow.add_external_source(flow_id, "tdde01-7f3a", "TDDE01/TEN1 å") == made
    (found,) = wiseflow.search_flows(external_reference="tdde01-7f3a")
    assert (found.id, found.external_references, found.state) == (flow_id, ("tdde01-7f3a",), 0)
    assert wiseflow.search_flows(title="no such title") == []


def test_copy_of_a_flow_has_a_new_title_and_nobody_but_its_manager(wiseflow, flow_id, people):
    put_on(wiseflow, flow_id, people)
    copy = wiseflow.copy_flow(flow_id, manager_ids=[people[1]], title="Kopia", subtitle="x")
    assert copy != flow_id
    assert (wiseflow.flow(copy).title, wiseflow.participants(copy)) == ("Kopia", [])
    assert [manager.user_id for manager in wiseflow.managers(copy)] == [people[1]]


def test_metadata_dates_and_scale_are_as_they_were_written(wiseflow, flow_id):
    wiseflow.put_metadata(flow_id, wiseflow.metadata(flow_id).changed(subtitle="Salstentamen"))
    wiseflow.patch_dates(flow_id, participation=(soon(3), soon(3, 14)), marking=(soon(5), soon(30)))
    (scale,) = [scale for scale in wiseflow.grading_scales() if scale.name == SCALE]
    wiseflow.put_grading_scale(flow_id, scale.id)
    info, dates = wiseflow.flow(flow_id), wiseflow.dates(flow_id)
    assert (info.title, info.subtitle, info.type_name) == ("TDDE01 Prov", "Salstentamen", "FLOWassign")
    assert (dates.participation_start_at, dates.participation_end_at) == (soon(3), soon(3, 14))
    assert (info.marking_start_at, info.marking_end_at) == (soon(5), soon(30))
    assert wiseflow.grading_scale(flow_id) == scale.id
    assert scale.grades
    assert not scale.is_range


def test_windows_that_overlap_are_refused_in_words(wiseflow, flow_id):
    with pytest.raises(WiseflowError):
        wiseflow.patch_dates(flow_id, participation=(soon(3), soon(6)), marking=(soon(5), soon(30)))


def test_participants_are_added_once_each_and_read_whole(wiseflow, flow_id, people):
    assert all(row.error is None for row in put_on(wiseflow, flow_id, people))
    again = wiseflow.add_participants(flow_id, [NewParticipant(user_id=people[0]), NewParticipant(user_id=999_999_999)])
    assert [(row.error, row.is_on_flow) for row in again] == [("ALREADY_ON_FLOW", True), ("USER_NOT_FOUND", False)]
    rows = wiseflow.participants(flow_id)
    assert {row.user_id for row in rows} == set(people)
    first = next(row for row in rows if row.user_id == people[0])
    assert (first.first_name, first.unique_exam_id, first.activated) == ("Åsa-Märta", f"U{people[0]}", True)
    assert first.values("Personal Organisation Id") == ("prov00",)


def test_participant_is_changed_and_removed(wiseflow, flow_id, people):
    put_on(wiseflow, flow_id, people[:2])
    kept, gone = sorted(wiseflow.participants(flow_id), key=lambda row: row.user_id)
    wiseflow.set_unique_exam_id(flow_id, kept.id, "U-new")
    wiseflow.set_activated(flow_id, kept.id, False)
    assert wiseflow.remove_participant(flow_id, gone.id) is True
    assert wiseflow.remove_participant(flow_id, gone.id) is False
    (row,) = wiseflow.participants(flow_id)
    assert (row.id, row.unique_exam_id, row.activated) == (kept.id, "U-new", False)
    wiseflow.set_unique_exam_id(flow_id, kept.id, "")
    assert wiseflow.participants(flow_id)[0].unique_exam_id == ""


def test_individual_end_is_set_for_many_and_refusals_are_told_per_person(wiseflow, flow_id, people):
    wiseflow.patch_dates(flow_id, participation=(soon(3), soon(3, 14)), marking=(soon(5), soon(30)))
    put_on(wiseflow, flow_id, people[:2])
    first, second = wiseflow.participants(flow_id)
    errors = wiseflow.patch_participant_dates(
        flow_id, [(first.id, None, soon(3, 16)), (999_999_999, None, soon(3, 16))]
    )
    assert [error.participant_id for error in errors] == [999_999_999]
    assert wiseflow.participant_dates(flow_id, first.id).participation_end_at == soon(3, 16)
    assert wiseflow.participant_dates(flow_id, second.id).participation_end_at == soon(3, 14)


@pytest.mark.parametrize("role", ["manager", "assessor", "reviewer", "invigilator", "author"])
def test_staff_is_added_once_and_removed(wiseflow, flow_id, people, role):
    add, remove, members = (getattr(wiseflow, name) for name in (f"add_{role}", f"remove_{role}", f"{role}s"))
    assert add(flow_id, people[5]) is True
    assert add(flow_id, people[5]) is False
    (member,) = [row for row in members(flow_id) if row.user_id == people[5]]
    assert member.name == "Åsa-Märta Öberg 5"
    assert remove(flow_id, member.id) is True
    assert people[5] not in [row.user_id for row in members(flow_id)]


def test_an_invigilator_leads_and_steps_down(wiseflow, flow_id, people):
    wiseflow.add_invigilator(flow_id, people[5])
    assert wiseflow.head_invigilators(flow_id) == []
    assert wiseflow.add_head_invigilator(flow_id, people[5]) is True
    assert wiseflow.add_head_invigilator(flow_id, people[5]) is False
    (head,) = wiseflow.head_invigilators(flow_id)
    assert wiseflow.remove_head_invigilator(flow_id, head.id) is True
    assert [row.id for row in wiseflow.invigilators(flow_id)] == [head.id]
    assert wiseflow.head_invigilators(flow_id) == []
    assert wiseflow.add_head_invigilator(flow_id, people[6]) is True
    assert wiseflow.remove_head_invigilator(flow_id, 999_999_999) is False


def test_assessor_is_allocated_and_a_second_time_changes_nothing(wiseflow, flow_id, people):
    put_on(wiseflow, flow_id, people[:3])
    ids = [row.id for row in wiseflow.participants(flow_id)]
    wiseflow.add_assessor(flow_id, people[5])
    (assessor,) = wiseflow.assessors(flow_id)
    assert wiseflow.allocate_assessor(flow_id, assessor.id, ids[:2]) == 2
    assert wiseflow.allocate_assessor(flow_id, assessor.id, ids) == 1
    wiseflow.deallocate_assessor(flow_id, assessor.id, ids[0])
    assert sorted(wiseflow.assessor_allocations(flow_id, assessor.id)) == sorted(ids[1:])


def test_room_is_made_booked_and_filled(wiseflow, flow_id, people):
    put_on(wiseflow, flow_id, people[:3])
    ids = sorted(row.id for row in wiseflow.participants(flow_id))
    room = wiseflow.create_room(name="Sal Å", capacity=20, campus="Valla")
    assert room.id in [row.id for row in wiseflow.rooms()]
    booking = wiseflow.book_room(flow_id, room.id, soon(3), soon(3, 14))
    wiseflow.put_booking_participants(flow_id, booking.id, ids)
    assert sorted(wiseflow.booking_participants(flow_id, booking.id)) == ids
    assert [(row.id, row.start_at) for row in wiseflow.room_bookings(flow_id)] == [(booking.id, soon(3))]
    assert wiseflow.delete_booking(flow_id, booking.id) is True
    assert wiseflow.room_bookings(flow_id) == []


def test_source_tells_who_comes_from_it_and_when_it_was_synchronised(wiseflow, flow_id, people):
    put_on(wiseflow, flow_id, people[:2])
    first, second = (row.id for row in wiseflow.participants(flow_id))
    source = wiseflow.add_external_source(flow_id, "tdde01-7f3a")
    wiseflow.allocate_to_source(flow_id, source, [first, second])
    assert wiseflow.deallocate_from_source(flow_id, source, second) is True
    assert [row.id for row in wiseflow.source_allocations(flow_id, first)] == [source]
    assert wiseflow.source_allocations(flow_id, second) == []
    wiseflow.sync_done(flow_id, "tdde01-7f3a")
    (row,) = wiseflow.external_sources(flow_id)
    assert row.state == "SUCCESS"
    assert row.last_synced_at is not None
    wiseflow.sync_fail(flow_id, "tdde01-7f3a")
    assert wiseflow.external_sources(flow_id)[0].state == "FAILED"
    assert wiseflow.delete_external_source(flow_id, source) is True


def test_active_flow_is_not_activated_twice_and_keeps_its_participants(wiseflow, flow_id, people):
    put_on(wiseflow, flow_id, people[:1])
    (row,) = wiseflow.participants(flow_id)
    assert wiseflow.activate(flow_id) is True
    assert wiseflow.activate(flow_id) is False
    with pytest.raises(WiseflowError) as caught:
        wiseflow.remove_participant(flow_id, row.id)
    assert caught.value.status == 403


def test_grades_and_alternative_grades_come_back_for_each_participant(sandbox, wiseflow, flow_id, people):
    put_on(wiseflow, flow_id, people[:3])
    (scale,) = [scale for scale in wiseflow.grading_scales() if scale.name == SCALE]
    wiseflow.put_grading_scale(flow_id, scale.id)
    wiseflow.activate(flow_id)
    first, second, third = (row.id for row in wiseflow.participants(flow_id))
    assert [row.grade for row in wiseflow.assessments(flow_id) if row.grade] == []
    sandbox.control.start_participation(flow_id)
    sandbox.control.end_participation(flow_id)
    sandbox.control.grade(flow_id, grades={str(first): "5"}, alternative={str(second): "U"})
    sandbox.control.end_marking(flow_id)
    found = {row.participant_id: row for row in wiseflow.assessments(flow_id)}
    assert (found[first].grade, found[first].alternative_grade) == ("5", "")
    assert found[first].grade_at is not None
    assert found[second].alternative_grade == "U"
    assert third not in found or not found[third].grade
    assert wiseflow.flow(flow_id).state == 4
    with pytest.raises(NoItems):
        wiseflow.item_marks(flow_id, first)


def test_webhook_is_registered_tested_and_deleted(sandbox, wiseflow):
    hook = wiseflow.create_webhook(
        title="LadokFlow", url="https://ladokflow.invalid/hooks/x", secret="hemlig", events=["FLOW_EXTERNAL_SOURCE"]
    )
    assert [(row.id, row.active, row.events) for row in wiseflow.webhooks()] == [
        (hook.id, True, ("FLOW_EXTERNAL_SOURCE",))
    ]
    wiseflow.delete_webhook(hook.id)
    assert wiseflow.webhooks() == []


def test_answer_that_is_lost_leaves_a_write_done_once(sandbox, wiseflow, flow_id, people):
    sandbox.control.fault("wiseflow", "/flows/*/participants", "lost_answer", method="POST")
    with pytest.raises(WiseflowError) as caught:
        put_on(wiseflow, flow_id, people[:2])
    assert caught.value.message.code == "remote.cut"
    assert len(wiseflow.participants(flow_id)) == 2


def test_read_that_is_dropped_or_turned_away_is_answered_in_the_end(sandbox, wiseflow, flow_id):
    sandbox.control.fault("wiseflow", "/flow/*", "drop", times=2)
    assert wiseflow.flow(flow_id).id == flow_id
    sandbox.control.fault("wiseflow", "/flow/*", "http_429", times=1)
    assert wiseflow.flow(flow_id).id == flow_id


def test_token_that_has_expired_over_there_is_renewed_for_reads_and_writes(sandbox, wiseflow, flow_id, people):
    sandbox.control.expire_tokens()
    assert wiseflow.add_author(flow_id, people[1]) is True
    sandbox.control.expire_tokens()
    assert [row.user_id for row in wiseflow.authors(flow_id)] == [people[1]]


def test_many_calls_get_through_a_peer_that_turns_most_of_them_away(sandbox, wiseflow, people):
    sandbox.control.set_rate_limit(second=3)
    with ThreadPoolExecutor(8) as pool:
        assert all(list(pool.map(lambda _: bool(wiseflow.rooms()), range(12))))
    statuses = [row["status"] for row in sandbox.control.received("wiseflow") if row["path"].endswith("/license/rooms")]
    assert statuses.count(200) == 12
    assert 429 in statuses


def test_answers_full_of_nulls_are_read(sandbox, wiseflow, flow_id, people):
    put_on(wiseflow, flow_id, people[:2])
    sandbox.control.set_nulls(True)
    assert len(wiseflow.participants(flow_id)) == 2
    assert wiseflow.flow(flow_id).id == flow_id
    for read in (wiseflow.assessments, wiseflow.managers, wiseflow.external_sources, wiseflow.metadata, wiseflow.dates):
        assert read(flow_id) is not None


@pytest.mark.parametrize("status", [400, 403])
def test_assessor_who_is_there_already_is_no_error_whatever_the_status(sandbox, wiseflow, flow_id, people, status):
    sandbox.control.set_already_assessor_status(status)
    assert wiseflow.add_assessor(flow_id, people[5]) is True
    assert wiseflow.add_assessor(flow_id, people[5]) is False


@pytest.mark.parametrize(("encoding", "prefix"), [("hex", ""), ("base64", "sha256=")])
def test_call_of_a_webhook_is_genuine_and_tells_the_flow(sandbox, wiseflow, peer, flow_id, encoding, prefix):
    sandbox.control.set_webhook_signature(header="X-Signature", encoding=encoding, prefix=prefix)
    peer.answer("POST", "/hook", {})
    wiseflow.add_external_source(flow_id, "tdde01-7f3a")
    wiseflow.create_webhook(title="x", url=f"{peer.url}/hook", secret="hemlig", events=["FLOW_EXTERNAL_SOURCE"])
    sandbox.control.request_sync(flow_id)
    give_up_at = time.monotonic() + 60
    while not peer.requests and time.monotonic() < give_up_at:
        time.sleep(0.02)
    (call,) = peer.requests
    body, signature = call["body"].encode(), call["headers"]["x-signature"]
    assert verify_signature(secret="hemlig", body=body, signature=signature, encoding=encoding, prefix=prefix)
    assert not verify_signature(secret="fel", body=body, signature=signature, encoding=encoding, prefix=prefix)
    event = parse_event(body)
    assert (event.event, event.flow_id) == ("FLOW_EXTERNAL_SOURCE", flow_id)
    assert event.sequence
    assert call["headers"]["x-wiseflow-call-id"]


def test_answers_that_these_tests_rely_on_are_as_documented(openapi_path, sandbox, wiseflow, flow_id, people):
    from tests.openapi import check_answer

    put_on(wiseflow, flow_id, people)
    wiseflow.add_external_source(flow_id, "tdde01-7f3a")
    reads = (wiseflow.participants, wiseflow.assessments, wiseflow.dates, wiseflow.metadata, wiseflow.external_sources)
    for read in (*reads, wiseflow.flow, wiseflow.managers, wiseflow.grading_scale, wiseflow.activate):
        read(flow_id)
    problems = [
        problem
        for row in sandbox.control.received("wiseflow")
        for problem in check_answer(row, row["status"], {"Content-Type": row["answer_kind"]}, row["answer"])
    ]
    assert problems == []


def test_reset_sandbox_that_has_forgotten_our_token_is_signed_in_to_again(sandbox, wiseflow):
    wiseflow.webhooks()
    sandbox.control.reset()
    assert wiseflow.webhooks() == []
