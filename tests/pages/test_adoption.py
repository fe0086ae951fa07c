"""Taking over flows in the pages: nothing is done that was not shown, and nobody takes over another university's."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from sources.flows.create import create_flow
from sources.models import Flow, Source
from tests.by_hand import flow_by_hand, written
from tests.filling import form_on

SignIn = Callable[[User], Client]
CHANGED = "Something has changed since this was shown to you."


def adopt(source: Source) -> str:
    return reverse("flows:adopt", args=[source.slug])


def confirmed(page: str) -> dict[str, list[str]]:
    """The form of the page of what would change, as it stands."""
    found: dict[str, list[str]] = {}
    for tag in re.findall(r"<input[^>]+>", page.split("<main")[1]):
        attributes = dict(re.findall(r'(\w[\w-]*)="([^"]*)"', tag))
        if attributes.get("type") != "checkbox" or re.search(r"\schecked\b", tag):
            found.setdefault(attributes.get("name", ""), []).append(html.unescape(attributes.get("value", "")))
    return found


def finished() -> list[Flow]:
    return [create_flow(flow.pk) for flow in Flow.objects.filter(setup_state="queued").order_by("pk")]


def test_one_flow_from_its_link_to_what_was_exported_before(
    sandbox: Any, liu: Source, anna: User, sign_in: SignIn
) -> None:
    code = sandbox.control.add_exam("liu", people=3)
    number = flow_by_hand(sandbox, liu, code, title="Gammal tentamen")
    people = [person["id"] for person in sandbox.control.flow(number)["participants"]]
    sandbox.control.grade(number, dict.fromkeys(people, "5"), force=True)
    sandbox.control.end_marking(number)
    client = sign_in(anna)
    link = f"https://europe.wiseflow.net/manager/display.php?id={number}"
    checked = client.post(adopt(liu), {"flow": link, "code": code, "table": ""}).text
    assert "Gammal tentamen" in checked
    assert code in checked
    shown = client.post(adopt(liu), confirmed(checked)).text
    assert "What would change in WISEflow" in shown
    assert written(sandbox) == []
    assert not Flow.objects.exists()

    answer = client.post(adopt(liu), confirmed(shown) | {"step": "take"})
    (flow,) = finished()
    assert answer["Location"] == reverse("flows:detail", args=[flow.pk])
    page, question = reverse("flows:detail", args=[flow.pk]), reverse("exports:adoption", args=[flow.pk])
    assert question in client.get(page).text
    client.post(reverse("exports:collect", args=[flow.pk]), {"next": question})
    asked = client.get(question).text
    assert "All who have a grade now (3)" in asked
    assert "Those that WISEflow says" not in asked
    form = form_on(asked, question) | {"which": "all", "reason": "Sett i Ladok"}
    sandbox.control.grade(number, {people[0]: "3"}, force=True)
    assert CHANGED in client.post(question, form).text
    assert CHANGED in client.post(question, form | {"seen": ""}).text
    again = form_on(client.get(question).text, question) | {"which": "all", "reason": "Sett i Ladok"}
    assert client.post(question, again)["Location"] == page
    flow.refresh_from_db()
    assert (flow.adoption, flow.exported_count) == ("said", 3)
    assert question not in client.get(page).text
    attempt = client.get(reverse("exports:attempt", args=[flow.attempts.get().pk])).text
    assert "3 grades were exported before the flow was taken over" in attempt
    assert "has been said already" in client.get(question).text


def test_a_table_is_checked_line_by_line_and_taken_five_flows_at_a_time(
    sandbox: Any, liu: Source, anna: User, sign_in: SignIn
) -> None:
    codes = [sandbox.control.add_exam("liu", people=1) for _ in range(6)]
    numbers = [flow_by_hand(sandbox, liu, title=f"Flöde {code}") for code in codes]
    table = "\n".join(f"{number}\t{code}" for number, code in zip(numbers, codes, strict=True)) + "\n999999;X"
    client = sign_in(anna)
    checked = client.post(adopt(liu), {"table": table}).text
    assert "WISEflow has no flow 999999 on this licence." in checked
    first = client.post(adopt(liu), confirmed(checked)).text
    assert "Then 1 more flow is shown." in first
    chosen = confirmed(first)
    assert chosen["take"] == [str(number) for number in numbers[:5]]
    # One is left out, one keeps its title, and of one something has changed since.
    chosen["take"].remove(str(numbers[0]))
    keeping = confirmed(client.post(adopt(liu), chosen | {"step": "look", f"keep-{numbers[1]}": "title"}).text)
    keeping["take"].remove(str(numbers[0]))
    sandbox.control.change_people("liu", codes[2], add=1)
    second = client.post(adopt(liu), keeping | {"step": "take"}).text
    assert CHANGED in second
    assert [flow.wiseflow_id for flow in finished()] == [numbers[1], numbers[3], numbers[4]]
    assert sandbox.control.flow(numbers[1])["title"] == f"Flöde {codes[1]}"
    last = confirmed(second)
    assert last["take"] == [str(numbers[2]), str(numbers[5])]
    assert client.post(adopt(liu), last | {"step": "take"})["Location"] == reverse("flows:list")
    assert len(finished()) == 2


def test_the_list_has_the_licence_s_flows_by_pages(sandbox: Any, liu: Source, anna: User, sign_in: SignIn) -> None:
    numbers = [flow_by_hand(sandbox, liu, title=f"Sökt {n}") for n in range(27)]
    code = sandbox.control.add_exam("liu", people=1)
    client, address = sign_in(anna), reverse("flows:adopt_list", args=[liu.slug])
    page = client.get(address, {"q": "sökt"}).text
    assert page.count('name="code-') == 25
    assert "Showing 1–25 of 27" in html.unescape(page)
    second = client.get(address, {"q": "sökt", "page": 2}).text
    assert second.count('name="code-') == 2
    sent = {"step": "list", f"code-{numbers[26]}": code, f"code-{numbers[25]}": " "}
    checked = client.post(adopt(liu), sent).text
    client.post(adopt(liu), confirmed(client.post(adopt(liu), confirmed(checked)).text) | {"step": "take"})
    (flow,) = finished()
    assert reverse("flows:detail", args=[flow.pk]) in client.get(address, {"q": flow.title}).text
    sandbox.control.enable_credential("liu", "oauth", False)
    sandbox.control.expire_tokens()
    assert "WISEflow" in client.get(address).text


def test_what_cannot_be_read_and_nothing_chosen_are_told(
    sandbox: Any, liu: Source, anna: User, sign_in: SignIn
) -> None:
    client = sign_in(anna)
    assert "No flow was given." in client.post(adopt(liu), {"table": " "}).text
    number, code = flow_by_hand(sandbox, liu), sandbox.control.add_exam("liu", people=1)
    checked = client.post(adopt(liu), {"table": f"{number};{code}"}).text
    form = confirmed(client.post(adopt(liu), confirmed(checked)).text) | {"step": "take", "take": []}
    assert "No flow was chosen." in client.post(adopt(liu), form, follow=True).text
    assert not Flow.objects.exists()


def test_a_stopped_taking_over_goes_on_with_what_would_change_now(
    sandbox: Any, liu: Source, anna: User, sign_in: SignIn
) -> None:
    code = sandbox.control.add_exam("liu", people=1)
    number = flow_by_hand(sandbox, liu)
    client = sign_in(anna)
    checked = client.post(adopt(liu), {"flow": number, "code": code}).text
    client.post(adopt(liu), confirmed(client.post(adopt(liu), confirmed(checked)).text) | {"step": "take"})
    sandbox.control.change_people("liu", code, add=1)
    (flow,) = finished()
    assert flow.setup_state == "stopped"
    preview, resume = (reverse(f"flows:{name}", args=[flow.pk]) for name in ("sync_preview", "resume"))
    assert preview in client.get(reverse("flows:detail", args=[flow.pk])).text
    form = form_on(client.get(preview).text, resume)
    assert CHANGED in client.post(resume, form | {"seen": "0"}, follow=True).text
    client.post(resume, form)
    assert [flow.setup_state for flow in finished()] == ["ready"]


@pytest.mark.parametrize("name", ["flows:adopt", "flows:adopt_list"])
def test_another_university_is_not_there(liu: Source, olle: User, sign_in: SignIn, name: str) -> None:
    client, address = sign_in(olle), reverse(name, args=[liu.slug])
    assert client.get(address).status_code == 404
    assert client.post(address, {"table": "1;A"}).status_code in (404, 405)
    assert Client().get(address).status_code == 302
