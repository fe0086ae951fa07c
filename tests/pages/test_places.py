"""Where the grade of somebody on several codes goes: in the wizard, with a code that is added, and on the flow's page."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from ladokflow.sandbox.server import Sandbox
from sources.flows.create import create_flow
from sources.flows.request import request_flow
from sources.models import Flow, Source
from tests.factories import ExportAttemptFactory, FlowFactory, MembershipFactory, ParticipantFactory, in_hours
from tests.pages.test_wizard import PREVIEW, SETTINGS, query, text

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]


@pytest.fixture
def manager(sign_in: SignIn, anna: User) -> Client:
    return sign_in(anna)


@pytest.fixture
def codes(sandbox: Sandbox, liu: Source) -> list[str]:
    """Two occasions of one exam, with one student on both."""
    first = sandbox.control.add_exam("liu", people=3)
    second = sandbox.control.add_exam("liu", people=2)
    both = sandbox.control.exam("liu", first)["participants"][0]
    sandbox.control.change_people("liu", second, add=[both], exact=True)
    return [first, second]


def settings_address(client: Client, codes: list[str]) -> str:
    page = text(client, f"{PREVIEW}?{query(*codes)}&make=one")
    found = re.search(rf'href="({re.escape(SETTINGS)}[^"]*)"', page)
    assert found
    return unescape(found[1])


def ask(client: Client, address: str, **fields: str) -> Flow:
    form = client.get(address).context["form"]
    given = {"submission_key": str(form["submission_key"].value()), "flow_type": "FLOWassign"}
    answer = client.post(address, {**given, "grade_decided_by": "assessor", **fields})
    assert answer.status_code == 302, answer.context["form"].errors
    return Flow.objects.latest("pk")


@pytest.mark.parametrize("is_other_course", [False, True])
def test_the_wizard_asks_with_what_fits_chosen(
    manager: Client, codes: list[str], sandbox: Sandbox, is_other_course: bool
) -> None:
    if is_other_course:
        sandbox.control.change_exam("liu", codes[1], courseCode="TATA24")
    fits = "each" if is_other_course else "one"
    assert "1 student is on several of these exams." in text(manager, f"{PREVIEW}?{query(*codes)}&make=one")
    address = settings_address(manager, codes)
    page = manager.get(address)
    assert page.context["form"]["grade_goes_to"].value() == fits
    assert "1 student is on several of the codes." in page.text
    other = {"one": "each", "each": "one"}[fits]
    assert ask(manager, address, grade_goes_to=other).grade_goes_to == other


def test_the_question_has_to_be_answered_and_only_by_what_there_is(manager: Client, codes: list[str]) -> None:
    address = settings_address(manager, codes)
    for given in ({}, {"grade_goes_to": "nowhere"}):
        form = manager.post(address, {"flow_type": "FLOWassign", "grade_decided_by": "assessor", **given}).context[
            "form"
        ]
        assert form.errors["grade_goes_to"]


@pytest.mark.parametrize("way", ["a flow each", "nobody on both"])
def test_who_is_on_one_only_is_not_asked_about(manager: Client, codes: list[str], sandbox: Sandbox, way: str) -> None:
    if way == "nobody on both":
        codes = [codes[0], sandbox.control.add_exam("liu", people=2)]
        assert "shared=" not in settings_address(manager, codes)
    else:
        assert "on several of these exams" not in text(manager, f"{PREVIEW}?{query(*codes)}")
    make = "&make=one" if way == "nobody on both" else "&shared=1&goes=each"
    assert "grade_goes_to" not in text(manager, f"{SETTINGS}?{query(*codes)}{make}")


def test_a_code_that_is_added_asks_first(manager: Client, anna: User, liu: Source, codes: list[str]) -> None:
    flow = create_flow(request_flow(source=liu, codes=codes[:1], requested_by=anna, enqueue=False).pk)
    address = reverse("flows:code_add", args=[flow.pk])
    asked = manager.post(address, {"code": codes[1]})
    assert f"1 student on {codes[1]} is on another code of the flow as well." in asked.text
    form = asked.context["form"]
    assert (form["code"].value(), form["grade_goes_to"].value()) == (codes[1], "one")
    assert "optional" not in asked.text
    assert flow.codes.count() == 1
    done = manager.post(address, {"code": codes[1], "grade_goes_to": "each"}, follow=True)
    assert "has been added" in done.text
    flow.refresh_from_db()
    assert (flow.codes.count(), flow.grade_goes_to) == (2, "each")


def test_the_flows_page_says_where_and_lets_it_be_changed_until_a_grade_is_sent(sign_in: SignIn) -> None:
    flow = FlowFactory(codes=["A", "B"])
    ParticipantFactory(flow=flow, codes=list(flow.codes.all()))
    client = sign_in(MembershipFactory(source=flow.source).user)
    detail, address = reverse("flows:detail", args=[flow.pk]), reverse("flows:place", args=[flow.pk])
    assert "1 student is on several of the codes." in text(client, detail)
    told = client.post(address, {"grade_goes_to": "each", "was": "one"}, follow=True).text
    assert "Where the grades go is saved." in told
    flow.refresh_from_db()
    assert flow.grade_goes_to == "each"
    assert "Somebody else has changed" in client.post(address, {"grade_goes_to": "one", "was": "one"}, follow=True).text
    ExportAttemptFactory(flow=flow, state="exported", sending_at=in_hours(-1))
    page = text(client, detail)
    assert f'action="{address}"' not in page
    assert "A grade has been sent, so this can no longer be changed." in page
    told = client.post(address, {"grade_goes_to": "one", "was": "each"}, follow=True).text
    assert "where grades go can no longer be changed" in told
    flow.refresh_from_db()
    assert flow.grade_goes_to == "each"


def test_a_flow_of_one_code_has_nothing_to_say_of_it_and_strangers_and_nonsense_get_404(sign_in: SignIn) -> None:
    flow = FlowFactory()
    client = sign_in(MembershipFactory(source=flow.source).user)
    assert "grade_goes_to" not in text(client, reverse("flows:detail", args=[flow.pk]))
    address = reverse("flows:place", args=[flow.pk])
    assert sign_in(MembershipFactory().user).post(address, {"grade_goes_to": "one", "was": "one"}).status_code == 404
    assert client.post(address, {"grade_goes_to": "nowhere", "was": "one"}).status_code == 404
