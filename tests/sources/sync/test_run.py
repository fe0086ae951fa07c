"""Synchronising against the sandbox: what is done in each phase, and what stops it."""

import pytest
from django.urls import reverse
from django.utils import translation
from django.utils.html import escape

from exports.grades.collect import collect_grades
from ladokflow.messages import Refused
from sources.flows.create import create_flow
from sources.flows.request import request_flow
from sources.models import AuditEntry, Flow, SyncRun
from sources.signals import flow_synced
from sources.sync.run import preview_sync, request_sync, run_sync
from tests.meanwhile import once_at

WRITES = ("POST", "PUT", "PATCH", "DELETE")
READS_BY_POST = ("/users/search", "/flows/search", "/oauth2/token")


@pytest.fixture
def code(sandbox):
    return sandbox.control.add_exam("liu", people=10)


@pytest.fixture
def flow(liu, anna, code, sandbox):
    made = create_flow(request_flow(source=liu, codes=[code], requested_by=anna, enqueue=False).pk)
    sandbox.control.clear_received()
    return made


def sync(flow, **options):
    run = run_sync(request_sync(flow=flow, trigger=SyncRun.Trigger.COMMAND, enqueue=False, **options).pk)
    flow.refresh_from_db()
    return run


def counts(run):
    return {
        name: getattr(run, name)
        for name in ("added", "updated", "removed", "deactivated", "unchanged")
        if getattr(run, name)
    }


def codes_of(messages):
    return [message.code for message in messages]


def writes(sandbox):
    return [
        f"{row['method']} {row['path']}"
        for row in sandbox.control.received("wiseflow")
        if row["method"] in WRITES and not row["path"].endswith(READS_BY_POST)
    ]


def ids(sandbox, flow):
    return {person["organisationId"]: person for person in sandbox.control.flow(flow.wiseflow_id)["participants"]}


def people(sandbox, code):
    return [person["LiUId"] for person in sandbox.control.exam("liu", code)["participants"]]


def test_without_changes_nothing_is_written(flow, sandbox):
    run = sync(flow)
    assert (run.state, counts(run), run.changes, run.problems) == ("success", {"unchanged": 10}, [], [])
    assert writes(sandbox) == []


def test_in_setup_people_are_added_and_removed(flow, sandbox, code):
    gone = people(sandbox, code)[0]
    sandbox.control.change_people("liu", code, remove=[gone], add=2)
    run = sync(flow)
    assert counts(run) == {"added": 2, "removed": 1, "unchanged": 9}
    assert gone not in ids(sandbox, flow)
    assert not flow.participants.filter(organisation_id=gone).exists()
    assert set(ids(sandbox, flow)) == set(people(sandbox, code))
    assert sync(flow).changes == []


def test_in_participation_who_is_gone_is_deactivated_and_activated_when_back(flow, sandbox, code):
    sandbox.control.start_participation(flow.wiseflow_id)
    gone = sandbox.control.exam("liu", code)["participants"][0]
    sandbox.control.change_people("liu", code, remove=[gone["LiUId"]])
    assert counts(sync(flow)) == {"deactivated": 1, "unchanged": 9}
    assert ids(sandbox, flow)[gone["LiUId"]]["is_activated"] is False
    assert flow.participants.get(organisation_id=gone["LiUId"]).is_active is False
    assert sync(flow).changes == []
    sandbox.control.change_people("liu", code, add=[gone], exact=True)
    run = sync(flow)
    assert codes_of(run.change_messages) == ["sources.change.reactivated"]
    assert ids(sandbox, flow)[gone["LiUId"]]["is_activated"] is True


def test_an_activation_that_was_set_by_hand_is_left_alone(flow, sandbox, code):
    sandbox.control.start_participation(flow.wiseflow_id)
    somebody = people(sandbox, code)[0]
    sandbox.control.set_activated_by_hand(flow.wiseflow_id, ids(sandbox, flow)[somebody]["id"], False)
    assert sync(flow).changes == []
    assert flow.participants.get(organisation_id=somebody).is_activation_manual
    assert ids(sandbox, flow)[somebody]["is_activated"] is False


def test_an_activation_that_is_ladoks_again_follows_ladok_again(flow, sandbox, code):
    sandbox.control.start_participation(flow.wiseflow_id)
    somebody = sandbox.control.exam("liu", code)["participants"][0]
    number = ids(sandbox, flow)[somebody["LiUId"]]["id"]
    for activated in (False, True):
        sandbox.control.set_activated_by_hand(flow.wiseflow_id, number, activated)
        assert sync(flow).changes == []
        row = flow.participants.get(organisation_id=somebody["LiUId"])
        assert (row.is_active, row.is_activation_manual) == (activated, not activated)
    sandbox.control.change_people("liu", code, remove=[somebody["LiUId"]])
    assert codes_of(sync(flow).change_messages) == ["sources.change.deactivated"]


def test_in_marking_people_are_left_alone(flow, sandbox, code):
    sandbox.control.end_participation(flow.wiseflow_id)
    sandbox.control.change_people("liu", code, remove=people(sandbox, code)[:2], add=3)
    run = sync(flow)
    assert (run.state, [m for m in codes_of(run.change_messages) if "date" not in m]) == ("success", [])
    assert len(ids(sandbox, flow)) == 10


def test_when_marking_has_ended_nothing_is_synchronised(flow, sandbox, code):
    sandbox.control.end_marking(flow.wiseflow_id)
    sandbox.control.change_exam("liu", code, courseName="Nytt namn")
    run = sync(flow)
    assert (run.state, codes_of(run.problem_messages)) == ("success", ["sources.marking_over"])
    assert flow.state == Flow.State.CONCLUDED
    assert "Nytt namn" not in flow.title


def test_title_and_dates_follow_ladok(flow, sandbox, code):
    sandbox.control.change_exam("liu", code, courseName="Nytt namn", endTime="14:15")
    run = sync(flow)
    assert codes_of(run.change_messages)[:2] == ["sources.change.title", "sources.change.dates"]
    assert {code.partition("room_")[0] for code in codes_of(run.change_messages)[2:]} == {"sources.change."}
    assert len(sandbox.control.flow(flow.wiseflow_id)["bookings"]) == 1
    assert "Nytt namn" in sandbox.control.flow(flow.wiseflow_id)["title"] == flow.title
    assert sync(flow).changes == []


def test_a_title_that_was_changed_by_hand_is_left_until_it_is_ladoks_again(flow, sandbox, code):
    before = flow.title
    sandbox.control.set_metadata_by_hand(flow.wiseflow_id, title="Handskriven")
    assert sync(flow).changes == []
    assert flow.unfollowed == {"title": {"ladok": before, "wiseflow": "Handskriven"}}
    assert flow.title == "Handskriven"
    sandbox.control.change_exam("liu", code, courseName="Senare")
    assert sync(flow).changes == []
    sandbox.control.set_metadata_by_hand(flow.wiseflow_id, title="TDDE01 Senare")
    sync(flow)
    assert flow.unfollowed == {}
    sandbox.control.change_exam("liu", code, courseName="Sist")
    assert codes_of(sync(flow).change_messages) == ["sources.change.title"]


def test_dates_that_were_changed_by_hand_are_left_alone(flow, sandbox, code):
    there = sandbox.control.flow(flow.wiseflow_id)["dates"]
    sandbox.control.set_dates_by_hand(flow.wiseflow_id, end=there["end"] + 1800)
    sandbox.control.change_exam("liu", code, startTime="07:00")
    run = sync(flow)
    assert codes_of(run.change_messages)[0] == "sources.change.dates"
    after = sandbox.control.flow(flow.wiseflow_id)["dates"]
    assert after["end"] == there["end"] + 1800
    assert after["start"] < there["start"]
    assert list(flow.unfollowed) == ["participation_end_at"]


def test_a_changed_personnummer_and_exam_id_reach_wiseflow(flow, sandbox, code):
    somebody = people(sandbox, code)[0]
    change = {somebody: {"civicNumber": "199001012385", "uniqueExamId": "NY-1", "lastname": "Ny-Åberg"}}
    sandbox.control.change_people("liu", code, change=change)
    run = sync(flow)
    assert counts(run) == {"updated": 1, "unchanged": 9}
    row = flow.participants.get(organisation_id=somebody)
    assert (row.national_id, row.unique_exam_id, row.last_name) == ("199001012385", "NY-1", "Ny-Åberg")
    assert "199001012385" not in str(run.changes)
    assert sync(flow).changes == []


def test_an_individual_end_is_set_and_cleared(flow, sandbox, code):
    somebody = people(sandbox, code)[0]
    before = flow.participants.filter(individual_end_at__isnull=False).count()
    sandbox.control.change_people("liu", code, change={somebody: {"endTime": "20:45"}})
    assert codes_of(sync(flow).change_messages) == ["sources.change.end"]
    assert flow.participants.filter(individual_end_at__isnull=False).count() == before + 1
    sandbox.control.change_people("liu", code, change={somebody: {"endTime": ""}})
    assert codes_of(sync(flow).change_messages) == ["sources.change.end_cleared"]
    assert sync(flow).changes == []


def test_people_added_by_hand_are_written_down_and_never_touched(flow, sandbox):
    sandbox.control.add_participant_by_hand(flow.wiseflow_id, "handa01@liu.example")
    assert sync(flow).changes == []
    row = flow.participants.get(organisation_id="handa01@liu.example")
    assert (row.is_from_source, len(row.listed_codes)) == (False, 0)
    assert sync(flow).changes == []
    assert "handa01@liu.example" in ids(sandbox, flow)


def test_the_preview_is_what_the_run_then_does(flow, sandbox, code):
    sandbox.control.change_people("liu", code, remove=people(sandbox, code)[:2], add=3)
    sandbox.control.change_exam("liu", code, courseName="Nytt namn")
    plan = preview_sync(flow)
    assert writes(sandbox) == []
    run = sync(flow)
    assert sorted(change.message.to_json()["code"] for change in plan.changes) == sorted(codes_of(run.change_messages))
    assert {str(change.message) for change in plan.changes} == {str(told) for told in run.change_messages}
    assert {name: count for name, count in plan.counts.items() if count} == counts(run)


# --- What stops it -----------------------------------------------------------------------------------------------


def assert_page_says(client, user, flow, run):
    client.force_login(user)
    page = client.get(reverse("flows:detail", args=[flow.pk]), headers={"accept-language": "en"}).content.decode()
    with translation.override("en"):
        assert escape(run.reason.what) in page
        assert escape(run.reason.todo) in page


def test_the_loss_of_more_than_half_asks_and_a_manager_confirms(flow, anna, sandbox, code, client):
    there = sandbox.control.flow(flow.wiseflow_id)
    sandbox.control.change_people("liu", code, remove=people(sandbox, code)[:6])
    run = sync(flow)
    assert (run.state, run.asks, run.reason.code) == ("failed", True, "sources.brake_half")
    assert writes(sandbox) == []
    assert flow.sync_reason.code == "sources.brake_half"
    assert sandbox.control.flow(flow.wiseflow_id) == there
    assert_page_says(client, anna, flow, run)
    run = sync(flow, confirms=run, requested_by=anna)
    assert counts(run) == {"removed": 6, "unchanged": 4}
    assert flow.sync_reason is None
    assert AuditEntry.objects.filter(flow=flow, actor=anna, message__code="sources.audit.sync_confirmed").exists()


def test_a_confirmation_holds_for_the_people_it_was_given_for_and_no_others(flow, anna, sandbox, code):
    everybody = people(sandbox, code)
    sandbox.control.change_people("liu", code, remove=everybody[:6])
    first = sync(flow)
    assert len(first.would_go["goers"]) == 6
    sandbox.control.change_people("liu", code, remove=everybody[6:9])
    again = sync(flow, confirms=first, requested_by=anna)
    assert (again.state, again.asks, len(again.would_go["goers"])) == ("failed", True, 9)
    assert writes(sandbox) == []
    # The first is not the newest any more: its confirmation comes too late.
    late = sync(flow, confirms=first, requested_by=anna)
    assert (late.asks, late.is_confirmed) == (True, False)
    assert counts(sync(flow, confirms=late, requested_by=anna)) == {"removed": 9, "unchanged": 1}


def test_a_confirmed_loss_does_not_cover_a_list_that_has_become_empty(flow, anna, sandbox, code):
    sandbox.control.change_people("liu", code, remove=people(sandbox, code)[:6])
    first = sync(flow)
    sandbox.control.fault("liu", "/exams/*", "empty_list", times=-1)
    empty = sync(flow, confirms=first, requested_by=anna)
    assert (empty.asks, empty.reason.code, empty.would_go["empty"]) == (True, "sources.brake_empty", [code])
    assert writes(sandbox) == []
    assert counts(sync(flow, confirms=empty, requested_by=anna)) == {"removed": 10}


def test_there_is_nothing_to_confirm_without_a_braked_run(flow, anna):
    assert not sync(flow, confirms=sync(flow), requested_by=anna).is_confirmed


def test_two_people_with_one_national_id_come_in_as_two(flow, sandbox, code):
    same = {"civicNumber": "199001012385"}
    new = [{"LiUId": f"twin00{n}@liu.example", "firstname": "T", "lastname": f"Vik {n}", **same} for n in (1, 2)]
    sandbox.control.change_people("liu", code, add=new, exact=True)
    run = sync(flow)
    assert run.state == "success"
    assert codes_of(run.problem_messages) == ["sources.shared_national_id"]
    assert "199001012385" not in str(run.problems)
    assert {"twin001@liu.example", "twin002@liu.example"} <= set(ids(sandbox, flow))
    rows = flow.participants.filter(organisation_id__startswith="twin")
    assert rows.values("user_id").distinct().count() == 2
    assert sync(flow).changes == []


@pytest.mark.parametrize(
    ("kind", "options", "told"),
    [
        ("empty_list", {}, "sources.brake_empty"),
        ("status", {"status": 404}, "sources.code_gone"),
        ("status", {"status": 500}, "remote.server_error"),
        ("status", {"status": 401}, "remote.unauthorised"),
        ("html", {}, "remote.not_json"),
        ("not_json", {}, "remote.not_json"),
        ("cut_body", {}, None),
    ],
)
def test_a_bad_answer_from_ladok_touches_nobody_and_the_page_says_so(flow, sandbox, anna, client, kind, options, told):
    there = sandbox.control.flow(flow.wiseflow_id)
    sandbox.control.fault("liu", "/exams/*", kind, times=-1, **options)
    before = flow.synced_at
    run = sync(flow)
    assert run.state == "failed"
    assert told is None or run.reason.code == told
    assert writes(sandbox) == []
    assert (flow.synced_at, flow.sync_message) == (before, run.message)
    assert sandbox.control.flow(flow.wiseflow_id) == there
    assert not flow.participants.filter(is_active=False).exists()
    assert_page_says(client, anna, flow, run)


def test_wiseflow_down_fails_the_run_and_the_next_one_goes_on(flow, sandbox, code):
    sandbox.control.change_people("liu", code, add=3)
    sandbox.control.fault("wiseflow", "/flows/*/participants", "status", times=-1, status=503, method="POST")
    run = sync(flow)
    assert (run.state, run.reason.code) == ("failed", "remote.server_error")
    sandbox.control.clear_faults()
    run = sync(flow)
    assert (run.state, counts(run)) == ("success", {"added": 3, "unchanged": 10})
    assert set(ids(sandbox, flow)) == set(people(sandbox, code))


def test_a_flow_that_was_deleted_in_wiseflow_is_told(flow, sandbox):
    sandbox.control.delete_flow(flow.wiseflow_id)
    assert sync(flow).reason.code == "sources.flow_gone"


def test_a_person_whom_wiseflow_refuses_is_told_and_the_others_come(flow, sandbox, code):
    sandbox.control.change_people("liu", code, add=3)
    sandbox.control.fault("wiseflow", "/license/user", "status", times=1, status=400)
    run = sync(flow)
    assert run.state == "success"
    assert run.added in (2, 3)
    assert run.added == 3 or codes_of(run.problem_messages) == ["sources.person_refused"]
    assert sync(flow).state == "success"
    assert set(ids(sandbox, flow)) == set(people(sandbox, code))


def test_a_flow_that_is_not_finished_is_refused(liu, anna, code):
    unfinished = request_flow(source=liu, codes=[code], requested_by=anna, enqueue=False)
    with pytest.raises(Refused) as caught:
        request_sync(flow=unfinished, trigger=SyncRun.Trigger.MANAGER)
    assert caught.value.message.code == "sources.flow_not_ready"


# --- Twice, and cut off ------------------------------------------------------------------------------------------


def test_a_second_request_gives_the_run_that_is_under_way(flow):
    first = request_sync(flow=flow, trigger=SyncRun.Trigger.MANAGER)
    assert request_sync(flow=flow, trigger=SyncRun.Trigger.NIGHT).pk == first.pk


def test_a_finished_run_is_not_run_again(flow, sandbox):
    run = sync(flow)
    sandbox.control.clear_received()
    assert run_sync(run.pk).finished_at == run.finished_at
    assert sandbox.control.received("wiseflow") == []


@pytest.mark.parametrize("kind", ["lost_answer", "drop"])
def test_a_deactivation_that_was_cut_off_is_not_taken_for_somebodys_hand(flow, sandbox, code, kind):
    sandbox.control.start_participation(flow.wiseflow_id)
    gone = sandbox.control.exam("liu", code)["participants"][0]
    sandbox.control.change_people("liu", code, remove=[gone["LiUId"]])
    sandbox.control.fault("wiseflow", "/flows/*/participants/*/activated", kind)
    assert sync(flow).state == "failed"
    assert sync(flow).state == "success"
    row = flow.participants.get(organisation_id=gone["LiUId"])
    assert (row.is_active, row.is_activation_manual) == (False, False)


def test_a_title_that_was_cut_off_is_not_taken_for_somebodys_hand(flow, sandbox, code):
    for name in ("Ett", "Två", "Tre"):
        sandbox.control.change_exam("liu", code, courseName=name)
        sandbox.control.fault("wiseflow", "/flows/*/metadata", "lost_answer", method="PUT")
        assert sync(flow).state == "failed"
    sandbox.control.clear_faults()
    sandbox.control.change_exam("liu", code, courseName="Fyra")
    assert codes_of(sync(flow).change_messages) == ["sources.change.title"]
    assert flow.unfollowed == {}


def test_a_title_set_by_hand_stays_when_the_run_that_first_sees_it_is_cut_off(flow, sandbox, code):
    sandbox.control.set_metadata_by_hand(flow.wiseflow_id, title="Handskriven")
    sandbox.control.change_people("liu", code, add=1)
    sandbox.control.change_exam("liu", code, examTitle="Ny undertitel")
    sandbox.control.fault("wiseflow", "/flows/*/metadata", "lost_answer", method="PUT")
    assert sync(flow).state == "failed"
    assert sync(flow).state == "success"
    assert sandbox.control.flow(flow.wiseflow_id)["title"] == "Handskriven"
    assert list(flow.unfollowed) == ["title"]


def test_whoever_listens_is_told_after_each_run_and_a_broken_listener_breaks_nothing(flow):
    heard = []

    def listen(sender, flow, run, **_):
        heard.append((flow.pk, run.state))
        raise RuntimeError("broken")

    flow_synced.connect(listen)
    try:
        sync(flow)
    finally:
        flow_synced.disconnect(listen)
    assert heard == [(flow.pk, "success")]


def test_the_preview_shows_who_would_go_first_and_confirms_only_what_has_been_braked(flow, anna, sandbox, code, client):
    gone = people(sandbox, code)[:6]
    sandbox.control.change_people("liu", code, remove=gone, add=1)
    client.force_login(anna)
    address = reverse("flows:sync_preview", args=[flow.pk])
    before = client.get(address).content.decode()
    assert all(person in before for person in gone)
    assert 'name="confirm"' not in before
    run = sync(flow)
    assert run.is_braked
    assert f'name="seen" value="{run.fingerprint}"' in client.get(address).content.decode()


def test_the_preview_does_not_say_that_a_flow_is_as_in_ladok_when_its_people_no_longer_follow(
    flow, anna, sandbox, code, client
):
    address = reverse("flows:sync_preview", args=[flow.pk])
    client.force_login(anna)
    english = {"accept-language": "en"}
    assert "The flow is as it is in Ladok." in client.get(address, headers=english).text
    for step in (sandbox.control.activate, sandbox.control.start_participation, sandbox.control.end_participation):
        step(flow.wiseflow_id)
    sandbox.control.change_people("liu", code, add=1)
    page = client.get(address, headers=english).text
    assert "The flow is as it is in Ladok." not in page
    assert "In this phase the participants no longer follow Ladok." in page


# --- Phase ---------------------------------------------------------------------------------------------------------


def test_a_phase_that_was_read_earlier_is_not_written_over_one_that_was_found_since(flow, sandbox):
    """While a synchronisation is at work marking ends, and somebody has collected the grades."""

    def conclude():
        sandbox.control.end_marking(flow.wiseflow_id)
        collect_grades(Flow.objects.get(pk=flow.pk))

    with once_at(["UPDATE", "sync", "would_go"], conclude):
        run = sync(flow)
    assert run.state == "success"
    assert flow.state == sandbox.control.flow(flow.wiseflow_id)["state"] == 4
