"""Archive packages: having them made, finding one person's files, and taking them along. Every download is written down."""

from __future__ import annotations

import datetime as dt
import logging
import zipfile
from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from exports.archive import stores
from exports.archive.paths import PEOPLE
from exports.archive.request import go_on, refusal, request_package, right_refusal, told_at
from exports.models import Package, PackageFile, PackagePerson
from exports.views.asking import flow_for
from ladokflow.addresses import address_of
from ladokflow.messages import Message, Refused, by_row, message
from ladokflow.requests import HtmxRequest
from ladokflow.spreadsheets import Sink
from sources.access import Kind, flow_seen, students_seen
from sources.audit import record
from sources.models import Flow, Participant
from sources.universities.permissions import require_here

logger = logging.getLogger(__name__)

PACKAGES_PER_PAGE = 20
PEOPLE_PER_PAGE = 50
MISSING_SHOWN = 50
TAGS = ("bagit.txt", "bag-info.txt", "manifest-sha256.txt", "tagmanifest-sha256.txt")


def package_for(request: HtmxRequest, package_pk: UUID) -> Package:
    """The package, or 404 where it is another university's. NotAllowed without the right to it."""
    visible = Flow.objects.visible_to(request.user)
    rows = Package.objects.filter(flow__in=visible).select_related("flow__source", "requested_by")
    found = get_object_or_404(rows, pk=package_pk)
    require_here(request, found.flow.source)
    return found


def _seen(request: HtmxRequest, package: Package, kind: str, person: PackagePerson | None = None) -> None:
    """On record: who has looked, and at whom."""
    if person is not None and person.participant is not None:
        person.participant.flow = package.flow
        students_seen(request, [person.participant], kind)
    else:
        flow_seen(request, package.flow, kind)


def ready_for(request: HtmxRequest, package_pk: UUID) -> Package:
    """As `package_for`, to look into: 404 for one that is not ready."""
    package = package_for(request, package_pk)
    if package.state != Package.State.READY:
        raise Http404
    return package


@login_required
@require_GET
def archive(request: HtmxRequest, pk: int) -> HttpResponse:
    """The packages of a flow."""
    flow = flow_for(request, pk)
    packages = Package.objects.filter(flow=flow).select_related("requested_by")
    page = Paginator(packages, PACKAGES_PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "flow": flow,
        "tz": flow.source.tz,
        "page": page,
        "no_right": right_refusal(flow, request.user),
        "why_not": refusal(flow),
        "is_busy": any(package.state in Package.OPEN for package in page),
    }
    template = "exports/_packages.html" if request.htmx.target == "packages" else "exports/archive.html"
    return render(request, template, context)


@login_required
@require_POST
def make(request: HtmxRequest, pk: int) -> HttpResponse:
    flow = flow_for(request, pk)
    try:
        request_package(flow=flow, trigger=Package.Trigger.MANAGER, by=request.user, address=address_of(request))
    except Refused as refused:
        messages.error(request, str(refused.message))
    else:
        messages.success(request, _("A package has been asked for. You can leave the page meanwhile."))
    return redirect("exports:archive", flow.pk)


@login_required
@require_POST
def again(request: HtmxRequest, package_pk: UUID) -> HttpResponse:
    """Go on with a package that had stopped."""
    package = package_for(request, package_pk)
    try:
        go_on(package=package, by=request.user, address=address_of(request))
    except Refused as refused:
        messages.error(request, str(refused.message))
    return redirect("exports:archive", package.flow_id)


# --- One person in it ---------------------------------------------------------------------------------------------


@login_required
@require_GET
def package(request: HtmxRequest, package_pk: UUID) -> HttpResponse:
    """Who is in it: to find one person at once."""
    found = ready_for(request, package_pk)
    words = request.GET.get("q", "").strip()
    people = PackagePerson.objects.filter(package=found).select_related("participant")
    if words:
        known = Participant.objects.filter(flow=found.flow).matching(words)
        people = people.filter(Q(participant__in=known) | Q(folder__icontains=words))
    _seen(request, found, Kind.FLOW)
    context: dict[str, Any] = {
        "flow": found.flow,
        "tz": found.flow.source.tz,
        "package": found,
        "words": words,
        "page": Paginator(people.order_by("folder"), PEOPLE_PER_PAGE).get_page(request.GET.get("page")),
        "common": PackageFile.objects.filter(package=found, person=None).exclude(sha256="").order_by("path"),
        "missing": PackageFile.objects.filter(package=found, sha256="").order_by("path")[:MISSING_SHOWN],
    }
    return render(request, "exports/package.html", context)


@login_required
@require_GET
def person(request: HtmxRequest, package_pk: UUID, archived_pk: int) -> HttpResponse:
    """All that the package has of one person."""
    found, row = _person_of(request, package_pk, archived_pk)
    _seen(request, found, Kind.STUDENT, row)
    files = list(_files_of(found, row))
    context = {
        "flow": found.flow,
        "tz": found.flow.source.tz,
        "package": found,
        "person": row,
        "files": [file for file in files if file.sha256],
        "missing": [file for file in files if not file.sha256],
    }
    return render(request, "exports/package_person.html", context)


def _person_of(request: HtmxRequest, package_pk: UUID, archived_pk: int) -> tuple[Package, PackagePerson]:
    found = ready_for(request, package_pk)
    rows = PackagePerson.objects.filter(package=found).select_related("participant")
    return found, get_object_or_404(rows, pk=archived_pk)


def _files_of(package: Package, person: PackagePerson) -> Iterable[PackageFile]:
    """The person's own, and those of the submission that a group has in common."""
    own = Q(person=person)
    if person.submission_id is not None:
        together = Q(person__submission_id=person.submission_id) & ~Q(kind="marking")
        own |= together
    return PackageFile.objects.filter(own, package=package).order_by("path")


# --- Downloads ----------------------------------------------------------------------------------------------------


@login_required
@require_GET
def file(request: HtmxRequest, package_pk: UUID, file_pk: int) -> HttpResponseBase:
    found = ready_for(request, package_pk)
    rows = PackageFile.objects.filter(package=found).exclude(sha256="").select_related("person__participant")
    row = get_object_or_404(rows, pk=file_pk)
    store = stores.of(found)
    if away := _not_to_be_had(request, found, [row.path]):
        return away
    _seen(request, found, Kind.FILE, row.person)
    facts: dict[str, Any] = {"file": row.name, "at": told_at(found)}
    told = message("audit.package_file_downloaded", **facts)
    if row.person is not None and row.person.participant_id is not None:
        told = message("audit.package_paper_downloaded", person=by_row(row.person.participant_id), **facts)
    _record(request, found, told)
    answer = _stream(store.read(found.place, row.path), row.name)
    answer["Content-Length"] = str(row.size)
    return answer


@login_required
@require_GET
def person_zip(request: HtmxRequest, package_pk: UUID, archived_pk: int) -> HttpResponseBase:
    """One person's files, in one: what is handed out when somebody asks for an exam answer."""
    found, row = _person_of(request, package_pk, archived_pk)
    paths = [each.path for each in _files_of(found, row) if each.sha256]
    store = stores.of(found)
    if away := _not_to_be_had(request, found, paths):
        return away
    _seen(request, found, Kind.FILE, row)
    told = message("audit.package_person_downloaded", person=by_row(row.participant_id or 0), at=told_at(found))
    _record(request, found, told)
    members = ((path.removeprefix(f"{PEOPLE}/"), store.read(found.place, path)) for path in paths)
    return _stream(zipped(members, found.made_at), f"{row.folder}.zip")


@login_required
@require_GET
def whole_zip(request: HtmxRequest, package_pk: UUID) -> HttpResponseBase:
    """The bag, in one."""
    found = ready_for(request, package_pk)
    store = stores.of(found)
    if away := _not_to_be_had(request, found, TAGS):
        return away
    _seen(request, found, Kind.FILE)
    _record(request, found, message("audit.package_downloaded", at=told_at(found)))
    root = f"ladokflow-{found.flow_id}-{found.created_at:%Y%m%d}"
    paths = PackageFile.objects.filter(package=found).exclude(sha256="").order_by("path").values_list("path", flat=True)

    def members() -> Iterator[tuple[str, Iterator[bytes]]]:
        for path in (*TAGS, *paths.iterator(chunk_size=500)):
            yield f"{root}/{path}", store.read(found.place, path)

    return _stream(zipped(members(), found.made_at), f"{root}.zip")


def _not_to_be_had(request: HtmxRequest, package: Package, paths: Iterable[str]) -> HttpResponse | None:
    """404 for what is not there; where the storage itself fails, back to the package, with what to do about it."""
    store = stores.of(package)
    try:
        for path in paths:
            store.size(package.place, path)
    except FileNotFoundError:
        raise Http404 from None
    except OSError as error:
        logger.exception("package.not_read package=%s", package.pk)
        messages.error(request, str(message("archive.not_read", detail=error.strerror or type(error).__name__)))
        return redirect("exports:package", package.pk)
    return None


def _record(request: HtmxRequest, package: Package, told: Message) -> None:
    flow = package.flow
    record(message=told, source=flow.source, flow=flow, actor=request.user, address=address_of(request))


def _stream(parts: Iterator[bytes], name: str) -> StreamingHttpResponse:
    """Never opened in the browser: what somebody has handed in is nobody's page of ours."""
    answer = StreamingHttpResponse(parts, content_type="application/octet-stream")
    quoted = "".join(sign if sign.isascii() and (sign.isalnum() or sign in "-_.") else "_" for sign in name)
    answer["Content-Disposition"] = f'attachment; filename="{quoted}"'
    return answer


def zipped(members: Iterable[tuple[str, Iterator[bytes]]], at: dt.datetime) -> Iterator[bytes]:
    """A zip file of these (name, content), without packing, a part at a time; `at` is what it says of each file, in the local time."""
    moment = timezone.localtime(at).timetuple()[:6]
    sink = Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as file:
        for name, parts in members:
            info = zipfile.ZipInfo(name, moment)
            info.external_attr = 0o600 << 16
            with file.open(info, "w", force_zip64=True) as member:
                for part in parts:
                    member.write(part)
                    yield sink.taken()
    yield sink.taken()
