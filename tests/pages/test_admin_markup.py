"""Every page of the administration: no inline style or script is needed, and what browsers are told of it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client, RequestFactory
from django.urls import reverse

from sources.models import FlowPreset, Webhook, WebhookEvent
from tests.factories import (
    CredentialFactory,
    ExportAttemptFactory,
    FlowFactory,
    MembershipFactory,
    SyncRunFactory,
    UserFactory,
)
from tests.pages.everything import rule_of

pytestmark = pytest.mark.django_db
# What would not work under our policy. A data block (`json_script`) is no script, and is not run.
INLINE = re.compile(
    r'<style|<[^>]+\sstyle\s*=|<[^>]+\son[a-z]+\s*=|href\s*=\s*"javascript:|<script(?![^>]*\ssrc=)(?![^>]*type="application/json")'
)


def pages(client: Client, root: Any) -> list[str]:
    """Lists, forms, histories and deletions of all that is registered, and our own."""
    request = RequestFactory().get("/admin/")
    request.user = root
    found = [reverse("admin:index"), reverse("overview")]
    found += [reverse("admin:app_list", args=[app]) for app in ("sources", "exports", "auth", "django_q", "axes")]
    for model, made in admin.site._registry.items():
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        found.append(reverse(f"{name}_changelist"))
        found += [reverse(f"{name}_add")] if made.has_add_permission(request) else []
        row = model._default_manager.first()
        if row is not None:
            found += [reverse(f"{name}_{page}", args=[row.pk]) for page in ("change", "history")]
            found += [reverse(f"{name}_delete", args=[row.pk])] if made.has_delete_permission(request, row) else []
    return found


def test_no_page_needs_anything_inline_and_each_is_kept_by_no_cache(client: Client) -> None:
    flow = FlowFactory()
    rule_of(flow)
    credential = CredentialFactory(source=flow.source)
    MembershipFactory(source=flow.source, role="licence_admin")
    SyncRunFactory(flow=flow)
    ExportAttemptFactory(flow=flow)
    FlowPreset.objects.create(source=flow.source, name="A")
    Webhook.objects.create(source=flow.source)
    WebhookEvent.objects.create(source=flow.source, call_id="1")
    root = UserFactory(is_staff=True, is_superuser=True)
    client.force_login(root)
    own = [
        reverse(f"admin:sources_source_{name}", args=[flow.source.pk]) for name in ("licence", "export_body", "webhook")
    ]
    addresses = pages(client, root) + own
    for address in addresses:
        answer = client.get(address, follow=True)  # a history is a part of the audit log
        assert answer.status_code == 200, address
        text = answer.content.decode()
        assert not (match := INLINE.search(text)), f"{address}: {match[0]}"
        assert "unsafe" not in answer.headers["Content-Security-Policy"], address
        assert "no-store" in answer.headers["Cache-Control"], address
        assert "set_language" in text or "/language/" in text or "popup" in text, address  # the language switch
    for page in ("test", "switch"):
        answer = client.post(reverse(f"admin:sources_credential_{page}", args=[credential.pk]), follow=True)
        assert not INLINE.search(answer.content.decode()), page
    assert len(addresses) > 40


def test_what_browsers_are_told(client: Client, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT, settings.SECURE_HSTS_SECONDS = True, 31_536_000
    answer = client.get("/sign-in/", secure=True)
    told = answer.headers
    assert told["Strict-Transport-Security"] == "max-age=31536000"
    assert (told["Referrer-Policy"], told["Cross-Origin-Opener-Policy"]) == ("same-origin", "same-origin")
    assert (told["X-Content-Type-Options"], told["X-Frame-Options"]) == ("nosniff", "DENY")
    assert "camera=()" in told["Permissions-Policy"]


def test_whom_to_tell_of_a_weakness(client: Client, settings: Any) -> None:
    address = "/.well-known/security.txt"
    assert client.get(address).status_code == 404
    settings.SECURITY_CONTACT, settings.PUBLIC_URL = "security@example.se", "https://ladokflow.example.se"
    answer = client.get(address)
    lines = dict(line.split(": ", 1) for line in answer.content.decode().splitlines())
    assert lines["Contact"] == "mailto:security@example.se"
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT00:00:00Z", lines["Expires"])
    assert lines["Canonical"] == "https://ladokflow.example.se/.well-known/security.txt"
    settings.SECURITY_CONTACT = "https://example.se/tell"
    assert "Contact: https://example.se/tell\n" in client.get(address).content.decode()
