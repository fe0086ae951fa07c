"""What a flow in a list stands at: finer than Pending, Exported and Failed, the three that are stored and that the tabs of the
dashboard are."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from django.db.models import Case, IntegerField, Q, Value, When
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from exports.models import ExportAttempt, ExportItem
from ladokflow import looks
from ladokflow.choices import StateChoices, with_trait
from ladokflow.messages import Trait
from ladokflow.sql import among
from sources.models import Flow
from sources.models.flow import ExportState, FlowQuerySet


class Standing(StateChoices):
    """What nobody knows comes before all else; then what somebody has to do something about."""

    UNKNOWN = "unknown", looks.UNKNOWN, pgettext_lazy("state of a flow", "Unknown")
    REJECTED = "rejected", looks.BAD, _("Rejected")
    READY = "ready", looks.READY, _("Ready to send")
    NOT_READY = "not_ready", looks.WAITING, _("Not ready")
    SENT = "sent", looks.OK, pgettext_lazy("state of a flow", "Sent")


# Under which tab of the dashboard each of them is
OF_TAB = {
    ExportState.FAILED: (Standing.UNKNOWN, Standing.REJECTED),
    ExportState.EXPORTED: (Standing.SENT,),
    ExportState.PENDING: (Standing.READY, Standing.NOT_READY),
}


def standing_of(flow: Any) -> Standing:
    """Of a flow of `with_standing` that is not under way."""
    if flow.unknown_count:
        return Standing.UNKNOWN
    if flow.export_state == ExportState.PENDING:
        is_ready = flow.export_reason is not None and flow.export_reason.has(Trait.READY)
        return Standing.READY if is_ready else Standing.NOT_READY
    return Standing.REJECTED if flow.export_state == ExportState.FAILED else Standing.SENT


RANK: Mapping[Standing, int] = {standing: rank for rank, standing in enumerate(Standing)}
UNDER_WAY = len(Standing)  # the rank of what stands at nothing


@cache
def _unknown() -> Q:
    """By the attempts: there are many more items, each with its own row, where an outcome of thousands is unknown."""
    items = ExportItem.objects.filter(state=ExportItem.State.UNKNOWN).order_by().values("attempt")
    return among(ExportAttempt.objects.filter(pk__in=items), "flow")


@cache
def stands_at(standing: Standing) -> Q:
    """As `standing_of`, of a flow's row. Each part is found by an index that has little else; what is under way stands at nothing."""
    unknown = _unknown()
    if standing == Standing.UNKNOWN:
        return unknown
    if standing == Standing.REJECTED:
        return Q(export_state=ExportState.FAILED) & ~unknown
    if standing == Standing.SENT:
        return Q(export_state=ExportState.EXPORTED) & ~unknown
    pending = Q(export_state=ExportState.PENDING) & ~unknown
    if standing == Standing.READY:
        return pending & with_trait("export_message", Trait.READY)
    is_more = with_trait("export_message", Trait.READY) | with_trait("export_message", Trait.UNDER_WAY)
    return pending & ~among(Flow.objects.filter(is_more), "pk")


@cache
def _says(trait: Trait) -> Q:
    return among(Flow.objects.filter(with_trait("export_message", trait)), "pk")


def ranked(flows: FlowQuerySet) -> FlowQuerySet:
    """With the place of each in the order of `Standing`, as `standing_rank`: what does not fit the one is asked for the next.

    Of a flow's own row only what `flow_dashboard` has is looked at: all flows may be asked for it, and their rows are wide.
    """
    steps: list[tuple[Q, int]] = [
        (_unknown(), RANK[Standing.UNKNOWN]),
        (Q(export_state=ExportState.FAILED), RANK[Standing.REJECTED]),
        (Q(export_state=ExportState.EXPORTED), RANK[Standing.SENT]),
        (_says(Trait.READY), RANK[Standing.READY]),
        (_says(Trait.UNDER_WAY), UNDER_WAY),
    ]
    cases = [When(condition, then=Value(rank)) for condition, rank in steps]
    rank = Case(*cases, default=Value(RANK[Standing.NOT_READY]), output_field=IntegerField())
    return flows.annotate(standing_rank=rank)
