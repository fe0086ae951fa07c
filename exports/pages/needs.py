"""What of a flow needs a person: the rows of Home, and the sentence and the button at the top of the flow's page.

Each kind is a `Need`, in order of urgency: which flows it is of, for the database and for one row, what is told, and what there is to
press. The two are held to each other by a test.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db.models import Count, F, IntegerField, Q, Value, Window
from django.db.models.functions import RowNumber
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from exports.attempts.seen import with_standing
from exports.models import ExportAttempt, Finding
from exports.pages.findings import with_findings
from exports.pages.lists import Row
from exports.pages.standing import Standing, stands_at
from ladokflow import looks
from ladokflow.choices import with_trait
from ladokflow.looks import Look
from ladokflow.messages import Message, Text, Trait
from ladokflow.sql import among
from sources.flows.asking import Asked, asking, with_questions
from sources.models import Flow
from sources.models.flow import ExportState, FlowQuerySet

SOON = dt.timedelta(days=7)
# By a question of its own
IS_HELD = (Q(scale_message=F("export_message")) & ~Q(scale_message={})) | Q(adoption=Flow.Adoption.UNSAID)
LATE = dt.timedelta(days=365)  # what should have ended before that is forgotten, not late
FINDINGS = "findings"  # the kind of question that has a section of its own


@dataclass(frozen=True)
class Button:
    """What is pressed: a link, or with `is_post` a form's button. `needs_right`: by those who may export grades."""

    label: Text
    address: str
    is_post: bool = False
    needs_right: bool = False


@dataclass(frozen=True)
class Told:
    """A need of one flow, as its viewer reads it. `button` is None where the viewer may not press it; `why_not` says so."""

    need: Need
    row: Row
    what: str
    button: Button | None
    why_not: Message | None = None
    at: dt.datetime | None = None  # until when, or since when

    @property
    def is_of_export(self) -> bool:
        """Whether what is told is what the flow itself says of its export."""
        return self.need.name in EXPORTS

    @property
    def more(self) -> str:
        """What that means, and what to do."""
        reason = self.flow.export_reason if self.is_of_export else None
        is_said = reason is not None and self.what == reason.what
        return " ".join(part for part in (reason.effect, reason.todo) if part) if reason and is_said else ""

    @property
    def flow(self) -> Any:
        return self.row.flow

    @property
    def is_here(self) -> bool:
        """Whether its button leads to nothing but the flow's page."""
        return self.button is not None and self.button.address == reverse("flows:detail", args=[self.flow.pk])


@dataclass(frozen=True)
class Need:
    """A kind of what needs a person. `is_of` is as `flows`, of one row."""

    name: str
    title: Text
    look: Look
    flows: Callable[[FlowQuerySet], FlowQuerySet]
    is_of: Callable[[Row], bool]
    what: Callable[[Row], str]
    button: Callable[[Row], Button | None]
    all_address: str = ""  # of the list that has all of them: the address of a page, and its query
    at: Callable[[Row], dt.datetime | None] = lambda row: None

    def of(self, row: Row) -> Told:
        button = self.button(row)
        if (
            button is not None
            and row.no_right is not None
            and (button.needs_right or (button.is_post and not row.may_change))
        ):
            return Told(self, row, self.what(row), None, row.no_right, self.at(row))
        return Told(self, row, self.what(row), button, None, self.at(row))

    @property
    def address_of_all(self) -> str:
        page, _query, query = self.all_address.partition("?")
        return f"{reverse(page)}?{query}" if page else ""


# --- What each is of ----------------------------------------------------------------------------------------------


def _not_under_way(flows: FlowQuerySet) -> FlowQuerySet:
    return flows.exclude(_under_way())


@cache
def _under_way() -> Q:
    return among(ExportAttempt.objects.filter(state__in=ExportAttempt.OPEN), "flow")


@cache
def _with_findings() -> Q:
    return among(Finding.objects.open(), "flow")


def _rejected(flows: FlowQuerySet) -> FlowQuerySet:
    """What can be sent again: where the code was removed or the flow let go, nothing more is."""
    flows = flows.ours().filter(stands_at(Standing.REJECTED), export_ended_at=None)
    return _not_under_way(flows)


def _is_rejected(row: Row) -> bool:
    return row.action in ("retry", "mark") and not row.flow.unknown_count and not row.flow.is_released


def _to_send(flows: FlowQuerySet) -> FlowQuerySet:
    """Also what is held: but for what a question of the flow holds, and where the grades that are missing may never come."""
    return _not_under_way(flows.ours().to_export().exclude(_not_to_send()))


@cache
def _not_to_send() -> Q:
    nothing_to_do = with_trait("export_message", Trait.LEFT_UNGRADED) | with_trait("export_message", Trait.UNDER_WAY)
    pending = Flow.objects.filter(export_state=ExportState.PENDING)
    return among(pending.filter(nothing_to_do), "pk") | among(pending.filter(IS_HELD), "pk")


def _is_to_send(row: Row) -> bool:
    flow, why = row.flow, row.flow.export_reason
    is_pending = flow.export_state == ExportState.PENDING and flow.is_marking_over and flow.graded_count > 0
    is_done = why is not None and (why.has(Trait.LEFT_UNGRADED) or why.has(Trait.UNDER_WAY))
    is_held = flow.is_adoption_unsaid or bool(flow.scale_message and flow.scale_message == flow.export_message)
    return is_pending and flow.export_ended_at is None and not (flow.is_released or is_done or is_held)


def _late(flows: FlowQuerySet) -> FlowQuerySet:
    now = timezone.now()
    return flows.ours().syncable().filter(marking_end_at__lt=now, marking_end_at__gte=now - LATE)


def _ending(flows: FlowQuerySet) -> FlowQuerySet:
    """Where somebody has no grade yet."""
    return flows.ours().ending_within(SOON).filter(graded_count__lt=F("participant_count"))


def _marking_ends(row: Row) -> dt.datetime | None:
    flow = row.flow
    is_on = flow.setup_state == Flow.Setup.READY and not flow.is_marking_over and not flow.is_released
    return flow.marking_end_at if is_on else None


def _is_late(row: Row) -> bool:
    ends = _marking_ends(row)
    return ends is not None and timezone.now() - LATE <= ends < timezone.now()


def _is_ending(row: Row) -> bool:
    ends = _marking_ends(row)
    is_soon = ends is not None and timezone.now() <= ends < timezone.now() + SOON
    return is_soon and row.flow.graded_count < row.flow.participant_count


# --- What is told, and what there is to press ---------------------------------------------------------------------


def questions_of(row: Row) -> list[Asked]:
    return [question for question in row.questions if question.kind.name != FINDINGS]


def _questions(row: Row) -> str:
    first, *others = questions_of(row)
    if not others:
        return first.message.what
    text = ngettext("And %(count)s question more.", "And %(count)s questions more.", len(others))
    return f"{first.message.what} {text % {'count': len(others)}}"


def _reason(row: Row) -> str:
    return row.flow.export_reason.what if row.flow.export_reason is not None else str(row.shown.label)


def _graded(row: Row) -> str:
    text = _("%(graded)s of %(total)s graded.")
    return text % {"graded": row.flow.graded_count, "total": row.flow.participant_count}


def _unknown(row: Row) -> str:
    if row.flow.export_state == ExportState.FAILED:
        return _reason(row)
    text = ngettext(
        "It is not known if Ladok has %(count)s grade.",
        "It is not known if Ladok has %(count)s grades.",
        row.flow.unknown_count,
    )
    return text % {"count": row.flow.unknown_count}


def _to_flow(row: Row) -> Button:
    return Button(_("Open"), reverse("flows:detail", args=[row.flow.pk]))


def _to_preview(row: Row, label: str, asking: str = "", *, needs_right: bool = True) -> Button:
    address = reverse("exports:preview", args=[row.flow.pk])
    return Button(label, f"{address}?asking={asking}" if asking else address, needs_right=needs_right)


def _to_mark(row: Row) -> Button:
    return Button(_("Mark as exported…"), reverse("exports:mark", args=[row.flow.pk]), needs_right=True)


def _check(row: Row) -> Button:
    if row.can_be_checked:
        return Button(_("Check with Ladok"), reverse("exports:check", args=[row.flow.pk]), is_post=True)
    address = reverse("exports:mark", args=[row.flow.pk])
    return Button(_("I have looked in Ladok…"), f"{address}?unknown=yes", needs_right=True)


def _again(row: Row) -> Button:
    return _to_mark(row) if row.action == "mark" else _to_preview(row, _("Retry"), "retry")


def _send(row: Row) -> Button:
    if row.action == "export":
        return _to_preview(row, pgettext("button", "Export"))
    return _to_preview(row, _("Preview"), needs_right=False)


def _answer(row: Row) -> Button:
    first = questions_of(row)[0]
    # Whoever only reads is shown what is asked.
    label = _("Answer") if row.may_change else _("Open")
    return Button(label, first.address, needs_right=first.kind.needs_right)


def _what_has_changed(row: Row) -> Button:
    return _to_preview(row, _("What has changed"), "overwrite" if row.action == "overwrite" else "", needs_right=False)


EXPORTS = ("unknown", "rejected", "changed", "to_send")  # those that the flow's own sentence about its export tells
NEEDS: dict[str, Need] = {
    need.name: need
    for need in (
        Need(
            "found",
            gettext_lazy("Grades to look into"),
            looks.BAD,
            flows=lambda flows: flows.filter(_with_findings()),
            is_of=lambda row: row.found is not None,
            what=lambda row: " ".join(row.found.sentences) if row.found else "",
            button=lambda row: Button(_("See the grades"), reverse("exports:findings", args=[row.flow.pk])),
        ),
        Need(
            "unknown",
            gettext_lazy("Outcome unknown"),
            looks.UNKNOWN,
            flows=lambda flows: _not_under_way(flows.filter(stands_at(Standing.UNKNOWN))),
            is_of=lambda row: bool(row.flow.unknown_count) and not row.flow.is_under_way,
            what=_unknown,
            button=_check,
            all_address="flows:list?standing=unknown",
        ),
        Need(
            "rejected",
            gettext_lazy("Failed exports"),
            looks.BAD,
            flows=_rejected,
            is_of=_is_rejected,
            what=_reason,
            button=_again,
            all_address="flows:list?standing=rejected",
        ),
        Need(
            "asks",
            gettext_lazy("Needs an answer"),
            looks.WARN,
            flows=lambda flows: asking(flows, besides=FINDINGS),
            is_of=lambda row: bool(questions_of(row)),
            what=_questions,
            button=_answer,
            all_address="flows:list?asks=on",
        ),
        Need(
            "changed",
            gettext_lazy("Grades changed after the export"),
            looks.WARN,
            flows=lambda flows: _not_under_way(flows.changed_since_export()),
            is_of=lambda row: row.flow.is_changed_since_export and not row.flow.is_under_way,
            what=_reason,
            button=_what_has_changed,
            all_address="exports:dashboard?tab=exported",
        ),
        Need(
            "to_send",
            gettext_lazy("Grades to send"),
            looks.READY,
            flows=_to_send,
            is_of=lambda row: _is_to_send(row) and not row.flow.is_under_way,
            what=_reason,
            button=_send,
            all_address="exports:dashboard?tab=pending",
            at=lambda row: row.flow.marking_end_at,
        ),
        Need(
            "late",
            gettext_lazy("Marking should have ended"),
            looks.WARN,
            flows=_late,
            is_of=_is_late,
            what=_graded,
            button=_to_flow,
            all_address="flows:list?phase=3&sort=marking",
            at=_marking_ends,
        ),
        Need(
            "ending",
            gettext_lazy("Marking ends within a week"),
            looks.WAITING,
            flows=_ending,
            is_of=_is_ending,
            what=_graded,
            button=_to_flow,
            all_address="flows:list?phase=3&sort=marking",
            at=_marking_ends,
        ),
    )
}


def needs_of(row: Row) -> list[Told]:
    """Of one flow, the most urgent first."""
    return [need.of(row) for need in NEEDS.values() if need.is_of(row)]


# --- Of many flows ------------------------------------------------------------------------------------------------


def with_needs(flows: FlowQuerySet) -> FlowQuerySet:
    """The flows with all that `Need` looks at besides their source and codes, in the same query."""
    return with_findings(with_questions(with_standing(flows)))


@dataclass(frozen=True)
class First:
    """The first flows of a list, and how many there are in all of it."""

    keys: tuple[int, ...] = ()
    count: int = 0


def first_by_need(visible: FlowQuerySet, most: int, *more: tuple[FlowQuerySet, str, int]) -> list[First]:
    """For each need the flows whose marking has ended the longest ago; and of each of `more`, as many as it says, by the column it says.
    One query, which looks for each by itself, for together all flows would be gone through."""
    parts = [(need.flows(visible), "marking_end_at", most) for need in NEEDS.values()]
    numbered = [
        flows.order_by()
        .annotate(
            part=Value(number, output_field=IntegerField()),
            place=Window(RowNumber(), order_by=(F(column).asc(nulls_last=True), "pk")),
            count=Window(Count("*")),
        )
        .filter(place__lte=shown)
        .values_list("part", "place", "pk", "count")
        for number, (flows, column, shown) in enumerate([*parts, *more])
    ]
    found = [First() for _part in numbered]
    rows: Iterable[tuple[int, int, int, int]] = numbered[0].union(*numbered[1:], all=True)
    for number, _place, pk, count in sorted(rows):
        found[number] = First((*found[number].keys, pk), count)
    return found
