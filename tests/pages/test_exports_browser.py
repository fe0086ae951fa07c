"""The export pages in a browser: what moves, and what keeps the focus."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection

from exports.attempts.send import send_attempt
from exports.models import ExportAttempt
from sources.models import Flow
from tests.exports.world import Call, World
from tests.factories import FlowFactory, ParticipantFactory
from tests.pages.browsing import PATIENCE, Open, asks_no_more, signed_in
from tests.pages.exporting import manager_of, shown

pytestmark = [pytest.mark.django_db(transaction=True)]
Make = Callable[..., Flow]


@pytest.fixture
def browse(open_page: Open) -> Callable[[User], Any]:
    """`browse(user)`: a page of somebody who reads English and has signed in."""
    return lambda user: signed_in(open_page(language="en"), user)


def work() -> None:
    """What a worker does with all that is queued."""
    for attempt in ExportAttempt.objects.filter(state="queued"):
        send_attempt(attempt.pk)


def in_the_background(task: Callable[[], None]) -> threading.Thread:
    def run() -> None:
        try:
            task()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_list_follows_when_an_export_ends_and_keeps_the_focus_and_what_was_ticked(
    make_flow: Make, world: World, browse: Any
) -> None:
    first = shown(make_flow(people=2, title="Algebra"))
    second = FlowFactory(
        source=first.source, state=Flow.State.CONCLUDED, title="Optik", collected_at=first.collected_at
    )
    ParticipantFactory.create_batch(2, flow=second, grade="5")
    shown(second)
    page = browse(manager_of(first))
    page.goto("/exports/?tab=pending")
    page.get_by_role("link", name="Export Algebra").click()
    page.locator("#send").click()
    page.locator("#progress").wait_for()
    page.goto("/exports/?tab=pending")
    page.get_by_role("heading", name="Under way").wait_for()
    page.get_by_role("checkbox", name="Optik").check()
    page.locator(f"#why-{second.pk} summary").click()
    page.locator(f"#send-{second.pk}").focus()
    work()
    page.locator("#list", has_text="Algebra").wait_for(state="detached")
    assert page.get_by_role("checkbox", name="Optik").is_checked()
    assert page.get_by_role("checkbox", name="Choose all on this page").is_checked()
    assert page.evaluate("document.activeElement.id") == f"send-{second.pk}"
    assert page.locator("#live").get_by_text("Algebra").is_visible()
    page.get_by_role("checkbox", name="Choose all on this page").uncheck()
    assert not page.get_by_role("checkbox", name="Optik").is_checked()


def test_what_is_chosen_stays_from_page_to_page_and_goes_together(make_flow: Make, world: World, browse: Any) -> None:
    first = shown(make_flow(people=1, title="Algebra"))
    other = FlowFactory(source=first.source, state=Flow.State.CONCLUDED, title="Optik", collected_at=first.collected_at)
    ParticipantFactory(flow=other, grade="5")
    shown(other)
    FlowFactory.create_batch(30, source=first.source, title="Between")
    page = browse(manager_of(first))
    page.goto("/flows/?sort=title")
    assert page.locator(".choice-bar").is_hidden()
    page.get_by_role("checkbox", name="Algebra").check()
    page.get_by_role("link", name="Next page").click()
    page.get_by_role("checkbox", name="Optik").check()
    assert page.get_by_text("2 flows chosen").is_visible()
    page.get_by_role("link", name="Previous page").click()
    assert page.get_by_role("checkbox", name="Algebra").is_checked()
    assert page.locator("#all").evaluate("box => box.indeterminate")
    page.locator("#export-chosen").click()
    page.get_by_role("heading", name="2 flows are sent").wait_for()
    page.goto("/flows/?sort=title")  # nothing has been done with them yet
    assert page.get_by_text("2 flows chosen").is_visible()
    page.locator("#export-chosen").click()
    page.locator("#send").click()
    page.get_by_text("2 grades are on their way to Ladok.").wait_for()
    assert {attempt.flow for attempt in ExportAttempt.objects.all()} == {first, other}
    page.goto("/flows/?sort=title")
    assert page.locator(".choice-bar").is_hidden()
    assert not page.locator("input[name=flow]:checked").count()
    page.locator("#all").check()
    assert page.get_by_text("24 flows chosen").is_visible()
    page.get_by_role("button", name="Choose all in the list").click()
    page.get_by_text("30 flows chosen").wait_for()
    assert page.locator("#choose-all").is_hidden()
    page.get_by_role("link", name="Next page").click()
    assert page.locator("#all").is_checked()


def test_focus_goes_to_the_list_when_the_row_it_stood_on_is_gone(make_flow: Make, browse: Any) -> None:
    flow = shown(make_flow(people=2, title="Algebra"))
    page = browse(manager_of(flow))
    page.goto("/exports/?tab=pending")
    page.get_by_role("link", name="Export Algebra").click()
    page.locator("#send").click()
    page.locator("#progress").wait_for()
    page.goto("/exports/?tab=pending")
    page.get_by_role("heading", name="Under way").wait_for()
    page.locator(f"#open-{flow.pk}").focus()
    work()
    page.get_by_role("heading", name="Nothing is waiting").wait_for()
    assert page.evaluate("document.activeElement.id") == "list"


def test_attempt_is_followed_to_its_end_and_the_focus_stays(make_flow: Make, world: World, browse: Any) -> None:
    flow = shown(make_flow(people=2))
    page = browse(manager_of(flow))
    page.goto(f"/exports/flows/{flow.pk}/preview/")
    page.get_by_role("button", name="Send 2 grades to Ladok").click()
    page.get_by_role("heading", name="2 grades are on their way to Ladok").wait_for()
    page.locator("#id_q").fill("half a na")
    is_seen, answered = threading.Event(), world.answer

    def answer(call: Call) -> tuple[int, bytes] | None:
        assert is_seen.wait(PATIENCE / 1000)
        return answered(call)

    world.answer = answer
    thread = in_the_background(work)
    try:
        page.locator('#progress [aria-current="step"]', has_text="Being sent").wait_for()
    finally:
        is_seen.set()
    page.get_by_text("Ladok registered all 2 grades.").first.wait_for()
    thread.join()
    assert page.evaluate("document.activeElement.id") == "id_q"
    assert page.input_value("#id_q") == "half a na"
    assert page.locator("header.bar").count() == page.locator("h1").count() == 1
    asks_no_more(page)
