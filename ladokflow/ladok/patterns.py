"""Patterns that a person writes, to be searched for in Ladok's words: what is wrong with one, before it is ever used.

A pattern that would need minutes for one answer would hold a worker until its lease is over, with the outcome unknown; one that finds
every refusal would have all of them called *there already*, and nothing would be retried.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from re import _constants as constants  # type: ignore[attr-defined,unused-ignore]
from re import _parser as parser  # type: ignore[attr-defined,unused-ignore]
from typing import Any

LONGEST_PATTERN = 200  # characters
LONGEST_TEXT = 500  # characters of Ladok's that are searched
MOST_STEPS = 40_000  # from each character of the text

REPEATS = {constants.MAX_REPEAT, constants.MIN_REPEAT, constants.POSSESSIVE_REPEAT}
# What Ladok may say of a refusal that is none of this.
OTHER_WORDS = (
    "",
    "Studenten är inte registrerad på kursen",
    "Betyget finns inte i betygsskalan",
    "Student not found",
    "Nej",
)


def fault_of(pattern: str) -> str:
    """What is wrong with it: "long", "unreadable", "slow" or "loose"; empty where nothing is."""
    if len(pattern) > LONGEST_PATTERN:
        return "long"
    try:
        compiled = re.compile(pattern, re.IGNORECASE)
        steps = _steps(parser.parse(pattern))
    except (re.error, RecursionError, OverflowError):
        return "unreadable"
    if steps > MOST_STEPS:
        return "slow"
    return "loose" if any(map(compiled.search, OTHER_WORDS)) else ""


def _steps(parsed: Any) -> int:
    """In how many ways its parts can fit, at most: what is repeated, left out or one of several. Within a repetition nothing may
    fit in more than one, for then there is no end."""
    steps = 1
    for code, argument in parsed:
        inner = 1
        for part in _parts(argument):
            inner *= _steps(part)
        if code in REPEATS:
            most = min(int(argument[1]), LONGEST_TEXT)
            if most > 1 and inner > 1:
                return MOST_STEPS + 1
            inner *= most - int(argument[0]) + 1
        elif code is constants.BRANCH:
            inner *= len(argument[1])
        steps *= max(inner, 1)
    return steps


def _parts(argument: Any) -> Iterator[Any]:
    """The patterns within one step of a pattern."""
    if isinstance(argument, parser.SubPattern):
        yield argument
    elif isinstance(argument, (tuple, list)):
        for each in argument:
            yield from _parts(each)
