"""What is in the request is what counts: whoever is not in its bytes, comes twice, or has another's grade or name there is found."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ladokflow.ladok import UNIVERSITIES
from ladokflow.ladok.base import GradeLine
from ladokflow.ladok.bodies import PARTICIPANTS_PRESET, Body, build_body
from ladokflow.ladok.contents import differences

Build = Callable[[Sequence[GradeLine]], Body]

GROUPED = (
    "{passed: gradeExports[?grade.grade!='U'].organisationId, failed: gradeExports[?grade.grade=='U'].organisationId}"
)
NESTED = "{course: flow.code, results: gradeExports[].{who: {id: join('', ['x:', organisationId])}, marks: [{grade: grade.grade}]}}"
BUILDERS: dict[str, Build] = {
    **{slug: partial(build_body, each, managers=["chef@x"]) for slug, each in UNIVERSITIES.items()},
    **{
        name: partial(
            build_body, UNIVERSITIES["boras"], managers=["chef@x"], expression=expression, flow={"code": "C1"}
        )
        for name, expression in {
            "preset": PARTICIPANTS_PRESET,
            "bare list": "gradeExports[].{id: organisationId, grade: grade.grade, points: grade.points}",
            "rows": "gradeExports[].[organisationId, grade.grade]",
            "grouped": GROUPED,
            "nested": NESTED,
        }.items()
    },
}
OWN = [*UNIVERSITIES]


def line(number: int, grade: str, *, has_exam_id: bool, points: Decimal | None, is_alternative: bool) -> GradeLine:
    return GradeLine(
        grade=grade,
        is_alternative=is_alternative,
        points=points,
        organisation_id=f"p{number:03}@x",
        unique_exam_id=f"AID-{number:03}" if has_exam_id else "",
        external_user_id=f"uid-å{number:03}",
        national_id=f"19900101{number:04}",
    )


POINTS = st.none() | st.decimals(0, 1000, places=2)
PEOPLE = st.lists(
    st.tuples(st.sampled_from(["U", "3", "4", "5"]), st.booleans(), POINTS, st.booleans()), min_size=1, max_size=8
).map(
    lambda rows: [
        line(number, grade, has_exam_id=has_exam_id, points=points, is_alternative=is_alternative)
        for number, (grade, has_exam_id, points, is_alternative) in enumerate(rows)
    ]
)


def content(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


@given(PEOPLE, st.sampled_from([*BUILDERS]))
def test_what_was_built_of_the_grades_holds_each_of_them_once(lines: list[GradeLine], name: str) -> None:
    build = BUILDERS[name]
    assert not differences(content(build(lines)), lines, build)


def people_of(body: Any) -> list[Any]:
    found: list[Any] = body["gradeExports"]
    return found


def drop(people: list[Any], place: int, other: int) -> None:
    del people[place]


def repeat(people: list[Any], place: int, other: int) -> None:
    people.append(copy.deepcopy(people[place]))


def replace_by_another(people: list[Any], place: int, other: int) -> None:
    people[place] = copy.deepcopy(people[other])


def exchange_grades(people: list[Any], place: int, other: int) -> None:
    people[place]["grade"], people[other]["grade"] = people[other]["grade"], people[place]["grade"]


def take_the_name_off(people: list[Any], place: int, other: int) -> None:
    people[place] = {"grade": people[place]["grade"]}


def take_the_grade_off(people: list[Any], place: int, other: int) -> None:
    people[place]["grade"] = {}


def add_a_stranger(people: list[Any], place: int, other: int) -> None:
    people.append(dict.fromkeys(people[place], "stranger"))


HARM = [drop, repeat, replace_by_another, exchange_grades, take_the_name_off, take_the_grade_off, add_a_stranger]


@given(PEOPLE, st.sampled_from(OWN), st.sampled_from(HARM), st.data())
def test_nothing_can_be_done_to_the_people_in_a_body_without_its_being_found(
    lines: list[GradeLine], slug: str, harm: Any, data: st.DataObject
) -> None:
    """Of the three universities, over every kind of harm."""
    build = BUILDERS[slug]
    body = build(lines)
    before = content(body)
    harm(people_of(body), *(data.draw(st.integers(0, len(lines) - 1)) for _ in range(2)))
    after = content(body)
    found = differences(after, lines, build)
    is_harmed = sorted(map(repr, people_of(json.loads(after)))) != sorted(map(repr, people_of(json.loads(before))))
    assert bool(found) is is_harmed


@pytest.mark.parametrize("slug", OWN)
def test_it_is_told_who_is_missing_and_how_many_are_too_many(slug: str) -> None:
    build = BUILDERS[slug]
    lines = [line(n, "5", has_exam_id=True, points=None, is_alternative=False) for n in range(4)]
    body = build(lines)
    people = people_of(body)
    people[2] = copy.deepcopy(people[1])
    found = differences(content(body), lines, build)
    assert (found.missing, found.extra) == ((2,), 1)


@pytest.mark.parametrize(
    ("expression", "missing"),
    [
        ("{p: gradeExports[:2].{id: organisationId, grade: grade.grade}}", (2, 3)),
        ("{p: gradeExports[?grade.grade!='U'].{id: organisationId, grade: grade.grade}}", (3,)),
        ("{p: gradeExports[?uniqueExamId].{id: uniqueExamId, grade: grade.grade}}", (1,)),
        ("{p: gradeExports[].{id: uniqueExamId, grade: grade.grade}}", (1,)),  # a grade of nobody's
        ("{p: reverse(gradeExports)[:3].{id: organisationId, grade: grade.grade}}", (0,)),
        ("{p: gradeExports[].{id: organisationId, grade: grade.grade}}", ()),
        (PARTICIPANTS_PRESET, ()),
    ],
)
def test_an_expression_that_loses_people_is_found_with_the_very_people(
    expression: str, missing: tuple[int, ...]
) -> None:
    """What the sample people cannot show when it is saved: there are only three of them."""
    build = partial(build_body, UNIVERSITIES["liu"], expression=expression)
    lines = [line(n, "5", has_exam_id=n != 1, points=None, is_alternative=False) for n in range(3)]
    lines.append(replace(line(3, "U", has_exam_id=True, points=None, is_alternative=False)))
    assert differences(content(build(lines)), lines, build).missing == missing


def test_ten_thousand_are_looked_through_in_seconds() -> None:
    lines = [line(n, "5", has_exam_id=True, points=Decimal(n), is_alternative=False) for n in range(10_000)]
    for name in ("boras", "preset"):
        assert not differences(content(BUILDERS[name](lines)), lines, BUILDERS[name])
