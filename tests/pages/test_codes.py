"""Adding and removing a Ladok code on its pages, without JavaScript."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from sources.flows.create import create_flow
from sources.flows.request import request_flow
from sources.models import Flow, SyncRun
from tests.factories import FlowFactory, MembershipFactory

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
    assert "has been removed" in text(client.post(remove, {"phase": "setup"}, follow=True))
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
    assert "only Ladok code" in text(sign_in(anna).post(remove, {"phase": "setup"}))


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
