"""What needs me, the most urgent first; and beside it the exams of the coming two weeks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery, Sum, UUIDField
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from exports.pages.colleagues import Colleagues
from exports.pages.findings import found_on
from exports.pages.lists import at_their_sources, rows_of
from exports.pages.needs import NEEDS, Button, Told, first_by_need, questions_of, with_needs
from exports.pages.table import MAX_CHOSEN
from exports.rules.values import Asking
from ladokflow import looks
from ladokflow.looks import Look
from ladokflow.messages import Message, Text, message
from ladokflow.pages.coming import SHOWN as EXAMS_SHOWN
from ladokflow.pages.coming import coming_exams, coming_flows
from ladokflow.requests import HtmxRequest
from ladokflow.sql import Column, is_so
from sources.access import flows_seen
from sources.models import BatchExam, Credential, ExamReading, Flow, FlowBatch, FlowRule, Membership, SyncRun
from sources.models.flow import FlowQuerySet
from sources.pages.no_membership import without_membership
from sources.universities.expiry import DAYS_BEFORE, told_of
from sources.universities.permissions import rights_in

SHOWN = 6  # of each section
EXPIRES_SOON = 30  # days before: for those who can only remind somebody of it
NAMES_SHOWN = 2


# What is asked for of all flows of a section, the button's words, and those where there are more than can be sent at a time
SENT_TOGETHER = {
    "rejected": (Asking.RETRY, gettext_lazy("Retry all %(count)s…"), gettext_lazy("Retry the first %(count)s…")),
    "to_send": (Asking.FIRST, gettext_lazy("Export all %(count)s…"), gettext_lazy("Export the first %(count)s…")),
}


@dataclass(frozen=True)
class Line:
    """One thing that needs somebody. Where its viewer can do nothing `button` is None, and `who` names those who can."""

    title: str
    what: str
    address: str = ""
    codes: tuple[str, ...] = ()
    at: dt.datetime | None = None
    tz: Any = None
    button: Button | None = None
    who: tuple[str, ...] = ()


@dataclass(frozen=True)
class Section:
    name: str
    title: Text
    look: Look
    lines: list[Line]
    count: int
    all_address: str = ""
    all_button: Button | None = None  # what is done with all of them at once

    @property
    def more(self) -> int:
        return self.count - len(self.lines)


@login_required
@require_GET
def home(request: HtmxRequest) -> HttpResponse:
    memberships = {row.source_id: row for row in _memberships(request.user)}
    if not memberships:
        return without_membership(request)
    rights_in(request, memberships.values())
    sources = {pk: row.source for pk, row in memberships.items()}
    visible = Flow.objects.at(memberships)
    *first, coming = first_by_need(visible, SHOWN, (coming_flows(visible), "participation_start_at", EXAMS_SHOWN + 1))
    shown = {pk for part in first for pk in part.keys}
    flows = with_needs(Flow.objects.prefetch_related("codes")).in_bulk(shown | set(coming.keys))
    at_their_sources(flows.values(), memberships)
    found = {pk: one for pk in shown if pk in flows and (one := found_on(flows[pk]))}
    rows = {row.flow.pk: row for row in rows_of((flows[pk] for pk in shown if pk in flows), memberships, found)}
    told = {
        need.name: [need.of(rows[pk]) for pk in part.keys if pk in rows and need.is_of(rows[pk])]
        for need, part in zip(NEEDS.values(), first, strict=True)
    }
    faults = [fault for row in memberships.values() for fault in faults_of(row)]
    rules = [row for row in memberships.values() if row.rule]
    to_be_named = (
        {one.flow.source_id for part in told.values() for one in part if one.why_not is not None}
        | {fault.membership.source_id for fault in faults if not fault.is_mine}
        | {row.source_id for row in rules if not row.is_admin}
    )
    colleagues = Colleagues.of({pk: sources[pk] for pk in to_be_named})
    flows_seen(request, [one.flow for one in told["asks"] if questions_of(one.row)[0].message.params.get("name")])
    counts = {name: part.count for name, part in zip(NEEDS, first, strict=True)}
    sections = [
        _section_of_faults(faults, colleagues),
        *(_section(name, part, counts[name], colleagues) for name, part in told.items()),
        _section_of_rules(rules, colleagues),
        _section_of_batches(_batches(request.user)),
    ]
    exams = coming_exams([flows[pk] for pk in coming.keys if pk in flows], sources)
    context = {
        "sources": list(sources.values()),
        "has_flows": any(row.has_flows for row in memberships.values()),
        "making": next((row.making for row in memberships.values() if row.making), None),
        "sections": sorted((each for each in sections if each.lines), key=lambda each: ORDER.index(each.name)),
        "exams": exams[:EXAMS_SHOWN],
        "has_more_exams": len(exams) > EXAMS_SHOWN,
        "readings": [(source, _reading_of(source)) for source in sources.values()],
        "night": last_night(visible),
    }
    return render(request, "pages/home.html", context)


ORDER = (
    "credentials",
    "found",
    "unknown",
    "rejected",
    "asks",
    "rules",
    "batches",
    "changed",
    "to_send",
    "late",
    "ending",
)


def _memberships(user: Any) -> QuerySet[Any]:
    """The signed-in user's own places, with what Home asks of each source; one query."""
    rows = Membership.objects.filter(user_id=user.pk).select_related("source__exam_reading")
    return rows.annotate(**of_source()).order_by("source__name")


@cache
def of_source() -> dict[str, Column]:
    waiting = BatchExam.objects.filter(batch__source=OuterRef("source"), flow=None, message={}).order_by("-pk")
    asking = FlowRule.objects.asking().order_by("name")
    facts = {
        "has_flows": is_so(Exists(Flow.objects.filter(source=OuterRef("source")))),
        "making": Column(Subquery(waiting.values("batch")[:1]), UUIDField()),
        "rule": _first(asking, "id"),
        "rule_name": _first(asking, "name"),
        "rule_told": _first(asking, "told"),
        "rule_looked_at": _first(asking, "looked_at"),
    }
    for system in Credential.System.values:
        in_use = Credential.objects.newest_enabled().filter(system=system)
        facts[f"{system}_credential"] = _first(in_use, "id")
        facts[f"{system}_expires_at"] = _first(in_use, "expires_at")
    return facts


def _first(rows: QuerySet[Any, Any], column: str) -> Column:
    """Of the first of the rows of the membership's source."""
    first = rows.filter(source=OuterRef("source")).values(column)[:1]
    return Column(Subquery(first), rows.model._meta.get_field(column))


def _reading_of(source: Any) -> ExamReading | None:
    """When its Ladok was last asked for coming exams; None where it never was."""
    return getattr(source, "exam_reading", None)


# --- Sections -----------------------------------------------------------------------------------------------------


def _section(name: str, told: Sequence[Told], count: int, colleagues: Colleagues) -> Section:
    need = NEEDS[name]
    # What is no longer so by the time its row is read has been counted before.
    count = count if len(told) == SHOWN else len(told)
    lines = [_line(one, colleagues) for one in told]
    return Section(name, need.title, need.look, lines, count, need.address_of_all, _button_of_all(name, told, count))


def _button_of_all(name: str, told: Sequence[Told], count: int) -> Button | None:
    """To the preview of all, where the viewer may send more than one; of as many as can be sent at a time."""
    if name not in SENT_TOGETHER or count < 2 or all(one.why_not is not None for one in told):
        return None
    asking, label, label_of_first = SENT_TOGETHER[name]
    query = urlencode({"asking": asking.value, "need": name})
    text = label if count <= MAX_CHOSEN else label_of_first
    return Button(text % {"count": min(count, MAX_CHOSEN)}, f"{reverse('exports:preview_chosen')}?{query}")


def _line(told: Told, colleagues: Colleagues) -> Line:
    flow = told.flow
    return Line(
        title=flow.title,
        what=told.what,
        address=reverse("flows:detail", args=[flow.pk]),
        codes=tuple(code.code for code in flow.codes.all()),
        at=told.at,
        tz=flow.source.tz,
        button=told.button,
        who=colleagues.who_export(flow.source_id) if told.why_not is not None else (),
    )


@dataclass(frozen=True)
class Fault:
    """What is wrong, or soon will be, with how a source's systems are reached. `is_mine`: its viewer can mend it."""

    membership: Any
    message: Message
    credential: Any = None

    @property
    def is_mine(self) -> bool:
        return bool(self.membership.is_admin)

    @property
    def address(self) -> str:
        if self.credential is None:
            return reverse("admin:sources_credential_changelist")
        return reverse("admin:sources_credential_change", args=[self.credential])


def faults_of(membership: Any) -> list[Fault]:
    """Of a row of `_memberships`: a system without a credential, and one whose credential has expired or soon will."""
    faults, now = [], timezone.now()
    within = DAYS_BEFORE[0] if membership.is_admin else EXPIRES_SOON
    for system in Credential.System:
        pk, ends = getattr(membership, f"{system}_credential"), getattr(membership, f"{system}_expires_at")
        if pk is None:
            faults.append(Fault(membership, message("sources.credential_missing", system=system.label)))
            continue
        credential = Credential(pk=pk, source=membership.source, system=system, expires_at=ends)
        if told := told_of(credential, now, within):
            faults.append(Fault(membership, told, pk))
    return faults


def _section_of_faults(faults: Sequence[Fault], colleagues: Colleagues) -> Section:
    lines = [
        Line(
            title=fault.membership.source.name,
            what=fault.message.what,
            button=Button(_("Replace"), fault.address) if fault.is_mine else None,
            who=() if fault.is_mine else tuple(colleagues.admins.get(fault.membership.source_id, ())),
        )
        for fault in faults
    ]
    return Section("credentials", gettext_lazy("Credentials"), looks.BAD, lines, len(lines))


def _section_of_rules(memberships: Sequence[Any], colleagues: Colleagues) -> Section:
    """A row for each source: the rule that asks, or the first of them."""
    lines = []
    for row in memberships:
        address = reverse("flows:rule", args=[row.source.slug, row.rule])
        lines.append(
            Line(
                title=row.rule_name,
                what=Message.list_from_json(row.rule_told)[0].what,
                address=address,
                at=row.rule_looked_at,
                tz=row.source.tz,
                button=Button(_("Answer"), address) if row.is_admin else None,
                who=() if row.is_admin else tuple(colleagues.admins.get(row.source_id, ())),
            )
        )
    return Section("rules", gettext_lazy("Rules that ask"), looks.WARN, lines, len(lines))


def _batches(user: Any) -> QuerySet[Any]:
    first = BatchExam.objects.filter(batch=OuterRef("pk")).order_by("position").values("code")[:1]
    return FlowBatch.objects.unfinished_of(user).prefetch_related(None).annotate(first_code=Subquery(first))


def _section_of_batches(batches: Iterable[Any]) -> Section:
    lines = [
        Line(
            title=_("%(code)s and those chosen with it") % {"code": batch.first_code},
            what=_("Not every exam became a flow."),
            address=reverse("flows:batch", args=[batch.pk]),
            at=batch.created_at,
            tz=batch.source.tz,
            button=Button(_("Open"), reverse("flows:batch", args=[batch.pk])),
        )
        for batch in batches
    ]
    return Section("batches", gettext_lazy("Exams that did not become flows"), looks.WARN, lines[:SHOWN], len(lines))


def last_night(visible: FlowQuerySet) -> Mapping[str, int]:
    """The nightly synchronisations of the last day, in sums."""
    return SyncRun.objects.filter(
        flow__in=visible, trigger=SyncRun.Trigger.NIGHT, created_at__gte=timezone.now() - dt.timedelta(days=1)
    ).aggregate(
        runs=Count("pk"),
        failed=Count("pk", filter=Q(state=SyncRun.State.FAILED)),
        added=Sum("added", default=0),
        removed=Sum("removed", default=0),
        deactivated=Sum("deactivated", default=0),
    )
