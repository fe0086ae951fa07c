"""Which grades are a pass. Pure.

Ladok's scales and those that WISEflow has beside them fail by few words, and pass by many: what is none of these is a pass, where the
grade is a word of a scale or one of its short numbers. Of a scale that is a range of numbers nobody has said where the pass begins.
"""

from __future__ import annotations

from collections.abc import Collection

from ladokflow.identifiers import normal

PASSED, FAILED, UNJUDGED = "passed", "failed", "unjudged"
FAILING = frozenset(
    normal(grade)
    for grade in ("U", "UK", "F", "FX", "IG", "Underkänd", "Icke godkänd", "Inte godkänd", "Fail", "Failed", "-3", "00", "0")
)  # fmt: skip


def result_of(grade: str, scale: Collection[str]) -> str:
    """`scale` are the grades of the flow's scale; empty where it is a range, or unknown."""
    if normal(grade) in FAILING:
        return FAILED
    is_number = grade.strip().lstrip("+-").replace(",", ".").replace(".", "", 1).isdecimal()
    return UNJUDGED if is_number and not scale else PASSED
