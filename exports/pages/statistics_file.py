"""Statistics as a file: in words for people, and beside them the codes of the same, which never change, for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.utils.text import slugify
from django.utils.translation import gettext, pgettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from exports.models import Figure
from exports.pages.statistics import hours_of_day, rate_in_words, reason_in_words
from exports.statistics.figures import GROUPS, HIDDEN, LEFT_OUT, MILLISECONDS, WORDS, Row, Statistics
from ladokflow.numbers import rounded

Kind = Figure.Kind
HEADINGS = (
    _("Table"),
    pgettext_lazy("statistics", "Group"),
    pgettext_lazy("statistics", "Value"),
    _("Count"),
    _("Unit"),
    _("Code of the table"),
    _("Code of the group"),
    _("Code of the value"),
)
LONGEST_NAME = 120


def file_rows(found: Statistics, rows: Iterable[Row] = (), by: str = "flow") -> Iterator[Sequence[Any]]:
    """First `rows`, told apart `by`, with their rates; then all tables."""
    students = gettext("students")
    yield gettext("Flows"), "", "", found.flows, "", "flows", "", ""
    at = found.computed_at.isoformat(timespec="seconds") if found.computed_at else ""
    yield gettext("Worked out"), "", at, "", "", "computed_at", "", ""
    # There may be thousands of rows: what is the same in all of them is translated once.
    group, graded, passed, late = str(GROUPS[by][1]), gettext("Graded"), gettext("Pass rate"), gettext("Late")
    for row in rows:
        of = group, row.label
        yield graded, *of, row.graded, students, "graded", by, row.key
        yield passed, *of, _bare(rate_in_words(row, Kind.RESULT)), "%", "pass_rate", by, row.key
        yield late, *of, _bare(rate_in_words(row, Kind.MARKED)), "%", "late_rate", by, row.key
    units = {Kind.REJECTION: gettext("sendings"), Kind.WORK: gettext("hours")}
    for kind, side, name, count in found.rows():
        shown = rounded((count or 0) / MILLISECONDS, 2) if kind == Kind.WORK else "" if count is None else count
        words = Kind(kind).label, _group(kind, side), _value(kind, side, name)
        yield *words, shown, units.get(Kind(kind), students), kind, side, name


def _bare(rate: str) -> str:
    """The unit has a column of its own."""
    return rate.removesuffix("\u00a0%")


def _group(kind: str, side: str) -> str:
    if kind == Kind.REJECTION:
        return reason_in_words(side, "") if side else ""
    return str(WORDS.get(side, side))


def _value(kind: str, side: str, name: str) -> str:
    if not side and name in (HIDDEN, LEFT_OUT):
        return pgettext("statistics", "Not shown") if name == HIDDEN else gettext("Flows of which nothing is shown")
    if kind == Kind.WORK:
        return hours_of_day(int(name))
    if kind == Kind.REJECTION:
        return reason_in_words(side, name)
    return str(WORDS.get(name, name))


def file_name(*chosen: object) -> str:
    """It says what the figures are of."""
    return slugify("-".join(["ladokflow-statistics", *(str(each) for each in chosen if each)]))[:LONGEST_NAME]
