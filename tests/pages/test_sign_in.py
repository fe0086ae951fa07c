"""Signing in and out, and the language."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from tests.factories import PASSWORD, FlowFactory, UserFactory
from tests.pages.walking import problems_of

pytestmark = pytest.mark.django_db


def test_someone_who_is_not_signed_in_is_asked_to_and_comes_back_to_the_page(client: Client) -> None:
    user = UserFactory()
    answer = client.get("/flows/?q=a", follow=True)
    assert answer.redirect_chain[-1][0] == "/sign-in/?next=/flows/%3Fq%3Da"
    answer = client.post("/sign-in/", {"username": user.username, "password": PASSWORD, "next": "/flows/?q=a"})
    assert answer.headers["Location"] == "/flows/?q=a"


def test_a_wrong_password_is_told_and_keeps_the_name(client: Client) -> None:
    answer = client.post(
        "/sign-in/", {"username": "anna@liu.example", "password": "wrong"}, headers={"accept-language": "en"}
    )
    page = answer.content.decode()
    assert 'role="alert"' in page
    assert 'value="anna@liu.example"' in page


def test_who_has_tried_too_often_meets_a_page_that_says_what_to_do(client: Client) -> None:
    wrong = {"username": "anna@liu.example", "password": "wrong"}
    for _ in range(10):
        answer = client.post("/sign-in/", wrong, headers={"accept-language": "en"})
    assert answer.status_code == 429
    assert "Too many attempts to sign in" in answer.text
    assert 'href="/sign-in/"' in answer.text
    assert problems_of(answer.text) == []
    assert "För många försök" in client.post("/sign-in/", wrong, headers={"accept-language": "sv"}).text


def test_signing_out_takes_a_post(sign_in: Callable[[User], Client]) -> None:
    client = sign_in(UserFactory())
    assert client.get("/sign-out/").status_code == 405
    assert client.post("/sign-out/").status_code == 302
    assert client.get("/").status_code == 302


def test_a_page_that_asks_for_its_progress_after_the_session_has_ended_goes_to_the_sign_in_as_a_whole(
    client: Client,
) -> None:
    flow = FlowFactory()
    address = reverse("flows:detail", args=[flow.pk])
    headers = {"HX-Request": "true", "HX-Target": "progress", "HX-Current-URL": f"http://testserver{address}"}
    answer = client.get(address, headers=headers, follow=True)
    assert answer.headers["HX-Redirect"] == f"http://testserver{address}"
    assert b"<form" not in answer.content


def test_a_button_pressed_after_the_session_has_ended_says_that_nothing_was_done_and_leads_back_to_its_page(
    client: Client,
) -> None:
    page = f"{reverse('exports:dashboard')}?tab=pending"
    headers = {"referer": f"http://testserver{page}", "accept-language": "en"}
    answer = client.post(reverse("exports:start"), {"flow": "1"}, headers=headers, follow=True)
    assert answer.redirect_chain[-1][0] == "/sign-in/?next=/exports/%3Ftab%3Dpending"
    assert "You had been signed out, so nothing was done." in answer.text


@pytest.mark.parametrize("referer", ["", "https://evil.example/exports/", "//evil.example/"])
def test_a_button_pressed_from_nowhere_after_the_session_has_ended_leads_to_the_start_page(
    client: Client, referer: str
) -> None:
    answer = client.post(reverse("exports:start"), {"flow": "1"}, headers={"referer": referer} if referer else {})
    assert answer.headers["Location"] == "/sign-in/?next=/"


def test_the_language_is_the_browsers_until_another_is_chosen_and_is_then_kept(client: Client) -> None:
    assert '<html lang="en">' in client.get("/sign-in/", headers={"accept-language": "en-GB"}).content.decode()
    assert '<html lang="sv">' in client.get("/sign-in/", headers={"accept-language": "de"}).content.decode()
    answer = client.post("/language/", {"language": "sv", "next": "/sign-in/"})
    assert answer.headers["Location"] == "/sign-in/"
    assert answer.cookies["django_language"]["max-age"] > 30 * 24 * 3600
    page = client.get("/sign-in/", headers={"accept-language": "en-GB"}).content.decode()
    assert '<html lang="sv">' in page
    assert "Logga in" in page


def test_the_language_switch_leads_nowhere_else(client: Client) -> None:
    answer = client.post("/language/", {"language": "sv", "next": "https://evil.example/"})
    assert "evil.example" not in answer.headers["Location"]


def test_health_tells_of_the_database_and_the_queue_to_anyone(client: Client) -> None:
    answer = client.get("/health/")
    assert answer.status_code == 200
    assert answer.json()["database"] == "ok"
    assert answer.json()["queue"]["stalled"] is False
