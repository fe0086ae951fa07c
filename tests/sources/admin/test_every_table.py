"""What holds for every table of the administration, whoever looks at it. What is registered anew is in it by itself."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.urls import reverse

from sources.admin.base import secrets_of
from sources.models import Participant
from sources.universities.permissions import ADMIN_PAGES
from tests.pages.test_who_may_what import World, rows_of_everything, views_of

pytestmark = pytest.mark.django_db

READERS = ("auditor", "licence_admin", "operator")
MARK = "qxzqxz"  # so long as what Django tells of a password's digest
# Ladok's answer, with national ids masked (`exports/pages/answers.py`): the members of the university read it on the attempt's own page as well.
SHOWN_ON_PURPOSE = {("exports.exportattempt", "answer")}


@pytest.fixture
def world() -> World:
    return World()


def mark_secrets(row: Any) -> set[str]:
    names = {name for name in secrets_of(type(row)) if (row._meta.label_lower, name) not in SHOWN_ON_PURPOSE}
    values = {name: f"pbkdf2_sha256$1${MARK}${MARK}" if name == "password" else MARK for name in names}
    type(row)._base_manager.filter(pk=row.pk).update(**values)
    return names


def test_what_is_a_secret_is_known_by_its_column() -> None:
    found = {(model._meta.label_lower, name) for model in admin.site._registry for name in secrets_of(model)}
    assert found >= {
        ("sources.credential", "secret"),
        ("sources.subscription", "secret"),
        ("sources.apitoken", "secret_hash"),
        ("sources.oauthclient", "secret_hash"),
        ("auth.user", "password"),
        ("exports.exportattempt", "answer"),
    }
    assert "national_id" in secrets_of(Participant)


@pytest.mark.parametrize("reader", READERS)
def test_no_page_of_the_administration_shows_anybody_a_secret(world: World, reader: str) -> None:
    rows = rows_of_everything(world)
    client = world.client(reader)
    assert {"secret", "secret_hash", "password"} <= {name for row in rows.values() for name in mark_secrets(row)}
    client.force_login(world.people[reader])  # whose password is another now
    pages = [
        (label, view, address)
        for label, row in rows.items()
        for method, view, address, _needed in views_of(label, row)
        if method == "GET"
    ]
    pages += [
        (name, "page", reverse(name, args=[rows[".".join(name.removeprefix("admin:").split("_")[:2])].pk]))
        for name in ADMIN_PAGES
    ]
    answers = {(label, view): client.get(address) for label, view, address in pages}
    assert answers["sources.credential", "row"].status_code == 200
    assert [page for page, answer in answers.items() if MARK in answer.text] == []


@pytest.mark.parametrize("reader", READERS)
def test_what_was_typed_as_a_secret_does_not_come_back_with_a_mistake(world: World, reader: str) -> None:
    rows = rows_of_everything(world)
    client = world.client(reader)
    for label, row in rows.items():
        names = secrets_of(type(row))
        for _method, view, address, _needed in views_of(label, row):
            if names and view in ("add", "row"):
                assert MARK not in client.post(address, dict.fromkeys(names, MARK)).text, (label, view)
