"""The list of flows, and the pages of one."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from ladokflow.parts import part_of
from ladokflow.templatetags.ladokflow import when
from sources.flows.create import STEPS
from sources.models import Flow, Participant, Source, SyncRun
from sources.pages.forms import FlowFilter, ParticipantFilter
from sources.pages.phases import phases
from sources.sync.run import braked_run
from sources.views.wizard import ONE, address_of_step

FLOWS_PER_PAGE = 25
PEOPLE_PER_PAGE = 50
RUNS_PER_PAGE = 25

FIELDS = {
    "title": _("Title"),
    "subtitle": _("Subtitle"),
    "code": _("Flow code"),
    "participation_start_at": _("Participation starts"),
    "participation_end_at": _("Participation ends"),
    "marking_start_at": _("Marking starts"),
    "marking_end_at": _("Marking ends"),
    "grading_scale": _("Grading scale"),
}
ROLES = {
    "manager": _("manager"),
    "assessor": _("assessor"),
    "reviewer": _("reviewer"),
    "invigilator": _("invigilator"),
    "author": _("author"),
}


@login_required
@require_GET
@vary_on_headers("HX-Request")
def flow_list(request: HttpRequest) -> HttpResponse:
    sources = list(Source.objects.visible_to(request.user))
    form = FlowFilter(request.GET, sources=sources)
    visible = Flow.objects.visible_to(request.user)
    found = form.apply(visible, request.user).with_source_and_codes()
    page = Paginator(found, FLOWS_PER_PAGE).get_page(request.GET.get("page"))
    template = "sources/flow_list.html" + ("#results" if request.htmx else "")  # type: ignore[attr-defined]
    context = {
        "form": form,
        "page": page,
        "sources": sources,
        "is_filtering": form.is_filtering,
        "is_new_here": not page.paginator.count and not form.is_filtering,
    }
    return render(request, template, context)


def flow_for(request: HttpRequest, pk: int) -> Flow:
    """The flow, or 404 where it belongs to a source the user is no member of."""
    return get_object_or_404(Flow.objects.visible_to(request.user).select_related("source", "created_by"), pk=pk)


def flow_context(flow: Flow) -> dict[str, Any]:
    """What every page of a flow shows: its head, its tabs, and what is under way."""
    codes = list(flow.codes.all())
    runs = list(flow.sync_runs.filter(state__in=SyncRun.OPEN)[:1])
    attempts = [
        attempt
        for attempt in flow.attempts.order_by("-created_at")[: 2 * len(codes) + 1]
        if attempt.state in attempt.OPEN
    ]
    is_creating = flow.setup_state in (Flow.Setup.QUEUED, Flow.Setup.CREATING)
    return {
        "flow": flow,
        "tz": flow.source.tz,
        "codes": codes,
        "live_code_count": sum(code.removed_at is None for code in codes),
        "open_run": runs[0] if runs else None,
        "open_attempts": attempts,
        "is_creating": is_creating,
        "is_busy": is_creating or bool(runs) or bool(attempts),
        "is_syncable": flow.setup_state == Flow.Setup.READY and not flow.is_marking_over,
    }


def creation_steps(flow: Flow) -> list[tuple[Any, str]]:
    """The steps of a creation, each with "done", "current" or ""."""
    slugs = [step.slug for step in STEPS]
    done = slugs.index(flow.setup_step) + 1 if flow.setup_step in slugs else 0
    marks = ["done"] * done + ["current"] + [""] * len(STEPS)
    return [(step.label, mark) for step, mark in zip(STEPS, marks, strict=False)]


@login_required
@require_GET
@vary_on_headers("HX-Target")
def overview(request: HttpRequest, pk: int) -> HttpResponse:
    flow = flow_for(request, pk)
    context = flow_context(flow) | {"tab": "overview"}
    context["steps"] = creation_steps(flow) if flow.setup_state != Flow.Setup.READY else []
    if flow.is_unmade:
        codes = [code.code for code in context["codes"]]
        context["settings_address"] = address_of_step("settings", flow.source, codes, make=ONE, flow=str(flow.pk))
    if request.htmx.target == "progress" and context["is_busy"]:  # type: ignore[attr-defined]
        return render(request, "pages/_progress.html", context)
    last_run = flow.sync_runs.filter(state=SyncRun.State.FAILED).first() if flow.sync_message else None
    braked = braked_run(flow) if last_run else None
    context |= {
        "phases": phases(flow),
        "asks": bool(last_run and last_run.asks),
        "may_confirm": bool(braked),
        "braked": braked,
        "goers": goers_of(braked) if braked else [],
        "last_problems": last_problems(flow),
        "unfollowed": unfollowed(flow),
        "staff": [
            {"who": person.get("email") or person.get("organisation_id"), "role": ROLES.get(person.get("role", ""), "")}
            for person in flow.staff
        ],
    }
    return part_of(request, render(request, "pages/flow.html", context), "#flow")


def can_be_confirmed(run: SyncRun) -> bool:
    return run.is_braked


def goers_of(run: SyncRun) -> list[Participant]:
    """Those who would go if the braked run were confirmed: all of them, by name."""
    pks = [int(pk) for key in run.would_go.get("goers", ()) if (pk := key.removeprefix("row-")).isdigit()]
    return list(Participant.objects.filter(flow_id=run.flow_id, pk__in=pks).order_by("last_name", "first_name", "pk"))


def last_problems(flow: Flow) -> list[Any]:
    """What was not as it should be at the last synchronisation."""
    run = flow.sync_runs.filter(state=SyncRun.State.SUCCESS).first()
    return run.problem_messages if run else []


def unfollowed(flow: Flow) -> list[dict[str, Any]]:
    """The values that were changed by hand in WISEflow, beside Ladok's."""
    return [
        {
            "field": name,
            "name": FIELDS.get(name, name),
            "ladok": shown(both.get("ladok"), flow),
            "wiseflow": shown(both.get("wiseflow"), flow),
        }
        for name, both in flow.unfollowed.items()
    ]


def shown(value: Any, flow: Flow) -> Any:
    """A stored value as people read it: a moment is stored in ISO form."""
    moment = parse_datetime(value) if isinstance(value, str) and "T" in value else None
    return when(moment, flow.source.tz) if moment else value


@login_required
@require_GET
def participants(request: HttpRequest, pk: int) -> HttpResponse:
    flow = flow_for(request, pk)
    form = ParticipantFilter(request.GET)
    found = form.apply(flow.participants.select_related("assessment").prefetch_related("codes"))
    page = Paginator(found, PEOPLE_PER_PAGE).get_page(request.GET.get("page"))
    context = flow_context(flow) | {
        "tab": "participants",
        "form": form,
        "page": page,
        "is_filtering": form.is_filtering,
    }
    return render(request, "pages/flow_participants.html", context)


@login_required
@require_GET
def exports(request: HttpRequest, pk: int) -> HttpResponse:
    flow = flow_for(request, pk)
    attempts: QuerySet[Any] = flow.attempts.select_related("code", "requested_by")
    page = Paginator(attempts, RUNS_PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "pages/flow_exports.html", flow_context(flow) | {"tab": "exports", "page": page})
