"""The last step of the wizard: the settings, and what comes of the form. With several exams, a flow of each.

The settings hold e-mail addresses, so they wait in the session, not in the address, while one looks back.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers

from ladokflow.http import RemoteError
from ladokflow.identifiers import normal
from ladokflow.ladok.base import Exam
from ladokflow.messages import Message, Refused, Trait
from ladokflow.requests import HtmxRequest
from ladokflow.wiseflow.words import USUAL_TYPE, Role
from sources.flows.assessor_csv import tell_strangers
from sources.flows.batch import fingerprint_of, request_batch, retry
from sources.flows.create import STEPS
from sources.flows.exams import fetch_several
from sources.flows.request import request_flow
from sources.flows.settings import OURS
from sources.flows.staff import answered_pairs, questions_about, students_among
from sources.models import BatchExam, Flow, FlowBatch, FlowPreset, Source, SyncRun
from sources.models.flow import AssessorAllocation
from sources.pages.settings_form import SettingsForm, members_of, names_of
from sources.pages.staff_form import Questions
from sources.sync.staff import name_staff
from sources.universities.clients import wiseflow_for
from sources.universities.permissions import require_here
from sources.views.wizard import EACH, ONE, address_of_step, chosen_codes, source_for, way_to_make

MOST_SCALES = 20
BOXES = ("instant_export", "exports_when_marking_ends", "activates")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: HtmxRequest, slug: str) -> HttpResponse:
    source = source_for(request, slug)
    codes = chosen_codes(request)
    if not codes:
        return redirect("flows:way", source.slug)
    make = way_to_make(request, codes)
    members = members_of(source)
    types, scales, failure = of_licence(source)
    kept = f"wizard-{source.slug}"
    preset = source.presets.filter(pk=_number(request.GET.get("preset"))).first()
    unmade = source.flows.unmade().filter(pk=_number(request.GET.get("flow"))).first()
    questions = Questions(request.POST)
    unmatched = _unmatched(request, unmade)
    shared, suggested = _number(request.GET.get("shared")), request.GET.get("goes", "")
    asks_place = make == ONE and len(codes) > 1 and bool(shared or unmade)
    given: dict[str, Any] = {
        "flow_types": types,
        "members": members,
        "names": names_of(source),
        "unmatched": unmatched,
        "scales": scales,
        "asks_place": asks_place,
    }
    if request.method == "POST":
        form = SettingsForm(request.POST, request.FILES, **given)
        if "back" in request.POST:
            request.session[kept] = cast(QueryDict, form.data).urlencode()
            return redirect(address_of_step("preview", source, codes, make=make))
        if all([form.is_valid(), questions.is_valid()]):
            try:
                address = _make(source, codes, make, form, questions, request.user)
            except (RemoteError, Refused) as error:
                failure = error.message
                if failure.has(Trait.SCALE_UNCHOSEN):
                    # Ladok has another scale than a moment ago: it is asked for, with all that was filled in.
                    given["unmatched"] = list(dict.fromkeys([*unmatched, str(failure.params.get("scale", ""))]))
                    form = SettingsForm(request.POST, **given)
            else:
                if address:
                    request.session.pop(kept, None)
                    return redirect(*address)
    else:
        filled = {"grade_goes_to": suggested} if suggested in Flow.GradeGoesTo.values else {}
        filled |= _filled(source, types, preset, request.session.get(kept))
        if unmade is not None and preset is None:
            filled |= SettingsForm.filled_from_flow(unmade, members, maker=request.user.email)
            filled["flow_type"] = _type_of(unmade, types) or _default(types)
            failure = failure or unmade.setup_reason
        form = SettingsForm(initial=filled, **given)
        if preset and not _type_of(preset, types) and failure is None:
            text = _("The preset's flow type %(type)s is not one of the licence's. Choose another one.")
            messages.warning(request, text % {"type": preset.flow_type})
    context = {
        "source": source,
        "codes": codes,
        "make": make,
        "is_each": make == EACH,
        "shared": shared,
        "suggested": suggested,
        "form": form,
        "questions": questions,
        "failure": failure,
        "presets": list(source.presets.all()),
        "preset": preset,
    }
    return render(request, "sources/new_settings.html", context)


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 19 else 0


def _filled(
    source: Source, types: list[tuple[str, str]], preset: FlowPreset | None, kept: str | None
) -> dict[str, Any]:
    """What the form shows first: the preset's settings, or what was filled in before looking back, or the usual."""
    initial = {"exports_when_marking_ends": source.exports_when_marking_ends, "flow_type": _default(types)}
    if preset is not None:
        return initial | SettingsForm.filled_from(preset) | {"flow_type": _type_of(preset, types) or _default(types)}
    if kept:
        # A box without a tick is no part of what was sent.
        return initial | dict.fromkeys(BOXES, False) | QueryDict(kept).dict()
    return initial


def of_licence(source: Source) -> tuple[list[tuple[str, str]], list[tuple[str, str]], Message | None]:
    """The licence's own flow types and grading scales; where WISEflow cannot be asked, the usual type, no scale, and why."""
    try:
        with wiseflow_for(source) as client:
            types = [(kind.name, kind.name) for kind in client.flow_types()]
            return types, [(str(scale.id), scale.name) for scale in client.grading_scales()], None
    except RemoteError as error:
        return [(USUAL_TYPE, USUAL_TYPE)], [], error.message


def _unmatched(request: HtmxRequest, unmade: Flow | None) -> list[str]:
    """Ladok's scales for which one has to be chosen: those that the step before has found, and those that a creation has stopped at."""
    found = [*request.GET.getlist("scale"), *request.POST.getlist("unmatched")]
    reason = unmade.setup_reason if unmade is not None else None
    if reason is not None and reason.has(Trait.SCALE_UNCHOSEN):
        found.append(str(reason.params.get("scale", "")))
    return list(dict.fromkeys(scale.strip() for scale in found if scale.strip()))[:MOST_SCALES]


def _default(types: list[tuple[str, str]]) -> str:
    names = [name for name, _label in types]
    return next((name for name in names if normal(name) == normal(USUAL_TYPE)), names[0] if names else "")


def _type_of(preset: FlowPreset | Flow, types: list[tuple[str, str]]) -> str:
    return next((name for name, _label in types if normal(name) == normal(preset.flow_type)), "")


def _make(
    source: Source, codes: list[str], make: str, form: SettingsForm, questions: Questions, user: Any
) -> tuple[Any, ...]:
    """Where to go once it is asked for; empty where the form has got errors, or there is something to ask."""
    chosen, given = form.cleaned_data, form.staff()
    is_list = chosen["assessor_allocation"] == AssessorAllocation.LIST
    exams = _exams(source, codes) if is_list or given else []
    if is_list:
        if len(exams) == len(codes):
            form.tell(tell_strangers(form.lines, (person.organisation_id for exam in exams for person in exam.people)))
        if form.errors:
            return ()
    staff = name_staff(source, user, questions.done_to(name_staff(source, user, given), form.members))
    open_questions = questions_about(source, staff)
    if open_questions:
        questions.ask(open_questions)
        return ()
    if form.has_to_tell(students_among(staff, exams, maker=staff[0]["organisation_id"])):
        return ()
    # A form of another tab that was filled from the same looking back has the same key, and is not the same.
    key = uuid.uuid5(chosen["submission_key"], "\n".join([str(user.pk), source.slug, make, *codes]))
    choices = {
        "flow_type": chosen["flow_type"],
        "template_flow_id": chosen["template_flow_id"],
        **{setting.name: chosen[setting.name] for setting in OURS},
        "wiseflow_settings": form.wiseflow_settings(),
        "activates": chosen["activates"],
        "staff": staff,
        "assessor_allocation": chosen["assessor_allocation"],
        "allocation_list": answered_pairs(form.pairs(), questions.answers(), form.members),
        "scale_choices": form.scale_choices(),
        "grade_goes_to": chosen.get("grade_goes_to", ""),
    }
    if make == EACH:
        batch = request_batch(source=source, codes=codes, requested_by=user, submission_key=key, **choices)
        return "flows:batch", batch.pk
    flow = request_flow(source=source, codes=codes, requested_by=user, submission_key=key, **choices)
    return "flows:detail", flow.pk


def _exams(source: Source, codes: list[str]) -> list[Exam]:
    """Those that can be had now: of the others it is told where the flow is asked for."""
    return [answer for answer in fetch_several(source, codes) if not isinstance(answer, RemoteError)]


# --- What comes of several exams -------------------------------------------------------------------------------------


def _batch(request: HtmxRequest, batch_pk: uuid.UUID) -> FlowBatch:
    batch = get_object_or_404(FlowBatch.objects.visible_to(request.user).select_related("source"), pk=batch_pk)
    require_here(request, batch.source)
    return batch


@login_required
@require_GET
@vary_on_headers("HX-Request")
def batch(request: HtmxRequest, batch_pk: uuid.UUID) -> HttpResponse:
    """How far each exam of a form has come; asked for again while something is under way."""
    asked = _batch(request, batch_pk)
    exams = list(asked.exams.select_related("flow"))
    students = students_told(exam.flow for exam in exams if exam.flow is not None)
    context = {
        "batch": asked,
        "rows": [(exam, _step(exam), students.get(exam.flow_id, []), _assessors(asked, exam)) for exam in exams],
        "made": sum(exam.flow is not None and exam.flow.setup_state == Flow.Setup.READY for exam in exams),
        "refused": [exam for exam in exams if exam.message],
        "stopped": [exam for exam in exams if exam.flow is not None and exam.flow.has_stopped],
        "is_busy": any(_is_busy(exam) for exam in exams),
        "seen": fingerprint_of(asked),
    }
    return render(request, "sources/new_batch.html" + ("#made" if request.htmx else ""), context)


def students_told(flows: Iterable[Flow]) -> dict[int | None, list[Message]]:
    """What the last synchronisation of each flow told of those who work with it and are students of the exam; one query."""
    told: dict[int | None, list[Message]] = {}
    runs = SyncRun.objects.filter(flow__in=list(flows), state=SyncRun.State.SUCCESS).order_by("created_at")
    for run in runs.only("flow_id", "problems"):
        told[run.flow_id] = [problem for problem in run.problem_messages if problem.has(Trait.IS_STUDENT)]
    return told


def _is_busy(exam: BatchExam) -> bool:
    return exam.is_waiting or (
        exam.flow is not None and exam.flow.setup_state in (Flow.Setup.QUEUED, Flow.Setup.CREATING)
    )


def _assessors(batch: FlowBatch, exam: BatchExam) -> list[str]:
    """Of its flow, or as they were asked for."""
    staff = exam.flow.staff if exam.flow is not None else [*batch.choices.get("staff", ()), *exam.staff]
    return [person["organisation_id"] for person in staff if person["role"] == Role.ASSESSOR]


def _step(exam: BatchExam) -> dict[str, Any]:
    """The step its creation is at: its number from 1, how many there are, and its name."""
    slugs = [step.slug for step in STEPS]
    slug = exam.flow.setup_step if exam.flow is not None else ""
    done = slugs.index(slug) + 1 if slug in slugs else 0
    return {"done": done, "total": len(STEPS), "label": STEPS[min(done, len(STEPS) - 1)].label}


@login_required
@require_POST
def batch_retry(request: HtmxRequest, batch_pk: uuid.UUID) -> HttpResponse:
    """Ask again for the exams that were refused, and go on with the flows whose creation has stopped."""
    retried = _batch(request, batch_pk)
    try:
        retry(retried, request.user, seen=request.POST.get("seen", ""))
    except Refused as refused:
        messages.error(request, str(refused.message))
    return redirect("flows:batch", retried.pk)
