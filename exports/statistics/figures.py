"""The statistics of what somebody has chosen: added up in the database from the figures of the flows, each of which says if it may be shown.

Whoever may see small groups at a source gets all of its figures; anybody else those that are told. Pages, files and commands take theirs
from here.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Case, Count, F, Min, PositiveSmallIntegerField, Q, QuerySet, Sum, Value, When
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from exports.models import Figure, FlowSummary
from exports.statistics.grades import FAILED, PASSED, UNJUDGED
from exports.statistics.refresh import IN_TIME, LATE, NO_DEADLINE, OTHERS_KINDS
from ladokflow.messages import Text
from sources.models import Membership, Source
from sources.universities.permissions import Right, rights_of

Kind, Shown = Figure.Kind, Figure.Shown

# What the figures can be told apart by: the column, and its word
GROUPS: Mapping[str, tuple[str, Text]] = {
    "term": ("term", _("Term")),
    "course": ("course", _("Course")),
    "department": ("department", _("Department")),
    "source": ("source__name", _("Source")),
    "flow": ("flow", _("Flow")),
}
WORDS: Mapping[str, Text] = {
    FAILED: pgettext_lazy("result", "Failed"),  # first, as the grades that fail are
    PASSED: _("Passed"),
    UNJUDGED: _("No pass is known on this scale"),
    IN_TIME: _("In time"),
    LATE: _("Late"),
    NO_DEADLINE: _("Without a deadline"),
    "sync": _("Synchronisations"),
    "export": _("Exports"),
}
MILLISECONDS = 3_600_000  # of an hour
OVERALL = (Kind.RESULT, Kind.MARKED, Kind.REPORTED)
HIDDEN, LEFT_OUT = "hidden", "left_out"  # in the place of a name
# Assessors have a table of their own. What pages and the API show are `KINDS`: the days from grade to Ladok, of which there are as many
# figures as of all else, stand in files alone.
ALL_KINDS = tuple(kind for kind in Kind if kind not in OTHERS_KINDS)
KINDS = tuple(kind for kind in ALL_KINDS if kind != Kind.GRADE_TO_LADOK)


@dataclass(frozen=True)
class Selection:
    """Which flows, by what our rows know of them; empty: whichever. `sources` and `flow` are keys."""

    sources: Collection[int]
    full: Collection[int] = ()  # the sources whose small groups are shown
    course: str = ""
    term: str = ""
    department: str = ""
    flow: int | None = None

    def narrow(self, prefix: str = "") -> Q:
        chosen: dict[str, Any] = {f"{prefix}source__in": list(self.sources)}
        # A course code is written in any case by whoever asks for it.
        for name, column in (
            ("course", "course__iexact"),
            ("term", "term"),
            ("department", "department"),
            ("flow", "flow"),
        ):
            if value := getattr(self, name):
                chosen[f"{prefix}{column}"] = value
        return Q(**chosen)


@dataclass(frozen=True)
class Cells:
    """A table: side -> name -> how many; of how many the cell is not told, and whether that of some flow is left out as a whole."""

    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    hidden: int = 0
    is_left_out: bool = False

    @property
    def is_partly_hidden(self) -> bool:
        return self.hidden > 0 or self.is_left_out

    @property
    def flat(self) -> dict[str, int]:
        """By name alone."""
        found: dict[str, int] = defaultdict(int)
        for names in self.counts.values():
            for name, count in names.items():
                found[name] += count
        return dict(found)

    @property
    def told(self) -> int:
        return sum(self.flat.values())

    @property
    def whole(self) -> int:
        return self.told + self.hidden

    def of(self, name: str) -> int:
        return self.flat.get(name, 0)


@dataclass(frozen=True)
class Days:
    """Whole days, each with how many it was for."""

    counts: Mapping[int, int]

    @property
    def people(self) -> int:
        return sum(self.counts.values())

    @property
    def mean(self) -> float | None:
        return sum(days * count for days, count in self.counts.items()) / self.people if self.people else None

    def share(self, part: int, whole: int = 100) -> int | None:
        """The least number of days within which at least that part of all was done; 50: the median."""
        reached = 0
        for days in sorted(self.counts):
            reached += self.counts[days]
            if reached * whole >= part * self.people:
                return days
        return None


class Rates:
    """What is told of whoever `tables` are of, in three numbers."""

    tables: Mapping[str, Cells]

    def table(self, kind: str) -> Cells:
        return self.tables.get(kind, Cells())

    @property
    def graded(self) -> int:
        return self.table(Kind.RESULT).whole

    @property
    def pass_rate(self) -> float | None:
        return rate(self.table(Kind.RESULT), PASSED, FAILED)

    @property
    def late_rate(self) -> float | None:
        return rate(self.table(Kind.MARKED), LATE, IN_TIME)

    @property
    def is_partly_hidden(self) -> bool:
        return any(self.table(kind).is_partly_hidden for kind in KINDS)


def rate(cells: Cells, part: str, others: str) -> float | None:
    """Of all of both, from 0 to 1. None where there is nobody; and where some are hidden: those who are told are not as the others, as
    small groups are mostly of those who failed."""
    both = cells.of(part) + cells.of(others)
    return cells.of(part) / both if both and not cells.is_partly_hidden else None


@dataclass(frozen=True)
class Row(Rates):
    """One term, course, department, source or flow: `key` is what it is chosen by."""

    key: str
    label: str
    tables: Mapping[str, Cells]


@dataclass(frozen=True)
class Statistics(Rates):
    """`computed_at` is the oldest of the flows' own; None where there is no flow."""

    flows: int
    computed_at: dt.datetime | None
    tables: Mapping[str, Cells]
    is_full: bool

    def days(self, kind: str) -> Days:
        return Days({int(name): count for name, count in self.table(kind).flat.items()})

    @property
    def hours(self) -> Mapping[str, float]:
        """What LadokFlow has worked, by what it was."""
        return {side: sum(names.values()) / MILLISECONDS for side, names in self.table(Kind.WORK).counts.items()}

    def rows(self) -> Iterator[tuple[str, str, str, int | None]]:
        """Kind, side, name, count; the last rows of a kind of which something is hidden say of how many, and if flows are left out."""
        for kind in Kind.values:
            cells = self.table(kind)
            for side, names in sorted(cells.counts.items()):
                for name, count in sorted(names.items()):
                    yield kind, side, name, count
            if cells.hidden:
                yield kind, "", HIDDEN, cells.hidden
            if cells.is_left_out:
                yield kind, "", LEFT_OUT, None


# --- Who may see what -------------------------------------------------------------------------------------------------


def selection_for(user: AbstractBaseUser | AnonymousUser, *, source: Source | None = None, **chosen: Any) -> Selection:
    """Of the user's own sources, or of one of them. `chosen` is as of `Selection`."""
    members = Membership.objects.filter(user_id=user.pk)  # type: ignore[misc] # anonymous: no key, no membership
    return selection_of(members if source is None else members.filter(source=source), **chosen)


def selection_of(members: Iterable[Membership], **chosen: Any) -> Selection:
    """Of the sources that somebody is a member of in these ways."""
    found = list(members)
    full = [member.source_id for member in found if Right.SMALL_GROUPS in rights_of(member)]
    return Selection(sources=[member.source_id for member in found], full=full, **chosen)


def whole_selection(source: Source, **chosen: Any) -> Selection:
    """Without anybody's rights: for a command of the operator's."""
    return Selection(sources=[source.pk], full=[source.pk], **chosen)


# --- Adding up ----------------------------------------------------------------------------------------------------------


def statistics_of(selection: Selection, kinds: Collection[str] = ALL_KINDS) -> Statistics:
    """Two queries, however many flows there are. Whoever shows only `kinds` has only them added up."""
    summaries = FlowSummary.objects.filter(selection.narrow(), computed_at__isnull=False)
    facts = summaries.aggregate(flows=Count("pk"), at=Min("computed_at"))
    counted: Any = _seen(selection).filter(kind__in=kinds).values_list("kind", "side", "name", "seen")
    return Statistics(
        flows=facts["flows"],
        computed_at=facts["at"],
        tables=_tables(counted.annotate(Sum("count"))),
        is_full=set(selection.sources) <= set(selection.full),
    )


def grouped(selection: Selection, by: str, keys: Sequence[Any]) -> list[Row]:
    """Result, marking and reporting of each of these keys of `GROUPS[by]`, in their order, also where there are none; one query."""
    column = GROUPS[by][0]
    figures: Any = _seen(selection).filter(kind__in=OVERALL, **{f"summary__{column}__in": list(keys)})
    counted = figures.values_list(f"summary__{column}", "kind", "side", "name", "seen").annotate(Sum("count"))
    per_key: dict[Any, list[Any]] = defaultdict(list)
    for key, *rest in counted:
        per_key[key].append(rest)
    return [Row(str(key), str(key), _tables(per_key[key])) for key in keys]


def keys_of(selection: Selection, by: str, order: str = "") -> QuerySet[FlowSummary, Any]:
    """What there is of the column, the newest term first, everything else in its order; flows by "title" where that is said."""
    column = GROUPS[by][0]
    found = FlowSummary.objects.filter(selection.narrow(), computed_at__isnull=False)
    flows = "flow__title" if order == "title" else F("exam_on").desc(nulls_last=True)
    first = {"term": "-term", "flow": flows}.get(by, column)
    rows = found.exclude(**{column: ""}) if by in ("term", "course", "department") else found
    return rows.order_by(first, *(["flow"] if by == "flow" else [])).values_list(column, flat=True).distinct()


def _seen(selection: Selection) -> Any:
    """`seen` is `shown` as it is to whom the selection is for."""
    seen = Case(
        When(summary__source__in=list(selection.full), then=Value(Shown.TOLD.value)),
        default=F("shown"),
        output_field=PositiveSmallIntegerField(),
    )
    return Figure.objects.filter(selection.narrow("summary__")).order_by().annotate(seen=seen)


def _tables(counted: Any) -> dict[str, Cells]:
    counts: dict[str, dict[str, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    hidden: dict[str, int] = defaultdict(int)
    left_out = set()
    for kind, side, name, seen, count in counted:
        if seen == Shown.TOLD:
            counts[kind][side][name] = count
        elif seen == Shown.HIDDEN:
            hidden[kind] += count
        else:
            left_out.add(kind)
    kinds = {*counts, *hidden, *left_out}
    return {kind: Cells(counts.get(kind, {}), hidden[kind], kind in left_out) for kind in kinds}
