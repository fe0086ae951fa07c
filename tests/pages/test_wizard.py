"""From Ladok to a flow: source, exams, source data, settings. Against the sandbox."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from django.test import Client

from sources.creating import create_flow
from sources.models import Flow, Source
from tests.factories import FlowFactory, MembershipFactory

if TYPE_CHECKING:
    from ladokflow.sandbox.server import Sandbox

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]

LIST, CODE, PREVIEW, SETTINGS = (f"/flows/new/liu/{name}/" for name in ("list", "code", "preview", "settings"))


def text(client: Client, address: str) -> str:
    answer = client.get(address, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def settings_of(client: Client, *codes: str, **fields: str) -> dict[str, str]:
    page = text(client, f"{SETTINGS}?{query(*codes)}")
    key = re.search(r'name="submission_key" value="([^"]+)"', page)
    assert key
    return {"submission_key": key[1], "flow_type": "FLOWassign", "grade_decided_by": "assessor"} | fields


def query(*codes: str) -> str:
    return "&".join(f"code={quote(code, safe='')}" for code in codes)


@pytest.fixture
def manager(sign_in: SignIn, anna: User) -> Client:
    return sign_in(anna)


# --- Source and way


def test_with_one_source_the_choice_of_source_is_skipped(manager: Client) -> None:
    assert manager.get("/flows/new/").headers["Location"] == "/flows/new/liu/"


def test_with_several_sources_one_chooses(manager: Client, anna: User) -> None:
    other = MembershipFactory(user=anna).source
    page = text(manager, "/flows/new/")
    assert "Linköpings universitet" in page
    assert other.name in page


@pytest.mark.parametrize("step", ["", "list/", "code/", "preview/", "settings/"])
def test_another_universitys_wizard_does_not_exist(
    sign_in: SignIn, client: Client, liu: Source, olle: User, step: str
) -> None:
    address = f"/flows/new/liu/{step}?code=TDDE01-TEN1-1001"
    assert sign_in(olle).get(address).status_code == 404
    assert client.get(address).status_code == 302


def test_the_two_ways_keep_their_swedish_names_with_an_english_gloss(manager: Client) -> None:
    page = text(manager, "/flows/new/liu/")
    assert '<span lang="sv">Välj från lista</span>' in page
    assert '<span lang="sv">Ange kod</span>' in page
    assert "(choose from list)" in page
    swedish = manager.get("/flows/new/liu/", headers={"accept-language": "sv"}).content.decode()
    assert "Ange kod" in swedish
    assert "enter code" not in swedish


# --- Exams


def test_a_course_code_lists_its_exams(manager: Client) -> None:
    page = text(manager, f"{LIST}?course=TDDE01")
    assert 'value="TDDE01-TEN1-1001"' in page
    assert "Campus Valla" in page
    assert 'value="TATA24-TEN1-1001"' not in page


def test_a_course_without_exams_says_so_and_keeps_what_was_typed(manager: Client) -> None:
    page = text(manager, f"{LIST}?course=XXXX99")
    assert "Ladok has no exam for that course code" in page or "does not know the course code" in page
    assert 'value="XXXX99"' in page


def test_exams_of_several_courses_can_be_chosen_one_after_the_other(manager: Client) -> None:
    page = text(manager, f"{LIST}?course=TATA24&code=TDDE01-TEN1-1001")
    assert "Chosen already" in page
    assert re.search(r'value="TDDE01-TEN1-1001"[^>]*checked', page)


def test_an_exam_that_is_on_a_flow_already_cannot_be_ticked_and_leads_to_the_flow(manager: Client, liu: Source) -> None:
    flow = FlowFactory(source=liu, codes=["TDDE01-TEN1-1001"])
    page = text(manager, f"{LIST}?course=TDDE01")
    assert 'value="TDDE01-TEN1-1001"' not in page
    assert f'href="/flows/{flow.pk}/"' in page


def test_ladok_down_is_told_and_keeps_what_was_typed(manager: Client, sandbox: Sandbox) -> None:
    sandbox.control.fault("liu", "/exams*", "status", times=-1, status=503)
    page = text(manager, f"{LIST}?course=TDDE01")
    assert "Ladok failed on its own side (HTTP 503)." in page
    assert 'value="TDDE01"' in page


def test_an_unknown_code_says_so_at_the_field_and_keeps_what_was_typed(manager: Client) -> None:
    page = text(manager, f"{PREVIEW}?typed=FINNS-INTE&code=TDDE01-TEN1-1001")
    assert "Ladok does not know the code FINNS-INTE." in page
    field = re.search(r'<input[^>]*name="typed"[^>]*>', page)
    assert field
    assert 'value="FINNS-INTE"' in field[0]
    assert 'aria-invalid="true"' in field[0]
    assert "id_typed_error" in field[0]
    assert '<input type="hidden" name="code" value="TDDE01-TEN1-1001">' in page


def test_a_typed_code_joins_the_others_at_an_address_of_its_own(manager: Client) -> None:
    answer = manager.get(PREVIEW, {"typed": " TDDE01/TEN Å-2 ", "code": "TDDE01-TEN1-1001"})
    assert answer.headers["Location"] == f"{PREVIEW}?code=TDDE01-TEN1-1001&code=TDDE01%2FTEN+%C3%85-2"


@pytest.mark.parametrize("address", [f"{PREVIEW}?typed=", PREVIEW, f"{LIST}?course="])
def test_nothing_chosen_or_typed_is_told(manager: Client, address: str) -> None:
    page = text(manager, address)
    assert "This field is required." in page or "Choose at least one exam." in page


# --- Source data


def test_the_source_data_shows_who_comes_in_and_which_field_from_where(manager: Client, sandbox: Sandbox) -> None:
    page = text(manager, f"{PREVIEW}?{query('TDDE01-TEN1-1001')}")
    assert "courseCode + courseName" in page
    assert "<code>LiUId</code>" in page
    exam = next(one for one in sandbox.control.exams("liu") if one["examCode"] == "TDDE01-TEN1-1001")
    assert exam["courseName"] in page
    assert "students come in" in page
    assert not re.search(r"\b(19|20)\d{6}-\d{4}\b", page)


def test_problems_come_first_and_do_not_stop_the_others(manager: Client) -> None:
    page = text(manager, f"{PREVIEW}?{query('TDDE01-UTAN-ID', 'TDDE01-DUBBLETT')}")
    assert page.index("2 things to look at") < page.index("2 exams become one flow") < page.index("23 students come in")
    assert "has no organisation id" in page
    assert "is more than once in Ladok" in page
    assert "Continue to settings" in page


def test_dates_that_ladok_lacks_are_shown_as_they_will_be(manager: Client) -> None:
    page = text(manager, f"{PREVIEW}?{query('TDDE01-UTAN-DATUM')}")
    assert page.count("not in Ladok: the usual time") == 4


def test_a_code_on_another_flow_stops_the_wizard_and_leads_to_that_flow(manager: Client, liu: Source) -> None:
    flow = FlowFactory(source=liu, codes=["TDDE01-TEN1-1001"])
    page = text(manager, f"{PREVIEW}?{query('TDDE01-TEN1-1001')}")
    assert "TDDE01-TEN1-1001 is on a flow already" in page
    assert f"/flows/{flow.pk}/" in page
    assert "Continue to settings" not in page


def test_one_exam_of_several_can_be_taken_away(manager: Client) -> None:
    page = text(manager, f"{PREVIEW}?{query('TDDE01-TEN1-1001', 'FINNS-INTE')}")
    assert "Ladok does not know the code FINNS-INTE." in page
    assert f'href="{PREVIEW}?code=TDDE01-TEN1-1001"' in page
    assert "Continue to settings" not in page


# --- Settings


def test_the_settings_make_the_flow(manager: Client, liu: Source) -> None:
    fields = settings_of(
        manager,
        "TDDE01/TEN Å-2",
        assessors="exam001@liu.example\nanna@liu.example",
        instant_export="on",
        grade_decided_by="reviewer",
    )
    answer = manager.post(f"{SETTINGS}?{query('TDDE01/TEN Å-2')}", fields)
    flow = Flow.objects.get()
    assert answer.headers["Location"] == f"/flows/{flow.pk}/"
    assert [code.code for code in flow.codes.all()] == ["TDDE01/TEN Å-2"]
    assert (flow.instant_export, flow.activates, flow.grade_decided_by) == (True, False, "reviewer")
    anna = liu.memberships.get(user__email="anna@liu.example")
    assert {(one["role"], one["organisation_id"]) for one in flow.staff} == {
        ("manager", anna.organisation_id),
        ("assessor", "exam001@liu.example"),
        ("assessor", anna.organisation_id),
    }
    create_flow(flow.pk)
    assert "12" in text(manager, f"/flows/{flow.pk}/participants/")


def test_a_form_that_is_sent_twice_makes_one_flow(manager: Client) -> None:
    fields = settings_of(manager, "TDDE01-TEN1-1001")
    address = f"{SETTINGS}?{query('TDDE01-TEN1-1001')}"
    first, second = (manager.post(address, fields) for _ in range(2))
    assert first.headers["Location"] == second.headers["Location"]
    assert Flow.objects.count() == 1


def test_looking_back_keeps_everything(manager: Client) -> None:
    fields = settings_of(manager, "TDDE01-TEN1-1001", assessors="exam001@liu.example", activates="on", back="yes")
    address = f"{SETTINGS}?{query('TDDE01-TEN1-1001')}"
    answer = manager.post(address, fields)
    assert answer.headers["Location"] == f"{PREVIEW}?code=TDDE01-TEN1-1001"
    assert not Flow.objects.exists()
    page = text(manager, address)
    assert "exam001@liu.example" in page
    assert re.search(r'name="activates"[^>]*checked', page)
    assert not re.search(r'name="instant_export"[^>]*checked', page)
    assert fields["submission_key"] in page


def test_what_is_wrong_is_told_at_its_field_and_everything_is_kept(manager: Client) -> None:
    fields = settings_of(manager, "TDDE01-TEN1-1001", assessors="two words", template_flow_id="abc")
    page = manager.post(f"{SETTINGS}?{query('TDDE01-TEN1-1001')}", fields).content.decode()
    assert "“two words” is neither" in page
    assert 'href="#id_template_flow_id"' in page
    assert 'value="abc"' in page
    assert not Flow.objects.exists()


def test_a_code_that_was_taken_meanwhile_is_told_with_its_flow_and_nothing_is_made(
    manager: Client, liu: Source
) -> None:
    fields = settings_of(manager, "TDDE01-TEN1-1001", assessors="exam001@liu.example")
    flow = FlowFactory(source=liu, codes=["TDDE01-TEN1-1001"], title="The other flow")
    page = manager.post(f"{SETTINGS}?{query('TDDE01-TEN1-1001')}", fields).content.decode()
    assert "The other flow" in page
    assert "exam001@liu.example" in page
    assert list(Flow.objects.all()) == [flow]


def test_ladok_down_at_the_last_step_makes_nothing_and_keeps_everything(manager: Client, sandbox: Sandbox) -> None:
    fields = settings_of(manager, "TDDE01-TEN1-1001", assessors="exam001@liu.example")
    sandbox.control.fault("liu", "/exams*", "status", times=-1, status=503)
    page = manager.post(f"{SETTINGS}?{query('TDDE01-TEN1-1001')}", fields).content.decode()
    assert "Ladok failed on its own side (HTTP 503)." in page
    assert "exam001@liu.example" in page
    assert not Flow.objects.exists()


def test_wiseflow_down_is_told_on_the_settings_page_and_does_not_break_it(manager: Client, sandbox: Sandbox) -> None:
    sandbox.control.fault("wiseflow", "*", "status", times=-1, status=503)
    page = text(manager, f"{SETTINGS}?{query('TDDE01-TEN1-1001')}")
    assert "WISEflow failed on its own side" in page
    assert "Create the flow" in page


def test_reloading_any_step_changes_nothing(manager: Client) -> None:
    for address in (f"{LIST}?course=TDDE01", f"{PREVIEW}?{query('TDDE01-TEN1-1001')}", f"{SETTINGS}?{query('X')}"):
        for _ in range(2):
            text(manager, address)
    assert not Flow.objects.exists()
