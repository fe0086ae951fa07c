"""The list of who assesses whom on a flow that is there: seeing it, changing it, and what the synchronisation makes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from sources.flows.create import create_flow
from sources.flows.request import request_flow
from sources.models import AuditEntry, Flow, Source, SyncRun
from sources.sync.run import run_sync
from tests.factories import FlowFactory
from tests.filling import press

if TYPE_CHECKING:
    from ladokflow.sandbox.server import Sandbox

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Client]


@pytest.fixture
def code(sandbox: Sandbox) -> str:
    for number in range(2):
        sandbox.control.add_user("liu", {"organisation_id": f"asse{number}@liu.example"})
    return sandbox.control.add_exam("liu", people=3)


@pytest.fixture
def flow(liu: Source, anna: User, code: str) -> Flow:
    staff = [{"role": "assessor", "organisation_id": "asse0@liu.example"}]
    made = request_flow(source=liu, codes=[code], requested_by=anna, staff=staff, enqueue=False)
    return create_flow(made.pk)


def shares(sandbox: Sandbox, flow: Flow) -> list[int]:
    return sorted(len(row["participants"]) for row in sandbox.control.flow(flow.wiseflow_id)["assessors"])


def send(client: Client, flow: Flow, lines: list[tuple[str, str]], **fields: Any) -> str:
    text = "\n".join(f"{one}; {other}" for one, other in lines)
    answer = press(client, f"/flows/{flow.pk}/assessors/", follow=True, allocation_list=text, **fields)
    assert answer.status_code == 200
    return answer.content.decode()


def sync() -> SyncRun:
    return run_sync(SyncRun.objects.get(state="queued").pk)


def test_a_list_is_kept_given_and_completed_later(sign_in: SignIn, anna: User, sandbox: Sandbox, flow: Flow) -> None:
    client = sign_in(anna)
    first, second, third = sorted(flow.participants.values_list("organisation_id", flat=True))
    page = send(client, flow, [(first, "asse0@liu.example"), ("nobody1", "asse0@liu.example")])
    assert "2 participants are not on the list" in page
    assert f"{second}, {third}" in page
    assert "1 person on the list is not on the flow" in page
    assert sync().state == "success"
    assert shares(sandbox, flow) == [1]
    lines = [(one, "asse0@liu.example") for one in (first, second)]
    page = send(client, flow, [*lines, (third, "asse1@liu.example")], adds_assessors="on")
    assert "not on the list" not in page
    assert sync().state == "success"
    assert shares(sandbox, flow) == [1, 2]
    flow.refresh_from_db()
    assessors = [one["organisation_id"] for one in flow.staff if one["role"] == "assessor"]
    assert assessors == ["asse0@liu.example", "asse1@liu.example"]
    told = [entry.message for entry in AuditEntry.objects.filter(flow=flow, actor=anna).order_by("pk")]
    assert [one["params"] for one in told if one["code"] == "sources.audit.list_changed"] == [
        {"count": 2},
        {"count": 3},
    ]


def test_a_faulty_list_changes_nothing_and_is_kept_in_the_form(sign_in: SignIn, anna: User, flow: Flow) -> None:
    page = send(sign_in(anna), flow, [("someone1", "asse9@liu.example")])
    assert "Line 1: asse9@liu.example is not one of the assessors." in page
    assert "someone1; asse9@liu.example" in page
    assert "The list that was there is unchanged." in page
    assert not flow.allocation_lines.exists()
    assert not SyncRun.objects.filter(state="queued").exists()


def test_an_empty_list_ends_it_and_takes_nothing_away(
    sign_in: SignIn, anna: User, sandbox: Sandbox, flow: Flow
) -> None:
    client = sign_in(anna)
    everybody = flow.participants.values_list("organisation_id", flat=True)
    send(client, flow, [(one, "asse0@liu.example") for one in everybody])
    sync()
    send(client, flow, [])
    run = sync()
    flow.refresh_from_db()
    assert (flow.assessor_allocation, flow.allocation_lines.count(), run.changes) == ("none", 0, [])
    assert shares(sandbox, flow) == [3]


@pytest.mark.parametrize("state", [Flow.State.PARTICIPATION_ENDED, Flow.State.CONCLUDED])
def test_after_participation_the_list_stands_still(sign_in: SignIn, anna: User, liu: Source, state: int) -> None:
    flow = FlowFactory(source=liu, state=state)
    client = sign_in(anna)
    assert "<textarea" not in client.get(f"/flows/{flow.pk}/assessors/").text
    fields = {"allocation_list": "a; b", "adds_assessors": "on"}
    assert "until participation has ended" in client.post(f"/flows/{flow.pk}/assessors/", fields).text
    assert not flow.allocation_lines.exists()


def test_a_flow_under_synchronisation_says_to_wait_and_keeps_what_was_written(
    sign_in: SignIn, anna: User, flow: Flow
) -> None:
    from sources.sync.lease import Lease

    assert Lease.take(flow.pk)
    page = send(sign_in(anna), flow, [("a", "asse0@liu.example")])
    assert "being synchronised just now" in page
    assert "a; asse0@liu.example" in page


def test_another_universitys_list_does_not_exist(sign_in: SignIn, olle: User, client: Client, flow: Flow) -> None:
    address = f"/flows/{flow.pk}/assessors/"
    stranger = sign_in(olle)
    assert stranger.get(address).status_code == stranger.post(address, {}).status_code == 404
    assert client.get(address).status_code == 302
