"""What an answer of 400-499 means for each grade. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from exports.attempts.reading import (
    ItemOutcome,
    Reading,
    Unclear,
    all_failed,
    named_only,
    not_json,
    outcomes_of,
    rejected_all,
)
from exports.attempts.statement import LONGEST_TEXT, clean, named_in, read_statement, wrong_numbers
from ladokflow.http import said
from ladokflow.ladok.answers import AnswerRules
from ladokflow.messages import Message, message
from ladokflow.response import Answer, NotData, Repeated

_ALREADY = re.compile(r"(?<![^\W_])(redan|already|duplicate|dubblett)", re.IGNORECASE)


def read_refusal(response: Answer, sent: Sequence[frozenset[str]], rules: AnswerRules) -> Reading:
    """Of those it names, and of all only where that is certain; what it says it did register is believed before all."""
    count, words = len(sent), clean(said(response))
    try:
        body = response.json()
    except Repeated:
        raise Unclear(message("answer.repeated", status=response.status)) from None
    except NotData:
        if not response.tells_length:
            raise Unclear(message("answer.cut")) from None  # what is missing may have named people
        if response.body.lstrip()[:1] in (b"{", b"["):
            raise not_json(response) from None  # and so may what cannot be read
        body = None
    statement = read_statement(body, sent)
    if statement.successes:
        if statement.successes < 0:
            raise wrong_numbers(body, count, statement.errors)
        reason = message("answer.refused_and_registered", status=response.status)
        if not (statement.errors and statement.is_about(count)):
            raise Unclear(reason, statement.errors)
        return Reading(outcomes_of(count, statement.errors, rules, ItemOutcome("unknown", reason)), reason)
    if statement.is_rejection(count) and len(statement.errors) == count:
        return _refused_each(response, count, statement.errors, words, rules)
    if statement.names_some():
        return named_only(response, count, statement.errors, rules)
    text = " ".join(_strings(body)) if body is not None else _words(response)
    if _ALREADY.search(text):
        reason = message("answer.refused_already", status=response.status, said=words or _shown(body, text))
        raise Unclear(reason, statement.errors)
    if statement.is_rejection(count):
        return _refused_each(response, count, statement.errors, words, rules)
    if statement.errors or statement.failures:
        raise wrong_numbers(body, count, statement.errors)
    named = named_in(text[:LONGEST_TEXT], sent)
    if 0 < len(named) < count:
        return named_only(response, count, dict.fromkeys(named, words), rules)
    if response.status not in rules.refusals or len(text) > LONGEST_TEXT:
        raise Unclear(message("answer.refused_unclear", status=response.status, said=words))
    return all_failed(count, _refusal(response.status, words))


def _refused_each(response: Answer, count: int, errors: Mapping[int, str], words: str, rules: AnswerRules) -> Reading:
    """Everybody is named: why is said of each, unless the refusal itself says more."""
    reading = rejected_all(count, errors, rules)
    is_explained = response.status in rules.refusals and (words or response.status in (401, 403, 429))
    if not is_explained or any(map(rules.says_already, errors.values())):
        return reading
    reason = _refusal(response.status, words)
    items = tuple(
        item if errors.get(place) else ItemOutcome("failed", reason) for place, item in enumerate(reading.items)
    )
    return Reading(items, reason)


def _strings(value: Any) -> Iterator[str]:
    """Every text and number in it, but not the names of its fields."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _strings(each)
    elif isinstance(value, str | int):
        yield str(value)


def _shown(body: Any, text: str) -> str:
    """What people are told of a refusal that has no sentence in a place of its own."""
    return clean(text) if body is not None else "?"


def _words(response: Answer) -> str:
    """Of a body that is no JSON, to judge by and to tell nobody. A page in HTML comes from what stands in front of Ladok, and speaks of other things."""
    text = response.text.strip()
    return "" if text.startswith("<") else text


def _refusal(status: int, words: str) -> Message:
    code = {
        401: "answer.unauthorised",
        403: "answer.forbidden",
        404: "answer.not_found",
        429: "answer.too_many_requests",
    }.get(status)
    if code:
        return message(code, said=words)
    if words:
        return message("answer.refused", status=status, said=words)
    return message("answer.refused_without_reason", status=status)
