"""Whoever administers one source sees nothing of another."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from ladokflow.messages import message
from sources.models import Membership
from tests.factories import (
    AuditEntryFactory,
    ExportAttemptFactory,
    FlowFactory,
    SyncRunFactory,
)

PAGES = (
    "sources_source",
    "sources_credential",
    "sources_membership",
    "sources_auditentry",
    "sources_syncrun",
    "exports_exportattempt",
)


@pytest.fixture
def rows(cast: Any) -> dict[str, tuple[Any, Any]]:
    """For each page: a row of ours, and one of theirs."""
    flows = [FlowFactory(source=source) for source in (cast.ours, cast.theirs)]
    said = message("admin.export_body_changed").to_json()
    return {
        "sources_source": (cast.ours, cast.theirs),
        "sources_credential": (cast.credential, cast.their_credential),
        "sources_membership": tuple(Membership.objects.filter(source=s).first() for s in (cast.ours, cast.theirs)),
        "sources_auditentry": tuple(AuditEntryFactory(source=s, message=said) for s in (cast.ours, cast.theirs)),
        "sources_syncrun": tuple(SyncRunFactory(flow=flow) for flow in flows),
        "exports_exportattempt": tuple(ExportAttemptFactory(flow=flow) for flow in flows),
    }


@pytest.mark.parametrize("page", PAGES)
def test_list_shows_only_rows_of_own_sources(as_admin: Client, rows: dict[str, Any], page: str) -> None:
    response = as_admin.get(reverse(f"admin:{page}_changelist"))
    shown = {row.pk for row in response.context["cl"].result_list}
    ours, theirs = rows[page]
    assert ours.pk in shown
    assert theirs.pk not in shown


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("verb", ["change", "delete", "history"])
def test_row_of_another_source_is_not_found(as_admin: Client, rows: dict[str, Any], page: str, verb: str) -> None:
    ours, theirs = rows[page]
    assert as_admin.get(reverse(f"admin:{page}_{verb}", args=[theirs.pk])).status_code == 404
    assert as_admin.post(reverse(f"admin:{page}_{verb}", args=[theirs.pk]), {"post": "yes"}).status_code == 404
    assert as_admin.get(reverse(f"admin:{page}_change", args=[ours.pk])).status_code == 200


@pytest.mark.parametrize("page", PAGES)
def test_manager_does_not_get_in(client: Client, cast: Any, rows: dict[str, Any], page: str) -> None:
    client.force_login(cast.manager)
    assert client.get(reverse(f"admin:{page}_changelist")).status_code == 302
    assert client.get(reverse(f"admin:{page}_change", args=[rows[page][0].pk])).status_code == 302


def test_staff_without_the_role_sees_nothing(client: Client, cast: Any, rows: dict[str, Any]) -> None:
    cast.manager.is_staff = True
    cast.manager.save()
    client.force_login(cast.manager)
    assert client.get(reverse("admin:index")).context["app_list"] == []
    for page in PAGES:
        assert client.get(reverse(f"admin:{page}_changelist")).status_code == 403
        assert client.get(reverse(f"admin:{page}_change", args=[rows[page][0].pk])).status_code in (403, 404)


@pytest.mark.parametrize("page", PAGES)
def test_superuser_sees_all(as_root: Client, rows: dict[str, Any], page: str) -> None:
    shown = {row.pk for row in as_root.get(reverse(f"admin:{page}_changelist")).context["cl"].result_list}
    assert {row.pk for row in rows[page]} <= shown


@pytest.mark.parametrize("page", ["sources_auditentry", "sources_syncrun", "exports_exportattempt"])
def test_what_the_program_writes_cannot_be_changed_by_anybody(as_root: Client, rows: dict[str, Any], page: str) -> None:
    row = rows[page][0]
    assert as_root.get(reverse(f"admin:{page}_add")).status_code == 403
    assert as_root.post(reverse(f"admin:{page}_change", args=[row.pk]), {"state": "exported"}).status_code == 403
    assert as_root.post(reverse(f"admin:{page}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403


def test_action_on_a_row_of_another_source_does_nothing(as_admin: Client, cast: Any) -> None:
    as_admin.post(
        reverse("admin:sources_credential_changelist"),
        {"action": "disable", "_selected_action": cast.their_credential.pk},
    )
    cast.their_credential.refresh_from_db()
    assert cast.their_credential.enabled


def test_credential_cannot_be_put_into_another_source(as_admin: Client, cast: Any) -> None:
    response = as_admin.post(
        reverse("admin:sources_credential_add"),
        {
            "source": cast.theirs.pk,
            "system": "ladok",
            "kind": "bearer",
            "label": "mine",
            "secret": "x",
            "enabled": "on",
        },
    )
    assert "source" in response.context["adminform"].form.errors
    assert cast.theirs.credentials.count() == 1


@pytest.mark.parametrize("model", ["schedule", "success", "failure", "ormq"])
def test_the_queues_own_pages_are_for_superusers_only(client: Client, cast: Any, model: str) -> None:
    address = reverse(f"admin:django_q_{model}_changelist")
    client.force_login(cast.admin)
    assert client.get(address).status_code == 403
    client.force_login(cast.root)
    assert client.get(address).status_code == 200


@pytest.mark.parametrize("page", PAGES)
def test_list_asks_the_database_as_often_for_many_rows_as_for_few(
    as_admin: Client, cast: Any, rows: dict[str, Any], page: str, django_assert_max_num_queries: Any
) -> None:
    for number in range(12):
        flow = FlowFactory(source=cast.ours)
        SyncRunFactory(flow=flow)
        ExportAttemptFactory(flow=flow, requested_by=cast.manager)
        AuditEntryFactory(
            source=cast.ours, flow=flow, actor=cast.manager, message=message("admin.export_body_changed").to_json()
        )
        cast.ours.credentials.create(system="ladok", kind="bearer", label=f"n{number}", secret="s")
    with django_assert_max_num_queries(14):
        as_admin.get(reverse(f"admin:{page}_changelist"))
