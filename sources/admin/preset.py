"""Flow presets: named settings for new flows, which the wizard offers to the source's managers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.text import capfirst, format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ladokflow.http import RemoteError
from ladokflow.identifiers import normal
from ladokflow.messages import Message, Refused, message
from sources.admin.recording import changed_fields, record_in_admin
from sources.admin.scope import ScopedAdmin
from sources.flows.settings import IN_WISEFLOW, OURS
from sources.flows.staff import OF_PRESET, questions_about
from sources.models import FlowPreset, Source
from sources.pages.setting_fields import AS_IN_WISEFLOW, chosen, optional_fields, tell_groups_without_their_kind
from sources.pages.settings_form import (
    PeopleField,
    SettingsForm,
    members_of,
    name_people,
    names_of,
    people_by_field,
    staff_of,
)
from sources.pages.staff_form import Questions
from sources.sync.staff import StaffRow, named
from sources.universities.clients import lists_of
from sources.universities.licence import Lists

LONGEST_KEY = 19  # digits of what fits in a column
ASKS = _("Not all of the people were found in WISEflow. Say at the end of the page what is to be done about each.")


class FlowPresetForm(forms.ModelForm):
    """The people are looked up in WISEflow when it is saved: `questions` are about those whom it does not know. `not_looked_up` says why
    that could not be done; the preset is saved then all the same, for it is asked again whenever a flow is made."""

    assessors = PeopleField(label=_("Assessors"))
    reviewers = PeopleField(label=_("Reviewers"))
    managers = PeopleField(
        label=_("More managers"),
        help_text=_("Whoever makes the flow is a manager of it as well. One person per line, as above."),
    )
    invigilators = PeopleField(label=_("Invigilators"))
    head_invigilators = PeopleField(label=_("Head invigilators"))
    authors = PeopleField(label=_("Authors"))

    lists: Lists | None = None  # of the licence; None where it is not known yet whose preset it is

    class Meta:
        model = FlowPreset
        fields = ("source", "name", *SettingsForm.PRESET)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "flow_type" in self.fields and self.lists is not None:
            self._offer_flow_types(self.lists)
        self.questions = Questions(self.data, OF_PRESET)
        self.not_looked_up: Message | None = None
        if self.instance.pk:
            name_people(self, names_of(self.instance.source))
            self.initial.update(self.instance.wiseflow_settings)
            self.initial.update(people_by_field(self.instance.staff, SettingsForm.STAFF))

    def _offer_flow_types(self, lists: Lists) -> None:
        """The licence's own; where they cannot be read, what is stored, or written, stays."""
        told: Any = _("The types that your WISEflow licence has.")
        if lists.failure is not None:
            told = format_lazy(
                "{} {}",
                _("WISEflow's list of types cannot be read now: write it as it is called there."),
                lists.failure.what,
            )
            self.fields["flow_type"].help_text = told
            return
        now = str(self.initial.get("flow_type", ""))
        names = [row.name for row in lists.flow_types]
        now = next((name for name in names if normal(name) == normal(now)), now)
        self.initial["flow_type"] = now
        gone = [] if not now or now in names else [(now, gettext("%(name)s (not on the licence)") % {"name": now})]
        self.fields["flow_type"] = forms.ChoiceField(
            label=capfirst(FlowPreset._meta.get_field("flow_type").verbose_name),
            choices=[*gone, *((name, name) for name in names)],
            help_text=told,
        )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        tell_groups_without_their_kind(self)
        self.instance.wiseflow_settings = chosen(IN_WISEFLOW, cleaned)
        source = cleaned.get("source") or (self.instance.source if self.instance.pk else None)
        if source is not None and all(name in cleaned for name in SettingsForm.STAFF):
            members = members_of(source)
            self._take_people(source, staff_of(cleaned, members, SettingsForm.STAFF), members)
        return cleaned

    def _take_people(self, source: Source, given: Sequence[StaffRow], members: Mapping[str, str]) -> None:
        """Look them up, with what was answered done to them; or ask, which is an error of the form."""
        if not self.questions.is_valid():
            raise ValidationError(ASKS)
        try:
            rows = self.questions.done_to(named(source, [*given, *self._awaited(given)]), members)
        except Refused as refused:
            raise ValidationError(str(refused.message)) from refused
        try:
            unknown = questions_about(source, [row for row in rows if not row.get("is_awaited")])
        except (RemoteError, Refused) as error:
            self.not_looked_up, unknown = error.message, []
        if unknown:
            self.questions.ask(unknown)
            raise ValidationError(ASKS)
        self.instance.staff = [_kept(row, members) for row in rows]

    def _awaited(self, given: Sequence[StaffRow]) -> list[StaffRow]:
        """Of whom it has been said before that they are kept without a user, and who are still among those who are given."""
        there = {_who(row) for row in given}
        return [row for row in self.instance.staff if row.get("is_awaited") and _who(row) in there]


# Declared, so that the administration finds them by name.
FlowPresetForm.declared_fields |= optional_fields(IN_WISEFLOW, AS_IN_WISEFLOW)


def _who(row: StaffRow) -> tuple[str, str, str]:
    return row["role"], normal(row.get("email", "")), normal(row.get("organisation_id", ""))


def _kept(row: StaffRow, members: Mapping[str, str]) -> dict[str, Any]:
    """As a preset keeps a person: a member by the e-mail address, for the organisation id of the membership may be changed."""
    is_member = normal(row.get("email", "")) in members
    who = {"email": row["email"]} if is_member else {"organisation_id": row["organisation_id"]}
    return {"role": row["role"], **who, **({"is_awaited": True} if row.get("is_awaited") else {})}


@admin.register(FlowPreset)
class FlowPresetAdmin(ScopedAdmin):
    form = FlowPresetForm
    change_form_template = "admin/sources/flowpreset/change_form.html"
    list_display = ("name", "source", "flow_type", "assessor_allocation", "grade_decided_by", "activates")
    search_fields = ("name",)
    fieldsets = (
        (None, {"fields": ("source", "name", "flow_type", "template_flow_id", "activates")}),
        (_("People"), {"fields": (*SettingsForm.STAFF, "assessor_allocation")}),
        (_("Grades to Ladok"), {"fields": tuple(setting.name for setting in OURS)}),
        (_("In WISEflow"), {"fields": tuple(setting.name for setting in IN_WISEFLOW)}),
    )

    def changeform_view(self, request: HttpRequest, object_id: str | None = None, *args: Any, **kwargs: Any) -> Any:
        """The licence is read before the transaction in which a form is saved."""
        source = self._source_of(request, object_id)
        request.__dict__["licence_lists"] = None if source is None else lists_of(source)
        return super().changeform_view(request, object_id, *args, **kwargs)

    def _source_of(self, request: HttpRequest, object_id: str | None) -> Source | None:
        if object_id is not None:
            row = self.get_object(request, unquote(object_id))
            return row.source if self.has_change_permission(request, row) else None  # type: ignore[attr-defined]
        given = str(request.POST.get("source") or self.get_changeform_initial_data(request).get("source") or "")
        is_key = given.isascii() and given.isdecimal() and len(given) < LONGEST_KEY
        return self.own_sources(request).filter(pk=given).first() if is_key else None

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, *args, **kwargs)
        form.lists = request.__dict__.get("licence_lists")
        return form

    def get_readonly_fields(self, request: HttpRequest, obj: FlowPreset | None = None) -> tuple[str, ...]:
        """A preset stays at its source: its people are that source's."""
        return () if obj is None else ("source",)

    def save_model(self, request: HttpRequest, obj: FlowPreset, form: FlowPresetForm, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if form.not_looked_up is not None:
            told = message("admin.preset_not_looked_up", cause=form.not_looked_up.to_json())
            messages.warning(request, str(told))
        if not change:
            record_in_admin(request, obj.source, "admin.preset_added", name=obj.name)
        elif form.changed_data:
            record_in_admin(request, obj.source, "admin.preset_changed", name=obj.name, fields=changed_fields(form))

    def delete_model(self, request: HttpRequest, obj: FlowPreset) -> None:
        record_in_admin(request, obj.source, "admin.preset_deleted", name=obj.name)
        super().delete_model(request, obj)
