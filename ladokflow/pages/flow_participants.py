"""A flow's participants: a dense list, narrowed by one line of chips, and as a file."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from exports.pages.filters import Chip
from ladokflow.dates import moment_in_words
from ladokflow.pages.flow import flow_context, flow_for
from ladokflow.paging import PLACE, page_of
from ladokflow.requests import HtmxRequest
from ladokflow.spreadsheets import writer_of
from sources.access import Kind, flow_seen
from sources.models import Flow, Paper, Participant
from sources.models.flow import ExportState
from sources.pages.forms import ParticipantFilter

PEOPLE_PER_PAGE = 50
OF_PAPERS = ("without_paper", "late")  # filters that say something only where papers have been read


@login_required
@require_GET
def participants(request: HtmxRequest, pk: int) -> HttpResponse:
    flow = flow_for(request, pk)
    form, people = ParticipantFilter(request.GET), flow.participants.all()
    page = page_of(form.apply(people), request.GET, PEOPLE_PER_PAGE, full=_with_grades_and_codes)
    of_flow = flow_context(flow)
    context = of_flow | {
        "tab": "participants",
        "has_origins": len(of_flow["codes"]) > 1 or not all(person.is_from_source for person in page),
        "has_individual_ends": any(person.individual_end_at for person in page),
        # What they wait for together is told once, above them.
        "flows_reason": flow.export_reason if any(_is_of_all(person, flow) for person in page) else None,
        "form": form,
        "page": page,
        "is_filtering": form.is_filtering,
        "chips": [
            Chip(label, count, form.chosen("show") == value, _address(request, show=value))
            for value, label, count in form.counts(people)
            if flow.papers_read_at or value not in OF_PAPERS
        ],
        "by_name": _address(request, sort=""),
        "by_grade": _address(request, sort="grade"),
        "sort": form.chosen("sort"),
        "shows_ids": bool(form.cleaned_data.get("ids")),
        "ids_address": _address(request, ids="" if form.cleaned_data.get("ids") else "on"),
        "kept": _address(request),
    }
    return render(request, "pages/flow_participants.html", context)


def _is_of_all(person: Participant, flow: Flow) -> bool:
    """Whether the person waits for what all of the flow does."""
    is_pending = person.export_state == flow.export_state == ExportState.PENDING
    return is_pending and bool(flow.export_message) and person.export_message == flow.export_message


def _address(request: HtmxRequest, **changes: str) -> str:
    """The query of this list from its first page, with these values in place of others; empty ones are left out."""
    query = request.GET.copy()
    for name in PLACE:
        query.pop(name, None)
    for name, value in changes.items():
        query[name] = value
    for name in [name for name, value in query.items() if not value]:
        query.pop(name)
    return f"?{query.urlencode()}"


def _with_grades_and_codes(people: QuerySet[Participant]) -> QuerySet[Participant]:
    return people.select_related("assessment", "paper").prefetch_related("registrations__code")


@login_required
@require_GET
def participants_file(request: HtmxRequest, pk: int, kind: str) -> HttpResponse:
    """Those whom the page's filter finds, without national ids."""
    write = writer_of(kind)
    flow = flow_for(request, pk)
    flow_seen(request, flow, Kind.FILE)
    people = _with_grades_and_codes(ParticipantFilter(request.GET).apply(flow.participants.all()))
    headings = (
        _("Last name"),
        _("First name"),
        _("Organisation id"),
        _("Student number"),
        _("Unique exam id"),
        _("Ladok code"),
        _("Deactivated"),
        _("Paper"),
        _("Handed in"),
        _("Late"),
        _("Similarity"),
        _("Grade"),
        _("Export"),
        _("What has happened"),
    )
    return write(f"ladokflow-participants-{flow.pk}", headings, _lines(people, flow.source.tz))


def _lines(people: QuerySet[Participant], tz: dt.tzinfo) -> Iterator[tuple[Any, ...]]:
    for person in people:
        assessment, reason = getattr(person, "assessment", None), person.export_reason
        paper: Paper | None = getattr(person, "paper", None)
        yield (
            person.last_name,
            person.first_name,
            person.organisation_id,
            person.external_user_id,
            person.unique_exam_id,
            ", ".join(code.code for code in person.listed_codes),
            "" if person.is_active else _("yes"),
            *_paper(paper, tz),
            assessment.effective_grade if assessment else "",
            str(person.export.label),
            reason.what if reason else "",
        )


def _paper(paper: Paper | None, tz: dt.tzinfo) -> tuple[str, str, str, str]:
    """Empty where it is not known."""
    if paper is None:
        return "", "", "", ""
    return (
        str(paper.handed_in.label),
        moment_in_words(paper.handed_in_at, tz) if paper.handed_in_at else "",
        _("yes") if paper.is_late else "",
        "" if paper.similarity is None else str(paper.similarity),
    )
