"""What an answer of 200-299 means for each grade. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from exports.attempts.reading import ItemOutcome, Reading, Unclear, named_only, not_json, outcomes_of, rejected_all
from exports.attempts.statement import read_statement, told_beside, wrong_numbers
from ladokflow.ladok.answers import AnswerRules
from ladokflow.messages import message
from ladokflow.response import Answer, NotData, Repeated

# What a service may answer with when it has done its work. 202 is a promise; 203 and 206 are not the service's whole word.
COUNTING = frozenset({200, 201, 207})
EMPTY = frozenset({200, 201, 204, 205})


def read_success(response: Answer, sent: Sequence[frozenset[str]], rules: AnswerRules) -> Reading:
    count = len(sent)
    if response.status == 202:
        raise Unclear(message("answer.not_done_yet"))
    if not response.body.strip():
        if response.status in EMPTY and response.is_proven_empty:
            return _registered(count, {}, rules)
        raise Unclear(message("answer.empty", status=response.status))
    if response.status not in COUNTING:
        raise Unclear(message("answer.unexpected_status", status=response.status))
    body = _data(response)
    statement = read_statement(body, sent)
    if statement.successes and (error := told_beside(body)):
        raise Unclear(message("answer.contradicts", status=response.status, said=error), statement.errors)
    if statement.is_about(count):
        return _registered(count, statement.errors, rules)
    if statement.is_rejection(count):
        return rejected_all(count, statement.errors, rules)
    if statement.successes == count and statement.errors and not statement.failures:
        return _counted_and_named(count, statement.errors)
    if statement.successes is None and statement.names_some():
        return named_only(response, count, statement.errors, rules)
    if statement.successes is None and not statement.failures and not statement.errors:
        code = "answer.says_nothing" if statement.failures is None else "answer.no_number"
        raise Unclear(message(code, status=response.status))
    raise wrong_numbers(body, count, statement.errors)


def _data(response: Answer) -> Any:
    try:
        return response.json()
    except Repeated:
        raise Unclear(message("answer.repeated", status=response.status)) from None
    except NotData:
        raise not_json(response) from None


def _registered(count: int, errors: Mapping[int, str], rules: AnswerRules) -> Reading:
    items = outcomes_of(count, errors, rules, ItemOutcome("exported"))
    if not errors:
        return Reading(items, message("answer.exported", count=count))
    if len(errors) == count:
        return rejected_all(count, errors, rules)
    facts = {"exported": count - len(errors), "sent": count, "count": len(errors)}
    already = sum(map(rules.says_already, errors.values()))
    if already == len(errors):
        return Reading(items, message("answer.some_already", **facts))
    if already:
        return Reading(items, message("answer.some_rejected_some_there", **facts, there=already))
    return Reading(items, message("answer.some_rejected", **facts))


def _counted_and_named(count: int, errors: Mapping[int, str]) -> Reading:
    """All are counted as registered, and some named all the same: a warning, or a mistake. Of the others both say one thing."""
    items = tuple(
        ItemOutcome("unknown", message("answer.person_counted_and_named", said=errors[place] or "–"))
        if place in errors
        else ItemOutcome("exported")
        for place in range(count)
    )
    return Reading(items, message("answer.counted_and_named", sent=count, count=len(errors)))
