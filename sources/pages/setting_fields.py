"""The fields of forms for a flow's settings, from their table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from ladokflow.messages import Text, message
from sources.flows.settings import GroupsField, Setting
from sources.flows.settings_in_wiseflow import GROUPED, Value

AS_IN_WISEFLOW = _("As the licence or the template has it")
AS_IT_IS = _("Leave as it is")
YES, NO = "yes", "no"


def field_of(setting: Setting, now: Value = "") -> forms.Field:
    """As it is asked for where one value is chosen. `now` can be kept, also where it is none that can be chosen here."""
    field = deepcopy(setting.field)
    if isinstance(field, forms.ChoiceField) and now and now not in setting.choices:
        field.choices = [(str(now), _("Another, chosen in WISEflow")), *setting.choices.items()]
    if isinstance(field, GroupsField):
        field.now = str(now or "")
    return field


def optional_field_of(setting: Setting, leave: Text) -> forms.Field:
    """As it is asked for where it may be left alone, which `leave` says."""
    field = deepcopy(setting.field)
    yes_no = [(YES, _("Yes")), (NO, _("No"))] if isinstance(field, forms.BooleanField) else []
    choices = [*setting.choices.items()] or yes_no
    if not choices:
        field.required = False
        return field
    return forms.ChoiceField(
        label=field.label, choices=[("", leave), *choices], required=False, help_text=field.help_text
    )


def optional_fields(settings: Iterable[Setting], leave: Text) -> dict[str, forms.Field]:
    return {setting.name: optional_field_of(setting, leave) for setting in settings}


def chosen(settings: Iterable[Setting], cleaned: Mapping[str, Any]) -> dict[str, Value]:
    """What optional fields have been given, as it is kept; without what is left alone."""
    said: dict[Any, Value] = {YES: True, NO: False}
    found = {setting.name: cleaned.get(setting.name) for setting in settings}
    return {name: said.get(value, value) for name, value in found.items() if value not in ("", None)}


def tell_groups_without_their_kind(form: forms.BaseForm) -> None:
    """Groups are for assessors who are given students so; what a template has is not known here."""
    cleaned = form.cleaned_data
    kind = cleaned.get("allocation_type") or (cleaned.get("template_flow_id") and GROUPED)
    if cleaned.get("assessor_groups") and kind != GROUPED:
        told = message("sources.groups.not_grouped")
        form.add_error("assessor_groups", f"{told.what} {told.todo}")
