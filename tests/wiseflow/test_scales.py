"""Which grade a value stands for. Whatever form a licence gives out, no grade is read that the assessor did not give."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ladokflow.wiseflow.scales import Form, Scale, Witness, form_of, found_form, possible_forms
from ladokflow.wiseflow.schemas import GradingScale

U345 = Scale(7, "U345", (("U", "0"), ("3", "1"), ("4", "2"), ("5", "3")))
UGVG = Scale(8, "U-G-VG", (("U", "1"), ("G", "2"), ("VG", "3")))
SAME = Scale(9, "1-3", (("1", "1"), ("2", "2"), ("3", "3")))
POINTS = Scale(10, "0-100", (), Decimal(0), Decimal(100), Decimal(100))
PLAIN_POINTS = replace(POINTS, modifier=None)


def witness(given: str, value: object, scale: Scale = U345) -> Witness:
    return Witness(given, scale.id, str(value))


@pytest.mark.parametrize(
    ("scale", "values", "witnesses", "form"),
    [
        # One grade that is only shown, or one that is only stored, tells of all.
        (U345, ["U", "3"], [], "shown"),
        (U345, ["3", "5"], [], "shown"),
        (UGVG, ["G"], [], "shown"),
        (UGVG, [" vg ".strip(), "g"], [], "shown"),
        # All may be either.
        (U345, ["3"], [], None),
        (U345, ["3"], [witness("3", 1)], "shown"),
        # The trail may tell of the shown grade as well as of the stored one.
        (U345, ["3"], [witness("3", 3)], None),
        (U345, ["3", "0"], [witness("3", 3), witness("0", 0)], "stored"),
        # Not on the scale, unless the trail knows it.
        (U345, ["0", "1", "2", "3"], [], None),
        (U345, ["0", "2"], [witness("2", 2)], "stored"),
        (U345, ["0", "2"], [witness("2", 0)], None),
        (U345, ["VG"], [], None),
        (U345, ["U", "VG"], [witness("U", 0)], None),
        # Given on another scale.
        (U345, ["U", "3"], [replace(witness("U", 0), scale_id=99)], None),
        # The two forms are one.
        (SAME, ["1", "3"], [], "shown"),
        (PLAIN_POINTS, ["7", "99"], [], "shown"),
        # A range.
        (POINTS, ["7.5"], [], "shown"),
        (POINTS, ["7,5"], [], "shown"),
        (POINTS, ["50"], [], None),
        (POINTS, ["50"], [witness("50", 5000, POINTS)], "shown"),
        (POINTS, ["0"], [], "shown"),
        (POINTS, ["5000"], [], None),
        (POINTS, ["5000"], [witness("5000", 5000, POINTS)], "stored"),
        (POINTS, ["101x"], [], None),
        # A stored value that is not told may be any number.
        (replace(U345, options=(("U", ""), ("3", ""), ("5", ""))), ["3"], [], None),
        (replace(U345, options=(("U", ""), ("3", ""), ("5", ""))), ["U", "3"], [], "shown"),
        # Nothing is known of the scale.
        (Scale(), ["5"], [], None),
    ],
)
def test_the_form_is_told_by_what_only_one_form_explains(
    scale: Scale, values: list[str], witnesses: list[Witness], form: str | None
) -> None:
    assert form_of(scale, values, witnesses) == form


@pytest.mark.parametrize(
    ("values", "of_licence", "form"),
    [
        (["3"], Form.SHOWN, "shown"),
        (["3"], Form.STORED, "stored"),
        (["0", "2"], Form.STORED, "stored"),
        # The licence has never done so before.
        (["0", "2"], Form.SHOWN, None),
        (["U", "5"], Form.STORED, None),
    ],
)
def test_what_is_known_of_the_licence_decides_where_both_are_possible_and_never_against_the_values(
    values: list[str], of_licence: Form, form: str | None
) -> None:
    assert form_of(U345, values, of_licence=of_licence) == form


def test_values_of_which_both_forms_are_one_tell_nothing_of_the_licence() -> None:
    assert found_form(SAME, ["1", "2"]) is None
    assert found_form(U345, []) is None
    assert found_form(U345, ["5"]) == "shown"


@pytest.mark.parametrize(
    ("scale", "value", "form", "grade"),
    [
        (U345, "3", Form.SHOWN, "3"),
        (U345, "3", Form.STORED, "5"),
        (UGVG, "vg", Form.SHOWN, "VG"),
        (UGVG, "V\u200bG", Form.SHOWN, "VG"),
        (replace(UGVG, options=(("Fx", "1"), ("FX", "2"))), "FX", Form.SHOWN, "FX"),
        (replace(UGVG, options=(("Fx", "1"), ("FX", "2"))), "fx", Form.SHOWN, None),
        (replace(UGVG, options=(("A", "1"), ("B", "1"))), "1", Form.STORED, None),
        (POINTS, "7,50", Form.SHOWN, "7,50"),
        (POINTS, "8999", Form.STORED, "89.99"),
        (POINTS, "101", Form.SHOWN, None),
        (POINTS, "1" * 5000, Form.SHOWN, None),
        (POINTS, "NaN", Form.SHOWN, None),
    ],
)
def test_a_value_stands_for_one_grade_or_for_none(scale: Scale, value: str, form: Form, grade: str | None) -> None:
    assert scale.reading(value, form) == grade


@pytest.mark.parametrize("scale", [U345, UGVG, POINTS, PLAIN_POINTS, Scale()])
def test_a_scale_is_kept_as_json(scale: Scale) -> None:
    assert Scale.from_json(scale.to_json()) == scale


def test_a_scale_is_read_from_wiseflows_definition() -> None:
    row = {"id": 7, "name": "U345", "list": {"options": [{"grade": "U", "value": "0"}, {"grade": "5", "value": 3}]}}
    assert Scale.of(GradingScale.model_validate(row)) == Scale(7, "U345", (("U", "0"), ("5", "3")))
    row = {"id": 8, "name": "P", "input": {"min": 0, "max": 100, "modifier": 100}, "list": None}
    assert Scale.of(GradingScale.model_validate(row)) == Scale(
        8, "P", (), Decimal("0.0"), Decimal("100.0"), Decimal("100.0")
    )
    assert Scale.from_json({}) == Scale()
    assert not Scale().is_known


# --- Whatever the licence does -------------------------------------------------------------------------------------

LETTERS = ["U", "G", "VG", "Fx", "FX", "vg", "0", "1", "2", "3", "4", "5"]


@st.composite
def lists(draw: st.DrawFn) -> Scale:
    shown = draw(st.lists(st.sampled_from(LETTERS), min_size=1, max_size=6, unique=True))
    stored = draw(st.lists(st.integers(0, 6), min_size=len(shown), max_size=len(shown)))
    untold = draw(st.sets(st.sampled_from(shown), max_size=2))
    return Scale(
        7, "any", tuple((grade, "" if grade in untold else str(n)) for grade, n in zip(shown, stored, strict=True))
    )


ranges = st.builds(
    lambda most, modifier: Scale(7, "range", (), Decimal(0), Decimal(most), modifier and Decimal(modifier)),
    st.sampled_from([5, 20, 100]),
    st.sampled_from([None, 1, 10, 100]),
)


@st.composite
def flows(draw: st.DrawFn) -> tuple[Scale, Form, list[tuple[str, str]], list[Witness]]:
    """A flow whose licence gives out one form: its scale, (the grade that was given, what is given out), some trails."""
    form, of_trail = draw(st.sampled_from(list(Form))), draw(st.sampled_from(list(Form)))
    scale = draw(st.one_of(lists(), ranges))
    if scale.options:
        stored = {grade: value or str(draw(st.integers(0, 9))) for grade, value in scale.options}
        choices = st.sampled_from(list(stored))
    else:
        modifier = int(scale.modifier or 1)
        most = int(scale.most or 0)
        numbers = st.integers(0, most * modifier).map(lambda n: f"{(Decimal(n) / modifier).normalize():f}")
        choices = numbers
        stored = None
    grades = draw(st.lists(choices, min_size=1, max_size=6))

    def given_out(grade: str, as_what: Form) -> str:
        if as_what is Form.SHOWN:
            return grade
        return stored[grade] if stored is not None else f"{(Decimal(grade) * int(scale.modifier or 1)).normalize():f}"

    pairs = [(grade, given_out(grade, form)) for grade in grades]
    seen = draw(st.lists(st.sampled_from(pairs), max_size=3))
    witnesses = [Witness(value, scale.id, given_out(grade, of_trail)) for grade, value in seen]
    return scale, form, pairs, witnesses


def same(grade: str, other: str, scale: Scale) -> bool:
    return grade == other if scale.options else Decimal(grade) == Decimal(other)


@given(flows(), st.booleans())
def test_no_grade_is_read_but_the_one_that_the_assessor_gave(
    flow: tuple[Scale, Form, list[tuple[str, str]], list[Witness]], is_known: bool
) -> None:
    scale, form, pairs, witnesses = flow
    values = [value for _, value in pairs]
    concluded = form_of(scale, values, witnesses, of_licence=form if is_known else None)
    assert form in possible_forms(scale, values, witnesses)
    if concluded is None:
        return
    for grade, value in pairs:
        read = scale.reading(value, concluded)
        assert read is None or same(read, grade, scale)
    found = found_form(scale, values, witnesses)
    assert found in (None, form)


@given(flows())
def test_where_both_forms_explain_everything_and_differ_nothing_is_concluded(
    flow: tuple[Scale, Form, list[tuple[str, str]], list[Witness]],
) -> None:
    scale, _, pairs, witnesses = flow
    values = [value for _, value in pairs]
    assume(len(possible_forms(scale, values, witnesses)) == 2)
    differ = any(scale.readings(value, Form.SHOWN) != scale.readings(value, Form.STORED) for value in values)
    assert (form_of(scale, values, witnesses) is None) == differ


@given(flows(), flows())
def test_a_licence_that_is_known_is_never_taken_for_the_other_form(
    flow: tuple[Scale, Form, list[tuple[str, str]], list[Witness]],
    other: tuple[Scale, Form, list[tuple[str, str]], list[Witness]],
) -> None:
    scale, _, pairs, witnesses = flow
    known = other[1]
    assert form_of(scale, [value for _, value in pairs], witnesses, of_licence=known) in (None, known)
