"""What was made of an answer of Ladok's: an outcome for each grade that was sent. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import exports.messages.answer  # noqa: F401 - the sentences used below, and by those who read an answer
from ladokflow.ladok.answers import AnswerRules
from ladokflow.messages import Message, message
from ladokflow.response import Answer

State = Literal["exported", "failed", "unknown"]


@dataclass(frozen=True)
class ItemOutcome:
    state: State
    message: Message | None = None


@dataclass(frozen=True)
class Reading:
    """One outcome for each grade, in the order they were sent, and the sentence for the attempt as a whole."""

    items: tuple[ItemOutcome, ...]
    message: Message

    def count(self, state: State) -> int:
        return sum(item.state == state for item in self.items)


class Unclear(Exception):
    """An answer that cannot be relied on. `errors` is what it said of single people, by their place among those sent."""

    def __init__(self, message: Message, errors: Mapping[int, str] | None = None) -> None:
        super().__init__(message.code)
        self.message = message
        self.errors = errors or {}


def not_json(response: Answer) -> Unclear:
    return Unclear(message("answer.not_json", status=response.status, kind=response.kind))


def all_failed(count: int, reason: Message) -> Reading:
    return Reading((ItemOutcome("failed", reason),) * count, reason)


def rejected_all(count: int, errors: Mapping[int, str], rules: AnswerRules) -> Reading:
    items = outcomes_of(count, errors, rules, ItemOutcome("failed", _rejected("", rules)))
    already = sum(map(rules.says_already, errors.values()))
    if already == count:
        return Reading(items, message("answer.all_already", count=count))
    if already:
        facts = {"exported": 0, "sent": count, "count": count, "there": already}
        return Reading(items, message("answer.some_rejected_some_there", **facts))
    return Reading(items, message("answer.all_rejected", count=count))


def named_only(response: Answer, count: int, errors: Mapping[int, str], rules: AnswerRules) -> Reading:
    """Those who are named are rejected. That somebody is not named says nothing of them."""
    other = ItemOutcome("unknown", message("answer.person_unsaid", status=response.status))
    reason = message("answer.others_unsaid", sent=count, count=len(errors), status=response.status)
    return Reading(outcomes_of(count, errors, rules, other), reason)


def outcomes_of(
    count: int, errors: Mapping[int, str], rules: AnswerRules, others: ItemOutcome
) -> tuple[ItemOutcome, ...]:
    return tuple(
        ItemOutcome("failed", _rejected(errors[place], rules)) if place in errors else others for place in range(count)
    )


def _rejected(info: str, rules: AnswerRules) -> Message:
    if not info:
        return message("answer.person_rejected_without_reason")
    is_there = rules.says_already(info)
    return message("answer.person_already_registered" if is_there else "answer.person_rejected", said=info)
