"""What Ladok's answer to an export means for each grade that was sent. Pure: no database, no network, no clock.

The agreed answer is HTTP 200 with `{"numberOfSuccess", "numberOfErrors", "errors": [{"userId", "errorInfo"}]}`, where `userId` is
an identifier we sent (the article "Grade Export: Rules and Technical Setup").

    came back                                           grades
    --------------------------------------------------  ---------------------------------------------------
    200, 201, 207, and numbers that add up              exported, or failed with `errorInfo`
    the same, counting also those it names in errors    those unknown, the others exported
    the same, naming errors without counting successes  those failed, the others unknown
    the same, and an error told in a place of its own   unknown
    204, or 200, 201, 205 that say they are empty       exported
    nothing was read of it (address, DNS, TLS, ...)     failed
    400-499 that names people                           those failed, the others unknown
    400-499 of the university's table of clear refusals failed
    anything else                                       unknown: they may be in Ladok, and only a look there tells

In doubt it is *unknown*. To call a registered grade failed sends it twice; to call a rejected one exported loses it. What is
read here came whole (`ladokflow/response.py`); an answer that does not tell its length counts by what it says, and an empty one
of that kind says nothing.

The reading of a success stands in `success.py`, that of a refusal in `refusal.py`; what a body says in `statement.py`, and what
was made of it in `reading.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

from exports.attempts.reading import ItemOutcome, Reading, Unclear, all_failed
from exports.attempts.refusal import read_refusal
from exports.attempts.statement import clean
from exports.attempts.success import read_success
from ladokflow.http import said
from ladokflow.ladok.answers import AnswerRules
from ladokflow.messages import Message, message
from ladokflow.response import Answer, NoAnswer

__all__ = ["ItemOutcome", "Reading", "read_answer"]


def read_answer(
    response: Answer | NoAnswer, sent: Sequence[frozenset[str]], rules: AnswerRules | None = None
) -> Reading:
    """`sent` holds, for each grade, the identifiers that `errors[].userId` may call the person by."""
    rules = rules or AnswerRules()
    try:
        if isinstance(response, NoAnswer):
            return _read_silence(response, len(sent))
        if 200 <= response.status < 300:
            return read_success(response, sent, rules)
        if 400 <= response.status < 500 and response.status != 408:
            return read_refusal(response, sent, rules)
        raise Unclear(_failure_of_their_own(response))
    except Unclear as unclear:
        return Reading(
            tuple(
                ItemOutcome("unknown", _unclear_for(unclear.errors.get(index)) or unclear.message)
                for index in range(len(sent))
            ),
            unclear.message,
        )


def _unclear_for(info: str | None) -> Message | None:
    return message("answer.person_unknown_with_error", said=info) if info else None


def _read_silence(response: NoAnswer, count: int) -> Reading:
    if response.sent:
        if response.kind == "timeout":
            raise Unclear(message("answer.timeout", seconds=response.detail))
        code = {"oversized": "answer.oversized", "garbled": "answer.garbled"}.get(response.kind, "answer.cut")
        raise Unclear(message(code))
    code = {
        "address": "answer.address_refused",
        "certificate": "answer.certificate_refused",
        "untrusted": "answer.untrusted",
    }.get(response.kind, "answer.not_reached")
    return all_failed(count, message(code, detail=response.detail))


def _failure_of_their_own(response: Answer) -> Message:
    if response.status == 408:
        return message("answer.request_timeout")
    if response.status >= 500:
        return message("answer.server_error", status=response.status, said=clean(said(response)))
    # A redirect above all: it may stand for "done, see there" as well as for "sign in first".
    return message("answer.unexpected_status", status=response.status)
