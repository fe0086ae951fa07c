"""Messages that another version has stored: each page, file, list in admin, e-mail and command shows something in their place."""

from __future__ import annotations

import datetime as dt
import io
import json
import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db.models import JSONField, Model, Q, QuerySet
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from exports.operation.digest import send_digests
from sources.models import AuditEntry, BatchExam, ExamReading, Flow, FlowRule, SyncRun, WebhookEvent
from tests.pages.everything import ACTIONS, CLOSED, addresses, batch_of, rule_of

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Client]

# The columns with JSON that hold no messages
OTHERS = {
    "ApiCall.answer",
    "ApiToken.scopes",
    "Delivery.payload",
    "FederatedIdentity.assurance",
    "OAuthClient.scopes",
    "Subscription.events",
    "ToldQuestions.kinds",
    "BatchExam.staff",
    "ExportAttempt.managers",
    "ExportAttempt.order",
    "ExportItem.before_mark",
    "Flow.followed",
    "Flow.grades",
    "Flow.scale_choices",
    "Flow.scale_definition",
    "Flow.scale_witnesses",
    "Flow.staff",
    "Flow.unfollowed",
    "Flow.wiseflow_settings",
    "FlowBatch.choices",
    "FlowPreset.staff",
    "FlowPreset.wiseflow_settings",
    "Preference.lists",
    "Source.departments",
    "Source.grading_scales",
    "Source.ladok_paths",
    "Source.user_data_types",
    "SyncRun.would_go",
    "Webhook.signed_with",
}
LISTS = {"asked", "changes", "problems", "test_told", "told", "warnings", "warnings_seen"}
# What a stored message may have become
STRANGE: list[Callable[[dict[str, Any]], Any]] = [
    lambda told: {"code": "export.of_another_version", "params": {"count": 3}},
    lambda told: {"code": told["code"], "params": {}},
    lambda told: {"code": told["code"], "params": told["params"] | {"more": {"code": "x"}}},
    lambda told: {"code": told["code"], "params": {name: [None] for name in told["params"]}},
    lambda told: {"code": told["code"], "params": ["x"]},
    lambda told: {"code": 7, "params": None},
    lambda told: "It went wrong.",
    lambda told: ["It went wrong."],
    lambda told: 7,
]
KNOWN = {"code": "sources.brake_half", "params": {"code": "TEN1", "before": 40, "now": 3}}
# What the page asks stands in a parameter.
ASKS = {"code": "sources.scale_unchosen", "params": {"scale": "U-G"}}


def columns() -> list[tuple[type[Model], str]]:
    """Those that hold messages; a new column with JSON holds some, unless it is among OTHERS."""
    models = [model for name in ("sources", "exports") for model in apps.get_app_config(name).get_models()]
    found = [(model, field.name) for model in models for field in model._meta.fields if isinstance(field, JSONField)]
    return [(model, name) for model, name in found if f"{model.__name__}.{name}" not in OTHERS]


PATHS = {
    "Flow": "pk",
    "ExportItem": "attempt__flow",
    "Registration": "participant__flow",
    "ExamReading": "source__flows",
    "Credential": "source__flows",
    "LogGap": "reading__flow",
    "PackageFile": "package__flow",
}


def about(model: type[Model], flows: list[Flow]) -> QuerySet[Any]:
    """The rows that are about one of the flows."""
    keys = [flow.pk for flow in flows]
    if model is BatchExam:
        batches = [uuid.UUID(int=key) for key in keys]
        return BatchExam.objects.filter(batch__in=batches, flow=None).exclude(message={})
    if model is FlowRule:
        return FlowRule.objects.filter(source__in=[flow.source_id for flow in flows])
    if model is WebhookEvent:
        numbers = {flow.wiseflow_id for flow in flows}  # none before it is made there
        of_none = Q(wiseflow_flow_id=None) if None in numbers else Q()
        return WebhookEvent.objects.filter(Q(wiseflow_flow_id__in=numbers - {None}) | of_none)
    return model._default_manager.filter(**{f"{PATHS.get(model.__name__, 'flow')}__in": keys}).distinct()


def make_strange(flows: list[Flow], twist: Callable[[dict[str, Any]], Any]) -> None:
    """All messages that are about them."""
    for model, name in columns():
        if model is AuditEntry:  # the database refuses to change one
            told = twist(KNOWN)
            AuditEntry.objects.bulk_create(AuditEntry(source=flow.source, flow=flow, message=told) for flow in flows)
            continue
        rows = list(about(model, flows))
        for row in rows:
            strange = twist(getattr(row, name) or KNOWN) if name not in LISTS else twist(KNOWN)
            setattr(row, name, [strange, KNOWN] if name in LISTS and isinstance(strange, dict) else strange)
        model._default_manager.bulk_update(rows, [name])


@pytest.fixture
def strange(flows: list[Flow], anna: User) -> list[Flow]:
    """A flow in every state, each with messages that have become something else, of every kind: and what is not on a page."""
    for number, flow in enumerate(flows):
        rule_of(flow)
        batch_of(flow)
        ExamReading.objects.get_or_create(source=flow.source, defaults={"asked_at": timezone.now(), "message": KNOWN})
        WebhookEvent.objects.create(
            source=flow.source, call_id=f"call-{number}", wiseflow_flow_id=flow.wiseflow_id, handled_at=timezone.now()
        )
        if flow.setup_state == Flow.Setup.STOPPED:
            Flow.objects.filter(pk=flow.pk).update(setup_message=ASKS)
    # Those of the last flow last: what all of them share becomes what its messages do.
    for number in range(len(flows) - len(STRANGE), len(flows)):
        kind = number % len(STRANGE)
        make_strange(flows[kind :: len(STRANGE)], STRANGE[kind])
    return flows


def test_every_column_with_json_is_known_to_hold_messages_or_not() -> None:
    names = {f"{model.__name__}.{name}" for model, name in columns()}
    assert {name for name in names if not name.endswith(("message", ".outcome", "doubt", ".missing"))} == {
        "Credential.test_told",
        "Flow.asked",
        "FlowRule.told",
        "Flow.warnings",
        "Flow.warnings_seen",
        "SyncRun.changes",
        "SyncRun.problems",
    }


def test_every_page_and_file_is_there(sign_in: SignIn, anna: User, strange: list[Flow]) -> None:
    client = sign_in(anna)
    wrong, said = [], ""
    for flow in strange:
        for name, address in addresses(flow):
            if name in ACTIONS | CLOSED or (flow is not strange[0] and not re.search(r"/\d|[0-9a-f]{8}-", address)):
                continue
            answer = client.get(address)
            said += answer.text if "text" in answer["Content-Type"] else ""
            wrong += [] if answer.status_code in (200, 302) else [f"{address}: {answer.status_code}"]
    assert wrong == []
    assert "by another version of LadokFlow" in said
    assert "Go by the state that is shown." in said


@pytest.mark.parametrize("twist", STRANGE)
def test_the_lists_are_there_whichever_it_is(
    sign_in: SignIn, anna: User, flows: list[Flow], twist: Callable[[dict[str, Any]], Any]
) -> None:
    make_strange(flows, twist)
    client = sign_in(anna)
    tabs = [f"/exports/?tab={tab}" for tab in ("failed", "exported", "pending")]
    for address in ("/", "/flows/", *tabs, "/exports/live/", "/exports/errors.csv"):
        assert client.get(address).status_code == 200, address


def test_every_list_and_page_of_admin_is_there_and_the_log_can_be_taken_away(
    sign_in: SignIn, admin_user: User, strange: list[Flow]
) -> None:
    client = sign_in(admin_user)
    for model, theirs in admin.site._registry.items():
        if model._meta.app_label not in ("sources", "exports"):
            continue
        space = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        assert client.get(reverse(f"{space}_changelist")).status_code == 200, model
        for row in theirs.model._default_manager.all()[:20]:
            assert client.get(reverse(f"{space}_change", args=[row.pk])).status_code == 200, row
    entries = [str(pk) for pk in AuditEntry.objects.values_list("pk", flat=True)]
    asked = {"action": "download", "_selected_action": entries}
    answer = client.post(reverse("admin:sources_auditentry_changelist"), asked)
    assert "by another version of LadokFlow" in b"".join(answer).decode()


def test_the_e_mail_and_the_commands_are_there(anna: User, strange: list[Flow], mailoutbox: list[Any]) -> None:
    Flow.objects.update(created_by=anna)
    SyncRun.objects.update(trigger=SyncRun.Trigger.NIGHT, finished_at=timezone.now())
    send_digests(timezone.now() + dt.timedelta(hours=12))
    assert mailoutbox
    for flow in strange:
        told = io.StringIO()
        call_command("flowstatus", flow=flow.pk, json=True, stdout=told)
        assert json.loads(told.getvalue())["flow"] == flow.pk
