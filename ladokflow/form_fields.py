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


class DayInput(forms.DateInput):
    """The browser's own calendar."""

    input_type = "date"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs, format="%Y-%m-%d")


class ClockInput(forms.TimeInput):
    """The browser's own clock."""

    input_type = "time"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs, format="%H:%M")


class DayField(forms.DateField):
    widget = DayInput
    default_validators = [*forms.DateField.default_validators, within_bounds]
