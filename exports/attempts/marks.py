"""A manager's word: that a grade which failed, or whose outcome is unknown, is in Ladok; or that one whose outcome is unknown is not.
And taking the word back.

It is the way out that is left where Ladok cannot be asked and nothing can be sent again, whatever has become of the code, the flow
and the source meanwhile.
"""

from __future__ import annotations

import datetime as dt
import logging
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils.dateparse import parse_datetime

from exports.attempts.counts import recount
from exports.grades.read import database_now
from exports.models import ExportAttempt, ExportItem, ExportItemQuerySet
from exports.rules import doubt
from exports.rules.cases import lock
from exports.rules.right import require_right
from exports.rules.states import refresh_states
from exports.writing import refused_where_taken
from ladokflow.fingerprints import Fingerprint, fingerprint
from ladokflow.messages import Message, Refused, by_row, message
from sources.audit import record
from sources.models import Flow
from sources.sync.plan.moments import local

logger = logging.getLogger(__name__)

State = ExportItem.State


@dataclass(frozen=True)
class Word:
    """What somebody has seen in Ladok: the state that a grade has by it, the states of which it can be said, and how it is told."""

    state: State
    of: tuple[State, ...]
    told: str
    audited: str
    taken_back: str


THERE = Word(State.EXPORTED, ExportItem.UNSETTLED, "settle.marked", "audit.marked_as_exported", "audit.mark_taken_back")
ABSENT = Word(State.FAILED, (State.UNKNOWN,), "settle.absent", "audit.marked_as_absent", "audit.absence_taken_back")
BY_STATE = {word.state: word for word in (THERE, ABSENT)}

UNREAD = ("national_id", "attempt__answer")  # encrypted, and long: nothing of them is needed here

# --- Whom it is about ----------------------------------------------------------------------------------------------


def unsettled(flow: Flow) -> ExportItemQuerySet:
    """Those of whom a manager can say what Ladok has: not while the attempt that held them back is being sent."""
    ended = ExportItem.objects.of_flow(flow).exclude(attempt__state__in=ExportAttempt.OPEN)
    return ended.newest().filter(state__in=ExportItem.UNSETTLED)


def unknown(flow: Flow) -> ExportItemQuerySet:
    return unsettled(flow).filter(state=State.UNKNOWN)


def there_already(flow: Flow) -> ExportItemQuerySet:
    """Those of whom Ladok has said so itself: sending them again cannot help."""
    return unsettled(flow).there_already()


def marked(flow: Flow) -> ExportItemQuerySet:
    """Those whose mark can be taken back: nothing has been sent for them since."""
    return ExportItem.objects.of_flow(flow).newest().filter(state__in=BY_STATE).exclude(before_mark={})


def of_whom(flow: Flow, word: Word | None, *, is_named: bool) -> tuple[ExportItemQuerySet, Message]:
    """Those of whom the word can be said by a command or a call, or whose marks can be taken back where it is None; and what is told
    where there is nobody. `is_named`: somebody says of whom; else only those of whom Ladok has said so itself are in Ladok."""
    if word is None:
        return marked(flow), message("settle.nobody_marked")
    if word is ABSENT:
        return unknown(flow), message("settle.nothing_unknown")
    return unsettled(flow) if is_named else there_already(flow), message("settle.nobody_to_mark")


def seen_of(item: ExportItem) -> str:
    """What somebody sees of the item before saying if it is in Ladok."""
    shown = [item.pk, item.state, item.message, item.grade, item.points, item.may_be_in_ladok]
    return fingerprint("exports.item", shown).whole


def fingerprint_of(items: Iterable[ExportItem], word: Word | None) -> Fingerprint:
    """Of all of whom the word would be said together, or, where it is None, whose marks would be taken back."""
    return fingerprint("exports.marks", [word.told if word else "", sorted(seen_of(item) for item in items)])


# --- Saying it -----------------------------------------------------------------------------------------------------


def say(
    word: Word, *, flow: Flow, seen: Mapping[int, str], by: AbstractBaseUser, reason: str, address: str | None = None
) -> int:
    """A manager has looked in Ladok and says of these grades that they are there, or are not; how many. All of them, or none.

    `seen`: by item, what was seen of it (`seen_of`). Raises Refused without a reason or the export right, where the word cannot be said of a grade (any
    more), where it is not as it was seen, and where Ladok may still be at work on one that is said not to be there. The manager's word
    is on record, and can be taken back until the person is sent again.
    """
    words = reason.strip()
    if not words:
        raise Refused(message("settle.reason_missing"))
    require_right(flow, by)
    # Taken where there is a newer item for the person: under way, exported, or unknown itself.
    with refused_where_taken(message("settle.not_open")), transaction.atomic():
        locked = lock(flow.pk)
        items = list(unsettled(locked).filter(pk__in=seen).select_related("attempt").defer(*UNREAD))
        if len(items) != len(seen):
            raise Refused(message("settle.not_open"))
        if any(seen_of(item) != seen[item.pk] for item in items):
            raise Refused(message("settle.seen_otherwise"))
        if any(item.state not in word.of for item in items):
            raise Refused(message("settle.not_unknown"))
        if word is ABSENT:
            _require_time(locked, items)
        for item in items:
            _mark(item, word, by, words)
            said = message(word.audited, person=_name(item), reason=words)
            _write_down(locked, item, said, by, address)
        _recount((item.attempt_id, item.state, word.state) for item in items)
        refresh_states(flow)
    logger.info("export.items.marked flow=%s items=%s as=%s", flow.pk, len(items), word.state)
    return len(items)


mark_as_exported = partial(say, THERE)
mark_as_absent = partial(say, ABSENT)


def _require_time(flow: Flow, items: Iterable[ExportItem]) -> None:
    """What Ladok may still be at work on may be there yet. An end that is later than now was written by a clock that has been
    set back since: nothing is known of it, and nobody is kept waiting for it."""
    now = database_now(flow)
    ended = [at for item in items if (at := item.attempt.finished_at) is not None and at <= now]
    last = max(ended, default=dt.datetime.min.replace(tzinfo=dt.UTC))
    if not doubt.is_over(last, now, flow.source.settling_time):
        again_at = doubt.ask_again_at(last, flow.source.settling_time)
        raise Refused(message("settle.absent_too_early", again=local(again_at, flow.source.tz)))


def _mark(item: ExportItem, word: Word, by: AbstractBaseUser, reason: str) -> None:
    before: dict[str, Any] = {
        "state": item.state,
        "message": item.message,
        "may_be_in_ladok": item.may_be_in_ladok,
        "settled_by": item.settled_by_id,
        "settled_at": item.settled_at.isoformat() if item.settled_at else None,
        "before_mark": item.before_mark,
    }
    ExportItem.objects.filter(pk=item.pk).update(
        state=word.state,
        message=message(word.told, reason=reason).to_json(),
        may_be_in_ladok=False,
        settled_by_id=by.pk,
        settled_at=Now(),
        before_mark=before,
    )


# --- Taking it back ------------------------------------------------------------------------------------------------


def take_back(*, flow: Flow, seen: Mapping[int, str], by: AbstractBaseUser, address: str | None = None) -> int:
    """These items are as they were before they were marked; how many. All of them, or none.

    `seen` as of `say`. Refused where the person has been sent again since, the mark is gone already, or is not the one that was seen.
    """
    require_right(flow, by)
    with transaction.atomic():
        locked = lock(flow.pk)
        rows = list(marked(locked).filter(pk__in=seen).defer("national_id"))
        if len(rows) != len(seen):
            raise Refused(message("settle.mark_gone"))
        if any(seen_of(item) != seen[item.pk] for item in rows):
            raise Refused(message("settle.seen_otherwise"))
        for item in rows:
            said = message(BY_STATE[State(item.state)].taken_back, person=_name(item))
            _write_down(locked, item, said, by, address)
            before = item.before_mark
            ExportItem.objects.filter(pk=item.pk).update(
                state=before["state"],
                message=before["message"],
                may_be_in_ladok=before["may_be_in_ladok"],
                settled_by_id=before["settled_by"],
                settled_at=parse_datetime(before["settled_at"]) if before["settled_at"] else None,
                before_mark=before.get("before_mark", {}),
            )
        _recount((item.attempt_id, item.state, item.before_mark["state"]) for item in rows)
        refresh_states(flow)
    logger.info("export.items.mark_taken_back flow=%s items=%s", flow.pk, len(rows))
    return len(rows)


# --- Both ----------------------------------------------------------------------------------------------------------


def _recount(moves: Iterable[tuple[uuid.UUID, str, str]]) -> None:
    """Each is an attempt, and the state before and after of one of its items."""
    counts: dict[uuid.UUID, Counter[str]] = defaultdict(Counter)
    for attempt_pk, before, after in moves:
        counts[attempt_pk][before] -= 1
        counts[attempt_pk][after] += 1
    for attempt_pk, more in counts.items():
        if more[State.SUPERSEDED]:  # it was only said to have been exported before (`adoption.py`), and never sent
            rows = ExportAttempt.objects.filter(pk=attempt_pk)
            rows.update(sent_count=F("sent_count") - more[State.SUPERSEDED])
        recount(attempt_pk, exported=more[State.EXPORTED], failed=more[State.FAILED], unknown=more[State.UNKNOWN])


def _name(item: ExportItem) -> dict[str, int]:
    return by_row(item.participant_id)


def _write_down(flow: Flow, item: ExportItem, said: Message, by: AbstractBaseUser, address: str | None) -> None:
    record(message=said, source=flow.source, flow=flow, attempt_id=item.attempt_id, actor=by, address=address)
