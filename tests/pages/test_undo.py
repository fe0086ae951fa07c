"""What can be undone is told with a button that undoes it, without JavaScript."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from exports.models import ExportItem
from sources.flows.codes import add_code
from sources.flows.create import create_flow
from sources.flows.request import request_flow
from sources.models import Flow, Preference, SyncRun
from sources.sync.run import run_sync
from tests.exports.world import World
from tests.factories import FlowFactory, MembershipFactory, ParticipantFactory
from tests.filling import form_on, press
from tests.pages.exporting import exported, manager_of, shown

SignIn = Callable[[User], Client]
Make = Callable[..., Flow]
UNDO = 'id="undo"'


def undone(client: Client, page: str, address: str, **having: str) -> str:
    """What is told when *Undo* of this page is pressed."""
    assert page.count(UNDO) == 1
    assert 'role="status"' in page
    told = client.post(address, form_on(page, address, **having), follow=True).text
    assert UNDO not in client.get("/flows/").text  # it is told once
    return str(told)


@pytest.mark.parametrize(("word", "state"), [("there", "exported"), ("absent", "failed")])
def test_a_word_about_what_ladok_has(sign_in: SignIn, make_flow: Make, world: World, word: str, state: str) -> None:
    flow = make_flow(people=3, source={"settling_minutes": 0})
    world.answer = lambda call: None
    attempt = exported(flow)
    client, mark = sign_in(manager_of(flow)), reverse("exports:mark", args=[shown(flow).pk])
    chosen = attempt.items.order_by("pk").first()
    came_from = {"Referer": "http://testserver/exports/?tab=failed&q=a#list"}
    form = form_on(client.get(f"{mark}?unknown={word}", headers=came_from).text, mark)
    item = next(value for value in form["item"] if value.startswith(f"{chosen.pk}:"))
    filled = form | {"item": item, "word": word, "reason": "Sedd i Ladok"}
    answer = client.post(mark, filled, follow=True)
    assert [address for address, _status in answer.redirect_chain] == ["/exports/?tab=failed&q=a"]
    page = answer.text
    assert "2 grades are left." in page
    chosen.refresh_from_db()
    assert chosen.state == state
    told = undone(client, page, reverse("exports:take_mark_back", args=[flow.pk]))
    assert "The mark of 1 grade has been taken back." in told
    chosen.refresh_from_db()
    assert (chosen.state, ExportItem.objects.filter(state="unknown").count()) == ("unknown", 3)


def test_a_mark_of_somebody_who_was_sent_again_since_is_not_undone(
    sign_in: SignIn, make_flow: Make, world: World
) -> None:
    flow = make_flow(people=1, source={"settling_minutes": 0})
    world.answer = lambda call: None
    exported(flow)
    client, mark = sign_in(manager_of(flow)), reverse("exports:mark", args=[flow.pk])
    page = press(client, f"{mark}?unknown=absent", mark, word="absent", reason="Saknas", follow=True).text
    press(client, f"/exports/flows/{flow.pk}/preview/?asking=retry", f"/exports/flows/{flow.pk}/send/")
    told = undone(client, page, reverse("exports:take_mark_back", args=[flow.pk]))
    assert "one of these cannot any more" in told


def test_how_a_list_is_opened(sign_in: SignIn) -> None:
    user = MembershipFactory().user
    client, address = sign_in(user), reverse("keep_list")
    kept = "columns=phase&columns=title"
    Preference.objects.create(user=user, lists={"flows": kept})
    client.force_login(user)
    page = client.post(address, {"list": "flows", "query": ""}, follow=True).text
    assert Preference.of(user).lists.get("flows", "") == ""
    told = undone(client, page, address, query=kept)
    assert "The list is opened like this from now on." in told
    assert Preference.of(user).lists["flows"] == kept


def test_where_grades_go(sign_in: SignIn) -> None:
    flow = FlowFactory(codes=["A", "B"])
    ParticipantFactory(flow=flow, codes=list(flow.codes.all()))
    client = sign_in(MembershipFactory(source=flow.source).user)
    address = reverse("flows:place", args=[flow.pk])
    page = client.post(address, {"grade_goes_to": "each", "was": "one"}, follow=True).text
    undone(client, page, address, was="each", grade_goes_to="one")
    flow.refresh_from_db()
    assert flow.grade_goes_to == "one"


def test_a_code_that_was_removed_is_added_again_but_for_one_that_others_stood_behind(
    sign_in: SignIn, sandbox: Any, liu: Any, anna: User
) -> None:
    first, second = (sandbox.control.add_exam("liu", people=2) for _ in range(2))
    flow = create_flow(request_flow(source=liu, codes=[first], requested_by=anna, enqueue=False).pk)
    add_code(flow=flow, code=second, by=anna, enqueue=False)
    assert run_sync(SyncRun.objects.get(flow=flow, state="queued").pk).state == "success"
    client = sign_in(anna)
    remove = reverse("flows:code_remove", args=[flow.pk, flow.codes.get(code=second).pk])
    page = press(client, remove, follow=True).text
    told = undone(client, page, reverse("flows:code_add", args=[flow.pk]))
    assert f"{second} has been added." in told
    assert [code.code for code in flow.codes.filter(removed_at=None)] == [first, second]
    # It would come after the others, and no longer be what title and dates follow.
    remove = reverse("flows:code_remove", args=[flow.pk, flow.codes.get(code=first).pk])
    assert UNDO not in press(client, remove, follow=True).text
