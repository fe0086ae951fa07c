"""In which form WISEflow gives out grades, and which grade a value stands for. Pure.

Each grade of a scale has what is shown and entered ("5") and what is stored ("3"): `GET /license/grading-scales`. Nothing says which of
the two `GET /flow/{flowId}/assessments` gives out, and what is stored for one grade may be what is shown for another. So the form is
concluded from all that a flow holds, and where that leaves a doubt nobody guesses.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from ladokflow.identifiers import normal
from ladokflow.wiseflow.schemas import GradingScale


class Form(StrEnum):
    SHOWN = "shown"
    STORED = "stored"


@dataclass(frozen=True)
class Scale:
    """A grading scale as WISEflow defines it: `options` are pairs of what is shown and what is stored, in the scale's order.

    Without options it is a range, of numbers as they are entered; what is stored is such a number times `modifier`.
    """

    id: int | None = None
    name: str = ""
    options: tuple[tuple[str, str], ...] = ()
    least: Decimal | None = None
    most: Decimal | None = None
    modifier: Decimal | None = None

    @classmethod
    def of(cls, scale: GradingScale) -> Scale:
        given = scale.input
        options = tuple((option.grade, option.value) for option in scale.options if option.grade)
        return cls(scale.id, scale.name, options, *map(_exact, (given.min, given.max, given.modifier)))

    def to_json(self) -> dict[str, Any]:
        numbers = {"least": self.least, "most": self.most, "modifier": self.modifier}
        return {
            "id": self.id,
            "name": self.name,
            "options": [list(option) for option in self.options],
            **{name: None if number is None else str(number) for name, number in numbers.items()},
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Scale:
        """What a row holds; the unknown scale where it holds nothing."""
        options = tuple((shown, value) for shown, value in stored.get("options", ()))
        numbers = (stored.get(name) for name in ("least", "most", "modifier"))
        return cls(stored.get("id"), stored.get("name", ""), options, *map(_exact, numbers))

    @property
    def is_known(self) -> bool:
        return bool(self.options) or (self.least is not None and self.most is not None)

    def is_same_as(self, other: Scale) -> bool:
        """Whatever they are called."""
        return replace(self, name="") == replace(other, name="")

    def readings(self, value: str, form: Form) -> frozenset[str]:
        """Every grade, as it is shown, that `value` may stand for when it is given out in `form`; empty where the scale has none."""
        if not self.options:
            return self._of_range(value, form)
        if form is Form.STORED:
            # Of a grade whose stored value is not told it may be any whole number, for such are stored.
            return frozenset(
                shown for shown, stored in self.options if stored == value or (not stored and is_whole_number(value))
            )
        alike = frozenset(shown for shown, _ in self.options if normal(shown) == normal(value))
        return alike & {value} or alike

    def reading(self, value: str, form: Form) -> str | None:
        """The one grade that `value` stands for; None where it is none, or may be several."""
        found = self.readings(value, form)
        if len(found) != 1:
            return None
        # A number keeps the spelling that it was entered with.
        return value if form is Form.SHOWN and not self.options else next(iter(found))

    def ambiguous(self, values: Iterable[str]) -> list[str]:
        """Those that are other grades when they are given out as shown than as stored."""
        return [value for value in values if self.readings(value, Form.SHOWN) != self.readings(value, Form.STORED)]

    def _of_range(self, value: str, form: Form) -> frozenset[str]:
        number = _number(value)
        if number is None or self.least is None or self.most is None:
            return frozenset()
        if form is Form.STORED:
            if number != number.to_integral_value():
                return frozenset()
            number /= self.modifier or 1
        return frozenset({f"{number.normalize():f}"} if self.least <= number <= self.most else ())


@dataclass(frozen=True)
class Witness:
    """A grade that was given out as `given`, and what the participant's audit trail has of it: the scale, and a value.

    `GET /flows/{flowId}/participants/{participantId}/marking-audit-trail`, `grade{scaleId, value}`. Whether that value is the stored
    one is nowhere said; it is the same for all.
    """

    given: str
    scale_id: int | None
    value: str


def possible_forms(scale: Scale, values: Collection[str], witnesses: Collection[Witness] = ()) -> frozenset[Form]:
    """The forms in which the scale has every value, and no witness speaks against. None where a grade is of another scale."""
    if any(witness.scale_id != scale.id for witness in witnesses):
        return frozenset()
    return frozenset(
        form
        for form in Form
        if all(scale.readings(value, form) for value in values) and _may_be(scale, form, witnesses)
    )


def _may_be(scale: Scale, form: Form, witnesses: Collection[Witness]) -> bool:
    """Whether the trail tells of the same grades, in whichever form it tells of them."""
    return any(
        all(scale.readings(each.given, form) & scale.readings(each.value, of_trail) for each in witnesses)
        for of_trail in Form
    )


def found_form(scale: Scale, values: Collection[str], witnesses: Collection[Witness] = ()) -> Form | None:
    """The form that alone is possible; None where both are, or none is. It tells of the whole licence.

    That values are stored ones is believed only of what the trail tells as well: otherwise they are simply not on the scale.
    """
    forms = possible_forms(scale, values, witnesses)
    if len(forms) != 1 or not values:
        return None
    (form,) = forms
    return None if form is Form.STORED and not witnesses else form


def form_of(
    scale: Scale, values: Collection[str], witnesses: Collection[Witness] = (), *, of_licence: Form | None = None
) -> Form | None:
    """The form in which these values of one flow were given out; None where it cannot be told.

    `values` are all of the flow's grades without the alternative ones; `of_licence` is what other flows have shown of the licence.
    """
    forms = possible_forms(scale, values, witnesses)
    if not forms:
        return None
    if not scale.ambiguous(values):
        return of_licence or Form.SHOWN
    if of_licence is not None:
        return of_licence if of_licence in forms else None
    return found_form(scale, values, witnesses)


def is_whole_number(value: str) -> bool:
    """Whether the value can be a stored one at all."""
    return value.removeprefix("-").isdecimal()


def _exact(number: float | str | None) -> Decimal | None:
    return None if number is None else Decimal(str(number))


def _number(value: str) -> Decimal | None:
    try:
        number = Decimal(value.strip().replace(",", "."))
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number.adjusted()) < 30 else None
