"""How an attempt ends: recorded, dropped before anything was sent, or lost. Each is one conditional UPDATE with its audit
entry in the same transaction; one that changes no row has been made by somebody else, and does nothing.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef
from django.db.models.functions import Now

from exports.attempts.answer import ItemOutcome, Reading
from exports.attempts.transitions import audit, flow_of
from exports.models import ExportAttempt, ExportItem
from exports.rules.facts import lock
from exports.rules.states import refresh_states
from exports.writing import update_in_groups
from ladokflow.messages import Message, message
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
    own: Mapping[int, Message] | None = None,
    others: Message | None = None,
    state: str = State.CLAIMED,
) -> bool:
    """End an attempt of which nothing was sent: failed. `own` are items with a sentence of their own, `others` is the
    one of those without. Whose earlier sending may have arrived is unknown again."""
    with transaction.atomic():
        lock(flow_of(pk))
        live = ExportItem.objects.filter(attempt_id=pk, state=ItemState.LIVE)
        doubted = dict(live.order_by("pk").values_list("pk", "may_be_in_ladok"))
        in_doubt = sum(doubted.values())
        dropped = ExportAttempt.objects.filter(pk=pk, state=state, token=token).update(
            state=State.FAILED,
            lease_until=None,
            finished_at=Now(),
            message=(_in_doubt("attempt.retry_not_sent", why) if in_doubt else why).to_json(),
            failed_count=F("sent_count") - in_doubt,
            unknown_count=in_doubt,
        )
        if not dropped:
            return False
        changes = {}
        for item_pk, is_in_doubt in doubted.items():
            told = (own or {}).get(item_pk, others or why)
            if is_in_doubt:
                told = _in_doubt("attempt.retry_not_sent", told)
            after = ItemState.UNKNOWN if is_in_doubt else ItemState.FAILED
            changes[item_pk] = {"state": after.value, "message": told.to_json()}
        update_in_groups(live, changes)
        audit(pk, message("audit.export_failed"))
    refresh(pk)
    logger.info("export.attempt.dropped attempt=%s reason=%s", pk, why.code)
    return True


def _in_doubt(code: str, cause: Message) -> Message:
    return message(code, cause=cause.to_json())


def _remember(keys: list[int], reading: Reading, status: int | None) -> Reading:
    """`reading`, where those whose earlier sending may have arrived are unknown if this one was turned away as a whole.

    Such an answer tells nothing of what was sent before. What a 2xx says of a person does.
    """
    if status is not None and 200 <= status < 300:
        return reading
    in_doubt = set(ExportItem.objects.filter(pk__in=keys, may_be_in_ladok=True).values_list("pk", flat=True))
    code = "attempt.retry_not_sent" if status is None else "attempt.retry_refused"
    items = tuple(
        ItemOutcome("unknown", _in_doubt(code, outcome.message or reading.message))
        if key in in_doubt and outcome.state == "failed"
        else outcome
        for key, outcome in zip(keys, reading.items, strict=True)
    )
    return reading if items == reading.items else Reading(items, _in_doubt(code, reading.message))


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
    read, reading = reading, _remember(keys, reading, status)
    counts = {name: reading.count(name) for name in ("exported", "failed", "unknown")}  # type: ignore[arg-type]
    done = counts["exported"] == len(keys)
    recorded = ExportAttempt.objects.filter(pk=pk, state=State.SENDING, token=token).update(
        state=State.EXPORTED if done else State.FAILED,
        lease_until=None,
        finished_at=Now(),
        message=reading.message.to_json(),
        http_status=status,
        answer=answer[:LONGEST_ANSWER],
        exported_count=counts["exported"],
        failed_count=counts["failed"],
        unknown_count=counts["unknown"],
    )
    if recorded:
        _write_outcomes(pk, keys, reading, ItemState.LIVE)
        audit(pk, message("audit.export_recorded", **counts, status=status or "-"))
        logger.info("export.attempt.recorded attempt=%s status=%s %s", pk, status, counts)
        return True
    if read.count("unknown"):
        return False
    return _record_late(pk, token, keys, reading, status, answer)


def _record_late(
    pk: uuid.UUID, token: uuid.UUID, keys: list[int], reading: Reading, status: int | None, answer: str
) -> bool:
    late = ExportAttempt.objects.filter(pk=pk, state=State.FAILED, token=token, http_status__isnull=True)
    if not late.exists():
        return False
    again = ExportItem.objects.filter(attempt_id=pk, state=ItemState.SUPERSEDED).count()
    written = _write_outcomes(pk, keys, reading, ItemState.UNKNOWN)
    corrected, sent_again = _correct_settled(pk, keys, reading)
    again += sent_again
    exported, failed = written["exported"] + corrected, written["failed"] - corrected
    # What was settled meanwhile has its own sentence, and the answer's would not be true of it.
    told = {"message": reading.message.to_json()} if any(written.values()) or corrected else {}
    late.update(
        http_status=status,
        answer=answer[:LONGEST_ANSWER],
        exported_count=F("exported_count") + exported,
        failed_count=F("failed_count") + failed,
        unknown_count=F("unknown_count") - exported - failed,
        **told,
    )
    close_if_all_exported(pk)
    if again:
        audit(pk, message("audit.late_answer_superseded", count=again))
        logger.critical("export.attempt.answered_after_retry attempt=%s items=%s", pk, again)
    else:
        audit(pk, message("audit.late_answer", exported=exported, failed=failed))
        logger.warning("export.attempt.answered_late attempt=%s", pk)
    return True


def _correct_settled(pk: uuid.UUID, keys: list[int], reading: Reading) -> tuple[int, int]:
    """What read back had not found, and Ladok's own answer now says is registered: how many are exported after all, and how
    many have been sent again since."""
    registered = [key for key, outcome in zip(keys, reading.items, strict=True) if outcome.state == "exported"]
    newer = ExportItem.objects.filter(participant=OuterRef("participant"), pk__gt=OuterRef("pk"))
    settled = ExportItem.objects.filter(attempt_id=pk, state=ItemState.FAILED).annotate(
        has_newer=Exists(newer), is_sent_again=Exists(newer.filter(state__in=ExportItem.HOLDING))
    )
    mistaken = {row.pk: row for row in settled if row.pk in set(registered)}
    exported: dict[str, Any] = {
        "state": ItemState.EXPORTED.value,
        "message": {},
        "settled_by": None,
        "settled_at": None,
    }
    changes = {key: exported for key, row in mistaken.items() if not row.has_newer}
    corrected = update_in_groups(ExportItem.objects.filter(attempt_id=pk, state=ItemState.FAILED), changes)
    return corrected, sum(row.is_sent_again for row in mistaken.values())


def _write_outcomes(pk: uuid.UUID, keys: list[int], reading: Reading, before: str) -> dict[str, int]:
    """Move the items that still are in the state `before`; how many came out exported, failed and unknown."""
    written = {}
    for name in ("exported", "failed", "unknown"):
        settled = {} if name == "unknown" else {"may_be_in_ladok": False}
        changes = {
            key: {"state": name, "message": outcome.message.to_json() if outcome.message else {}} | settled
            for key, outcome in zip(keys, reading.items, strict=True)
            if outcome.state == name
        }
        written[name] = update_in_groups(ExportItem.objects.filter(attempt_id=pk, state=before), changes)
    return written


def close_if_all_exported(pk: uuid.UUID) -> bool:
    """failed -> exported, when everything that was sent has turned out to be in Ladok."""
    return bool(
        ExportAttempt.objects.filter(
            pk=pk, state=State.FAILED, failed_count=0, unknown_count=0, exported_count=F("sent_count")
        ).update(state=State.EXPORTED)
    )


def lose(pk: uuid.UUID, why: Message, *, token: uuid.UUID, expired: bool = True) -> bool:
    """sending -> failed with unknown outcome: nobody will read Ladok's answer. `expired`: only when the lease has run out."""
    with transaction.atomic():
        lock(flow_of(pk))
        row = ExportAttempt.objects.filter(pk=pk, state=State.SENDING, token=token)
        if expired:
            row = row.filter(lease_until__lt=Now())
        # The token stays: should the answer come after all, it is told by it.
        lost = row.update(
            state=State.FAILED,
            lease_until=None,
            finished_at=Now(),
            message=why.to_json(),
            unknown_count=F("sent_count"),
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
