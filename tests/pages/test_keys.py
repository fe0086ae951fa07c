"""The keys of static/keys.js, in a browser."""

from __future__ import annotations

from typing import Any

import pytest

from sources.models import Flow, Membership, Preference
from tests.factories import FlowFactory, MembershipFactory
from tests.pages.axe import violations
from tests.pages.browsing import Open, signed_in

pytestmark = [pytest.mark.django_db(transaction=True)]
FOCUSED = "document.activeElement.id"


@pytest.fixture
def membership(live_server: Any) -> Membership:
    return MembershipFactory()


@pytest.fixture
def flows(membership: Membership) -> list[Flow]:
    return [FlowFactory(source=membership.source, title=title) for title in ("A", "B", "C")]


@pytest.fixture
def page(open_page: Open, membership: Membership) -> Any:
    return signed_in(open_page(language="en"), membership.user)


def pressed(page: Any, *keys: str) -> Any:
    """What has the focus then."""
    for key in keys:
        page.keyboard.press(key)
    return page.evaluate(FOCUSED)


def test_keys_go_to_the_search_and_from_page_to_page(page: Any, flows: list[Flow]) -> None:
    page.goto("/")
    assert pressed(page, "/") == "bar-search"
    pressed(page, "g", "f", "?")  # are letters there
    assert page.input_value("#bar-search") == "gf?"
    page.locator("main").focus()
    for key, address in (("f", "/flows/"), ("e", "/exports/"), ("h", "/")):
        with page.expect_navigation():
            page.keyboard.press("g")
            page.keyboard.press(key)
        assert page.url.endswith(address)
    pressed(page, "Control+f", "f")  # alone it leads nowhere
    assert page.url.endswith("/")


def test_keys_go_from_row_to_row_choose_and_open(page: Any, flows: list[Flow]) -> None:
    first, second, third = (flow.pk for flow in flows)
    page.goto("/flows/?sort=title")
    assert pressed(page, "j") == f"open-{first}"
    assert pressed(page, "j", "j", "j") == f"open-{third}"
    assert pressed(page, "k") == f"open-{second}"
    pressed(page, "x", "o")
    assert page.is_checked(f"#flow-{second}")
    assert page.get_by_text("1 flow chosen").is_visible()
    assert page.locator(f"#why-{second}").get_attribute("open") is not None
    assert page.locator(f"tr:has(#why-{second}) + tr").is_visible()
    assert not page.locator(f"tr:has(#why-{first}) + tr").is_visible()


def test_the_keys_are_told_and_nothing_else_is_done_meanwhile(page: Any, flows: list[Flow]) -> None:
    page.goto("/flows/")
    pressed(page, "?")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    assert dialog.is_visible()
    assert violations(page) == []
    assert pressed(page, "j") != f"open-{flows[-1].pk}"
    pressed(page, "Escape")
    assert dialog.is_hidden()


def test_whoever_turns_them_off_has_none(page: Any, membership: Membership, flows: list[Flow]) -> None:
    Preference.objects.create(user=membership.user, has_keys=False)
    signed_in(page, membership.user)
    page.goto("/flows/")
    assert pressed(page, "/", "j", "?") == ""
    assert page.locator("dialog").count() == 0
