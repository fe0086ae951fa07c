"""Making flows: source, exams, source data. The settings are in `wizard_settings.py`.

Everything that has been chosen stands in the address, so that going back, reloading and a second tab are safe: the codes in
order, and with several of them whether they become one flow each (as is usual) or one flow together (`make=one`).
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from ladokflow.dates import day_in_words
from ladokflow.http import RemoteError
from ladokflow.identifiers import normal, normal_code
from ladokflow.ladok.base import Exam
from ladokflow.ladok.errors import UnknownToLadok
from ladokflow.messages import Message
from ladokflow.privacy import hide_names
from ladokflow.requests import HtmxRequest
from sources.access import exam_seen
from sources.flows.exams import fetch_several, fetch_typed, list_exams
from sources.flows.request import each_once
from sources.flows.scales import unmatched_scales
from sources.models import FlowBatch, FlowSource, Source
from sources.pages.exam_list_form import count_kept
from sources.pages.forms import CodeForm, CourseForm
from sources.pages.no_membership import without_membership
from sources.pages.source_data import MAX_EXAMS, Found, SourceData
from sources.universities.permissions import Right, require_here, rights_in

EACH, ONE = "each", "one"
MOST_TOLD = 20  # codes whose faults are told one by one
LISTED_FOR_SECONDS = 120  # while one filters, Ladok is not asked again


def source_for(request: HtmxRequest, slug: str) -> Source:
    source = get_object_or_404(Source.objects.visible_to(request.user), slug=slug)
    require_here(request, source)
    if source.protects_identity:
        hide_names()
    return source


def chosen_codes(request: HtmxRequest) -> list[str]:
    """The codes that are chosen, in order; the first is the master."""
    codes = each_once(request.GET.getlist("code"))
    if len(codes) > MAX_EXAMS:
        text = _("At most %(count)s exams can be chosen at a time. The others were left out: %(codes)s.")
        messages.warning(request, text % {"count": MAX_EXAMS, "codes": ", ".join(codes[MAX_EXAMS:])})
    return codes[:MAX_EXAMS]


def way_to_make(request: HtmxRequest, codes: list[str]) -> str:
    """Whether the exams become a flow each, or one together. One exam is one flow."""
    return ONE if len(codes) < 2 or request.GET.get("make") == ONE else EACH


def address_of_step(name: str, source: Source, codes: list[str], **more: str) -> str:
    query = QueryDict(mutable=True)
    query.setlist("code", codes)
    for key, value in more.items():
        if value and (key != "make" or (value == ONE and len(codes) > 1)):
            query[key] = value
    return reverse(f"flows:{name}", args=[source.slug]) + (f"?{query.urlencode()}" if query else "")


def address_of_settings(source: Source, codes: list[str], make: str, scales: list[str], **asks: str) -> str:
    """`scales` are Ladok's, for which WISEflow's has to be chosen."""
    address = address_of_step("settings", source, codes, make=make, **asks)
    return address + ("&" + urlencode([("scale", scale) for scale in scales]) if scales else "")


def flows_of(source: Source, codes: list[str]) -> dict[str, FlowSource]:
    """The codes that are on a flow already, with that flow. One of which nothing has been made does not count."""
    normal = {code: normal_code(code) for code in codes}
    taken = FlowSource.objects.filter(source=source, normal_code__in=normal.values(), removed_at=None)
    rows = {row.normal_code: row for row in taken.select_related("flow") if not row.flow.is_unmade}
    return {code: rows[key] for code, key in normal.items() if key in rows}


@login_required
@require_GET
def choose_source(request: HtmxRequest) -> HttpResponse:
    sources = list(rights_in(request).sources(Right.CHANGE))
    if not sources:
        require_here(request, *Source.objects.visible_to(request.user))
        return without_membership(request)
    if len(sources) == 1:
        return redirect("flows:way", sources[0].slug)
    return render(request, "sources/new_source.html", {"sources": sources})


@login_required
@require_GET
def choose_way(request: HtmxRequest, slug: str) -> HttpResponse:
    source = source_for(request, slug)
    context = {
        "source": source,
        "has_choice": len(rights_in(request).sources(Right.CHANGE)) > 1,
        "kept_rows": count_kept(request.session, source),
        "has_rules": source.rules_for_flows.exists(),
        "telling": source.rules_for_flows.telling(),
        "unfinished": FlowBatch.objects.unfinished_of(request.user).filter(source=source),
    }
    return render(request, "sources/new_way.html", context)


@login_required
@require_GET
@vary_on_headers("HX-Request")
def choose_from_list(request: HtmxRequest, slug: str) -> HttpResponse:
    source = source_for(request, slug)
    codes = chosen_codes(request)
    form = CourseForm(request.GET if "course" in request.GET else None, source=source)
    exams: list[Exam] = []
    failures: list[Message] = []
    is_searched = form.is_bound and form.is_valid()
    if is_searched:
        exams, failures = _list(source, form, is_filtering=bool(request.htmx))
    words = normal(request.GET.get("q", "")).split()
    taken = flows_of(source, [exam.code for exam in exams])
    shown = [(n, exam) for n, exam in enumerate(exams, start=1) if _has_words(exam, words)]
    ticks_all = request.GET.get("tick") == "all"
    context = {
        "source": source,
        "form": form,
        "exams": [(n, exam, taken.get(exam.code), ticks_all or exam.code in codes) for n, exam in shown],
        "count": len(exams),
        "has_free": any(exam.code not in taken for _n, exam in shown),
        "query": request.GET.get("q", ""),
        "make": request.GET.get("make", ""),
        "chosen_elsewhere": [code for code in codes if code not in {exam.code for _n, exam in shown}],
        "failures": failures,
        "is_searched": is_searched and not failures,
        "most": MAX_EXAMS,
    }
    return render(request, "sources/new_list.html" + ("#exams" if request.htmx else ""), context)


def _list(source: Source, form: CourseForm, *, is_filtering: bool) -> tuple[list[Exam], list[Message]]:
    asked = form.courses, form.cleaned_data["first"], form.cleaned_data["last"]
    key = "exams-" + hashlib.sha256(f"{source.pk} {asked}".encode()).hexdigest()
    listed: tuple[list[Exam], list[Message]] | None = cache.get(key) if is_filtering else None
    if listed is None:
        listed = list_exams(source, *asked)
        if not listed[1]:
            cache.set(key, listed, LISTED_FOR_SECONDS)
    return listed


def _has_words(exam: Exam, words: list[str]) -> bool:
    start = exam.participation_start_at
    dates = [f"{start:%Y-%m-%d}", day_in_words(start)] if start else []
    text = normal(" ".join([exam.code, exam.title, exam.subtitle, exam.room, *dates]))
    return all(word in text for word in words)


@login_required
@require_GET
def enter_code(request: HtmxRequest, slug: str) -> HttpResponse:
    source, codes = source_for(request, slug), chosen_codes(request)
    return render(request, "sources/new_code.html", _code_context(request, source, codes, CodeForm()))


def _code_context(
    request: HtmxRequest, source: Source, codes: list[str], form: CodeForm, failure: Message | None = None
) -> dict[str, Any]:
    make = request.GET.get("make", "")
    back = address_of_step("preview", source, codes, make=make) if codes else reverse("flows:way", args=[source.slug])
    return {"source": source, "codes": codes, "form": form, "failure": failure, "make": make, "back_address": back}


@login_required
@require_GET
def preview(request: HtmxRequest, slug: str) -> HttpResponse:
    """The source data: who comes in, which field from where, and first of all what is not as it should be."""
    source = source_for(request, slug)
    exam_seen(request, source)
    codes = chosen_codes(request)
    if "typed" in request.GET:
        form = CodeForm(request.GET)
        if not form.is_valid():
            return render(request, "sources/new_code.html", _code_context(request, source, codes, form))
        return _add_typed(request, source, codes, form)
    looked_for = {name: request.GET.get(name, "") for name in ("course", "first", "last")}
    if not codes:
        messages.error(request, _("Choose at least one exam."))
        return redirect(address_of_step("from_list", source, [], **looked_for))
    maker = source.memberships.get(user_id=request.user.pk).organisation_id
    answers = _with_scales(source, _fetch(source, codes, maker=maker))
    taken = flows_of(source, [answer.exam.code if answer.exam else answer.code for answer in answers])
    data = SourceData(source, answers, taken)
    make = way_to_make(request, codes)
    shared = data.on_several if make == ONE and len(data.good) > 1 else 0
    asks = {"shared": str(shared), "goes": data.suggested_place} if shared else {}
    context = {
        "source": source,
        "codes": codes,
        "data": data,
        "shared": shared,
        "make": make,
        "is_each": make == EACH,
        "people": data.page(request.GET.get("page")),
        "list_address": address_of_step("from_list", source, codes, **looked_for, make=make),
        "code_address": address_of_step("from_code", source, codes, make=make),
        "settings_address": address_of_settings(source, data.good, make, data.unmatched_scales, **asks),
        "again_address": address_of_step("preview", source, codes, **looked_for, make=make),
        "make_addresses": {
            way: address_of_step("preview", source, codes, **looked_for, make=way) for way in (EACH, ONE)
        },
        "rows": _rows(source, data, codes, **looked_for, make=make),
    }
    return render(request, "sources/new_preview.html", context)


def _with_scales(source: Source, answers: list[Found]) -> list[Found]:
    exams = [answer.exam for answer in answers if answer.exam is not None]
    unmatched = set(unmatched_scales(source, exams))
    return [
        replace(answer, is_scale_unmatched=answer.exam is not None and answer.exam.grade_scale.strip() in unmatched)
        for answer in answers
    ]


def _rows(source: Source, data: SourceData, codes: list[str], **more: str) -> list[dict[str, Any]]:
    """Each chosen exam, with the addresses without it, and with it as the first."""
    rows = []
    for answer in data.found:
        others = [code for code in codes if code != answer.code]
        rows.append(
            {
                "found": answer,
                "taken": data.taken.get(answer.exam.code if answer.exam else answer.code),
                "without": address_of_step("preview", source, others, **more) if others else "",
                "first": address_of_step("preview", source, [answer.code, *others], **more),
            }
        )
    return rows


def _add_typed(request: HtmxRequest, source: Source, codes: list[str], form: CodeForm) -> HttpResponse:
    """The exams that were typed join the others; of which there is none stands at the field, with the reason."""
    failures: dict[str, RemoteError] = {}
    for typed, answer in fetch_typed(source, form.cleaned_data["typed"]):
        if isinstance(answer, RemoteError):
            failures[typed] = answer
        elif len(each_once([*codes, answer.code])) == len(codes):
            messages.info(request, _("%(code)s is chosen already.") % {"code": answer.code})
        else:
            codes = [*codes, answer.code]
    if failures:
        left = CodeForm({"typed": ", ".join(failures)})
        unknown = [str(error.message) for error in failures.values() if isinstance(error, UnknownToLadok)]
        if left.is_valid() and unknown:
            left.add_error("typed", ValidationError(unknown[:MOST_TOLD]))
        down = next((error.message for error in failures.values() if not isinstance(error, UnknownToLadok)), None)
        return render(request, "sources/new_code.html", _code_context(request, source, codes, left, down))
    return redirect(address_of_step("preview", source, codes, make=request.GET.get("make", "")))


def _fetch(source: Source, codes: list[str], *, maker: str) -> list[Found]:
    return [
        Found(code, failure=answer.message) if isinstance(answer, RemoteError) else Found(code, answer, maker=maker)
        for code, answer in zip(codes, fetch_several(source, codes), strict=True)
    ]
