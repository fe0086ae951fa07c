"""What people type and choose on the pages of exports."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from exports.attempts.adoption import Offer, Which
from exports.models import ExportItem
from exports.rules.values import Asking
from sources.models import Flow
from sources.models.searching import contains

# What a manager may ask for; instant export asks by itself.
ASKINGS = (Asking.FIRST, Asking.RETRY, Asking.OVERWRITE)


def asking_of(value: str | None) -> Asking:
    return next((asking for asking in ASKINGS if asking == value), Asking.FIRST)


class ItemFilter(forms.Form):
    """The people of an attempt: by outcome, by a part of the name, or by the start of an identifier."""

    state = forms.ChoiceField(label=_("Outcome"), required=False, choices=[("", _("All")), *ExportItem.State.choices])
    q = forms.CharField(
        label=_("Search"),
        required=False,
        widget=forms.TextInput(attrs={"type": "search"}),
        help_text=_("Name or organisation id"),
    )

    @property
    def is_filtering(self) -> bool:
        return any(self.cleaned_data.values())

    def apply(self, items: QuerySet[ExportItem]) -> QuerySet[ExportItem]:
        self.is_valid()
        for word in self.cleaned_data.get("q", "").split():
            items = items.filter(
                contains("participant__first_name", word)
                | contains("participant__last_name", word)
                | Q(organisation_id__istartswith=word)
                | Q(unique_exam_id__istartswith=word)
            )
        if state := self.cleaned_data.get("state"):
            items = items.filter(state=state)
        return items


class MarkForm(forms.Form):
    """*Mark as exported*, or as not in Ladok: what somebody says who has looked there."""

    reason = forms.CharField(
        label=_("How do you know what is in Ladok?"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("It is kept in the audit log. For example: seen in Ladok's result list today."),
    )


class CorrectedForm(forms.Form):
    """What a manager has done about grades that are in Ladok twice."""

    reason = forms.CharField(
        label=_("What have you corrected in Ladok?"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("It is kept in the audit log. For example: one of the two results was taken away today."),
    )


class PaperForm(forms.Form):
    """Why a grade is right although nothing was handed in."""

    reason = forms.CharField(
        label=_("How do you know that the grades are right?"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("It is kept in the audit log. For example: the exam was written on paper."),
    )


class ExportedBeforeForm(forms.Form):
    """*Exported before*: which of the grades of a flow that was taken over, and what is sent by itself from then on."""

    which = forms.ChoiceField(
        label=_("Which of the grades are in Ladok already?"), choices=Which.choices, widget=forms.RadioSelect
    )
    reason = forms.CharField(
        label=_("How do you know?"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("It is kept in the audit log. For example: seen in Ladok's result list today."),
    )
    exports_when_marking_ends = forms.BooleanField(
        label=_("Export when marking ends"),
        required=False,
        help_text=_("What is not in Ladok by then is sent by itself."),
    )
    instant_export = forms.BooleanField(
        label=_("Instant export"),
        required=False,
        help_text=_("Each grade that is not in Ladok is sent as soon as it has been approved."),
    )

    def __init__(self, *args: Any, flow: Flow, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["exports_when_marking_ends"].initial = flow.source.exports_when_marking_ends

    def offer(self, offer: Offer) -> None:
        """The answers that there is something to go by for, with how many they are of. None is chosen beforehand."""
        field = cast(forms.ChoiceField, self.fields["which"])
        counts = {which: offer.count(which) for which in offer.choices}
        field.choices = [
            (which.value, f"{which.label} ({count})" if which is not Which.NONE else which.label)
            for which, count in counts.items()
        ]
