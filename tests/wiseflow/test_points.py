"""Points are those that stand beside the grade that stands, or none: never a part, an older grade's, or one of two that differ."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ladokflow.wiseflow.points import points_in_trail, points_of_items
from ladokflow.wiseflow.schemas import ItemMark, MarkingEvent, MarkingTrail


def mark(reference: str, score: float | None, assessor: int = 1, **more: Any) -> ItemMark:
    return ItemMark.model_validate({"reference": reference, "score": score, "assessorId": assessor, **more})


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        ([], None),
        ([mark("Q1", 3), mark("Q2", None)], None),
        ([mark("Q1", 3), mark("Q1", 3, assessor=2)], Decimal(3)),
        ([mark("Q1", 3), mark("Q1", 4, assessor=2)], None),
        ([mark("Q1", 3), mark("Q2", None, deactivated=True)], Decimal(3)),
        ([mark("Q1", 3, deactivated=True)], None),
        ([mark("Q1", 0.1), mark("Q2", 0.2)], Decimal("0.3")),
        ([mark("Q1", 0)], Decimal(0)),
        ([mark("Q1", 1e300)], None),
        ([mark("Q1", float("nan"))], None),
    ],
    ids=["none", "unfinished", "agree", "differ", "one off", "all off", "no rounding", "zero", "too many", "no number"],
)
def test_points_are_the_sum_only_where_every_item_has_one_score(
    marks: list[ItemMark], expected: Decimal | None
) -> None:
    assert points_of_items(marks) == expected


def event(kind: str, points: Any = None, grade: Any = None, by: int = 7, of: int | None = None) -> MarkingEvent:
    """`kind` is the end of the name; `by` is who did it, `of` the assessor whom it is about."""
    who, _, done = kind.partition(" ")
    return MarkingEvent.model_validate(
        {
            "type": f" {who}.audit.log.{done.replace(' ', '.')} ",
            "points": points,
            "grade": None if grade is None else {"value": grade, "scaleId": 1},
            "triggeredBy": {"userId": by},
            "assessorUserId": of,
        }
    )


def given_grade(points: Any = "20", grade: Any = 2, by: int = 7) -> MarkingEvent:
    return event("assessor submit grade", points, grade, by)


def rubric(points: Any = "20", by: int = 7) -> MarkingEvent:
    return event("assessor submit rubric", points, by=by)


FINAL = event("assessor finalized grade", grade=2)
REVIEWED = event("reviewer finalized grade", grade=2, by=9)

# As it happened, the oldest first
TRAILS: dict[str, tuple[list[MarkingEvent], str | None]] = {
    "nothing": ([], None),
    "a grade without points": ([given_grade(None), FINAL], None),
    "with the grade": ([given_grade(), FINAL], "20"),
    "with a grade that is not decided on yet": ([given_grade()], "20"),
    "none is not zero": ([given_grade("0"), FINAL], "0"),
    "as a number": ([given_grade(20.5), FINAL], "20.5"),
    "with a comma": ([given_grade("20,5"), FINAL], "20.5"),
    "in a rubric": ([rubric(), given_grade(None), FINAL], "20"),
    "in a rubric after the grade": ([given_grade(None), rubric(), FINAL], "20"),
    "both: the last counts": ([given_grade("10"), rubric("20"), FINAL], "20"),
    "given anew": ([given_grade("10"), given_grade("20"), FINAL], "20"),
    "a rubric given anew": ([rubric("10"), rubric("20"), FINAL], "20"),
    "a rubric emptied": ([rubric("10"), rubric(None), FINAL], None),
    "a rubric opened again": ([rubric("10"), event("manager reopened rubric", "10", by=3), FINAL], None),
    "a rubric opened and given again": ([rubric("10"), event("manager reopened rubric", by=3), rubric(), FINAL], "20"),
    "of a grade that was changed": ([given_grade("10"), given_grade(None, 3), FINAL], None),
    "of a grade that was taken away": (
        [given_grade("10"), event("assessor remove grade", grade=2), given_grade(None), FINAL],
        None,
    ),
    "another decides on the same grade": ([given_grade(), REVIEWED], "20"),
    "another decides on another grade": ([given_grade(grade=1), REVIEWED], None),
    "a manager gives another grade": (
        [given_grade(grade=1), FINAL, event("manager submit grade", grade=3, by=3)],
        None,
    ),
    "two agree": ([given_grade(), given_grade(by=8), FINAL], "20"),
    "two differ": ([given_grade(), given_grade("21", by=8), FINAL], None),
    "two differ, and one's grade stands": ([given_grade(), given_grade("10", 1, by=8), FINAL], "20"),
    "two differ, and one was taken off": (
        [given_grade(), given_grade("10", by=8), event("manager remove assessor", by=3, of=8), FINAL],
        "20",
    ),
    "two differ, and one was put back": (
        [
            given_grade(),
            given_grade("10", by=8),
            event("manager remove assessor", by=3, of=8),
            event("manager add assessor", by=3, of=8),
            FINAL,
        ],
        None,
    ),
    "scores are of items": ([event("assessor submit score", "7"), FINAL], None),
    "no number": ([given_grade("tjugo"), FINAL], None),
    "not finite": ([given_grade("NaN"), FINAL], None),
    "more than there can be": ([given_grade("1e9"), FINAL], None),
    "one no number, one a number": ([given_grade("tjugo"), given_grade(by=8), FINAL], None),
    "a grade shown here and stored there": ([given_grade(grade="VG"), FINAL], "20"),
    "a grade shown, and another": ([given_grade(grade="VG"), event("assessor finalized grade", grade="G")], None),
}


@pytest.mark.parametrize("name", TRAILS)
def test_points_in_the_trail_are_those_of_the_grade_that_stands(name: str) -> None:
    happened, expected = TRAILS[name]
    assert points_in_trail(happened[::-1]) == (None if expected is None else Decimal(expected))


EVENTS = st.lists(
    st.builds(
        event,
        st.sampled_from(
            [
                "assessor submit grade",
                "assessor remove grade",
                "assessor finalized grade",
                "assessor submit rubric",
                "assessor submit score",
                "reviewer finalized grade",
                "manager submit grade",
                "manager reopened rubric",
                "manager remove assessor",
                "manager unlock grade",
                "assessor conflicting grade",
            ]
        ),
        st.none() | st.integers(0, 3).map(str),
        st.none() | st.integers(0, 2),
        st.integers(1, 2),
        st.none() | st.integers(1, 2),
    ),
    max_size=8,
)


@given(EVENTS)
def test_points_are_some_assessors_own_or_none(events: list[MarkingEvent]) -> None:
    points = points_in_trail(events)
    said = {each.points for each in events if each.name.startswith("assessor.") and not each.name.endswith("score")}
    assert points is None or str(points) in said


@pytest.mark.parametrize(
    "body", [{"auditEvents": None}, {"auditEvents": [{}]}, {"auditEvents": [{"grade": None, "points": None}]}]
)
def test_a_trail_with_nothing_in_it_can_be_read(body: dict[str, Any]) -> None:
    assert points_in_trail(MarkingTrail.model_validate(body).events) is None
