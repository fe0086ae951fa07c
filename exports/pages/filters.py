"""What the lists of flows are narrowed and sorted by: a search, and one line of chips, each with how many it finds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from django import forms
from django.db.models import Count, F, IntegerField, Q, Value
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from exports.pages.columns import CHOOSABLE, COLUMNS, SORTS, USUAL, Column, Head, heads, shown, sorted_by
from exports.pages.standing import OF_TAB, RANK, Standing, ranked, stands_at
from ladokflow.messages import Text
from ladokflow.paging import PLACE
from ladokflow.rows import OneOf
from ladokflow.sql import among
from ladokflow.wiseflow.words import choices_of
from sources.flows.asking import asking
from sources.models import BatchExam, Flow, Source
from sources.models.flow import ExportState, FlowQuerySet

AFTER_STANDINGS = 100  # what the parts of a count are told from the ranks of `Standing` by
CREATING, RELEASED = "creating", "released"
ALL = "all"  # an address that has only this is one without a filter, and not the one that somebody has kept
KEYS = "keys"  # asks for the keys of the flows instead of the page
# What an address has of the moment: where in the list, and what is under way.
PASSING = (*PLACE, "since", "seen", ALL, KEYS)


@dataclass(frozen=True)
class Switch:
    """One of the filters that are on or off."""

    label: Text
    narrow: Callable[[FlowQuerySet, Any], FlowQuerySet]


def _of_this_week(flows: FlowQuerySet, user: Any) -> FlowQuerySet:
    """Whose exam is between Monday and Sunday."""
    today = timezone.localdate()
    monday = timezone.make_aware(dt.datetime.combine(today - dt.timedelta(days=today.weekday()), dt.time()))
    return flows.filter(participation_start_at__gte=monday, participation_start_at__lt=monday + dt.timedelta(days=7))


SWITCHES = {
    "mine": Switch(_("Mine"), lambda flows, user: flows.filter(created_by=user)),
    "week": Switch(_("Exam this week"), _of_this_week),
    "asks": Switch(_("Needs an answer"), lambda flows, user: asking(flows)),
}
FILTERS = ("q", "source", "phase", "standing", "batch", *SWITCHES)  # the fields that narrow a list


@dataclass(frozen=True)
class Chip:
    """`address`: the list with the chip pressed, or let go."""

    label: Text
    count: int
    is_on: bool
    address: str


class FlowFilter(forms.Form):
    """Everything is optional; an unknown value counts as none. What is chosen stands in the address."""

    q = forms.CharField(
        label=_("Search"),
        required=False,
        widget=forms.TextInput(
            attrs={"type": "search", "placeholder": _("Title, Ladok code or a student's organisation id")}
        ),
    )
    source = forms.ChoiceField(label=_("Source"), required=False)
    phase = forms.ChoiceField(
        label=_("Phase"),
        required=False,
        choices=[
            ("", _("All")),
            (CREATING, _("Being created")),
            *((str(v), label) for v, label in choices_of(Flow.State)),
            (RELEASED, _("Let go")),
        ],
    )
    mine = forms.BooleanField(required=False)
    week = forms.BooleanField(required=False)
    asks = forms.BooleanField(required=False)
    batch = forms.UUIDField(required=False)  # the flows that were made together
    standing = forms.MultipleChoiceField(required=False)
    sort = forms.ChoiceField(label=_("Sorted by"), required=False)
    columns = forms.MultipleChoiceField(
        label=_("Columns"), required=False, choices=CHOOSABLE, widget=forms.CheckboxSelectMultiple
    )

    USUAL_SORT = "-made"
    COUNTED_BY: tuple[str, ...] = ()  # columns that the flows of each chip are counted by besides

    def __init__(self, data: QueryDict, *, sources: Iterable[Source], user: Any) -> None:
        super().__init__(data, initial={"columns": USUAL})
        self.asked, self.user, choosable = data, user, list(sources)
        self._counted: list[tuple[Any, ...]] | None = None
        self._keys: list[int] | None = None  # of the flows that a search finds
        self._choice("source").choices = [("", _("All")), *((source.slug, source.name) for source in choosable)]
        if len(choosable) < 2:
            del self.fields["source"]
        self._choice("standing").choices = [(each.value, each.label) for each in self.standings]
        self._choice("sort").choices = [("", ""), *((sort, sort) for sort in SORTS)]
        self.is_valid()

    def _choice(self, name: str) -> forms.ChoiceField:
        return cast(forms.ChoiceField, self.fields[name])

    def chosen(self, name: str) -> Any:
        return self.cleaned_data.get(name)

    @property
    def standings(self) -> tuple[Standing, ...]:
        return tuple(Standing)

    @property
    def sorting(self) -> str:
        return self.chosen("sort") or self.USUAL_SORT

    @property
    def columns_shown(self) -> list[Column]:
        return shown(self.chosen("columns") or ())

    @property
    def is_filtering(self) -> bool:
        return any(self.chosen(name) for name in FILTERS)

    @property
    def without_filters(self) -> str:
        return self.address(dict.fromkeys(FILTERS))

    # --- The flows

    def narrow(self, flows: FlowQuerySet, *, besides: str = "") -> FlowQuerySet:
        """By all that is chosen; `besides`: without the filter of this name."""
        text, phase = (self.chosen("q") or "").strip(), self.chosen("phase")
        if text:
            flows = self._found(flows, text)
        if slug := self.chosen("source"):
            flows = flows.filter(source__slug=slug)
        flows = self._of_phase(flows, phase, is_search=bool(text))
        for name, switch in SWITCHES.items():
            if self.chosen(name) and name != besides:
                flows = switch.narrow(flows, self.user)
        if batch := self.chosen("batch"):
            flows = flows.filter(pk__in=BatchExam.objects.filter(batch=batch).values("flow"))
        if besides != "standing" and (standings := self.chosen("standing")):
            flows = flows.filter(_any(stands_at(Standing(each)) for each in standings))
        return flows

    def _found(self, flows: FlowQuerySet, text: str) -> FlowQuerySet:
        """Asked once: each chip counts among these, and the page is of these."""
        if self._keys is None:
            self._keys = list(flows.found_by(text).order_by().values_list("pk", flat=True))
        return flows.filter(OneOf(F("pk"), self._keys))

    def _of_phase(self, flows: FlowQuerySet, phase: str | None, *, is_search: bool) -> FlowQuerySet:
        if phase == RELEASED:
            return flows.filter(released_at__isnull=False)
        if not is_search:  # who searches finds all
            flows = flows.without_released()
        if phase == CREATING:
            return flows.exclude(setup_state=Flow.Setup.READY)
        return flows.filter(state=int(phase)) if phase else flows

    def apply(self, flows: FlowQuerySet) -> FlowQuerySet:
        return sorted_by(self.narrow(flows), self.sorting)

    def count(self, flows: FlowQuerySet) -> int | None:
        """How many the list finds, as far as the chips count them: a standing that is chosen is not in that."""
        if self.chosen("standing"):
            return None
        return sum(count for part, count in self._counts(flows).items() if part < AFTER_STANDINGS)

    # --- The chips

    def chips(self, flows: FlowQuerySet) -> list[Chip]:
        """Each with how many flows there are with it and all that is chosen besides; one query."""
        counts = self._counts(flows)
        chosen = self.chosen("standing") or []
        switches = [
            Chip(switch.label, counts.get(place, 0), bool(self.chosen(name)), self.address({name: self._other(name)}))
            for place, (name, switch) in enumerate(SWITCHES.items(), AFTER_STANDINGS)
        ]
        return switches + [
            Chip(
                each.label,
                counts.get(RANK[each], 0),
                each in chosen,
                self.address({"standing": [other for other in chosen if other != each] or None})
                if each in chosen
                else self.address({"standing": [*chosen, each.value]}),
            )
            for each in (self.standings if len(self.standings) > 1 else ())
        ]

    def _counts(self, flows: FlowQuerySet) -> dict[int, int]:
        """How many flows each chip finds: by its place, or by the rank of its standing."""
        return dict(self._rows(flows))

    def _rows(self, flows: FlowQuerySet) -> list[tuple[Any, ...]]:
        """A part, what it is counted by, and how many it has; asked once."""
        if self._counted is None:
            self._counted = list(_counted(self._parts(flows), *self.COUNTED_BY))
        return self._counted

    def _parts(self, flows: FlowQuerySet) -> list[FlowQuerySet]:
        """The flows of the switches, each with the place of its chip, and all of them by their ranks; as `part`."""
        numbered = [
            switch.narrow(self.narrow(flows, besides=name), self.user).annotate(
                part=Value(place, output_field=IntegerField())
            )
            for place, (name, switch) in enumerate(SWITCHES.items(), AFTER_STANDINGS)
        ]
        return [*numbered, ranked(self.narrow(flows, besides="standing")).annotate(part=F("standing_rank"))]

    def _other(self, name: str) -> str | None:
        return None if self.chosen(name) else "on"

    # --- Addresses of the list

    def address(self, changes: dict[str, Any]) -> str:
        """From its first page, with these values in place of others; None takes one away."""
        query = self.kept()
        for name, value in changes.items():
            query.setlist(name, [] if value is None else value if isinstance(value, list) else [value])
        return f"?{query.urlencode() or f'{ALL}=on'}"

    def kept(self, *without: str) -> QueryDict:
        """What stands in the address for longer than a page."""
        query = self.asked.copy()
        for name in (*PASSING, *without):
            query.pop(name, None)
        for name in list(query):
            if not any(query.getlist(name)):
                del query[name]
        return query

    @property
    def all_query(self) -> str:
        """Of the address that has the keys of all that are found."""
        query = self.kept()
        query[KEYS] = "on"
        return query.urlencode()

    @property
    def view(self) -> str:
        """What the list may be opened with: all but the words that are searched for."""
        return self.kept("q").urlencode()

    @property
    def kept_beside_search(self) -> list[tuple[str, str]]:
        return _pairs(self.kept("q", "source", "phase"))

    @property
    def kept_beside_view(self) -> list[tuple[str, str]]:
        return _pairs(self.kept("sort", "columns"))

    @property
    def sortable(self) -> list[tuple[Head, str]]:
        """Each with the address of the list sorted by it."""
        return [(head, self.address({"sort": head.sort})) for head in heads(self.columns_shown, self.sorting)]

    @property
    def sorts(self) -> list[tuple[str, Text, str]]:
        """What can be chosen where the table has no heads: on a phone. Both ways of each."""
        return [
            (f"{sign}{column.name}", column.label, way)
            for column in COLUMNS.values()
            for sign, way in (("", "up"), ("-", "down"))
        ]

    @property
    def column_choices(self) -> list[tuple[str, Text, bool]]:
        names = {column.name for column in self.columns_shown}
        return [(name, label, name in names) for name, label in CHOOSABLE]


class DashboardFilter(FlowFilter):
    """The dashboard's: the tab is its phase, and has chips of its own. Unless it is sorted otherwise each tab has its order."""

    ORDERS = {
        ExportState.FAILED: ("-pk",),
        ExportState.EXPORTED: ("-pk",),
        # What can be sent now stands first: marking has ended the longest ago.
        ExportState.PENDING: (F("state").desc(nulls_last=True), F("marking_end_at").asc(nulls_last=True), "pk"),
    }
    USUAL_SORT = ""
    COUNTED_BY = ("export_state",)

    tab = forms.ChoiceField(required=False, choices=ExportState.choices)
    phase = None  # type: ignore[assignment] # Django's way to be without a field of the class above

    def __init__(self, data: QueryDict, **given: Any) -> None:
        self.is_named = data.get("tab") in ExportState.values
        super().__init__(data, **given)

    @property
    def state(self) -> ExportState:
        tab = self.asked.get("tab")
        return ExportState(tab) if tab in ExportState.values else ExportState.FAILED

    def open(self, counts: dict[str, int]) -> None:
        """Unless the address says a tab, the first with something in it: what has failed, what waits, what is done."""
        if self.is_named or self.chosen("standing"):
            return
        tabs = (ExportState.FAILED, ExportState.PENDING, ExportState.EXPORTED)
        self.asked = self.asked.copy()
        self.asked["tab"] = next((tab.value for tab in tabs if counts[tab]), ExportState.FAILED.value)

    @property
    def view(self) -> str:
        return self.kept("q", *(() if self.is_named else ("tab",))).urlencode()

    @property
    def standings(self) -> tuple[Standing, ...]:
        return OF_TAB[self.state]

    def _of_phase(self, flows: FlowQuerySet, phase: str | None, *, is_search: bool) -> FlowQuerySet:
        """A flow that was let go waits for nothing."""
        return flows.exclude(_waits_for_nothing())

    def apply(self, flows: FlowQuerySet) -> FlowQuerySet:
        flows = self.narrow(flows).filter(export_state=self.state)
        return sorted_by(flows, self.sorting) if self.sorting else flows.order_by(*self.ORDERS[self.state])

    def tab_counts(self, flows: FlowQuerySet) -> dict[str, int]:
        """How many there are under each tab, in the same query as the chips."""
        rows = self._rows(flows)
        return {
            str(tab): sum(count for part, state, count in rows if state == tab and part < AFTER_STANDINGS)
            for tab in ExportState.values
        }

    def _counts(self, flows: FlowQuerySet) -> dict[int, int]:
        return {part: count for part, state, count in self._rows(flows) if state == self.state}


@cache
def _waits_for_nothing() -> Q:
    """By an index of their own: they are few."""
    return among(Flow.objects.filter(released_at__isnull=False, export_state=ExportState.PENDING), "pk")


def _any(conditions: Iterable[Q]) -> Q:
    found = Q()
    for condition in conditions:
        found |= condition
    return found


def _counted(parts: list[FlowQuerySet], *by: str) -> Iterable[tuple[Any, ...]]:
    """How many there are of each part, in one query: each part by itself, for together all flows would be gone through for it."""
    columns = ("part", *by)
    counted = [
        part.order_by().values(*columns).annotate(count=Count("*")).values_list(*columns, "count") for part in parts
    ]
    return counted[0].union(*counted[1:], all=True)


def _pairs(query: QueryDict) -> list[tuple[str, str]]:
    return [(name, value) for name, values in query.lists() for value in values]
