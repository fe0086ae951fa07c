"""The forms of a person's own settings."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.db import transaction
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from sources.models import Membership, Preference


class PreferencesForm(forms.Form):
    """E-mail is switched for each source; its language is one for all, as there is one e-mail."""

    has_keys = forms.BooleanField(
        label=_("Keyboard shortcuts"),
        required=False,
        help_text=_("Single keys that move about. Turn them off if they get in the way, as of speech input."),
    )

    def __init__(self, *args: Any, memberships: list[Membership], preference: Preference, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.memberships, self.preference = memberships, preference
        self.fields["has_keys"].initial = preference.has_keys
        if not memberships:
            return
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
        self.preference.has_keys = self.cleaned_data["has_keys"]
        self.preference.save()
        for membership in self.memberships:
            wanted = {
                "gets_summary": self.cleaned_data[self._name(membership)],
                "language": self.cleaned_data["language"],
            }
            Membership.objects.filter(pk=membership.pk).update(**wanted)


class ListForm(forms.Form):
    """What a list is opened with from now on: the query of its address. Without one it is opened as it comes."""

    # Those of the filters that stay: words that are searched for are of the moment.
    LISTS = {
        "flows": ("source", "phase", "mine", "week", "asks", "standing", "sort", "columns"),
        "exports": ("tab", "source", "mine", "week", "asks", "standing", "sort", "columns"),
    }

    list = forms.ChoiceField(choices=[(name, name) for name in LISTS])
    query = forms.CharField(required=False, max_length=1000)

    def clean_query(self) -> str:
        query = QueryDict(self.cleaned_data["query"], mutable=True)
        for name in [name for name in query if name not in self.LISTS.get(self.cleaned_data.get("list", ""), ())]:
            del query[name]
        return query.urlencode()

    @transaction.atomic
    def save(self, user_pk: int) -> Preference:
        preference, _is_new = Preference.objects.select_for_update().get_or_create(pk=user_pk)
        name, query = self.cleaned_data["list"], self.cleaned_data["query"]
        preference.lists = (
            {**preference.lists, name: query}
            if query
            else {other: kept for other, kept in preference.lists.items() if other != name}
        )
        preference.save(update_fields=["lists"])
        return preference
