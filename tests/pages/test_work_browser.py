"""Signs of work, in a browser: buttons that are at work, the tab's title, and what is told."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from exports.attempts.send import send_attempt
from exports.models import ExportAttempt
from sources.command import wait_until
from sources.models import Flow
from tests.exports.world import World
from tests.factories import FlowFactory, ParticipantFactory
from tests.pages.axe import violations
from tests.pages.browsing import PATIENCE, Open, asks_no_more, signed_in
from tests.pages.exporting import exported, manager_of, shown

pytestmark = [pytest.mark.django_db(transaction=True)]
Make = Callable[..., Flow]


def test_a_button_is_at_work_until_its_page_is_gone_back_to_and_is_sent_once(
    make_flow: Make, world: World, open_page: Open
) -> None:
    flow = shown(make_flow(people=1))
    page = signed_in(open_page(language="en", may_complain=True), manager_of(flow))
    page.goto(f"/exports/flows/{flow.pk}/preview/")
    button, news = page.locator("#send"), page.locator("#work")
    page.route("**/send/", lambda route: route.fulfill(status=204))  # there is no next page: this one stays
    button.click(no_wait_after=True)
    page.locator("#send[aria-busy=true][aria-disabled=true]").wait_for()
    assert news.text_content() == "Working…"
    assert page.evaluate("document.activeElement.id") == "send"
    # The browser puts the very page back that was left: it is at rest, and the button can be pressed again.
    page.evaluate('dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }))')
    assert button.get_attribute("aria-busy") is None
    assert news.text_content() == ""
    page.unroute("**/send/")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method) if request.url.endswith("/send/") else None)
    button.dblclick(no_wait_after=True)
    page.locator("#progress").wait_for()
    assert sent == ["POST"]
    # Gone back to, it is asked for anew, and tells what is there now.
    page.go_back()
    page.get_by_text("An export of this flow is under way already.").first.wait_for()
    assert not button.count()
    assert ExportAttempt.objects.count() == 1


def test_how_far_the_exports_are_stands_in_the_tabs_title(make_flow: Make, world: World, open_page: Open) -> None:
    first = shown(make_flow(people=1))
    flows = [first]
    for title in ("Optik", "Algebra"):
        flow = FlowFactory(
            source=first.source, state=Flow.State.CONCLUDED, title=title, collected_at=first.collected_at
        )
        ParticipantFactory(flow=flow, grade="5")
        flows.append(shown(flow))
    page = signed_in(open_page(language="en"), manager_of(first))
    query = "&".join(f"flow={flow.pk}" for flow in flows)
    page.goto(f"/exports/preview/?{query}")
    assert page.title() == "Export · LadokFlow"

    def follows(title: str) -> None:
        assert wait_until(page.title, lambda now: now == title, seconds=PATIENCE / 1000) == title

    page.locator("#send").click()
    follows("(0/3) Exports · LadokFlow")
    attempts = list(ExportAttempt.objects.values_list("pk", flat=True))
    send_attempt(attempts[0])
    follows("(1/3) Exports · LadokFlow")
    for pk in attempts[1:]:
        send_attempt(pk)
    follows("Exports · LadokFlow")
    asks_no_more(page)


def test_what_can_be_undone_stays_in_reach_and_is_read_aloud_and_put_away(
    make_flow: Make, world: World, open_page: Open
) -> None:
    flow = make_flow(people=20, source={"settling_minutes": 0})
    world.answer = lambda call: None
    exported(flow)
    page = signed_in(open_page(language="en", viewport={"width": 375, "height": 600}), manager_of(shown(flow)))
    page.goto(f"/exports/flows/{flow.pk}/mark/?unknown=there")
    page.locator("#id_reason").fill("Seen in Ladok")
    page.locator("button[value=there]").click()
    notes = page.get_by_role("status").filter(has_text="20 grades are marked as exported.")
    notes.wait_for()
    page.keyboard.press("End")
    assert page.locator("#undo").evaluate(
        "button => { const at = button.getBoundingClientRect(); return at.top >= 0 && at.bottom <= innerHeight; }"
    )
    assert violations(page) == []
    page.locator("#undo").click()
    page.get_by_text("The marks of 20 grades have been taken back.").wait_for()
    assert not page.locator("#undo").count()
    page.get_by_role("button", name="Dismiss").click()
    assert not page.locator("#notes .note").count()
    assert page.evaluate("document.activeElement.id") == "main"
