"""What comes out about grades when everybody has gone on: that Ladok answered late, or has registered a grade twice.

It is told on the flow's pages, the dashboard, Home and by e-mail until a manager has dealt with it. All of it is written under the
flow's lock, in the transaction of what it was found by.
"""

from __future__ import annotations

import logging
import uuid
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from exports.attempts.answer import ItemOutcome
from exports.attempts.counts import close_if_all_exported, recount
from exports.models import DigestEntry, ExportAttempt, ExportItem, Finding
from exports.rules.cases import lock
from exports.rules.right import require_right
from exports.rules.sendings import Sending, none_arrived, registered_twice, stands_after_all
from exports.writing import BATCH, update_in_groups
from ladokflow.messages import Message, Refused, Trait, by_row, message
from ladokflow.rows import OneOf
from sources.audit import record
from sources.models import Flow

logger = logging.getLogger(__name__)

State = ExportItem.State
Kind = Finding.Kind


def find_late(
    pk: uuid.UUID, said: Mapping[int, ItemOutcome], before: Mapping[int, str], again: Collection[int]
) -> None:
    """What a late answer, `said` by item, has changed of the attempt's items, whose states were `before`; and of those that have been
    sent `again`, which of them it says are registered."""
    flow_pk = ExportAttempt.objects.values_list("flow_id", flat=True).get(pk=pk)
    stands = dict(ExportItem.objects.filter(attempt_id=pk).values_list("pk", "state"))
    of_person = Finding.objects.filter(
        item__participant=OuterRef("participant"), item__place=OuterRef("place"), kind=Kind.TWICE
    )
    twice = set(ExportItem.objects.filter(Exists(of_person), attempt_id=pk).values_list("pk", flat=True))
    changed = [key for key in said if stands[key] != before[key] != State.SUPERSEDED]
    told = {key: _late(said[key]) for key in changed}
    told |= {key: message("finding.late_sent_again") for key in again if key not in told and key not in twice}
    _find(flow_pk, Kind.LATE, told)


def _late(outcome: ItemOutcome) -> Message:
    if outcome.state == "exported":
        return message("finding.late_registered")
    return message("finding.late_failed", cause=outcome.message.to_json() if outcome.message else {})


def _find(flow_pk: int, kind: Kind, told: Mapping[int, Message]) -> set[int]:
    """`told` by item; the items of which it was not known yet. Whoever has been written to about them is written to again."""
    known = set(Finding.objects.filter(flow_id=flow_pk, kind=kind).values_list("item_id", flat=True))
    new = {key: text for key, text in told.items() if key not in known}
    rows = [Finding(flow_id=flow_pk, item_id=key, kind=kind, message=text.to_json()) for key, text in new.items()]
    Finding.objects.bulk_create(rows, batch_size=BATCH)
    if new:
        items = Finding.objects.open().filter(flow_id=flow_pk, kind=kind).values("item__attempt")
        DigestEntry.objects.filter(attempt__in=items).delete()
    return set(new)


def weigh_sendings(flow_pk: int) -> None:
    """Of everybody in the flow who has been sent more than once, and of whom Ladok has answered that an earlier one was registered, or
    nobody knew: the grade stands where the newest came to nothing, is there twice where that is registered as well, and has failed
    where each of them is known not to be there."""
    items = ExportItem.objects.filter(attempt__flow_id=flow_pk)
    earlier = items.filter(is_registered=True).exclude(state=State.EXPORTED)
    doubted = items.filter(
        Q(state=State.UNKNOWN) | Q(state=State.EXPORTED) & ~Q(before_mark={}), Exists(items.earlier())
    )
    rows = (
        items.filter(Q(participant__in=_people(earlier)) | Q(participant__in=_people(doubted)))
        .select_related("attempt__code")
        .defer("national_id", "attempt__answer")
        .order_by("pk")
    )
    people: dict[tuple[int, int], list[ExportItem]] = {}
    for row in rows:
        people.setdefault((row.participant_id, row.place), []).append(row)
    standing: list[tuple[ExportItem, ExportItem]] = []
    twice: list[list[ExportItem]] = []
    failed: list[ExportItem] = []
    for items_of_one in people.values():
        sendings = [_sending(item) for item in items_of_one]
        by_pk = {item.pk: item for item in items_of_one}
        if (stands := stands_after_all(sendings)) is not None and by_pk[stands].state != State.EXPORTED:
            standing.append((by_pk[stands], items_of_one[-1]))
        if pair := registered_twice(sendings):
            twice.append([by_pk[pk] for pk in pair])
        if none_arrived(sendings):
            failed.append(items_of_one[-1])
    _let_stand(flow_pk, standing)
    _tell_twice(flow_pk, twice)
    _end_doubts(flow_pk, failed)


def _people(items: QuerySet[ExportItem]) -> QuerySet[ExportItem, Any]:
    return items.order_by().values("participant")


def _sending(item: ExportItem) -> Sending:
    was = item.unmarked()
    is_refused = was.reason is not None and was.reason.has(Trait.RETRY_REFUSED)
    # Then what is unknown is the sending before.
    came_to_nothing = was.state in (State.UNKNOWN, State.SUPERSEDED) and (item.attempt.sending_at is None or is_refused)
    is_denied = item.state == State.FAILED and not item.may_be_in_ladok and not item.is_there_already
    return Sending(
        item.pk,
        is_registered=item.is_registered,
        replaces=item.replaces_exported,
        is_over=(item.state == State.UNKNOWN and came_to_nothing) or item.state in (State.FAILED, State.SUPERSEDED),
        is_absent=came_to_nothing or is_denied,
        is_in_doubt=was.state == State.UNKNOWN and item.state != State.FAILED,
    )


def _end_doubts(flow_pk: int, items: Sequence[ExportItem]) -> None:
    """None of their sendings has arrived, whatever a manager has said meanwhile."""
    told = {}
    for item in items:
        reason = item.unmarked().reason
        cause = reason.params["cause"] if reason else {}
        is_marked = item.state == State.EXPORTED
        why = message("attempt.late_rejected", cause=cause).to_json() if is_marked else cause
        unmarked: dict[str, Any] = {"before_mark": {}, "settled_by": None, "settled_at": None}
        ExportItem.objects.filter(pk=item.pk).update(state=State.FAILED, message=why, may_be_in_ladok=False, **unmarked)
        recount(item.attempt_id, failed=1, exported=-int(is_marked), unknown=-int(not is_marked))
        told[item.pk] = message("finding.late_failed", cause=cause)
    _find(flow_pk, Kind.LATE, told)


def _let_stand(flow_pk: int, pairs: Sequence[tuple[ExportItem, ExportItem]]) -> None:
    """What is in Ladok is what the person shows, and not that it could not be sent once more."""
    superseded = {newest.pk: {"state": State.SUPERSEDED.value} for _, newest in pairs}
    update_in_groups(ExportItem.objects.all(), superseded)
    exported = {item.pk: {"state": State.EXPORTED.value, "message": {}, "may_be_in_ladok": False} for item, _ in pairs}
    update_in_groups(ExportItem.objects.all(), exported)
    moved = Counter((item.attempt_id, item.state) for item, _ in pairs)
    for (attempt_pk, state), count in moved.items():
        before = "failed_count" if state == State.FAILED else "unknown_count"
        row = ExportAttempt.objects.filter(pk=attempt_pk)
        row.update(**{"exported_count": F("exported_count") + count, before: F(before) - count})
        close_if_all_exported(attempt_pk)
    # A page that says "perhaps twice" must not be answered any more: the row that is found now is another.
    _forget_late(list(exported))
    _find(flow_pk, Kind.LATE, {key: message("finding.late_registered") for key in exported})


def _tell_twice(flow_pk: int, pairs: Sequence[Sequence[ExportItem]]) -> None:
    told = {}
    for first, last in pairs:
        codes = " + ".join(dict.fromkeys((first.attempt.code.code, last.attempt.code.code)))
        told[last.pk] = message("finding.twice", grades=f"{first.grade} + {last.grade}", codes=codes)
    new = _find(flow_pk, Kind.TWICE, told)
    _forget_late([item.pk for pair in pairs for item in pair if pair[-1].pk in new])
    _record_twice([last for _, last in pairs if last.pk in new])


def _forget_late(keys: Sequence[int]) -> None:
    Finding.objects.open().filter(OneOf(F("item"), keys), kind=Kind.LATE).delete()


def find_listed(flow_pk: int, items: Sequence[tuple[ExportItem, int]]) -> None:
    """Items whose person Ladok's own record has with what was sent more than once, and how many times."""
    told = {item.pk: message("finding.listed_twice", times=times, code=item.attempt.code.code) for item, times in items}
    new = _find(flow_pk, Kind.TWICE, told)
    _record_twice([item for item, _ in items if item.pk in new])


def _record_twice(items: Sequence[ExportItem]) -> None:
    for attempt_pk, count in Counter(item.attempt_id for item in items).items():
        flow = Flow.objects.select_related("source").get(attempts=attempt_pk)
        record(message=message("audit.found_twice", count=count), source=flow.source, flow=flow, attempt_id=attempt_pk)
        logger.critical("export.registered_twice attempt=%s items=%s", attempt_pk, count)


def deal_with(
    *, flow: Flow, kind: str, keys: Collection[int], by: AbstractBaseUser, reason: str = "", address: str | None = None
) -> int:
    """A manager has seen the findings `keys` of one kind, and, of grades that are there twice, has corrected it in Ladok and
    says how; how many they were. Raises Refused without that or the export right, and where any of them is not open any more: all or none."""
    words = reason.strip()
    if kind == Kind.TWICE and not words:
        raise Refused(message("finding.reason_missing"))
    require_right(flow, by)
    with transaction.atomic():
        lock(flow.pk)
        rows = list(
            Finding.objects.open().filter(flow=flow, kind=kind, pk__in=keys).select_related("item").order_by("pk")
        )
        if not rows or len(rows) != len(set(keys)):
            raise Refused(message("finding.not_open"))
        Finding.objects.filter(pk__in=[row.pk for row in rows]).update(handled_by=by.pk, handled_at=Now(), reason=words)
        code = "audit.twice_corrected" if kind == Kind.TWICE else "audit.late_seen"
        for row in rows:
            person = by_row(row.item.participant_id)
            entry = message(code, person=person, reason=words) if words else message(code, person=person)
            record(
                message=entry, source=flow.source, flow=flow, attempt_id=row.item.attempt_id, actor=by, address=address
            )
    logger.info("export.findings.handled flow=%s kind=%s count=%s", flow.pk, kind, len(rows))
    return len(rows)
