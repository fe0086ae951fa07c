"""The button beside a secret that is shown once, in a browser."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from sources.models import ApiToken, Membership
from sources.models.api import digest_of
from tests.factories import ApiTokenFactory, MembershipFactory, OAuthClientFactory, SubscriptionFactory, UserFactory
from tests.pages.browsing import Keyboard, Mouse, Open, signed_in

pytestmark = [pytest.mark.django_db(transaction=True)]
BUTTON, SECRET = "[data-copy]", "#secret"
MAY_COPY = ["clipboard-read", "clipboard-write"]


@pytest.fixture
def membership(live_server: Any) -> Membership:
    lars = UserFactory(is_staff=True)
    made: Membership = MembershipFactory(user=lars, role=Membership.Role.LICENCE_ADMIN)
    return made


def shown_once(page: Any, membership: Membership, row: Any) -> str:
    """The page is where the new secret stands, which is returned."""
    signed_in(page, membership.user)
    page.goto(reverse(f"admin:sources_{row._meta.model_name}_secret", args=[row.pk]))
    Mouse(page).press("#content-main input[type=submit]")
    return str(page.inner_text(SECRET))


def copied(page: Any) -> str:
    return str(page.evaluate("navigator.clipboard.readText()"))


@pytest.mark.parametrize("hand", [Mouse, Keyboard])
def test_a_click_copies_the_secret_and_nothing_else(open_page: Open, membership: Membership, hand: type[Mouse]) -> None:
    page = open_page(language="en", permissions=MAY_COPY)
    secret = shown_once(page, membership, ApiTokenFactory(membership=membership))
    page.evaluate("navigator.clipboard.writeText('what was there before')")
    hand(page)._activate(BUTTON)
    page.wait_for_selector(f"{BUTTON}:text('Copied')")
    assert copied(page) == secret
    assert ApiToken.objects.get().secret_hash == digest_of(secret)


@pytest.mark.parametrize("make", [OAuthClientFactory, SubscriptionFactory])
def test_each_secret_that_is_shown_once_can_be_copied(open_page: Open, membership: Membership, make: Any) -> None:
    is_webhook = make is SubscriptionFactory
    row = make(**({"source": membership.source} if is_webhook else {"membership": membership}))
    page = open_page(language="en", permissions=MAY_COPY)
    secret = shown_once(page, membership, row)
    page.click(BUTTON)
    page.wait_for_selector(f"{BUTTON}:text('Copied')")
    assert copied(page) == secret


def test_where_the_browser_refuses_the_secret_is_chosen_to_be_copied_by_hand(
    open_page: Open, membership: Membership
) -> None:
    page = open_page(language="en")
    secret = shown_once(page, membership, ApiTokenFactory(membership=membership))
    session = page.context.new_cdp_session(page)
    refused = {"permission": {"name": "clipboard-write"}, "setting": "denied"}
    session.send("Browser.setPermission", refused)
    page.click(BUTTON)
    page.wait_for_function("getSelection().toString() !== ''")
    assert page.evaluate("getSelection().toString()") == secret
    assert page.inner_text(BUTTON) == "Copy"
