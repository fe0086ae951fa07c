"""A new member is invited by e-mail; a forgotten password is chosen anew, and a known one changed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import time_machine
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.core import mail
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.test import Client
from django_q.models import OrmQ

from ladokflow.queue import task_named
from sources.identity import invitations
from sources.models import AuditEntry, FederatedIdentity, Invitation, Membership, Source
from tests.factories import PASSWORD, MembershipFactory, SourceFactory, UserFactory
from tests.pages.walking import main_text, problems_of
from tests.providers.fixtures import saml_sign_in

pytestmark = pytest.mark.django_db
CHOSEN = "four plain words together"
PAGE = "/sign-in/invitation/"
NOON = "2026-11-02 12:00:00+00:00"


@pytest.fixture
def liu(db: None) -> Source:
    return SourceFactory(name="Linköping", slug="liu")


@pytest.fixture
def lars(liu: Source) -> User:
    user = UserFactory(email="lars@liu.example", is_staff=True)
    return MembershipFactory(source=liu, user=user, role="licence_admin").user


@pytest.fixture
def ny(liu: Source) -> Membership:
    """Somebody who has been made a member, and can do nothing about it yet."""
    user = UserFactory(email="ny@liu.example")
    user.set_unusable_password()
    user.save()
    return MembershipFactory(source=liu, user=user, language="en")


def work() -> None:
    """What the queue's workers would do."""
    for task in OrmQ.objects.order_by("pk"):
        task_named(task.task["func"])(*task.task["args"])
        task.delete()


def link_in(letter: Any) -> str:
    return re.search(r"https?://[^/]+(/sign-in/\S+)", letter.body)[1]


def test_a_licence_admin_adds_a_person_who_chooses_a_password_and_is_in(liu: Source, lars: User) -> None:
    admin = Client(headers={"accept-language": "en"})
    admin.force_login(lars)
    form = {"source": liu.pk, "email": "Ny@liu.example", "role": "manager", "language": "en", "gets_summary": "on"}
    answer = admin.post("/admin/sources/membership/add/", form, follow=True)
    assert "1 invitation is on its way." in answer.text
    work()
    letter = next(one for one in mail.outbox if "invited" in one.subject)
    assert letter.to == ["ny@liu.example"]
    assert "lars@liu.example has made you a member of Linköping in LadokFlow, as manager." in letter.body
    assert "Invited, until" in admin.get("/admin/sources/membership/").text
    person = Client(headers={"accept-language": "en"})
    answer = person.get(link_in(letter))
    assert answer.headers["Location"] == PAGE
    page = person.get(PAGE).text
    assert "You are invited to Linköping as manager. Your user name is ny@liu.example." in main_text(page)
    assert problems_of(page) == []
    for weak in ("Sommar2026!", "short", "ny@liu.example"):
        assert person.post(PAGE, {"new_password1": weak, "new_password2": weak}).status_code == 200
    answer = person.post(PAGE, {"new_password1": CHOSEN, "new_password2": CHOSEN}, follow=True)
    assert answer.redirect_chain == [("/", 302)]
    assert answer.context["user"].username == "ny@liu.example"
    assert "Has signed in" in admin.get("/admin/sources/membership/").text
    again = Client()
    again.get(link_in(letter))
    assert again.get(PAGE).status_code == 410
    codes = [entry.message["code"] for entry in AuditEntry.objects.order_by("pk")]
    assert codes == ["identity.invited", "admin.member_added_with", "identity.invitation_used"]
    assert Client().post("/sign-in/", {"username": "ny@liu.example", "password": CHOSEN}).status_code == 302


def test_the_letter_is_in_the_persons_language_and_nothing_stored_opens_the_link(ny: Membership) -> None:
    Membership.objects.update(language="sv")
    ny.refresh_from_db()
    invitations.invite(ny)
    work()
    assert mail.outbox[0].subject == "LadokFlow: du är inbjuden av Linköping"
    assert link_in(mail.outbox[0]).split("/")[3] not in str(list(Invitation.objects.values()))


@pytest.mark.parametrize("end", ["expired", "withdrawn", "sent again", "member removed", "switched off", "wrong"])
def test_a_link_that_is_void_lets_nobody_in_and_says_what_to_do(
    settings: Any, ny: Membership, lars: User, end: str
) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        invitations.invite(ny)
        work()
        link = link_in(mail.outbox[0])
        person, admin = Client(headers={"accept-language": "en"}), Client()
        person.get(link)
        assert person.get(PAGE).status_code == 200
        admin.force_login(lars)
        if end == "expired":
            clock.shift(7 * 24 * 3600 + 1)
            person.get(link)  # the browser has been closed meanwhile
        elif end in ("withdrawn", "sent again"):
            action = {"withdrawn": "withdraw", "sent again": "invite"}[end]
            admin.post("/admin/sources/membership/", {"action": action, "_selected_action": ny.pk})
        elif end == "member removed":
            ny.delete()
        elif end == "switched off":
            User.objects.filter(pk=ny.user_id).update(is_active=False)
        else:
            person.get(f"{link[:-2]}x/")
        answer = person.post(PAGE, {"new_password1": CHOSEN, "new_password2": CHOSEN})
        assert answer.status_code == 410
        assert "ask your licence admin to invite you again" in main_text(answer.text)
        assert problems_of(answer.text) == []
        assert not User.objects.get(username="ny@liu.example").has_usable_password()
        if end == "sent again":
            work()
            person.get(link_in(mail.outbox[-1]))
            assert person.post(PAGE, {"new_password1": CHOSEN, "new_password2": CHOSEN}).status_code == 302


def test_who_is_invited_by_two_chooses_once(ny: Membership) -> None:
    other = MembershipFactory(user=ny.user)
    for membership in (ny, other):
        invitations.invite(membership)
    work()
    first, second = Client(), Client()
    first.get(link_in(mail.outbox[0]))
    second.get(link_in(mail.outbox[1]))
    first.post(PAGE, {"new_password1": CHOSEN, "new_password2": CHOSEN})
    assert (
        second.post(PAGE, {"new_password1": "mallory's own words", "new_password2": "mallory's own words"}).status_code
        == 410
    )
    assert User.objects.get(pk=ny.user_id).check_password(CHOSEN)


def test_who_signs_in_at_the_university_takes_it_up_without_a_password(saml: str, ny: Membership) -> None:
    invitations.invite(ny)
    work()
    person = Client()
    person.get(link_in(mail.outbox[0]))
    assert "saml/?invited" in person.get(PAGE).text
    assert saml_sign_in(person, "/sign-in/saml/?invited").headers["Location"] == "/"
    assert FederatedIdentity.objects.get().user_id == ny.user_id
    assert Invitation.objects.get().used_at
    assert not User.objects.get(pk=ny.user_id).has_usable_password()
    assert person.get("/preferences/password/").headers["Location"] == "/preferences/"


def test_a_mail_server_that_does_not_take_the_letter_is_told(settings: Any, ny: Membership, lars: User) -> None:
    settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = (
        "django.core.mail.backends.smtp.EmailBackend",
        "127.0.0.1",
        9,
    )
    invitations.invite(ny)
    work()
    admin = Client(headers={"accept-language": "en"})
    admin.force_login(lars)
    assert "The letter could not be sent" in admin.get("/admin/sources/membership/").text


def test_the_command_invites_those_who_cannot_sign_in(
    ny: Membership, lars: User, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("invite", "--source", "liu", "--all")
    assert capsys.readouterr().out == "ny@liu.example: invited\n"
    with pytest.raises(CommandError, match="1 of 1 are left undone"):
        call_command("invite", "--source", "liu", "lars@liu.example")
    assert "can sign in already" in capsys.readouterr().out
    call_command("invite", "--source", "liu", "ny@liu.example", "--withdraw")
    assert capsys.readouterr().out == "ny@liu.example: withdrawn\n"
    for wrong in (["--source", "liu"], ["--source", "oru", "--all"], ["--source", "liu", "nobody@liu.example"]):
        with pytest.raises(CommandError):
            call_command("invite", *wrong)


def test_the_members_of_a_file_are_invited_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "liu.toml"
    path.write_text(
        """
        [[source]]
        slug = "liu"
        name = "Linköping"
        university = "liu"
        ladok_url = "https://ladok.example/liu"
        wiseflow_url = "https://wiseflow.example/v1"
        [[source.member]]
        email = "anna@liu.example"
        role = "manager"
        organisation_id = "anna@liu.example"
        """
    )
    for told in (1, 0):
        call_command("loadsources", str(path), "--invite")
        assert capsys.readouterr().out.count("anna@liu.example: invited") == told
    work()
    assert [letter.to for letter in mail.outbox] == [["anna@liu.example"]]


# --- Passwords


def test_a_forgotten_password_is_chosen_anew_by_a_letter(ny: Membership) -> None:
    ny.user.set_password(PASSWORD)
    ny.user.save()
    cache.clear()
    client = Client(headers={"accept-language": "en"})
    assert problems_of(client.get("/sign-in/forgotten/").text) == []
    answer = client.post("/sign-in/forgotten/", {"name": "NY@liu.example"}, follow=True)
    assert "a letter is on its way" in main_text(answer.text)
    work()
    link = link_in(mail.outbox[0])
    assert "choose a new password" in mail.outbox[0].subject
    page = client.get(link, follow=True)
    assert problems_of(page.text) == []
    new = {"new_password1": CHOSEN, "new_password2": CHOSEN}
    answer = client.post(page.redirect_chain[-1][0], new, follow=True)
    assert "Your new password is saved." in answer.text
    assert client.post("/sign-in/", {"username": "ny@liu.example", "password": CHOSEN}).status_code == 302
    assert "This link does not work any more" in Client(headers={"accept-language": "en"}).get(link, follow=True).text
    work()
    assert "has been changed" in mail.outbox[1].subject
    assert AuditEntry.objects.get().message["code"] == "identity.password_reset"


def test_nobody_learns_who_is_known_and_no_mailbox_is_filled(ny: Membership) -> None:
    known = UserFactory(email="known@liu.example")
    off = UserFactory(email="off@liu.example", is_active=False)
    cache.clear()
    pages, queued = set(), set()
    with time_machine.travel(NOON, tick=False) as clock:
        for number, name in enumerate((known.email, off.email, ny.user.email, "nobody@liu.example", known.email)):
            client = Client(REMOTE_ADDR=f"198.51.100.{number}")
            before = OrmQ.objects.count()
            answer = client.post("/sign-in/forgotten/", {"name": name}, follow=True)
            pages.add(re.sub(r'value="[^"]{64}"|"X-CSRFToken": "\w+"', "", answer.text))
            queued.add(OrmQ.objects.count() - before)
            clock.shift(10)
    assert (len(pages), queued) == (1, {1})
    work()
    assert [letter.to for letter in mail.outbox] == [[known.email]]


def test_letters_are_asked_for_in_turns_as_passwords_are(db: None) -> None:
    client = Client()
    with time_machine.travel(NOON, tick=False):
        tried = [client.post("/sign-in/forgotten/", {"name": "a@liu.example"}).status_code for _ in range(7)]
    assert tried == [302] * 5 + [429] * 2


def test_a_password_is_changed_with_the_old_one_and_other_sessions_end(ny: Membership) -> None:
    ny.user.set_password(PASSWORD)
    ny.user.save()
    client, elsewhere = Client(headers={"accept-language": "en"}), Client()
    for each in (client, elsewhere):
        each.post("/sign-in/", {"username": "ny@liu.example", "password": PASSWORD})
    address = "/preferences/password/"
    assert problems_of(client.get(address).text) == []
    new = {"new_password1": CHOSEN, "new_password2": CHOSEN}
    with time_machine.travel("2036-11-02 12:00:00+00:00", tick=False):
        client.post("/sign-in/", {"username": "ny@liu.example", "password": PASSWORD})
        tried = [client.post(address, {"old_password": "wrong", **new}).status_code for _ in range(6)]
        assert tried == [200] * 5 + [429]
        assert "wrong" not in str(list(AccessAttempt.objects.values()))
    AccessAttempt.objects.all().delete()
    client.post("/sign-in/", {"username": "ny@liu.example", "password": PASSWORD})
    answer = client.post(address, {"old_password": PASSWORD, **new}, follow=True)
    assert "Your password is changed." in answer.text
    assert elsewhere.get("/preferences/").status_code == 302
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    assert client.get("/admin/password_change/").headers["Location"] == address
