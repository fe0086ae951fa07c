"""The tasks of a manager in a real browser: by mouse and by keyboard, with JavaScript and without, in both languages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from django.urls import reverse

from ladokflow.messages import message
from sources.creating import create_flow
from sources.models import Flow, Source
from tests.factories import (
    PASSWORD,
    FlowFactory,
    MembershipFactory,
    ParticipantFactory,
    SyncRunFactory,
    UserFactory,
)

Open = Callable[..., Any]
CODES = ("TDDE01-TEN1-1001", "TDDE01/TEN Å-2")


@pytest.fixture
def open_page(chromium: Any, live_server: Any) -> Iterator[Open]:
    """A page in a browser of its own, at the address of the test's server."""
    contexts = []

    def opened(*, language: str = "sv-SE", **options: Any) -> Any:
        context = chromium.new_context(base_url=live_server.url, locale=language, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        return page

    yield opened
    for context in contexts:
        context.close()


def signed_in(page: Any, user: User) -> Any:
    page.goto("/sign-in/")
    page.fill("#id_username", user.username)
    page.fill("#id_password", PASSWORD)
    page.press("#id_password", "Enter")
    page.wait_for_url("**/")
    return page


def tab_to(page: Any, selector: str) -> None:
    """Press Tab until what `selector` finds has the focus."""
    for _ in range(120):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"The keyboard does not reach {selector}.")


@pytest.mark.parametrize("language", ["sv-SE", "en-GB"])
@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no_scripts"])
def test_from_the_sign_in_to_a_flow_with_its_students_by_mouse(
    open_page: Open, anna: User, scripts: bool, language: str
) -> None:
    page = signed_in(open_page(language=language, java_script_enabled=scripts), anna)
    page.click('.page-header a[href="/flows/new/"], .empty a[href="/flows/new/"]')
    page.click("text=Välj från lista")
    page.fill("#id_course", "TDDE01")
    page.click("main form button:not([formaction])")
    for code in CODES:
        page.check(f'input[value="{code}"]')
    page.click("button[formaction]")
    page.click('a[href*="/settings/"] >> nth=0')
    page.check("#id_activates")
    page.click("button[name=back]")
    page.click('a[href*="/settings/"] >> nth=0')
    assert page.is_checked("#id_activates")
    page.click("form.form button:not([name])")
    page.wait_for_url("**/flows/*/")
    flow = Flow.objects.get()
    assert page.locator("#progress li[aria-current=step]").count() == 1
    create_flow(flow.pk)
    if not scripts:
        page.reload()
    page.wait_for_selector("#sync-now")
    assert page.locator("#progress").count() == 0
    page.click(f'nav.tabs a[href="{reverse("flows:participants", args=[flow.pk])}"]')
    flow.refresh_from_db()
    assert flow.participant_count > 12
    assert page.locator("tbody tr").count() == min(50, flow.participant_count)


def enter(page: Any) -> None:
    """Press Enter, and be on the next page."""
    with page.expect_navigation():
        page.keyboard.press("Enter")


def test_from_the_sign_in_to_a_flow_by_keyboard_alone(open_page: Open, anna: User) -> None:
    page = open_page()
    page.goto("/sign-in/")
    tab_to(page, "#id_username")
    page.keyboard.type(anna.username)
    tab_to(page, "#id_password")
    page.keyboard.type(PASSWORD)
    enter(page)
    tab_to(page, '[href="/flows/new/"]')
    enter(page)
    tab_to(page, '[href="/flows/new/liu/code/"]')
    enter(page)
    tab_to(page, "#id_typed")
    page.keyboard.type("FINNS-INTE")
    enter(page)
    page.wait_for_selector("#id_typed_error")
    tab_to(page, "#id_typed")  # selects what stands there, so that typing replaces it
    page.keyboard.press("Control+A")
    page.keyboard.type(CODES[1])
    enter(page)
    page.wait_for_selector("#people")
    tab_to(page, 'a[href*="/settings/"]')
    enter(page)
    page.wait_for_selector("#id_flow_type")
    tab_to(page, "form.form button:not([name])")
    enter(page)
    page.wait_for_url("**/flows/*/")
    flow = Flow.objects.get()
    create_flow(flow.pk)
    page.wait_for_selector("#sync-now")
    tab_to(page, "#sync-now")
    enter(page)
    page.wait_for_selector("#progress")
    assert flow.sync_runs.filter(state="queued").count() == 1


def test_the_skip_link_is_first_and_leads_to_the_content(open_page: Open, live_server: Any) -> None:
    page = open_page()
    page.goto("/sign-in/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip-link"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_the_list_follows_what_is_typed_keeps_the_focus_and_can_be_reloaded(open_page: Open) -> None:
    membership = MembershipFactory()
    FlowFactory(source=membership.source, title="Linjär algebra")
    FlowFactory(source=membership.source, title="Reglerteknik")
    page = signed_in(open_page(), membership.user)
    page.goto("/flows/")
    page.type("#id_q", "regler")
    page.wait_for_url("**/flows/?*q=regler*")
    page.wait_for_selector("text=Linjär algebra", state="detached")
    assert page.evaluate("document.activeElement.id") == "id_q"
    page.reload()
    assert page.locator("#results tbody tr").count() == 1
    assert page.input_value("#id_q") == "regler"


def test_the_progress_of_a_synchronisation_is_followed_to_its_end_and_the_focus_stays(open_page: Open) -> None:
    membership = MembershipFactory()
    flow = FlowFactory(source=membership.source)
    run = SyncRunFactory(flow=flow, state="running", done=1, total=4)
    page = signed_in(open_page(), membership.user)
    page.goto(reverse("flows:detail", args=[flow.pk]))
    assert page.locator("#progress progress").get_attribute("value") == "1"
    flow.sync_runs.filter(pk=run.pk).update(done=3)
    page.wait_for_selector('#progress progress[value="3"]')
    flow.sync_runs.filter(pk=run.pk).update(state="success", finished_at=run.created_at)
    page.wait_for_selector("#sync-now")
    page.wait_for_timeout(2500)
    assert page.locator("#progress").count() == 0


def test_the_language_switch_works_from_the_page_one_is_on(open_page: Open) -> None:
    membership = MembershipFactory()
    page = signed_in(open_page(language="en-GB"), membership.user)
    page.goto("/flows/?q=abc")
    page.click("button[lang=sv]")
    page.wait_for_selector("html[lang=sv]")
    assert page.url.endswith("/flows/?q=abc")


# --- Every state of every page: no violation of WCAG that axe knows, and no scrolling sideways


@pytest.fixture
def places(liu: Source, anna: User) -> list[str]:
    """Addresses of pages in many states."""
    told = message("remote.timeout", system="Ladok", seconds=30).to_json()
    asks = message("sources.brake_half", code="TEN1", before=40, now=3).to_json()
    full = FlowFactory(
        source=liu,
        title="Förskollärarutbildningens kunskapsprövning i matematikdidaktik",
        codes=["A-MYCKET-LÅNG-TENTAMENSKOD-UTAN-MELLANRUM-0001", "B"],
        sync_message=asks,
        export_state="failed",
        export_message=told,
        unfollowed={"title": {"ladok": "En titel", "wiseflow": "En annan titel"}},
        staff=[{"role": "assessor", "organisation_id": "exam001@liu.example"}],
    )
    ParticipantFactory.create_batch(3, flow=full, grade="5")
    ParticipantFactory(flow=full, is_active=False, is_from_source=False, export_state="failed", export_message=told)
    failed = SyncRunFactory(flow=full, state="failed", asks=True, message=asks, problems=[told], changes=[told])
    running = FlowFactory(source=liu)
    SyncRunFactory(flow=running, state="running", done=2, total=5)
    creating = FlowFactory(source=liu, setup_state="creating", setup_step="dates", wiseflow_id=None, state=None)
    stopped = FlowFactory(source=liu, setup_state="stopped", setup_message=told, wiseflow_id=None, state=None)
    flows = [reverse("flows:detail", args=[flow.pk]) for flow in (full, running, creating, stopped)]
    tabs = [reverse(f"flows:{name}", args=[full.pk]) for name in ("participants", "codes", "syncs", "exports")]
    run = reverse("flows:sync_run", args=[full.pk, failed.pk])
    wizard = [
        "/flows/new/liu/",
        "/flows/new/liu/list/?course=TDDE01",
        "/flows/new/liu/preview/?typed=FINNS-INTE",
        "/flows/new/liu/preview/?code=TDDE01-UTAN-ID&code=TDDE01-UTAN-DATUM",
        "/flows/new/liu/settings/?code=TDDE01-UTAN-ID",
    ]
    return ["/", "/flows/", "/flows/?q=nothing", *flows, *tabs, run, *wizard, "/glossary/", "/styleguide/", "/nowhere/"]


@pytest.mark.parametrize(
    ("language", "scheme", "width"),
    [("sv-SE", "light", 1280), ("sv-SE", "dark", 320), ("en-GB", "light", 320), ("en-GB", "dark", 1280)],
)
def test_no_page_has_an_accessibility_violation_or_scrolls_sideways(
    open_page: Open, anna: User, places: list[str], language: str, scheme: str, width: int
) -> None:
    page = open_page(
        language=language, color_scheme=scheme, reduced_motion="reduce", viewport={"width": width, "height": 800}
    )
    signed_in(page, anna)
    axe = Axe()
    found = []
    for place in places:
        assert page.goto(place).status in (200, 404), place
        if page.evaluate("document.documentElement.scrollWidth") > width:
            found.append(f"{place} scrolls sideways")
        found += [f"{place}: {one['id']} {one['nodes'][0]['html']}" for one in axe.run(page).response["violations"]]
    assert found == []


def test_no_page_writes_an_error_to_the_console(open_page: Open, anna: User, places: list[str]) -> None:
    page = open_page()
    told: list[str] = []
    page.on("console", lambda entry: told.append(entry.text) if entry.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: told.append(str(error)))
    signed_in(page, anna)
    for place in places[:-1]:  # the last is the page that is not there
        page.goto(place)
    assert told == []


def test_someone_without_a_source_meets_pages_that_say_whom_to_ask(open_page: Open) -> None:
    page = signed_in(open_page(language="en-GB"), UserFactory())
    for place in ("/", "/flows/", "/flows/new/", "/exports/"):
        page.goto(place)
        assert "licence admin" in page.inner_text("main"), place
        assert Axe().run(page).violations_count == 0, place
