"""What people type and choose on the pages of flows."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, ClassVar, cast

from django import forms
from django.db.models import Count, F, Q, QuerySet
from django.db.models.expressions import OrderBy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ladokflow.form_fields import DayField
from ladokflow.messages import Text
from sources.flows.adoption_table import LONGEST_CODE, Pair, read_table
from sources.flows.scales import ANY_SCALE
from sources.models import Flow, Paper, Participant, Source
from sources.models.flow import ExportState, ParticipantQuerySet

ANY = "any"  # the forms' word for ANY_SCALE


def _choice(field: forms.Field) -> forms.ChoiceField:
    return cast(forms.ChoiceField, field)


class ParticipantFilter(forms.Form):
    """A flow's participants: by a part of the name or the start of an identifier, and by one of `SHOWN`. What it does not know counts as nothing."""

    # Each with its word, and who they are
    SHOWN: ClassVar[dict[str, tuple[Text, Q]]] = {
        "": (_("All"), Q()),
        "ungraded": (
            _("Without a grade"),
            Q(is_active=True) & (Q(assessment=None) | Q(assessment__grade="", assessment__alternative_grade="")),
        ),
        "failed": (_("Failed or unknown"), Q(export_state=ExportState.FAILED)),
        "exported": (_("Exported"), Q(export_state=ExportState.EXPORTED)),
        "deactivated": (_("Deactivated"), Q(is_active=False)),
        "without_paper": (_("Nothing or blank handed in"), Q(paper__state__in=Paper.EMPTY)),
        "late": (_("Handed in late"), Q(paper__is_late=True)),
    }
    BY_NAME = ("last_name", "first_name", "pk")
    SORTS: ClassVar[dict[str, tuple[str | OrderBy, ...]]] = {
        "": BY_NAME,
        "grade": (F("assessment__grade").asc(nulls_first=True), *BY_NAME),
    }

    q = forms.CharField(
        label=_("Search"),
        required=False,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": _("Name, organisation id or student number")}),
    )
    show = forms.ChoiceField(required=False, choices=[(value, label) for value, (label, _who) in SHOWN.items()])
    sort = forms.ChoiceField(required=False, choices=[(value, value) for value in SORTS])
    ids = forms.BooleanField(required=False)

    @property
    def is_filtering(self) -> bool:
        return any(self.cleaned_data.get(name) for name in ("q", "show"))

    def chosen(self, name: str) -> str:
        return str(self.cleaned_data.get(name) or "")

    def found(self, people: ParticipantQuerySet) -> ParticipantQuerySet:
        """By the search alone."""
        self.is_valid()
        return people.matching(self.chosen("q"))

    def apply(self, people: ParticipantQuerySet) -> QuerySet[Participant]:
        found = self.found(people)
        return found.filter(self.SHOWN[self.chosen("show")][1]).order_by(*self.SORTS[self.chosen("sort")])

    def counts(self, people: ParticipantQuerySet) -> list[tuple[str, Text, int]]:
        """Each of `SHOWN` with how many they are among those found; one query."""
        each = {f"n_{value}": Count("pk", filter=who) for value, (_label, who) in self.SHOWN.items()}
        counts = self.found(people).order_by().aggregate(**each)
        return [(value, label, counts[f"n_{value}"]) for value, (label, _who) in self.SHOWN.items()]


class CourseForm(forms.Form):
    """*Välj från lista*: the exams of one or more courses, between two dates; of any course where Ladok can be asked so."""

    MOST_COURSES = 20

    course = forms.CharField(
        label=_("Course code"),
        required=False,
        max_length=400,
        widget=forms.TextInput(attrs={"autocapitalize": "characters", "spellcheck": "false", "class": "input--medium"}),
    )
    first = DayField(label=_("From"), required=False)
    last = DayField(label=_("To"), required=False)

    def __init__(self, *args: Any, source: Source, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.can_list_by_dates = source.can_list_by_dates
        hint = (
            gettext(
                "For example %(example)s; several with commas between them. Empty: the exams of all courses between the dates."
            )
            if self.can_list_by_dates
            else gettext(
                "For example %(example)s; several with commas between them. Ladok here lists the exams of a course, not of all."
            )
        )
        self.fields["course"].help_text = hint % {"example": source.rules.example_course}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        first, last = cleaned.get("first"), cleaned.get("last")
        if len(self.courses) > self.MOST_COURSES:
            text = gettext("At most %(most)s courses at a time.") % {"most": self.MOST_COURSES}
            self.add_error("course", text)
        if first and last and last < first:
            self.add_error("last", gettext("The last day is before the first."))
        elif "course" in cleaned and not self.courses:
            if not self.can_list_by_dates:
                self.add_error("course", gettext("Write a course code."))
            elif not self.errors and not (first and last):
                self.add_error("course", gettext("Write a course code, or both dates."))
        return cleaned

    @property
    def courses(self) -> list[str]:
        parts = re.split(r"[,;\n]", str(self.cleaned_data.get("course", "")))
        return list(dict.fromkeys(course for part in parts if (course := part.strip())))


class CodeForm(forms.Form):
    """*Ange kod*."""

    MOST_PARTS = 200

    typed = forms.CharField(
        label=_("Code of the exam"),
        max_length=10_000,
        help_text=_("As it stands in Ladok. Several codes have commas or blanks between them."),
        widget=forms.TextInput(attrs={"autocapitalize": "none", "spellcheck": "false", "autofocus": True}),
    )

    def clean_typed(self) -> str:
        """Each of the parts may be a question to Ladok: not a whole text that came along."""
        typed = str(self.cleaned_data["typed"])
        if len(re.split(r"[\s,;]+", typed)) > self.MOST_PARTS:
            text = gettext("This is a text, or more codes than can be taken at a time. Use Paste a list for many.")
            raise forms.ValidationError(text)
        return typed


class AddCodeForm(forms.Form):
    """One more code on a flow that is there, and what was asked about it."""

    asks_scale = False

    code = forms.CharField(
        label=_("Code of the exam"),
        max_length=200,
        help_text=_(
            "Exactly as it stands in Ladok. Its students join the flow; the codes there are keep their places."
        ),
        widget=forms.TextInput(attrs={"autocapitalize": "none", "spellcheck": "false"}),
    )
    scale = forms.CharField(
        label=_("WISEflow's scale for Ladok's"),
        required=False,
        max_length=20,
        help_text=_(
            "If the flow keeps its own scale, you are asked how the grades are to be sent before any of them is."
        ),
    )
    grade_goes_to = forms.ChoiceField(
        label=_("Grade of a student on several of the codes"),
        choices=Flow.GradeGoesTo.choices,
        widget=forms.RadioSelect,
        required=False,
        help_text=_("It can be changed on the flow's page until a grade has been sent."),
    )

    def ask_scale(self, ladok_scale: str, scales: Iterable[tuple[str, str]]) -> None:
        field = self.fields["scale"]
        field.label = f"{field.label} {ladok_scale}"
        choices = [("", _("Choose …")), *scales, (ANY, _("The flow keeps its own scale"))]
        field.widget = forms.Select(choices=choices)
        field.required = self.asks_scale = True

    def ask_place(self) -> None:
        self.fields["grade_goes_to"].required = True

    def chosen_scale(self) -> str | None:
        """As `add_code` takes it."""
        scale: str = self.cleaned_data["scale"]
        return ANY_SCALE if scale == ANY else scale or None


class PlaceForm(forms.Form):
    """Where the grade of somebody on several codes goes, on the page of a flow that is there. `was` is what was shown."""

    grade_goes_to = forms.ChoiceField(
        label=_("Grade of a student on several of the codes"),
        choices=Flow.GradeGoesTo.choices,
        widget=forms.RadioSelect,
    )
    was = forms.CharField(widget=forms.HiddenInput)


class AdoptionForm(forms.Form):
    """A flow that stands in WISEflow and its code in Ladok: one, or a table of them."""

    flow = forms.CharField(
        label=_("Flow in WISEflow"),
        required=False,
        max_length=500,
        help_text=_("Its number, or the link to its page."),
        widget=forms.TextInput(attrs={"spellcheck": "false", "class": "input--medium"}),
    )
    code = forms.CharField(
        label=_("Code in Ladok"),
        required=False,
        max_length=LONGEST_CODE,
        help_text=_("As it stands in Ladok."),
        widget=forms.TextInput(attrs={"spellcheck": "false", "class": "input--medium"}),
    )
    table = forms.CharField(
        label=_("Several flows"),
        required=False,
        max_length=40_000,
        help_text=_(
            "A line for each: the flow's number or link, then the code. Pasted from a spreadsheet, or with a semicolon between them. A "
            "flow of several codes has a line for each code."
        ),
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false", "class": "input--code"}),
    )

    def pairs(self) -> list[Pair]:
        """What has been written. Refused where that is nothing, or too much."""
        chosen = self.cleaned_data
        one = f"{chosen['flow']}\t{chosen['code']}" if chosen["flow"] or chosen["code"] else ""
        return read_table(f"{one}\n{chosen['table']}" if one else chosen["table"])
