"""The settings of a new flow, as the wizard asks for them and a preset fills them in."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils.text import format_lazy
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from ladokflow.fingerprints import fingerprint
from ladokflow.identifiers import normal
from ladokflow.messages import Message, Refused
from sources.flows.assessor_csv import Line, name_assessors, read_list
from sources.flows.look_up import members_meant
from sources.flows.scales import ANY_SCALE
from sources.flows.settings import IN_WISEFLOW, OURS
from sources.flows.settings_in_wiseflow import Value
from sources.flows.tables import MOST_BYTES, text_of_file
from sources.models import Flow, FlowPreset, Source
from sources.models.flow import AssessorAllocation
from sources.pages.forms import ANY
from sources.pages.setting_fields import (
    AS_IN_WISEFLOW,
    chosen,
    field_of,
    optional_fields,
    tell_groups_without_their_kind,
)

LONGEST_IDENTIFIER = 200
TABLE_FILES = ".xlsx,.csv,.txt,.tsv,text/csv,text/plain"
MOST_TOLD = 20  # lines of a list whose faults are told one by one


class PeopleField(forms.CharField):
    """People of one role, one per line: what they are known by. Gives a list of identifiers.

    `names` are those who can be written by name, as `names_of` has them: WISEflow cannot be asked for a name.
    """

    names: Mapping[str, str] = {}

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault(
            "help_text", _("One person per line: organisation id, or the name or e-mail address of a member.")
        )
        widget = forms.Textarea(attrs={"rows": 2, "spellcheck": "false", "autocapitalize": "none"})
        super().__init__(required=False, widget=widget, **kwargs)

    def clean(self, value: Any) -> list[str]:
        lines = dict.fromkeys(part.strip() for part in super().clean(value).replace(",", "\n").splitlines())
        return list(dict.fromkeys(self._known_as(line) for line in lines if line))

    def _known_as(self, line: str) -> str:
        if len(line) <= LONGEST_IDENTIFIER and not any(sign.isspace() for sign in line):
            return line
        found = members_meant(line, self.names)
        if len(found) == 1:
            return next(iter(found))
        if not found:
            raise ValidationError(
                _("“%(line)s” is no member. Write the organisation id instead, one person per line."),
                params={"line": line},
            )
        people = "; ".join(f"{name}: {who}" for who, name in found.items())
        raise ValidationError(
            _("“%(line)s” may be several. Write which one: %(people)s"), params={"line": line, "people": people}
        )


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
    head_invigilators = PeopleField(label=_("Head invigilators"))
    authors = PeopleField(label=_("Authors"))
    assessor_allocation = forms.ChoiceField(
        label=_("Who assesses whom"),
        required=False,
        choices=AssessorAllocation.choices,
        initial=AssessorAllocation.NONE,
        widget=forms.RadioSelect,
        help_text=_("For the assessors above, as students come in. Whom somebody has been given in WISEflow is kept."),
    )
    allocation_list = forms.CharField(
        label=_("The list"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false", "autocapitalize": "none", "class": "mono"}),
        help_text=_(
            "One line per participant: organisation id; assessor. The assessor by organisation id, or by the e-mail address "
            "of a member. You can copy two columns out of a spreadsheet."
        ),
    )
    allocation_file = forms.FileField(
        label=_("Or a file with the list"),
        required=False,
        widget=forms.FileInput(attrs={"accept": TABLE_FILES}),
        help_text=_("A workbook (.xlsx) or CSV. It takes the place of what stands in the field above."),
    )
    grade_goes_to = forms.ChoiceField(
        label=_("Grade of a student on several of the codes"),
        choices=Flow.GradeGoesTo.choices,
        initial=Flow.GradeGoesTo.ONE,
        widget=forms.RadioSelect,
        help_text=_("It can be changed on the flow's page until a grade has been sent."),
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
        *(setting.name for setting in OURS),
        "activates",
    )
    STAFF = {
        "assessors": "assessor",
        "reviewers": "reviewer",
        "managers": "manager",
        "invigilators": "invigilator",
        "head_invigilators": "head_invigilator",
        "authors": "author",
    }

    def __init__(
        self,
        data: Any = None,
        files: Any = None,
        *,
        flow_types: Iterable[tuple[str, str]],
        members: Mapping[str, str] | None = None,
        names: Mapping[str, str] | None = None,
        unmatched: Sequence[str] = (),
        scales: Iterable[tuple[str, str]] = (),
        asks_place: bool = False,
        **kwargs: Any,
    ) -> None:
        """`members`: e-mail address (in its normal form) to organisation id; `names`: as of `names_of`. `unmatched`: Ladok's scales for which one of `scales`,
        pairs of id and name, has to be chosen. `asks_place`: somebody may be on several of the codes."""
        data, self._file_error = with_file(data, files)
        super().__init__(data, files, **kwargs)
        name_people(self, names or {})
        if not asks_place:
            del self.fields["grade_goes_to"]
        self.unmatched = list(unmatched)
        ask_scales(self, self.unmatched, scales)
        self.members = dict(members or {})
        self.lines: list[Line] = []
        self.told: list[Message] = []
        cast(forms.ChoiceField, self.fields["flow_type"]).choices = list(flow_types)

    def clean_assessor_allocation(self) -> str:
        return self.cleaned_data["assessor_allocation"] or AssessorAllocation.NONE

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        text, is_list = (
            cleaned.get("allocation_list") or "",
            cleaned.get("assessor_allocation") == AssessorAllocation.LIST,
        )
        tell_groups_without_their_kind(self)
        if self._file_error:
            self.add_error("allocation_file", self._file_error)
        elif text.strip() and not is_list:
            self.add_error("assessor_allocation", gettext("You have written a list. Choose “By a list”, or empty it."))
        elif is_list and not text.strip():
            self.add_error("allocation_list", gettext("Write or paste the list, or choose a file."))
        elif is_list and "assessors" in cleaned:
            named = {normal(self.members.get(normal(who), who)) for who in cleaned["assessors"]}
            self.lines, wrong = read_lines(text, self.members, named or None)
            self.tell(wrong)
            if not wrong and not self.lines:
                self.add_error("allocation_list", gettext("The list has a heading only. Write the lines below it."))
        return cleaned

    def tell(self, wrong: Sequence[Message]) -> None:
        """Each faulty line at the field of the list."""
        if wrong:
            self.add_error("allocation_list", ValidationError(told_of_lines(wrong)))

    def has_to_tell(self, told: Sequence[Message]) -> bool:
        """Whether something is to be read before the flow is made. What has been told, and is sent once more, has been read."""
        self.told = list(told)
        return bool(told) and self.data.get("told") != self.mark_of_told

    @property
    def mark_of_told(self) -> str:
        """Of what is told: the form sends it along."""
        return fingerprint("sources.told", [each.to_json() for each in self.told]).whole

    @property
    def ours(self) -> list[forms.BoundField]:
        return [self[setting.name] for setting in OURS]

    @property
    def in_wiseflow(self) -> list[forms.BoundField]:
        return [self[setting.name] for setting in IN_WISEFLOW]

    def wiseflow_settings(self) -> dict[str, Value]:
        """As `request_flow` takes it."""
        return chosen(IN_WISEFLOW, self.cleaned_data)

    @property
    def scale_fields(self) -> list[forms.BoundField]:
        return [self[f"scale-{number}"] for number in range(len(self.unmatched))]

    def scale_choices(self) -> dict[str, str]:
        """As `request_flow` takes it."""
        return chosen_scales(self, self.unmatched)

    def pairs(self) -> list[list[str]]:
        """The list as `request_flow` takes it."""
        return [[line.participant, line.assessor] for line in self.lines]

    def staff(self) -> list[dict[str, str]]:
        """Entries of `Flow.staff`. An organisation id may look like an e-mail address: it is one where a member has it.
        Where no assessors were named, they are those of the list."""
        named = staff_of(self.cleaned_data, self.members, self.STAFF)
        if self.cleaned_data["assessors"]:
            return named
        listed = {normal(line.assessor): line.assessor for line in self.lines}
        return [*named, *({"role": "assessor", "organisation_id": assessor} for assessor in listed.values())]

    @classmethod
    def filled_from(cls, preset: FlowPreset) -> dict[str, Any]:
        """The preset as initial values."""
        own = {name: getattr(preset, name) for name in cls.PRESET}
        return own | preset.wiseflow_settings | people_by_field(preset.staff, cls.STAFF)

    @classmethod
    def filled_from_flow(cls, flow: Flow, members: Mapping[str, str], *, maker: str) -> dict[str, Any]:
        """The flow as initial values, for `maker` (an e-mail address), who is a manager in any case."""
        staff = [
            person if normal(person.get("email", "")) in members else {**person, "email": ""}
            for person in flow.staff
            if (person.get("role"), normal(person.get("email", ""))) != ("manager", normal(maker))
        ]
        lines = flow.allocation_lines.values_list("organisation_id", "assessor")
        return {
            **{name: getattr(flow, name) for name in cls.PRESET},
            **flow.wiseflow_settings,
            **people_by_field(staff, cls.STAFF),
            "allocation_list": "\n".join("; ".join(line) for line in lines),
            "grade_goes_to": flow.grade_goes_to,
        }


SettingsForm.base_fields |= {setting.name: field_of(setting) for setting in OURS}
SettingsForm.base_fields |= optional_fields(IN_WISEFLOW, AS_IN_WISEFLOW)


class ListForm(forms.Form):
    """The list of who assesses whom of a flow that is there. An empty one ends it."""

    allocation_list = SettingsForm.base_fields["allocation_list"]
    allocation_file = SettingsForm.base_fields["allocation_file"]
    adds_assessors = forms.BooleanField(
        label=_("Add assessors who are new in the list"),
        required=False,
        help_text=_("Otherwise a line with somebody who is no assessor of the flow is told as a fault."),
    )

    def __init__(
        self,
        data: Any = None,
        files: Any = None,
        *,
        members: Mapping[str, str] | None = None,
        assessors: Iterable[str] = (),
        **kwargs: Any,
    ) -> None:
        """`members` as in SettingsForm; `assessors`: the organisation ids (in their normal form) of the flow's."""
        data, self._file_error = with_file(data, files)
        super().__init__(data, files, **kwargs)
        self.members, self.assessors = dict(members or {}), set(assessors)
        self.lines: list[Line] = []

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self._file_error:
            self.add_error("allocation_file", self._file_error)
            return cleaned
        known = None if cleaned.get("adds_assessors") else self.assessors
        self.lines, wrong = read_lines(cleaned.get("allocation_list") or "", self.members, known)
        if wrong:
            self.add_error("allocation_list", ValidationError(told_of_lines(wrong)))
        return cleaned


def ask_scales(form: forms.BaseForm, unmatched: Sequence[str], scales: Iterable[tuple[str, str]]) -> None:
    """A field for each of Ladok's scales of which WISEflow has no counterpart: `scales` are WISEflow's, pairs of id and name."""
    choices = [("", _("Choose …")), *scales, (ANY, _("Whichever scale WISEflow gives the flow"))]
    for number, scale in enumerate(unmatched):
        form.fields[f"scale-{number}"] = forms.ChoiceField(
            label=format_lazy("{} {}", _("WISEflow's scale for Ladok's"), scale),
            choices=choices,
            help_text=_(
                "WISEflow has no counterpart of this scale. With whichever scale WISEflow gives the flow you are asked again"
                " before grades are sent."
            ),
        )


def chosen_scales(form: forms.BaseForm, unmatched: Sequence[str]) -> dict[str, str]:
    """As `request_flow` takes them."""
    chosen = {scale: form.cleaned_data[f"scale-{number}"] for number, scale in enumerate(unmatched)}
    return {scale: ANY_SCALE if value == ANY else value for scale, value in chosen.items()}


def names_of(source: Source) -> dict[str, str]:
    """E-mail address of each member to the name."""
    rows = source.memberships.exclude(user__email="").select_related("user").order_by("user__email")
    return {row.user.email: row.user.get_full_name() for row in rows}


def name_people(form: forms.BaseForm, names: Mapping[str, str]) -> None:
    """Let these be written by name in the form's fields for people."""
    for field in form.fields.values():
        if isinstance(field, PeopleField):
            field.names = names


def members_of(source: Source) -> dict[str, str]:
    """The source's members: e-mail address (in its normal form) to organisation id."""
    rows = source.memberships.exclude(user__email="").values_list("user__email", "organisation_id")
    return {normal(email): organisation_id or email for email, organisation_id in rows}


def with_file(
    data: Any, files: Any, *, upload: str = "allocation_file", field: str = "allocation_list"
) -> tuple[Any, str]:
    """What was sent, with the uploaded table as text in its field: there it can be seen and corrected, and is kept. And
    what is wrong with the file."""
    file = files.get(upload) if files else None
    if data is None or file is None:
        return data, ""
    try:
        text = text_of_file(file.read(MOST_BYTES + 1))
    except Refused as refused:
        return data, str(refused.message)
    data = data.copy()
    data[field] = text.removeprefix("\ufeff")
    return data, ""


def read_lines(text: str, members: Mapping[str, str], assessors: set[str] | None) -> tuple[list[Line], list[Message]]:
    """The lines of a list with the assessors' organisation ids, and what is wrong with the others, in the lines' order."""
    lines, wrong = read_list(text)
    lines, unknown = name_assessors(lines, members, assessors)
    return lines, sorted([*wrong, *unknown], key=lambda fault: int(fault.params.get("line", 0)))


def told_of_lines(wrong: Sequence[Message]) -> list[str]:
    sentences = [str(fault) for fault in wrong[:MOST_TOLD]]
    rest = len(wrong) - len(sentences)
    if rest > 0:
        more = ngettext("%(count)s more line has a fault.", "%(count)s more lines have a fault.", rest)
        sentences.append(more % {"count": rest})
    return sentences


def staff_of(
    cleaned_data: dict[str, Any], member_emails: Iterable[str], fields: dict[str, str]
) -> list[dict[str, str]]:
    """The fields for people as entries of `Flow.staff`: `fields` is field name to role."""
    members = set(map(normal, member_emails))
    return [
        {"role": role, "email": person} if normal(person) in members else {"role": role, "organisation_id": person}
        for name, role in fields.items()
        for person in cleaned_data[name]
    ]


def people_by_field(staff: Iterable[dict[str, str]], fields: dict[str, str]) -> dict[str, str]:
    """Entries as in `Flow.staff` as the text of the fields for people: `fields` is field name to role."""
    return {
        name: "\n".join(
            person.get("email") or person.get("organisation_id", "") for person in staff if person.get("role") == role
        )
        for name, role in fields.items()
    }
