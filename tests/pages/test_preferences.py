"""A person's own settings: e-mails on and off, and their language."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from sources.models import Membership
from tests.factories import MembershipFactory, UserFactory

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Client]
ADDRESS = "/preferences/"


@pytest.fixture
def anna() -> User:
    """A manager at two universities."""
    return MembershipFactory(user=MembershipFactory(source__name="Linköping").user, source__name="Örebro").user


def chosen(user: User) -> dict[str, tuple[bool, str]]:
    return {one.source.name: (one.gets_summary, one.language) for one in user.memberships.select_related("source")}


def test_each_university_is_switched_for_itself_and_the_language_for_all(sign_in: SignIn, anna: User) -> None:
    client = sign_in(anna)
    page = client.get(ADDRESS).text
    assert page.count('type="checkbox"') == page.count(" checked") == 2
    kept = anna.memberships.get(source__name="Örebro")
    answer = client.post(ADDRESS, {f"source-{kept.source_id}": "on", "language": "en"}, follow=True)
    assert answer.redirect_chain == [(ADDRESS, 302)]
    assert "Your settings are saved." in answer.text
    assert chosen(anna) == {"Linköping": (False, "en"), "Örebro": (True, "en")}
    assert answer.text.count(" checked") == 1
    assert '<option value="en" selected>' in answer.text


def test_an_unknown_language_changes_nothing_and_is_told(sign_in: SignIn, anna: User) -> None:
    answer = sign_in(anna).post(ADDRESS, {"language": "tlh"})
    assert answer.status_code == 200
    assert "id_language_error" in answer.text
    assert set(chosen(anna).values()) == {(True, "sv")}


def test_nobody_changes_what_is_anothers(sign_in: SignIn, anna: User) -> None:
    other = MembershipFactory()
    sign_in(anna).post(ADDRESS, {f"source-{other.source_id}": "", "language": "en"})
    other.refresh_from_db()
    assert (other.gets_summary, other.language) == (True, "sv")


def test_who_is_no_member_reads_whom_to_ask(sign_in: SignIn) -> None:
    page = sign_in(UserFactory()).get(ADDRESS).text
    assert "licence admin" in page
    assert "<select" not in page


def test_who_has_no_address_is_told_that_no_e_mail_comes(sign_in: SignIn) -> None:
    membership: Membership = MembershipFactory(user__email="", user__username="anna", organisation_id="a")
    assert "No e-mail address of yours is known here." in sign_in(membership.user).get(ADDRESS).text


def test_every_page_leads_there(sign_in: SignIn, anna: User) -> None:
    assert sign_in(anna).get(reverse("home")).text.count(f'href="{ADDRESS}"') == 2


def test_only_get_and_post(sign_in: SignIn, anna: User) -> None:
    assert sign_in(anna).put(ADDRESS).status_code == 405
