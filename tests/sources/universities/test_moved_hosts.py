"""The address of WISEflow leads to another host: a flow's number may be that of somebody else's flow there."""

import pytest

from exports.grades.collect import collect_grades
from ladokflow.messages import Refused
from ladokflow.sandbox.server import Sandbox
from sources.flows.codes import phase_of
from sources.flows.create import create_flow
from sources.flows.request import request_flow
from sources.models import Flow, Source
from sources.sync.run import request_sync, run_sync
from sources.universities.clients import wiseflow_for
from sources.universities.moved_hosts import hosts, leave_credentials_behind
from tests.factories import FlowFactory
from tests.keeping import KeepingControl


def move(source, address):
    """As the administration and `loadsources` do, with the secrets given anew."""
    before = hosts(source)
    source.wiseflow_url = address
    source.save()
    given = source.credentials.values_list("system", "label")
    return [told.code for told in leave_credentials_behind(source, before, given=list(given))]


def sync(flow):
    return run_sync(request_sync(flow=flow, trigger="command", enqueue=False).pk)


@pytest.fixture
def code(sandbox):
    return sandbox.control.add_exam("liu", people=4)


@pytest.fixture
def flow(liu, anna, code):
    return create_flow(request_flow(source=liu, codes=[code], requested_by=anna, enqueue=False).pk)


@pytest.fixture
def production():
    with Sandbox() as server:
        server.control = KeepingControl(server)
        yield server
        server.control.clear_received()


def test_somebody_elses_flow_with_the_same_number_is_left_alone(liu, anna, flow, code, sandbox, production):
    former = liu.wiseflow_url
    assert move(liu, former.replace(sandbox.url, production.url)) == ["sources.flows_left_behind"]
    with wiseflow_for(liu) as client:
        data_type, organisation_id = client.user_data_types()[0].id, liu.memberships.get(user=anna).organisation_id
        (manager,) = client.search_users([(data_type, organisation_id)])
        theirs = client.create_flow(
            title="Theirs", subtitle="", type_id=client.flow_types()[0].id, manager_ids=[manager.id]
        )
    assert theirs == flow.wiseflow_id
    production.control.clear_received()
    flow = Flow.objects.get()
    run = sync(flow)
    assert (run.state, run.reason.code) == ("failed", "sources.flow_elsewhere")
    for ask in (phase_of, collect_grades):
        with pytest.raises(Refused) as caught:
            ask(Flow.objects.get())
        assert caught.value.message.code == "sources.flow_elsewhere"
    asked = {(row["method"], row["path"]) for row in production.control.received("wiseflow") if "/flow" in row["path"]}
    assert asked == {("GET", f"/wiseflow/v1/flows/{theirs}/participants")}
    assert production.control.flow(theirs)["participants"] == []
    # A flow that is made at the new host may have the number.
    FlowFactory(source=liu, wiseflow_id=theirs)


def test_back_at_the_former_address_it_goes_on(liu, flow, sandbox):
    former = liu.wiseflow_url
    move(liu, "https://stage.wiseflow.example/v1")
    move(liu, "https://third.wiseflow.example/v1")
    move(liu, former)
    assert sync(flow).state == "success"


def test_the_same_wiseflow_under_another_name_is_recognised_by_its_participants(liu, flow, sandbox):
    assert move(liu, liu.wiseflow_url.replace("127.0.0.1", "localhost")) == ["sources.flows_left_behind"]
    assert sync(Flow.objects.get()).state == "success"
    assert Flow.objects.get().former_host == ""


def test_another_wiseflow_has_to_show_anew_in_which_form_it_gives_out_grades(liu):
    Source.objects.filter(pk=liu.pk).update(grade_form="shown")
    before = hosts(liu)
    for system, form in (("ladok_url", "shown"), ("wiseflow_url", "")):
        setattr(liu, system, "https://other.example/x")
        leave_credentials_behind(liu, before)
        assert Source.objects.get(pk=liu.pk).grade_form == form
