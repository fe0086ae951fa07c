import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from ladokflow.ladok.bodies import PARTICIPANTS_PRESET
from sources.models import AuditEntry, Source


def fields(source: Source, **changed: Any) -> dict[str, Any]:
    kept = {
        name: getattr(source, name)
        for name in (
            "name",
            "timezone",
            "ladok_url",
            "wiseflow_url",
            "sync_at",
            "brake_people",
            "brake_percent",
            "settling_minutes",
            "export_method",
        )
    }
    patterns = {"already_patterns": "\n".join(source.answers.already)}
    return {**kept, **patterns, **changed}


def change(client: Client, source: Source, **changed: Any) -> Any:
    return client.post(reverse("admin:sources_source_change", args=[source.pk]), fields(source, **changed))


def body_page(source: Source) -> str:
    return reverse("admin:sources_source_export_body", args=[source.pk])


def test_licence_admin_changes_own_source_and_it_is_on_record(as_admin: Client, cast: Any) -> None:
    Source.objects.filter(pk=cast.ours.pk).update(ladok_paths={"list": "/prov"}, grading_scales={"U-3-4-5": "U345"})
    paths = {"path_list": "/prov", "path_fetch": "/prov/{code}", "path_export": ""}
    assert change(as_admin, cast.ours, export_method="PATCH", **paths).status_code == 302
    cast.ours.refresh_from_db()
    assert (cast.ours.export_method, cast.ours.grading_scales) == ("PATCH", {"U-3-4-5": "U345"})
    assert cast.ours.ladok_paths == {"list": "/prov", "fetch": "/prov/{code}"}
    assert AuditEntry.objects.get().message["params"]["fields"] == {
        "changes_of": "sources.source",
        "rows": [["path_fetch", "", "/prov/{code}"], ["export_method", "POST", "PATCH"]],
    }


def test_only_a_superuser_adds_a_source_and_nobody_deletes_one(as_admin: Client, cast: Any) -> None:
    assert as_admin.get(reverse("admin:sources_source_add")).status_code == 403
    assert (
        as_admin.post(reverse("admin:sources_source_delete", args=[cast.ours.pk]), {"post": "yes"}).status_code == 403
    )
    as_admin.force_login(cast.root)
    assert (
        as_admin.post(reverse("admin:sources_source_delete", args=[cast.ours.pk]), {"post": "yes"}).status_code == 403
    )
    new = fields(cast.ours, name="Ny", slug="ny", university="oru")
    assert as_admin.post(reverse("admin:sources_source_add"), new).status_code == 302
    assert Source.objects.get(slug="ny").university == "oru"


def test_a_number_is_changed_and_on_record_and_one_that_is_left_empty_stays(as_admin: Client, cast: Any) -> None:
    assert change(as_admin, cast.ours, settling_minutes=60, brake_people="").status_code == 302
    cast.ours.refresh_from_db()
    assert (cast.ours.settling_minutes, cast.ours.brake_people) == (60, 3)
    assert AuditEntry.objects.get().message["params"]["fields"]["rows"][0] == ["settling_minutes", 15, 60]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("path_fetch", "/x"),
        ("path_list", "https://elsewhere.example"),
        ("path_list", "/x/{code}"),
        ("path_list_by_dates", "/x?from={from}"),
        ("path_export", "/x/{code}/{who}"),
        ("already_patterns", "redan attesterat\n(a+)+"),
        ("already_patterns", "registrerad"),
        ("already_patterns", "("),
        ("sync_at", "02:30"),
        ("settling_minutes", "0"),
        ("settling_minutes", "1441"),
        ("timezone", "Stockholm"),
        ("ladok_url", "ftp://ladok.example/x"),
        ("ladok_url", "http://ladok.example/x"),
        ("wiseflow_url", "https://u:p@wiseflow.example/v1"),
    ],
)
def test_wrong_value_is_told_and_not_saved(as_admin: Client, cast: Any, field: str, value: str) -> None:
    response = change(as_admin, cast.ours, **{field: value})
    assert field in response.context["adminform"].form.errors
    assert not AuditEntry.objects.exists()


def test_university_of_a_source_stays_what_it_is(as_root: Client, cast: Any) -> None:
    change(as_root, cast.ours, university="boras", slug="another")
    cast.ours.refresh_from_db()
    assert (cast.ours.university, cast.ours.slug) == ("liu", "ours")


def test_the_words_for_there_already_are_shown_and_only_other_ones_are_stored(as_admin: Client, cast: Any) -> None:
    own = cast.ours.rules.answers.already
    shown = as_admin.get(reverse("admin:sources_source_change", args=[cast.ours.pk])).context["adminform"].form
    assert shown["already_patterns"].value().splitlines() == list(own)
    change(as_admin, cast.ours, already_patterns="felkod 4711\r\n\r\n  redan satt ", export_method="PATCH")
    cast.ours.refresh_from_db()
    assert cast.ours.already_patterns == "felkod 4711\nredan satt"
    assert cast.ours.answers.already == ("felkod 4711", "redan satt")
    rows = AuditEntry.objects.get().message["params"]["fields"]["rows"]
    assert [name for name, *_values in rows] == ["export_method", "already_patterns"]
    change(as_admin, cast.ours, already_patterns="\n".join(own))
    cast.ours.refresh_from_db()
    assert (cast.ours.already_patterns, cast.ours.answers.already) == ("", own)


# --- Export body


def test_export_body_is_previewed_before_it_can_be_saved(as_admin: Client, cast: Any) -> None:
    address = body_page(cast.ours)
    unseen = as_admin.post(address, {"expression": PARTICIPANTS_PRESET, "previewed": "", "save": "Save"})
    assert unseen.status_code == 200
    cast.ours.refresh_from_db()
    assert cast.ours.export_body == ""
    sample = json.loads(unseen.context["sample"])
    assert sample["participants"][0] == {"userId": "AX-1001", "mark": "VG", "adminGrade": None}
    seen = unseen.context["form"].initial
    assert as_admin.post(address, {**seen, "save": "Save"}).status_code == 302
    cast.ours.refresh_from_db()
    assert cast.ours.export_body == PARTICIPANTS_PRESET
    assert AuditEntry.objects.get().message["code"] == "admin.export_body_replaced"


def test_expression_changed_after_its_preview_is_previewed_again(as_admin: Client, cast: Any) -> None:
    seen = as_admin.post(body_page(cast.ours), {"expression": "", "preview": "Preview"}).context["form"].initial
    data = {"previewed": seen["previewed"], "expression": PARTICIPANTS_PRESET, "save": "Save"}
    assert as_admin.post(body_page(cast.ours), data).status_code == 200
    cast.ours.refresh_from_db()
    assert cast.ours.export_body == ""


@pytest.mark.parametrize(
    "expression", ["{participants: ", "gradeExports[].nothing", "'a text'", "{people: gradeExports[].mark}"]
)
def test_expression_that_would_lose_a_grade_or_a_person_is_refused(
    as_admin: Client, cast: Any, expression: str
) -> None:
    for button in ("preview", "save"):
        response = as_admin.post(
            body_page(cast.ours), {"expression": expression, "previewed": f"={expression}", button: "1"}
        )
        assert response.context["form"].errors["expression"]
        assert response.context["form"]["expression"].value() == expression
    cast.ours.refresh_from_db()
    assert cast.ours.export_body == ""


def test_export_body_can_be_taken_back_to_the_universitys_own(as_admin: Client, cast: Any) -> None:
    Source.objects.filter(pk=cast.ours.pk).update(export_body=PARTICIPANTS_PRESET)
    seen = as_admin.post(body_page(cast.ours), {"expression": "", "preview": "1"}).context["form"].initial
    as_admin.post(body_page(cast.ours), {**seen, "save": "1"})
    cast.ours.refresh_from_db()
    assert cast.ours.export_body == ""


def test_preset_is_offered(as_admin: Client, cast: Any) -> None:
    page = as_admin.get(body_page(cast.ours), {"preset": "participants"})
    assert page.context["form"]["expression"].value() == PARTICIPANTS_PRESET


@pytest.mark.parametrize("page", ["export_body", "connection"])
def test_pages_of_another_source_are_not_found(as_admin: Client, cast: Any, page: str) -> None:
    assert as_admin.post(reverse(f"admin:sources_source_{page}", args=[cast.theirs.pk])).status_code == 404
    assert as_admin.post(reverse(f"admin:sources_source_{page}", args=["no-key"])).status_code == 404


# --- Test connection


def test_connection_is_tested_on_a_post_only(as_admin: Client, cast: Any) -> None:
    assert as_admin.get(reverse("admin:sources_source_connection", args=[cast.ours.pk])).status_code == 405


def test_connection_that_does_not_work_is_told_in_words(as_admin: Client, cast: Any) -> None:
    response = as_admin.post(
        reverse("admin:sources_source_connection", args=[cast.ours.pk]), headers={"accept-language": "en"}
    )
    assert not response.context["is_fine"]
    page = response.content.decode()
    assert "Ladok could not be reached at 127.0.0.1" in page
    assert "The source has no enabled credential for WISEflow." in page
    assert "kept-as-it-is" not in page


def test_connection_that_works_is_told_check_by_check(client: Client, liu: Source, lars: Any) -> None:
    lars.is_staff = True
    lars.save()
    client.force_login(lars)
    response = client.post(reverse("admin:sources_source_connection", args=[liu.pk]))
    assert response.context["is_fine"], response.content.decode()
    assert {system for system, _checks in response.context["results"]} == {"Ladok", "WISEflow"}


def test_one_system_can_be_tested_alone(client: Client, liu: Source, lars: Any) -> None:
    lars.is_staff = True
    lars.save()
    client.force_login(lars)
    response = client.post(reverse("admin:sources_source_connection", args=[liu.pk]), {"system": "ladok"})
    assert [system for system, _checks in response.context["results"]] == ["Ladok"]
