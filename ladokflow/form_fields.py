"""Fields of forms that are the same wherever they stand."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from ladokflow.dates import FIRST_DAY, LAST_DAY, day_in_words, is_sane


def within_bounds(value: dt.date | dt.datetime) -> None:
    """Of a day or a moment: one that nobody means is told, before anything reckons with it."""
    day = value.date() if isinstance(value, dt.datetime) else value
    if not is_sane(day):
        facts = {"first": day_in_words(FIRST_DAY), "last": day_in_words(LAST_DAY)}
        raise ValidationError(_("Write a day between %(first)s and %(last)s."), params=facts)


class DayField(forms.DateField):
    """A day, chosen in the browser's own calendar."""

    default_validators = [*forms.DateField.default_validators, within_bounds]

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), **kwargs)
