"""The rules by which a university's flows are made by themselves: what they have made and what not, and what one would make."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from ladokflow.addresses import address_of
from ladokflow.ladok.base import Exam
from ladokflow.messages import Message, Refused
from ladokflow.requests import HtmxRequest
from sources.flows.exams import on_flows
from sources.flows.rules import AHEAD, look, make_asked
from sources.models import FlowRule, RuleExam, Source
from sources.universities.permissions import Right, rights_in
from sources.views.wizard import source_for

EXAMS_PER_PAGE = 50


def _administers(request: HtmxRequest, source: Source) -> bool:
    return rights_in(request).may(Right.ADMINISTER, source.pk)


@login_required
@require_GET
def rules(request: HtmxRequest, slug: str) -> HttpResponse:
    """The rules, and every exam that one has taken up, the newest first, with its flow or why there is none."""
    source = source_for(request, slug)
    taken_up = RuleExam.objects.filter(source=source).select_related("rule", "batch_exam__flow")
    page = Paginator(taken_up, EXAMS_PER_PAGE).get_page(request.GET.get("page"))
    exams = list(page.object_list)
    flows = on_flows(source, [exam.code for exam in exams])
    context = {
        "source": source,
        "rules": source.rules_for_flows.select_related("manager", "preset"),
        "page": page,
        "exams": [(exam, _flow_of(exam, flows)) for exam in exams],
        "administers": _administers(request, source),
    }
    return render(request, "sources/rules.html", context)


def _flow_of(exam: RuleExam, flows: dict[str, Any]) -> Any:
    """The flow that it is on now, whoever made it; otherwise the one that was made of it."""
    row = flows.get(exam.normal_code)
    if row is not None:
        return row.flow
    return exam.batch_exam.flow if exam.batch_exam is not None else None


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def rule(request: HtmxRequest, slug: str, rule_pk: int) -> HttpResponse:
    """The dry run: what the rule would make tonight, and later. A licence admin has that of tonight made at once."""
    source = source_for(request, slug)
    shown = get_object_or_404(FlowRule.objects.select_related("source", "manager", "preset"), pk=rule_pk, source=source)
    administers = _administers(request, source)
    failure: Message | None = None
    if request.method == "POST":
        try:
            batch = make_asked(shown, request.user, seen=request.POST.get("seen", ""), address=address_of(request))
        except Refused as refused:
            failure = refused.message
        else:
            if batch is not None:
                return redirect("flows:batch", batch.pk)
            messages.info(request, _("Nothing was left to make."))
            return redirect("flows:rules", source.slug)
    found = look(shown, ahead=AHEAD)
    today = timezone.now().astimezone(source.tz).date()
    made_on = [(exam, _made_on(shown, exam)) for exam in found.new]
    tonight = replace(found, new=[exam for exam, day in made_on if day <= today])
    context = {
        "source": source,
        "rule": shown,
        "look": tonight,
        "later": [(exam, day) for exam, day in made_on if day > today],
        "failure": failure,
        "administers": administers,
    }
    return render(request, "sources/rule.html", context)


def _made_on(rule: FlowRule, exam: Exam) -> dt.date:
    start = exam.participation_start_at
    return start.date() - dt.timedelta(days=rule.days_before) if start is not None else dt.date.max
