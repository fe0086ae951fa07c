"""What the pages of statistics show: each table as bars with their figures, and the form that chooses of which flows it is.

Lengths are whole numbers up to 100, as in `charts.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.http import QueryDict
from django.utils import formats
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from exports.models import Figure
from exports.pages.charts import bars_of
from exports.statistics.figures import (
    GROUPS,
    WORDS,
    Cells,
    Days,
    Row,
    Selection,
    Statistics,
    grouped,
    keys_of,
)
from exports.statistics.suppression import LEAST
from ladokflow.messages import CATALOGUE, Message, Text
from sources.models import Flow, Source

Kind = Figure.Kind
PER_PAGE = 50
# Days are gathered so that each band is a bar: the first day that is no longer in it
BANDS = (8, 15, 22, 29)
MOST_REASONS = 15
HOURS_OF_DAY = 24


NO_FIGURES = _("There are no figures of it yet.")


@dataclass(frozen=True)
class Bar:
    """`figures` stand beside the bar, in the order of the chart's headings."""

    label: str
    length: int
    figures: Sequence[str]
    address: str = ""


@dataclass(frozen=True)
class Chart:
    """`slug` makes its ids; `hidden`: of how many people the figures are not told."""

    slug: str
    title: Text
    first: Text  # the heading of the labels
    headings: Sequence[Text]
    bars: Sequence[Bar]
    note: str = ""
    hidden: int = 0
    empty: Text = NO_FIGURES

    @property
    def rows(self) -> Iterator[tuple[Bar, Iterable[tuple[Text, str]]]]:
        """Each bar with its figures, and what each is called."""
        return ((bar, zip(self.headings, bar.figures, strict=True)) for bar in self.bars)


class StatisticsForm(forms.Form):
    """Which flows, and by what they are told apart. What it does not know counts as nothing."""

    source = forms.ChoiceField(label=_("Source"), required=False)
    term = forms.ChoiceField(label=_("Term"), required=False)
    department = forms.ChoiceField(label=_("Department"), required=False)
    course = forms.CharField(label=_("Course code"), required=False, max_length=200)
    by = forms.ChoiceField(label=_("Told apart by"), required=False)

    def __init__(self, data: QueryDict, *, sources: Sequence[Source], selection: Selection) -> None:
        super().__init__(data)
        names = [(source.slug, source.name) for source in sources]
        self.fields["source"].choices = [("", _("All")), *names]  # type: ignore[attr-defined]
        if len(sources) < 2:
            del self.fields["source"]
        self.fields["term"].choices = _choices(keys_of(selection, "term"), term_in_words)  # type: ignore[attr-defined]
        departments = list(keys_of(selection, "department"))
        self.has_departments = bool(departments)
        self.fields["department"].choices = _choices(departments, str)  # type: ignore[attr-defined]
        if not departments:
            del self.fields["department"]
        groups = [name for name in GROUPS if self._is_offered(name)]
        self.fields["by"].choices = [(name, GROUPS[name][1]) for name in groups]  # type: ignore[attr-defined]
        self.is_valid()

    def _is_offered(self, name: str) -> bool:
        return name not in ("source", "department") or name in self.fields

    def chosen(self, name: str) -> Any:
        return self.cleaned_data.get(name) or ""

    @property
    def group(self) -> str:
        return self.chosen("by") or "term"

    @property
    def narrowing(self) -> dict[str, str]:
        return {name: self.chosen(name).strip() for name in ("course", "term", "department")}


def _choices(values: Iterable[str], words: Any) -> list[tuple[str, Text]]:
    return [("", _("All")), *((value, words(value)) for value in values)]


def term_in_words(term: str) -> str:
    year, _hyphen, half = term.partition("-")
    word = pgettext_lazy("term", "Spring %(year)s") if half == "1" else pgettext_lazy("term", "Autumn %(year)s")
    return str(word) % {"year": year}


# --- Charts -------------------------------------------------------------------------------------------------------------


def charts_of(found: Statistics, scale: Sequence[str] = ()) -> list[Chart]:
    return [
        grades_chart(found, scale),
        _parts_chart("result", _("Passed and failed"), found.table(Kind.RESULT)),
        days_chart(
            "to-grade", _("Days from the exam to the grade"), found.days(Kind.TO_GRADE), found.table(Kind.TO_GRADE)
        ),
        _parts_chart("marked", _("Grades against the deadline for marking"), found.table(Kind.MARKED)),
        days_chart("to-ladok", _("Days from the exam to Ladok"), found.days(Kind.TO_LADOK), found.table(Kind.TO_LADOK)),
        _parts_chart("reported", _("Ladok against the deadline for marking"), found.table(Kind.REPORTED)),
        reasons_chart(found.table(Kind.REJECTION)),
        work_chart(found.table(Kind.WORK)),
    ]


STUDENTS = (_("Students"), _("Share"))


def grades_chart(found: Statistics, scale: Sequence[str]) -> Chart:
    cells = found.table(Kind.GRADE)
    bars = bars_of(cells.flat, scale=scale, people=cells.told)
    rows = [Bar(bar.grade, bar.length, (str(bar.count), _percent(bar.count, cells.told))) for bar in bars]
    return Chart("grades", _("Grades"), _("Grade"), STUDENTS, rows, hidden=cells.hidden)


def _parts_chart(slug: str, title: Text, cells: Cells) -> Chart:
    counts = cells.flat
    rows = [_bar(str(WORDS[name]), counts[name], cells.told) for name in WORDS if counts.get(name)]
    return Chart(slug, title, _("Students"), STUDENTS, rows, hidden=cells.hidden)


def days_chart(slug: str, title: Text, days: Days, cells: Cells) -> Chart:
    bands: dict[str, int] = {}
    begins = None
    for ends in (*BANDS, None):
        label = _band(begins, ends)
        bands[label] = sum(
            count
            for day, count in days.counts.items()
            if (begins is None or day >= begins) and (ends is None or day < ends)
        )
        begins = ends
    note = ""
    if (mean := days.mean) is not None:
        note = gettext("Mean: %(mean)s days. Half of them within %(median)s days, nine of ten within %(most)s.") % {
            "mean": formats.number_format(mean, 1),
            "median": days.share(50),
            "most": days.share(90),
        }
    rows = [_bar(label, count, days.people) for label, count in bands.items()] if days.people else []
    return Chart(slug, title, _("Days"), STUDENTS, rows, note, hidden=cells.hidden)


def _band(begins: int | None, ends: int | None) -> str:
    if begins is None:
        return gettext("up to %(days)s") % {"days": (ends or 1) - 1}
    return gettext("%(days)s and more") % {"days": begins} if ends is None else f"{begins}–{ends - 1}"


def reasons_chart(cells: Cells) -> Chart:
    counted = sorted(
        ((count, code, said) for code, names in cells.counts.items() for said, count in names.items()), reverse=True
    )
    rows = [_bar(reason_in_words(code, said), count, cells.told) for count, code, said in counted[:MOST_REASONS]]
    note = ""
    if more := sum(count for count, _code, _said in counted[MOST_REASONS:]):
        note = gettext("For other reasons: %(count)s.") % {"count": more}
    headings = (_("Sendings"), _("Share"))
    return Chart("rejections", _("Rejected by Ladok"), _("Reason"), headings, rows, note, cells.hidden, _("None."))


def reason_in_words(code: str, said: str) -> str:
    if said:
        return said
    return Message(code).what if code in CATALOGUE and "%(" not in str(CATALOGUE[code].what) else gettext("Not told")


def work_chart(cells: Cells) -> Chart:
    """By the hour of the day; the note has what it is in all."""
    hours = [sum(names.get(f"{hour:02}", 0) for names in cells.counts.values()) for hour in range(HOURS_OF_DAY)]
    rows = [
        Bar(f"{hour:02}–{hour + 1:02}", _length(count, max(hours)), (_hours(count), _percent(count, sum(hours))))
        for hour, count in enumerate(hours)
        if count
    ]
    whole = ", ".join(f"{WORDS[side]}: {_hours(sum(names.values()))}" for side, names in sorted(cells.counts.items()))
    note = gettext("Hours in all: %(what)s.") % {"what": whole} if whole else ""
    headings = (_("Hours worked"), _("Share"))
    return Chart("work", _("When LadokFlow worked"), _("Time of day"), headings, rows, note)


def rates_chart(rows: Sequence[Row], by: str, address: Any) -> Chart:
    """The pass rate of each term, course, ...: as a trend where they are terms."""
    bars = []
    for row in rows:
        rate, late = row.pass_rate, row.late_rate
        length = 0 if rate is None else max(1, round(100 * rate)) if rate else 0
        figures = (str(row.graded), _rate(rate), _rate(late))
        bars.append(Bar(row.label or "–", length, figures, address(row.key)))
    title = _("Pass rate, term by term") if by == "term" else _("Pass rate")
    return Chart("rates", title, GROUPS[by][1], (_("Graded"), _("Passed"), _("Late")), bars)


def _bar(label: str, count: int, whole: int) -> Bar:
    return Bar(label, _length(count, whole), (str(count), _percent(count, whole)))


def _length(part: int, whole: int) -> int:
    return max(1, round(100 * part / whole)) if part and whole else 0


def _percent(part: int, whole: int) -> str:
    return _rate(part / whole if whole else None)


def _rate(rate: float | None) -> str:
    return "–" if rate is None else f"{formats.number_format(100 * rate, 1)} %"


def _hours(milliseconds: int) -> str:
    return formats.number_format(milliseconds / 3_600_000, 2)


# --- The table of what it is told apart by ----------------------------------------------------------------------------------


def rows_of_page(selection: Selection, by: str, number: str) -> tuple[list[Row], Any]:
    """The rows of a page, with the words of their labels, and the page itself."""
    page = Paginator(keys_of(selection, by), PER_PAGE).get_page(number)
    rows = grouped(selection, by, list(page))
    return [Row(row.key, label, row.tables) for row, label in zip(rows, _labels(rows, by), strict=True)], page


def _labels(rows: Sequence[Row], by: str) -> Iterator[str]:
    titles = (
        dict(Flow.objects.filter(pk__in=[row.key for row in rows]).values_list("pk", "title")) if by == "flow" else {}
    )
    for row in rows:
        yield titles.get(int(row.key), "–") if by == "flow" else term_in_words(row.key) if by == "term" else row.label


def suppressed_note() -> str:
    return gettext(
        "You see no groups of fewer than %(count)s students, and none that would tell their size. Ask a licence admin if you need them."
    ) % {"count": LEAST}


# --- As a file ----------------------------------------------------------------------------------------------------------------

HEADINGS = (_("Table"), _("Side"), _("Name"), _("Count"))


def file_rows(found: Statistics) -> Iterator[tuple[str, str, str, int | None]]:
    yield "flows", "", "", found.flows
    yield "computed_at", "", found.computed_at.isoformat(timespec="seconds") if found.computed_at else "", None
    yield from found.rows()
