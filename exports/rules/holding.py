"""What a flow holds in grades, and which grades these are: or why a manager is asked before any of them is sent. Pure.

A value is sent as the grade that it stands for on the flow's scale (`ladokflow/wiseflow/scales.py`). Where that is not certain for each of
them, or the scale is not the exam's, nothing of the flow goes before a manager has looked and said how.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

from ladokflow.messages import Message, message
from ladokflow.wiseflow.scales import Form, Scale, Witness, form_of, found_form, is_whole_number, possible_forms

MOST_TOLD = 10  # grades that a sentence lists


@dataclass(frozen=True)
class Word:
    """A manager's: how the grades are to be sent, and the mark of what was seen when it was said."""

    form: Form
    seen: str


@dataclass(frozen=True)
class Row:
    """One value of a flow: how many people have it, and which grade it is in each form; None where it is none, or may be several."""

    value: str
    count: int
    shown: str | None
    stored: str | None


@dataclass(frozen=True, kw_only=True)
class Holding:
    """`values` and `alternatives` are the grades as WISEflow gave them out, each with how many people have it; `other_scales` are those
    of the flow's Ladok codes whose counterpart is another scale than the flow's, or unknown. `of_licence`: what is known of it."""

    scale: Scale
    values: Mapping[str, int]
    alternatives: Mapping[str, int]
    witnesses: Sequence[Witness]
    of_licence: Form | None
    other_scales: Sequence[str]
    word: Word | None

    @cached_property
    def mark(self) -> str:
        """Of all that a manager sees: another value, another person who has it, another scale make another one."""
        seen = [
            self.scale.to_json(),
            sorted(self.values.items()),
            sorted(self.alternatives.items()),
            list(self.other_scales),
        ]
        return hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()

    @property
    def is_said(self) -> bool:
        return self.word is not None and self.word.seen == self.mark

    @cached_property
    def form(self) -> Form | None:
        """None where it cannot be told."""
        if self.word is not None and self.is_said:
            return self.word.form
        return form_of(self.scale, list(self.values), self.witnesses, of_licence=self.of_licence)

    @cached_property
    def found(self) -> Form | None:
        """The form, where these values prove that the licence gives out no other."""
        return found_form(self.scale, list(self.values), self.witnesses)

    @cached_property
    def forms(self) -> list[Form]:
        """How the grades can be sent, if a manager says so."""
        if not self.scale.is_known:
            return [Form.SHOWN]
        return [form for form in Form if any(self.scale.readings(value, form) for value in self.values)] or [Form.SHOWN]

    @property
    def _name(self) -> str:
        return self.scale.name or "–"

    @property
    def rows(self) -> list[Row]:
        return [
            Row(value, count, self._read(value, Form.SHOWN), self.scale.reading(value, Form.STORED))
            for value, count in sorted(self.values.items())
        ]

    @cached_property
    def _read(self) -> Callable[[str, Form], str | None]:
        """There are many people, and few grades."""

        @cache
        def read(value: str, form: Form) -> str | None:
            if form is Form.SHOWN and not self.scale.is_known:
                return value
            return self.scale.reading(value, form)

        return read

    # --- Of one grade

    def grade(self, value: str, *, is_alternative: bool) -> str:
        """What is sent and compared: as the scale shows it. What cannot be read stays what it is, and is on no scale."""
        if is_alternative or self.form is None:
            return value
        return self._read(value, self.form) or value

    def is_on_the_scale(self, value: str, *, is_alternative: bool) -> bool:
        """Whether it is known which grade this is. Alternative grades have a list of their own, which WISEflow does not tell: a number
        among them is taken for a grade only where the licence gives out grades as they are shown."""
        if is_alternative:
            return not is_whole_number(value) or self._of_alternatives is Form.SHOWN
        return self.form is not None and self._read(value, self.form) is not None

    def shown(self, grade: str) -> str:
        """A grade that has been sent, in the scale's own spelling."""
        return self._read(grade, Form.SHOWN) or grade

    @property
    def _of_alternatives(self) -> Form | None:
        return self.form if self.is_said else self.of_licence or self.found

    # --- Of all

    @cached_property
    def doubt(self) -> Message | None:
        """What a manager is asked before anything is sent; None where all is clear, or has been said."""
        if self.is_said:
            return None
        return self._doubt_of_grades() or self._doubt_of_scale()

    def _doubt_of_grades(self) -> Message | None:
        if not self.values:
            return self._doubt_of_alternatives()
        if not self.scale.is_known:
            return message("export.scale_unknown")
        forms = possible_forms(self.scale, list(self.values), self.witnesses)
        if self.form is None and len(forms) > 1:
            return message(
                "export.grades_ambiguous", grades=_listed(self.scale.ambiguous(self.values)), scale=self._name
            )
        strange = [value for value in self.values if self.scale.reading(value, self.form or Form.SHOWN) is None]
        if strange:
            count = sum(self.values[value] for value in strange)
            return message(
                "export.grades_not_on_the_scale", count=count, grades=_listed(strange), scale=self.scale.name
            )
        if self.form is None:
            return message("export.grades_contradict", scale=self._name)
        return self._doubt_of_alternatives()

    def _doubt_of_alternatives(self) -> Message | None:
        if self._of_alternatives is not None:
            return None
        numbers = [value for value in self.alternatives if is_whole_number(value)]
        return message("export.alternatives_ambiguous", grades=_listed(numbers)) if numbers else None

    def _doubt_of_scale(self) -> Message | None:
        if not self.other_scales:
            return None
        return message("export.scale_not_the_exams", scale=self._name, ladok=", ".join(self.other_scales))


def _listed(values: Sequence[str]) -> str:
    told = ", ".join(sorted(values)[:MOST_TOLD])
    return f"{told} …" if len(values) > MOST_TOLD else told
