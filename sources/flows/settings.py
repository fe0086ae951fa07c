"""What can be set of a flow, one row for each: presets, the wizard, *Change*, the command and the documentation follow this table.

A setting of ours is a column of `Flow` and `FlowPreset`. One of WISEflow's stands there; what a preset or a new flow wants of it is
kept under its name in `wiseflow_settings`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from ladokflow.messages import Message, Refused, Sentence, Text, message, register
from ladokflow.wiseflow.words import BEFORE_MARKING, UNTIL_MARKING_ENDS, FlowState
from sources.flows.assessor_groups import parsed, written
from sources.flows.settings_in_wiseflow import (
    ABOUT,
    ALLOCATION,
    ANONYMISATION,
    BY_EXAM_ID,
    BY_NUMBER,
    CREDITS,
    DESCRIPTION,
    GROUPED,
    NAMES,
    REVIEWERS,
    SINGLE,
    TIME_BOX,
    Part,
    Value,
)
from sources.models import Flow

BEFORE_PARTICIPATION = (FlowState.NOT_ACTIVATED, FlowState.PARTICIPATION_NOT_STARTED)
UNTIL_ARCHIVED = tuple(state for state in FlowState if state != FlowState.ARCHIVED)

LONGEST_DESCRIPTION, LONGEST_TERM, LONGEST_TIME_BOX, LONGEST_TOLD = 50_000, 255, 30 * 24 * 60, 200


@dataclass(frozen=True)
class Setting:
    """`field` gives the value as it is kept. `closed` is what is told where it may not be changed, outside of `states`. `part` is what of WISEflow's API
    has it; without one it is ours. `goes_with` is another's name, and the value of it that this one takes."""

    name: str
    field: forms.Field
    states: tuple[FlowState, ...]
    closed: str
    part: Part | None = None
    needs_export_right: bool = False
    goes_with: tuple[str, Value] | None = None

    @property
    def label(self) -> Text:
        return self.field.label or self.name

    @property
    def choices(self) -> Mapping[str, Text]:
        """Value -> word; empty where anything may be written."""
        choices: Any = self.field.choices if isinstance(self.field, forms.ChoiceField) else ()
        return dict(choices)

    @property
    def told(self) -> Message:
        """Its name, to be filled in."""
        return message(f"sources.setting.{self.name}")

    def told_value(self, value: Value) -> Message:
        if isinstance(value, bool):
            return message("sources.settings.value.yes" if value else "sources.settings.value.no")
        if value in ("", None):
            return message("sources.settings.value.nothing")
        if value in self.choices:
            return message(f"sources.setting.{self.name}.{value}")
        if isinstance(value, int):
            return message("sources.settings.value.minutes", count=value)
        text = " ".join(str(value).split())
        return message("sources.settings.value.text", text=text[:LONGEST_TOLD] + "…" * (len(text) > LONGEST_TOLD))

    def shown(self, value: Value) -> str:
        """The value in words, within a sentence."""
        return self.told_value(value).what.rstrip(".")

    @property
    def why_absent(self) -> Message:
        """Where WISEflow does not have it of a flow."""
        return message("sources.settings.no_reviewers" if self.part is REVIEWERS else "sources.settings.not_there")

    def why_closed(self, state: int, *, may_export: bool) -> Message | None:
        if state not in self.states:
            return message(self.closed)
        if self.needs_export_right and not may_export:
            return message("sources.settings.no_export_right")
        return None


def _choice(label: Any, choices: Iterable[tuple[str, Text]], help_text: Any = "") -> forms.ChoiceField:
    """The first is the usual one. A few stand side by side, more in a list."""
    given = list(choices)
    widget = forms.RadioSelect if len(given) < 4 else forms.Select
    return forms.ChoiceField(label=label, choices=given, initial=given[0][0], widget=widget, help_text=help_text)


class CreditsField(forms.CharField):
    """A number as WISEflow writes it, "7.5"; a comma does as well."""

    default_validators = [RegexValidator(r"\A[0-9]{1,3}(\.[0-9]{1,2})?\Z", _("Write a number, as 7.5."))]

    def to_python(self, value: Any) -> str:
        return str(super().to_python(value)).replace(",", ".")


class GroupsField(forms.CharField):
    """`now` is what a flow has, and can be kept, also where it cannot be written here."""

    now = ""

    def to_python(self, value: Any) -> str:
        text = str(super().to_python(value))
        if text.split() == self.now.split():
            return self.now
        try:
            return written(parsed(text).items())
        except Refused as refused:
            raise forms.ValidationError(str(refused.message)) from refused


SETTINGS = (
    Setting(
        "grade_decided_by",
        _choice(
            _("Grade decided by"), Flow.DecidedBy.choices, _("Whose grade counts as approved when grades are sent.")
        ),
        UNTIL_MARKING_ENDS,
        "sources.settings.marking_over",
        needs_export_right=True,
    ),
    Setting(
        "exports_when_marking_ends",
        forms.BooleanField(
            label=_("Export when marking ends"),
            required=False,
            help_text=_("All grades are sent by themselves, once, when marking has ended. Otherwise you send them."),
        ),
        UNTIL_MARKING_ENDS,
        "sources.settings.marking_over",
        needs_export_right=True,
    ),
    Setting(
        "instant_export",
        forms.BooleanField(
            label=_("Instant export"),
            required=False,
            help_text=_("Each grade is sent to Ladok as soon as it is approved, without waiting for marking to end."),
        ),
        UNTIL_ARCHIVED,
        "sources.settings.archived",
        needs_export_right=True,
    ),
    Setting(
        "anonymisation",
        _choice(
            _("Anonymisation"),
            [
                (NAMES, _("None: names are shown")),
                (BY_NUMBER, _("By the participant's number")),
                (BY_EXAM_ID, _("By unique exam id")),
            ],
            _("What assessors see of the students while they assess."),
        ),
        BEFORE_MARKING,
        "sources.settings.anonymous_marking",
        ANONYMISATION,
    ),
    Setting(
        "examination_type",
        _choice(_("Examination type"), [("ORDINARY", _("Ordinary exam")), ("REEXAMINATION", _("Re-exam"))]),
        UNTIL_ARCHIVED,
        "sources.settings.archived",
        ABOUT,
    ),
    Setting(
        "purpose",
        _choice(
            _("Purpose"),
            [
                ("EXAMINATION", _("Exam")),
                ("COURSE_WORK", _("Course work")),
                ("BACHELOR", _("Bachelor's thesis")),
                ("MASTER", _("Master's thesis")),
            ],
        ),
        UNTIL_ARCHIVED,
        "sources.settings.archived",
        ABOUT,
    ),
    Setting(
        "term",
        forms.CharField(
            label=_("Term"),
            required=False,
            max_length=LONGEST_TERM,
            widget=forms.TextInput(attrs={"class": "input--short"}),
        ),
        UNTIL_ARCHIVED,
        "sources.settings.archived",
        ABOUT,
    ),
    Setting(
        "credits",
        CreditsField(
            label=_("Credits (ECTS)"),
            required=False,
            widget=forms.TextInput(attrs={"inputmode": "decimal", "class": "input--short"}),
            help_text=_("WISEflow does not tell what it has: this is what was written here last."),
        ),
        UNTIL_ARCHIVED,
        "sources.settings.archived",
        CREDITS,
    ),
    Setting(
        "description",
        forms.CharField(
            label=_("Description"),
            required=False,
            max_length=LONGEST_DESCRIPTION,
            widget=forms.Textarea(attrs={"rows": 4}),
            help_text=_("Students read it on the flow's page in WISEflow."),
        ),
        UNTIL_MARKING_ENDS,
        "sources.settings.marking_over",
        DESCRIPTION,
    ),
    Setting(
        "time_box",
        forms.IntegerField(
            label=_("Time box"),
            required=False,
            min_value=1,
            max_value=LONGEST_TIME_BOX,
            widget=forms.TextInput(attrs={"inputmode": "numeric", "class": "input--short"}),
            help_text=_("Minutes that each student has from their own start. Empty: until participation ends."),
        ),
        BEFORE_PARTICIPATION,
        "sources.settings.before_participation",
        TIME_BOX,
    ),
    Setting(
        "allocation_type",
        _choice(
            _("Assessors are given students"),
            [(SINGLE, _("One by one")), (GROUPED, _("In groups"))],
        ),
        BEFORE_MARKING,
        "sources.settings.before_marking",
        ALLOCATION,
    ),
    Setting(
        "assessor_groups",
        GroupsField(
            label=_("Groups of assessors"),
            required=False,
            widget=forms.Textarea(attrs={"rows": 3}),
            help_text=_(
                "One group per line: name of the group: assessor, assessor. Each is one of the flow's assessors, by name, organisation id"
                " or e-mail address. Which students a group has is said in WISEflow."
            ),
        ),
        UNTIL_MARKING_ENDS,
        "sources.settings.marking_over",
        ALLOCATION,
        goes_with=("allocation_type", GROUPED),
    ),
    Setting(
        "reviewers_access",
        _choice(
            _("Reviewers' access"),
            [
                ("sees", _("See grades and feedback")),
                ("decides", _("See them, and decide on the grade")),
                ("sees-nothing", _("Do not see them")),
            ],
            _("Of the reviewers on the flow. To decide takes a flow type or template with reviewer approval."),
        ),
        UNTIL_MARKING_ENDS,
        "sources.settings.marking_over",
        REVIEWERS,
    ),
)
BY_NAME: Mapping[str, Setting] = {setting.name: setting for setting in SETTINGS}
OURS = tuple(setting for setting in SETTINGS if setting.part is None)
IN_WISEFLOW = tuple(setting for setting in SETTINGS if setting.part is not None)


def by_part(names: Iterable[str]) -> Mapping[Part, tuple[str, ...]]:
    """Those of the names that stand in WISEflow, by the call that has them."""
    found: dict[Part, tuple[str, ...]] = {}
    for setting in IN_WISEFLOW:
        if setting.name in set(names):
            part = cast(Part, setting.part)
            found[part] = (*found.get(part, ()), setting.name)
    return found


register({f"sources.setting.{setting.name}": Sentence(setting.label) for setting in SETTINGS})
register(
    {
        f"sources.setting.{setting.name}.{value}": Sentence(word)
        for setting in SETTINGS
        for value, word in setting.choices.items()
    }
)
