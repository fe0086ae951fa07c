"""A flow's pages: the frame around them, its overview, its participants and its exports."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import AbstractBaseUser
from django.core.paginator import Paginator
from django.db.models import QuerySet, prefetch_related_objects
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_GET, require_POST
from django.views.decorators.vary import vary_on_headers

from exports.attempts.marks import unknown
from exports.attempts.place import change_place, may_change_place
from exports.pages.lists import failed_people
from exports.rules.right import right_refusal
from exports.views.asking import flow_for
from ladokflow.addresses import address_of
from ladokflow.http import RemoteError
from ladokflow.messages import Message, Refused, Trait, message
from ladokflow.parts import part_of
from ladokflow.requests import HtmxRequest
from ladokflow.undo import tell
from ladokflow.wiseflow.words import Role, choices_of
from sources.flows.adoption import confirm_anew
from sources.flows.create import STEPS
from sources.flows.identities import questions
from sources.flows.places import participants_on_several
from sources.flows.request import fingerprint_of_creation, resume_flow
from sources.models import Flow, Participant, SyncRun
from sources.models.flow import ExportState
from sources.pages.flow_fields import value_rows
from sources.pages.forms import PlaceForm
from sources.pages.phases import phases
from sources.sync.overrides import fingerprint_of
from sources.sync.run import braked_run
from sources.sync.warnings import fingerprint_of_warnings
from sources.views.wizard import ONE, address_of_step

RUNS_PER_PAGE = 25
QUESTIONS_SHOWN = 20
FAILED_SHOWN = 10

ROLES = dict(choices_of(Role))


def flow_context(flow: Any) -> dict[str, Any]:
    """What every page of a flow, of `flow_for`, shows: its head, its tabs, and what is under way."""
    prefetch_related_objects([flow], "codes")
    codes = list(flow.codes.all())
    for code in codes:
        code.source = flow.source
    run = flow.sync_runs.filter(state__in=SyncRun.OPEN).first() if flow.is_syncing else None
    newest = flow.attempts.order_by("-created_at")[: 2 * len(codes) + 1] if flow.is_under_way else ()
    attempts = [attempt for attempt in newest if attempt.state in attempt.OPEN]
    reason = flow.export_reason
    # Until the states have followed, too: what an export has ended with is on disk before them.
    is_exporting = flow.is_under_way or (reason is not None and reason.has(Trait.UNDER_WAY))
    is_creating = flow.setup_state in (Flow.Setup.QUEUED, Flow.Setup.CREATING)
    failure = reason if flow.export_state == ExportState.FAILED else None
    return {
        "flow": flow,
        "tz": flow.source.tz,
        "codes": codes,
        "live_code_count": sum(code.removed_at is None for code in codes),
        "open_run": run,
        "open_attempts": attempts,
        # Where Ladok cannot be asked, what is unknown has a button of its own, on top.
        "can_be_marked": failure is not None
        and (failure.has(Trait.ALREADY_IN_LADOK) or (flow.source.can_read_back and unknown(flow).exists())),
        "is_creating": is_creating,
        "is_busy": is_creating or flow.is_syncing or is_exporting or flow.points_left > 0,
        "is_syncable": flow.setup_state == Flow.Setup.READY and not flow.is_marking_over,
        "is_followed": flow.setup_state == Flow.Setup.READY and flow.is_followed,
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
def overview(request: HtmxRequest, pk: int) -> HttpResponse:
    flow: Any = flow_for(request, pk)
    context = flow_context(flow) | {"tab": "overview"}
    context["seen"] = fingerprint_of_creation(flow) if flow.setup_state == Flow.Setup.STOPPED else None
    context["steps"] = creation_steps(flow) if flow.setup_state != Flow.Setup.READY else []
    if flow.is_unmade:
        codes = [code.code for code in context["codes"]]
        context["settings_address"] = address_of_step("settings", flow.source, codes, make=ONE, flow=str(flow.pk))
    if request.htmx.target == "progress" and context["is_busy"]:
        return render(request, "pages/_progress.html", context)
    last_run = flow.sync_runs.filter(state=SyncRun.State.FAILED).first() if flow.sync_message else None
    braked = braked_run(flow) if last_run else None
    context |= {
        "phases": phases(flow),
        "asks": bool(last_run and last_run.asks),
        "may_confirm": bool(braked),
        "braked": braked,
        "goers": goers_of(braked) if braked else [],
        "warnings": flow.warning_messages,
        "warnings_seen": fingerprint_of_warnings(flow),
        "last_problems": last_problems(flow),
        "failed_people": failed_people([flow], FAILED_SHOWN)[flow.pk],
        "failed_shown": FAILED_SHOWN,
        "asked": asked(flow),
        "papers_asked": message("papers.asked", count=flow.papers_asked) if flow.asks_papers else None,
        "adoption_asked": message("adoption.asked"),
        "questions": questions(flow)[:QUESTIONS_SHOWN] if flow.asks_identity else [],
        **place_context(flow, context["live_code_count"], request.user),
        "unfollowed": unfollowed(flow),
        "accounts": list(flow.staff_accounts.filter(confirmed_at__isnull=True)),
        "staff": [
            {"who": person.get("email") or person.get("organisation_id"), "role": ROLES.get(person.get("role", ""), "")}
            for person in flow.staff
        ],
    }
    return part_of(request, render(request, "pages/flow.html", context), "#flow")


def place_context(flow: Flow, code_count: int, user: AbstractBaseUser) -> dict[str, Any]:
    """Where the grade goes of those who are on several codes: only of a flow that has several."""
    if code_count < 2:
        return {}
    initial = {"grade_goes_to": flow.grade_goes_to, "was": flow.grade_goes_to}
    no_right = right_refusal(flow, user)
    return {
        "place_form": PlaceForm(initial=initial) if no_right is None and may_change_place(flow) else None,
        "no_right_to_place": no_right,
        "on_several": participants_on_several(flow),
    }


@login_required
@require_POST
def place(request: HtmxRequest, pk: int) -> HttpResponse:
    """Where the grade of somebody on several codes goes from now on."""
    flow = flow_for(request, pk)
    form = PlaceForm(request.POST)
    if not form.is_valid():
        raise Http404
    chosen = form.cleaned_data
    try:
        is_changed = change_place(
            flow=flow,
            goes_to=chosen["grade_goes_to"],
            was=chosen["was"],
            by=request.user,
            address=address_of(request),
        )
    except Refused as refused:
        messages.warning(request, str(refused.message))
    else:
        text = gettext("Where the grades go is saved.")
        if is_changed and chosen["grade_goes_to"] != chosen["was"]:
            back = [("grade_goes_to", chosen["was"]), ("was", chosen["grade_goes_to"])]
            tell(request, text, reverse("flows:place", args=[flow.pk]), back)
        elif is_changed:
            messages.success(request, text)
    return redirect(f"{reverse('flows:detail', args=[flow.pk])}#settings-title")


def can_be_confirmed(run: SyncRun) -> bool:
    return run.is_braked


def goers_of(run: SyncRun) -> list[Participant]:
    """Those who would go if the braked run were confirmed: all of them, by name."""
    pks = [int(pk) for key in run.would_go.get("goers", ()) if (pk := key.removeprefix("row-")).isdigit()]
    return list(Participant.objects.filter(flow_id=run.flow_id, pk__in=pks).order_by("last_name", "first_name", "pk"))


def last_problems(flow: Flow) -> list[Message]:
    """What was not as it should be at the last synchronisation, but for what is asked, and what nobody has looked at yet."""
    run = flow.sync_runs.filter(state=SyncRun.State.SUCCESS).only("flow", "problems").first()
    told = [problem for problem in run.problem_messages if not problem.has(Trait.QUESTION)] if run else []
    asked_about = flow.warning_messages
    return [problem for problem in told if problem not in asked_about]


def asked(flow: Flow) -> list[Message]:
    """What the last synchronisation asks."""
    stored = flow.asked if flow.setup_state == Flow.Setup.READY and not flow.is_marking_over else []
    return [told for each in stored if (told := Message.from_json(each))]


def unfollowed(flow: Flow) -> list[dict[str, Any]]:
    """The values that were changed by hand in WISEflow, beside Ladok's."""
    rows = value_rows(flow.unfollowed, flow.source.tz)
    return [row | {"seen": fingerprint_of(flow, row["field"])} for row in rows]


@login_required
@require_GET
def exports(request: HtmxRequest, pk: int) -> HttpResponse:
    flow = flow_for(request, pk)
    attempts: QuerySet[Any] = flow.attempts.select_related("code", "requested_by")
    page = Paginator(attempts, RUNS_PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "pages/flow_exports.html", flow_context(flow) | {"tab": "exports", "page": page})


@login_required
@require_POST
def resume(request: HtmxRequest, pk: int) -> HttpResponse:
    """Go on with a creation that had stopped."""
    flow = flow_for(request, pk)
    seen = request.POST.get("seen", "")
    try:
        if flow.adoption_seen:
            confirm_anew(flow, by=request.user, seen=seen)
        else:
            resume_flow(flow, request.user, seen=seen)
    except (RemoteError, Refused) as error:
        messages.error(request, str(error))
    return redirect("flows:detail", pk)
