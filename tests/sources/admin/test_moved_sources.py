"""A source's address is changed to another host: no secret that was meant for the old one reaches the new one."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ladokflow.wiseflow.webhooks import signature_of
from sources.models import AuditEntry, Credential, Webhook
from sources.universities.clients import check_connection, ladok_for
from sources.universities.moved_hosts import host_of
from sources.webhooks.receive import Came, receive
from tests.factories import CredentialFactory
from tests.sources.admin.test_credentials import CHANGELIST
from tests.sources.admin.test_credentials import change as change_credential
from tests.sources.admin.test_sources import change

ENGLISH = {"accept-language": "en"}


@pytest.fixture
def wiseflow(cast: Any) -> Credential:
    return CredentialFactory(source=cast.ours, system="wiseflow", kind="api_key", label="W", secret="of-wiseflow")


def enabled(cast: Any) -> set[str]:
    return set(Credential.objects.filter(source=cast.ours, enabled=True).values_list("label", flat=True))


def move(client: Client, cast: Any, sandbox: Any) -> Any:
    """To the sandbox, which takes down everything that is sent to it."""
    cast.ours.refresh_from_db()
    return change(client, cast.ours, ladok_url=f"{sandbox.url}/liu")


def test_nothing_is_sent_to_the_new_host_and_the_page_says_what_to_do(
    as_admin: Client, cast: Any, wiseflow: Credential, sandbox: Any
) -> None:
    sandbox.control.clear_received()
    as_admin.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    assert move(as_admin, cast, sandbox).status_code == 302
    assert enabled(cast) == {"W"}
    cast.ours.refresh_from_db()
    assert not any(check.ok for check in check_connection(cast.ours, "ladok"))
    assert sandbox.control.received("liu") == []
    page = as_admin.get(reverse("admin:sources_source_changelist")).content.decode()
    assert "“2026”" in page
    assert "Type a new secret into it, test it and switch over to it" in page
    entry = AuditEntry.objects.get(message__code="sources.audit.credential_left_behind")
    assert (entry.actor, entry.source, entry.address) == (cast.admin, cast.ours, "127.0.0.1")
    assert "kept-as-it-is" not in str(entry.message)


@pytest.mark.parametrize("way", ["action", "switch", "test"])
def test_it_is_not_put_in_use_again_without_a_new_secret(as_admin: Client, cast: Any, sandbox: Any, way: str) -> None:
    before = cast.ours.ladok_url
    move(as_admin, cast, sandbox)
    sandbox.control.clear_received()
    if way == "action":
        address, data = reverse(CHANGELIST), {"action": "enable", "_selected_action": cast.credential.pk}
    else:
        address, data = reverse(f"admin:sources_credential_{way}", args=[cast.credential.pk]), {}
    said = as_admin.post(address, data, follow=True, headers=ENGLISH).content.decode()
    assert enabled(cast) == set()
    assert f"given for {host_of(before)}" in said
    assert sandbox.control.received("liu") == []
    # Whatever else may be typed into it, it stays disabled until a secret for the new host has signed in there.
    assert change_credential(as_admin, cast.credential, label="2027").status_code == 302
    assert change_credential(as_admin, cast.credential, secret="liu-ladok").status_code == 302
    assert enabled(cast) == set()
    for name in ("test", "switch"):
        as_admin.post(reverse(f"admin:sources_credential_{name}", args=[cast.credential.pk]))
    assert enabled(cast) == {"2026"}
    sent = {row["headers"].get("authorization", "") for row in sandbox.control.received("liu")}
    assert sent == {"Bearer liu-ladok"}


def test_with_the_old_address_back_it_is_put_in_use_as_it_is_when_it_has_signed_in_there(
    as_admin: Client, cast: Any, sandbox: Any
) -> None:
    Credential.objects.filter(pk=cast.credential.pk).update(enabled=False)
    move(as_admin, cast, sandbox)
    change_credential(as_admin, cast.credential, secret="liu-ladok")
    change(as_admin, cast.ours, ladok_url="https://third.example/liu")
    as_admin.post(reverse("admin:sources_credential_test", args=[cast.credential.pk]))
    move(as_admin, cast, sandbox)
    assert enabled(cast) == set()
    as_admin.post(reverse("admin:sources_credential_test", args=[cast.credential.pk]))
    as_admin.post(reverse(CHANGELIST), {"action": "enable", "_selected_action": cast.credential.pk})
    assert enabled(cast) == {"2026"}


def test_over_two_moves_a_secret_still_belongs_to_the_first_host(as_admin: Client, cast: Any, sandbox: Any) -> None:
    move(as_admin, cast, sandbox)
    change(as_admin, cast.ours, ladok_url="https://third.example/liu")
    move(as_admin, cast, sandbox)
    as_admin.post(reverse(CHANGELIST), {"action": "enable", "_selected_action": cast.credential.pk})
    assert enabled(cast) == set()


@pytest.mark.parametrize("suffix", ["/another/path", "/"])
def test_another_path_on_the_same_host_disables_nothing(as_admin: Client, cast: Any, suffix: str) -> None:
    address = cast.ours.ladok_url.rstrip("/") + suffix
    assert change(as_admin, cast.ours, ladok_url=address).status_code == 302
    assert enabled(cast) == {"2026"}


@pytest.mark.parametrize("address", ["http://ladok.example:8080/x", "https://other.example/x"])
def test_another_port_scheme_or_name_is_another_host(as_admin: Client, cast: Any, address: str, settings: Any) -> None:
    settings.PLAIN_HTTP_HOSTS = ["ladok.example"]
    change(as_admin, cast.ours, ladok_url="https://ladok.example/x")
    Credential.objects.filter(pk=cast.credential.pk).update(enabled=True, former_host="")
    change(as_admin, cast.ours, ladok_url="https://LADOK.example:443/y")
    assert enabled(cast) == {"2026"}
    change(as_admin, cast.ours, ladok_url=address)
    assert enabled(cast) == set()


def test_a_disabled_one_cannot_come_along_either(as_admin: Client, cast: Any, sandbox: Any) -> None:
    old = CredentialFactory(source=cast.ours, label="2020", enabled=False, secret="old-secret")
    move(as_admin, cast, sandbox)
    as_admin.post(reverse(CHANGELIST), {"action": "enable", "_selected_action": old.pk})
    assert enabled(cast) == set()


def test_the_database_refuses_what_the_pages_do(as_admin: Client, cast: Any, sandbox: Any) -> None:
    move(as_admin, cast, sandbox)
    with pytest.raises(IntegrityError), transaction.atomic():
        Credential.objects.filter(pk=cast.credential.pk).update(enabled=True)


def test_the_other_side_goes_on(as_admin: Client, cast: Any, wiseflow: Credential, sandbox: Any) -> None:
    change(as_admin, cast.ours, wiseflow_url="https://stage.wiseflow.example/v1")
    assert enabled(cast) == {"2026"}
    with ladok_for(cast.ours) as client:
        assert client is not None


def test_with_another_wiseflow_the_webhook_is_forgotten(as_admin: Client, cast: Any, wiseflow: Credential) -> None:
    """Its number may be that of somebody else's webhook over there, which a new registration would take away."""
    Webhook.objects.create(
        source=cast.ours, secret="of-the-former", wiseflow_id=3, registered_at=timezone.now(), prefix="sha256="
    )
    as_admin.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    change(as_admin, cast.ours, ladok_url="https://other.example/x")
    assert Webhook.objects.get().secret == "of-the-former"
    change(as_admin, cast.ours, wiseflow_url="https://stage.wiseflow.example/v1")
    hook = Webhook.objects.get()
    assert (hook.secret, hook.wiseflow_id, hook.registered_at, hook.prefix) == ("", None, None, "sha256=")
    body = b'{"event": "FINAL_GRADE", "flowId": 1}'
    signature = "sha256=" + signature_of(secret="of-the-former", body=body)
    assert receive(slug=cast.ours.slug, body=body, headers={hook.header: signature})[0] == Came.REFUSED
    page = as_admin.get(reverse("admin:sources_source_changelist")).content.decode()
    assert "register it again on the page of the webhook" in page
    assert AuditEntry.objects.filter(message__code="sources.audit.webhook_left_behind").count() == 1
    change(as_admin, cast.ours, wiseflow_url="https://third.wiseflow.example/v1")
    assert AuditEntry.objects.filter(message__code="sources.audit.webhook_left_behind").count() == 1
