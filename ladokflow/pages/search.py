"""One search for all of it: flows, and students in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Case, CharField, Count, F, Max, Q, When
from django.db.models.functions import Cast
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from ladokflow.identifiers import normal
from ladokflow.requests import HtmxRequest
from sources.access import Kind, students_seen
from sources.models import Flow, Participant, Source
from sources.pages.no_membership import without_membership

SHOWN = 20
LONGEST = 200  # characters
SHORTEST_WORD = 3  # what an index of names can be asked for


@login_required
@require_GET
def search(request: HtmxRequest) -> HttpResponse:
    sources = list(Source.objects.visible_to(request.user))
    if not sources:
        return without_membership(request)
    text = " ".join(request.GET.get("q", "").replace("\0", "")[:LONGEST].split())
    flows = Flow.objects.visible_to(request.user).found_by(text).order_by("-created_at", "-pk") if text else None
    is_enough = any(len(word) >= SHORTEST_WORD for word in text.split())
    students = list(students_found(sources, text)[: SHOWN + 1]) if is_enough else []
    found = Participant.objects.filter(pk__in=[student["newest"] for student in students[:SHOWN]])
    students_seen(request, found.select_related("flow").defer("national_id"), Kind.SEARCH) if students else None
    if len(students) == 1 and is_whole_identifier(text, students[0]):
        return redirect("student", students[0]["newest"])
    context = {
        "text": text,
        "flows": flows.with_source_and_codes()[: SHOWN + 1] if flows is not None else (),
        "students": students,
        "shown": SHOWN,
        "is_enough": is_enough,
        "sources": sources,
    }
    return render(request, "pages/search.html", context)


def is_whole_identifier(text: str, student: Mapping[str, Any]) -> bool:
    """Whether it is all of one of the identifiers of a student that was found: nobody else is meant."""
    return normal(text) in {normal(student[name]) for name in ("organisation", "number", "exam_id") if student[name]}


def students_found(sources: Iterable[Source], text: str) -> Any:
    """By university and organisation id, once each: the newest of their rows, with the number of their flows."""
    alone = Cast("pk", CharField())  # nobody is the same person for having no organisation id
    person = Case(When(Q(organisation_id=""), then=alone), default=F("organisation_id"))
    return (
        Participant.objects.matching(text)
        .filter(flow__source__in=sources)
        .order_by()
        .values("flow__source", person=person)
        .annotate(
            newest=Max("pk"),
            first=Max("first_name"),
            last=Max("last_name"),
            organisation=Max("organisation_id"),
            number=Max("external_user_id"),
            exam_id=Max("unique_exam_id"),
            university=Max("flow__source__name"),
            flows=Count("flow", distinct=True),
        )
        .order_by("last", "first", "newest")
    )
