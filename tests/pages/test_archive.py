"""Archive packages on the pages: who may, what is there for whom, and that each download is written down."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from exports.archive.make import make_package
from exports.archive.request import request_package
from exports.models import Package, PackagePerson
from ladokflow.sandbox.server import Sandbox
from sources.models import AuditEntry, Flow, Membership, Source
from tests.exports.test_end_to_end import Exam
from tests.factories import FlowFactory, MembershipFactory
from tests.pages.walking import main_text

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]


@pytest.fixture(autouse=True)
def archive_dir(tmp_path: Path, settings: Any) -> None:
    settings.ARCHIVE_DIR, settings.ARCHIVE_S3_BUCKET = tmp_path / "archive", ""


@pytest.fixture
def package(liu: Source, anna: User, sandbox: Sandbox) -> Package:
    Membership.objects.filter(user=anna).update(can_archive=True)
    exam = Exam(liu, sandbox.control, people=3)
    exam.grade()
    Flow.objects.filter(pk=exam.flow).update(state=Flow.State.CONCLUDED)
    found = request_package(flow=Flow.objects.get(pk=exam.flow), trigger="manager", by=anna, enqueue=False)
    make_package(found.pk)
    found.refresh_from_db()
    return found


def addresses(package: Package) -> dict[str, str]:
    person = package.people.first()
    file = package.files.exclude(sha256="").first()
    return {
        "archive": reverse("exports:archive", args=[package.flow_id]),
        "package": reverse("exports:package", args=[package.pk]),
        "person": reverse("exports:package_person", args=[package.pk, person.pk]),
        "file": reverse("exports:package_file", args=[package.pk, file.pk]),
        "person_zip": reverse("exports:package_person_zip", args=[package.pk, person.pk]),
        "zip": reverse("exports:package_zip", args=[package.pk]),
    }


def test_the_matrix_of_rights(package: Package, anna: User, lars: User, olle: User, sign_in: SignIn) -> None:
    Membership.objects.filter(user=olle).update(can_archive=True)
    for name, address in addresses(package).items():
        found = {user.username: sign_in(user).get(address).status_code for user in (anna, lars, olle)}
        without = 200 if name == "archive" else 403
        assert found == {"anna@liu.example": 200, "lars@liu.example": without, "olle@oru.example": 404}, name
        assert Client().get(address).status_code == 302
    make = reverse("exports:archive_make", args=[package.flow_id])
    assert sign_in(olle).post(make).status_code == 404
    assert sign_in(olle).post(reverse("exports:package_again", args=[package.pk])).status_code == 404
    sign_in(lars).post(make)
    assert Package.objects.count() == 1
    sign_in(anna).post(make)
    assert Package.objects.filter(state="queued").count() == 1


def test_one_students_files_are_found_at_once_and_taken_along(package: Package, anna: User, sign_in: SignIn) -> None:
    client = sign_in(anna)
    row = package.people.select_related("participant").last()
    page = client.get(addresses(package)["package"], {"q": row.participant.organisation_id})
    assert [each.pk for each in page.context["page"]] == [row.pk]
    text = client.get(reverse("exports:package_person", args=[package.pk, row.pk])).content.decode()
    assert "svar.pdf" in text
    answer = client.get(reverse("exports:package_person_zip", args=[package.pk, row.pk]))
    names = zipfile.ZipFile(io.BytesIO(answer.getvalue())).namelist()
    assert f"{row.folder}/marking.json" in names
    assert all(name.startswith(f"{row.folder}/") for name in names)
    whole = zipfile.ZipFile(io.BytesIO(client.get(addresses(package)["zip"]).getvalue()))
    assert whole.testzip() is None
    assert len(whole.namelist()) == package.file_count + 4
    for one in (package.files.filter(person=None).first(), package.files.filter(person=row).first()):
        file = client.get(reverse("exports:package_file", args=[package.pk, one.pk]))
    assert file["Content-Disposition"].startswith("attachment")
    codes = list(AuditEntry.objects.filter(actor=anna).order_by("pk").values_list("message__code", flat=True))
    assert codes[-4:] == [
        "audit.package_person_downloaded",
        "audit.package_downloaded",
        "audit.package_file_downloaded",
        "audit.package_paper_downloaded",
    ]


@pytest.mark.parametrize("name", ["file", "person_zip", "zip"])
def test_storage_that_cannot_be_read_is_told_and_nothing_is_on_record(
    package: Package, anna: User, sign_in: SignIn, settings: Any, name: str
) -> None:
    place = Path(settings.ARCHIVE_DIR) / "packages" / package.place
    place.rename(place.with_suffix(".aside"))
    place.write_text("a file where a folder should be")
    before = AuditEntry.objects.count()
    answer = sign_in(anna).get(addresses(package)[name], follow=True, headers={"accept-language": "en"})
    assert "does not answer as it should: Not a directory" in main_text(answer.text)
    assert AuditEntry.objects.count() == before


def test_a_person_or_a_file_of_another_package_is_not_in_this_one(
    package: Package, anna: User, sign_in: SignIn
) -> None:
    other = Package.objects.create(flow=package.flow, trigger="manager", state="ready", store="disk", place="x/y")
    for name in ("package_person", "package_person_zip"):
        address = reverse(f"exports:{name}", args=[other.pk, package.people.first().pk])
        assert sign_in(anna).get(address).status_code == 404
    address = reverse("exports:package_file", args=[other.pk, package.files.first().pk])
    assert sign_in(anna).get(address).status_code == 404
    assert sign_in(anna).get(reverse("exports:package_zip", args=[other.pk])).status_code == 404
    PackagePerson.objects.all().delete()


def test_what_cannot_be_made_says_why(anna: User, liu: Source, sign_in: SignIn) -> None:
    Membership.objects.filter(user=anna).update(can_archive=True)
    writing = FlowFactory(source=liu, state=Flow.State.PARTICIPATION_STARTED)
    client = sign_in(anna)
    assert "The students are still writing." in client.get(f"/exports/flows/{writing.pk}/archive/").content.decode()
    told = client.post(f"/exports/flows/{writing.pk}/archive/make/", follow=True).content.decode()
    assert "The students are still writing." in told
    assert not Package.objects.exists()


def test_while_it_is_made_the_page_looks_again(anna: User, liu: Source, sign_in: SignIn) -> None:
    maker = MembershipFactory(source=liu, can_archive=True)
    flow = FlowFactory(source=liu, state=Flow.State.CONCLUDED)
    found = request_package(flow=flow, trigger="manager", by=maker.user, enqueue=False)
    Package.objects.filter(pk=found.pk).update(done=2, total=5)
    client = sign_in(anna)
    assert "2 of 5 people" in client.get(f"/exports/flows/{flow.pk}/archive/").content.decode()
    part = client.get(f"/exports/flows/{flow.pk}/archive/", headers={"hx-request": "true", "hx-target": "packages"})
    assert part.content.decode().strip().startswith("<section")
