"""What holds for every table of the administration, whoever looks at it. What is registered anew is in it by itself."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db import models
from django.urls import reverse

from ladokflow.fields import EncryptedTextField
from ladokflow.form_fields import within_bounds
from sources.admin.base import OurAdmin, secrets_of
from sources.admin.forms import SecretInput
from sources.models import AuditEntry, Credential, Participant, Source
from sources.models.subscription import EVENTS
from sources.universities.permissions import ADMIN, ADMIN_PAGES, Access
from tests.filling import form_on
from tests.pages.test_who_may_what import World, rows_of_everything, views_of

pytestmark = pytest.mark.django_db

SAVE = 'name="_save"'
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


def test_a_secret_and_a_day_are_typed_in_fields_of_ours_in_every_table() -> None:
    ours = [each for each in admin.site._registry.values() if isinstance(each, OurAdmin)]
    assert ours
    for each in ours:
        assert each.formfield_overrides[EncryptedTextField]["widget"] is SecretInput
        for kind in (models.DateField, models.DateTimeField):
            assert within_bounds in each.formfield_overrides[kind]["validators"]


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


def editable(world: World) -> list[tuple[str, Any, str]]:
    """The tables whose rows are changed by a form, a row of ours in each, and the address of its page."""
    rows = rows_of_everything(world)
    Credential.objects.update(secret="without-spaces")
    return [
        (label, row, address)
        for label, row in rows.items()
        if ADMIN[label].change is not Access.NOBODY and not label.startswith("axes.")
        for method, view, address, _needed in views_of(label, row)
        if (method, view) == ("GET", "row")
    ]


def values_of(row: Any) -> dict[str, Any]:
    return dict(type(row)._base_manager.filter(pk=row.pk).values().get())


@pytest.mark.parametrize("who", ["licence_admin", "operator"])
def test_saving_what_a_page_shows_changes_and_records_nothing(world: World, who: str) -> None:
    rows, client = editable(world), world.client(who)
    assert len(rows) >= 9
    for label, row, address in rows:
        page = client.get(address)
        if page.status_code != 200 or SAVE not in page.text:
            continue  # not for them: accounts, and what may do more than they may
        before, entries = values_of(row), AuditEntry.objects.count()
        answer = client.post(address, form_on(page.text))
        assert answer.status_code == 302, (label, answer.context["adminform"].form.errors)
        assert values_of(row) == before, label
        assert not [entry.message for entry in AuditEntry.objects.order_by("pk")[entries:]], label
        assert not LogEntry.objects.exists(), label


def to_add(world: World) -> dict[str, dict[str, Any]]:
    """What somebody types in each form by which a row is added."""
    source, manager = world.source.pk, world.people["manager"]
    access = {"membership": manager.memberships.get().pk, "label": "new", "scopes": ["flows.read"]}
    urls = {"ladok_url": "https://ladok.new.example", "wiseflow_url": "https://wiseflow.new.example"}
    credential = {"system": "ladok", "kind": "bearer", "label": "new", "secret": "without-spaces"}
    return {
        "sources.source": {"name": "New", "slug": "new", "university": "liu", "sync_at": "03:30", **urls},
        "sources.credential": {"source": source, **credential},
        "sources.membership": {"source": source, "email": "new@ours.example", "role": "manager"},
        "sources.flowpreset": {"source": source, "name": "new"},
        "sources.flowrule": {"source": source, "name": "new", "courses": "TDDE01", "manager": manager.pk},
        "sources.apitoken": access,
        "sources.oauthclient": access,
        "sources.subscription": {
            "source": source, "label": "new", "url": "https://new.example/", "events": [EVENTS[0].value],
        },
        "sources.signinscope": {"source": source, "scope": "new.example"},
        "sources.membershiprule": {
            "source": source, "issuer": "https://idp.example", "attribute": "a", "value": "v", "role": "manager",
        },
        "auth.user": {"username": "newer@ours.example", "email": "newer@ours.example"},
    }  # fmt: skip


@pytest.mark.parametrize("who", ["auditor", "licence_admin", "operator"])
def test_whoever_is_offered_a_form_can_add_a_row_with_it(world: World, who: str) -> None:
    """Otherwise somebody fills in all of it, to be told in the end that it is not for them."""
    rows, typed, client = rows_of_everything(world), to_add(world), world.client(who)
    assert set(typed) == {label for label, needs in ADMIN.items() if needs.add is not Access.NOBODY}
    refused = {}
    for label in rows:
        address = reverse(f"admin:{label.replace('.', '_')}_add")
        page = client.get(address)
        if page.status_code != 200:
            continue
        # A day is chosen in the browser's own calendar, wherever it is typed: not here and there in Django's.
        assert not {"vDateField", "vTimeField"} & set(re.findall(r"\w+", page.text)), label
        answer = client.post(address, form_on(page.text) | typed[label])
        if answer.status_code != 302:
            refused[label] = answer.context["adminform"].form.errors
    assert refused == {}


# What a person may change in each form, and how it then stands in the row.
CHANGES: dict[str, dict[str, Any]] = {
    "sources.source": {"name": "Another name"},
    "sources.credential": {"label": "another"},
    "sources.membership": {"role": "auditor", "can_export": []},
    "sources.flowpreset": {"name": "another"},
    "sources.flowrule": {"name": "another"},
    "sources.apitoken": {"label": "another"},
    "sources.oauthclient": {"label": "another"},
    "sources.subscription": {"label": "another"},
    "sources.signinscope": {"scope": "another.example"},
    "sources.membershiprule": {"value": "another"},
    "auth.user": {"first_name": "Another"},
}


def test_a_secret_is_made_only_in_place_of_the_one_that_was_there(world: World) -> None:
    """Two who ask at once: the second would make the first one's worth nothing, who has just copied it."""
    rows, client = rows_of_everything(world), world.client("licence_admin")
    for name in [name for name in ADMIN_PAGES if name.endswith("_secret")]:
        row = rows[".".join(name.removeprefix("admin:").split("_")[:2])]
        (secret,) = mark_secrets(row)
        address = reverse(name, args=[row.pk])
        stale = form_on(client.get(address).text)
        assert client.post(address, form_on(client.get(address).text)).status_code == 302
        done = values_of(row)
        assert done[secret] != MARK
        client.get(address)  # where the new one stands, this once
        answer = client.post(address, stale, follow=True)
        assert "nothing is saved" in "".join(map(str, answer.context["messages"])), name
        assert values_of(row) == done, name


def test_a_stale_export_body_undoes_nothing(world: World) -> None:
    client, address = world.client("licence_admin"), reverse("admin:sources_source_export_body", args=[world.source.pk])
    stale = form_on(client.get(address).text, address)
    previewed = form_on(client.post(address, stale | {"expression": "", "previewed": ""}).text, address)
    Source.objects.filter(pk=world.source.pk).update(export_body="{students: people}")
    answer = client.post(address, previewed | {"save": "yes"}, follow=True)
    assert "nothing is saved" in "".join(map(str, answer.context["messages"]))
    assert Source.objects.get(pk=world.source.pk).export_body == "{students: people}"


def test_a_stale_form_undoes_nothing(world: World) -> None:
    """Two tabs on one row: the one that is sent last has not seen what the other has done."""
    rows = editable(world)
    assert {label for label, _row, _address in rows} == set(CHANGES)
    for label, row, address in rows:
        client = world.client("operator" if label == "auth.user" else "licence_admin")
        stale = form_on(client.get(address).text)
        assert client.post(address, form_on(client.get(address).text) | CHANGES[label]).status_code == 302, label
        done = values_of(row)
        for sent in (
            stale,
            form_on(client.post(address, stale).text),
        ):  # also when it is sent once more as it came back
            answer = client.post(address, sent)
            assert answer.status_code == 200, label
            (told,) = answer.context["adminform"].form.non_field_errors()
            assert "This has been changed since it was shown to you, and nothing is saved." in told
            assert "The last change here is by" in told
            assert values_of(row) == done, label
        assert client.post(address, form_on(client.get(address).text)).status_code == 302
