"""What Ladok's answer to an export means for each grade that was sent. Pure: no database, no network, no clock.

The agreed answer is HTTP 200 with `{"numberOfSuccess", "numberOfErrors", "errors": [{"userId", "errorInfo"}]}`, where `userId` is
an identifier we sent (the article "Grade Export: Rules and Technical Setup").

    came back                                           grades
    --------------------------------------------------  ---------------------------------------------------
    2xx, and numbers that add up                        exported, or failed with `errorInfo`
    2xx, and an empty body                              exported
    nothing was read of it (address, DNS, TLS, ...)     failed
    400-499 but 408                                     failed
    anything else                                       unknown: they may be in Ladok, and only a look there tells

In doubt it is *unknown*. To call a registered grade failed sends it twice; to call a rejected one exported loses it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import exports.messages.answer  # noqa: F401 - the sentences used below
from ladokflow.http import Answer, NoAnswer, said, without_national_ids
from ladokflow.messages import Message, message

State = Literal["exported", "failed", "unknown"]
LONGEST_INFO = 500


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


class _Unclear(Exception):
    """An answer that cannot be relied on. `errors` is what it said of single people, by their place among those sent."""

    def __init__(self, message: Message, errors: Mapping[int, str] | None = None) -> None:
        super().__init__(message.code)
        self.message = message
        self.errors = errors or {}


def read_answer(came: Answer | NoAnswer, sent: Sequence[frozenset[str]]) -> Reading:
    """`sent` holds, for each grade, the identifiers that `errors[].userId` may call the person by."""
    try:
        if isinstance(came, NoAnswer):
            return _read_silence(came, len(sent))
        if 200 <= came.status < 300:
            return _read_success(came, sent)
        if 400 <= came.status < 500 and came.status != 408:
            return _read_refusal(came, sent)
        raise _Unclear(_failure_of_their_own(came))
    except _Unclear as unclear:
        return Reading(
            tuple(
                ItemOutcome("unknown", _unclear_for(unclear.errors.get(index)) or unclear.message)
                for index in range(len(sent))
            ),
            unclear.message,
        )


def _unclear_for(info: str | None) -> Message | None:
    return message("answer.person_unknown_with_error", said=info) if info else None


def _all_failed(count: int, reason: Message) -> Reading:
    return Reading((ItemOutcome("failed", reason),) * count, reason)


def _read_silence(came: NoAnswer, count: int) -> Reading:
    if came.sent:
        if came.kind == "timeout":
            raise _Unclear(message("answer.timeout", seconds=came.detail))
        raise _Unclear(message("answer.cut"))
    code = {
        "address": "answer.address_refused",
        "certificate": "answer.certificate_refused",
        "untrusted": "answer.untrusted",
    }.get(came.kind, "answer.not_reached")
    return _all_failed(count, message(code, detail=came.detail))


def _failure_of_their_own(came: Answer) -> Message:
    if came.status == 408:
        return message("answer.request_timeout")
    if came.status >= 500:
        return message("answer.server_error", status=came.status, said=_clean(said(came)))
    # A redirect above all: it may stand for "done, see there" as well as for "sign in first".
    return message("answer.unexpected_status", status=came.status)


# --- 2xx


def _read_success(came: Answer, sent: Sequence[frozenset[str]]) -> Reading:
    if not came.body.strip():
        return _registered(len(sent), {})
    try:
        body = came.json()
    except (ValueError, RecursionError):
        kind = came.headers.get("content-type", "").partition(";")[0].strip()[:60] or "?"
        raise _Unclear(message("answer.not_json", status=came.status, kind=kind)) from None
    if not isinstance(body, dict) or all(
        body.get(key) is None for key in ("numberOfSuccess", "numberOfErrors", "errors")
    ):
        raise _Unclear(message("answer.says_nothing", status=came.status))
    errors, strangers = _errors(body.get("errors"), sent)
    if strangers:
        raise _Unclear(message("answer.strangers", count=strangers), errors)
    _check_numbers(body, len(sent), errors)
    return _registered(len(sent), errors)


def _registered(count: int, errors: Mapping[int, str]) -> Reading:
    items = tuple(
        ItemOutcome("failed", _rejected(errors[index])) if index in errors else ItemOutcome("exported")
        for index in range(count)
    )
    if not errors:
        return Reading(items, message("answer.exported", count=count))
    if len(errors) == count:
        return Reading(items, message("answer.all_rejected", count=count))
    return Reading(items, message("answer.some_rejected", exported=count - len(errors), sent=count, count=len(errors)))


def _rejected(info: str) -> Message:
    return message("answer.person_rejected", said=info) if info else message("answer.person_rejected_without_reason")


def _check_numbers(body: Mapping[str, Any], count: int, errors: Mapping[int, str]) -> None:
    """Missing numbers are fine, as long as those there are agree with the people named: then nobody is in doubt."""
    given = body.get("numberOfSuccess"), body.get("numberOfErrors")
    successes, failures = (_whole_number(value) for value in given)
    agree = successes in (None, count - len(errors)) and failures in (None, len(errors))
    if not agree:
        shown = {"successes": _shown(given[0]), "errors": _shown(given[1])}
        raise _Unclear(message("answer.wrong_numbers", sent=count, named=len(errors), **shown), errors)


def _whole_number(value: Any) -> int | None:
    """A count, also as text or as 38.0; None where there is none. What is no count becomes one that never agrees."""
    if value is None:
        return None
    if isinstance(value, str) and re.fullmatch(r"\s*[0-9]{1,9}\s*", value):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else -1


def _shown(value: Any) -> str:
    return "?" if value is None else str(value)[:20]


def _errors(listed: Any, sent: Sequence[frozenset[str]]) -> tuple[dict[int, str], int]:
    """What was said of whom, by their place among those sent, and how many of those named we did not send."""
    if listed is None:
        return {}, 0
    if isinstance(listed, dict):
        listed = [listed] if listed else []
    if not isinstance(listed, list):
        raise _Unclear(message("answer.unreadable_errors"))
    as_written = _places(sent)
    in_any_case = _places([{name.casefold() for name in identifiers} for identifiers in sent])
    errors: dict[int, list[str]] = {}
    strangers: set[str] = set()
    unreadable = False
    for entry in listed:
        name = _identifier(entry.get("userId")) if isinstance(entry, dict) else None
        if name is None:
            unreadable = True
            continue
        place = as_written.get(name, in_any_case.get(name.casefold()))
        if place is None:
            strangers.add(name)
        else:
            infos = errors.setdefault(place, [])
            info = _info(entry.get("errorInfo"))
            if info and info not in infos:
                infos.append(info)
    said_of = {place: "; ".join(infos)[:LONGEST_INFO] for place, infos in errors.items()}
    if unreadable:
        raise _Unclear(message("answer.unreadable_errors"), said_of)
    return said_of, len(strangers)


def _places(names: Sequence[Iterable[str]]) -> dict[str, int | None]:
    """Name -> place among those sent; None for one that several people share, for it tells nobody apart."""
    places: dict[str, int | None] = {}
    for index, of_one in enumerate(names):
        for name in of_one:
            places[name] = index if places.get(name, index) == index else None
    return places


def _identifier(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if isinstance(value, float):
        if not value.is_integer():
            return None
        value = int(value)
    return str(value).strip() or None


def _info(value: Any) -> str:
    """Ladok's words for one person, whatever form they came in."""
    if value is None:
        return ""
    if isinstance(value, list):
        return "; ".join(part for part in map(_info, value) if part)
    return _clean(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _clean(text: str) -> str:
    """One line without control characters and national ids."""
    plain = " ".join("".join(ch if ch.isprintable() or ch.isspace() else " " for ch in text).split())
    return without_national_ids(plain)[:LONGEST_INFO]


# --- 400-499


def _read_refusal(came: Answer, sent: Sequence[frozenset[str]]) -> Reading:
    """Refused as a whole; but what it says of single people is theirs, and what it says it did register is believed."""
    try:
        body = came.json()
    except (ValueError, RecursionError):
        body = None
    errors: Mapping[int, str] = {}
    if isinstance(body, dict):
        try:
            errors, _strangers = _errors(body.get("errors"), sent)
        except _Unclear as unclear:
            errors = unclear.errors
        if _whole_number(body.get("numberOfSuccess")) not in (None, 0):
            raise _Unclear(message("answer.refused_and_registered", status=came.status), errors)
    reason = _refusal(came)
    is_unsaid = reason.code == "answer.refused_without_reason" or reason == message("answer.not_found", said="")
    if is_unsaid and len(errors) == len(sent):
        reason = message("answer.all_rejected", count=len(sent))  # why is said of each
    items = tuple(
        ItemOutcome("failed", _rejected(info) if (info := errors.get(index)) else reason) for index in range(len(sent))
    )
    return Reading(items, reason)


def _refusal(came: Answer) -> Message:
    words = _clean(said(came))
    code = {
        401: "answer.unauthorised",
        403: "answer.forbidden",
        404: "answer.not_found",
        429: "answer.too_many_requests",
    }.get(came.status)
    if code:
        return message(code, said=words)
    if words:
        return message("answer.refused", status=came.status, said=words)
    return message("answer.refused_without_reason", status=came.status)
