"""Making a flow: source, exams, source data, settings.

Everything that has been chosen stands in the address, so that going back, reloading and a second tab are safe; only the
settings, where e-mail addresses are, wait in the session while one looks back.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ladokflow.http import RemoteError
from ladokflow.messages import Message, Refused
from sources.connections import wiseflow_for
from sources.creating import request_flow, resume_flow
from sources.fetching import fetch_exam, list_exams
from sources.forms import CodeForm, CourseForm, SettingsForm
from sources.models import FlowPreset, FlowSource, Source
from sources.previewing import MAX_EXAMS, Found, SourceData
from sources.views.flows import flow_for

DEFAULT_FLOW_TYPE = "FLOWassign"


def _source(request: HttpRequest, slug: str) -> Source:
    return get_object_or_404(Source.objects.visible_to(request.user), slug=slug)


def _codes(request: HttpRequest) -> list[str]:
    """The codes that are chosen, in order; the first is the master."""
    chosen = dict.fromkeys(code.strip() for code in request.GET.getlist("code"))
    return [code for code in chosen if code][:MAX_EXAMS]


def _address(name: str, source: Source, codes: list[str], **more: str) -> str:
    query = QueryDict(mutable=True)
    query.setlist("code", codes)
    for key, value in more.items():
        if value:
            query[key] = value
    return reverse(f"flows:{name}", args=[source.slug]) + (f"?{query.urlencode()}" if query else "")


def _flows_of(source: Source, codes: list[str]) -> dict[str, FlowSource]:
    """The codes that are on a flow already, with that flow."""
    taken = FlowSource.objects.filter(source=source, code__in=codes, removed_at=None).select_related("flow")
    return {found.code: found for found in taken}


@login_required
@require_GET
def choose_source(request: HttpRequest) -> HttpResponse:
    sources = list(Source.objects.visible_to(request.user))
    if len(sources) == 1:
        return redirect("flows:way", sources[0].slug)
    return render(request, "sources/new_source.html", {"sources": sources})


@login_required
@require_GET
def choose_way(request: HttpRequest, slug: str) -> HttpResponse:
    source = _source(request, slug)
    has_choice = Source.objects.visible_to(request.user).count() > 1
    return render(request, "sources/new_way.html", {"source": source, "has_choice": has_choice})


@login_required
@require_GET
def choose_from_list(request: HttpRequest, slug: str) -> HttpResponse:
    source = _source(request, slug)
    codes = _codes(request)
    example = "21SD1A" if source.rules.list_parameter == "kursKod" else "TDDE01"
    form = CourseForm(request.GET if "course" in request.GET else None, example=example)
    exams, failure = [], None
    if form.is_bound and form.is_valid():
        try:
            exams = list_exams(source, form.cleaned_data["course"])
        except RemoteError as error:
            failure = error.message
    listed = {exam.code for exam in exams}
    taken = _flows_of(source, [*listed])
    context = {
        "source": source,
        "form": form,
        "exams": [(exam, taken.get(exam.code), exam.code in codes) for exam in exams],
        "chosen_elsewhere": [code for code in codes if code not in listed],
        "failure": failure,
        "is_searched": form.is_bound and form.is_valid() and failure is None,
    }
    return render(request, "sources/new_list.html", context)


@login_required
@require_GET
def enter_code(request: HttpRequest, slug: str) -> HttpResponse:
    return render(request, "sources/new_code.html", _code_context(_source(request, slug), _codes(request), CodeForm()))


def _code_context(source: Source, codes: list[str], form: CodeForm, failure: Message | None = None) -> dict[str, Any]:
    return {"source": source, "codes": codes, "form": form, "failure": failure}


@login_required
@require_GET
def preview(request: HttpRequest, slug: str) -> HttpResponse:
    """The source data: who comes in, which field from where, and first of all what is not as it should be."""
    source = _source(request, slug)
    codes = _codes(request)
    if "typed" in request.GET:
        form = CodeForm(request.GET)
        if not form.is_valid():
            return render(request, "sources/new_code.html", _code_context(source, codes, form))
        return _add_typed(request, source, codes, form)
    if not codes:
        messages.error(request, _("Choose at least one exam."))
        return redirect(_address("from_list", source, [], course=request.GET.get("course", "")))
    data = SourceData(source, _fetch(source, codes), _flows_of(source, codes))
    course = request.GET.get("course", "")
    context = {
        "source": source,
        "codes": codes,
        "data": data,
        "people": data.page(request.GET.get("page")),
        "list_address": _address("from_list", source, codes, course=course),
        "code_address": _address("from_code", source, codes),
        "settings_address": _address("settings", source, codes),
        "without": {code: _address("preview", source, [other for other in codes if other != code]) for code in codes},
    }
    return render(request, "sources/new_preview.html", context)


def _add_typed(request: HttpRequest, source: Source, codes: list[str], form: CodeForm) -> HttpResponse:
    """The exam that was typed joins the others, or the reason why not stands at the field with what was typed."""
    typed = form.cleaned_data["typed"].strip()
    try:
        exam = fetch_exam(source, typed)
    except RemoteError as error:
        if error.message.code != "ladok.unknown_code":
            return render(request, "sources/new_code.html", _code_context(source, codes, form, error.message))
        form.add_error("typed", str(error.message))
        return render(request, "sources/new_code.html", _code_context(source, codes, form))
    if exam.code not in codes:
        codes = [*codes, exam.code]
    return redirect(_address("preview", source, codes[:MAX_EXAMS]))


def _fetch(source: Source, codes: list[str]) -> list[Found]:
    found = []
    for code in codes:
        try:
            found.append(Found(code, fetch_exam(source, code)))
        except RemoteError as error:
            found.append(Found(code, failure=error.message))
    return found


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: HttpRequest, slug: str) -> HttpResponse:
    source = _source(request, slug)
    codes = _codes(request)
    if not codes:
        return redirect("flows:way", source.slug)
    kept = f"wizard-{source.slug}"
    if request.method == "POST" and "back" in request.POST:
        request.session[kept] = request.POST.urlencode()
        return redirect(_address("preview", source, codes))
    types, failure = _flow_types(source)
    initial = {"exports_when_marking_ends": source.exports_when_marking_ends, "flow_type": _default(types)}
    presets = list(source.presets.all())
    preset = next((found for found in presets if str(found.pk) == request.GET.get("preset")), None)
    if request.method == "POST":
        form = SettingsForm(request.POST, flow_types=types)
        if form.is_valid():
            try:
                flow = _create(source, codes, form, request.user)
            except (RemoteError, Refused) as error:
                failure = error.message
            else:
                request.session.pop(kept, None)
                return redirect("flows:detail", flow.pk)
    else:
        filled = initial | SettingsForm.filled_from(preset) if preset else _initial(request.session.get(kept), initial)
        if preset:
            filled["flow_type"] = _type_of(preset, types) or initial["flow_type"]
            if not _type_of(preset, types) and failure is None:
                told = _("The preset's flow type %(type)s is not one of the licence's. Choose another one.")
                messages.warning(request, told % {"type": preset.flow_type})
        form = SettingsForm(initial=filled, flow_types=types)
    context = {"source": source, "codes": codes, "form": form, "failure": failure, "presets": presets, "preset": preset}
    return render(request, "sources/new_settings.html", context)


def _initial(kept: str | None, initial: dict[str, Any]) -> dict[str, Any]:
    """What was filled in before looking back, shown again as it was; a box without a tick is no part of what was sent."""
    if not kept:
        return initial
    boxes = dict.fromkeys(("instant_export", "exports_when_marking_ends", "activates"), False)
    return initial | boxes | QueryDict(kept).dict()


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


def _type_of(preset: FlowPreset, types: list[tuple[str, str]]) -> str:
    return next((name for name, _label in types if name.casefold() == preset.flow_type.casefold()), "")


def _create(source: Source, codes: list[str], form: SettingsForm, user: Any) -> Any:
    chosen = form.cleaned_data
    return request_flow(
        source=source,
        codes=codes,
        requested_by=user,
        flow_type=chosen["flow_type"],
        template_flow_id=chosen["template_flow_id"],
        instant_export=chosen["instant_export"],
        grade_decided_by=chosen["grade_decided_by"],
        exports_when_marking_ends=chosen["exports_when_marking_ends"],
        activates=chosen["activates"],
        staff=form.staff(source.memberships.values_list("user__email", flat=True)),
        assessor_allocation=chosen["assessor_allocation"],
        submission_key=chosen["submission_key"],
    )


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
