"""Values that were changed by hand in WISEflow, and a manager who wants Ladok's back."""

import pytest
from django.test import Client
from django.urls import reverse

from ladokflow.messages import Refused
from sources.flows.codes import remove_code
from sources.flows.create import create_flow
from sources.flows.request import request_flow
from sources.models import AuditEntry, Flow, SyncRun
from sources.sync.lease import Lease
from sources.sync.overrides import follow_again
from sources.sync.run import request_sync, run_sync
from tests.factories import FlowFactory, MembershipFactory
from tests.filling import press


def sync(flow):
    run = run_sync(request_sync(flow=flow, trigger=SyncRun.Trigger.COMMAND, enqueue=False).pk)
    flow.refresh_from_db()
    return run


@pytest.fixture
def flow(liu, anna, sandbox):
    code = sandbox.control.add_exam("liu", people=5)
    flow = create_flow(request_flow(source=liu, codes=[code], requested_by=anna, enqueue=False).pk)
    sandbox.control.set_metadata_by_hand(flow.wiseflow_id, title="Handskriven", subtitle="För hand")
    there = sandbox.control.flow(flow.wiseflow_id)["dates"]
    sandbox.control.set_dates_by_hand(flow.wiseflow_id, end=there["end"] + 1800)
    sync(flow)
    assert set(flow.unfollowed) == {"title", "subtitle", "participation_end_at"}
    return flow


def test_the_value_is_ladoks_again_after_the_synchronisation_that_is_asked_for(flow, anna, sandbox):
    says = flow.unfollowed["title"]["ladok"]
    run = follow_again(flow=flow, field="title", by=anna, address="192.0.2.7", enqueue=False)
    assert (run.trigger, run.requested_by) == ("manager", anna)
    assert run_sync(run.pk).state == "success"
    flow.refresh_from_db()
    assert sandbox.control.flow(flow.wiseflow_id)["title"] == says == flow.title
    assert set(flow.unfollowed) == {"subtitle", "participation_end_at"}
    assert sandbox.control.flow(flow.wiseflow_id)["subtitle"] == "För hand"
    entry = AuditEntry.objects.get(message__code="sources.audit.followed_again.title")
    assert (entry.actor, entry.flow, entry.address) == (anna, flow, "192.0.2.7")


def test_a_date_follows_again_and_a_later_change_in_ladok_comes(flow, anna, sandbox):
    before = sandbox.control.flow(flow.wiseflow_id)["dates"]["end"]
    run_sync(follow_again(flow=flow, field="participation_end_at", by=anna, enqueue=False).pk)
    flow.refresh_from_db()
    assert sandbox.control.flow(flow.wiseflow_id)["dates"]["end"] == before - 1800
    assert "participation_end_at" not in flow.unfollowed
    assert sync(flow).changes == []


def test_a_value_that_was_changed_by_hand_once_more_meanwhile_is_replaced_too(flow, anna, sandbox):
    run = follow_again(flow=flow, field="subtitle", by=anna, enqueue=False)
    sandbox.control.set_metadata_by_hand(flow.wiseflow_id, subtitle="Ännu en gång")
    run_sync(run.pk)
    flow.refresh_from_db()
    assert "subtitle" not in flow.unfollowed
    assert sandbox.control.flow(flow.wiseflow_id)["subtitle"] == flow.subtitle != "Ännu en gång"


def test_the_flow_code_is_ladoks_until_somebody_changes_it_and_after_the_click(flow, anna, sandbox):
    code = flow.codes.get().code
    assert sandbox.control.flow(flow.wiseflow_id)["code"] == code
    sandbox.control.set_metadata_by_hand(flow.wiseflow_id, code="EGEN-1")
    assert sync(flow).changes == []
    assert flow.unfollowed["code"] == {"ladok": code, "wiseflow": "EGEN-1"}
    page = Client(headers={"accept-language": "en"})
    page.force_login(anna)
    shown = page.get(reverse("flows:detail", args=[flow.pk])).content.decode()
    assert all(text in shown for text in ("Flow code", "EGEN-1", 'value="code"'))
    run_sync(follow_again(flow=flow, field="code", by=anna, enqueue=False).pk)
    flow.refresh_from_db()
    assert sandbox.control.flow(flow.wiseflow_id)["code"] == code
    assert "code" not in flow.unfollowed
    assert sync(flow).changes == []


def test_the_flow_code_is_the_masters_also_when_that_changes(liu, anna, sandbox):
    first, second = (sandbox.control.add_exam("liu", people=2, campus="") for _ in range(2))
    flow = create_flow(request_flow(source=liu, codes=[first, second], requested_by=anna, enqueue=False).pk)
    assert sandbox.control.flow(flow.wiseflow_id)["code"] == first
    row = flow.codes.get(code=first)
    remove_code(flow=flow, code=row, by=anna, enqueue=False)
    run = sync(flow)
    assert sandbox.control.flow(flow.wiseflow_id)["code"] == second, run.problems


def test_a_flow_code_that_wiseflow_refuses_is_told_and_tried_again(liu, anna, sandbox):
    asked = request_flow(
        source=liu, codes=[sandbox.control.add_exam("liu", people=2)], requested_by=anna, enqueue=False
    )
    sandbox.control.fault("wiseflow", "/flows/*/metadata", "status", method="PUT", status=400, times=-1)
    flow = create_flow(asked.pk)
    told = flow.sync_runs.latest("created_at").problem_messages
    assert (flow.setup_state, {one.code for one in told}) == ("ready", {"sources.change_refused"})
    assert any(flow.codes.get().code in str(one) for one in told)
    assert "code" not in flow.followed
    sandbox.control.clear_faults()
    assert "sources.change.code" in [one.code for one in sync(flow).change_messages]
    assert sandbox.control.flow(flow.wiseflow_id)["code"] == flow.codes.get().code
    assert sync(flow).changes == []


def test_a_second_click_does_nothing(flow, anna):
    follow_again(flow=flow, field="title", by=anna)
    assert follow_again(flow=flow, field="title", by=anna) is None
    assert follow_again(flow=flow, field="no_such_field", by=anna) is None
    assert AuditEntry.objects.filter(message__code__startswith="sources.audit.followed_again").count() == 1
    assert SyncRun.objects.filter(flow=flow, state="queued").count() == 1


def test_while_a_worker_is_at_it_the_decision_waits(flow, anna):
    lease = Lease.take(flow.pk)
    with pytest.raises(Refused) as caught:
        follow_again(flow=flow, field="title", by=anna)
    assert caught.value.message.code == "sources.flow_busy"
    flow.refresh_from_db()
    assert "title" in flow.unfollowed
    lease.release()
    assert follow_again(flow=flow, field="title", by=anna) is not None


def test_when_marking_has_ended_it_is_refused(anna, liu):
    flow = FlowFactory(source=liu, state=Flow.State.CONCLUDED, unfollowed={"title": {"ladok": "a", "wiseflow": "b"}})
    with pytest.raises(Refused) as caught:
        follow_again(flow=flow, field="title", by=anna)
    assert caught.value.message.code == "sources.marking_over"


@pytest.mark.django_db
def test_the_button_stands_beside_each_value_and_works_without_javascript():
    flow = FlowFactory(unfollowed={"title": {"ladok": "Ladoks", "wiseflow": "Vår"}}, followed={"title": "Ladoks"})
    client = Client(headers={"accept-language": "en"})
    address = reverse("flows:follow", args=[flow.pk])
    assert client.post(address, {"field": "title"}).status_code == 302
    client.force_login(MembershipFactory().user)
    assert client.post(address, {"field": "title"}).status_code == 404
    client.force_login(MembershipFactory(source=flow.source).user)
    page = client.get(reverse("flows:detail", args=[flow.pk])).content.decode()
    assert all(text in page for text in ("Ladoks", "Vår", "Follow Ladok again", f'action="{address}"'))
    assert client.get(address).status_code == 405
    answer = press(client, reverse("flows:detail", args=[flow.pk]), address, follow=True)
    assert "follows Ladok again" in answer.content.decode()
    flow.refresh_from_db()
    assert flow.unfollowed == {}
