"""From a list in a spreadsheet to flows: each row is checked first, the right ones are made, and the wrong ones wait to be corrected."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from openpyxl import Workbook

from sources.flows.batch import request_exam
from sources.flows.create import create_flow
from sources.flows.exams import CONCURRENCY
from sources.flows.request import request_flow
from sources.models import BatchExam, Flow, FlowBatch, FlowPreset, Source
from tests.factories import FlowFactory
from tests.filling import Fields, form_on

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]
ASSESSOR, REVIEWER = "orjha56@liu.example", "marlo78@liu.example"
ENGLISH: dict[str, Any] = {"headers": {"accept-language": "en"}}
HEAD = "Tentamenskod\tBedömare\tGranskare\n"


def address(source: Source) -> str:
    return reverse("flows:from_table", args=[source.slug])


def check(client: Client, source: Source, table: str, **more: Any) -> str:
    form = form_on(client.get(address(source), **ENGLISH).text, address(source))
    return client.post(address(source), form | {"table": table, "step": "check", **more}, **ENGLISH).text


def fields_of(page: str, source: Source) -> Fields:
    """The page's form, with what stands in its field for the rows to correct."""
    written = re.search(r'<textarea name="table"[^>]*>\n?(.*?)</textarea>', page, re.DOTALL)
    return form_on(page, address(source)) | {"table": [html.unescape(written[1]) if written else ""]}


def wrong(page: str) -> dict[str, str]:
    """Code -> what is said of it, of the rows to correct."""
    table = page.split('id="wrong-title"')[1].split("</table>")[0] if "wrong-title" in page else ""
    rows = re.findall(r"<tr>\s*<th scope=\"row\".*?<code>(.*?)</code>.*?<td(.*?)</td>", table, re.DOTALL)
    return {html.unescape(code): html.unescape(re.sub(r"<[^>]+>|\s+", " ", told)) for code, told in rows}


def work() -> None:
    for exam in BatchExam.objects.all():
        request_exam(exam.pk)
    for flow in Flow.objects.exclude(setup_state=Flow.Setup.READY):
        create_flow(flow.pk)


def people(flow: Flow, role: str) -> set[str]:
    return {person["organisation_id"] for person in flow.staff if person["role"] == role}


def test_from_a_pasted_list_to_flows_with_the_wrong_rows_left_to_be_corrected(
    sandbox: Any, liu: Source, anna: User, lars: User, sign_in: SignIn
) -> None:
    first, second, third, taken = (sandbox.control.add_exam("liu", people=2) for _ in range(4))
    other = request_flow(source=liu, codes=[taken], requested_by=lars, enqueue=False)
    lars.first_name, lars.last_name = "Lars", "Åkesson"
    lars.save()
    client = sign_in(anna)
    table = HEAD + "\n".join(
        [
            f"{first.lower()}\tlars@liu.example, {ASSESSOR}\t{REVIEWER}",
            f"{second}\tåkesson LARS\t",
            f"{taken}\t{ASSESSOR}\t",
            f"{second}\t{REVIEWER}\t",
            f"1001\t{ASSESSOR}\t",
            f"{third}\tNobody Knows\t",
            f"\t{ASSESSOR}\t",
        ]
    )
    page = check(client, liu, table)
    assert "2 of 7 rows are in order" in page
    told = wrong(page)
    assert len(re.findall(r"<tr>", page.split('id="wrong-title"')[1].split("</table>")[0])) == 6
    assert reverse("flows:detail", args=[other.pk]) in page
    assert "stands on an earlier row already" in told[second]
    assert "zeros at the beginning" in told["1001"]
    assert "is no member here" in told[third]
    assert "The row has no code" in told["–"]
    assert not FlowBatch.objects.exists()

    # Some are corrected, and checked with those that are right.
    sent = fields_of(page, liu)
    sent["table"] = [HEAD + f"{third}\t{ASSESSOR}\t\n{taken}\t{ASSESSOR}\t"]
    page = client.post(address(liu), sent | {"step": "check"}, **ENGLISH).text
    assert "3 of 4 rows are in order" in page
    sent = fields_of(page, liu) | {"step": ["make"]}
    answers = [client.post(address(liu), sent, **ENGLISH) for _ in range(2)]
    batch = FlowBatch.objects.get()
    assert [answer.headers["Location"] for answer in answers] == [reverse("flows:batch", args=[batch.pk])] * 2
    work()
    assert client.post(address(liu), sent).headers["Location"] == reverse("flows:batch", args=[batch.pk])
    made = {flow.codes.get().code: flow for flow in Flow.objects.filter(created_by=anna)}
    assert {flow.setup_state for flow in made.values()} == {"ready"}
    assert set(made) == {first, second, third}
    assert people(made[first], "assessor") == {"larak34@liu.example", ASSESSOR}
    assert (people(made[first], "reviewer"), people(made[second], "assessor")) == ({REVIEWER}, {"larak34@liu.example"})
    assert people(made[third], "manager") == {"annan12@liu.example"}
    # What was left waits.
    assert "1 row was not taken in" in client.get(reverse("flows:batch", args=[batch.pk]), **ENGLISH).text
    assert taken in client.get(address(liu)).text


def test_who_is_unknown_to_wiseflow_is_asked_about_once_for_all_rows(
    sandbox: Any, liu: Source, anna: User, sign_in: SignIn
) -> None:
    codes = [sandbox.control.add_exam("liu", people=1) for _ in range(2)]
    client = sign_in(anna)
    third = sandbox.control.add_exam("liu", people=1)
    table = f"\n{codes[0]};ny01@liu.example;fel02@liu.example\n\n{codes[1]};;ny01@liu.example\n\nFINNS-INTE;x\n{third};{ASSESSOR}"
    page = check(client, liu, table)
    assert page.count("Not found in WISEflow:") == 2
    assert "1 of 4 rows is in order" in page or "1 of 4 rows are in order" in page
    assert "2 rows have a question" in page
    assert page.count("No assessor chosen") == 1
    assert "Line 6" in page
    sent = fields_of(page, liu) | {"step": ["make"]}
    page = client.post(address(liu), sent, **ENGLISH).text
    assert set(wrong(page)) == {"FINNS-INTE"}
    assert "Line 6" in page  # as in the spreadsheet
    assert page.count("Rows to correct") == 2
    assert "Say what is to be done about this person." in page
    assert not FlowBatch.objects.exists()
    asked = {sent[f"person-{n}-organisation_id"][0]: n for n in range(2)}
    sent |= {
        f"person-{asked['ny01@liu.example']}-answer": ["create"],
        f"person-{asked['fel02@liu.example']}-correction": [REVIEWER],  # what is written is meant, without the choice
    }
    made = client.post(address(liu), sent, follow=True, **ENGLISH).text
    assert f'<a href="{address(liu)}">Correct</a>' in made
    assert "1 row was not taken in" in made
    assert "1 row waits to be corrected" in client.get(reverse("flows:way", args=[liu.slug]), **ENGLISH).text
    work()
    first, second = (Flow.objects.get(codes__code=code) for code in codes)
    FlowFactory(source=liu, title="Somebody else's")
    shown = client.get(reverse("flows:batch", args=[FlowBatch.objects.get().pk]), **ENGLISH).text
    assert re.findall(r'data-label="Assessors">(.*?)</td>', shown) == ["ny01@liu.example", "–", ASSESSOR]
    these = client.get(re.findall(r'href="(/flows/\?batch=[^"]*)"', shown)[0], **ENGLISH)
    assert "Somebody else" not in these.text
    assert len(these.context["rows"]) == 3
    assert (people(first, "assessor"), people(first, "reviewer")) == ({"ny01@liu.example"}, {REVIEWER})
    assert people(second, "reviewer") == {"ny01@liu.example"}
    assert {first.setup_state, second.setup_state} == {"ready"}


def test_a_list_of_strangers_is_told_in_one_sentence(sandbox: Any, liu: Source, anna: User, sign_in: SignIn) -> None:
    code = sandbox.control.add_exam("liu", people=1)
    page = check(sign_in(anna), liu, f"{code};" + ",".join(f"fel{n}" for n in range(60)))
    assert "WISEflow knows none of 60 people in the list" in page
    assert "person-0-answer" not in page
    page = make(sign_in(anna), liu, page).text
    assert "WISEflow knows none of 60 people in the list" in page
    assert "fel59" in fields_of(page, liu)["table"][0]
    assert not FlowBatch.objects.exists()


def test_a_preset_and_a_scale_are_chosen_for_all_rows(sandbox: Any, liu: Source, anna: User, sign_in: SignIn) -> None:
    code = sandbox.control.add_exam("liu", people=1, gradeScale="Deltagit/Ej deltagit")
    staff = [{"role": "invigilator", "organisation_id": REVIEWER, "is_awaited": True}]
    preset = FlowPreset.objects.create(source=liu, name="Sal", instant_export=True, staff=staff)
    client = sign_in(anna)
    page = check(client, liu, code)
    sent = fields_of(page, liu) | {"step": ["make"], "preset": [str(preset.pk)]}
    page = client.post(address(liu), sent, **ENGLISH).text
    assert "This field is required." in page
    assert not FlowBatch.objects.exists()
    assert client.post(address(liu), sent | {"scale-0": "any"}).status_code == 302
    work()
    flow = Flow.objects.get()
    assert (flow.setup_state, flow.instant_export, people(flow, "invigilator")) == ("ready", True, {REVIEWER})


def test_a_code_that_came_on_a_flow_meanwhile_is_shown_and_nothing_is_made(
    sandbox: Any, liu: Source, anna: User, lars: User, sign_in: SignIn
) -> None:
    codes = [sandbox.control.add_exam("liu", people=1) for _ in range(2)]
    client = sign_in(anna)
    sent = fields_of(check(client, liu, "\n".join(codes)), liu) | {"step": "make"}
    request_flow(source=liu, codes=[codes[0]], requested_by=lars, enqueue=False)
    page = client.post(address(liu), sent, **ENGLISH).text
    assert "1 of 2 rows is in order" in page or "1 of 2 rows are in order" in page
    assert set(wrong(page)) == {codes[0]}
    assert not FlowBatch.objects.exists()


def test_ladok_down_and_a_list_that_is_none_lose_nothing_of_what_was_pasted(
    sandbox: Any, liu: Source, oru: Source, anna: User, sign_in: SignIn
) -> None:
    client = sign_in(anna)
    assert client.get(address(oru)).status_code == 404
    page = check(client, liu, "Bedömare;Granskare\nasse;rev")
    assert "No column of the heading" in page
    assert "asse;rev" in page
    workbook = io.BytesIO()
    book = Workbook()
    book.active.append(["TDDE01-TEN1-1001", ASSESSOR])
    book.save(workbook)
    upload = SimpleUploadedFile("lista.xlsx", workbook.getvalue())
    assert "1 of 1 row is in order" in check(client, liu, "is replaced", file=upload)
    broken = SimpleUploadedFile("lista.xlsx", workbook.getvalue()[:-9])
    page = check(client, liu, "is kept", file=broken)
    assert "The workbook cannot be read." in page
    assert "is kept" in page
    sandbox.control.fault("liu", "/exams*", "status", times=-1, status=503)
    page = check(client, liu, "TDDE01-TEN1-1001")
    assert "Ladok failed on its own side" in wrong(page)["TDDE01-TEN1-1001"]


def test_a_long_list_asks_the_database_no_more_than_a_short_one(
    sandbox: Any, liu: Source, anna: User, sign_in: SignIn
) -> None:
    codes = [sandbox.control.add_exam("liu", people=1) for _ in range(12)]
    client = sign_in(anna)
    counts = []
    for few in (1, 12):
        table = HEAD + "\n".join(f"{code}\t{ASSESSOR}\t{REVIEWER}" for code in codes[:few])
        with CaptureQueriesContext(connection) as asked:
            assert f"{few} of {few} row" in check(client, liu, table)
        counts.append(len(asked))
    assert counts[1] - counts[0] < CONCURRENCY  # each connection to Ladok looks for its credential
    assert counts[1] < 30


def make(client: Client, source: Source, page: str, **more: Any) -> Any:
    return client.post(address(source), fields_of(page, source) | {"step": ["make"], **more}, **ENGLISH)


def test_a_preset_that_is_gone_is_told_and_no_row_is_lost(
    sandbox: Any, liu: Source, anna: User, sign_in: SignIn
) -> None:
    code = sandbox.control.add_exam("liu", people=1)
    gone, _other = (FlowPreset.objects.create(source=liu, name=name) for name in "AB")
    client = sign_in(anna)
    page = check(client, liu, f"{code};{ASSESSOR}\nFINNS-INTE;x")
    gone.delete()
    page = make(client, liu, page, preset=[str(gone.pk)]).text
    assert "Preset: Select a valid choice" in page
    assert "1 of 2 rows is in order" in page or "1 of 2 rows are in order" in page
    page = make(client, liu, page, table=["x" * 250_000]).text
    assert "at most 200000 characters" in page
    assert code in fields_of(page, liu)["good"][0]
    page = make(client, liu, page, submission_key=["of no page"], table=["FINNS-INTE"]).text
    assert {code, "FINNS-INTE"} <= set(fields_of(page, liu)["table"][0].split())
    assert not FlowBatch.objects.exists()


def test_clicks_tabs_and_looking_back_make_nothing_twice_and_lose_no_row(
    sandbox: Any, liu: Source, anna: User, lars: User, sign_in: SignIn
) -> None:
    first, second = (sandbox.control.add_exam("liu", people=1) for _ in range(2))
    client = sign_in(anna)
    other_tab = check(client, liu, second)
    page = check(client, liu, f"{first};{ASSESSOR}\nFINNS-INTE;x")
    made = make(client, liu, page)
    assert make(client, liu, other_tab, table=[HEAD]).status_code == 302  # what is left is a heading only
    assert "FINNS-INTE" in client.get(address(liu)).text
    work()
    again = make(client, liu, page)
    assert (again.status_code, again.headers["Location"]) == (302, made.headers["Location"])
    theirs = make(sign_in(lars), liu, page).text  # the same form, sent by somebody else
    assert set(wrong(theirs)) == {first, "FINNS-INTE"}
    assert (Flow.objects.count(), FlowBatch.objects.count()) == (2, 2)
    # The waiting row is taken away: it does not come back.
    page = client.get(address(liu), **ENGLISH).text
    third = sandbox.control.add_exam("liu", people=1)
    sent = form_on(page, address(liu)) | {"table": third, "step": "check"}
    make(client, liu, client.post(address(liu), sent, **ENGLISH).text)
    assert "FINNS-INTE" not in client.get(address(liu)).text


def test_after_looking_back_another_preset_is_taken_where_the_first_could_not_be(
    sandbox: Any, liu: Source, anna: User, sign_in: SignIn
) -> None:
    code = sandbox.control.add_exam("liu", people=1)
    wrong_one = FlowPreset.objects.create(source=liu, name="Fel", template_flow_id=99_999_999)
    right_one = FlowPreset.objects.create(source=liu, name="Rätt", instant_export=True)
    client = sign_in(anna)
    page = check(client, liu, code)
    for preset, state in ((wrong_one, "stopped"), (right_one, "ready")):
        assert make(client, liu, page, preset=[str(preset.pk)]).status_code == 302
        work()
        assert Flow.objects.get().setup_state == state
    assert Flow.objects.get().instant_export


def test_a_corrected_list_may_be_pasted_whole_and_no_more_rows_than_can_be_made(
    sandbox: Any, liu: Source, anna: User, sign_in: SignIn
) -> None:
    first, second = (sandbox.control.add_exam("liu", people=1) for _ in range(2))
    client = sign_in(anna)
    sent = fields_of(check(client, liu, f"{first};{ASSESSOR}\nFINNS-INTE;x"), liu) | {"step": ["check"]}
    whole = sent | {"table": [f"{HEAD}{first}\t{ASSESSOR}\n{second}\tx"]}
    page = client.post(address(liu), whole, **ENGLISH).text
    assert "1 of 2 rows are in order" in page
    assert "1 row has a question" in page
    page = client.post(address(liu), sent | {"table": [f"{first};{REVIEWER}"]}, **ENGLISH).text
    assert "is among the rows in order already" in wrong(page)[first]
    many = "\n".join(f"FINNS-INTE-{n}" for n in range(200))
    page = client.post(address(liu), sent | {"table": [many]}, **ENGLISH).text
    assert "more than 200 rows" in page
    assert {first, "FINNS-INTE-199"} <= set(fields_of(page, liu)["table"][0].split())


def test_who_is_meant_by_a_name_stands_there_and_a_comma_in_it_is_asked_about(
    sandbox: Any, liu: Source, anna: User, lars: User, sign_in: SignIn
) -> None:
    code = sandbox.control.add_exam("liu", people=1)
    lars.first_name, lars.last_name = "Lars Erik", "Åkesson"
    lars.save()
    client = sign_in(anna)
    page = check(client, liu, f"{code}\tLars Åkesson\tlars@liu.example")
    assert page.count("Lars Erik Åkesson (larak34@liu.example)") == 2
    page = check(client, liu, f"{code}\tÅkesson, Lars Erik")
    assert "write Lars Erik Åkesson" in wrong(page)[code]
