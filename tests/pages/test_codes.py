"""Adding and removing a Ladok code on its pages, without JavaScript."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from sources.flows.create import create_flow
from sources.flows.request import request_flow
from sources.models import AuditEntry, Flow, SyncRun
from sources.sync.run import run_sync
from tests.factories import FlowFactory, MembershipFactory
from tests.filling import press

SignIn = Callable[[User], Client]


@pytest.fixture
def exams(sandbox: Any) -> list[str]:
    return [sandbox.control.add_exam("liu", people=3) for _ in range(2)]


@pytest.fixture
def flow(liu: Any, anna: User, exams: list[str]) -> Flow:
    return create_flow(request_flow(source=liu, codes=exams[:1], requested_by=anna, enqueue=False).pk)


def text(answer: Any) -> str:
    return str(answer.content.decode())


def test_a_code_is_added_and_removed_again_after_reading_what_happens(
    sign_in: SignIn, flow: Flow, anna: User, exams: list[str]
) -> None:
    client, page = sign_in(anna), reverse("flows:codes", args=[flow.pk])
    assert "Remove …" not in text(client.get(page))
    answer = client.post(reverse("flows:code_add", args=[flow.pk]), {"code": exams[1]}, follow=True)
    assert f"{exams[1]} has been added" in text(answer)
    assert "Master: rules" in text(answer)
    assert SyncRun.objects.filter(flow=flow, state="queued", requested_by=anna).count() == 1
    remove = reverse("flows:code_remove", args=[flow.pk, flow.codes.get(code=exams[0]).pk])
    assert remove in text(client.get(page))
    shown = text(client.get(remove))
    assert "3 participants, who come from" in shown
    assert f"{exams[1]} becomes the master" in shown
    assert "has been removed" in text(press(client, remove, follow=True))
    assert [code.code for code in flow.codes.filter(removed_at=None)] == [exams[1]]


def test_what_was_typed_wrong_stays_in_the_field_with_the_reason(sign_in: SignIn, flow: Flow, anna: User) -> None:
    client, address = sign_in(anna), reverse("flows:code_add", args=[flow.pk])
    answer = text(client.post(address, {"code": "NO-SUCH-EXAM"}))
    assert 'value="NO-SUCH-EXAM"' in answer
    assert 'role="alert"' in answer
    assert "This field is required" in text(client.post(address, {"code": ""}))
    assert flow.codes.count() == 1


def test_the_last_code_has_no_button_before_concluding(sign_in: SignIn, flow: Flow, anna: User) -> None:
    remove = reverse("flows:code_remove", args=[flow.pk, flow.codes.get().pk])
    shown = text(sign_in(anna).get(remove))
    assert "only Ladok code" in shown
    assert "Remove the code" not in shown
    assert "only Ladok code" in text(sign_in(anna).post(remove))


@pytest.mark.django_db
def test_others_flows_codes_do_not_exist(sign_in: SignIn, client: Client) -> None:
    flow, other = FlowFactory(codes=["A", "B"]), FlowFactory(codes=["C"])
    manager = sign_in(MembershipFactory(source=flow.source).user)
    remove = reverse("flows:code_remove", args=[flow.pk, flow.codes.first().pk])
    stranger = sign_in(MembershipFactory().user)
    assert stranger.get(remove).status_code == stranger.post(remove).status_code == 404
    assert stranger.post(reverse("flows:code_add", args=[flow.pk]), {"code": "D"}).status_code == 404
    assert manager.get(reverse("flows:code_remove", args=[flow.pk, other.codes.first().pk])).status_code == 404
    assert client.get(remove).status_code == 302


@pytest.mark.django_db
def test_wiseflow_out_of_reach_is_told_on_the_confirm_page(sign_in: SignIn) -> None:
    flow = FlowFactory(codes=["A", "B"])
    remove = reverse("flows:code_remove", args=[flow.pk, flow.codes.first().pk])
    shown = text(sign_in(MembershipFactory(source=flow.source).user).get(remove))
    assert 'role="alert"' in shown
    assert "Remove the code" not in shown


# --- A scale that is not the flow's


def others_scale(sandbox: Any, scale: str, **fields: Any) -> str:
    return str(sandbox.control.add_exam("liu", people=1, gradeScale=scale, **fields))


def test_the_scale_of_an_exam_that_is_added_is_asked_about_where_wiseflow_has_no_counterpart(
    sign_in: SignIn, flow: Flow, anna: User, sandbox: Any
) -> None:
    client, address = sign_in(anna), reverse("flows:code_add", args=[flow.pk])
    code = others_scale(sandbox, "Okänd")
    asked = client.post(address, {"code": code.lower()})
    assert f"{code} has the grading scale Okänd in Ladok, which has no counterpart" in text(asked)
    assert "Ladok&#x27;s Okänd" in text(asked)
    assert "The flow keeps its own scale" in text(asked)
    for given in ("", "no such scale", "0"):
        assert 'name="scale"' in text(client.post(address, {"code": code, "scale": given}))
    assert (flow.codes.count(), SyncRun.objects.filter(state="queued").count()) == (1, 0)
    own = str(flow.grading_scale_id)
    assert f'<option value="{own}">U345</option>' in text(asked)
    assert client.post(address, {"code": code, "scale": own}).status_code == 302
    run_sync(SyncRun.objects.get(state="queued").pk)
    flow.refresh_from_db()
    assert (flow.scale_choices, flow.scale_message, flow.codes.get(code=code).grade_scale) == (
        {"okänd": own},
        {},
        "Okänd",
    )
    # It has been said for the scale, and is not asked again.
    assert client.post(address, {"code": others_scale(sandbox, "okänd ")}).status_code == 302


@pytest.mark.parametrize("is_known", [False, True])
def test_a_flow_that_keeps_its_own_scale_sends_nothing_before_it_is_said_how(
    sign_in: SignIn, flow: Flow, anna: User, sandbox: Any, is_known: bool
) -> None:
    client, address = sign_in(anna), reverse("flows:code_add", args=[flow.pk])
    code = others_scale(sandbox, "U-G" if is_known else "Okänd")
    asked = text(client.post(address, {"code": code}))
    if is_known:
        assert "which is U-G in WISEflow. The flow has U345." in asked
        # No other scale can be chosen: its grades are not those of the exam.
        assert asked.count("<option ") == 2
        assert client.post(address, {"code": code, "scale": str(flow.grading_scale_id)}).status_code == 200
    assert flow.codes.count() == 1
    assert client.post(address, {"code": code, "scale": "any"}).status_code == 302
    run_sync(SyncRun.objects.get(state="queued").pk)
    flow.refresh_from_db()
    assert flow.scale_message["code"] == "export.scale_not_the_exams"
    assert AuditEntry.objects.filter(flow=flow, message__code="sources.audit.scale_chosen").count() == 1
    for page in ("/", "/flows/"):
        assert "s grading scale in WISEflow is U345" in text(client.get(page)), page


def test_the_scale_and_the_place_of_grades_are_asked_after_one_another(
    sign_in: SignIn, flow: Flow, anna: User, sandbox: Any, exams: list[str]
) -> None:
    client, address = sign_in(anna), reverse("flows:code_add", args=[flow.pk])
    both = sandbox.control.exam("liu", exams[0])["participants"][:1]
    code = others_scale(sandbox, "Okänd")
    sandbox.control.change_people("liu", code, add=both, exact=True)
    asked = text(client.post(address, {"code": code}))
    assert ('name="scale"' in asked, 'name="grade_goes_to"' in asked) == (True, False)
    asked = text(client.post(address, {"code": code, "scale": "any"}))
    assert '<input type="hidden" name="scale" value="any"' in asked
    assert 'name="grade_goes_to"' in asked
    assert client.post(address, {"code": code, "scale": "any", "grade_goes_to": "each"}).status_code == 302
    flow.refresh_from_db()
    assert (flow.scale_choices, flow.grade_goes_to, flow.is_place_said) == ({"okänd": ""}, "each", True)


def test_an_exam_with_the_flows_scale_or_none_is_asked_nothing(
    sign_in: SignIn, flow: Flow, anna: User, sandbox: Any, liu: Any
) -> None:
    client, address = sign_in(anna), reverse("flows:code_add", args=[flow.pk])
    scale = flow.codes.get().grade_scale
    for spelt in (scale, f" {scale.lower()}\u200b", "", "  "):
        assert client.post(address, {"code": others_scale(sandbox, spelt)}).status_code == 302, repr(spelt)
    Flow.objects.filter(pk=flow.pk).update(scale_choices={})
    liu.grading_scales = liu.grading_scales | {"Vår egen": str(flow.grading_scale_id)}
    liu.save()
    assert client.post(address, {"code": others_scale(sandbox, "Vår egen")}).status_code == 302


def test_wiseflow_out_of_reach_adds_no_code(sign_in: SignIn, flow: Flow, anna: User, sandbox: Any) -> None:
    code = others_scale(sandbox, "Okänd")
    sandbox.control.fault("wiseflow", "/license/grading-scales*", "status", times=-1, status=503)
    answer = sign_in(anna).post(reverse("flows:code_add", args=[flow.pk]), {"code": code})
    assert "WISEflow failed on its own side" in text(answer)
    assert flow.codes.count() == 1
