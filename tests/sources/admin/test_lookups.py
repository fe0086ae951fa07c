"""What an address may ask a list for: what its filters offer. By any other column the rows would tell what the list does not show."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.exceptions import DisallowedModelAdminLookup
from django.contrib.admin.options import IncorrectLookupParameters
from django.http import HttpRequest, QueryDict
from django.test import Client
from django.urls import reverse

from ladokflow.messages import message
from sources.models import AccessEntry, AuditEntry, SyncRun
from tests.pages.test_who_may_what import World, rows_of_everything

pytestmark = pytest.mark.django_db
TOLD = (302, 400)  # back to the list, or refused


@pytest.fixture
def world() -> World:
    return World()


def shown(client: Client, model: Any, **asked: Any) -> list[Any] | None:
    """The rows of the list; None where that may not be asked."""
    answer = client.get(reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"), asked)
    return None if answer.status_code in TOLD else list(answer.context["cl"].result_list)


def answers(each: Any, request: HttpRequest, asked: str) -> bool:
    """Whether the list lets itself be asked so; the request is one that it has answered."""
    request.GET = QueryDict(f"{asked}=1")
    try:
        each.get_changelist_instance(request)
    except (DisallowedModelAdminLookup, IncorrectLookupParameters):
        return False
    return True


@pytest.mark.parametrize("role", ["operator", "licence_admin"])
def test_no_list_is_asked_by_a_column_that_it_does_not_offer(world: World, role: str) -> None:
    """Asked of the list itself, which all that comes over HTTP comes to; over HTTP, by the first such column of each list."""
    rows, client, asked = rows_of_everything(world), world.client(role), 0
    for model, each in admin.site._registry.items():
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        whole = client.get(address)
        if whole.status_code != 200:
            continue
        request = whole.wsgi_request
        assert answers(each, request, "p"), (model, "is to answer what may be asked")
        offered = {part[0] if isinstance(part, tuple) else part for part in each.list_filter}
        offered |= {each.date_hierarchy, getattr(each, "source_path", "").split("__")[0]}
        names = [field.name for field in model._meta.get_fields() if field.concrete and field.name not in offered]
        assert client.get(address, {names[0]: "1"}).status_code in TOLD, (model, names[0])
        for name in names:
            for ending in ("", "__isnull", "__startswith", "__icontains", "__gt"):
                asked += 1
                assert not answers(each, request, name + ending), (model, name, ending)
    assert asked > 500
    assert rows


def test_an_operator_finds_no_student_by_what_the_lists_hide(world: World) -> None:
    """Whether there is a row is an answer, too."""
    person = world.flow.participants.get()
    type(person)._default_manager.filter(pk=person.pk).update(organisation_id="stina99@ours.example")
    AccessEntry.objects.create(
        source=world.source, user=world.people["manager"], kind="student", participant=person, key="2"
    )
    client = world.client("operator")
    assert shown(client, AccessEntry, q="stina99@ours.example") in ([], None)
    assert shown(client, AccessEntry, participant=person.pk) is None
    assert shown(client, AccessEntry, participant__organisation_id__startswith="s") is None
    told = message("sources.audit.api_call", access="x", call="Stina Sjö").to_json()
    AuditEntry.objects.create(source=world.source, message=told)
    assert shown(client, AuditEntry, message__icontains="Stina") is None
    SyncRun.objects.update(problems=[told])
    assert shown(client, SyncRun, problems__icontains="Stina") is None


def test_a_member_finds_in_the_access_log_who_has_looked_at_a_student(world: World) -> None:
    person = world.flow.participants.get()
    entry = AccessEntry.objects.create(
        source=world.source, user=world.people["manager"], kind="student", participant=person, key="2"
    )
    assert shown(world.client("auditor"), AccessEntry, q=person.organisation_id) == [entry]
