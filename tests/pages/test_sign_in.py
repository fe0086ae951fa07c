"""Signing in and out, and the language."""

import contextlib
import re
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from axes.models import AccessAttempt, AccessLog
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from ladokflow.middleware import MOST_BYTES, MOST_BYTES_OF_STRANGERS
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


def attempt(client: Client, name: str, password: str = "wrong", *, address: str = "198.51.100.7") -> int:  # noqa: S107
    """Of the right one, 302. Nobody is kept signed in, nor comes with a browser of their own."""
    answer = client.post("/sign-in/", {"username": name, "password": password}, REMOTE_ADDR=address)
    client.cookies.clear()
    return answer.status_code


def test_who_has_tried_too_often_waits_longer_each_time_and_is_told(client: Client) -> None:
    user = UserFactory(username="anna@liu.example")
    with time_machine.travel("2026-11-02 08:00:00+00:00", tick=False) as clock:
        assert [attempt(client, user.username) for _ in range(6)] == [200] * 5 + [429]
        assert attempt(client, user.username, PASSWORD) == 429  # the right one is not looked at either
        clock.shift(3)
        assert [attempt(client, user.username), attempt(client, user.username)] == [200, 429]
        wrong = {"username": user.username, "password": "wrong"}
        answer = client.post("/sign-in/", wrong, REMOTE_ADDR="198.51.100.7", headers={"accept-language": "en"})
        assert answer.headers["Retry-After"] == "4"
        assert "Too many attempts to sign in" in answer.text
        assert "Try again in 4 seconds." in answer.text
        assert problems_of(answer.text) == []
        for _ in range(20):
            clock.shift(61)  # no wait is longer than a minute
            assert attempt(client, user.username) == 200
        clock.shift(61)
        assert attempt(client, user.username, PASSWORD) == 302


def test_one_password_tried_under_many_names_is_slowed_down(client: Client) -> None:
    with time_machine.travel("2026-11-02 08:00:00+00:00", tick=False):
        tried = [attempt(client, f"name{number}@liu.example") for number in range(30)]
        assert tried == [200] * 10 + [429] * 20
        assert attempt(client, "name30@liu.example", address="198.51.100.8") == 200


def test_one_name_tried_from_many_addresses_is_slowed_down_but_not_from_where_its_owner_has_been(
    client: Client,
) -> None:
    user = UserFactory()
    with time_machine.travel("2026-11-02 08:00:00+00:00", tick=False):
        assert attempt(client, user.username, PASSWORD) == 302
        tried = [attempt(client, user.username, address=f"203.0.113.{number}") for number in range(30)]
        assert tried == [200] * 20 + [429] * 10
        assert attempt(client, user.username, PASSWORD, address="192.0.2.1") == 429
        assert attempt(client, user.username, PASSWORD) == 302


def test_guesses_from_somebodys_own_network_do_not_lock_them_out(client: Client) -> None:
    user, guessed = UserFactory(), UserFactory()
    with time_machine.travel("2026-11-02 08:00:00+00:00", tick=False):
        assert attempt(client, user.username, PASSWORD) == 302
        assert [attempt(client, guessed.username) for _ in range(12)][-1] == 429
        assert attempt(client, user.username, PASSWORD) == 302


@pytest.mark.parametrize("page", ["/sign-in/", "/admin/login/"])
def test_the_log_of_signing_in_has_the_address_of_the_person_and_not_of_the_proxy(
    client: Client, settings: Any, page: str
) -> None:
    settings.BEHIND_PROXY = True
    user = UserFactory(is_staff=True)
    for password, log in (("wrong", AccessAttempt), (PASSWORD, AccessLog)):
        client.post(page, {"username": user.username, "password": password}, headers={"x-forwarded-for": "203.0.113.9"})
        assert log.objects.get().ip_address == "203.0.113.9"


@pytest.mark.parametrize("page", ["/sign-in/", "/admin/login/"])
@pytest.mark.parametrize("name", ["x" * 151, "x" * 256, "x" * 5000, "a\0b", "", " ", "\ud800"])
def test_no_name_is_too_strange_to_be_told_that_it_is_wrong(client: Client, page: str, name: str) -> None:
    with contextlib.suppress(UnicodeEncodeError):
        assert client.post(page, {"username": name, "password": "wrong"}).status_code == 200


@pytest.mark.parametrize("page", ["/sign-in/", "/flows/", "/admin/login/", "/webhooks/liu/", "/nowhere/"])
def test_somebody_who_is_not_signed_in_sends_no_more_than_a_name_and_a_password(
    sign_in: Callable[[User], Client], page: str
) -> None:
    """Judged by what the head says: nothing of it is read."""
    stranger = Client(headers={"cookie": "sessionid=made-up"})
    for client, most in ((stranger, MOST_BYTES_OF_STRANGERS), (sign_in(UserFactory()), MOST_BYTES)):
        length = {"CONTENT_LENGTH": str(most + 1)}
        answer = client.post(page, b"", content_type="multipart/form-data; boundary=x", **length)
        assert answer.status_code == 413
    assert "Mer skickades" in stranger.post("/sign-in/", b"", content_type="x/y", CONTENT_LENGTH="999999999").text


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
    answer = client.post(reverse("exports:send_chosen"), {"flow": "1"}, headers=headers, follow=True)
    assert answer.redirect_chain[-1][0] == "/sign-in/?next=/exports/%3Ftab%3Dpending"
    assert "You had been signed out, so nothing was done." in answer.text


@pytest.mark.parametrize("referer", ["", "https://evil.example/exports/", "//evil.example/"])
def test_a_button_pressed_from_nowhere_after_the_session_has_ended_leads_to_the_start_page(
    client: Client, referer: str
) -> None:
    answer = client.post(reverse("exports:send_chosen"), {"flow": "1"}, headers={"referer": referer} if referer else {})
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


@pytest.mark.parametrize("page", ["/sign-in/", "/admin/login/"])
@pytest.mark.parametrize("typed", ["LARS@LIU.EXAMPLE", "Lars@liu.example"])
def test_capital_letters_do_not_matter_in_the_name(client: Client, page: str, typed: str) -> None:
    user = UserFactory(email="lars@liu.example", is_staff=True)
    assert client.post(page, {"username": typed, "password": PASSWORD}).status_code == 302
    assert client.get("/").wsgi_request.user == user


def test_a_name_that_could_be_two_accounts_is_taken_as_it_is_written(client: Client) -> None:
    UserFactory(username="lars", email="")
    UserFactory(username="LARS", email="")
    assert client.post("/sign-in/", {"username": "Lars", "password": PASSWORD}).status_code == 200
    assert client.post("/sign-in/", {"username": "LARS", "password": PASSWORD}).status_code == 302


def test_a_wrong_password_names_the_field_as_it_is_called(client: Client) -> None:
    for page in ("/sign-in/", "/admin/login/"):
        answer = client.post(page, {"username": "x", "password": "y"}, headers={"accept-language": "en"})
        assert "The e-mail or user name, or the password, is not right." in answer.text


def test_wrong_old_passwords_say_nothing_of_signing_in(sign_in: Callable[[User], Client]) -> None:
    client = sign_in(UserFactory())
    wrong = {"old_password": "wrong", "new_password1": "a new one 4711", "new_password2": "a new one 4711"}
    answers = [client.post(reverse("password_change"), wrong, headers={"accept-language": "en"}) for _ in range(12)]
    assert answers[-1].status_code == 429
    assert "Too many attempts to sign in" not in answers[-1].text
    assert "Back to my settings" in answers[-1].text


def test_whoever_may_open_the_administration_and_nothing_in_it_is_told_why(sign_in: Callable[[User], Client]) -> None:
    client = sign_in(UserFactory(is_staff=True))
    assert "licence admin or auditor of no university" in re.sub(
        r"\s+", " ", client.get(reverse("admin:index"), headers={"accept-language": "en"}).text
    )
