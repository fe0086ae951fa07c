"""What a flow asks that only a person can answer.

Each kind of question is a `Kind`: of which flows it is asked, in what words, where it stands with what answers it, and at which addresses
it is answered. Home, the list of flows and its filter know of no kind: they show what `KINDS` has. The kinds of `exports` are registered by it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

from django.db.models import Exists, OuterRef, Q
from django.db.models.expressions import RawSQL
from django.urls import reverse

from ladokflow.messages import Message, message
from ladokflow.sql import Column, is_so, values_in_sql
from ladokflow.wiseflow.words import MARKING_OVER
from sources.models import Flow, Registration, StaffAccount
from sources.models.flow import AWAITS_GRADES, FlowQuerySet

IS_READY = Q(setup_state=Flow.Setup.READY)
IS_SYNCABLE = IS_READY & ~Q(state__in=MARKING_OVER)
IS_FOLLOWED = IS_SYNCABLE | (IS_READY & AWAITS_GRADES & ~Q(state=Flow.State.ARCHIVED))


@dataclass(frozen=True)
class Kind:
    """A kind of question. `page` has what answers it, in the element with the id `place`, or all of it; `page` and `answered_at` are names
    of addresses."""

    name: str
    is_asked: Q  # of a flow
    words: Callable[[Flow], Sequence[Message | None]]
    place: str
    answered_at: tuple[str, ...]
    page: str = "flows:detail"
    needs_right: bool = False  # only who may export grades answers it
    is_mild: bool = False  # nothing waits for it: it is told after the others
    # Where `words` may name students: the words for who may read of none.
    nameless: Callable[[Flow], Sequence[Message | None]] | None = None

    @property
    def column(self) -> str:
        return f"asks_{self.name}"

    @cached_property
    def in_sql(self) -> Column:
        return is_so(self.is_asked)


@dataclass(frozen=True)
class Asked:
    """One question of a flow, and the address where it is answered."""

    kind: Kind
    message: Message
    address: str


KINDS: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    if KINDS.setdefault(kind.name, kind) is not kind:
        raise ValueError(f"There is a kind of question {kind.name} already.")


def asking(flows: FlowQuerySet, *, besides: str = "") -> FlowQuerySet:
    """Those of the flows that ask anything, of whatever kind but `besides`. Each kind is looked for by itself: together, all flows
    would be gone through."""
    return flows.filter(pk__in=_asking(tuple(name for name in KINDS if name != besides)))


@cache
def _asking(kinds: tuple[str, ...]) -> RawSQL:
    """The keys of those flows."""
    first, *others = (Flow.objects.order_by().filter(KINDS[name].is_asked).values("pk") for name in kinds)
    return values_in_sql(first.union(*others))


def with_questions(flows: FlowQuerySet) -> FlowQuerySet:
    """The flows with what `asked_by` looks at, in the same query."""
    return flows.annotate(**{kind.column: kind.in_sql for kind in KINDS.values()})


def asked_by(flow: Flow, *, names_people: bool = True) -> list[Asked]:
    """What the flow (of `with_questions`) asks."""
    kinds = sorted((kind for kind in KINDS.values() if getattr(flow, kind.column)), key=lambda kind: kind.is_mild)
    return [
        Asked(kind, words, _address(kind, flow))
        for kind in kinds
        for words in (kind.words if names_people else kind.nameless or kind.words)(flow)
        if words is not None
    ]


def _address(kind: Kind, flow: Flow) -> str:
    page = reverse(kind.page, args=[flow.pk])
    return f"{page}#{kind.place}" if kind.place else page


def _warnings(told: Sequence[Message]) -> Message:
    return told[0] if len(told) == 1 else message("sources.asked.warnings", count=len(told))


# --- The kinds of sources -----------------------------------------------------------------------------------------

register(
    Kind(
        "creation",
        Q(setup_state=Flow.Setup.STOPPED, released_at=None),
        lambda flow: [flow.setup_reason or message("sources.asked.creation")],
        place="creation",
        answered_at=("flows:resume",),
    )
)
register(
    Kind(
        "synchronisation",
        IS_FOLLOWED & ~Q(sync_message={}),
        lambda flow: [flow.sync_reason],
        place="synchronisation",
        answered_at=("flows:sync", "flows:release"),
    )
)
register(
    Kind(
        "staff",
        IS_SYNCABLE & ~Q(asked=[]),
        lambda flow: Message.list_from_json(flow.asked),
        place="",
        answered_at=("flows:staff",),
        page="flows:staff",
    )
)
register(
    Kind(
        "warnings",
        IS_SYNCABLE & ~Q(warnings=[]),
        lambda flow: [_warnings(flow.warning_messages)],
        place="warnings",
        answered_at=("flows:look_at_warnings",),
        is_mild=True,
        nameless=lambda flow: [message("sources.asked.warnings", count=len(flow.warning_messages))],
    )
)
register(
    Kind(
        "identity",
        Q(Exists(Registration.objects.asked_about().filter(code__flow=OuterRef("pk")))),
        lambda flow: [message("sources.asked.identity")],
        place="who-is-it",
        answered_at=("flows:who_is_it",),
    )
)
register(
    Kind(
        "accounts",
        Q(Exists(StaffAccount.objects.filter(flow=OuterRef("pk"), confirmed_at__isnull=True)), released_at=None),
        lambda flow: [message("sources.asked.accounts")],
        place="accounts",
        answered_at=("flows:accounts",),
    )
)
