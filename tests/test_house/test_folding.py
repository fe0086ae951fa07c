"""Identifiers, codes and names are compared in one way: by their normal form (`ladokflow/identifiers.py`)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Where case is folded: the normal form itself, and the sandbox, which plays other people's systems.
OWN = ("ladokflow/identifiers.py", "ladokflow/sandbox/")
# What is no identifier: how a grade or a scale is written.
ELSEWHERE = {"exports/rules/rules.py", "sources/sync/gather.py"}
NAMES_SOMEBODY = re.compile(r"organisation|email|identifier|participant|assessor|person|student|user|who\b|code\b")


def foldings(source: str) -> Iterator[tuple[int, str]]:
    """(line, text) for each place that folds case by itself."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Attribute):
            continue
        is_folded = node.attr == "casefold"
        is_cased = node.attr in ("lower", "upper") and NAMES_SOMEBODY.search(ast.unparse(node.value))
        if is_folded or is_cased:
            yield node.lineno, ast.unparse(node)


def test_nothing_else_folds_case() -> None:
    found = [
        f"{name}:{line}: {text}"
        for room in ("ladokflow", "sources", "exports")
        for path in sorted((ROOT / room).rglob("*.py"))
        if not (name := str(path.relative_to(ROOT))).startswith(OWN) and name not in ELSEWHERE
        for line, text in foldings(path.read_text())
        if (name, text) != KEPT
    ]
    assert not found, "\n".join(["Compare the normal forms instead (ladokflow/identifiers.py):", *found])


# How the user name of a new user is written down: nothing is compared.
KEPT = ("sources/universities/members.py", "email.lower")


@pytest.mark.parametrize(
    "line",
    [
        "row.organisation_id.casefold() == other",
        "index = {value.casefold(): row for value in values}",
        "sorted(names, key=str.casefold)",
        "if email.lower() in members: pass",
        'wanted = person["organisation_id"].upper()',
    ],
)
def test_the_search_finds_each_way_to_fold(line: str) -> None:
    assert list(foldings(line))


@pytest.mark.parametrize("line", ["normal(row.organisation_id) == normal(other)", "headers = name.lower()"])
def test_the_search_lets_the_rest_be(line: str) -> None:
    assert not list(foldings(line))


def test_what_is_let_be_still_does_it() -> None:
    assert all(list(foldings((ROOT / name).read_text())) for name in (*ELSEWHERE, OWN[0], KEPT[0]))
