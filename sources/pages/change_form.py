"""The form in which a flow is changed, and the one for several flows at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from ladokflow.identifiers import normal
from ladokflow.messages import Message
from sources.flows.change import Change, Standing, key_of
from sources.flows.settings import IN_WISEFLOW, OURS, SETTINGS, Setting
from sources.models import Flow, Source
from sources.pages.setting_fields import AS_IT_IS, chosen, field_of, optional_fields
from sources.pages.settings_form import (
    PeopleField,
    SettingsForm,
    members_of,
    name_people,
    names_of,
    people_by_field,
    staff_of,
)
from sources.sync.staff import StaffRow, named


def _people_fields() -> dict[str, forms.Field]:
    """How they are written is said once, at the first."""
    labels = {name: SettingsForm.base_fields[name].label for name in SettingsForm.STAFF} | {"managers": _("Managers")}
    first = next(iter(labels))
    return {
        name: PeopleField(label=label, **({} if name == first else {"help_text": ""})) for name, label in labels.items()
    }


@dataclass(frozen=True)
class Row:
    """A setting on the page: its field, or why it stays as it is."""

    setting: Setting
    field: forms.BoundField | None
    now: str
    why: Message | None


class ChangeForm(forms.Form):
    """As a flow stands. What may not be changed has no field. `shown` are the settings that the manager has been shown."""

    says_optional = False

    seen = forms.CharField(widget=forms.HiddenInput, required=False)
    shown = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(
        self, data: Any = None, *, flow: Flow, standing: Standing, may_export: bool, written: Any = None
    ) -> None:
        """`written` is what has been written into it so far, to be shown again without being judged."""
        self.flow, self.standing = flow, standing
        self.members = members_of(flow.source)
        initial = {"seen": standing.fingerprint, "shown": " ".join(standing.values), **standing.values}
        super().__init__(data, initial=initial | people_by_field(self._staff_to_show(), SettingsForm.STAFF))
        self.why = {setting.name: standing.why_closed(setting, may_export=may_export) for setting in SETTINGS}
        for setting in SETTINGS:
            if self.why[setting.name] is None:
                self.fields[setting.name] = field_of(setting, standing.values[setting.name])
        if standing.people_closed is None:
            self.fields |= _people_fields()
            name_people(self, names_of(flow.source))
        if written is not None:
            for name, field in self.fields.items():
                self.initial[name] = field.widget.value_from_datadict(written, {}, name)

    def _staff_to_show(self) -> list[dict[str, Any]]:
        """Members by their e-mail address, the others by organisation id."""
        return [
            person if normal(person.get("email", "")) in self.members else {**person, "email": ""}
            for person in self.flow.staff
        ]

    def rows(self, settings: Sequence[Setting]) -> list[Row]:
        return [
            Row(
                setting,
                self[setting.name] if setting.name in self.fields else None,
                setting.shown(self.standing.values.get(setting.name)) if setting.name in self.standing.values else "–",
                self.why[setting.name],
            )
            for setting in settings
        ]

    @property
    def ours(self) -> list[Row]:
        return self.rows(OURS)

    @property
    def in_wiseflow(self) -> list[Row]:
        return self.rows(IN_WISEFLOW)

    @property
    def people(self) -> list[forms.BoundField]:
        return [self[name] for name in SettingsForm.STAFF if name in self.fields]

    @property
    def shown_names(self) -> tuple[str, ...]:
        sent = str(self["shown"].value() or "").split()
        return tuple(setting.name for setting in SETTINGS if setting.name in sent)

    def change(self) -> Change:
        """What is another in the form than it was shown. Refused where somebody is named who has no identity."""
        values = {
            setting.name: self.cleaned_data[setting.name]
            for setting in SETTINGS
            if setting.name in self.fields and self.cleaned_data[setting.name] != self.standing.values[setting.name]
        }
        if not self.people:
            return Change(values)
        staff = named(self.flow.source, staff_of(self.cleaned_data, self.members, SettingsForm.STAFF))
        there, wanted = set(map(key_of, self.flow.staff)), set(map(key_of, staff))
        added: list[StaffRow] = [row for row in staff if key_of(row) not in there]
        return Change(values, added, [row for row in self.flow.staff if key_of(row) not in wanted])


class ChangeManyForm(forms.Form):
    """What is to be another on each of several flows of one source; everything else is left alone."""

    says_optional = False

    def __init__(self, data: Any = None, *, source: Source) -> None:
        super().__init__(data)
        self.source = source
        self.members: Mapping[str, str] = members_of(source)
        self.fields |= optional_fields(SETTINGS, AS_IT_IS)
        self.fields |= {f"add_{name}": field for name, field in _people_fields().items()}
        name_people(self, names_of(source))

    @property
    def ours(self) -> list[forms.BoundField]:
        return [self[setting.name] for setting in OURS]

    @property
    def in_wiseflow(self) -> list[forms.BoundField]:
        return [self[setting.name] for setting in IN_WISEFLOW]

    @property
    def people(self) -> list[forms.BoundField]:
        return [self[f"add_{name}"] for name in SettingsForm.STAFF]

    def change(self) -> Change:
        """Refused where somebody is named who has no identity."""
        roles = {f"add_{name}": role for name, role in SettingsForm.STAFF.items()}
        people = named(self.source, staff_of(self.cleaned_data, self.members, roles))
        return Change(chosen(SETTINGS, self.cleaned_data), people)
