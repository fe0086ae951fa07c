"""What a synchronisation told that somebody has to do something about, and that nobody has looked at yet: `Flow.warnings`.

What Ladok or WISEflow has that is not as it should be is told while it is so; what has happened once, in carrying out a plan, until
somebody has looked. Who has looked is not told of the same again, as long as it stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from ladokflow.fingerprints import Fingerprint, fingerprint, require_seen
from ladokflow.messages import Message, Trait, message
from sources import audit
from sources.models import Flow

HAPPENED = "happened"  # beside a message's code and parameters


def is_warning(told: Message) -> bool:
    """Whether somebody has to do something: a question stands elsewhere, and what says nothing to do is for the record."""
    return bool(told.sentence.todo) and not told.has(Trait.QUESTION)


def record_warnings(flow: Flow, problems: Iterable[Message], happened: Iterable[Message]) -> None:
    """After a synchronisation that told these. Call it in its transaction, which has the flow's row locked."""
    told = [entry.to_json() for entry in problems if is_warning(entry)]
    told += [entry.to_json() | {HAPPENED: True} for entry in happened if is_warning(entry)]
    before = Flow.objects.values_list("warnings", "warnings_seen").get(pk=flow.pk)
    after = warnings_after(told, *map(_known, before))
    if after != before:
        Flow.objects.filter(pk=flow.pk).update(warnings=after[0], warnings_seen=after[1])


def warnings_after(
    told: Sequence[dict[str, Any]], warnings: Sequence[dict[str, Any]], seen: Sequence[dict[str, Any]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Those that nobody has looked at, and those that somebody has and that are told still."""
    still_seen = [entry for entry in seen if entry in told]
    kept = [entry for entry in warnings if entry in told or entry.get(HAPPENED)]
    new = [entry for n, entry in enumerate(told) if entry not in (*kept, *still_seen, *told[:n])]
    return kept + new, still_seen


def _known(stored: Any) -> list[dict[str, Any]]:
    """What a column holds that another version may have written."""
    entries = stored if isinstance(stored, list) else []
    return [entry for entry in entries if isinstance(entry, dict)]


def fingerprint_of_warnings(flow: Flow) -> Fingerprint:
    return fingerprint("sources.warnings", [flow.pk, flow.warnings])


def look_at_warnings(*, flow: Flow, by: AbstractBaseUser, seen: str, address: str | None = None) -> None:
    """Somebody has seen to them. Refused where they are others than those that were shown."""
    with transaction.atomic():
        locked = Flow.objects.select_for_update().get(pk=flow.pk)
        require_seen(seen, fingerprint_of_warnings(locked))
        if not locked.warnings:
            return
        seen_now = _known(locked.warnings)
        Flow.objects.filter(pk=flow.pk).update(warnings=[], warnings_seen=[*_known(locked.warnings_seen), *seen_now])
        entry = message("sources.audit.warnings_seen", count=len(seen_now))
        audit.record(message=entry, source=flow.source, flow=flow, actor=by, address=address)
