"""Ladok codes that are added to a flow and removed from it, in every phase, against the sandbox."""

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from ladokflow.fingerprints import NotAsShown
from ladokflow.http import RemoteError
from ladokflow.messages import Refused
from sources.flows.codes import add_code, phase_of, removal_of, remove_code
from sources.flows.create import create_flow
from sources.flows.exams import fetch_exam
from sources.flows.request import request_flow
from sources.models import AuditEntry, Flow, SyncRun
from sources.sync.lease import Lease
from sources.sync.run import request_sync, run_sync
from tests.factories import FlowSourceFactory


def sync(flow):
    run = run_sync(request_sync(flow=flow, trigger=SyncRun.Trigger.COMMAND, enqueue=False).pk)
    assert run.state == "success", run.message
    flow.refresh_from_db()
    return run


def make(liu, anna, *codes):
    return create_flow(request_flow(source=liu, codes=codes, requested_by=anna, enqueue=False).pk)


def there(sandbox, flow):
    return {person["organisationId"]: person for person in sandbox.control.flow(flow.wiseflow_id)["participants"]}


def ids(sandbox, code):
    return {person["LiUId"] for person in sandbox.control.exam("liu", code)["participants"]}


def references(sandbox, flow):
    return {row["description"] for row in sandbox.control.flow(flow.wiseflow_id)["sources"]}


def live(flow):
    return list(flow.codes.filter(removed_at=None).values_list("code", flat=True))


def row(flow, code):
    return flow.codes.get(code=code, removed_at=None)


@pytest.fixture
def first(sandbox):
    return sandbox.control.add_exam("liu", people=4)


@pytest.fixture
def second(sandbox, first):
    """Six people, one of whom is in the first exam as well."""
    code = sandbox.control.add_exam("liu", people=5)
    shared = sandbox.control.exam("liu", first)["participants"][0]
    sandbox.control.change_people("liu", code, add=[shared], exact=True)
    return code


@pytest.fixture
def shared(sandbox, first, second):
    return (ids(sandbox, first) & ids(sandbox, second)).pop()


@pytest.fixture
def flow(liu, anna, first, second):
    return make(liu, anna, first, second)


# --- Adding ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("starts", [False, True])
def test_an_added_code_brings_its_people_and_its_reference(liu, anna, sandbox, first, second, starts):
    flow = make(liu, anna, first)
    if starts:
        sandbox.control.start_participation(flow.wiseflow_id)
    added = add_code(flow=flow, code=f" {second} ", by=anna, address="192.0.2.7", enqueue=False)
    assert (added.code, added.position) == (second, 1)
    run = run_sync(SyncRun.objects.get(flow=flow, state="queued").pk)
    assert (run.state, run.added, run.requested_by) == ("success", 5, anna)
    assert set(there(sandbox, flow)) == ids(sandbox, first) | ids(sandbox, second)
    assert references(sandbox, flow) == {first, second}
    added.refresh_from_db()
    assert added.external_source_id is not None
    assert sync(flow).changes == []
    entry = AuditEntry.objects.get(message__code="sources.audit.code_added")
    assert (entry.actor, entry.address) == (anna, "192.0.2.7")


def test_a_student_in_two_codes_is_one_participant_from_both(sandbox, flow, shared):
    person = flow.participants.get(organisation_id=shared)
    assert len(person.listed_codes) == 2
    told = sandbox.control.flow(flow.wiseflow_id)["sources"]
    assert sum(len(source["allocated"]) for source in told) == 4 + 6


def test_a_code_of_another_flow_is_refused_and_that_flow_named(liu, anna, sandbox, first, second):
    flow, other = make(liu, anna, first), make(liu, anna, second)
    with pytest.raises(Refused) as caught:
        add_code(flow=flow, code=second, by=anna)
    assert caught.value.message.code == "sources.code_taken"
    assert other.title in str(caught.value)
    assert str(other.pk) in str(caught.value)
    assert live(flow) == [first]


def test_a_code_of_a_flow_that_was_never_made_is_refused_with_what_to_do(liu, anna, sandbox, first, second):
    flow = make(liu, anna, first)
    unmade = create_flow(
        request_flow(source=liu, codes=[second], requested_by=anna, flow_type="FLOWdance", enqueue=False).pk
    )
    with pytest.raises(Refused) as caught:
        add_code(flow=flow, code=second, by=anna)
    assert caught.value.message.code == "sources.code_on_unmade_flow"
    assert caught.value.message.params["flow"] == unmade.pk
    assert live(flow) == [first]


def test_an_unknown_code_and_none_at_all_add_nothing(liu, anna, sandbox, first):
    flow = make(liu, anna, first)
    with pytest.raises(RemoteError) as unknown:
        add_code(flow=flow, code="NO-SUCH-EXAM", by=anna)
    assert unknown.value.message.code == "ladok.unknown_code"
    with pytest.raises(Refused) as empty:
        add_code(flow=flow, code="  ", by=anna)
    assert empty.value.message.code == "sources.no_code"
    assert flow.codes.count() == 1


@pytest.mark.parametrize("ends", ["end_participation", "end_marking"])
def test_no_code_is_added_when_participants_are_not_taken_in_any_more(liu, anna, sandbox, first, second, ends):
    flow = make(liu, anna, first)
    getattr(sandbox.control, ends)(flow.wiseflow_id)
    with pytest.raises(Refused) as caught:
        add_code(flow=flow, code=second, by=anna)
    assert caught.value.message.code == "sources.code_too_late"
    assert live(flow) == [first]


def test_nothing_is_added_or_removed_while_a_worker_is_at_it(anna, flow, second):
    lease = Lease.take(flow.pk)
    with pytest.raises(Refused) as caught:
        remove_code(flow=flow, code=row(flow, second), by=anna)
    assert caught.value.message.code == "sources.flow_busy"
    assert second in live(flow)
    lease.release()


# --- Removing ----------------------------------------------------------------------------------------------------


def told(removal):
    return [(one.code, one.params.get("count")) for one in removal.consequences]


def test_in_setup_the_people_of_the_code_go_and_the_brake_does_not_ask(anna, sandbox, flow, first, second, shared):
    code = row(flow, second)
    removal = removal_of(flow=flow, code=code, phase=phase_of(flow))
    assert told(removal) == [
        ("sources.removal.setup", 5),
        ("sources.removal.staying", 1),
        ("sources.removal.stops", None),
    ]
    remove_code(flow=flow, code=code, by=anna, address="192.0.2.7", enqueue=False)
    run = sync(flow)
    assert (run.removed, run.deactivated) == (5, 0)
    codes = {one.code for one in run.change_messages}
    assert "sources.change.removed_with_code" in codes
    assert set(there(sandbox, flow)) == ids(sandbox, first)
    assert shared in there(sandbox, flow)
    assert references(sandbox, flow) == {first}
    assert sync(flow).changes == []
    entry = AuditEntry.objects.get(message__code="sources.audit.code_removed")
    assert (entry.actor, entry.address) == (anna, "192.0.2.7")


def test_in_participation_they_are_deactivated_and_nobody_is_deleted(anna, sandbox, flow, first, second, shared):
    sandbox.control.start_participation(flow.wiseflow_id)
    sync(flow)
    remove_code(flow=flow, code=row(flow, second), by=anna, enqueue=False)
    run = sync(flow)
    assert (run.removed, run.deactivated) == (0, 5)
    active = {key for key, person in there(sandbox, flow).items() if person["is_activated"]}
    assert active == ids(sandbox, first)
    assert len(there(sandbox, flow)) == 9
    assert flow.participants.filter(is_active=False, is_activation_manual=False).count() == 5
    assert sync(flow).changes == []


def test_in_marking_the_flow_only_stops_following(anna, sandbox, flow, first, second):
    sandbox.control.end_participation(flow.wiseflow_id)
    sync(flow)
    removal = remove_code(flow=flow, code=row(flow, second), by=anna, enqueue=False)
    assert removal.phase == "marking"
    sync(flow)
    assert all(person["is_activated"] for person in there(sandbox, flow).values())
    assert len(there(sandbox, flow)) == flow.participants.filter(is_active=True).count() == 9
    assert references(sandbox, flow) == {first}
    held_back = {
        person.organisation_id
        for person in flow.participants.all()
        if person.export_reason and person.export_reason.code == "export.code_removed"
    }
    assert held_back in (set(), ids(sandbox, second) - ids(sandbox, first))


def test_in_concluding_export_ends_for_the_codes_people_and_with_the_last_for_the_flow(
    anna, sandbox, flow, first, second
):
    sandbox.control.grade(flow.wiseflow_id, "random")
    sandbox.control.end_marking(flow.wiseflow_id)
    sync(flow)
    removal = remove_code(flow=flow, code=row(flow, second), by=anna, enqueue=False)
    assert told(removal) == [("sources.removal.concluding", 5), ("sources.removal.staying", 1)]
    flow.refresh_from_db()
    assert flow.export_ended_at is None
    assert len(there(sandbox, flow)) == flow.participants.count() == 9
    removal = remove_code(flow=flow, code=row(flow, first), by=anna, enqueue=False)
    assert ("sources.removal.export_ends", None) in told(removal)
    flow.refresh_from_db()
    assert flow.export_ended_at is not None
    assert flow.export_reason.code == "export.ended"
    assert live(flow) == []
    assert AuditEntry.objects.filter(flow=flow, message__code="sources.audit.export_ended").count() == 1


@pytest.mark.parametrize("goes_on", [None, "start_participation", "end_participation"])
def test_the_last_code_stays_before_concluding(liu, anna, sandbox, first, goes_on):
    flow = make(liu, anna, first)
    if goes_on:
        getattr(sandbox.control, goes_on)(flow.wiseflow_id)
    with pytest.raises(Refused) as caught:
        remove_code(flow=flow, code=row(flow, first), by=anna)
    assert caught.value.message.code == "sources.code_is_last"
    assert live(flow) == [first]


def test_when_the_master_goes_the_next_one_rules(anna, sandbox, flow, first, second):
    sandbox.control.change_exam("liu", second, courseName="Den andra")
    removal = remove_code(flow=flow, code=row(flow, first), by=anna, enqueue=False)
    assert removal.consequences[-1].params == {"code": second}
    sync(flow)
    assert "Den andra" in flow.title == sandbox.control.flow(flow.wiseflow_id)["title"]
    assert list(flow.codes.values_list("code", "position")) == [(first, 0), (second, 1)]
    assert set(there(sandbox, flow)) == ids(sandbox, second)


def test_a_removed_code_can_be_added_again_to_this_flow_or_another(liu, anna, sandbox, flow, first, second):
    remove_code(flow=flow, code=row(flow, second), by=anna, enqueue=False)
    again = add_code(flow=flow, code=second, by=anna, enqueue=False)
    assert again.position == 2
    run = sync(flow)
    assert (run.removed, run.added) == (0, 0)
    assert references(sandbox, flow) == {first, second}
    assert set(there(sandbox, flow)) == ids(sandbox, first) | ids(sandbox, second)
    assert again.registrations.count() == 6
    assert sync(flow).changes == []
    remove_code(flow=flow, code=again, by=anna, enqueue=False)
    sync(flow)
    other = make(liu, anna, second)
    assert other.setup_state == Flow.Setup.READY


def test_after_deactivation_a_code_that_is_added_again_activates_its_people(anna, sandbox, flow, first, second):
    sandbox.control.start_participation(flow.wiseflow_id)
    sync(flow)
    remove_code(flow=flow, code=row(flow, second), by=anna, enqueue=False)
    sync(flow)
    add_code(flow=flow, code=second, by=anna, enqueue=False)
    sync(flow)
    assert all(person["is_activated"] for person in there(sandbox, flow).values())
    assert sync(flow).changes == []


def test_the_brake_still_asks_when_the_other_code_is_empty_meanwhile(anna, sandbox, flow, first, second):
    """Whom the manager has taken off with their code go; whom Ladok's list has lost stay."""
    held = ids(sandbox, first)
    remove_code(flow=flow, code=row(flow, second), by=anna, enqueue=False)
    sandbox.control.change_people("liu", first, remove=sorted(ids(sandbox, first))[:3])
    run = run_sync(SyncRun.objects.get(flow=flow, state="queued").pk)
    assert (run.state, run.asks, run.reason.code) == ("failed", True, "sources.brake_half")
    assert set(there(sandbox, flow)) == held


@pytest.mark.parametrize("starts", [False, True])
@pytest.mark.parametrize(("stays", "code"), [(0, "sources.brake_empty"), (1, "sources.brake_half")])
def test_the_brake_asks_for_a_code_that_was_removed_and_added_again(anna, sandbox, flow, second, starts, stays, code):
    if starts:
        sandbox.control.start_participation(flow.wiseflow_id)
        sync(flow)
    remove_code(flow=flow, code=row(flow, second), by=anna, enqueue=False)
    add_code(flow=flow, code=second, by=anna, enqueue=False)
    sandbox.control.change_people("liu", second, remove=sorted(ids(sandbox, second))[stays:])
    run = run_sync(SyncRun.objects.get(flow=flow, state="queued").pk)
    assert (run.state, run.asks, run.reason.code) == ("failed", True, code)
    assert [person["is_activated"] for person in there(sandbox, flow).values()] == [True] * 9


def test_a_second_click_and_a_phase_that_has_changed_are_refused(anna, sandbox, flow, second):
    code = row(flow, second)
    sandbox.control.start_participation(flow.wiseflow_id)
    before, now = (removal_of(flow=flow, code=code, phase=phase) for phase in ("setup", "participation"))
    with pytest.raises(NotAsShown):
        remove_code(flow=flow, code=code, by=anna, seen=before.fingerprint.whole)
    remove_code(flow=flow, code=code, by=anna, seen=now.fingerprint.whole)
    with pytest.raises(Refused) as twice:
        remove_code(flow=flow, code=code, by=anna, seen=now.fingerprint.whole)
    assert twice.value.message.code == "sources.code_not_there"
    assert AuditEntry.objects.filter(message__code="sources.audit.code_removed").count() == 1


# --- How a code is spelt -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("spell", [str.lower, lambda code: f" {code} ", lambda code: f"{code}\u200b"])
def test_a_code_in_another_spelling_is_the_exam_and_has_ladoks_spelling(liu, anna, sandbox, spell):
    code = sandbox.control.add_exam("liu", people=1)
    flow = make(liu, anna, spell(code))
    assert live(flow) == [code]
    assert sync(flow).changes == []


@pytest.mark.parametrize("spell", [str.lower, lambda code: f"{code[:3]} {code[3:]}", lambda code: f"\ufeff{code}"])
def test_a_second_flow_of_a_code_in_another_spelling_is_refused(liu, anna, sandbox, first, second, spell):
    flow, other = make(liu, anna, first), make(liu, anna, second)
    with pytest.raises(Refused) as caught:
        request_flow(source=liu, codes=[spell(first)], requested_by=anna, enqueue=False)
    assert caught.value.message.params["flow"] == flow.pk
    with pytest.raises(Refused) as caught:
        add_code(flow=other, code=spell(first), by=anna)
    assert caught.value.message.params["flow"] == flow.pk


def test_two_spellings_in_one_request_are_one_code(liu, anna, sandbox, first, second):
    assert live(make(liu, anna, first, first.lower(), second)) == [first, second]


@pytest.mark.parametrize("other", ["ten1-x", "TEN1 -X", "TEN1-X\u200b"])
def test_the_database_has_one_flow_for_all_spellings_of_a_code(liu, other):
    FlowSourceFactory(flow__source=liu, code="TEN1-X")
    with pytest.raises(IntegrityError), transaction.atomic():
        FlowSourceFactory(flow__source=liu, code=other)
    FlowSourceFactory(flow__source=liu, code=other, removed_at=timezone.now())
    FlowSourceFactory(code=other)


def test_a_code_that_ladok_has_no_more_is_told_with_the_flow_that_has_it(liu):
    row = FlowSourceFactory(flow__source=liu, code="Gone-1")
    with pytest.raises(RemoteError) as caught:
        fetch_exam(liu, "gone-1")
    assert caught.value.message.code == "sources.code_known_otherwise"
    assert caught.value.message.params == {
        "code": "gone-1", "known": "Gone-1", "title": row.flow.title, "flow": row.flow_id
    }  # fmt: skip
    with pytest.raises(RemoteError) as caught:
        fetch_exam(liu, "gone-2")
    assert caught.value.message.code == "ladok.unknown_code"
