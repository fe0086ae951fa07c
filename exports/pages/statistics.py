"""What the pages of statistics show: each table as bars with their figures, and the form that chooses of which flows it is.

Lengths are whole numbers up to 100, as in `charts.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.db.models import OuterRef, Subquery
from django.http import QueryDict
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from exports.models import Figure
from exports.pages.charts import bars_of
from exports.statistics.figures import (
    GROUPS,
    MILLISECONDS,
    WORDS,
    Cells,
    Rates,
    Row,
    Selection,
    Statistics,
    grouped,
    keys_of,
)
from exports.statistics.suppression import LEAST
from ladokflow.dates import day_in_words
from ladokflow.messages import CATALOGUE, Message, Text
from ladokflow.numbers import percent, rounded
from sources.models import Flow, FlowSource, Source

Kind = Figure.Kind
PER_PAGE = 50
# Days are gathered so that each band is a bar: the first day that is no longer in it
BANDS = (8, 15, 22, 29)
MOST_REASONS = 15
MOST_OFFERED = 1000  # courses, to choose from
HOURS_OF_DAY = 24
ORDERS = (("", _("The newest exam first")), ("title", _("By title")))
LEAST_WORK = MILLISECONDS / 200  # less is 0.00 hours

NO_FIGURES = _("There are no figures of it yet.")
NOT_SHOWN = _("It is not shown, because a group would be too small.")


@dataclass(frozen=True)
class Bar:
    """`figures` stand beside the bar, in the order of the chart's headings."""

    label: str
    length: int
    figures: Sequence[str]
    address: str = ""


@dataclass(frozen=True)
class Chart:
    """`slug` makes its ids; `hidden`: of how many the figures are not told."""

    slug: str
    title: Text
    first: Text  # the heading of the labels
    headings: Sequence[Text]
    bars: Sequence[Bar]
    note: str = ""
    hidden: int = 0
    is_left_out: bool = False  # of some flow, as a whole
    empty: Text = NO_FIGURES
    has_long_labels: bool = False  # titles, or sentences

    @property
    def absence(self) -> Text:
        """Why there are no bars: what is hidden is not said to be nothing."""
        return NOT_SHOWN if self.hidden or self.is_left_out else self.empty

    @property
    def notes(self) -> list[str]:
        """What stands below the bars."""
        found = [self.note]
        if self.hidden:
            found.append(
                gettext("Of %(count)s it is not shown, because a group would be too small.") % {"count": self.hidden}
            )
        if self.is_left_out:
            found.append(gettext("Flows of which nothing can be shown are not counted."))
        return [note for note in found if note] if self.bars else []

    @property
    def rows(self) -> Iterator[tuple[Bar, Iterable[tuple[Text, str]]]]:
        """Each bar with its figures, and what each is called."""
        return ((bar, zip(self.headings, bar.figures, strict=True)) for bar in self.bars)


class StatisticsForm(forms.Form):
    """Which flows, and by what they are told apart. What it does not know counts as nothing."""

    source = forms.ChoiceField(label=_("Source"), required=False)
    term = forms.ChoiceField(label=_("Term"), required=False)
    department = forms.ChoiceField(label=_("Department"), required=False)
    course = forms.CharField(
        label=_("Course code"),
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"list": "courses", "autocomplete": "off", "spellcheck": "false"}),
    )
    by = forms.ChoiceField(label=_("Told apart by"), required=False)
    order = forms.ChoiceField(label=_("Order"), required=False)

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
        self.selection = selection
        self.courses: list[str] = []
        self.fields["order"].choices = ORDERS  # type: ignore[attr-defined]
        self.is_valid()
        if self.group != "flow":
            del self.fields["order"]

    def offer_courses(self, selection: Selection) -> None:
        """Those of what else is chosen, unless they are so many that a list of them is of no help."""
        found = list(keys_of(replace(selection, course=""), "course")[: MOST_OFFERED + 1])
        self.courses = found if len(found) <= MOST_OFFERED else []

    def _is_offered(self, name: str) -> bool:
        return name not in ("source", "department") or name in self.fields

    def chosen(self, name: str) -> Any:
        return self.cleaned_data.get(name) or ""

    @property
    def group(self) -> str:
        return self.chosen("by") or "term"

    @property
    def sorting(self) -> str:
        return str(self.chosen("order")) if self.group == "flow" else ""

    @property
    def has_unknown_course(self) -> bool:
        course = self.narrowing["course"]
        return bool(course) and not keys_of(replace(self.selection, course=course), "course").exists()

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


def head_of(found: Statistics) -> Sequence[tuple[str, Text]]:
    """The figures that stand first, each with its word; how many flows only where they may be several."""
    figures = [
        (str(found.graded), _("graded")),
        (rate_in_words(found, Kind.RESULT), pgettext_lazy("figure", "passed")),
        (rate_in_words(found, Kind.MARKED), pgettext_lazy("figure", "late")),
    ]
    return figures if found.flows == 1 else [(str(found.flows), _("flows")), *figures]


def charts_of(found: Statistics, scale: Sequence[str] = ()) -> list[Chart]:
    result, deadline = _("Result"), _("Deadline")
    return [
        grades_chart(found, scale),
        _parts_chart("result", _("Passed and failed"), result, found.table(Kind.RESULT)),
        days_chart("to-grade", _("Days from the exam to the grade"), found, Kind.TO_GRADE),
        _parts_chart("marked", _("Grades against the deadline for marking"), deadline, found.table(Kind.MARKED)),
        days_chart("to-ladok", _("Days from the exam to Ladok"), found, Kind.TO_LADOK),
        _parts_chart("reported", _("Ladok against the deadline for marking"), deadline, found.table(Kind.REPORTED)),
        reasons_chart(found.table(Kind.REJECTION)),
        work_chart(found.table(Kind.WORK)),
    ]


STUDENTS = (_("Students"), _("Share"))


def _chart(slug: str, title: Text, first: Text, cells: Cells, rows: Sequence[Bar], **more: Any) -> Chart:
    """With what is hidden of these cells: then a grade that nobody is shown to have is not said to be nobody's."""
    if cells.is_partly_hidden:
        rows = [bar for bar in rows if bar.figures[0] != "0"]
    facts: dict[str, Any] = {"headings": STUDENTS, "hidden": cells.hidden, "is_left_out": cells.is_left_out} | more
    return Chart(slug=slug, title=title, first=first, bars=rows, **facts)


def grades_chart(found: Statistics, scale: Sequence[str]) -> Chart:
    cells = found.table(Kind.GRADE)
    bars = bars_of(cells.flat, scale=scale, people=cells.told)
    rows = [_bar(bar.grade, bar.count, cells.whole) for bar in bars]
    return _chart("grades", _("Grades given"), _("Grade"), cells, rows)


def _parts_chart(slug: str, title: Text, first: Text, cells: Cells) -> Chart:
    counts = cells.flat
    rows = [_bar(str(WORDS[name]), counts[name], cells.whole) for name in WORDS if counts.get(name)]
    return _chart(slug, title, first, cells, rows)


def days_chart(slug: str, title: Text, found: Statistics, kind: str) -> Chart:
    cells, days = found.table(kind), found.days(kind)
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
    # Of those who are shown alone it would be another mean: small groups are mostly late.
    if (mean := days.mean) is not None and not cells.is_partly_hidden:
        note = gettext("Mean: %(mean)s days. Half of them within %(median)s days, nine of ten within %(most)s.") % {
            "mean": rounded(mean, 1),
            "median": days.share(50),
            "most": days.share(90),
        }
    rows = [_bar(label, count, cells.whole) for label, count in bands.items()] if days.people else []
    return _chart(slug, title, _("Days"), cells, rows, note=note)


def _band(begins: int | None, ends: int | None) -> str:
    if begins is None:
        return gettext("up to %(days)s") % {"days": (ends or 1) - 1}
    return gettext("%(days)s and more") % {"days": begins} if ends is None else f"{begins}–{ends - 1}"


def reasons_chart(cells: Cells) -> Chart:
    counted = sorted(
        ((count, code, said) for code, names in cells.counts.items() for said, count in names.items()), reverse=True
    )
    rows = [_bar(reason_in_words(code, said), count, cells.whole) for count, code, said in counted[:MOST_REASONS]]
    note = ""
    if more := sum(count for count, _code, _said in counted[MOST_REASONS:]):
        note = gettext("For other reasons: %(count)s.") % {"count": more}
    headings = (_("Sendings"), _("Share"))
    facts: dict[str, Any] = {"headings": headings, "note": note, "empty": _("None."), "has_long_labels": True}
    return _chart("rejections", _("Rejected by Ladok"), _("Reason"), cells, rows, **facts)


def reason_in_words(code: str, said: str) -> str:
    if said:
        return said
    return Message(code).what if code in CATALOGUE and "%(" not in str(CATALOGUE[code].what) else gettext("Not told")


def work_chart(cells: Cells) -> Chart:
    """By the hour of the day; the note has what it is in all. What would read 0.00 hours is left out."""
    hours = [sum(names.get(f"{hour:02}", 0) for names in cells.counts.values()) for hour in range(HOURS_OF_DAY)]
    rows = [
        Bar(hours_of_day(hour), _length(count, sum(hours)), (_hours(count), _percent(count, sum(hours))))
        for hour, count in enumerate(hours)
        if count >= LEAST_WORK
    ]
    whole = ", ".join(f"{WORDS[side]}: {_hours(sum(names.values()))}" for side, names in sorted(cells.counts.items()))
    note = gettext("Hours in all: %(what)s.") % {"what": whole} if whole else ""
    headings, empty = (_("Hours worked"), _("Share")), _("Hardly any time.") if cells.told else NO_FIGURES
    title = _("When LadokFlow worked")
    return _chart("work", title, _("Time of day"), cells, rows, headings=headings, note=note, empty=empty)


def hours_of_day(hour: int) -> str:
    return f"{hour:02}–{hour + 1:02}"


def rates_chart(rows: Sequence[Row], by: str, address: Any) -> Chart:
    """The pass rate of each term, course, ...: as a trend where they are terms."""
    bars = []
    for row in rows:
        figures = (str(row.graded), rate_in_words(row, Kind.RESULT), rate_in_words(row, Kind.MARKED))
        bars.append(Bar(row.label or "–", _length(row.pass_rate or 0), figures, address(row.key)))
    note = ""
    if any(row.table(kind).is_partly_hidden for row in rows for kind in (Kind.RESULT, Kind.MARKED)):
        note = gettext(
            "“Hidden” stands where a group would be too small: of the others alone the rate would be another one. Flows of which nothing can be shown are not counted."
        )
    title = _("Pass rate, term by term") if by == "term" else _("Pass rate")
    headings = _("Graded"), _("Passed"), _("Late")
    return Chart("rates", title, GROUPS[by][1], headings, bars, note, has_long_labels=True)


def _bar(label: str, count: int, whole: int) -> Bar:
    return Bar(label, _length(count, whole), (str(count), _percent(count, whole)))


def _length(part: float, whole: int = 1) -> int:
    """Of all bars in percent of the whole, so that they can be compared."""
    return max(1, round(100 * part / whole)) if part and whole else 0


def _percent(part: int, whole: int) -> str:
    return percent(part / whole) if whole else "–"


def rate_in_words(row: Rates, kind: str) -> str:
    found = row.pass_rate if kind == Kind.RESULT else row.late_rate
    if found is not None:
        return percent(found)
    return gettext("Hidden") if row.table(kind).is_partly_hidden else "–"


def _hours(milliseconds: int) -> str:
    return rounded(milliseconds / MILLISECONDS, 2)


# --- The table of what it is told apart by ----------------------------------------------------------------------------------


def rows_of_page(selection: Selection, by: str, number: str, order: str = "") -> tuple[list[Row], Any]:
    """The rows of a page, with the words of their labels, and the page itself."""
    page = Paginator(keys_of(selection, by, order), PER_PAGE).get_page(number)
    return labelled(grouped(selection, by, list(page)), by), page


def labelled(rows: Sequence[Row], by: str) -> list[Row]:
    words = _flows_in_words([int(row.key) for row in rows]) if by == "flow" else {}
    if by == "term":
        words = {row.key: term_in_words(row.key) for row in rows}
    return [Row(row.key, words.get(row.key, row.label), row.tables) for row in rows]


def _flows_in_words(keys: Sequence[int]) -> dict[str, str]:
    """With code and day: a course's exams often have the same title."""
    code = FlowSource.objects.filter(flow=OuterRef("pk"), removed_at__isnull=True).order_by("position").values("code")
    flows = Flow.objects.filter(pk__in=keys).annotate(code=Subquery(code[:1])).order_by()
    found = flows.values_list("pk", "title", "code", "statistics__exam_on")
    return {
        str(pk): " · ".join(filter(None, [title or "–", code, day_in_words(exam_on) if exam_on else ""]))
        for pk, title, code, exam_on in found
    }


def suppressed_note() -> str:
    return gettext(
        "These figures can be passed on: groups of fewer than %(count)s students are left out of them, and what would tell their size. On a flow's own pages you see each student. Ask a licence admin if you need all figures."
    ) % {"count": LEAST}
