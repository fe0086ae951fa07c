"""What lists and forms of the administration show of each cell: its heading, and a dash where it is empty."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from django.utils.safestring import mark_safe

from ladokflow.messages import message
from sources.models import AuditEntry, Source, Webhook, WebhookEvent
from sources.templatetags.admin_cells import under
from tests.factories import (
    ApiTokenFactory,
    AuditEntryFactory,
    CredentialFactory,
    DeliveryFactory,
    ExportAttemptFactory,
    FlowFactory,
    MembershipFactory,
    OAuthClientFactory,
    SubscriptionFactory,
    SyncRunFactory,
)

EMPTY = re.compile(r">\s*(None|-)\s*<")


def entry_at(source: Source) -> AuditEntry:
    return AuditEntryFactory(source=source, message=message("admin.export_body_changed").to_json())


@pytest.fixture
def bare(cast: Any) -> None:
    """A row in each table, with nothing in it that need not be there."""
    flow = FlowFactory(source=cast.ours)
    CredentialFactory(source=cast.ours, tested_at=None, expires_at=None)
    ApiTokenFactory(membership=MembershipFactory(source=cast.ours))
    OAuthClientFactory(membership=MembershipFactory(source=cast.ours))
    DeliveryFactory(subscription=SubscriptionFactory(source=cast.ours))
    SyncRunFactory(flow=flow)
    ExportAttemptFactory(flow=flow)
    entry_at(cast.ours)
    Webhook.objects.create(source=cast.ours)
    WebhookEvent.objects.create(source=cast.ours, call_id="1")


@pytest.mark.usefixtures("bare")
def test_what_is_empty_is_a_dash(as_root: Client) -> None:
    seen = 0
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        rows = [reverse(f"{name}_change", args=[row.pk]) for row in model._default_manager.all()]
        for address in [reverse(f"{name}_changelist"), *rows]:
            answer = as_root.get(address)
            assert (answer.status_code, EMPTY.findall(answer.text)) == (200, []), address
            seen += 1
    assert seen > 25


@pytest.mark.usefixtures("bare")
def test_each_cell_has_the_heading_of_its_column(as_admin: Client) -> None:
    for page in ("membership", "apitoken", "credential", "auditentry"):
        text = as_admin.get(reverse(f"admin:sources_{page}_changelist"), headers={"accept-language": "en"}).text
        body = text.partition("<tbody>")[2].partition("</tbody>")[0]
        cells = re.findall(r"<td[^>]*>", body)
        assert cells
        assert [cell for cell in cells if "data-label=" not in cell and "action-checkbox" not in cell] == [], page
    assert 'data-label="What"' in text


def test_a_heading_cannot_break_out_of_its_cell() -> None:
    (cell,) = under([mark_safe('<td class="x">1</td>')], [{"text": '"><b>', "class_attrib": ""}])
    assert cell == '<td data-label="&quot;&gt;&lt;b&gt;" class="x">1</td>'


def test_what_was_changed_is_read_in_the_audit_log(as_admin: Client, cast: Any) -> None:
    entry_at(cast.theirs)
    page = as_admin.get(reverse("admin:sources_credential_change", args=[cast.credential.pk]))
    log = f"{reverse('admin:sources_auditentry_changelist')}?source__exact={cast.ours.pk}"
    assert f'href="{log}"' in page.text
    history = reverse("admin:sources_credential_history", args=[cast.credential.pk])
    assert history not in page.text
    assert as_admin.get(history).headers["Location"] == log
    assert as_admin.get(log).status_code == 200
    entry = entry_at(cast.ours)
    assert "historylink" not in as_admin.get(reverse("admin:sources_auditentry_change", args=[entry.pk])).text
    assert AuditEntry.objects.count() == 2


def test_the_audit_log_of_one_source_shows_nothing_of_another(as_root: Client, cast: Any) -> None:
    ours, theirs = entry_at(cast.ours), entry_at(cast.theirs)
    history = reverse("admin:sources_membership_history", args=[cast.ours.memberships.first().pk])
    listed = as_root.get(history, follow=True).context["cl"].result_list
    assert ours in listed
    assert theirs not in listed


@pytest.mark.usefixtures("cast")
def test_all_rows_are_offered_only_where_some_are_left_out(as_root: Client) -> None:
    address = reverse("admin:sources_source_changelist")
    english = {"accept-language": "en"}
    assert "Show all" not in as_root.get(address, headers=english).text
    found = re.sub(r"\s+", " ", as_root.get(address, {"q": "ours", "o": "1"}, headers=english).text)
    assert '1 result (<a href="?">Show all</a>)' in found
    assert '<input type="hidden" name="o" value="1">' in found  # sorted as before
