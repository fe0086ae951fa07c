"""Flow presets: a licence admin's at their own source, and nobody else's."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from sources.models import AuditEntry, FlowPreset

ADD = "admin:sources_flowpreset_add"


def new(cast: Any, **fields: Any) -> dict[str, Any]:
    return {
        "source": cast.ours.pk,
        "name": "Salstentamen",
        "flow_type": "FLOWlock",
        "template_flow_id": "4711",
        "assessors": "anna@ours.example\nasse01",
        "reviewers": "",
        "managers": "",
        "invigilators": "vakt01",
        "authors": "fors01",
        "assessor_allocation": "round_robin",
        "grade_decided_by": "reviewer",
        "instant_export": "on",
        **fields,
    }


def address(preset: FlowPreset, what: str = "change") -> str:
    return reverse(f"admin:sources_flowpreset_{what}", args=[preset.pk])


def test_a_preset_is_defined_with_its_people_and_told_in_the_log(as_admin: Client, cast: Any) -> None:
    assert as_admin.post(reverse(ADD), new(cast)).status_code == 302
    preset = FlowPreset.objects.get()
    assert (preset.source, preset.name, preset.template_flow_id) == (cast.ours, "Salstentamen", 4711)
    assert (preset.grade_decided_by, preset.instant_export, preset.activates) == ("reviewer", True, False)
    assert preset.staff == [
        {"role": "assessor", "email": "anna@ours.example"},
        {"role": "assessor", "organisation_id": "asse01"},
        {"role": "invigilator", "organisation_id": "vakt01"},
        {"role": "author", "organisation_id": "fors01"},
    ]
    assert AuditEntry.objects.get().message == {"code": "admin.preset_added", "params": {"name": "Salstentamen"}}
    shown = as_admin.get(address(preset)).content.decode()
    assert "anna@ours.example\nasse01" in shown


def test_a_preset_is_changed_and_deleted_and_both_are_told(as_admin: Client, cast: Any) -> None:
    preset = FlowPreset.objects.create(source=cast.ours, name="A", staff=[{"role": "reviewer", "organisation_id": "r"}])
    given = new(cast, name="B", assessors="", invigilators="", authors="", reviewers="s")
    assert as_admin.post(address(preset), given).status_code == 302
    preset.refresh_from_db()
    assert (preset.name, preset.staff) == ("B", [{"role": "reviewer", "organisation_id": "s"}])
    assert as_admin.post(address(preset, "delete"), {"post": "yes"}).status_code == 302
    assert not FlowPreset.objects.exists()
    codes = [entry.message["code"] for entry in AuditEntry.objects.order_by("pk")]
    assert codes == ["admin.preset_changed", "admin.preset_deleted"]


def test_two_presets_of_a_source_have_different_names(as_admin: Client, cast: Any) -> None:
    FlowPreset.objects.create(source=cast.ours, name="Salstentamen")
    FlowPreset.objects.create(source=cast.theirs, name="Deras")
    assert as_admin.post(reverse(ADD), new(cast)).status_code == 200
    assert as_admin.post(reverse(ADD), new(cast, name="Deras")).status_code == 302


@pytest.mark.parametrize("what", ["change", "delete"])
def test_presets_of_other_sources_do_not_exist(as_admin: Client, cast: Any, what: str) -> None:
    theirs = FlowPreset.objects.create(source=cast.theirs, name="Deras")
    assert as_admin.get(address(theirs, what)).status_code == 404
    assert as_admin.post(address(theirs, what), new(cast) | {"post": "yes"}).status_code == 404
    assert "Deras" not in as_admin.get(reverse("admin:sources_flowpreset_changelist")).content.decode()
    assert as_admin.post(reverse(ADD), new(cast, source=cast.theirs.pk)).status_code == 200
    assert FlowPreset.objects.get() == theirs


def test_a_manager_has_no_presets_to_administer(client: Client, cast: Any) -> None:
    client.force_login(cast.manager)
    assert client.get(reverse(ADD)).status_code in (302, 403)


def test_a_list_of_one_exams_people_is_no_part_of_a_preset(as_admin: Client, cast: Any) -> None:
    answer = as_admin.post(reverse(ADD), new(cast, assessor_allocation="list"))
    assert "assessor_allocation" in answer.context["adminform"].form.errors
    assert not FlowPreset.objects.exists()
