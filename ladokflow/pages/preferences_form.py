"""The form of a person's own settings."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from sources.models import Membership


class PreferencesForm(forms.Form):
    """E-mail is switched for each source; its language is one for all, as there is one e-mail."""

    def __init__(self, *args: Any, memberships: list[Membership], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.memberships = memberships
        for membership in memberships:
            self.fields[self._name(membership)] = forms.BooleanField(
                label=membership.source.name, required=False, initial=membership.gets_summary
            )
        self.fields["language"] = forms.ChoiceField(
            label=_("Language of the e-mails"),
            choices=settings.LANGUAGES,
            initial=next(
                (membership.language for membership in memberships if membership.language), settings.LANGUAGE_CODE
            ),
        )

    @staticmethod
    def _name(membership: Membership) -> str:
        return f"source-{membership.source_id}"

    @property
    def switches(self) -> list[forms.BoundField]:
        return [self[self._name(membership)] for membership in self.memberships]

    @transaction.atomic
    def save(self) -> None:
        for membership in self.memberships:
            wanted = {
                "gets_summary": self.cleaned_data[self._name(membership)],
                "language": self.cleaned_data["language"],
            }
            Membership.objects.filter(pk=membership.pk).update(**wanted)
