"""*Export* and *Retry* open the same preview from everywhere, under the same word; and what nobody knows is found out first.

Each place x each state of a flow x whether its Ladok can be asked x whether its manager may export.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, override

from exports.models import ExportAttempt, ExportItem
from exports.operation.digest import send_digests
from ladokflow.messages import CATALOGUE
from sources.models import Flow, Membership
from tests.exports.world import World
from tests.factories import FlowFactory, MembershipFactory, ParticipantFactory
from tests.filling import form_on
from tests.pages.everything import package_of
from tests.pages.exporting import ENGLISH, exported, shown
from tests.pages.walking import filled, patterns

Make = Callable[..., Flow]
ASK = "Check with Ladok"
STATES = ("ready", "rejected", "unknown", "both", "there")


def rejecting(call: Any, words: str = "Inte registrerad") -> tuple[int, bytes]:
    who = [entry.get("studentUid") or entry.get("liUID") for entry in call.body["gradeExports"]]
    errors = [{"userId": each, "errorInfo": words} for each in who]
    return 200, json.dumps({"numberOfSuccess": 0, "numberOfErrors": len(errors), "errors": errors}).encode()


def flow_in(state: str, make_flow: Make, world: World, **source: Any) -> Flow:
    flow = make_flow(people=2, title=f"Exam {state}", source=source)
    if state == "ready":
        return shown(flow)
    answers: dict[str, Callable[[Any], tuple[int, bytes] | None]] = {
        "rejected": rejecting,
        "both": rejecting,
        "unknown": lambda call: None,
        "there": lambda call: rejecting(call, "Resultat finns redan"),
    }
    world.answer = answers[state]
    attempt = exported(flow)
    if state == "both":
        ExportItem.objects.filter(pk=attempt.items.first().pk).update(state="unknown")
    return shown(flow)


class Whatever(dict[str, int]):
    """Something to fill in for every name."""

    def __missing__(self, name: str) -> int:
        return 2


class Controls(HTMLParser):
    """What can be pressed: (its words, its address), of links that look like buttons and of buttons of forms."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self.form = ""
        self.open: tuple[str, str] | None = None
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.form = given.get("action", "")
        if tag == "button":
            self.open, self.words = (tag, given.get("formaction", self.form)), []
        elif tag == "a" and "button" in given.get("class", "").split():
            self.open, self.words = (tag, given.get("href", "")), []

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_endtag(self, tag: str) -> None:
        if self.open and tag == self.open[0]:
            self.found.append((" ".join("".join(self.words).split()), self.open[1]))
            self.open = None


def expected(flow: Flow, state: str, *, can_ask: bool, may_export: bool) -> tuple[str, str] | None:
    """The one thing to press for the flow's grades."""
    preview, mark = (reverse(f"exports:{name}", args=[flow.pk]) for name in ("preview", "mark"))
    if state in ("unknown", "both"):
        if can_ask:
            return ASK, reverse("exports:check", args=[flow.pk])
        return ("I have looked in Ladok…", f"{mark}?unknown=yes") if may_export else None
    if not may_export:
        return None
    return {
        "ready": ("Export", preview),
        "rejected": ("Retry", f"{preview}?asking=retry"),
        "there": ("Mark as exported…", mark),
    }[state]


def pressable(page: str, flow: Flow) -> set[tuple[str, str]]:
    """What leads to the grades of this very flow."""
    own = re.compile(rf"^/exports/flows/{flow.pk}/(preview|send|check|mark)/")
    return {(words.removesuffix(f" {flow.title}"), at) for words, at in Controls(page).found if own.match(at)}


@pytest.fixture
def english() -> Iterator[None]:
    with override("en"):
        yield


@pytest.mark.parametrize("may_export", [True, False], ids=["may-export", "may-not"])
@pytest.mark.parametrize("can_ask", [True, False], ids=["ladok-answers", "ladok-is-mute"])
def test_the_same_word_opens_the_same_page_from_everywhere(
    client: Client, make_flow: Make, world: World, can_ask: bool, may_export: bool
) -> None:
    flows = {state: flow_in(state, make_flow, world, can_read_back=can_ask) for state in STATES}
    before = ExportAttempt.objects.count()
    user = MembershipFactory(source=flows["ready"].source, can_export=may_export).user
    for flow in list(flows.values())[1:]:
        Membership.objects.create(source=flow.source, user=user, role="manager", can_export=may_export)
    client.force_login(user)
    pages = {
        address: client.get(address, **ENGLISH).text for address in ("/flows/?standing=&all=on", "/exports/?tab=failed")
    }
    pages["/exports/?tab=pending"] = client.get("/exports/?tab=pending", **ENGLISH).text
    for state, flow in flows.items():
        wanted = expected(flow, state, can_ask=can_ask, may_export=may_export)
        tab = "/exports/?tab=pending" if state == "ready" else "/exports/?tab=failed"
        places = [pages["/flows/?standing=&all=on"], pages[tab], client.get(f"/flows/{flow.pk}/", **ENGLISH).text]
        for place in places:
            # The flow's page has besides what its message speaks of, and who may not send may look.
            there = {each for each in pressable(place, flow) if each[0] != "Preview"}
            mark = ("Mark as exported…", reverse("exports:mark", args=[flow.pk]))
            assert there - {mark} == ({wanted} if wanted else set()) - {mark}, state
            assert wanted != mark or mark in there, state
        # From the attempt, too, and in the preview itself: never all of them at once where something is unknown.
        for attempt in flow.attempts.all():
            pages[f"attempt {state}"] = client.get(f"/exports/{attempt.pk}/", **ENGLISH).text
        asking = "first" if state == "ready" else "retry"
        pages[f"preview {state}"] = preview = client.get(
            f"/exports/flows/{flow.pk}/preview/", {"asking": asking}, **ENGLISH
        ).text
        count = {"ready": 2, "rejected": 2, "both": 1}.get(state, 0) if may_export else 0
        assert (f'action="/exports/flows/{flow.pk}/send/"' in preview) == (count > 0), state
        # The same of several: how many, and of which grades.
        both = {"flow": [flow.pk, FlowFactory(source=flow.source).pk], "asking": asking}
        pages[f"several {state}"] = several = client.get("/exports/preview/", both, **ENGLISH).text
        for page in (preview, several):
            words = " ".join(re.sub(r"<[^>]+>", " ", page).split())
            plural = "" if count == 1 else "s"
            assert (f"Send {count} grade{plural} to Ladok" in words) == (count > 0), state
            if count:
                assert f"5 × {count}" in words, state
            if state in ("unknown", "both"):
                assert "may be in Ladok already, and" in words
                told = {each for each, at in Controls(page).found if at.startswith(f"/exports/flows/{flow.pk}/")}
                looked = {"I have looked in Ladok: it is there", "I have looked in Ladok: it is not there"}
                assert (ASK in told) == can_ask
                assert looked <= told or can_ask or not may_export
    if not can_ask:
        for name, page in pages.items():
            assert ASK not in page, name
    assert ExportAttempt.objects.count() == before


def test_no_sentence_names_a_button_that_only_some_universities_have() -> None:
    """Who reads it may be at any of them; the pages have the button where there is one."""
    for language in ("en", "sv"):
        with override(language):
            button = gettext(ASK).casefold()
            for code, sentence in CATALOGUE.items():
                for part in filter(None, (sentence.what, sentence.effect, sentence.todo)):
                    assert button not in str(part % Whatever()).casefold(), code


def test_no_address_but_the_previews_own_sends_anything(client: Client, make_flow: Make, world: World) -> None:
    ready, failed = (flow_in(state, make_flow, world) for state in ("ready", "rejected"))
    user = MembershipFactory(source=ready.source, can_export=True).user
    Membership.objects.create(source=failed.source, user=user, role="manager", can_export=True)
    client.force_login(user)
    before = set(ExportAttempt.objects.values_list("pk", flat=True))
    form = {"flow": [ready.pk, failed.pk], "one": ready.pk, "confirm": "yes", "word": "x", "item": []}
    for flow, asking in ((ready, "first"), (failed, "retry")):
        attempt = failed.attempts.get()
        values = {"int:pk": flow.pk, "uuid:pk": attempt.pk, "kind": "csv", "slug": flow.source.slug}
        values |= {"package_pk": package_of(flow).pk, "file_pk": 1, "archived_pk": 1}
        for pattern, name in patterns():
            if name.startswith("exports:") and name not in ("exports:send", "exports:send_chosen"):
                client.post(filled(pattern, values), form | {"asking": asking})
    assert set(ExportAttempt.objects.values_list("pk", flat=True)) == before
    # And these only what a preview has shown.
    for address in (reverse("exports:send", args=[ready.pk]), reverse("exports:send_chosen")):
        client.post(address, form | {"asking": "first"})
    assert set(ExportAttempt.objects.values_list("pk", flat=True)) == before


def test_thirty_flows_are_sent_with_two_presses_and_what_is_left_is_told(
    client: Client, make_flow: Make, world: World, english: None
) -> None:
    first = shown(make_flow(people=1))
    client.force_login(first.created_by)
    flows = [first]
    for number in range(29):
        flow = FlowFactory(
            source=first.source, state=Flow.State.CONCLUDED, title=f"Exam {number}", collected_at=first.collected_at
        )
        ParticipantFactory(flow=flow, grade="4")
        if not number:
            ParticipantFactory(flow=flow)
        flows.append(shown(flow))
    page = client.post("/exports/preview/", {"flow": [flow.pk for flow in flows]}, follow=True, **ENGLISH).text
    assert "Send 30 grades to Ladok" in page
    assert "30 flows are sent" in page
    assert "1 person of these flows is not sent" in page
    assert page.count('<details class="look"') == 30
    done = client.post("/exports/send/", form_on(page, "/exports/send/"), follow=True, **ENGLISH)
    assert "30 grades are on their way to Ladok. 1 person is left." in done.text
    assert "0 of 30 have ended" in done.text
    assert ExportAttempt.objects.filter(state="queued").count() == 30
    # Pressed again, each is refused by itself.
    again = client.post("/exports/send/", form_on(page, "/exports/send/"), follow=True, **ENGLISH)
    assert ExportAttempt.objects.count() == 30
    assert again.text.count("An export of this flow is under way already.") >= 30


def test_a_flow_that_asks_something_stays_until_it_is_answered(
    client: Client, make_flow: Make, world: World, english: None
) -> None:
    ready, adopted = shown(make_flow(title="Ready")), make_flow(title="Adopted", adoption="unsaid")
    unread = make_flow(title="Unread")
    world.list_status = 500
    exported(unread)
    world.list_status = 200
    user = ready.created_by
    for flow in (shown(adopted), shown(unread)):
        Membership.objects.create(source=flow.source, user=user, role="manager", can_export=True)
    client.force_login(user)
    chosen = {"flow": [ready.pk, adopted.pk, unread.pk], "asking": "retry"}
    page = client.get("/exports/preview/", chosen, **ENGLISH).text
    assert "2 flows need an answer first, and are not sent now" in page
    assert f'href="{reverse("exports:adoption", args=[adopted.pk])}"' in page
    assert f'href="/exports/flows/{unread.pk}/preview/?asking=retry"' in page
    assert 'id="send"' not in page  # of a retry, there is nothing to send of the third
    page = client.get("/exports/preview/", chosen | {"asking": "first"}, **ENGLISH).text
    assert form_on(page, "/exports/send/")["flow"] == [str(ready.pk)]


def test_an_e_mail_about_unknown_outcomes_names_no_button_that_is_not_there(
    make_flow: Make, world: World, mailoutbox: list[Any]
) -> None:
    flow = flow_in("unknown", make_flow, world, can_read_back=False)
    send_digests(timezone.now() + dt.timedelta(hours=1))
    told = "\n".join(f"{mail.subject}\n{mail.body}" for mail in mailoutbox if flow.title in mail.body)
    assert told
    for language in ("en", "sv"):
        with override(language):
            assert gettext(ASK) not in told
