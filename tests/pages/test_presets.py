"""A preset fills the wizard's settings; what is sent is what stands in the form."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from sources.flows.create import create_flow
from sources.models import Flow, FlowPreset
from tests.factories import SourceFactory

SignIn = Callable[[User], Client]


@pytest.fixture
def preset(liu: Any, sandbox: Any) -> FlowPreset:
    roles = ("manager", "assessor", "reviewer", "invigilator", "author")
    for known in ("asse01", "asse02", "fors01", *(f"{role}1@liu.example" for role in roles)):
        sandbox.control.add_user("liu", {"organisation_id": known})
    return FlowPreset.objects.create(
        source=liu,
        name="Hemtentamen",
        flow_type="flowassign",
        template_flow_id=None,
        staff=[
            {"role": "assessor", "organisation_id": "asse01"},
            {"role": "manager", "email": "lars@liu.example"},
            {"role": "author", "organisation_id": "fors01"},
        ],
        assessor_allocation="all",
        grade_decided_by="reviewer",
        instant_export=True,
        activates=True,
    )


def test_a_chosen_preset_fills_the_settings_and_the_flow_gets_them(
    sign_in: SignIn, anna: User, sandbox: Any, preset: FlowPreset
) -> None:
    code = sandbox.control.add_exam("liu", people=2)
    client = sign_in(anna)
    page = reverse("flows:settings", args=[preset.source.slug])
    assert "Hemtentamen" in client.get(page, {"code": code}).content.decode()
    form = client.get(page, {"code": code, "preset": preset.pk}).context["form"]
    values = {name: form[name].value() for name in form.fields}
    assert (values["assessors"], values["managers"], values["authors"]) == ("asse01", "lars@liu.example", "fors01")
    assert (values["assessor_allocation"], values["instant_export"], values["activates"]) == ("all", True, True)
    assert (values["flow_type"], values["grade_decided_by"]) == ("FLOWassign", "reviewer")
    sent = {name: value for name, value in values.items() if value not in (None, False)} | {"assessors": "asse02"}
    answer = client.post(f"{page}?code={code}&preset={preset.pk}", sent)
    flow = Flow.objects.get()
    assert answer.headers["Location"] == reverse("flows:detail", args=[flow.pk])
    assert (flow.assessor_allocation, flow.grade_decided_by, flow.activates) == ("all", "reviewer", True)
    assert {(one["role"], one["organisation_id"]) for one in flow.staff if one["role"] == "assessor"} == {
        ("assessor", "asse02")
    }
    assert "fors01" in [one["organisation_id"] for one in flow.staff if one["role"] == "author"]


def test_a_preset_whose_flow_type_the_licence_lacks_says_so(
    sign_in: SignIn, anna: User, sandbox: Any, preset: FlowPreset
) -> None:
    FlowPreset.objects.update(flow_type="FLOWgone")
    page = reverse("flows:settings", args=[preset.source.slug])
    answer = sign_in(anna).get(page, {"code": "X", "preset": preset.pk})
    assert "FLOWgone is not one of the licence" in answer.content.decode().replace("&#x27;", "'")
    assert answer.context["form"]["flow_type"].value() == "FLOWassign"


@pytest.mark.parametrize("asked", ["0", "x", ""])
def test_an_unknown_preset_and_another_sources_fill_nothing(
    sign_in: SignIn, anna: User, sandbox: Any, preset: FlowPreset, asked: str
) -> None:
    other = FlowPreset.objects.create(source=SourceFactory(), name="Annans", activates=True)
    page = reverse("flows:settings", args=[preset.source.slug])
    for value in (asked, str(other.pk)):
        answer = sign_in(anna).get(page, {"code": "X", "preset": value})
        assert not answer.context["form"]["activates"].value()
        assert "Annans" not in answer.content.decode()


def test_a_preset_gives_every_part_of_itself_to_the_flow_in_wiseflow(
    sign_in: SignIn, anna: User, sandbox: Any, preset: FlowPreset
) -> None:
    """Flow type, template flow, roles, instant export, who decides the grade, and activation: over HTTP, to the end."""
    template = next(flow["id"] for flow in sandbox.control.flows("liu") if flow["title"].startswith("Mall"))
    roles = {role: f"{role}1@liu.example" for role in ("manager", "assessor", "reviewer", "invigilator", "author")}
    preset.staff = [{"role": role, "organisation_id": one} for role, one in roles.items()]
    preset.template_flow_id = template
    preset.save()
    code = sandbox.control.add_exam("liu", people=2)
    client = sign_in(anna)
    page = reverse("flows:settings", args=[preset.source.slug])
    form = client.get(page, {"code": code, "preset": preset.pk}).context["form"]
    values = {name: form[name].value() for name in form.fields}
    client.post(f"{page}?code={code}", {name: value for name, value in values.items() if value not in (None, False)})
    flow = create_flow(Flow.objects.get().pk)
    assert (flow.setup_state, flow.template_flow_id, flow.instant_export) == ("ready", template, True)
    assert flow.state != Flow.State.NOT_ACTIVATED
    there = sandbox.control.flow(flow.wiseflow_id)
    assert {role: len(there[f"{role}s"]) for role in roles} == dict.fromkeys(roles, 1) | {"manager": 2}
    assert [len(row["participants"]) for row in there["assessors"]] == [2]
