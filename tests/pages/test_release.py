"""Letting a flow go in the pages, and where it stands afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from django.urls import reverse

from sources.flows.create import create_flow
from sources.flows.request import request_flow
from sources.models import Flow, Source
from sources.sync.run import request_sync, run_sync
from tests.by_hand import written
from tests.factories import ExportAttemptFactory, ExportItemFactory, ParticipantFactory
from tests.filling import form_on

SignIn = Callable[[User], Client]
CHANGED = "Something has changed since this was shown to you."


@pytest.fixture
def flow(sandbox: Any, liu: Source, anna: User) -> Flow:
    code = sandbox.control.add_exam("liu", people=2)
    made = create_flow(request_flow(source=liu, codes=[code], requested_by=anna, enqueue=False).pk)
    sandbox.control.clear_received()
    return made


def of(flow: Flow, name: str = "release") -> str:
    return reverse(f"flows:{name}", args=[flow.pk])


def another_phase(flow: Flow, control: Any) -> None:
    control.activate(flow.wiseflow_id)


def more_people(flow: Flow, control: Any) -> None:
    ParticipantFactory(flow=flow)


def more_exported(flow: Flow, control: Any) -> None:
    Flow.objects.filter(pk=flow.pk).update(exported_count=1)


def an_unknown_outcome(flow: Flow, control: Any) -> None:
    attempt = ExportAttemptFactory(flow=flow, state="failed", unknown_count=1)
    ExportItemFactory(attempt=attempt, participant=ParticipantFactory(flow=flow), state="unknown")


@pytest.mark.parametrize("change", [another_phase, more_people, more_exported, an_unknown_outcome])
def test_a_flow_is_only_let_go_with_what_was_read_of_it(
    sandbox: Any, anna: User, flow: Flow, sign_in: SignIn, change: Callable[[Flow, Any], None]
) -> None:
    client = sign_in(anna)
    assert of(flow) in client.get(of(flow, "detail")).text
    page = client.get(of(flow)).text
    assert "Delete it in WISEflow" in page
    form = form_on(page, way="deleted")
    change(flow, sandbox.control)
    assert CHANGED in client.post(of(flow), form).text
    assert CHANGED in client.post(of(flow), {"way": "deleted"}).text
    assert client.post(of(flow), {"way": "burnt"}).status_code == 200
    flow.refresh_from_db()
    assert not flow.is_released
    assert written(sandbox) == []


def test_it_stands_under_let_go_and_on_its_own_page(sandbox: Any, anna: User, flow: Flow, sign_in: SignIn) -> None:
    client, number = sign_in(anna), flow.wiseflow_id
    form = form_on(client.get(of(flow)).text, way="deleted")
    assert client.post(of(flow), form)["Location"] == of(flow, "detail")
    shown = client.get(of(flow, "detail")).text
    assert f"deleted in WISEflow, where it was flow {number}" in shown
    assert "Let go and deleted" in shown
    for gone in ("Synchronise now", "Go on with the creation", of(flow)):
        assert gone not in shown
    assert "has been let go already" in client.get(of(flow)).text
    addresses = ("/flows/", "/flows/?phase=released", f"/flows/?q={flow.title[:6]}", "/exports/?tab=pending", "/")
    found = [of(flow, "detail") in client.get(address).text for address in addresses]
    assert found == [False, True, True, False, False]


def test_one_that_is_gone_leads_to_the_way_out(sandbox: Any, anna: User, flow: Flow, sign_in: SignIn) -> None:
    client, code = sign_in(anna), flow.codes.get()
    sandbox.control.delete_flow(flow.wiseflow_id)
    run_sync(request_sync(flow=flow, trigger="manager", enqueue=False).pk)
    assert "does not have the flow any more" in client.get("/").text
    for page in (of(flow, "detail"), reverse("flows:code_remove", args=[flow.pk, code.pk])):
        assert client.get(page).text.count(f'href="{of(flow)}"') >= 1
    client.post(of(flow), form_on(client.get(of(flow)).text, way="gone"))
    flow.refresh_from_db()
    assert flow.released_as == "gone"


def test_another_universitys_flow_is_not_there(flow: Flow, olle: User, sign_in: SignIn) -> None:
    client = sign_in(olle)
    assert client.get(of(flow)).status_code == 404
    assert client.post(of(flow), {"way": "kept"}).status_code == 404


def test_the_command(sandbox: Any, flow: Flow, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*more: str) -> tuple[dict[str, Any], str]:
        failure = ""
        try:
            call_command("releaseflow", "--flow", str(flow.pk), "--by", "anna@liu.example", "--json", *more)
        except CommandError as error:
            failure = str(error)
        printed = capsys.readouterr().out
        return (json.loads(printed) if printed else {}), failure

    shown, failure = run("--preview")
    assert (shown["way"], failure) == ("kept", "")
    deleting, _ = run("--delete", "--preview")
    assert deleting["way"] == "deleted"
    assert CHANGED in run("--delete", "--seen", shown["fingerprint"])[1]
    assert written(sandbox) == []
    done, failure = run("--delete", "--seen", deleting["fingerprint"])
    assert (done["released"], failure) == ("deleted", "")
    assert "has been let go already" in run()[1]
