"""What the forms of the administration offer to choose, and Django's own ways around them: nothing of another university."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.forms import ModelChoiceField
from django.urls import reverse

from sources.models import FlowPreset, FlowRule, Membership, Source
from tests.factories import ApiTokenFactory, FlowFactory
from tests.pages.test_who_may_what import World, rows_of_everything, views_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def theirs(world: World) -> dict[str, Any]:
    """A row of each kind at the other university, of which nothing is to be seen at ours."""
    source = Source.objects.get(slug="theirs")
    membership = Membership.objects.get(source=source)
    preset = FlowPreset.objects.create(source=source, name="Deras förval")
    rows: list[Any] = [
        source,
        membership,
        preset,
        membership.user,
        ApiTokenFactory(membership=membership, label="Deras token"),
        FlowRule.objects.create(source=source, name="Deras regel", manager=membership.user, preset=preset),
        FlowFactory(source=source, title="Deras tentamen"),
    ]
    return {row._meta.label_lower: row for row in rows}


def test_no_form_offers_or_takes_what_is_anothers(world: World, theirs: dict[str, Any]) -> None:
    client, looked_at = world.client("licence_admin"), set()
    for label, row in rows_of_everything(world).items():
        for method, view, address, _needed in views_of(label, row):
            if view not in ("add", "row") or method != "GET":
                continue
            answer = client.get(address)
            form = answer.context["adminform"].form if answer.status_code == 200 else None
            for name, field in form.fields.items() if form is not None else ():
                if not isinstance(field, ModelChoiceField):
                    continue
                looked_at.add((label, name))
                other = theirs[field.queryset.model._meta.label_lower]
                assert not field.queryset.filter(pk=other.pk).exists(), (label, view, name)
                sent = client.post(address, {name: other.pk})
                assert sent.status_code == 200, (label, view, name)
                assert name in sent.context["adminform"].form.errors, (label, view, name)
            assert "Deras" not in answer.text, (label, view)
    assert {
        ("sources.flowrule", "manager"),
        ("sources.flowrule", "preset"),
        ("sources.apitoken", "membership"),
    } <= looked_at
    assert len(looked_at) >= 12


@pytest.mark.parametrize("role", ["licence_admin", "auditor"])
def test_nothing_of_another_is_found_by_what_django_completes(world: World, theirs: dict[str, Any], role: str) -> None:
    """A view that is there whether a form of ours uses it or not."""
    client, tried = world.client(role), 0
    for model in admin.site._registry:
        for field in model._meta.get_fields():
            if not (field.concrete and field.is_relation):
                continue
            tried += 1
            asked = {"app_label": model._meta.app_label, "model_name": model._meta.model_name, "field_name": field.name}
            answer = client.get(reverse("admin:autocomplete"), asked | {"term": ""})
            told = answer.text if answer.status_code == 200 else ""
            assert "Deras" not in told, asked
            assert "outsider@ours.example" not in told, asked
    assert tried > 20


def test_django_leads_to_no_row_of_another(world: World, theirs: dict[str, Any]) -> None:
    """Whether there is a row would be told by where it leads."""
    client = world.client("licence_admin")
    for row in theirs.values():
        kind = ContentType.objects.get_for_model(row)
        assert client.get(reverse("admin:view_on_site", args=[kind.pk, row.pk])).status_code == 404, row


@pytest.mark.parametrize("field", ["secret", "secret_hash", "password", "created_by", "slug"])
def test_a_popup_gives_no_other_column_than_the_key(world: World, field: str) -> None:
    client, tried = world.client("licence_admin"), 0
    for label, row in rows_of_everything(world).items():
        if field not in {each.name for each in row._meta.get_fields()}:
            continue
        for method, view, address, _needed in views_of(label, row):
            if view in ("list", "add", "row") and client.get(address).status_code == 200:
                tried += 1
                asked = f"{address}?_popup=1&_to_field={field}"
                assert (client.get(asked) if method == "GET" else client.post(asked, {})).status_code == 400, asked
    assert tried or field == "password"
