"""The last step of the wizard: the settings, and what comes of the form. With several exams, a flow of each.

The settings hold e-mail addresses, so they wait in the session, not in the address, while one looks back.
"""

from __future__ import annotations

import uuid
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers

from ladokflow.http import RemoteError
from ladokflow.messages import Message, Refused
from sources.flows.assessor_csv import tell_strangers
from sources.flows.batch import request_batch, retry_refused
from sources.flows.create import STEPS
from sources.flows.exams import fetch_several
from sources.flows.request import request_flow, resume_flow
from sources.models import BatchExam, Flow, FlowBatch, FlowPreset, Source
from sources.models.flow import AssessorAllocation
from sources.pages.settings_form import SettingsForm, members_of
from sources.universities.clients import wiseflow_for
from sources.views.flows import flow_for
from sources.views.wizard import EACH, address_of_step, chosen_codes, source_for, way_to_make

DEFAULT_FLOW_TYPE = "FLOWassign"
BOXES = ("instant_export", "exports_when_marking_ends", "activates")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: HttpRequest, slug: str) -> HttpResponse:
    source = source_for(request, slug)
    codes = chosen_codes(request)
    if not codes:
        return redirect("flows:way", source.slug)
    make = way_to_make(request, codes)
    members = members_of(source)
    types, failure = _flow_types(source)
    kept = f"wizard-{source.slug}"
    preset = source.presets.filter(pk=_number(request.GET.get("preset"))).first()
    unmade = source.flows.unmade().filter(pk=_number(request.GET.get("flow"))).first()
    if request.method == "POST":
        form = SettingsForm(request.POST, request.FILES, flow_types=types, members=members)
        if "back" in request.POST:
            request.session[kept] = cast(QueryDict, form.data).urlencode()
            return redirect(address_of_step("preview", source, codes, make=make))
        if form.is_valid():
            try:
                address = _make(source, codes, make, form, request.user)
            except (RemoteError, Refused) as error:
                failure = error.message
            else:
                if address:
                    request.session.pop(kept, None)
                    return redirect(*address)
    else:
        filled = _filled(source, types, preset, request.session.get(kept))
        if unmade is not None and preset is None:
            filled |= SettingsForm.filled_from_flow(unmade, members, maker=request.user.email)  # type: ignore[union-attr]
            filled["flow_type"] = _type_of(unmade, types) or _default(types)
            failure = failure or unmade.setup_reason
        form = SettingsForm(initial=filled, flow_types=types, members=members)
        if preset and not _type_of(preset, types) and failure is None:
            told = _("The preset's flow type %(type)s is not one of the licence's. Choose another one.")
            messages.warning(request, told % {"type": preset.flow_type})
    context = {
        "source": source,
        "codes": codes,
        "make": make,
        "is_each": make == EACH,
        "form": form,
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


def _flow_types(source: Source) -> tuple[list[tuple[str, str]], Message | None]:
    """The licence's own flow types; where WISEflow cannot be asked, the usual one, and why."""
    try:
        with wiseflow_for(source) as client:
            return [(kind.name, kind.name) for kind in client.flow_types()], None
    except RemoteError as error:
        return [(DEFAULT_FLOW_TYPE, DEFAULT_FLOW_TYPE)], error.message


def _default(types: list[tuple[str, str]]) -> str:
    names = [name for name, _label in types]
    return next((name for name in names if name.casefold() == DEFAULT_FLOW_TYPE.casefold()), names[0] if names else "")


def _type_of(preset: FlowPreset | Flow, types: list[tuple[str, str]]) -> str:
    return next((name for name, _label in types if name.casefold() == preset.flow_type.casefold()), "")


def _make(source: Source, codes: list[str], make: str, form: SettingsForm, user: Any) -> tuple[Any, ...]:
    """Where to go once it is asked for; empty where the form has got errors."""
    chosen = form.cleaned_data
    if chosen["assessor_allocation"] == AssessorAllocation.LIST:
        found = fetch_several(source, codes)
        exams = [one for one in found if not isinstance(one, RemoteError)]
        if len(exams) == len(codes):
            form.tell(tell_strangers(form.lines, (one.organisation_id for exam in exams for one in exam.people)))
        if form.errors:
            return ()
    # A form of another tab that was filled from the same looking back has the same key, and is not the same.
    key = uuid.uuid5(chosen["submission_key"], "\n".join([source.slug, make, *codes]))
    choices = {
        "flow_type": chosen["flow_type"],
        "template_flow_id": chosen["template_flow_id"],
        "instant_export": chosen["instant_export"],
        "grade_decided_by": chosen["grade_decided_by"],
        "exports_when_marking_ends": chosen["exports_when_marking_ends"],
        "activates": chosen["activates"],
        "staff": form.staff(),
        "assessor_allocation": chosen["assessor_allocation"],
        "allocation_list": form.pairs(),
    }
    if make == EACH:
        batch = request_batch(source=source, codes=codes, requested_by=user, submission_key=key, **choices)
        return "flows:batch", batch.pk
    flow = request_flow(source=source, codes=codes, requested_by=user, submission_key=key, **choices)
    return "flows:detail", flow.pk


# --- What comes of several exams -------------------------------------------------------------------------------------


def _batch(request: HttpRequest, batch_pk: uuid.UUID) -> FlowBatch:
    return get_object_or_404(FlowBatch.objects.visible_to(request.user).select_related("source"), pk=batch_pk)


@login_required
@require_GET
@vary_on_headers("HX-Request")
def batch(request: HttpRequest, batch_pk: uuid.UUID) -> HttpResponse:
    """How far each exam of a form has come; asked for again while something is under way."""
    found = _batch(request, batch_pk)
    exams = list(found.exams.select_related("flow"))
    context = {
        "batch": found,
        "rows": [(exam, _step(exam)) for exam in exams],
        "made": sum(exam.flow is not None and exam.flow.setup_state == Flow.Setup.READY for exam in exams),
        "refused": [exam for exam in exams if exam.message],
        "stopped": [exam for exam in exams if exam.flow is not None and exam.flow.setup_state == Flow.Setup.STOPPED],
        "is_busy": any(_is_busy(exam) for exam in exams),
    }
    return render(request, "sources/new_batch.html" + ("#made" if request.htmx else ""), context)  # type: ignore[attr-defined]


def _is_busy(exam: BatchExam) -> bool:
    return exam.is_waiting or (
        exam.flow is not None and exam.flow.setup_state in (Flow.Setup.QUEUED, Flow.Setup.CREATING)
    )


def _step(exam: BatchExam) -> dict[str, Any]:
    """The step its creation is at: its number from 1, how many there are, and its name."""
    slugs = [step.slug for step in STEPS]
    slug = exam.flow.setup_step if exam.flow is not None else ""
    done = slugs.index(slug) + 1 if slug in slugs else 0
    return {"done": done, "total": len(STEPS), "label": STEPS[min(done, len(STEPS) - 1)].label}


@login_required
@require_POST
def batch_retry(request: HttpRequest, batch_pk: uuid.UUID) -> HttpResponse:
    """Ask again for the exams that were refused, and go on with the flows whose creation has stopped."""
    found = _batch(request, batch_pk)
    retry_refused(found)
    for exam in found.exams.filter(flow__setup_state=Flow.Setup.STOPPED).select_related("flow"):
        if exam.flow is not None:
            resume_flow(exam.flow, request.user)  # type: ignore[arg-type]
    return redirect("flows:batch", found.pk)


@login_required
@require_POST
def resume(request: HttpRequest, pk: int) -> HttpResponse:
    """Go on with a creation that had stopped."""
    flow = flow_for(request, pk)
    try:
        resume_flow(flow, request.user)  # type: ignore[arg-type]
    except Refused as error:
        messages.error(request, str(error))
    return redirect("flows:detail", pk)
