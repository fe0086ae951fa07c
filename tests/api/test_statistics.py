"""Statistics over the API: those of the pages, of what is chosen, with small groups for whom they are."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from exports.statistics.figures import selection_of, statistics_of
from exports.statistics.refresh import refresh
from sources.models import AccessEntry, Flow, Source
from tests.factories import ExportAttemptFactory, ExportItemFactory
from tests.pages.test_statistics import graded_flow

pytestmark = pytest.mark.django_db


@pytest.fixture
def flows(ours: Any, theirs: Any) -> list[Flow]:
    Source.objects.filter(pk=ours.source.pk).update(departments={"TDDE": "IDA"})
    source = Source.objects.get(pk=ours.source.pk)
    theirs_too = graded_flow(theirs.source, {"U": 30, "5": 30}, codes=["TDDE01-TEN1"])
    return [
        graded_flow(source, {"U": 6, "3": 8, "4": 7}, codes=["TDDE01-TEN1"]),
        graded_flow(source, {"U": 3, "3": 9}, codes=["TATA24-TEN1"]),
        theirs_too,
    ]


def table(told: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [each for each in told["tables"] if each["table"] == name]
    return dict(found)


def test_the_figures_are_those_of_the_pages(ours: Any, flows: list[Flow]) -> None:
    ours.membership.can_see_small_groups = True
    ours.membership.save()
    told = ours.api.get("/statistics").json()
    found = statistics_of(selection_of([ours.membership]))
    assert (told["graded"], told["passRate"], told["isPartlyHidden"]) == (33, 24 / 33, False)
    assert (told["graded"], told["passRate"], told["flows"]) == (found.graded, found.pass_rate, found.flows)
    cells = {each["name"]: each["count"] for each in table(told, "grade")["cells"]}
    assert cells == found.table("grade").flat == {"U": 9, "3": 17, "4": 7}


@pytest.mark.parametrize(
    ("query", "graded"),
    [
        ("course=tdde01", 21),
        ("course=TATA24", 12),
        ("course=TDDE", 0),
        ("department=IDA", 21),
        ("term=1999-1", 0),
    ],
)
def test_what_is_chosen_narrows_it(ours: Any, flows: list[Flow], query: str, graded: int) -> None:
    assert ours.api.get(f"/statistics?{query}").json()["graded"] == graded


def test_without_the_right_a_small_group_is_hidden_and_there_is_no_rate(ours: Any, flows: list[Flow]) -> None:
    told = ours.api.get(f"/flows/{flows[1].pk}/statistics").json()
    assert (told["graded"], told["passRate"], told["isPartlyHidden"]) == (12, None, True)
    assert table(told, "grade") == {"table": "grade", "cells": [], "hidden": 12, "isLeftOut": False}
    whole = ours.api.get("/statistics").json()
    assert (whole["graded"], whole["passRate"]) == (33, None)
    assert ours.api.get("/statistics?course=TDDE01").json()["passRate"] == 15 / 21


def test_two_of_forty_who_are_not_in_ladok_cannot_be_worked_out(ours: Any) -> None:
    flow = graded_flow(ours.source, {"U": 20, "3": 20}, codes=["TDDE01-TEN1"])
    attempt = ExportAttemptFactory(flow=flow, state="exported", finished_at=timezone.now())
    for person in list(flow.participants.all())[:38]:
        ExportItemFactory(attempt=attempt, participant=person, state="exported")
    refresh([flow.pk])
    told = ours.api.get(f"/flows/{flow.pk}/statistics").json()
    assert (told["graded"], told["passRate"], told["isPartlyHidden"]) == (40, 0.5, True)
    for name in ("to_ladok", "reported"):
        assert table(told, name) == {"table": name, "cells": [], "hidden": 0, "isLeftOut": True}
    for name in ("grade", "result", "to_grade", "marked"):
        assert sum(cell["count"] for cell in table(told, name)["cells"]) + table(told, name)["hidden"] in (0, 40)


def test_a_row_of_each_page_by_page(ours: Any, flows: list[Flow]) -> None:
    first = ours.api.get("/statistics/course?limit=1").json()
    assert [(row["key"], row["graded"], row["passRate"]) for row in first["items"]] == [("TATA24", 12, None)]
    second = ours.api.get(f"/statistics/course?limit=1&after={first['next']}").json()
    assert [(row["key"], row["graded"]) for row in second["items"]] == [("TDDE01", 21)]
    assert second["next"] is None
    by_flow = ours.api.get("/statistics/flow").json()["items"]
    assert {row["key"] for row in by_flow} == {str(flow.pk) for flow in flows[:2]}
    refused = ours.api.get("/statistics/course?after=NONE")
    assert (refused.status_code, refused.json()["code"]) == (422, "api.unknown_after")


@pytest.mark.parametrize("path", ["/statistics/assessor", "/statistics?term=2026", "/statistics?course="])
def test_what_is_not_taken_is_a_problem(ours: Any, path: str) -> None:
    answer = ours.api.get(path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (422, "application/problem+json")


def test_a_flow_of_another_university_is_not_there_and_nobody_is_looked_at(ours: Any, flows: list[Flow]) -> None:
    assert ours.api.get(f"/flows/{flows[2].pk}/statistics").status_code == 404
    ours.api.get(f"/flows/{flows[0].pk}/statistics")
    assert not AccessEntry.objects.exists()
