"""A person's own settings: e-mails on and off and their language, keys, and how lists are opened."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from sources.models import Membership, Preference
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
    assert page.count('type="checkbox"') == page.count(" checked") == 3
    kept = anna.memberships.get(source__name="Örebro")
    answer = client.post(ADDRESS, {f"source-{kept.source_id}": "on", "language": "en"}, follow=True)
    assert answer.redirect_chain == [(ADDRESS, 302)]
    assert "Your settings are saved." in answer.text
    assert chosen(anna) == {"Linköping": (False, "en"), "Örebro": (True, "en")}
    assert answer.text.count(" checked") == 1  # the keys were left out, too
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


# --- Keys


def test_keys_are_there_until_they_are_turned_off(sign_in: SignIn, anna: User) -> None:
    client = sign_in(anna)
    assert "keys.js" in client.get("/").text
    client.post(ADDRESS, {"language": "en"})
    page = client.get("/").text
    assert "keys.js" not in page
    assert 'id="keys"' not in page
    assert "keys.js" not in sign_in(anna).get("/").text
    client.post(ADDRESS, {"language": "en", "has_keys": "on"})
    assert "keys.js" in client.get("/").text


def test_who_is_no_member_turns_them_off_as_well(sign_in: SignIn) -> None:
    client = sign_in(UserFactory())
    assert client.post(ADDRESS, {}).status_code == 302
    assert "keys.js" not in client.get(ADDRESS).text


# --- How a list is opened


@pytest.mark.parametrize(("name", "address"), [("flows", "/flows/"), ("exports", "/exports/")])
def test_a_list_is_opened_as_somebody_has_said(sign_in: SignIn, anna: User, name: str, address: str) -> None:
    client = sign_in(anna)
    query = "mine=on&sort=-exam&columns=exam&columns=made"
    assert client.post("/preferences/list/", {"list": name, "query": query})["Location"] == f"{address}?{query}"
    assert client.get(address)["Location"] == f"{address}?{query}"
    for chosen in ("?all=on", "?standing=rejected", "?page=2"):
        assert client.get(f"{address}{chosen}").status_code == 200
    assert client.get(address, headers={"HX-Request": "true", "HX-Target": "list"}).status_code == 200
    other = {"/flows/": "/exports/", "/exports/": "/flows/"}[address]
    assert client.get(other).status_code == 200
    assert client.post("/preferences/list/", {"list": name, "query": ""})["Location"] == f"{address}?all=on"
    assert client.get(address).status_code == 200


def test_only_what_a_list_knows_is_kept(sign_in: SignIn, anna: User) -> None:
    client = sign_in(anna)
    client.post("/preferences/list/", {"list": "flows", "query": "mine=on&q=asa&page=4&since=x&tab=failed"})
    assert Preference.objects.get(user=anna).lists == {"flows": "mine=on"}
    for wrong in ({"list": "users", "query": "a=b"}, {"query": "mine=on"}, {"list": "flows", "query": "x" * 2000}):
        assert client.post("/preferences/list/", wrong).status_code == 400


def test_the_list_offers_to_be_opened_like_this_and_as_usual_again(sign_in: SignIn, anna: User) -> None:
    client = sign_in(anna)
    english = {"headers": {"accept-language": "en"}}
    assert "Always open it like this" not in client.get("/flows/", **english).text
    assert "Always open it like this" in client.get("/flows/?mine=on", **english).text
    client.post("/preferences/list/", {"list": "flows", "query": "mine=on"})
    assert "Open it as usual" in client.get("/flows/?mine=on", **english).text
