"""The export pages in a browser: what moves, what keeps the focus, and what works without JavaScript."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection

from exports.models import ExportAttempt
from exports.sending import send_attempt
from sources.models import Flow
from tests.exports.world import World
from tests.factories import PASSWORD, FlowFactory, ParticipantFactory
from tests.pages.exporting import exported, manager_of, shown

pytestmark = [pytest.mark.django_db(transaction=True)]
Make = Callable[..., Flow]


@pytest.fixture(params=[True, False], ids=["javascript", "no javascript"])
def has_javascript(request: pytest.FixtureRequest) -> bool:
    return request.param


@pytest.fixture
def browse(chromium: Any, live_server: Any) -> Iterator[Callable[..., Any]]:
    """`browse(user)`: a page where the user has signed in. Nothing may be complained of in its console."""
    contexts, complaints = [], []

    def sign_in(user: Any, *, javascript: bool = True, width: int = 1280) -> Any:
        context = chromium.new_context(
            base_url=live_server.url,
            locale="en",
            java_script_enabled=javascript,
            viewport={"width": width, "height": 800},
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto("/sign-in/")
        page.fill("#id_username", user.username)
        page.fill("#id_password", PASSWORD)
        page.click("main button")
        return page

    yield sign_in
    for context in contexts:
        context.close()
    assert complaints == []


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


def test_manager_exports_with_and_without_javascript(make_flow: Make, browse: Any, has_javascript: bool) -> None:
    flow = shown(make_flow(people=3, title="Algebra"))
    page = browse(manager_of(flow), javascript=has_javascript)
    page.goto("/exports/?tab=pending")
    page.get_by_role("checkbox", name="Algebra").check()
    page.get_by_role("button", name="Export the chosen").click()
    page.get_by_role("heading", name="Under way").wait_for()
    work()
    if not has_javascript:
        page.reload()
    page.get_by_role("heading", name="Just ended").wait_for(timeout=8000)
    assert "Ladok registered all 3 grades." in page.locator("#live").inner_text()
    page.get_by_role("link", name="Exported 1").click()
    assert "Algebra" in page.locator("tbody").inner_text()


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
    page.get_by_role("button", name="Export Algebra").click()
    page.get_by_role("heading", name="Under way").wait_for()
    page.get_by_role("checkbox", name="Optik").check()
    page.locator(f"#preview-{second.pk}").focus()
    work()
    page.locator("#list", has_text="Algebra").wait_for(state="detached", timeout=8000)
    assert page.get_by_role("checkbox", name="Optik").is_checked()
    assert page.get_by_role("checkbox", name="Choose all on this page").is_checked()
    assert page.evaluate("document.activeElement.id") == f"preview-{second.pk}"
    assert page.locator("#live").get_by_text("Algebra").is_visible()
    page.get_by_role("checkbox", name="Choose all on this page").uncheck()
    assert not page.get_by_role("checkbox", name="Optik").is_checked()


def test_focus_goes_to_the_list_when_the_row_it_stood_on_is_gone(make_flow: Make, browse: Any) -> None:
    flow = shown(make_flow(people=2, title="Algebra"))
    page = browse(manager_of(flow))
    page.goto("/exports/?tab=pending")
    page.get_by_role("button", name="Export Algebra").click()
    page.get_by_role("heading", name="Under way").wait_for()
    page.locator(f"#open-{flow.pk}").focus()
    work()
    page.get_by_role("heading", name="Nothing is waiting").wait_for(timeout=8000)
    assert page.evaluate("document.activeElement.id") == "list"


def test_unknown_outcome_is_settled_with_and_without_javascript(
    make_flow: Make, world: World, browse: Any, has_javascript: bool
) -> None:
    flow = make_flow(people=2, title="Algebra")
    world.answer = lambda call: None
    attempt = exported(flow)
    page = browse(manager_of(flow), javascript=has_javascript)
    page.goto("/exports/")
    page.get_by_role("link", name="See each person").click()
    page.get_by_role("checkbox").first.wait_for()
    for box in page.locator("input[name=item]").all():
        box.check()
    page.get_by_role("button", name="Mark the chosen as exported…").click()
    page.get_by_label("How do you know").fill("Seen in Ladok")
    page.get_by_role("button", name="Mark 2 grades as exported").click()
    page.get_by_text("2 grades are marked as exported.").wait_for()
    flow.refresh_from_db()
    assert flow.export_state == "exported"
    assert attempt.items.filter(state="exported").count() == 2


def test_attempt_is_followed_to_its_end_and_the_focus_stays(make_flow: Make, world: World, browse: Any) -> None:
    flow = shown(make_flow(people=2))
    page = browse(manager_of(flow))
    page.goto(f"/exports/flows/{flow.pk}/preview/")
    page.get_by_role("button", name="Send 2 grades to Ladok").click()
    page.get_by_role("heading", name="2 grades are on their way to Ladok").wait_for()
    page.locator("#id_q").focus()
    world.delay = 3
    thread = in_the_background(work)
    page.locator('#progress [aria-current="step"]', has_text="Being sent").wait_for(timeout=8000)
    page.get_by_text("Ladok registered all 2 grades.").first.wait_for(timeout=10000)
    thread.join()
    assert page.evaluate("document.activeElement.id") == "id_q"
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(2500)
    assert asked == []


@pytest.mark.parametrize("width", [320, 768, 1440])
def test_no_page_is_wider_than_the_screen(make_flow: Make, world: World, browse: Any, width: int) -> None:
    flow = make_flow(people=2, title="Ett_mycket_långt_ord_" * 4, source={"can_read_back": True})
    world.answer = lambda call: None
    attempt = exported(flow)
    item = attempt.items.first()
    page = browse(manager_of(flow), width=width)
    for address in (
        "/exports/",
        f"/exports/?tab=pending&watch={attempt.pk}",
        f"/exports/{attempt.pk}/",
        f"/exports/{attempt.pk}/mark/?item={item.pk}",
        f"/exports/flows/{flow.pk}/preview/?asking=retry&body=1",
    ):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0, (
            address
        )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_have_no_fault_that_axe_finds(make_flow: Make, world: World, browse: Any, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    flow = make_flow(people=2, source={"can_read_back": True})
    ready = shown(make_flow(people=2))
    world.answer = lambda call: None
    attempt = exported(flow)
    item = attempt.items.first()
    user = manager_of(flow)
    ready.source.memberships.create(user=user, role="manager")
    page = browse(user)
    page.emulate_media(color_scheme=scheme)
    faults: dict[str, str] = {}
    for address in (
        "/exports/",
        f"/exports/?tab=pending&watch={attempt.pk}",
        "/exports/?tab=exported",
        f"/exports/{attempt.pk}/",
        f"/exports/{attempt.pk}/mark/?item={item.pk}",
        f"/exports/flows/{flow.pk}/preview/?asking=retry&body=1",
        f"/exports/flows/{ready.pk}/preview/",
        "/",
        f"/flows/{flow.pk}/exports/",
    ):
        page.goto(address)
        for closed in page.locator("main details:not([open]) > summary").all():
            closed.click()
        found = Axe().run(page).response["violations"]
        faults |= {f"{address} {fault['id']}": fault["nodes"][0]["html"][:200] for fault in found}
    assert faults == {}
