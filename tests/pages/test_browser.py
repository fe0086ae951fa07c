"""What the pages do in a browser beyond a manager's tasks: where the focus goes, what follows by itself, what is kept."""

from __future__ import annotations

import pytest
from django.urls import reverse

from tests.factories import FlowFactory, MembershipFactory, SyncRunFactory, UserFactory
from tests.pages.browsing import Open, asks_no_more, signed_in


def test_the_skip_link_is_first_and_leads_to_the_content(open_page: Open) -> None:
    page = open_page()
    page.goto("/sign-in/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip-link"
    page.keyboard.press("Enter")
    page.wait_for_selector("#main:focus")


def test_the_list_follows_what_is_typed_keeps_the_focus_and_can_be_reloaded(open_page: Open) -> None:
    membership = MembershipFactory()
    FlowFactory(source=membership.source, title="Linjär algebra")
    FlowFactory(source=membership.source, title="Reglerteknik")
    page = signed_in(open_page(), membership.user)
    page.goto("/flows/")
    # On a slow machine it is asked for more than once meanwhile: the last answer counts.
    with page.expect_response(lambda answer: "q=regler" in answer.url):
        page.type("#id_q", "regler")
    page.wait_for_url("**/flows/?*q=regler*")
    page.wait_for_selector("text=Linjär algebra", state="detached")
    assert page.evaluate("document.activeElement.id") == "id_q"
    page.reload()
    assert page.locator("#list tbody .flows__row").count() == 1
    assert page.input_value("#id_q") == "regler"


@pytest.mark.parametrize(
    ("focused", "after"), [("nav.tabs li:nth-child(2) a", "flow-tab-participants"), ("#progress a", "flow")]
)
def test_the_progress_of_a_synchronisation_is_followed_to_its_end_and_the_focus_stays(
    open_page: Open, focused: str, after: str
) -> None:
    """On what had it, or, where that is gone, in that part of the page: the keyboard does not start over."""
    membership = MembershipFactory()
    flow = FlowFactory(source=membership.source)
    run = SyncRunFactory(flow=flow, state="running", done=1, total=4)
    page = signed_in(open_page(), membership.user)
    page.goto(reverse("flows:detail", args=[flow.pk]))
    assert page.locator("#progress progress").get_attribute("value") == "1"
    flow.sync_runs.filter(pk=run.pk).update(done=3)
    page.wait_for_selector('#progress progress[value="3"]')
    page.focus(focused)
    flow.sync_runs.filter(pk=run.pk).update(state="success", finished_at=run.created_at)
    page.wait_for_selector("#sync-now")
    assert page.locator("#progress").count() == 0
    assert page.evaluate("document.activeElement.id") == after
    asks_no_more(page)


def test_the_language_switch_works_from_the_page_one_is_on(open_page: Open) -> None:
    membership = MembershipFactory()
    page = signed_in(open_page(language="en-GB"), membership.user)
    page.goto("/flows/?q=abc")
    page.click("button[lang=sv]")
    page.wait_for_selector("html[lang=sv]")
    assert page.url.endswith("/flows/?q=abc")


def test_someone_without_a_source_meets_pages_that_say_whom_to_ask(open_page: Open) -> None:
    page = signed_in(open_page(language="en-GB"), UserFactory())
    for place in ("/", "/flows/", "/flows/new/", "/exports/"):
        page.goto(place)
        assert "licence admin" in page.inner_text("main"), place
