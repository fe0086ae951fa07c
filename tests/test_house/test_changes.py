"""What was changed of a row is kept by the model's names, and read in the reader's language."""

from __future__ import annotations

import pytest
from django.utils.translation import override

from ladokflow.changes import change, changes, in_words, kind_of
from sources.models import ApiToken, Membership


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (change("role", None, "manager"), "Role: – → Manager"),
        (change("can_export", True, False), "May export grades: Yes → No"),
        (change("organisation_id", "", "a@x.example"), "Organisation id: – → a@x.example"),
        (change("secret"), "secret"),
        (change("of_another_version", 1, 2), "of_another_version: 1 → 2"),
    ],
)
def test_changes_are_told_in_words(row: list[object], told: str) -> None:
    with override("en"):
        assert in_words(changes(Membership, [row])) == told
    with override("sv"):
        assert "True" not in str(in_words(changes(Membership, [row])))


def test_each_of_a_list_is_told_by_its_label() -> None:
    with override("en"):
        told = in_words(changes(ApiToken, [change("scopes", None, ["flows.synchronise", "unheard.of"])]))
        assert told == "Scopes: – → Synchronise flows, unheard.of"
        assert in_words(kind_of(ApiToken)) == "API token"


@pytest.mark.parametrize("other", ["role: – → manager", 3, None, {"person": 1}, {"rows": "x"}, ["role", 1]])
def test_what_is_no_change_is_left_to_others(other: object) -> None:
    assert in_words(other) is None


def test_a_table_that_is_no_more_is_told_by_its_names() -> None:
    assert in_words({"changes_of": "sources.gone", "rows": [["x", "", "y"], "?", []]}) == "x: – → y"
