"""What the pages of exports show, each in a constant number of queries."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Case, Count, Exists, F, OuterRef, Q, QuerySet, When, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from exports.attempts.seen import with_standing
from exports.models import ExportAttempt, ExportItem
from exports.pages.findings import Found
from exports.pages.previews import address_of_preview
from exports.pages.standing import standing_of
from exports.rules import rules
from exports.rules.facts import flow_facts, sender_at, source_facts
from exports.rules.values import Asking
from ladokflow.choices import with_trait
from ladokflow.dates import is_sane
from ladokflow.looks import Shown
from ladokflow.messages import Message, Trait
from ladokflow.wiseflow.words import MARKING_OVER
from sources.flows.asking import Asked, asked_by, with_questions
from sources.models import Flow, Membership, Participant
from sources.models.flow import ExportState, FlowQuerySet

FEW_LIVE, LIVE_SHOWN = 5, 100  # attempts that stand in sight without being asked for, and at all
LIVE_READ = 1000  # attempts that are under way or have just ended
FOLLOWED = dt.timedelta(minutes=5)  # the longest it takes until a flow says what its attempt has ended with


def tab_counts(flows: FlowQuerySet) -> dict[str, int]:
    """How many flows stand under each tab; one query."""
    # Of all columns, or the key of each would be read.
    rows = flows.order_by().values("export_state").annotate(count=Count("*"))
    counts = dict(rows.values_list("export_state", "count"))
    return {str(state): counts.get(state, 0) for state in ExportState.values}


def with_exports(flows: FlowQuerySet) -> FlowQuerySet:
    """All that a list shows of each, but its source: its viewer's memberships have it (`at_their_sources`)."""
    return with_questions(with_standing(flows.prefetch_related("codes")))


def at_their_sources(flows: Iterable[Any], memberships: Mapping[int, Membership]) -> None:
    """Read with each flow anew, a source would be much of what a list takes."""
    for flow in flows:
        flow.source = memberships[flow.source_id].source


def memberships_by_source(user: Any) -> dict[int, Membership]:
    """The signed-in user's own places, with their sources; one query."""
    memberships = Membership.objects.filter(user_id=user.pk).select_related("source").order_by("source__name")
    return {membership.source_id: membership for membership in memberships}


@dataclass(frozen=True)
class Row:
    """A flow in a list and what its viewer can do with it: `action` is "export", "retry", "mark", "overwrite" or "". `no_right`: why the
    viewer may not export grades here; `why_not` is that where there is something to export."""

    flow: Any
    action: str
    no_right: Message | None
    found: Found | None = None  # what has come out about its grades
    failed: tuple[Participant, ...] = ()  # the first of those whose grade is not in Ladok, or may not be
    may_change: bool = True  # whether its viewer may do anything but read

    @property
    def why_not(self) -> Message | None:
        return self.no_right if self.action or self.flow.unknown_count else None

    @property
    def more_failed(self) -> int:
        return max(0, self.flow.failed_count - len(self.failed)) if self.failed else 0

    @property
    def shown(self) -> Shown:
        """What the flow stands at. While it is under way it stands at nothing; let go before anything was sent, it never will."""
        if self.flow.is_under_way:
            return ExportItem.State.LIVE
        if self.flow.is_released and self.flow.export_state == ExportState.PENDING:
            return self.flow.creation
        return standing_of(self.flow)

    @property
    def questions(self) -> list[Asked]:
        return asked_by(self.flow)

    @property
    def reason(self) -> Message | None:
        """Why it stands there, unless it is a question that it asks."""
        is_question = self.flow.export_message and self.flow.export_message == self.flow.scale_message
        return None if is_question else self.flow.export_reason

    @property
    def is_changed(self) -> bool:
        """Whether WISEflow has other grades now than those that were exported."""
        return _shows(self.flow, Trait.CHANGED)

    @property
    def can_be_marked(self) -> bool:
        """Whether a manager may say what Ladok has: of what it says itself that it has already, and of what nobody knows."""
        if self.why_not is not None:
            return False
        is_there = self.action in ("retry", "mark") and _shows(self.flow, Trait.ALREADY_IN_LADOK)
        return is_there or self.is_unknown

    @property
    def is_unknown(self) -> bool:
        """Whether nobody knows of some of its grades if they are in Ladok: that is found out before anything else."""
        return bool(self.flow.unknown_count) and not self.flow.is_under_way

    @property
    def can_be_sent(self) -> bool:
        """Whether its preview has something to send: what may be in Ladok already is left out of it."""
        is_any = not self.flow.unknown_count or self.flow.failed_count > self.flow.unknown_count
        return self.action in ("export", "retry") and self.why_not is None and is_any

    @property
    def preview(self) -> str:
        """The address of what its button opens."""
        asked = {"retry": Asking.RETRY, "overwrite": Asking.OVERWRITE}
        return address_of_preview(self.flow.pk, asked.get(self.action, Asking.FIRST))

    @property
    def can_be_checked(self) -> bool:
        return self.may_change and self.is_unknown and self.flow.source.can_read_back

    @property
    def can_be_synchronised(self) -> bool:
        is_on = self.flow.setup_state == Flow.Setup.READY and self.flow.state not in MARKING_OVER
        return bool(self.may_change and is_on)

    @property
    def can_be_chosen(self) -> bool:
        return self.can_be_sent or self.can_be_checked or self.can_be_synchronised


def _shows(flow: Any, trait: Trait) -> bool:
    return flow.export_reason is not None and flow.export_reason.has(trait)


def rows_of(
    flows: Iterable[Any],
    memberships: Mapping[int, Membership],
    found: dict[int, Found],
    failed: Mapping[int, list[Participant]] | None = None,
) -> list[Row]:
    """`failed`: as `failed_people` gives it, where a row tells it."""
    people = failed or {}
    return [
        _row(flow, memberships[flow.source_id], found.get(flow.pk), tuple(people.get(flow.pk, ()))) for flow in flows
    ]


def failed_people(flows: Iterable[Any], most: int) -> dict[int, list[Participant]]:
    """The first of each flow whose grade is not in Ladok, or may not be, with the reason; one query, and none where there is nobody."""
    failed: dict[int, list[Participant]] = defaultdict(list)
    if keys := [flow.pk for flow in flows if flow.failed_count]:
        place = Window(RowNumber(), partition_by=F("flow"), order_by=Participant._meta.ordering)
        people = Participant.objects.filter(flow__in=keys, export_state=ExportState.FAILED).annotate(place=place)
        for person in people.filter(place__lte=most).defer("national_id"):
            failed[person.flow_id].append(person)
    return failed


def _row(flow: Any, membership: Membership, found: Found | None, failed: tuple[Participant, ...] = ()) -> Row:
    source = source_facts(flow.source)
    has_code = any(code.removed_at is None for code in flow.codes.all())
    facts = flow_facts(flow, has_code=has_code, is_under_way=flow.is_under_way, doubt=None)
    action = ""
    if rules.is_free(facts) or rules.is_code_there(facts):
        action = ""
    elif flow.export_state == ExportState.FAILED:
        action = "mark" if _shows(flow, Trait.ONLY_TO_MARK) else "retry"
    elif flow.export_state == ExportState.PENDING and _shows(flow, Trait.READY):
        action = "export"
    elif _shows(flow, Trait.CHANGED) and not rules.may_overwrite(source, Asking.OVERWRITE):
        action = "overwrite"
    sender = sender_at(membership)
    return Row(flow, action, rules.has_export_right(source, sender), found, failed, sender.may_change)


# --- What is under way ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Live:
    """The attempts that are under way, and those that have ended since the page was opened."""

    attempts: list[ExportAttempt]

    @property
    def open(self) -> list[ExportAttempt]:
        """Also an attempt that has just ended while its flow does not say so yet: the two are written one after the other."""
        return [
            attempt
            for attempt in self.attempts
            if attempt.state in ExportAttempt.OPEN or _shows(attempt.flow, Trait.UNDER_WAY)
        ]

    @property
    def ended_count(self) -> int:
        return len(self.attempts) - len(self.open)

    @property
    def counts(self) -> dict[str, int]:
        """How many are under way, and what came of the others."""
        return Counter(str(attempt.shown) for attempt in self.attempts)

    @property
    def problems(self) -> list[ExportAttempt]:
        """What somebody has to look at, what is unknown first."""
        worst = (ExportItem.State.UNKNOWN, ExportAttempt.State.FAILED)
        return [attempt for state in worst for attempt in self.attempts if attempt.shown == state][:LIVE_SHOWN]

    @property
    def others(self) -> list[ExportAttempt]:
        problems = {attempt.pk for attempt in self.problems}
        return [attempt for attempt in self.attempts if attempt.pk not in problems][:LIVE_SHOWN]

    @property
    def is_folded(self) -> bool:
        return len(self.attempts) > FEW_LIVE

    def since(self, moment: dt.datetime) -> dt.datetime:
        """From when on an attempt that ends is the page's, which was opened at this moment: so that all of these stay on it."""
        return min([moment, *(attempt.finished_at for attempt in self.open if attempt.finished_at)])


def live_attempts(user: AbstractBaseUser | AnonymousUser, since: dt.datetime) -> Live:
    """Where another attempt of the flow is under way, it is of that one that the flow says so."""
    goes_on = Exists(ExportAttempt.objects.filter(flow=OuterRef("flow"), state__in=ExportAttempt.OPEN))
    just_now = Q(finished_at__gte=timezone.now() - FOLLOWED)  # not from `since` on, which goes back to what is found
    follows = just_now & with_trait("flow__export_message", Trait.UNDER_WAY) & ~goes_on
    wanted = Q(state__in=ExportAttempt.OPEN) | Q(finished_at__gte=since) | follows
    attempts = (
        ExportAttempt.objects.filter(wanted, flow__in=Flow.objects.visible_to(user))
        .exclude(trigger=ExportAttempt.Trigger.ADOPTION)
        .select_related("flow", "flow__source", "code")
        .defer("answer")
        .order_by("-created_at")
    )
    return Live(list(attempts[:LIVE_READ]))


def moment_of(at: dt.datetime) -> str:
    """As it stands in an address: milliseconds."""
    return str(int(at.timestamp() * 1000))


def moment_in(text: str) -> dt.datetime | None:
    try:
        moment = dt.datetime.fromtimestamp(int(text) / 1000, dt.UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return moment if is_sane(moment.date()) else None


# --- People in attempts --------------------------------------------------------------------------------------------


def with_newer(items: QuerySet[ExportItem]) -> QuerySet[Any]:
    """For each item: if the person has a newer one, so that nothing can be done with this one any more."""
    newer = ExportItem.objects.newer()
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
    items = ExportItem.objects.filter(
        participant__flow__in=flows.order_by().values("pk"), state__in=ExportItem.UNSETTLED
    )
    newest = with_newer(items).filter(has_newer=False).select_related("attempt__flow__source", "attempt__code")
    return newest.defer("attempt__answer", "national_id").order_by("attempt__flow_id", "pk").iterator(chunk_size=1000)
