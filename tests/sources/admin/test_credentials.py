from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ladokflow.messages import Message
from sources.models import AuditEntry, Credential
from tests.factories import CredentialFactory

CHANGELIST = "admin:sources_credential_changelist"


def fields(credential: Credential, **changed: Any) -> dict[str, Any]:
    kept = {"kind": credential.kind, "label": credential.label, "client_id": credential.client_id, "secret": ""}
    return {**kept, **changed}


def change(client: Client, credential: Credential, **changed: Any) -> Any:
    return client.post(reverse("admin:sources_credential_change", args=[credential.pk]), fields(credential, **changed))


def told(source: Any) -> list[str]:
    return [str(Message.from_json(entry.message)) for entry in AuditEntry.objects.filter(source=source)]


def test_secret_is_never_written_into_a_page(as_admin: Client, cast: Any) -> None:
    page = as_admin.get(reverse("admin:sources_credential_change", args=[cast.credential.pk]))
    assert "kept-as-it-is" not in page.content.decode()
    mistaken = change(as_admin, cast.credential, label="", secret="just-typed")
    assert mistaken.status_code == 200
    assert "just-typed" not in mistaken.content.decode()
    history = as_admin.get(reverse("admin:sources_credential_history", args=[cast.credential.pk]))
    assert "kept-as-it-is" not in history.content.decode()


def test_secret_is_kept_when_left_blank(as_admin: Client, cast: Any) -> None:
    assert change(as_admin, cast.credential, label="2027").status_code == 302
    cast.credential.refresh_from_db()
    assert (cast.credential.label, cast.credential.secret) == ("2027", "kept-as-it-is")


def test_secret_of_one_that_is_off_is_replaced_and_has_not_been_tested(as_admin: Client, cast: Any) -> None:
    proven = {"tested_at": timezone.now(), "has_passed": True, "tested_address": cast.ours.ladok_url}
    Credential.objects.filter(pk=cast.credential.pk).update(enabled=False, **proven)
    assert change(as_admin, cast.credential, label="2027").status_code == 302
    assert Credential.objects.get(pk=cast.credential.pk).is_proven
    assert change(as_admin, cast.credential, secret="a-new-one").status_code == 302
    cast.credential.refresh_from_db()
    assert cast.credential.secret == "a-new-one"
    assert (cast.credential.is_proven, cast.credential.tested_at) == (False, None)


@pytest.mark.parametrize(("field", "value"), [("secret", "another"), ("kind", "api_key"), ("client_id", "somebody")])
def test_what_is_in_use_is_not_changed_under_way(as_admin: Client, cast: Any, field: str, value: str) -> None:
    response = change(as_admin, cast.credential, **{field: value})
    assert field in response.context["adminform"].form.errors
    cast.credential.refresh_from_db()
    assert (cast.credential.secret, cast.credential.kind, cast.credential.client_id) == ("kept-as-it-is", "bearer", "")
    assert not AuditEntry.objects.exists()


def test_new_credential_needs_a_secret(as_admin: Client, cast: Any) -> None:
    new = {"source": cast.ours.pk, "system": "wiseflow", "kind": "api_key", "label": "new", "enabled": "on"}
    response = as_admin.post(reverse("admin:sources_credential_add"), new)
    assert "secret" in response.context["adminform"].form.errors
    assert as_admin.post(reverse("admin:sources_credential_add"), {**new, "secret": "abc"}).status_code == 302
    row = Credential.objects.get(label="new")
    assert (row.secret, row.enabled) == ("abc", False)


@pytest.mark.parametrize(
    ("system", "kind", "client_id", "secret", "wrong"),
    [
        ("ladok", "oauth_client", "id", "s", "__all__"),
        ("wiseflow", "bearer", "", "s", "__all__"),
        ("wiseflow", "oauth_client", "", "s", "client_id"),
        ("ladok", "basic", "", "s", "client_id"),
        ("ladok", "client_certificate", "", "no certificate", "secret"),
        ("ladok", "bearer", "", "two words", "secret"),
    ],
)
def test_credential_that_cannot_work_is_refused(
    as_admin: Client, cast: Any, system: str, kind: str, client_id: str, secret: str, wrong: str
) -> None:
    new = {
        "source": cast.ours.pk,
        "system": system,
        "kind": kind,
        "label": "n",
        "client_id": client_id,
        "secret": secret,
    }
    response = as_admin.post(reverse("admin:sources_credential_add"), new)
    assert wrong in response.context["adminform"].form.errors
    assert not Credential.objects.filter(label="n").exists()


def test_every_change_is_on_record_without_the_secret(as_admin: Client, cast: Any) -> None:
    as_admin.post(reverse(CHANGELIST), {"action": "disable", "_selected_action": cast.credential.pk})
    change(as_admin, cast.credential, secret="very-new", expires_on="2027-06-30")
    proven = {"tested_at": timezone.now(), "has_passed": True, "tested_address": cast.ours.ladok_url}
    Credential.objects.filter(pk=cast.credential.pk).update(**proven)
    as_admin.post(reverse(CHANGELIST), {"action": "enable", "_selected_action": cast.credential.pk})
    as_admin.post(reverse(CHANGELIST), {"action": "disable", "_selected_action": cast.credential.pk})
    as_admin.post(reverse("admin:sources_credential_delete", args=[cast.credential.pk]), {"post": "yes"})
    entries = list(AuditEntry.objects.filter(source=cast.ours).order_by("pk"))
    assert [entry.message["code"] for entry in entries] == [
        "admin.credential_disabled",
        "admin.credential_changed",
        "sources.audit.credential_taken",
        "admin.credential_disabled",
        "admin.credential_deleted",
    ]
    assert {entry.actor for entry in entries} == {cast.admin}
    assert {entry.address for entry in entries} == {"127.0.0.1"}
    assert entries[1].message["params"]["fields"]["rows"] == [["secret"], ["expires_on", None, "2027-06-30"]]
    assert not any("very-new" in text for text in told(cast.ours))


def test_one_that_has_not_been_tested_is_not_put_in_use(as_admin: Client, cast: Any) -> None:
    new = CredentialFactory(source=cast.ours, label="2027", enabled=False)
    data = {"action": "enable", "_selected_action": new.pk}
    page = as_admin.post(reverse(CHANGELIST), data, follow=True, headers={"accept-language": "en"}).content.decode()
    assert "“2027” has not passed a test as it is now" in page
    new.refresh_from_db()
    assert not new.enabled
    assert told(cast.ours) == []


def test_the_last_day_is_typed_in_and_the_owner_is_a_member(as_admin: Client, cast: Any) -> None:
    assert change(as_admin, cast.credential, expires_on="2027-06-30", owner=cast.manager.pk).status_code == 302
    cast.credential.refresh_from_db()
    assert cast.credential.expires_at.isoformat() == "2027-06-30T22:00:00+00:00"
    assert (cast.credential.expires_on.isoformat(), cast.credential.owner) == ("2027-06-30", cast.manager)
    response = change(as_admin, cast.credential, owner=cast.other.pk)
    assert "owner" in response.context["adminform"].form.errors
    assert change(as_admin, cast.credential, expires_on="").status_code == 302
    cast.credential.refresh_from_db()
    assert cast.credential.expires_at is None


@pytest.mark.parametrize("page", ["test", "switch", "back"])
def test_nobody_tests_or_switches_what_is_anothers(as_admin: Client, cast: Any, page: str) -> None:
    for credential, status in ((cast.their_credential, 404), (cast.credential, 405)):
        address = reverse(f"admin:sources_credential_{page}", args=[credential.pk])
        assert (as_admin.post(address) if status == 404 else as_admin.get(address)).status_code == status
    as_admin.force_login(cast.manager)
    assert as_admin.post(reverse(f"admin:sources_credential_{page}", args=[cast.credential.pk])).status_code == 302


def test_disabling_the_last_one_says_what_it_means(as_admin: Client, cast: Any) -> None:
    data = {"action": "disable", "_selected_action": cast.credential.pk}
    page = as_admin.post(reverse(CHANGELIST), data, follow=True, headers={"accept-language": "en"}).content.decode()
    assert "No credential for Ladok is enabled at this source." in page


def test_newest_enabled_one_is_shown_as_in_use(as_admin: Client, cast: Any) -> None:
    newer = CredentialFactory(source=cast.ours, label="2027")
    CredentialFactory(source=cast.ours, label="2028", enabled=False)
    shown = {row.label: row.used_pk == row.pk for row in as_admin.get(reverse(CHANGELIST)).context["cl"].result_list}
    assert shown == {"2026": False, newer.label: True, "2028": False}


def test_secret_cannot_be_guessed_by_filtering(as_admin: Client, cast: Any) -> None:
    assert as_admin.get(reverse(CHANGELIST), {"secret__startswith": "kept"}).status_code in (302, 400)


def test_a_credential_in_use_is_not_deleted(as_admin: Client, cast: Any) -> None:
    """Not by its own page and not with others in the list; the page says what to do first."""
    off = CredentialFactory(source=cast.ours, enabled=False)
    page, listed = (
        reverse("admin:sources_credential_delete", args=[cast.credential.pk]),
        reverse("admin:sources_credential_changelist"),
    )
    chosen = {"action": "delete_selected", "_selected_action": [cast.credential.pk, off.pk]}
    english = {"accept-language": "en"}
    for told in (as_admin.get(page, headers=english), as_admin.post(listed, chosen, headers=english)):
        assert "LadokFlow signs in with this now" in told.text
        assert str(cast.credential) in told.text
        assert 'value="yes"' not in told.text
    as_admin.post(page, {"post": "yes"})
    as_admin.post(listed, chosen | {"post": "yes"})
    assert set(cast.ours.credentials.all()) == {cast.credential, off}
    as_admin.post(listed, {"action": "disable", "_selected_action": [cast.credential.pk]})
    as_admin.post(page, {"post": "yes"})
    assert set(cast.ours.credentials.all()) == {off}
