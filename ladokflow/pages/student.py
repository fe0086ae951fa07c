"""Where is my grade? Everything that there is of one student at a university: flows, grades and what was sent to Ladok."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import F, Prefetch
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from exports.models import ExportItem
from exports.register import as_text, extract_of, filename_of
from ladokflow.addresses import address_of
from ladokflow.messages import by_row, message
from ladokflow.requests import HtmxRequest
from ladokflow.spreadsheets import json_file, text_file
from sources import audit
from sources.access import Kind, students_seen
from sources.models import Flow, Participant
from sources.universities.permissions import Right, require_here, rights_in

MOST = 200  # exams


@login_required
@require_GET
def student(request: HtmxRequest, person_pk: int) -> HttpResponse:
    """By any of the student's rows; 404 where it belongs to a university that the user is no member of."""
    person = _person(request, person_pk)
    students_seen(request, [person], Kind.STUDENT)
    return _page(request, person)


@login_required
@require_POST
def reveal(request: HtmxRequest, person_pk: int) -> HttpResponse:
    """The same page with the whole national id, this once, and on record."""
    person = _on_record(request, person_pk, Kind.REVEAL, "sources.audit.national_id_revealed")
    return _page(request, person, is_revealed=True)


@login_required
@require_POST
def extract(request: HtmxRequest, person_pk: int) -> HttpResponse:
    """All that is held of the student at the university, as a file, and on record."""
    person = _on_record(request, person_pk, Kind.EXTRACT, "sources.audit.extract_made")
    found = extract_of(person)
    if request.POST.get("kind") == "text":
        return text_file(filename_of(person), as_text(found))
    return json_file(filename_of(person), found)


def _person(request: HtmxRequest, person_pk: int) -> Participant:
    flows = Flow.objects.visible_to(request.user)
    people = Participant.objects.filter(flow__in=flows).select_related("flow__source")
    person: Participant = get_object_or_404(people, pk=person_pk)
    require_here(request, person.flow.source)
    return person


def _on_record(request: HtmxRequest, person_pk: int, kind: Kind, code: str) -> Participant:
    """As `_person`, written down in both logs."""
    person = _person(request, person_pk)
    students_seen(request, [person], kind)
    who: dict[str, Any] = {"actor": request.user, "address": address_of(request)}
    audit.record(message=message(code, person=by_row(person.pk)), source=person.flow.source, flow=person.flow, **who)
    return person


def _page(request: HtmxRequest, person: Participant, *, is_revealed: bool = False) -> HttpResponse:
    flows = Flow.objects.visible_to(request.user)
    sendings = ExportItem.objects.select_related("attempt__code").defer("attempt__answer", "national_id").order_by("pk")
    exams = (
        Participant.objects.of_same_person(person)
        .filter(flow__in=flows)
        .select_related("flow__source", "assessment", "paper__accepted_by")
        .prefetch_related("flow__codes", Prefetch("export_items", queryset=sendings))
        .order_by(F("flow__participation_start_at").desc(nulls_last=True), "-pk")
    )
    shown = list(exams[:MOST])
    identifiers = {
        name: list(dict.fromkeys(value for row in shown if (value := getattr(row, name))))
        for name in ("organisation_id", "external_user_id", "national_id")
    }
    rights = rights_in(request)
    context = {
        "person": person,
        "exams": shown,
        "tz": person.flow.source.tz,
        "is_revealed": is_revealed,
        "may_reveal": rights.may(Right.REVEAL, person.flow.source_id),
        "sees_logs": rights.may(Right.LOGS, person.flow.source_id),
        "may_extract": rights.may(Right.DISCLOSE, person.flow.source_id),
        "now": timezone.now(),
        **identifiers,
    }
    return render(request, "pages/student.html", context)
