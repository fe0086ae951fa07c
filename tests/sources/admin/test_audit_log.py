from typing import Any

from django.test import Client
from django.urls import reverse

from ladokflow.messages import message
from sources.models import AuditEntry
from tests.factories import AuditEntryFactory

LOG = "admin:sources_auditentry_changelist"


def test_log_is_downloaded_without_formulas_and_that_is_on_record(as_admin: Client, cast: Any) -> None:
    said = message("admin.member_added", email="=HYPERLINK(1)", role="manager").to_json()
    cast.manager.username = "=cmd|' /C calc'!A0"
    cast.manager.save()
    entry = AuditEntryFactory(source=cast.ours, actor=cast.manager, message=said)
    response = as_admin.post(reverse(LOG), {"action": "download", "_selected_action": entry.pk})
    assert response["Content-Type"].startswith("text/csv")
    text = response.content.decode("utf-8-sig")
    assert "\"'=cmd|" in text
    newest = AuditEntry.objects.filter(source=cast.ours).latest("pk")
    assert newest.message == {"code": "admin.log_downloaded", "params": {"count": 1}}


def test_log_is_searched_by_user_and_by_attempt(as_admin: Client, cast: Any) -> None:
    said = message("admin.export_body_changed").to_json()
    AuditEntryFactory(source=cast.ours, actor=cast.manager, message=said)
    AuditEntryFactory(source=cast.ours, message=said)
    assert as_admin.get(reverse(LOG), {"q": "anna@ours"}).context["cl"].result_count == 1
    assert as_admin.get(reverse(LOG), {"q": "nobody"}).context["cl"].result_count == 0
