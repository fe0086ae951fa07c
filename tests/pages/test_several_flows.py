"""Several exams from the wizard to a flow each, and the page that shows how far each has come. Against the sandbox."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from sources.flows.batch import request_exam
from sources.flows.create import create_flow
from sources.models import BatchExam, Flow, FlowBatch, FlowPreset, Source
from tests.factories import FlowFactory
from tests.filling import press
from tests.pages.test_wizard import SETTINGS, query, settings_of, text

if TYPE_CHECKING:
    from ladokflow.sandbox.server import Sandbox

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Client]
CODES = ("TDDE01-TEN1-1001", "TDDE01/TEN Å-2", "TATA24-TEN1-1001")


@pytest.fixture
def manager(sign_in: SignIn, anna: User) -> Client:
    return sign_in(anna)


def ask(client: Client, *codes: str, **fields: str) -> str:
    """Send the settings; the address of the page that shows what comes of it."""
    answer = client.post(f"{SETTINGS}?{query(*codes)}", settings_of(client, *codes, **fields))
    assert answer.status_code == 302
    return str(answer.headers["Location"])


def work() -> None:
    for exam in BatchExam.objects.all():
        request_exam(exam.pk)
    for flow in Flow.objects.exclude(setup_state=Flow.Setup.READY):
        create_flow(flow.pk)


def state_of(page: str, code: str) -> str:
    """The state's word in the row of the code."""
    row = next(row for row in page.split("<tr>") if f"<code>{code}</code>" in row)
    found = re.search(r'class="badge[^>]*>.*?<span>([^<]+)</span>', row, re.DOTALL)
    assert found
    return found[1]


def test_a_preset_serves_several_exams_and_each_becomes_a_flow_of_its_own(manager: Client, liu: Source) -> None:
    preset = FlowPreset.objects.create(source=liu, name="Hemtentamen", grade_decided_by="reviewer", instant_export=True)
    page = text(manager, f"{SETTINGS}?{query(*CODES)}&preset={preset.pk}")
    assert "For 3 flows, one per exam:" in page
    assert "Create 3 flows" in page
    address = ask(manager, *CODES, grade_decided_by="reviewer", instant_export="on")
    assert address == f"/flows/batches/{FlowBatch.objects.get().pk}/"
    work()
    flows = Flow.objects.all()
    assert {flow.codes.get().code for flow in flows} == set(CODES)
    assert {(flow.setup_state, flow.instant_export, flow.grade_decided_by) for flow in flows} == {
        ("ready", True, "reviewer")
    }
    shown = text(manager, address)
    assert "3 of 3 flows are made" in shown
    assert all(f'href="/flows/{flow.pk}/"' in shown for flow in flows)


def test_one_flow_with_all_is_still_one_flow(manager: Client) -> None:
    address = f"{SETTINGS}?{query(*CODES)}&make=one"
    fields = settings_of(manager, *CODES)
    answer = manager.post(address, fields)
    flow = Flow.objects.get()
    assert answer.headers["Location"] == f"/flows/{flow.pk}/"
    assert [code.code for code in flow.codes.all()] == list(CODES)
    assert not FlowBatch.objects.exists()


def test_a_form_that_is_sent_twice_makes_each_flow_once(manager: Client) -> None:
    fields = settings_of(manager, *CODES)
    first, second = (manager.post(f"{SETTINGS}?{query(*CODES)}", fields) for _ in range(2))
    assert first.headers["Location"] == second.headers["Location"]
    work()
    work()
    assert Flow.objects.count() == 3


def test_each_exam_has_its_own_progress_and_its_own_failure(manager: Client, sandbox: Sandbox, liu: Source) -> None:
    address = ask(manager, *CODES)
    waiting = text(manager, address)
    assert "0 of 3 flows are made" in waiting
    assert {state_of(waiting, code) for code in CODES} == {"Waiting"}
    assert 'hx-trigger="every 2s"' in waiting
    assert '<noscript><meta http-equiv="refresh"' in waiting
    other = FlowFactory(source=liu, codes=[CODES[1]])
    sandbox.control.fault("liu", "/exams/TATA24*", "status", times=-1, status=503)
    work()
    page = text(manager, address)
    assert [state_of(page, code) for code in CODES] == ["Created", "Not made", "Not made"]
    assert f'href="/flows/{other.pk}/"' in page
    assert "Ladok failed on its own side (HTTP 503)." in page
    assert "every 2s" not in page


def test_those_that_stopped_are_tried_again_with_one_button(manager: Client, sandbox: Sandbox) -> None:
    address = ask(manager, *CODES[:2])
    sandbox.control.fault("liu", "/exams/TDDE01-TEN1*", "status", times=-1, status=503)
    sandbox.control.fault("wiseflow", "*", "status", times=-1, status=503)
    work()
    page = text(manager, address)
    assert [state_of(page, code) for code in CODES[:2]] == ["Not made", "Stopped"]
    sandbox.control.clear_faults()
    answer = press(manager, address, f"{address}retry/")
    assert answer.headers["Location"] == address
    work()
    assert "2 of 2 flows are made" in text(manager, address)
    assert Flow.objects.count() == 2


def test_the_page_is_fetched_in_part_while_something_is_under_way(manager: Client) -> None:
    address = ask(manager, *CODES)
    part = manager.get(address, headers={"HX-Request": "true"}).content.decode()
    assert "<h1" not in part
    assert part.strip().startswith('<div id="made"')
    assert "hx-swap-oob" in part


def test_exams_that_became_no_flow_are_not_forgotten(manager: Client, sandbox: Sandbox) -> None:
    sandbox.control.fault("liu", "/exams/TATA24*", "status", times=-1, status=503)
    address = ask(manager, *CODES)
    assert address not in text(manager, "/flows/new/liu/")
    work()
    assert f'href="{address}"' in text(manager, "/flows/new/liu/")


def test_another_universitys_exams_do_not_exist(sign_in: SignIn, client: Client, manager: Client, olle: User) -> None:
    address = ask(manager, *CODES)
    stranger = sign_in(olle)
    assert stranger.get(address).status_code == stranger.post(f"{address}retry/").status_code == 404
    assert client.get(address).status_code == 302
    assert manager.get(f"{address}retry/").status_code == 405


def test_the_page_costs_the_same_for_two_exams_and_for_many(manager: Client, anna: User, liu: Source) -> None:
    def cost(count: int) -> int:
        batch = FlowBatch.objects.create(source=liu, requested_by=anna)
        for number in range(count):
            flow = FlowFactory(source=liu, codes=[f"{count}-{number}"])
            BatchExam.objects.create(batch=batch, position=number, code=f"{count}-{number}", flow=flow)
        with CaptureQueriesContext(connection) as queries:
            text(manager, f"/flows/batches/{batch.pk}/")
        return len(queries)

    cost(1)
    assert cost(2) == cost(40) <= 15
