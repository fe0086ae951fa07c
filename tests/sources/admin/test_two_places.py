"""Somebody who is licence admin of one university and auditor of another: in a list stand the rows of both."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.test import Client
from django.urls import reverse
from django.utils.translation import override

from sources.models import AuditEntry, Membership
from sources.universities.permissions import ADMIN, Access, Right, refusal_of
from tests.factories import MembershipFactory, SourceFactory
from tests.pages.test_who_may_what import World, rows_of_everything
from tests.sources.admin.test_every_table import values_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def rows(world: World) -> dict[str, Any]:
    return rows_of_everything(world)


@pytest.fixture
def client(world: World, rows: dict[str, Any]) -> Client:
    """Of the auditor, who is licence admin elsewhere."""
    auditor = world.people["auditor"]
    MembershipFactory(source=SourceFactory(name="Annat"), user=auditor, role=Membership.Role.LICENCE_ADMIN)
    return world.client("auditor")


def actions_that_change() -> list[tuple[str, str, Right]]:
    """And what each needs."""
    return [
        (label, name, getattr(ADMIN[label], act.allowed_permissions[0]))
        for label, each in ((model._meta.label_lower, each) for model, each in admin.site._registry.items())
        if isinstance(ADMIN[label].change, Right)
        for act, name, _description in map(each.get_action, each.actions)
    ]


def test_an_action_is_done_only_where_it_may_be(world: World, rows: dict[str, Any], client: Client) -> None:
    done: list[tuple[str, str, str]] = []
    actions = actions_that_change()
    assert len(actions) >= 11
    for label, action, needed in actions:
        if needed is Right.OPERATE:
            continue
        row = rows[label]
        for enabled in (True, False) if hasattr(row, "enabled") else (None,):
            if enabled is not None:
                type(row)._default_manager.filter(pk=row.pk).update(enabled=enabled)
            before, entries = values_of(row), AuditEntry.objects.filter(source=world.source).count()
            chosen = {"action": action, ACTION_CHECKBOX_NAME: [row.pk]}
            answer = client.post(reverse(f"admin:{label.replace('.', '_')}_changelist"), chosen, follow=True)
            told = "".join(map(str, answer.context["messages"]))
            with override("en"):
                is_refused = str(refusal_of(needed, world.source)) in told
            if values_of(row) != before or AuditEntry.objects.filter(source=world.source).count() != entries:
                done.append((label, action, "is done"))
            elif not is_refused:
                done.append((label, action, told))
    assert done == []


def test_no_row_is_deleted_where_it_may_not_be(rows: dict[str, Any], client: Client) -> None:
    for label, row in rows.items():
        if ADMIN[label].delete is Access.NOBODY or ADMIN[label].delete is Right.OPERATE:
            continue
        address = reverse(f"admin:{label.replace('.', '_')}_changelist")
        client.post(address, {"action": "delete_selected", ACTION_CHECKBOX_NAME: [row.pk], "post": "yes"})
        assert type(row)._default_manager.filter(pk=row.pk).exists(), label
