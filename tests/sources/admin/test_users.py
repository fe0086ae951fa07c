"""Accounts, by those who run LadokFlow: what they do with somebody else's is on record and told, and nobody's password is typed for them."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.test import Client
from django.urls import NoReverseMatch, reverse

from sources.identity import accounts, passwords
from sources.models import AuditEntry
from tests.factories import PASSWORD, UserFactory
from tests.filling import form_on

RIGHTS = ("is_active", "is_staff", "is_superuser")


def page_of(user: Any) -> str:
    return reverse("admin:auth_user_change", args=[user.pk])


def saved(client: Client, user: Any, **fields: Any) -> Any:
    address = page_of(user)
    form = form_on(client.get(address).text) | fields
    response = client.post(address, {name: value for name, value in form.items() if value is not None})
    user.refresh_from_db()
    return response


def letters() -> dict[str, str]:
    return {letter.to[0]: letter.body for letter in mail.outbox}


def test_nobody_types_a_password_for_somebody_else(as_root: Client, cast: Any) -> None:
    with pytest.raises(NoReverseMatch):
        reverse("admin:auth_user_password_change", args=[cast.manager.pk])
    given = {"password1": "typed for her", "password2": "typed for her", "usable_password": "true"}
    as_root.post(f"/admin/auth/user/{cast.manager.pk}/password/", given)
    saved(as_root, cast.manager, **given, password="typed for her")
    assert cast.manager.check_password(PASSWORD)


def test_a_letter_for_a_new_password_is_sent_and_on_record(as_root: Client, cast: Any) -> None:
    as_root.post(reverse("admin:auth_user_password_letter", args=[cast.manager.pk]))
    entry = AuditEntry.objects.get()
    assert (entry.source, entry.actor) == (cast.ours, cast.root)
    assert entry.message == {"code": "identity.password_letter", "params": {"email": "anna@ours.example"}}
    passwords.send_letter(cast.manager.pk)
    assert "/password/" in letters()["anna@ours.example"]
    cast.manager.refresh_from_db()
    assert cast.manager.check_password(PASSWORD)


def test_no_letter_goes_to_whom_it_would_not_reach(as_root: Client, cast: Any) -> None:
    get_user_model().objects.filter(pk=cast.manager.pk).update(is_active=False)
    response = as_root.post(
        reverse("admin:auth_user_password_letter", args=[cast.manager.pk]),
        follow=True,
        headers={"accept-language": "en"},
    )
    assert "anna@ours.example was sent no letter" in "".join(map(str, response.context["messages"]))
    assert not AuditEntry.objects.exists()


def test_a_new_account_has_no_password_and_is_told(as_root: Client, cast: Any) -> None:
    given = {
        "username": "drift2",
        "email": "drift2@example.org",
        "password1": "x y z 1 2 3",
        "password2": "x y z 1 2 3",
    }
    response = as_root.post(reverse("admin:auth_user_add"), given)
    made = get_user_model().objects.get(username="drift2")
    assert response.headers["Location"] == page_of(made)
    assert not made.has_usable_password()
    assert not made.is_superuser


def test_who_becomes_an_operator_is_on_record_at_every_source_and_told(as_root: Client, cast: Any) -> None:
    second = UserFactory(email="second@example.org", is_superuser=True, is_staff=True)
    saved(as_root, cast.manager, is_superuser="on")
    assert cast.manager.is_superuser
    entries = AuditEntry.objects.all()
    assert {entry.source for entry in entries} == {cast.ours, cast.theirs}
    assert [entry.message["params"]["fields"]["rows"] for entry in entries] == [[["is_superuser", False, True]]] * 2
    accounts.tell(accounts.Change(cast.manager.pk, cast.root.pk, ("is_superuser",)))
    assert set(letters()) == {"anna@ours.example", second.email}
    assert "root@example.org" in letters()[second.email]


def test_an_address_that_is_changed_is_on_record(as_root: Client, cast: Any) -> None:
    saved(as_root, cast.manager, email="other@ours.example")
    changed = AuditEntry.objects.get().message["params"]["fields"]
    assert changed["rows"] == [["email", "anna@ours.example", "other@ours.example"]]


@pytest.mark.parametrize("right", RIGHTS)
def test_nobody_takes_their_own_rights_away(as_root: Client, cast: Any, right: str) -> None:
    UserFactory(is_superuser=True, is_staff=True)
    saved(as_root, cast.root, **{right: None})
    assert getattr(cast.root, right)
    assert as_root.post(reverse("admin:auth_user_delete", args=[cast.root.pk]), {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": [cast.root.pk], "post": "yes"}
    as_root.post(reverse("admin:auth_user_changelist"), chosen)
    assert get_user_model().objects.filter(pk=cast.root.pk).exists()


def test_one_superuser_is_always_left(as_root: Client, cast: Any) -> None:
    second = UserFactory(is_superuser=True, is_staff=True)
    assert saved(as_root, second, is_superuser=None).status_code == 302
    assert not second.is_superuser


def test_an_account_that_is_removed_is_on_record(as_root: Client, cast: Any) -> None:
    as_root.post(reverse("admin:auth_user_delete", args=[cast.manager.pk]), {"post": "yes"})
    assert not get_user_model().objects.filter(pk=cast.manager.pk).exists()
    assert "identity.account_removed" in {entry.message["code"] for entry in AuditEntry.objects.all()}
