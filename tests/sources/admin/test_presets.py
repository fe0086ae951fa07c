"""Flow presets: a licence admin's at their own source, and nobody else's."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from sources.models import AuditEntry, FlowPreset, Source
from sources.universities.members import update_admin_access
from tests.pages.test_staff import sent as sent_of

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
        "anonymisation": "exam-id",
        "time_box": "240",
        **fields,
    }


def address(preset: FlowPreset, what: str = "change") -> str:
    return reverse(f"admin:sources_flowpreset_{what}", args=[preset.pk])


def test_a_preset_is_defined_with_its_people_and_told_in_the_log(as_admin: Client, cast: Any) -> None:
    assert as_admin.post(reverse(ADD), new(cast)).status_code == 302
    preset = FlowPreset.objects.get()
    assert (preset.source, preset.name, preset.template_flow_id) == (cast.ours, "Salstentamen", 4711)
    assert (preset.grade_decided_by, preset.instant_export, preset.activates) == ("reviewer", True, False)
    assert preset.wiseflow_settings == {"anonymisation": "exam-id", "time_box": 240}
    assert preset.staff == [
        {"role": "assessor", "email": "anna@ours.example"},
        {"role": "assessor", "organisation_id": "asse01"},
        {"role": "invigilator", "organisation_id": "vakt01"},
        {"role": "author", "organisation_id": "fors01"},
    ]
    assert AuditEntry.objects.get().message == {"code": "admin.preset_added", "params": {"name": "Salstentamen"}}
    shown = as_admin.get(address(preset)).content.decode()
    assert "anna@ours.example\nasse01" in shown
    assert '<option value="exam-id" selected>' in shown


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


# --- Their people are looked up when they are saved


def sent(page: str, *, only: str) -> dict[str, str]:
    return {name: value for name, value in sent_of(page).items() if name.startswith(only)}


@pytest.fixture
def lars_admin(client: Client, liu: Source, lars: Any) -> Client:
    lars.is_staff = True
    lars.save()
    update_admin_access(lars.pk)
    client.force_login(lars)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client


TYPO, RIGHT = "okand99@liu.example", "orjha56@liu.example"


def of_liu(liu: Source, **fields: Any) -> dict[str, Any]:
    people = {"assessors": f"marlo78@liu.example\n{TYPO}", "invigilators": "", "authors": ""}
    return {**new(SimpleNamespace(ours=liu)), **people, **fields}


def people_of(preset: FlowPreset) -> list[tuple[str, str]]:
    return [(row["role"], row.get("email") or row["organisation_id"]) for row in preset.staff]


@pytest.mark.parametrize("answer", ["correct", "leave_out", "later"])
def test_whom_wiseflow_does_not_know_is_asked_about_when_a_preset_is_saved(
    lars_admin: Client, liu: Source, answer: str
) -> None:
    page = lars_admin.post(reverse(ADD), of_liu(liu))
    assert f"{TYPO} (assessor)" in page.text
    assert "marlo78@liu.example (assessor)" not in page.text
    for words in ("Correct the organisation id", "Leave the person out", "it is asked again when a flow is made"):
        assert words in page.text
    assert "Have an account made in WISEflow" not in page.text
    assert not FlowPreset.objects.exists()
    # Sent as it stands nothing is chosen for anybody.
    fields = of_liu(liu) | sent(page.text, only="person-") | {"questions": "1"}
    page = lars_admin.post(reverse(ADD), fields)
    assert "Say what is to be done about this person." in page.text
    fields |= {"person-0-answer": answer, "person-0-correction": RIGHT if answer == "correct" else ""}
    assert lars_admin.post(reverse(ADD), fields).status_code == 302
    preset = FlowPreset.objects.get()
    expected = {"correct": [RIGHT], "leave_out": [], "later": [TYPO]}[answer]
    assert people_of(preset) == [("assessor", who) for who in ["marlo78@liu.example", *expected]]
    # What was answered stays answered while the people are the same.
    again = of_liu(liu, name="Ny", assessors="\n".join(["marlo78@liu.example", *expected]))
    assert lars_admin.post(address(preset), again).status_code == 302
    preset.refresh_from_db()
    assert (preset.name, people_of(preset)) == ("Ny", [("assessor", who) for who in ["marlo78@liu.example", *expected]])


def test_a_person_who_is_kept_in_one_role_is_asked_about_in_another(lars_admin: Client, liu: Source) -> None:
    row = {"role": "assessor", "organisation_id": TYPO, "is_awaited": True}
    preset = FlowPreset.objects.create(source=liu, name="A", staff=[row])
    page = lars_admin.post(address(preset), of_liu(liu, reviewers=TYPO))
    assert f"{TYPO} (reviewer)" in page.text
    preset.refresh_from_db()
    assert preset.staff == [row]


def test_a_correction_that_is_not_found_is_asked_about_in_its_turn(lars_admin: Client, liu: Source) -> None:
    fields = of_liu(liu) | {"questions": "1", "person-0-organisation_id": TYPO, "person-0-roles": "assessor"}
    fields |= {"person-0-answer": "correct", "person-0-correction": "okand98@liu.example"}
    page = lars_admin.post(reverse(ADD), fields)
    assert "okand98@liu.example (assessor)" in page.text
    fields |= {"questions": "2", "person-1-organisation_id": "okand98@liu.example", "person-1-roles": "assessor"}
    fields |= {"person-1-answer": "correct", "person-1-correction": "anna@liu.example"}
    assert lars_admin.post(reverse(ADD), fields).status_code == 302
    assert people_of(FlowPreset.objects.get()) == [
        ("assessor", "marlo78@liu.example"),
        ("assessor", "anna@liu.example"),
    ]


def test_a_preset_makes_nobody_a_user(lars_admin: Client, liu: Source, sandbox: Any) -> None:
    before = len(sandbox.control.users("liu"))
    fields = of_liu(liu) | {"questions": "1", "person-0-organisation_id": TYPO, "person-0-roles": "assessor"}
    for answer in ("create", "later"):
        lars_admin.post(reverse(ADD), fields | {"person-0-answer": answer})
        assert FlowPreset.objects.exists() is (answer == "later")
    assert len(sandbox.control.users("liu")) == before


@pytest.mark.parametrize("fault", ["status", "drop", "html"])
def test_a_preset_is_saved_while_wiseflow_is_down_and_that_is_told(
    lars_admin: Client, liu: Source, sandbox: Any, fault: str
) -> None:
    more = {"status": 503} if fault == "status" else {}
    sandbox.control.fault("wiseflow", "*", fault, times=-1, **more)
    page = lars_admin.post(reverse(ADD), of_liu(liu), follow=True)
    assert people_of(FlowPreset.objects.get()) == [("assessor", "marlo78@liu.example"), ("assessor", TYPO)]
    assert "The people of the preset could not be looked up in WISEflow." in page.text
    assert "Save it once more when WISEflow answers." in page.text
    sandbox.control.clear_faults()
    page = lars_admin.post(address(FlowPreset.objects.get()), of_liu(liu))
    assert f"{TYPO} (assessor)" in page.text


def test_a_preset_with_nobody_in_it_asks_wiseflow_nothing(lars_admin: Client, liu: Source, sandbox: Any) -> None:
    sandbox.control.fault("wiseflow", "*", "status", times=-1, status=503)
    page = lars_admin.post(reverse(ADD), of_liu(liu, assessors=""), follow=True)
    assert FlowPreset.objects.get().staff == []
    assert "could not be looked up" not in page.text


def test_a_member_without_an_organisation_id_is_told_when_the_preset_is_saved(lars_admin: Client, liu: Source) -> None:
    liu.memberships.filter(user__email="anna@liu.example").update(organisation_id="")
    page = lars_admin.post(reverse(ADD), of_liu(liu, assessors="", managers="anna@liu.example"))
    assert "anna@liu.example" in str(page.context["adminform"].form.non_field_errors())
    assert not FlowPreset.objects.exists()
