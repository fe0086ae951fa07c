"""A flow is changed on its page, several together, and by the command; the wizard and presets have the same settings."""

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

from sources.flows.change import standing_of
from sources.flows.create import create_flow
from sources.flows.request import request_flow
from sources.flows.settings import SETTINGS
from sources.models import Flow, FlowPreset, Membership, Source
from tests.by_hand import written
from tests.factories import FlowFactory
from tests.filling import form_on

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]
ASSESSOR, TYPO = "orjha56@liu.example", "okand99@liu.example"
CHANGED = "Something has changed since this was shown to you."


@pytest.fixture
def make(sandbox: Any, liu: Source, anna: User) -> Callable[[], Flow]:
    def made() -> Flow:
        code = sandbox.control.add_exam("liu", people=1)
        return create_flow(request_flow(source=liu, codes=[code], requested_by=anna, enqueue=False).pk)

    return made


@pytest.fixture
def flow(sandbox: Any, make: Callable[[], Flow]) -> Flow:
    made = make()
    sandbox.control.clear_received()
    return made


def of(flow: Flow) -> str:
    return reverse("flows:change", args=[flow.pk])


def value_on(page: str, name: str) -> str:
    _, _, rest = page.partition(f'name="{name}" value="')
    return rest.partition('"')[0]


def form_of(page: str, flow: Flow) -> dict[str, Any]:
    """The form with what is to be changed, as it stands; without its longer texts."""
    return form_on(page, of(flow), shown=value_on(page, "shown"))


def test_settings_and_people_are_changed_on_the_page(sandbox: Any, flow: Flow, anna: User, sign_in: SignIn) -> None:
    client = sign_in(anna)
    page = client.get(of(flow)).text
    for setting in SETTINGS:
        assert str(setting.label).replace("'", "&#x27;") in page
    sent = form_of(page, flow) | {
        "instant_export": "on",
        "anonymisation": "number",
        "managers": anna.email,
        "assessors": ASSESSOR,
    }
    answer = client.post(of(flow), sent, follow=True)
    assert "Instant export: no → yes" in answer.text
    assert "Anonymisation: None: names are shown → By the participant&#x27;s number" in answer.text
    flow.refresh_from_db()
    assert flow.instant_export
    assert {row["organisation_id"] for row in flow.staff if row["role"] == "assessor"} == {ASSESSOR}
    assert standing_of(flow).values["anonymisation"] == "number"


def test_a_member_may_be_written_by_name_and_whom_wiseflow_does_not_know_is_asked_about(
    flow: Flow, anna: User, lars: User, sign_in: SignIn
) -> None:
    type(lars).objects.filter(pk=lars.pk).update(first_name="Lars", last_name="Ek")
    client = sign_in(anna)
    sent = form_of(client.get(of(flow)).text, flow) | {"managers": anna.email, "reviewers": "Ek Lars"}
    assert client.post(of(flow), sent).status_code == 302
    flow.refresh_from_db()
    assert [row["email"] for row in flow.staff if row["role"] == "reviewer"] == [lars.email]
    sent = form_of(client.get(of(flow)).text, flow) | {"managers": anna.email, "reviewers": lars.email}
    assert "is no member" in client.post(of(flow), sent | {"authors": "Nils Ingen"}).text
    asked = client.post(of(flow), sent | {"authors": TYPO}).text
    assert "Not found in WISEflow" in asked
    flow.refresh_from_db()
    assert not [row for row in flow.staff if row["role"] == "author"]


def test_people_are_looked_up_and_what_was_written_stays(
    sandbox: Any, flow: Flow, anna: User, lars: User, sign_in: SignIn
) -> None:
    type(lars).objects.filter(pk=lars.pk).update(first_name="Lars", last_name="Ek")
    client = sign_in(anna)
    sent = form_of(client.get(of(flow)).text, flow) | {"managers": anna.email, "term": "HT26", "instant_export": "on"}

    def looked_up(who: str) -> str:
        page = client.post(of(flow), sent | {"who": who, "look_up": "yes"}).text
        kept = form_of(page, flow)
        assert (kept["term"], kept["seen"]) == (["HT26"], sent["seen"])
        assert "instant_export" in kept  # ticked
        return page

    assert f"<code>{lars.email}</code> Lars Ek" in looked_up("ek")
    known = next(
        user for user in sandbox.control.users("liu") if {"value": ASSESSOR}.items() <= user["data"][0].items()
    )
    assert f"<code>{ASSESSOR}</code> {known['firstName']} {known['lastName']}" in looked_up(ASSESSOR.upper())
    assert "Nobody was found" in looked_up("nobody at all")
    sandbox.control.fault("wiseflow", "/users/search", "status", -1, status=503)
    assert "WISEflow" in looked_up("someone-else")
    flow.refresh_from_db()
    assert not flow.instant_export


def test_what_has_changed_meanwhile_is_shown_anew(sandbox: Any, flow: Flow, anna: User, sign_in: SignIn) -> None:
    client = sign_in(anna)
    sent = form_of(client.get(of(flow)).text, flow) | {"managers": anna.email, "instant_export": "on"}
    sandbox.control.set_metadata_by_hand(flow.wiseflow_id, term="VT27")
    page = client.post(of(flow), sent).text
    assert CHANGED in page
    assert 'value="VT27"' in page
    assert CHANGED in client.post(of(flow), {**sent, "seen": ""}).text
    flow.refresh_from_db()
    assert not flow.instant_export


def test_the_page_says_what_can_no_longer_be_changed(sandbox: Any, flow: Flow, anna: User, sign_in: SignIn) -> None:
    client = sign_in(anna)
    Membership.objects.filter(user=anna).update(can_export=False)
    sandbox.control.end_participation(flow.wiseflow_id)
    page = client.get(of(flow)).text
    assert "the assessors have seen whom they assess" in page
    assert "you may not export grades here" in page
    for name in ("anonymisation", "instant_export", "time_box"):
        assert f'name="{name}"' not in page
    sent = form_of(page, flow) | {"managers": anna.email, "anonymisation": "number", "instant_export": "on"}
    client.post(of(flow), sent)
    assert standing_of(flow).values["anonymisation"] == "names"
    flow.refresh_from_db()
    assert not flow.instant_export


def test_another_universitys_flow_is_not_there(flow: Flow, olle: User, sign_in: SignIn) -> None:
    client = sign_in(olle)
    assert client.get(of(flow)).status_code == 404
    assert client.post(of(flow), {"instant_export": "on"}).status_code == 404
    several = reverse("flows:change_many")
    assert client.get(several, {"flow": flow.pk})["Location"] == reverse("flows:list")
    assert client.post(several, {"flow": flow.pk, "step": "look"})["Location"] == reverse("flows:list")


# --- Several at once


def test_several_are_looked_at_first_and_then_changed_one_by_one(
    sandbox: Any, make: Callable[[], Flow], anna: User, sign_in: SignIn
) -> None:
    flows, client, several = [make() for _ in range(3)], sign_in(anna), reverse("flows:change_many")
    sandbox.control.end_participation(flows[2].wiseflow_id)
    sandbox.control.clear_received()
    form = form_on(client.get(several, {"flow": [flow.pk for flow in flows]}).text)
    assert form["flow"] == [str(flow.pk) for flow in sorted(flows, key=lambda flow: (flow.title, flow.pk))]
    page = client.post(several, form | {"anonymisation": "number", "add_assessors": ASSESSOR}).text
    assert page.count("→ By the participant") == 2
    assert "the assessors have seen whom they assess" in page
    assert written(sandbox) == []
    confirm = form_on(page, step="confirm")
    assert len(confirm["flow"]) == 2
    sandbox.control.set_settings_by_hand(
        flows[1].wiseflow_id, anonymisation={"participantIndex": False, "userDataTypeId": None, "uniqueExamId": True}
    )
    page = client.post(several, confirm).text
    assert CHANGED in page
    assert page.count("→ By the participant") == 1
    assert [standing_of(flow).values["anonymisation"] for flow in flows] == ["number", "exam-id", "names"]


def test_no_more_are_changed_at_once_than_one_can_wait_for(liu: Source, anna: User, sign_in: SignIn) -> None:
    flows = FlowFactory.create_batch(51, source=liu)
    answer = sign_in(anna).get(reverse("flows:change_many"), {"flow": [flow.pk for flow in flows]}, follow=True)
    assert "At most 50 at once" in answer.text


def test_flows_of_several_universities_are_not_changed_together(
    liu: Source, oru: Source, anna: User, sign_in: SignIn
) -> None:
    Membership.objects.create(source=oru, user=anna)
    flows = [FlowFactory(source=liu), FlowFactory(source=oru)]
    answer = sign_in(anna).get(reverse("flows:change_many"), {"flow": [flow.pk for flow in flows]}, follow=True)
    assert "flows of one university" in answer.text


# --- The command, presets and the wizard


def test_the_command(sandbox: Any, flow: Flow, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*more: str) -> tuple[dict[str, Any], str]:
        failure = ""
        try:
            call_command("changeflow", "--flow", str(flow.pk), "--by", "anna@liu.example", "--json", *more)
        except CommandError as error:
            failure = str(error)
        printed = capsys.readouterr().out
        return (json.loads(printed) if printed else {}), failure

    wanted = (
        "--anonymisation",
        "number",
        "--time-box",
        "90",
        "--instant-export",
        "yes",
        "--add",
        f"assessor={ASSESSOR}",
    )
    shown, failure = run(*wanted, "--preview")
    assert (len(shown["changes"]), failure, written(sandbox)) == (4, "", [])
    sandbox.control.set_settings_by_hand(flow.wiseflow_id, timebox={"enabled": True, "durationMinutes": 60})
    again, failure = run(*wanted, "--seen", shown["fingerprint"])
    assert CHANGED in failure
    assert written(sandbox) == []
    done, failure = run(*wanted, "--seen", again["fingerprint"])
    assert (len(done["changes"]), failure) == (4, "")
    assert run(*wanted)[0]["changes"] == []
    assert run("--time-box", "none")[0]["changes"] == ["Time box: 90 minutes → nothing"]
    assert "Time box" in run("--time-box", "soon")[1]
    assert TYPO in run("--add", f"author={TYPO}")[1]


def test_a_preset_fills_in_what_stands_in_wiseflow(sandbox: Any, liu: Source, anna: User, sign_in: SignIn) -> None:
    preset = FlowPreset.objects.create(
        source=liu, name="Salstenta", wiseflow_settings={"anonymisation": "exam-id", "term": "HT26"}
    )
    code, client = sandbox.control.add_exam("liu", people=1), sign_in(anna)
    address = reverse("flows:settings", args=["liu"]) + f"?code={code}&make=one&preset={preset.pk}"
    page = client.get(address).text
    sent = form_on(page, submission_key=value_on(page, "submission_key"))
    assert (sent["anonymisation"], sent["term"]) == (["exam-id"], ["HT26"])
    assert client.post(address, sent).status_code == 302
    flow = create_flow(Flow.objects.get().pk)
    assert flow.setup_state == "ready"
    values = standing_of(flow).values
    assert (values["anonymisation"], values["term"], values["purpose"]) == ("exam-id", "HT26", "EXAMINATION")


def test_the_flows_that_are_chosen_in_the_list_are_changed_together(sign_in: SignIn, anna: User, liu: Source) -> None:
    flows, client = [FlowFactory(source=liu) for _ in range(2)], sign_in(anna)
    several = reverse("flows:change_many")
    assert f'formaction="{several}"' in client.get(reverse("flows:list")).text
    page = client.post(several, {"flow": [flow.pk for flow in flows], "next": "/flows/"}).text
    assert all(f'name="flow" value="{flow.pk}"' in page for flow in flows)
    assert 'name="step"' in page
