"""Second factors: setting them up, signing in with them, and what happens where they are required or lost."""

from __future__ import annotations

import re
from typing import Any

import pyotp
import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

from sources.models import AuditEntry, Membership, RecoveryCode, SecondFactor
from tests.factories import PASSWORD, MembershipFactory, UserFactory
from tests.pages.browsing import Keyboard
from tests.pages.walking import main_text, problems_of

pytestmark = pytest.mark.django_db
FACTORS, STEP = "/preferences/second-factor/", "/sign-in/second-factor/"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
NOON = "2026-11-02 12:00:00+00:00"


@pytest.fixture
def anna(db: None) -> User:
    return MembershipFactory(source__name="Linköping").user


@pytest.fixture
def with_app(anna: User) -> User:
    SecondFactor.objects.create(user=anna, kind="app", name="phone", secret=SECRET)
    return anna


def half_way(user: User, **headers: str) -> Client:
    """Whose password was right."""
    client = Client(headers={"accept-language": "en"} | headers)
    answer = client.post("/sign-in/", {"username": user.username, "password": PASSWORD, "next": "/flows/"})
    assert answer.headers["Location"] == STEP
    return client


def is_in(client: Client) -> bool:
    return client.get("/preferences/").status_code == 200


def code(*, ahead: int = 0, secret: str = SECRET) -> str:
    import time

    return pyotp.TOTP(secret).at(int(time.time()) + 30 * ahead)


def test_a_password_alone_does_not_let_in_who_has_a_second_factor(with_app: User) -> None:
    client = half_way(with_app)
    assert not is_in(client)
    assert problems_of(client.get(STEP).text) == []
    for wrong in ("000000", "١٢٣٤٥٦", "åäö"):
        answer = client.post(STEP, {"code": wrong})
        assert "The code is wrong, or has been used." in main_text(answer.text)
    assert not is_in(client)
    assert client.post(STEP, {"code": code()}).headers["Location"] == "/flows/"
    assert is_in(client)


@pytest.mark.parametrize("page", ["/sign-in/", "/admin/login/"])
def test_the_administration_is_behind_it_as_well(with_app: User, page: str) -> None:
    User.objects.update(is_staff=True, is_superuser=True)
    client = Client()
    assert client.post(page, {"username": with_app.username, "password": PASSWORD}).headers["Location"] == STEP
    assert client.get("/admin/").status_code == 302
    assert client.post(STEP, {"code": code()}).status_code == 302
    assert client.get("/admin/").status_code == 200


def test_a_code_is_taken_once_and_a_step_early_or_late(with_app: User) -> None:
    with time_machine.travel(NOON, tick=False):
        for ahead, is_taken in ((-2, False), (2, False), (-1, True), (-1, False), (0, True), (0, False), (1, True)):
            client = half_way(with_app)
            client.post(STEP, {"code": code(ahead=ahead)})
            assert is_in(client) is is_taken, ahead


@pytest.mark.parametrize("typed", ["", " ", "12", "a" * 41, "١٢٣٤٥٦", "\0", "-----", "0" * 40])
def test_what_is_no_code_is_told(with_app: User, typed: str) -> None:
    client = half_way(with_app)
    assert client.post(STEP, {"code": typed}).status_code == 200
    assert client.post(STEP, {"key": typed or "x"}).status_code == 200
    assert not is_in(client)


def test_who_guesses_codes_waits_longer_each_time_and_the_owner_does_not(with_app: User) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        owner = half_way(with_app)
        owner.post(STEP, {"code": code()})
        assert is_in(owner)
        thief = half_way(with_app)
        thief.defaults["REMOTE_ADDR"] = "203.0.113.7"
        assert [thief.post(STEP, {"code": "000000"}).status_code for _ in range(7)] == [200] * 5 + [429] * 2
        waits = []
        for _ in range(14):
            clock.shift(61)
            thief = half_way(with_app)
            thief.defaults["REMOTE_ADDR"] = "203.0.113.7"
            waits.append(int(thief.post(STEP, {"code": "000000"}).headers.get("Retry-After", 0)))
        assert max(waits) > 60
        owner = half_way(with_app)
        assert owner.post(STEP, {"code": code()}).status_code == 302


def test_the_second_step_does_not_wait_for_ever_and_not_for_another_password(with_app: User) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        client = half_way(with_app)
        clock.shift(601)
        assert client.post(STEP, {"code": code()}).headers["Location"] == "/sign-in/"
        client = half_way(with_app)
        with_app.set_password("another one, and a long one")
        with_app.save()
        assert client.post(STEP, {"code": code()}).headers["Location"] == "/sign-in/"


def test_an_app_is_added_with_a_code_and_recovery_codes_are_shown_once(anna: User) -> None:
    client = Client(headers={"accept-language": "en"})
    client.force_login(anna)
    page = client.get(FACTORS).text
    assert problems_of(page) == []
    secret = re.search(r"<code>([A-Z2-7 ]+)</code>", page)[1].replace(" ", "")
    assert f"secret={secret}" in page
    assert secret not in str(dict(client.session))
    assert "The code is wrong" in client.post(FACTORS, {"code": "000000"}, follow=True).text
    answer = client.post(FACTORS, {"code": code(secret=secret), "name": "my phone"})
    codes = re.findall(r"<code>([a-z2-9-]{19})</code>", answer.text)
    assert len(set(codes)) == 10
    assert problems_of(answer.text) == []
    assert SecondFactor.objects.get().secret == secret
    assert codes[0].replace("-", "") not in str(list(RecoveryCode.objects.values()))
    assert is_in(client)
    assert "my phone" in client.get(FACTORS).text
    # One of them lets in, once.
    for typed in (codes[0], codes[0].upper().replace("-", " ")):
        other = half_way(anna)
        other.post(STEP, {"code": typed})
        assert is_in(other) is (typed == codes[0])
    told = [entry.message["code"] for entry in AuditEntry.objects.order_by("pk")]
    assert told == ["identity.factor_added", "identity.recovery_codes_made", "identity.recovery_code_used"]


def test_how_one_signs_in_is_changed_soon_after_signing_in_only(with_app: User) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        client = half_way(with_app)
        client.post(STEP, {"code": code()})
        clock.shift(901)
        assert "Sign in once more" in client.get(FACTORS).text
        client.post(f"{FACTORS}{SecondFactor.objects.get().pk}/remove/")
        client.post(f"{FACTORS}codes/")
        assert SecondFactor.objects.exists()
        assert not RecoveryCode.objects.exists()


def test_nobody_touches_anothers(with_app: User) -> None:
    client = Client()
    client.force_login(UserFactory())
    assert client.post(f"{FACTORS}{SecondFactor.objects.get().pk}/remove/").status_code == 404


def test_who_got_in_before_there_was_one_shows_it_before_changing_anything(anna: User) -> None:
    client = Client()
    client.force_login(anna)
    factor = SecondFactor.objects.create(user=anna, kind="app", name="phone", secret=SECRET)
    assert client.get(FACTORS).headers["Location"] == STEP
    client.post(f"{FACTORS}{factor.pk}/remove/")
    assert SecondFactor.objects.exists()
    assert client.post(STEP, {"code": code()}).headers["Location"] == FACTORS
    client.post(f"{FACTORS}{factor.pk}/remove/")
    assert not SecondFactor.objects.exists()


@pytest.mark.parametrize(("role", "is_kept_out"), [("licence_admin", True), ("manager", False), ("superuser", True)])
def test_whoever_administers_sets_one_up_first_where_it_is_required(
    settings: Any, role: str, is_kept_out: bool
) -> None:
    settings.REQUIRE_SECOND_FACTOR = True
    user = UserFactory(is_superuser=role == "superuser", is_staff=role != "manager")
    if role != "superuser":
        Membership.objects.create(source=MembershipFactory().source, user=user, role=role)
    client = Client(headers={"accept-language": "en"})
    client.post("/sign-in/", {"username": user.username, "password": PASSWORD})
    for address in ("/", "/flows/", "/admin/", "/preferences/"):
        answer = client.get(address)
        assert (answer.headers.get("Location") == FACTORS) is is_kept_out, address
    page = client.get(FACTORS).text
    assert ("needs a second factor" in page) is is_kept_out
    secret = re.search(r"<code>([A-Z2-7 ]+)</code>", page)[1].replace(" ", "")
    client.post(FACTORS, {"code": code(secret=secret)})
    assert client.get("/flows/").status_code == 200
    if is_kept_out:
        last = client.post(f"{FACTORS}{SecondFactor.objects.get().pk}/remove/", follow=True)
        assert "your only second factor" in last.text


def test_who_has_lost_them_all_asks_those_who_run_the_house(with_app: User) -> None:
    root = UserFactory(is_superuser=True, is_staff=True)
    client = Client()
    client.force_login(root)
    client.post("/admin/auth/user/", {"action": "remove_second_factors", "_selected_action": with_app.pk}, follow=True)
    assert not SecondFactor.objects.exists()
    assert AuditEntry.objects.get().actor == root
    SecondFactor.objects.create(user=with_app, kind="app", name="phone", secret=SECRET)
    call_command("secondfactor", reset=with_app.username)
    assert not SecondFactor.objects.exists()
    assert AuditEntry.objects.latest("pk").actor is None


def test_a_security_key_is_added_and_used_by_keyboard(open_page: Any, live_server: Any, anna: User) -> None:
    page = open_page(viewport={"width": 320, "height": 640})
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "usb", "hasUserVerification": True, "isUserVerified": True}
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": options | {"automaticPresenceSimulation": True}})
    page.goto(live_server.url.replace("127.0.0.1", "localhost") + "/sign-in/?next=/preferences/second-factor/")
    hand = Keyboard(page)
    hand.write('input[name="username"]', anna.username)
    hand.write('input[name="password"]', PASSWORD)
    hand.press(".sign-in button")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    hand.write("#key-name", "On my key ring")
    hand.press("form[data-security-key] button")
    assert page.locator("code").count() == 10
    key = SecondFactor.objects.get()
    assert (key.kind, key.name) == ("key", "On my key ring")
    page.context.clear_cookies()
    page.goto("/sign-in/")
    page.fill('input[name="username"]', anna.username)
    page.fill('input[name="password"]', PASSWORD)
    page.click(".sign-in button")
    assert page.url.endswith(STEP)
    hand.press("form[data-security-key] button")
    page.wait_for_selector('form[action="/sign-out/"]', state="attached")
    key.refresh_from_db()
    assert key.used_at
    assert key.sign_count > 0
