"""What is chosen from the licence's own lists: scales and data types of a source, the flow type of a preset."""

from __future__ import annotations

from typing import Any

import pytest
from django import forms
from django.contrib import admin
from django.test import Client, RequestFactory
from django.urls import reverse

from sources.models import AuditEntry, FlowPreset, Source
from sources.universities.members import update_admin_access
from tests.factories import FlowFactory, FlowSourceFactory, UserFactory

ENGLISH = {"accept-language": "en"}


@pytest.fixture
def as_lars(lars: Any, client: Client) -> Client:
    update_admin_access(lars.pk)
    client.force_login(lars)
    return client


def page(source: Source) -> str:
    return reverse("admin:sources_source_licence", args=[source.pk])


def as_shown(client: Client, source: Source) -> dict[str, Any]:
    """What the page would send if nothing were changed in it."""
    form = client.get(page(source)).context["form"]
    return {field.html_name: field.value() or "" for field in form}


def test_scales_and_data_types_are_chosen_and_it_is_on_record(as_lars: Client, liu: Source) -> None:
    FlowSourceFactory(flow=FlowFactory(source=liu, codes=[]), grade_scale="Okänd")
    Source.objects.filter(pk=liu.pk).update(grading_scales={"U-3-4-5": "U345"}, user_data_types={})
    shown = as_lars.get(page(liu), headers=ENGLISH).content.decode()
    assert 'value="Okänd"' in shown  # in use, and without a counterpart
    assert '<option value="U345" selected>' in shown
    data = as_shown(as_lars, liu)
    assert as_lars.post(page(liu), data).status_code == 302
    assert not AuditEntry.objects.exists()
    data |= {"wiseflow_1": "U-G", "ladok_2": "Tredje", "wiseflow_2": "U345", "national_id": "National ID"}
    assert as_lars.post(page(liu), data).status_code == 302
    liu.refresh_from_db()
    assert liu.grading_scales == {"U-3-4-5": "U345", "Okänd": "U-G", "Tredje": "U345"}
    assert liu.user_data_types == {"national_id": "National ID"}
    assert AuditEntry.objects.get().message["code"] == "admin.source_changed"
    data = as_shown(as_lars, liu)
    number = next(name.removeprefix("ladok_") for name, value in data.items() if value == "U-3-4-5")
    assert as_lars.post(page(liu), data | {f"ladok_{number}": "", f"wiseflow_{number}": ""}).status_code == 302
    liu.refresh_from_db()
    assert liu.grading_scales == {"Okänd": "U-G", "Tredje": "U345"}


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("wiseflow_0", {"wiseflow_0": "of another licence"}),
        ("ladok_1", {"ladok_1": "u-3-4-5", "wiseflow_1": "U-G"}),
        ("ladok_1", {"ladok_1": "", "wiseflow_1": "U-G"}),
        ("ladok_1", {"ladok_1": "x" * 300}),
        ("national_id", {"national_id": "Shoe size"}),
        ("ladok_1", {"ladok_1": "a\0b", "wiseflow_1": "U-G"}),
    ],
)
def test_what_is_wrong_is_told_in_its_place(as_lars: Client, liu: Source, field: str, change: dict[str, str]) -> None:
    before = liu.grading_scales = {"U-3-4-5": "U345"}
    liu.save()
    answer = as_lars.post(page(liu), as_shown(as_lars, liu) | change)
    assert answer.status_code == 200
    assert field in answer.context["form"].errors
    liu.refresh_from_db()
    assert liu.grading_scales == before


def test_by_id_or_gone_what_is_stored_is_shown_and_stays(as_lars: Client, liu: Source, sandbox: Any) -> None:
    by_id = (
        next(str(row["id"]) for row in sandbox.control.licence_scales("liu") if row["name"] == "U-G")
        if hasattr(sandbox.control, "licence_scales")
        else ""
    )
    stored = {"A": "Borttagen", **({"B": by_id} if by_id else {})}
    Source.objects.filter(pk=liu.pk).update(grading_scales=stored)
    shown = as_lars.get(page(liu), headers=ENGLISH).content.decode()
    assert "Borttagen (not on the licence)" in shown
    assert as_lars.post(page(liu), as_shown(as_lars, liu)).status_code == 302
    liu.refresh_from_db()
    assert liu.grading_scales == stored


def test_a_licence_that_cannot_be_read_is_told_and_what_is_stored_is_kept(as_lars: Client, liu: Source) -> None:
    stored = {"U-3-4-5": "U345"}
    Source.objects.filter(pk=liu.pk).update(grading_scales=stored)
    data = as_shown(as_lars, liu)
    liu.credentials.filter(system="wiseflow").update(enabled=False)
    shown = as_lars.get(page(liu), headers=ENGLISH).content.decode()
    assert "cannot be read now" in shown
    assert "no enabled credential" in shown
    assert 'value="U-3-4-5"' in shown
    assert 'type="submit" value="Save' not in shown
    for change in ({}, {"ladok_0": "", "wiseflow_0": ""}, {"wiseflow_0": ""}):
        assert as_lars.post(page(liu), data | change).status_code == 200
    liu.refresh_from_db()
    assert (liu.grading_scales, AuditEntry.objects.count()) == (stored, 0)


def test_the_page_is_the_sources_own(as_lars: Client, liu: Source, oru: Source) -> None:
    assert as_lars.get(page(oru)).status_code == 404
    assert as_lars.post(page(oru), {}).status_code == 404


# --- Presets ------------------------------------------------------------------------------------------------------


def preset_fields(source: Source, **changed: Any) -> dict[str, Any]:
    fields = {"source": source.pk, "name": "Salstentamen", "flow_type": "FLOWassign"}
    return {**fields, "assessor_allocation": "none", "grade_decided_by": "assessor", **changed}


def test_a_presets_flow_type_is_one_of_the_licences(as_lars: Client, liu: Source) -> None:
    add = reverse("admin:sources_flowpreset_add")
    assert '<select name="flow_type"' in as_lars.get(add).content.decode()
    answer = as_lars.post(add, preset_fields(liu, flow_type="FLOWnothing"))
    assert "flow_type" in answer.context["adminform"].form.errors
    assert as_lars.post(add, preset_fields(liu)).status_code == 302
    preset = FlowPreset.objects.get()
    FlowPreset.objects.update(flow_type="FLOWgone")
    change = reverse("admin:sources_flowpreset_change", args=[preset.pk])
    assert "FLOWgone (not on the licence)" in as_lars.get(change, headers=ENGLISH).content.decode()
    assert as_lars.post(change, preset_fields(liu, flow_type="FLOWgone")).status_code == 302


def test_without_the_licence_a_presets_flow_type_is_kept_or_written(as_lars: Client, liu: Source) -> None:
    preset = FlowPreset.objects.create(source=liu, name="A", flow_type="FLOWmulti")
    liu.credentials.filter(system="wiseflow").update(enabled=False)
    change = reverse("admin:sources_flowpreset_change", args=[preset.pk])
    shown = as_lars.get(change, headers=ENGLISH).content.decode()
    assert "list of types cannot be read now" in shown
    assert 'value="FLOWmulti"' in shown
    assert as_lars.post(change, preset_fields(liu, flow_type="FLOWmulti")).status_code == 302


# --- All of it ----------------------------------------------------------------------------------------------------


def test_nobody_types_json_in_the_administration(db: None, rf: RequestFactory) -> None:
    request = rf.get("/admin/")
    request.user = UserFactory(is_staff=True, is_superuser=True)
    typed = []
    for model, pages in admin.site._registry.items():
        if not pages.has_add_permission(request) and not pages.has_change_permission(request):
            continue
        fields = pages.get_form(request, change=True).base_fields
        typed += [f"{model.__name__}.{name}" for name, field in fields.items() if isinstance(field, forms.JSONField)]
    assert typed == []
