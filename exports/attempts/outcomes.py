"""How an attempt ends: recorded, dropped before anything was sent, or lost. Each is one conditional UPDATE with its audit
entry in the same transaction; one that changes no row has been made by somebody else, and does nothing.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Collection, Mapping
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, F, QuerySet
from django.db.models.functions import Now

from exports.attempts import findings
from exports.attempts.answer import ItemOutcome, Reading
from exports.attempts.counts import close_if_all_exported, counted
from exports.attempts.transitions import audit, flow_of, left_behind, set_aside
from exports.models import DigestEntry, ExportAttempt, ExportItem
from exports.rules.cases import lock
from exports.rules.states import refresh_states
from exports.writing import update_in_groups
from ladokflow.messages import Message, Trait, message
from ladokflow.rows import OneOf
from sources.models import Flow

logger = logging.getLogger(__name__)

State = ExportAttempt.State
ItemState = ExportItem.State

LONGEST_ANSWER = 200_000  # characters that are kept


def drop(
    pk: uuid.UUID,
    token: uuid.UUID,
    why: Message,
    *,
    by_item: Mapping[int, Message] | None = None,
    others: Message | None = None,
    states: Collection[str] = (State.CLAIMED, State.READING),
) -> bool:
    """End an attempt of which nothing was sent: failed. `by_item` has the sentence of each
    item that has one of its own, `others` is that of the rest. Whose earlier sending may have arrived is unknown again."""
    with transaction.atomic():
        lock(flow_of(pk))
        live = ExportItem.objects.filter(attempt_id=pk, state=ItemState.LIVE)
        in_doubt = live.filter(may_be_in_ladok=True).count()
        dropped = ExportAttempt.objects.filter(pk=pk, state__in=states, token=token).update(
            state=State.FAILED,
            order={},
            lease_until=None,
            finished_at=Now(),
            message=(_in_doubt("attempt.retry_not_sent", why) if in_doubt else why).to_json(),
            # Those who were held back when it was marked have been counted.
            failed_count=F("sent_count") - F("unknown_count") - in_doubt,
            unknown_count=F("unknown_count") + in_doubt,
        )
        if dropped:
            set_aside(live, lambda item_pk: (by_item or {}).get(item_pk, others or why))
            findings.weigh_sendings(flow_of(pk))
        elif State.SENDING not in states or not _unsend_lost(pk, token, why):
            return False
        audit(pk, message("audit.export_failed"))
    refresh(pk)
    logger.info("export.attempt.dropped attempt=%s reason=%s", pk, why.code)
    return True


def _unsend_lost(pk: uuid.UUID, token: uuid.UUID, why: Message) -> bool:
    """It was taken for lost while its sender stood still, who knows now that nothing was sent: what nobody has settled or sent
    again since has failed, and is not unknown."""
    lost = ExportAttempt.objects.filter(pk=pk, state=State.FAILED, token=token, http_status__isnull=True)
    if not lost.exists():
        return False
    unsent = ExportItem.objects.filter(attempt_id=pk, state=ItemState.UNKNOWN, may_be_in_ladok=False)
    count = unsent.update(state=ItemState.FAILED, message=why.to_json())
    if not count:
        return False
    lost.update(failed_count=F("failed_count") + count, unknown_count=F("unknown_count") - count)
    told = _in_doubt("attempt.retry_not_sent", why) if lost.filter(unknown_count__gt=0).exists() else why
    lost.update(message=told.to_json())
    return True


def _in_doubt(code: str, cause: Message) -> Message:
    return message(code, cause=cause.to_json())


def _remember(keys: list[int], reading: Reading, status: int | None) -> Reading:
    """`reading`, where those whose earlier sending may have arrived are unknown if this one was turned away, as a whole or for them.

    That a grade was not taken now tells nothing of what was sent before; that it is there already does.
    """
    in_doubt = set(ExportItem.objects.filter(OneOf(F("pk"), keys), may_be_in_ladok=True).values_list("pk", flat=True))
    code = "attempt.retry_not_sent" if status is None else "attempt.retry_refused"
    items = tuple(
        ItemOutcome("unknown", _in_doubt(code, outcome.message or reading.message))
        if key in in_doubt and (outcome.state == "failed" and not _says_it_is_there(outcome))
        else outcome
        for key, outcome in zip(keys, reading.items, strict=True)
    )
    if items == reading.items:
        return reading
    if status is None or not 200 <= status < 300:
        return Reading(items, _in_doubt(code, reading.message))
    count = sum(now != before for now, before in zip(items, reading.items, strict=True))
    return Reading(items, message("attempt.retry_rejected", count=count, cause=reading.message.to_json()))


def _says_it_is_there(outcome: ItemOutcome) -> bool:
    return outcome.message is not None and outcome.message.has(Trait.ALREADY_IN_LADOK)


def record(
    pk: uuid.UUID,
    token: uuid.UUID,
    keys: list[int],
    reading: Reading,
    *,
    status: int | None = None,
    answer: str = "",
) -> bool:
    """Write down what came of the request: `reading.items` belong to the items `keys`, in order.

    It is on disk before the stored states follow: a fault or a time limit in that must not undo what Ladok has answered.
    An answer that comes after the sweeper has taken the outcome for unknown still counts, as long as the same grades
    have not been sent again meanwhile; if they have, that is told loudly. False where nothing was changed.
    """
    with transaction.atomic():
        changed = _record(pk, token, keys, reading, status, answer)
    if changed:
        refresh(pk)
    return changed


def _record(
    pk: uuid.UUID, token: uuid.UUID, keys: list[int], reading: Reading, status: int | None, answer: str
) -> bool:
    lock(flow_of(pk))
    reading = _remember(keys, reading, status)
    counts = {name: reading.count(name) for name in ("exported", "failed", "unknown")}  # type: ignore[arg-type]
    held = _held(pk, keys)
    done = counts["exported"] == len(keys) and not held
    recorded = ExportAttempt.objects.filter(pk=pk, state=State.SENDING, token=token).update(
        state=State.EXPORTED if done else State.FAILED,
        lease_until=None,
        finished_at=Now(),
        message=_with_held(reading.message, held, len(keys)).to_json(),
        http_status=status,
        answer=answer[:LONGEST_ANSWER],
        exported_count=counts["exported"],
        failed_count=F("failed_count") + counts["failed"],
        unknown_count=F("unknown_count") + counts["unknown"],
    )
    if recorded:
        _write_outcomes(pk, keys, reading, ItemState.LIVE)
        findings.weigh_sendings(flow_of(pk))
        audit(pk, message("audit.export_recorded", **counts, status=status or "-"))
        logger.info("export.attempt.recorded attempt=%s status=%s %s", pk, status, counts)
        return True
    return _record_late(pk, token, keys, reading, status, answer)


def _held(pk: uuid.UUID, keys: list[int]) -> int:
    """How many of the attempt's items were not in the request."""
    sent: int = ExportAttempt.objects.values_list("sent_count", flat=True).get(pk=pk)
    return max(0, sent - len(keys))


def _with_held(told: Message, held: int, sent: int) -> Message:
    """What Ladok answered is said of those who were sent: who was held back is not to be taken for one of them."""
    return message("attempt.some_held", count=held, total=held + sent, cause=told.to_json()) if held else told


def _record_late(
    pk: uuid.UUID, token: uuid.UUID, keys: list[int], reading: Reading, status: int | None, answer: str
) -> bool:
    """What is definite in an answer that comes when nobody waited for it any more: it counts more than a guess, a read back
    and a mark. Where it says nothing definite, what stands is left as it is."""
    ended = ExportAttempt.objects.filter(
        pk=pk, state__in=(State.FAILED, State.EXPORTED), token=token, http_status__isnull=True
    )
    if reading.count("unknown") == len(keys) or not ended.exists():
        return False
    said = {
        key: {"is_registered": True} for key, item in zip(keys, reading.items, strict=True) if item.state == "exported"
    }
    update_in_groups(ExportItem.objects.filter(attempt_id=pk), said)
    before = dict(ExportItem.objects.filter(attempt_id=pk).values_list("pk", "state"))
    written = _write_outcomes(pk, keys, reading, ItemState.UNKNOWN)
    written["failed"] += _write_set_aside(pk, keys, reading)
    corrected, overruled, again = _correct_settled(pk, keys, reading, is_ladoks=status is not None)
    exported, failed = written["exported"] + corrected - overruled, written["failed"] - corrected + overruled
    ended.update(
        state=State.FAILED,  # unless all of it is exported: see below
        http_status=status,
        answer=answer[:LONGEST_ANSWER],
        exported_count=F("exported_count") + exported,
        failed_count=F("failed_count") + failed,
        unknown_count=F("unknown_count") - written["exported"] - written["failed"],
    )
    if any(written.values()) or corrected or overruled:
        _tell_late(pk, keys, reading)
    close_if_all_exported(pk)
    findings.weigh_sendings(flow_of(pk))
    findings.find_late(pk, dict(zip(keys, reading.items, strict=True)), before, again)
    if again:
        audit(pk, message("audit.late_answer_superseded", count=len(again)))
        logger.critical("export.attempt.answered_after_retry attempt=%s items=%s", pk, len(again))
    if overruled:
        audit(pk, message("audit.late_answer_overrules", count=overruled))
    if not again:
        audit(pk, message("audit.late_answer", exported=written["exported"] + corrected, failed=written["failed"]))
    logger.warning("export.attempt.answered_late attempt=%s", pk)
    return True


def _tell_late(pk: uuid.UUID, keys: list[int], reading: Reading) -> None:
    """The attempt's sentence: the answer's own where it is true of everybody, else the numbers; and whoever has been written to
    about the attempt is written to again."""
    stands = dict(ExportItem.objects.filter(attempt_id=pk).values_list("pk", "state"))
    is_true_of_all = all(stands[key] == item.state for key, item in zip(keys, reading.items, strict=True))
    told = _with_held(reading.message, _held(pk, keys), len(keys)) if is_true_of_all else counted(pk)
    ExportAttempt.objects.filter(pk=pk).update(message=told.to_json())
    DigestEntry.objects.filter(attempt_id=pk).delete()


def _correct_settled(
    pk: uuid.UUID, keys: list[int], reading: Reading, *, is_ladoks: bool
) -> tuple[int, int, frozenset[int]]:
    """What was settled meanwhile, and the answer says otherwise of: how many had not been found in Ladok, and are registered; how many
    had been marked or found, and were rejected; and which are registered and have been sent again since.

    That nothing was sent (`is_ladoks` False) does not speak against a manager who has seen the grade there."""
    said = dict(zip(keys, reading.items, strict=True))
    newer = ExportItem.objects.newer()
    rows: QuerySet[Any] = ExportItem.objects.filter(attempt_id=pk).annotate(
        has_newer=Exists(newer),
        is_sent_again=Exists(newer.filter(state__in=ExportItem.HOLDING, replaces_exported=False)),
    )
    answered = [row for row in rows.only("pk", "state") if row.pk in said]
    settled = [row for row in answered if row.state != said[row.pk].state]
    registered = [row for row in settled if said[row.pk].state == "exported"]
    mistaken = [row.pk for row in registered if row.state == ItemState.FAILED and not row.has_newer]
    rejected = {
        row.pk: why
        for row in settled
        if row.state == ItemState.EXPORTED
        and is_ladoks
        and not row.has_newer
        and (why := _rejection(said[row.pk])) is not None
    }
    unsettled: dict[str, Any] = {"settled_by": None, "settled_at": None, "before_mark": {}}
    changes: dict[int, dict[str, Any]] = {
        key: {"state": ItemState.EXPORTED.value, "message": {}, **unsettled} for key in mistaken
    }
    for key, why in rejected.items():
        told = message("attempt.late_rejected", cause=why.to_json())
        changes[key] = {"state": ItemState.FAILED.value, "message": told.to_json(), **unsettled}
    for row in answered:
        there = said[row.pk].message if _says_it_is_there(said[row.pk]) else None
        if there and row.state == ItemState.FAILED and not row.has_newer:
            # Not found there, or not seen, and there all the same: no retry is to be advised.
            changes[row.pk] = {"state": ItemState.FAILED.value, "message": there.to_json(), **unsettled}
    update_in_groups(ExportItem.objects.filter(attempt_id=pk), changes)
    # What Ladok says itself as well is not a manager's to take back.
    agreed: dict[int, dict[str, Any]] = {
        row.pk: {"before_mark": {}} for row in answered if row.state == said[row.pk].state
    }
    update_in_groups(ExportItem.objects.filter(attempt_id=pk).exclude(before_mark={}), agreed)
    return len(mistaken), len(rejected), frozenset(row.pk for row in registered if row.is_sent_again)


def _rejection(outcome: ItemOutcome) -> Message | None:
    """Why Ladok did not take the grade; None where it did, where nobody can tell, and where it says that the grade is there."""
    if outcome.state != "failed" or _says_it_is_there(outcome):
        return None
    return outcome.message


def _write_outcomes(pk: uuid.UUID, keys: list[int], reading: Reading, before: str) -> dict[str, int]:
    """Move the items that still are in the state `before`; how many came out exported, failed and unknown."""
    written = {}
    for name in ("exported", "failed", "unknown"):
        settled = {} if name == "unknown" else {"may_be_in_ladok": False, "is_registered": name == "exported"}
        changes = {
            key: {"state": name, "message": outcome.message.to_json() if outcome.message else {}} | settled
            for key, outcome in zip(keys, reading.items, strict=True)
            if outcome.state == name
        }
        written[name] = update_in_groups(ExportItem.objects.filter(attempt_id=pk, state=before), changes)
    return written


def _write_set_aside(pk: uuid.UUID, keys: list[int], reading: Reading) -> int:
    """Who has been sent again, because nobody knew, and is known now not to have arrived by this one; how many."""
    changes = {
        key: {"state": ItemState.FAILED.value, "message": why.to_json(), "may_be_in_ladok": False}
        for key, outcome in zip(keys, reading.items, strict=True)
        if (why := _rejection(outcome)) is not None
    }
    set_aside = ExportItem.objects.filter(attempt_id=pk, state=ItemState.SUPERSEDED, settled_at__isnull=True)
    return update_in_groups(set_aside, changes)


def lose(pk: uuid.UUID, why: Message, *, token: uuid.UUID, expired: bool = True) -> bool:
    """sending -> failed with unknown outcome: nobody will read Ladok's answer. `expired`: only when the lease has run out."""
    with transaction.atomic():
        lock(flow_of(pk))
        row = ExportAttempt.objects.filter(pk=pk, state=State.SENDING, token=token)
        if expired:
            row = row.filter(left_behind(State.SENDING))
        # The token stays: should the answer come after all, it is told by it.
        lost = row.update(
            state=State.FAILED,
            lease_until=None,
            finished_at=Now(),
            message=why.to_json(),
            unknown_count=F("sent_count") - F("failed_count"),
        )
        if lost:
            ExportItem.objects.filter(attempt_id=pk, state=ItemState.LIVE).update(
                state=ItemState.UNKNOWN, message=why.to_json()
            )
            audit(pk, message("audit.export_lost"))
    if lost:
        refresh(pk)
        logger.error("export.attempt.lost attempt=%s reason=%s", pk, why.code)
    return bool(lost)


def refresh(pk: uuid.UUID) -> None:
    """Have the stored states follow. If this does not come about, the sweeper makes up for it."""
    try:
        refresh_states(Flow.objects.get(pk=flow_of(pk)))
    except Exception:
        if connection.in_atomic_block:
            raise
        logger.exception("export.states.not_refreshed attempt=%s", pk)
