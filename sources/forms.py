"""What people type and choose on the pages of flows."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any, ClassVar, cast

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import F, Q, QuerySet
from django.db.models.expressions import OrderBy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from sources.models import Flow, FlowPreset, Participant, Source
from sources.models.flow import AssessorAllocation, ExportState, FlowQuerySet

CREATING = "creating"
LONGEST_IDENTIFIER = 200


def _choice(field: forms.Field) -> forms.ChoiceField:
    return cast(forms.ChoiceField, field)


class FlowFilter(forms.Form):
    """The search and the filters of the list of flows. Everything is optional; an unknown value counts as none."""

    SORTS: ClassVar[dict[str, tuple[str | OrderBy, ...]]] = {
        "": ("-created_at", "-pk"),
        "title": ("title", "pk"),
        "marking": (F("marking_end_at").asc(nulls_last=True), "pk"),
        "participation": (F("participation_start_at").asc(nulls_last=True), "pk"),
    }

    q = forms.CharField(
        label=_("Search"),
        required=False,
        widget=forms.TextInput(attrs={"type": "search"}),
        help_text=_("Title, Ladok code or a student's organisation id"),
    )
    source = forms.ChoiceField(label=_("Source"), required=False)
    phase = forms.ChoiceField(
        label=_("Phase"),
        required=False,
        choices=[("", _("All")), (CREATING, _("Being created")), *((str(v), label) for v, label in Flow.State.choices)],
    )
    export = forms.ChoiceField(label=_("Export"), required=False, choices=[("", _("All")), *ExportState.choices])
    sort = forms.ChoiceField(
        label=_("Sorted by"),
        required=False,
        choices=[
            ("", _("Newest first")),
            ("title", _("Title")),
            ("participation", _("Participation starts")),
            ("marking", _("Marking ends")),
        ],
    )
    mine = forms.BooleanField(label=_("Only mine"), required=False)

    def __init__(self, *args: Any, sources: Iterable[Source], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sources = list(sources)
        _choice(self.fields["source"]).choices = [
            ("", _("All")),
            *((source.slug, source.name) for source in self.sources),
        ]
        if len(self.sources) < 2:
            del self.fields["source"]

    @property
    def is_filtering(self) -> bool:
        return any(value for name, value in self.cleaned_data.items() if name != "sort")

    def apply(self, flows: FlowQuerySet, user: Any) -> FlowQuerySet:
        self.is_valid()
        chosen = self.cleaned_data
        if text := chosen.get("q"):
            flows = flows.found_by(text.strip())
        if slug := chosen.get("source"):
            flows = flows.filter(source__slug=slug)
        if phase := chosen.get("phase"):
            flows = flows.exclude(setup_state=Flow.Setup.READY) if phase == CREATING else flows.filter(state=int(phase))
        if state := chosen.get("export"):
            flows = flows.filter(export_state=state)
        if chosen.get("mine"):
            flows = flows.filter(created_by=user)
        return flows.order_by(*self.SORTS[chosen.get("sort") or ""])


class ParticipantFilter(forms.Form):
    """The search in a flow's participants: by a part of the name, or the start of an identifier."""

    q = forms.CharField(
        label=_("Search"),
        required=False,
        widget=forms.TextInput(attrs={"type": "search"}),
        help_text=_("Name, organisation id or student number"),
    )
    export = forms.ChoiceField(label=_("Export"), required=False, choices=[("", _("All")), *ExportState.choices])

    @property
    def is_filtering(self) -> bool:
        return any(self.cleaned_data.values())

    def apply(self, people: QuerySet[Participant]) -> QuerySet[Participant]:
        self.is_valid()
        for word in self.cleaned_data.get("q", "").split():
            people = people.filter(
                Q(first_name__icontains=word)
                | Q(last_name__icontains=word)
                | Q(organisation_id__istartswith=word)
                | Q(external_user_id__istartswith=word)
                | Q(unique_exam_id__istartswith=word)
            )
        if state := self.cleaned_data.get("export"):
            people = people.filter(export_state=state)
        return people


class CourseForm(forms.Form):
    """*Välj från lista*."""

    course = forms.CharField(
        label=_("Course code"),
        max_length=100,
        help_text=_("For example %(example)s."),
        widget=forms.TextInput(attrs={"autocapitalize": "characters", "spellcheck": "false", "class": "input--short"}),
    )

    def __init__(self, *args: Any, example: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["course"].help_text = gettext("For example %(example)s.") % {"example": example}


class CodeForm(forms.Form):
    """*Ange kod*."""

    typed = forms.CharField(
        label=_("Code of the exam"),
        max_length=200,
        help_text=_("Exactly as it stands in Ladok. You can add more exams in the next step."),
        widget=forms.TextInput(attrs={"autocapitalize": "none", "spellcheck": "false"}),
    )


class AddCodeForm(forms.Form):
    """One more code on a flow that is there."""

    code = forms.CharField(
        label=_("Code of the exam"),
        max_length=200,
        help_text=_(
            "Exactly as it stands in Ladok. Its students join the flow; the codes there are keep their places."
        ),
        widget=forms.TextInput(attrs={"autocapitalize": "none", "spellcheck": "false"}),
    )


class PeopleField(forms.CharField):
    """People of one role, one per line: what they are known by. Gives a list of identifiers."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("help_text", _("One person per line: organisation id, or the e-mail address of a member."))
        widget = forms.Textarea(attrs={"rows": 2, "spellcheck": "false", "autocapitalize": "none"})
        super().__init__(required=False, widget=widget, **kwargs)

    def clean(self, value: Any) -> list[str]:
        lines = dict.fromkeys(part.strip() for part in super().clean(value).replace(",", "\n").splitlines())
        for line in lines:
            if len(line) > LONGEST_IDENTIFIER or any(sign.isspace() for sign in line):
                raise ValidationError(
                    _("“%(line)s” is neither an organisation id nor an e-mail address. Write one person per line."),
                    params={"line": line},
                )
        return [line for line in lines if line]


class SettingsForm(forms.Form):
    """How the flow shall be. `submission_key` makes a form that is sent twice make one flow."""

    says_optional = True

    submission_key = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)
    flow_type = forms.ChoiceField(label=_("Flow type"), help_text=_("The types that your WISEflow licence has."))
    template_flow_id = forms.IntegerField(
        label=_("Template flow"),
        required=False,
        min_value=1,
        max_value=2**63 - 1,
        help_text=_("The number of a flow in WISEflow to copy settings from. Leave empty to start from nothing."),
        widget=forms.TextInput(attrs={"inputmode": "numeric", "class": "input--short"}),
    )
    assessors = PeopleField(label=_("Assessors"))
    reviewers = PeopleField(label=_("Reviewers"))
    managers = PeopleField(
        label=_("More managers"),
        help_text=_("You are a manager of the flow yourself. One person per line, as above."),
    )
    invigilators = PeopleField(label=_("Invigilators"))
    assessor_allocation = forms.ChoiceField(
        label=_("Who assesses whom"),
        required=False,
        choices=AssessorAllocation.choices,
        initial=AssessorAllocation.NONE,
        widget=forms.RadioSelect,
        help_text=_("For the assessors above, as students come in. Whom somebody has been given in WISEflow is kept."),
    )
    grade_decided_by = forms.ChoiceField(
        label=_("Grade decided by"),
        choices=Flow.DecidedBy.choices,
        initial=Flow.DecidedBy.ASSESSOR,
        widget=forms.RadioSelect,
        help_text=_("Whose grade counts as approved when grades are sent."),
    )
    instant_export = forms.BooleanField(
        label=_("Instant export"),
        required=False,
        help_text=_("Each grade is sent to Ladok as soon as it is approved, without waiting for marking to end."),
    )
    exports_when_marking_ends = forms.BooleanField(
        label=_("Export when marking ends"),
        required=False,
        help_text=_("All grades are sent by themselves, once, when marking has ended. Otherwise you send them."),
    )
    activates = forms.BooleanField(
        label=_("Activate the flow when it is created"),
        required=False,
        help_text=_("Students see an activated flow. Otherwise you activate it in WISEflow when it is ready."),
    )

    # What a preset fills in under its own name; its people are spread over the fields of their roles.
    PRESET = (
        "flow_type",
        "template_flow_id",
        "assessor_allocation",
        "grade_decided_by",
        "instant_export",
        "exports_when_marking_ends",
        "activates",
    )
    STAFF = {"assessors": "assessor", "reviewers": "reviewer", "managers": "manager", "invigilators": "invigilator"}

    def __init__(self, *args: Any, flow_types: Iterable[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _choice(self.fields["flow_type"]).choices = list(flow_types)

    def clean_assessor_allocation(self) -> str:
        return self.cleaned_data["assessor_allocation"] or AssessorAllocation.NONE

    def staff(self, member_emails: Iterable[str]) -> list[dict[str, str]]:
        """Entries of `Flow.staff`. An organisation id may look like an e-mail address: it is one where a member has it."""
        return staff_of(self.cleaned_data, member_emails, self.STAFF)

    @classmethod
    def filled_from(cls, preset: FlowPreset) -> dict[str, Any]:
        """The preset as initial values."""
        return {name: getattr(preset, name) for name in cls.PRESET} | people_by_field(preset.staff, cls.STAFF)


def staff_of(
    cleaned_data: dict[str, Any], member_emails: Iterable[str], fields: dict[str, str]
) -> list[dict[str, str]]:
    """The fields for people as entries of `Flow.staff`: `fields` is field name to role."""
    members = {email.casefold() for email in member_emails}
    return [
        {"role": role, "email": person} if person.casefold() in members else {"role": role, "organisation_id": person}
        for name, role in fields.items()
        for person in cleaned_data[name]
    ]


def people_by_field(staff: Iterable[dict[str, str]], fields: dict[str, str]) -> dict[str, str]:
    """Entries as in `Flow.staff` as the text of the fields for people: `fields` is field name to role."""
    return {
        name: "\n".join(one.get("email") or one.get("organisation_id", "") for one in staff if one.get("role") == role)
        for name, role in fields.items()
    }
