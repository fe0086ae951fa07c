"""A little of what `make fuzz` does at length."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from ladokflow.http import RemoteError
from ladokflow.messages import Refused, message
from tests.fuzz.answers import WORKS, Answers, StrangeSandbox, watched
from tests.fuzz.pages import Calls, Forms
from tests.fuzz.strange import GONE, TWICE, changed, many

CASES = 1


@pytest.fixture
def answers(db: None) -> Iterator[Answers]:
    with StrangeSandbox() as sandbox:
        yield Answers(sandbox, "liu")


@pytest.mark.timeout(180)
def test_whatever_stands_in_an_answer_a_form_or_a_call_nothing_breaks(answers: Answers) -> None:
    for work in WORKS:
        many(lambda data, work=work: answers.play(work, data), cases=CASES, seed=1)
    assert answers.ends.total() == CASES * len(WORKS)
    assert len(answers.ends) > 1  # some are refused
    many(Forms(answers.base, one_in=12).play, cases=20, seed=1)
    many(Calls(answers.base).play, cases=10, seed=1)


def test_what_was_not_foreseen_is_noticed_and_what_was_is_not() -> None:
    for error in (
        RemoteError(message("remote.timeout", system="Ladok", seconds=3), permanent=False),
        Refused(message("remote.timeout", system="Ladok", seconds=3)),
    ):
        with watched("case"):
            logging.getLogger("ladokflow").error("told", exc_info=error)
    with pytest.raises(AssertionError, match="KeyError"), watched("case"):
        logging.getLogger("ladokflow").error("broken", exc_info=KeyError("x"))


def test_every_place_of_an_answer_is_changed_in_its_turn() -> None:
    body = {"a": [1, 2], "b": {"c": None}}
    assert [changed(body, number, ("value", 9)) for number in range(6)] == [
        9,
        {"a": 9, "b": {"c": None}},
        {"a": [9, 2], "b": {"c": None}},
        {"a": [1, 9], "b": {"c": None}},
        {"a": [1, 2], "b": 9},
        {"a": [1, 2], "b": {"c": 9}},
    ]
    assert changed(body, 2, (GONE, None)) == {"a": [2], "b": {"c": None}}
    assert changed(body, 2, (TWICE, None)) == {"a": [1, 2, 1], "b": {"c": None}}
    assert body == {"a": [1, 2], "b": {"c": None}}
