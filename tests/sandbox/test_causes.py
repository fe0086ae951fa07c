"""What a visitor causes on the sandbox's own pages, and what LadokFlow makes of it: from the form to the state of the flow."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import httpx
import pytest

from ladokflow.http import tls_context
from ladokflow.sandbox.causes import CAUSES, OF_A_PERSON, OF_AN_EXAM, REASONS
from ladokflow.sandbox.server import Sandbox
from sources.models import Flow, Source
from tests.exports.test_end_to_end import Exam, run

pytestmark = pytest.mark.django_db
FORM = re.compile(r"<form method='post' action='([^']+)'>(.*?)</form>", re.DOTALL)
FIELD = re.compile(r"<input type='hidden' name='([^']+)' value='([^']*)'>")
BUTTON = re.compile(r"<button class='[^']*'(?: name='([^']+)' value='([^']*)')?>([^<]+)</button>")


class Visitor:
    """Presses what stands on the sandbox's pages."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def page(self, address: str) -> str:
        answer = self.client.get(address)
        assert answer.status_code == 200
        return answer.text

    def press(self, address: str, button: str, *, about: str = "", **more: str) -> str:
        """The page afterwards. `about` is a value that the form has to hold: whom or what it is of."""
        for action, inside in FORM.findall(self.page(address)):
            fields = {name: unescape(value) for name, value in FIELD.findall(inside)}
            for name, value, text in BUTTON.findall(inside):
                if unescape(text) == button and (not about or about in fields.values()):
                    given = fields | ({name: value} if name else {}) | more
                    answer = self.client.post(action, data=given, follow_redirects=True)
                    assert answer.status_code == 200, answer.text
                    return unescape(answer.text)
        raise AssertionError(f"{address} has no {button} for {about or 'anything'}.")


@pytest.fixture
def visitor(sandbox: Sandbox) -> Iterator[Visitor]:
    with httpx.Client(base_url=sandbox.url, trust_env=False, verify=tls_context()) as client:
        yield Visitor(client)


def people_of(exam: Exam) -> list[dict[str, Any]]:
    return list(exam.control.exam("liu", exam.code)["participants"])


def sync(exam: Exam, *, fails: bool = False) -> tuple[str, str]:
    """Its state, and all that it tells."""
    told = run("sync", "--flow", str(exam.flow), fails=fails)["flows"][0]
    return told["state"], " ".join([*told["changes"], *told["problems"]])


def test_what_changes_in_ladok_while_students_write(visitor: Visitor, liu: Source, sandbox: Sandbox) -> None:
    exam = Exam(liu, sandbox.control, people=12, is_written=False)
    place = f"/flows/{exam.wiseflow_id}/"
    off, numbered, named, renamed, *_ = (person["LiUId"] for person in people_of(exam))
    participants = Flow.objects.get(pk=exam.flow).participants

    page = visitor.press(place, CAUSES["take_off"].button, about=off)
    assert "is off Ladok's list" in page
    assert sync(exam)[0] == "success"
    assert not participants.get(organisation_id=off).is_active
    assert "What goes wrong now" not in visitor.press(place, CAUSES["take_off"].end)
    sync(exam)
    assert participants.get(organisation_id=off).is_active

    had = participants.get(organisation_id=numbered).national_id
    for kind, key in (("national_id", numbered), ("name", named), ("new_ids", renamed)):
        visitor.press(place, CAUSES[kind].button, about=key)
    _, told = sync(exam)
    assert participants.get(organisation_id=named).last_name.endswith(" Ny")
    assert participants.get(organisation_id=numbered).national_id not in ("", had)
    assert "same person" in told, told  # with other identifiers: asked, and nobody is locked out
    assert participants.filter(is_active=False).count() == 0
    assert visitor.page(place).count(CAUSES["name"].end) == 3
    for _ in range(3):
        page = visitor.press(place, CAUSES["name"].end)
    assert "What goes wrong now" not in page
    assert {off, numbered, named, renamed} <= {person["LiUId"] for person in people_of(exam)}

    active = participants.filter(is_active=True).count()
    visitor.press(place, CAUSES["half"].button, about=exam.code)
    state, told = sync(exam, fails=True)
    assert (state, participants.filter(is_active=True).count()) == ("failed", active), told
    visitor.press(place, CAUSES["half"].end)
    assert sync(exam)[0] == "success"


def test_what_goes_wrong_with_an_export(visitor: Visitor, liu: Source, sandbox: Sandbox) -> None:
    exam = Exam(liu, sandbox.control, people=3)
    place = f"/flows/{exam.wiseflow_id}/"
    exam.grade()
    first, second, third = (person["LiUId"] for person in people_of(exam))

    def states() -> list[str]:
        found = {row["organisationId"]: row["state"] for row in exam.status()["participants"]}
        return [found[key] for key in (first, second, third)]

    visitor.press(place, CAUSES["reject"].button, about=first, reason=REASONS[1])
    visitor.press(place, CAUSES["reject"].button, about=second, reason=REASONS[3])
    found = exam.export(fails=True)
    assert (found["exported"], found["failed"]) == (1, 2)
    told = {row["organisationId"]: row["message"] for row in exam.status()["participants"]}
    assert REASONS[1] in told[first]
    assert "already" in told[second]
    for _ in "12":
        visitor.press(place, CAUSES["reject"].end)

    visitor.press(place, CAUSES["lost_request"].button, about=exam.code)
    found = exam.export("retry", fails=True)
    assert (found["unknown"], len(exam.ledger())) == (1, 1)
    assert CAUSES["lost_request"].end not in visitor.page(place)  # it has happened
    assert states()[2] == "exported"

    visitor.press("/", CAUSES["down"].button, about="liu")
    assert sync(exam, fails=True)[0] == "failed"
    assert "Down: see above" in visitor.page("/")
    visitor.press("/", CAUSES["down"].end)
    assert sync(exam)[0] == "success"


def test_a_lost_answer_is_registered_once(visitor: Visitor, liu: Source, sandbox: Sandbox) -> None:
    exam = Exam(liu, sandbox.control, people=2)
    place = f"/flows/{exam.wiseflow_id}/"
    exam.grade()
    visitor.press(place, CAUSES["lost_answer"].button, about=exam.code)
    found = exam.export(fails=True)
    assert (found["unknown"], [row["times"] for row in exam.ledger()]) == (2, [1, 1])
    assert ">–<" not in visitor.page(place).partition("<tbody>")[2]  # what Ladok has can be looked up there
    visitor.press("/", CAUSES["down"].button, about="wiseflow")
    assert sync(exam, fails=True)[0] == "failed"


def test_every_cause_has_a_button_and_nothing_else_is_done(visitor: Visitor, liu: Source, sandbox: Sandbox) -> None:
    exam = Exam(liu, sandbox.control, people=1, is_written=False)
    page, front = visitor.page(f"/flows/{exam.wiseflow_id}/"), visitor.page("/")
    assert all(f"value='{kind}'" in page for kind in (*OF_A_PERSON, *OF_AN_EXAM))
    assert "Take down" in front
    assert {*OF_A_PERSON, *OF_AN_EXAM, "down"} == set(CAUSES)
    for status, path, fields in (
        (409, "/cause", {"kind": "half", "university": "liu", "code": "X"}),
        (409, "/cause", {"kind": "name", "university": "liu", "code": exam.code, "person": "nobody"}),
        (400, "/cause", {"kind": "down", "system": "x"}),
        (400, "/cause", {}),
        (409, "/end", {"id": "0"}),
        (400, "/do", {"action": "delete_flow", "flow": str(exam.wiseflow_id)}),
    ):
        assert visitor.client.post(path, data=fields).status_code == status, fields
    assert visitor.client.get("/flows/0/").status_code == 404
    assert visitor.page("/") == front
