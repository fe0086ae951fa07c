"""The numbers of an attempt that has ended, and its sentence, as single outcomes of it turn out otherwise."""

from __future__ import annotations

import uuid

from django.db.models import Case, F, Value, When

from exports.models import ExportAttempt
from ladokflow.messages import Message, message

State = ExportAttempt.State


def recount(attempt_pk: uuid.UUID, *, exported: int = 0, failed: int = 0, unknown: int = 0, again_at: str = "") -> None:
    """So many more or fewer of each. The attempt is *Exported* when all of it is, and *Failed* when it is not any more; one that
    is still being sent, of which somebody was held back, stays so and keeps its sentence. `again_at` is when Ladok is to be asked again.

    Call it in the transaction that moves the items, after they have been moved.
    """
    row = ExportAttempt.objects.filter(pk=attempt_pk)
    row.update(
        state=Case(When(state=State.EXPORTED, then=Value(State.FAILED)), default=F("state")),
        exported_count=F("exported_count") + exported,
        failed_count=F("failed_count") + failed,
        unknown_count=F("unknown_count") + unknown,
    )
    row.exclude(state__in=ExportAttempt.OPEN).update(message=counted(attempt_pk, again_at=again_at).to_json())
    close_if_all_exported(attempt_pk)


def close_if_all_exported(pk: uuid.UUID) -> bool:
    """failed -> exported, when everything that was sent has turned out to be in Ladok."""
    return bool(
        ExportAttempt.objects.filter(
            pk=pk, state=ExportAttempt.State.FAILED, failed_count=0, unknown_count=0, exported_count=F("sent_count")
        ).update(state=ExportAttempt.State.EXPORTED)
    )


def counted(pk: uuid.UUID, *, again_at: str = "") -> Message:
    """How an attempt stands, in numbers: of those who are left, never of one who is settled. `again_at`: as `recount`."""
    attempt = ExportAttempt.objects.defer("answer").get(pk=pk)
    there = attempt.items.there_already().count()
    counts = {
        "exported": attempt.exported_count,
        "failed": attempt.failed_count,
        "unknown": attempt.unknown_count,
        "total": attempt.sent_count,
    }
    if attempt.unknown_count and again_at:
        return message("settle.attempt_asked_again", again=again_at, **counts)
    if attempt.unknown_count:
        return message("settle.attempt_in_doubt", **counts)
    if there and there == attempt.failed_count:
        return message("settle.attempt_already", **counts)
    if there:
        return message("settle.attempt_some_already", **counts, there=there)
    return message("settle.attempt", **counts)
