"""From Ladok to a flow: source, exams, source data, settings. Against the sandbox."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Callable
from html import unescape
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from sources.flows.batch import request_batch, request_exam
from sources.flows.create import create_flow
from sources.flows.request import request_flow
from sources.models import Flow, Source
from tests.factories import FlowFactory, MembershipFactory
from tests.pages.walking import main_text

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
def manager(sign_in: SignIn, anna: User, sandbox: Sandbox) -> Client:
    for known in ("exam001@liu.example", "asse1@liu.example", "asse1", "asse2"):
        sandbox.control.add_user("liu", {"organisation_id": known})
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
    assert "Ladok has no such exam" in page or "does not know the course code" in page
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


def test_a_whole_text_is_not_asked_of_ladok_word_by_word(manager: Client, sandbox: Sandbox) -> None:
    sandbox.control.clear_received()
    page = text(manager, f"{PREVIEW}?typed={'+'.join(f'word{n}' for n in range(300))}")
    assert "Use Paste a list for many" in page
    assert not sandbox.control.received("liu")


def test_many_codes_are_typed_at_once_and_a_code_may_hold_what_divides_others(
    manager: Client, sandbox: Sandbox
) -> None:
    code = sandbox.control.add_exam("liu", examCode="TEN1, A 25", people=1)
    typed = f"{code}; TDDE01-TEN1-1001 TDDE01-TEN1-1002\r\nTDDE01/TEN Å-2,{code}"
    chosen = manager.get(PREVIEW, {"typed": code}).headers["Location"]
    assert chosen == f"{PREVIEW}?code=TEN1%2C+A+25"
    answer = manager.get(PREVIEW, {"typed": typed.replace(code, "tdde01-tom")}).headers["Location"]
    assert parse_qs(urlsplit(answer).query)["code"] == [
        *("TDDE01-TOM", "TDDE01-TEN1-1001", "TDDE01-TEN1-1002", "TDDE01/TEN Å-2"),
    ]
    page = text(manager, f"{PREVIEW}?{urlencode({'typed': 'TDDE01-TEN1-1001, FINNS INTE, NEJ'})}")
    assert 'name="code" value="TDDE01-TEN1-1001"' in page
    assert "Ladok does not know the code FINNS INTE." in page
    assert 'value="FINNS INTE, NEJ"' in page


def test_exams_are_listed_between_two_dates_and_without_a_course_where_ladok_can(
    manager: Client, liu: Source, sandbox: Sandbox
) -> None:
    today = dt.datetime.fromisoformat(sandbox.control.clock()).date()
    dates = f"first={today}&last={today + dt.timedelta(days=14)}"
    page = text(manager, f"{LIST}?course=TDDE01, tata24&{dates}")
    assert {code[:6] for code in exams_shown(page)} == {"TDDE01", "TATA24"}
    assert "TDDE01-TEN1-1001" not in exams_shown(page)  # two days ago
    assert "Ladok here lists the exams of a course" in page
    assert "Write a course code." in text(manager, f"{LIST}?course=&{dates}")
    assert "before the first" in text(manager, f"{LIST}?course=TDDE01&first={today}&last=2020-01-01")
    Source.objects.update(ladok_paths={"list_by_dates": "/exams?from={from}&to={to}"})
    page = text(manager, f"{LIST}?course=&{dates}")
    assert {code[:6] for code in exams_shown(page)} > {"TDDE01", "TATA24", "TDDD17"}
    assert "or both dates" in text(manager, f"{LIST}?course=&first={today}&last=")


@pytest.mark.parametrize("address", [f"{PREVIEW}?typed=", PREVIEW, f"{LIST}?course="])
def test_nothing_chosen_or_typed_is_told(manager: Client, address: str) -> None:
    page = text(manager, address)
    assert "This field is required." in page or "Write a course code." in page or "Choose at least one exam." in page


def exams_shown(page: str) -> set[str]:
    return set(re.findall(r'name="code" value="([^"]+)" id="exam-', page))


def test_a_long_list_is_filtered_and_what_is_ticked_stays_ticked(manager: Client) -> None:
    every = exams_shown(text(manager, f"{LIST}?course=TDDE01"))
    page = text(manager, f"{LIST}?course=TDDE01&q=tdde01-utan id&code=TDDE01-TEN1-1001")
    assert exams_shown(page) == {"TDDE01-UTAN-ID"} < every
    assert f"1 of {len(every)} exams in Ladok" in page
    assert re.search(r'value="TDDE01-TEN1-1001" id="kept-1" checked', page)
    nothing = text(manager, f"{LIST}?course=TDDE01&q=zzz&code=TDDE01-TEN1-1001")
    assert "No exam here has these words" in nothing
    assert "Continue" in nothing


def test_all_that_are_shown_are_ticked_at_once(manager: Client, liu: Source) -> None:
    FlowFactory(source=liu, codes=["TDDE01-UTAN-ID"])
    page = text(manager, f"{LIST}?course=TDDE01&q=utan&tick=all")
    ticked = set(re.findall(r'value="([^"]+)" id="exam-\d+" checked', page))
    assert ticked == exams_shown(page) == {"TDDE01-UTAN-DATUM"}


def test_filtering_with_htmx_gives_the_list_alone_and_does_not_ask_ladok_again(
    manager: Client, sandbox: Sandbox
) -> None:
    text(manager, f"{LIST}?course=TDDE01")
    sandbox.control.clear_received()
    part = manager.get(f"{LIST}?course=TDDE01&q=utan", headers={"HX-Request": "true"}).content.decode()
    assert "<h1" not in part
    assert exams_shown(part) == {"TDDE01-UTAN-ID", "TDDE01-UTAN-DATUM"}
    assert not sandbox.control.received("liu")


# --- Source data


def test_the_source_data_shows_who_comes_in_and_which_field_from_where(manager: Client, sandbox: Sandbox) -> None:
    page = text(manager, f"{PREVIEW}?{query('TDDE01-TEN1-1001')}")
    assert "courseCode + courseName" in page
    assert "<code>LiUId</code>" in page
    exam = next(one for one in sandbox.control.exams("liu") if one["examCode"] == "TDDE01-TEN1-1001")
    assert exam["courseName"] in page
    assert "students come in" in page
    assert not re.search(r"\b(19|20)\d{6}-\d{4}\b", main_text(page))


def test_problems_come_first_and_do_not_stop_the_others(manager: Client) -> None:
    page = text(manager, f"{PREVIEW}?{query('TDDE01-UTAN-ID', 'TDDE01-DUBBLETT')}")
    assert page.index("2 things to look at") < page.index("2 exams become a flow each") < page.index("23 students come")
    assert "has no organisation id" in page
    assert "is more than once in Ladok" in page
    assert "Continue to settings" in page


def test_an_exam_that_nobody_is_registered_for_is_told_before_the_flow_is_made(manager: Client) -> None:
    page = text(manager, f"{PREVIEW}?{query('TDDE01-TOM')}")
    assert "1 thing to look at" in page
    assert "Nobody is registered for TDDE01-TOM in Ladok." in page
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


def test_exams_that_cannot_be_made_come_first_and_do_not_hold_up_the_others(manager: Client, liu: Source) -> None:
    flow = FlowFactory(source=liu, codes=["TATA24-TEN1-1001"])
    page = text(manager, f"{PREVIEW}?{query('FINNS-INTE', 'TATA24-TEN1-1001', 'TDDE01-UTAN-ID')}")
    told = ["does not know the code FINNS-INTE", "TATA24-TEN1-1001 is on a flow already", "1 thing to look at"]
    places = [page.index(words) for words in [*told, "1 of 3 exams can be made"]]
    assert places == sorted(places)
    assert "Continue with 1 of 3 exams" in page
    assert f'href="{SETTINGS}?code=TDDE01-UTAN-ID"' in page
    assert f'href="/flows/{flow.pk}/"' in page
    assert "Ask Ladok again" in page


def test_several_exams_become_a_flow_each_or_one_together_and_the_first_is_the_master(manager: Client) -> None:
    codes = ("TDDE01-TEN1-1001", "TDDE01/TEN Å-2")
    each = text(manager, f"{PREVIEW}?{query(*codes)}")
    assert "2 exams become a flow each" in each
    assert "Master:" not in each
    assert each.count("<details") == 2
    together = f"{PREVIEW}?code=TDDE01-TEN1-1001&amp;code=TDDE01%2FTEN+%C3%85-2&amp;make=one"
    assert f'href="{together}"' in each
    one = text(manager, together.replace("&amp;", "&"))
    assert "2 exams become one flow" in one
    assert one.count("Master:") == one.count("<details") == 1
    assert f'href="{PREVIEW}?code=TDDE01%2FTEN+%C3%85-2&amp;code=TDDE01-TEN1-1001&amp;make=one"' in one
    assert re.search(rf'href="{SETTINGS}[^"]*make=one"', one)
    assert re.search(r'href="[^"]*/list/[^"]*make=one"', one)


def test_many_exams_are_each_shown_with_their_own_data_in_the_order_chosen(manager: Client, sandbox: Sandbox) -> None:
    codes = [sandbox.control.add_exam("liu", people=1, courseName=f"Kurs nummer {number}") for number in range(8)]
    page = text(manager, f"{PREVIEW}?{query(*codes[:4], 'FINNS-INTE', *codes[4:])}")
    rows = page.split('id="codes-title"')[1].split("</table>")[0].split("<tr>")[2:]
    found = [(re.search(r"nummer (\d)", row), re.search(r"<code>([^<]+)</code>", row)) for row in rows]
    shown = [(name[1] if name else "", code[1] if code else "") for name, code in found]
    wanted = [(str(number), code) for number, code in enumerate(codes)]
    assert shown == [*wanted[:4], ("", "FINNS-INTE"), *wanted[4:]]


def test_a_ladok_that_does_not_answer_is_not_waited_for_once_per_exam(
    manager: Client, sandbox: Sandbox, settings: Any
) -> None:
    settings.REMOTE_TIMEOUT_SECONDS = 0.5
    sandbox.control.fault("liu", "/exams*", "latency", times=-1, seconds=30)
    codes = [f"EXAM-{number}" for number in range(50)]
    page = text(manager, f"{PREVIEW}?{query(*codes)}")
    assert page.count('class="box box--bad"') == 1
    assert all(code in page for code in codes)
    assert len(sandbox.control.received("liu")) <= 12


def test_those_who_come_in_are_the_students_of_the_exams_that_can_be_made(manager: Client, liu: Source) -> None:
    FlowFactory(source=liu, codes=["TDDE01-TEN1-1001"])
    page = text(manager, f"{PREVIEW}?{query('TDDE01-TEN1-1001', 'TDDE01-UTAN-ID', 'TDDE01/TEN Å-2')}&make=one")
    assert "23 students come in" in page
    master = next(row for row in page.split("<tr>") if "Master:" in row)
    assert "TDDE01-UTAN-ID" in master
    assert page.count("<details") == 1
    assert "TDDE01-UTAN-ID" in page.split("<details")[1]


def test_more_exams_than_can_be_chosen_are_told_not_dropped_in_silence(manager: Client) -> None:
    codes = ["TDDE01-TEN1-1001", *(f"X{number}" for number in range(50))]
    page = text(manager, f"{SETTINGS}?{query(*codes)}")
    assert "At most 50 exams can be chosen at a time. The others were left out: X49." in page
    assert "<code>X48</code>" in page
    assert "<code>X49</code>" not in page


def test_a_code_as_somebody_wrote_it_is_known_under_ladoks_spelling(manager: Client, liu: Source) -> None:
    flow = FlowFactory(source=liu, codes=["TDDE01-TEN1-1001"])
    page = text(manager, f"{PREVIEW}?{query('TDDE01-TEN1-1001 ')}")
    assert f'href="/flows/{flow.pk}/"' in page
    assert "Continue" not in page.split('id="people"')[1]


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
    assert text(manager, f"/flows/{flow.pk}/participants/").count('<th scope="row"') == flow.participants.count() == 12


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
    assert "“two words” is no member" in page
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


# --- A list of who assesses whom


def people_of(sandbox: Sandbox, code: str) -> list[str]:
    return [person["LiUId"] for person in sandbox.control.exam("liu", code)["participants"]]


def test_a_list_says_who_assesses_whom_and_who_the_assessors_are(manager: Client, sandbox: Sandbox) -> None:
    code = sandbox.control.add_exam("liu", people=2)
    first, second = people_of(sandbox, code)
    text_ = f"Student;Bedömare\n{first};anna@liu.example\n{second};asse1@liu.example"
    fields = settings_of(manager, code, assessor_allocation="list", allocation_list=text_)
    manager.post(f"{SETTINGS}?{query(code)}", fields)
    flow = Flow.objects.get()
    assert [(row.organisation_id, row.assessor) for row in flow.allocation_lines.all()] == [
        (first, "annan12@liu.example"),
        (second, "asse1@liu.example"),
    ]
    assert {one["organisation_id"] for one in flow.staff if one["role"] == "assessor"} == {
        "annan12@liu.example",
        "asse1@liu.example",
    }


def test_a_file_is_read_and_stays_in_the_form_where_it_can_be_corrected(manager: Client, sandbox: Sandbox) -> None:
    code = sandbox.control.add_exam("liu", people=1)
    (somebody,) = people_of(sandbox, code)
    data = f"sep=;\r\n{somebody};asse1\r\nnobody@liu.example;asse1\r\n".encode("utf-8-sig")
    fields = settings_of(manager, code, assessor_allocation="list")
    file = SimpleUploadedFile("bedomare.csv", data, "text/csv")
    page = manager.post(f"{SETTINGS}?{query(code)}", {**fields, "allocation_file": file}).content.decode()
    assert "Line 3: Ladok has nobody with the organisation id nobody@liu.example on the exam." in page
    assert "nobody@liu.example;asse1" in page
    assert not Flow.objects.exists()
    corrected = {**fields, "allocation_list": f"{somebody};asse1"}
    manager.post(f"{SETTINGS}?{query(code)}", corrected)
    assert Flow.objects.get().allocation_lines.count() == 1


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"allocation_list": "a;b"}, "You have written a list."),
        ({"assessor_allocation": "list"}, "Write or paste the list, or choose a file."),
        ({"assessor_allocation": "list", "allocation_list": "id;assessor"}, "The list has a heading only."),
        ({"assessor_allocation": "list", "allocation_list": "a"}, "Line 1, “a”, has no assessor."),
        (
            {"assessor_allocation": "list", "allocation_list": "a;b\nc;d", "assessors": "b"},
            "Line 2: d is not one of the assessors.",
        ),
        ({"assessor_allocation": "list", "allocation_list": "a\n" * 30}, "10 more lines have a fault."),
    ],
)
def test_what_is_wrong_with_a_list_is_told_and_nothing_is_made(
    manager: Client, fields: dict[str, str], told: str
) -> None:
    page = manager.post(
        f"{SETTINGS}?{query('TDDE01-TEN1-1001')}", settings_of(manager, "TDDE01-TEN1-1001", **fields)
    ).content.decode()
    assert told in page
    assert not Flow.objects.exists()


def test_ladok_down_is_told_once_for_all_exams_and_is_asked_again(manager: Client, sandbox: Sandbox) -> None:
    sandbox.control.fault("liu", "/exams*", "status", times=-1, status=503)
    address = f"{PREVIEW}?{query('TDDE01-TEN1-1001', 'TATA24-TEN1-1001')}"
    page = text(manager, address)
    assert page.count("Ladok failed on its own side (HTTP 503).") == 1
    assert f'href="{address.replace("&", "&amp;")}"' in page
    assert SETTINGS not in page
    sandbox.control.clear_faults()
    assert "2 exams become a flow each" in text(manager, address)


@pytest.mark.parametrize("data", [b"PK\x03\x04\x00\x00", b"a;b\n" * 600_000])
def test_a_file_that_is_no_list_says_what_to_do(manager: Client, data: bytes) -> None:
    fields = settings_of(manager, "TDDE01-TEN1-1001", assessor_allocation="list")
    file = SimpleUploadedFile("lista.xlsx", data)
    page = manager.post(f"{SETTINGS}?{query('TDDE01-TEN1-1001')}", {**fields, "allocation_file": file}).content.decode()
    assert "Save it as .xlsx" in page or "save it again" in page or "larger than 2 MB" in page
    assert not Flow.objects.exists()


def test_looking_back_keeps_the_list_of_an_uploaded_file(manager: Client) -> None:
    fields = settings_of(manager, "TDDE01-TEN1-1001", assessor_allocation="list", back="yes")
    file = SimpleUploadedFile("lista.csv", "stude1;asse1".encode("utf-16"))
    manager.post(f"{SETTINGS}?{query('TDDE01-TEN1-1001')}", {**fields, "allocation_file": file})
    page = text(manager, f"{SETTINGS}?{query('TDDE01-TEN1-1001')}")
    assert "stude1;asse1" in page
    assert re.search(r'value="list"[^>]*checked', page)


# --- Two tabs


def test_two_tabs_that_were_filled_from_the_same_looking_back_make_two_flows(manager: Client) -> None:
    fields = settings_of(manager, "TDDE01-TEN1-1001")
    for code in ("TDDE01-TEN1-1001", "TATA24-TEN1-1001"):
        manager.post(f"{SETTINGS}?{query(code)}", fields)
    assert {flow.codes.get().code for flow in Flow.objects.all()} == {"TDDE01-TEN1-1001", "TATA24-TEN1-1001"}


# --- A flow that was never made in WISEflow


@pytest.fixture
def unmade(liu: Source, anna: User) -> Flow:
    flow = request_flow(
        source=liu,
        codes=["TDDE01-TEN1-1001"],
        requested_by=anna,
        template_flow_id=424242,
        instant_export=True,
        staff=[{"role": "assessor", "email": "lars@liu.example"}],
        enqueue=False,
    )
    return create_flow(flow.pk)


def test_the_page_of_a_flow_that_was_never_made_leads_to_its_settings_filled_in(
    sign_in: SignIn, lars: User, unmade: Flow
) -> None:
    colleague = sign_in(lars)
    page = text(colleague, f"/flows/{unmade.pk}/")
    link = re.search(r'href="([^"]+)">Change the settings and try again', page)
    assert link
    settings_page = text(colleague, unescape(link[1]))
    assert "WISEflow has no flow 424242 to copy settings from (HTTP 404)." in settings_page
    assert re.search(r'name="template_flow_id"[^>]* value="424242"', settings_page)
    assert re.search(r'name="instant_export"[^>]* checked', settings_page)
    assert re.search(r'name="assessors"[^>]*>\s*lars@liu.example', settings_page)
    assert re.search(r'name="managers"[^>]*>\s*anna@liu.example', settings_page)


def test_changed_settings_make_the_same_flow(manager: Client, sandbox: Sandbox, unmade: Flow) -> None:
    page = text(manager, f"{SETTINGS}?code=TDDE01-TEN1-1001&flow={unmade.pk}")
    assert not re.search(r'name="managers"[^>]*>\s*anna@', page)
    fields = settings_of(manager, "TDDE01-TEN1-1001", flow_type="FLOWlock")
    answer = manager.post(f"{SETTINGS}?code=TDDE01-TEN1-1001&flow={unmade.pk}", fields)
    assert answer.headers["Location"] == f"/flows/{unmade.pk}/"
    flow = create_flow(unmade.pk)
    assert (flow.setup_state, flow.flow_type, flow.template_flow_id, flow.instant_export) == (
        "ready",
        "FLOWlock",
        None,
        False,
    )


def test_the_exam_of_a_flow_that_was_never_made_can_be_chosen_again(manager: Client, unmade: Flow) -> None:
    assert 'value="TDDE01-TEN1-1001"' in text(manager, f"{LIST}?course=TDDE01")
    assert f"{SETTINGS}?code=TDDE01-TEN1-1001" in unescape(text(manager, f"{PREVIEW}?code=TDDE01-TEN1-1001"))


@pytest.mark.parametrize("changed", [{"setup_step": "creating"}, {"setup_step": "created", "wiseflow_id": 9}])
def test_a_flow_that_is_or_may_be_in_wiseflow_keeps_its_settings_and_its_exam(
    manager: Client, unmade: Flow, changed: dict[str, object]
) -> None:
    Flow.objects.filter(pk=unmade.pk).update(**changed)
    page = text(manager, f"/flows/{unmade.pk}/")
    assert "Go on with the creation" in page
    assert "Change the settings" not in page
    assert 'value="TDDE01-TEN1-1001"' not in text(manager, f"{LIST}?course=TDDE01")
    assert "424242" not in text(manager, f"{SETTINGS}?code=TDDE01-TEN1-1001&flow={unmade.pk}")


def test_the_settings_of_another_universitys_flow_are_not_filled_in(
    sign_in: SignIn, oru: Source, olle: User, unmade: Flow
) -> None:
    page = text(sign_in(olle), f"/flows/new/oru/settings/?code=X&flow={unmade.pk}")
    assert "424242" not in page
    assert "lars@liu.example" not in page


# --- A scale that WISEflow does not have


def test_a_scale_without_a_counterpart_is_told_and_has_to_be_chosen(
    manager: Client, liu: Source, sandbox: Sandbox
) -> None:
    code = sandbox.control.add_exam("liu", people=2, gradeScale="Okänd")
    page = text(manager, f"{PREVIEW}?{query(code)}")
    assert "Ladok&#x27;s grading scale Okänd has no counterpart" in page
    (address,) = set(re.findall(r'href="([^"]*/settings/[^"]*)"', page))
    address = unescape(address)
    page = text(manager, address)
    assert "Whichever scale WISEflow gives the flow" in page
    fields = settings_of(manager, code)
    answer = manager.post(address, fields)
    assert answer.status_code == 200
    assert not Flow.objects.exists()
    scale = re.search(r'<option value="(\d+)">U-G</option>', page)
    assert scale
    manager.post(address, fields | {"unmatched": "Okänd", "scale-0": scale[1]})
    flow = create_flow(Flow.objects.get().pk)
    assert (flow.setup_state, flow.grading_scale) == ("ready", "U-G")


def test_a_scale_that_ladok_has_changed_since_is_asked_for_at_the_settings(
    manager: Client, liu: Source, sandbox: Sandbox
) -> None:
    code = sandbox.control.add_exam("liu", people=2, gradeScale="Okänd")
    fields = settings_of(manager, code)
    page = manager.post(f"{SETTINGS}?{query(code)}", fields).content.decode()
    assert 'name="scale-0"' in page
    assert not Flow.objects.exists()
    manager.post(f"{SETTINGS}?{query(code)}", fields | {"unmatched": "Okänd", "scale-0": "any"})
    assert Flow.objects.get().scale_choices == {"okänd": ""}


def test_in_a_batch_the_exam_whose_scale_nobody_has_chosen_is_refused_with_a_way_on(
    manager: Client, liu: Source, anna: User, sandbox: Sandbox
) -> None:
    strange = sandbox.control.add_exam("liu", people=2, gradeScale="Okänd")
    batch = request_batch(
        source=liu, codes=["TDDE01-TEN1-1001", strange], requested_by=anna, submission_key=uuid.uuid4()
    )
    for exam in batch.exams.all():
        request_exam(exam.pk)
    page = text(manager, reverse("flows:batch", args=[batch.pk]))
    assert "nobody has chosen one" in page
    (address,) = re.findall(r'href="([^"]*scale=[^"]*)"', page)
    assert 'name="scale-0"' in text(manager, unescape(address))
