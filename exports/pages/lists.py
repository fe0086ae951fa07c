"""What the pages of exports show, each in a constant number of queries."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Case, Count, Exists, IntegerField, OuterRef, Q, QuerySet, Subquery, When
from django.db.models.functions import Coalesce

from exports.models import ExportAttempt, ExportItem
from exports.rules import rules
from exports.rules.rules import FlowFacts, Sender
from exports.rules.states import UNDER_WAY
from ladokflow.messages import Message
from sources.models import Flow, Membership
from sources.models.flow import ExportState, FlowQuerySet

READY = ("export.ready", "export.ready_but")
CHANGED = "export.some_changed"
LIVE_SHOWN = 30


def tab_counts(flows: FlowQuerySet) -> dict[str, int]:
    """How many flows stand under each tab; one query."""
    found = dict(flows.order_by().values_list("export_state").annotate(Count("pk")))
    return {str(state): found.get(state, 0) for state in ExportState.values}


def with_exports(flows: FlowQuerySet) -> FlowQuerySet:
    """For each flow: if an export is under way, the newest attempt, and how many outcomes are unknown."""
    attempts = ExportAttempt.objects.filter(flow=OuterRef("pk"))
    unknown = (
        ExportItem.objects.filter(participant__flow=OuterRef("pk"), state=ExportItem.State.UNKNOWN)
        .order_by()
        .values("participant__flow")
        .annotate(found=Count("pk"))
        .values("found")
    )
    return flows.with_source_and_codes().annotate(
        is_under_way=Exists(attempts.filter(state__in=ExportAttempt.OPEN)),
        newest_attempt=Subquery(attempts.order_by("-created_at").values("pk")[:1]),
        unknown_count=Coalesce(Subquery(unknown, output_field=IntegerField()), 0),
    )


def memberships_by_source(user: Any) -> dict[int, Membership]:
    """The signed-in user's own places, with their sources; one query."""
    found = Membership.objects.filter(user_id=user.pk).select_related("source").order_by("source__name")
    return {membership.source_id: membership for membership in found}


@dataclass(frozen=True)
class Row:
    """A flow on the dashboard and what its viewer can do with it: `action` is "export", "retry", "overwrite" or ""."""

    flow: Any
    action: str
    why_not: Message | None

    @property
    def is_changed(self) -> bool:
        """Whether WISEflow has other grades now than those that were exported."""
        return bool(self.flow.export_message.get("code") == CHANGED)

    @property
    def can_be_chosen(self) -> bool:
        """Together with others. What may be in Ladok already is only sent again from its own preview."""
        return self.action in ("export", "retry") and self.why_not is None and not self.flow.unknown_count


def rows_of(flows: Iterable[Any], memberships: dict[int, Membership]) -> list[Row]:
    return [_row(flow, memberships[flow.source_id]) for flow in flows]


def _row(flow: Any, membership: Membership) -> Row:
    code = (flow.export_message or {}).get("code", "")
    facts = FlowFacts(
        is_under_way=flow.is_under_way,
        is_export_ended=flow.export_ended_at is not None,
        allows_overwriting=flow.source.allows_overwriting,
        needs_export_right=flow.source.rules.needs_export_right,
    )
    action = ""
    if rules.is_free(facts) or rules.is_code_there(facts):
        action = ""
    elif flow.export_state == ExportState.FAILED:
        action = "retry"
    elif flow.export_state == ExportState.PENDING and code in READY:
        action = "export"
    elif code == CHANGED and not rules.may_overwrite(facts):
        action = "overwrite"
    sender = Sender(membership.organisation_id, membership.can_export)
    return Row(flow, action, rules.has_export_right(facts, sender) if action else None)


# --- What is under way ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Live:
    """The attempts that are under way, and those the viewer has just started: these stay when they have ended."""

    attempts: list[ExportAttempt]

    @property
    def open(self) -> list[ExportAttempt]:
        """Also an attempt that has just ended while its flow does not say so yet: the two are written one after the other."""
        return [
            attempt
            for attempt in self.attempts
            if attempt.state in ExportAttempt.OPEN or attempt.flow.export_message.get("code") in UNDER_WAY
        ]

    @property
    def ended_count(self) -> int:
        return len(self.attempts) - len(self.open)


def live_attempts(user: AbstractBaseUser | AnonymousUser, watched: Sequence[str]) -> Live:
    wanted = Q(state__in=ExportAttempt.OPEN) | Q(pk__in=[found for text in watched if (found := _uuid(text))])
    attempts = (
        ExportAttempt.objects.filter(wanted, flow__in=Flow.objects.visible_to(user))
        .select_related("flow", "flow__source", "code")
        .defer("answer")
        .order_by("-created_at")
    )
    return Live(list(attempts[:LIVE_SHOWN]))


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


# --- People in attempts --------------------------------------------------------------------------------------------


def with_newer(items: QuerySet[ExportItem]) -> QuerySet[Any]:
    """For each item: if the person has a newer one, so that nothing can be done with this one any more."""
    newer = ExportItem.objects.filter(participant=OuterRef("participant"), pk__gt=OuterRef("pk"))
    return items.select_related("participant", "settled_by").annotate(has_newer=Exists(newer))


def worst_first(items: QuerySet[ExportItem]) -> QuerySet[ExportItem]:
    """What somebody has to look at stands first, then by name."""
    worst = (ExportItem.State.UNKNOWN, ExportItem.State.FAILED, ExportItem.State.LIVE, ExportItem.State.EXPORTED)
    rank = Case(*(When(state=state, then=place) for place, state in enumerate(worst)), default=len(worst))
    return items.order_by(rank, "participant__last_name", "participant__first_name", "pk")


def outcome_counts(attempt: ExportAttempt) -> dict[str, int]:
    """How many items there are in each state; only the states there are."""
    return dict(attempt.items.order_by().values_list("state").annotate(Count("pk")))


def errors_of(flows: QuerySet[Flow]) -> Iterator[ExportItem]:
    """Each person of the flows whose newest item failed or is unknown."""
    badly = (ExportItem.State.FAILED, ExportItem.State.UNKNOWN)
    items = ExportItem.objects.filter(participant__flow__in=flows.order_by().values("pk"), state__in=badly)
    found = with_newer(items).filter(has_newer=False).select_related("attempt__flow__source", "attempt__code")
    return found.defer("attempt__answer", "national_id").order_by("attempt__flow_id", "pk").iterator(chunk_size=1000)
