"""Settling what nobody knows by asking Ladok. How a manager does it: `marks.py`."""

from __future__ import annotations

import datetime as dt
import logging
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Exists, Q, QuerySet
from django.db.models.functions import Now

from exports.attempts import findings
from exports.attempts.counts import recount
from exports.grades.read import database_now
from exports.models import ExportItem
from exports.rules import doubt
from exports.rules.cases import lock
from exports.rules.items import item_line
from exports.rules.states import refresh_states
from exports.writing import update_in_groups
from ladokflow.http import RemoteError
from ladokflow.identifiers import normal, normal_forms
from ladokflow.ladok.base import GradeLine, Registered
from ladokflow.messages import Message, Refused, message
from sources.audit import record
from sources.models import Flow, FlowSource, Source
from sources.people import knowing_people_of_flow
from sources.sync.plan.moments import local
from sources.universities.clients import ladok_for

logger = logging.getLogger(__name__)

State = ExportItem.State

# The sweeper lets so much time pass before it asks for the first time: most of what is registered is there by then.
QUIET = dt.timedelta(seconds=60)


@dataclass(frozen=True)
class Settled:
    """How many unknown outcomes turned out to be in Ladok, not to be there, or are still unknown; from when on asking
    again ends the doubt of some that are; and what was wrong where Ladok could not tell of one of several codes."""

    exported: int = 0
    failed: int = 0
    unknown: int = 0
    again_at: dt.datetime | None = field(default=None, compare=False)
    unread: tuple[Message, ...] = ()


class NothingUnknown(Refused):
    """There is no unknown outcome to check."""


def check_with_ladok(*, flow: Flow, by: AbstractBaseUser | None = None, address: str | None = None) -> Settled:
    """Ask Ladok which of the flow's unknown outcomes it has registered, and settle them; and if it has twice what was sent again.
    Sends nothing.

    A code of which Ladok cannot tell keeps no other from being settled. Raises Refused where the source cannot be read back or nothing
    is unknown, RemoteError where Ladok can tell of none.
    """
    source = flow.source
    if not source.can_read_back:
        raise Refused(message("settle.cannot_read_back"))
    unknown = _unknown_items(flow)
    again = list(_with_codes(_sent_again(source).filter(attempt__flow=flow)).defer("national_id"))
    if not unknown and not again:
        raise NothingUnknown(message("settle.nothing_unknown"))
    # What Ladok registers while it is being asked may be missing in its answer.
    asked_at = database_now(flow)
    with knowing_people_of_flow(flow):
        registered, failures = read_back(source, {item.attempt.code for item in (*unknown, *again)})
    with transaction.atomic():
        locked = lock(flow.pk)
        settled = _settle(locked, unknown, registered, by, asked_at)
        settled = replace(settled, unread=tuple(failure.message for failure in failures))
        looked_for = {item.pk: {"absent_at": asked_at} for item in again if item.attempt.code_id in registered}
        update_in_groups(ExportItem.objects.all(), looked_for)
        findings.weigh_sendings(flow.pk)
        findings.find_listed(flow.pk, _listed_again(locked, registered))
        entry = message("audit.read_back", exported=settled.exported, failed=settled.failed, unknown=settled.unknown)
        for attempt_pk in {item.attempt_id for item in unknown}:
            record(message=entry, source=source, flow=flow, attempt_id=attempt_pk, actor=by, address=address)
        refresh_states(flow)
    logger.info("export.read_back flow=%s %s", flow.pk, settled)
    return settled


def read_back(source: Source, codes: Collection[FlowSource]) -> tuple[dict[int, list[Registered]], list[RemoteError]]:
    """By code, what Ladok has of it; and the failures of those of which it cannot tell. RemoteError where that is all of them."""
    registered: dict[int, list[Registered]] = {}
    failures: list[RemoteError] = []
    with ladok_for(source) as client:
        for code in sorted(codes, key=lambda code: code.position):
            try:
                registered[code.pk] = source.rules.read_back(client, code.code)
            except RemoteError as failure:
                failures.append(failure)
    if failures and not registered:
        raise failures[0]
    return registered, failures


def _unknown_items(flow: Flow) -> list[ExportItem]:
    return list(_with_codes(ExportItem.objects.filter(attempt__flow=flow, state=State.UNKNOWN)).order_by("pk"))


def _with_codes(items: QuerySet[ExportItem]) -> QuerySet[ExportItem]:
    """Without what Ladok answered: it is long, and stored once for all of an attempt's items."""
    return items.select_related("attempt__code").defer("attempt__answer")


def _sent_again(source: Source) -> QuerySet[ExportItem]:
    """Earlier sendings of what has been exported since, of which nobody knows if they arrived as well, and that Ladok has not been asked
    for. One look tells, when all of them are older than what Ladok may work on."""
    newer = ExportItem.objects.newer()
    exported = newer.filter(state=State.EXPORTED, attempt__finished_at__lte=Now() - source.settling_time)
    return ExportItem.objects.filter(
        Exists(exported), ~Exists(newer.filter(replaces_exported=True)), state=State.SUPERSEDED, absent_at__isnull=True
    )


def _settle(
    flow: Flow,
    unknown: Iterable[ExportItem],
    registered: Mapping[int, list[Registered]],
    by: AbstractBaseUser | None,
    asked_at: dt.datetime,
) -> Settled:
    indexes = {code_pk: by_identifier(rows) for code_pk, rows in registered.items()}
    counts: dict[tuple[uuid.UUID, str], int] = {}
    still = 0
    again: dict[uuid.UUID, dt.datetime] = {}
    for item in unknown:
        if item.attempt.code_id not in registered:
            still += 1
            continue
        rows = rows_of(flow, item_line(item), indexes[item.attempt.code_id])
        is_there, reason = _verdict(flow, item, rows)
        first_at = doubt.first_look(item.absent_at, asked_at)
        if is_there or doubt.is_over(first_at, asked_at, flow.source.settling_time):
            state = State.EXPORTED if is_there else State.FAILED
            if _move(item, state, reason, by, shows_another=bool(rows) and not is_there):
                counts[item.attempt_id, state] = counts.get((item.attempt_id, state), 0) + 1
        elif _keep_unknown(flow, item, reason, first_at):
            still += 1
            again_at = doubt.ask_again_at(first_at, flow.source.settling_time)
            again[item.attempt_id] = max(again_at, again.get(item.attempt_id, again_at))
    for attempt_pk in {attempt_pk for attempt_pk, _ in counts} | set(again):
        exported, failed = (counts.get((attempt_pk, state), 0) for state in (State.EXPORTED, State.FAILED))
        again_at_text = _shown(flow, again.get(attempt_pk))
        recount(attempt_pk, exported=exported, failed=failed, unknown=-exported - failed, again_at=again_at_text)
    return Settled(
        exported=sum(count for (_, state), count in counts.items() if state == State.EXPORTED),
        failed=sum(count for (_, state), count in counts.items() if state == State.FAILED),
        unknown=still,
        again_at=min(again.values(), default=None),
    )


def _keep_unknown(flow: Flow, item: ExportItem, reason: Message, first_at: dt.datetime) -> bool:
    """It was not there, and that says nothing yet: the first look is kept, with what was found and when to ask again."""
    again_at = doubt.ask_again_at(first_at, flow.source.settling_time)
    told = message("settle.not_there_yet", cause=reason.to_json(), again=_shown(flow, again_at))
    return bool(
        ExportItem.objects.filter(pk=item.pk, state=State.UNKNOWN).update(absent_at=first_at, message=told.to_json())
    )


def _shown(flow: Flow, at: dt.datetime | None) -> str:
    return local(at, flow.source.tz) if at else ""


def by_identifier(rows: Iterable[Registered]) -> dict[str, list[Registered]]:
    index: dict[str, list[Registered]] = {}
    for row in rows:
        for identifier in row.identifiers:
            for form in normal_forms(identifier):
                index.setdefault(form, []).append(row)
    return index


def _verdict(flow: Flow, item: ExportItem, rows: Sequence[Registered]) -> tuple[bool, Message]:
    """Whether Ladok shows the grade that was sent, and what it shows: `rows` are the person's."""
    same = [row for row in rows if _is_grade(flow, row.grade, item.grade)]
    if any(_has_points_of(row, item) for row in same):
        return True, message("settle.registered")
    if same:
        points = {"found": f"{same[0].points:f}", "sent": f"{item.points.normalize():f}"}  # type: ignore[union-attr]
        return False, message("settle.other_points", **points)
    if rows:
        return False, message("settle.other_grade", found=rows[0].grade, sent=item.grade)
    return False, message("settle.not_registered")


def _listed_again(flow: Flow, registered: Mapping[int, list[Registered]]) -> list[tuple[ExportItem, int]]:
    """Whoever Ladok shows with what we have sent more than once, by the newest item, with the number. What was to be written over
    another may stand beside it: a record that keeps its history."""
    items = _with_codes(ExportItem.objects.filter(attempt__code__in=registered)).order_by("pk")
    newest = {(item.participant_id, item.place): item for item in items if item.state != State.SUPERSEDED}
    grades: dict[tuple[int, int], set[str]] = {}
    for item in items:
        grades.setdefault((item.participant_id, item.place), set()).add(item.grade)
    indexes = {code_pk: by_identifier(rows) for code_pk, rows in registered.items()}
    found = []
    for key, item in newest.items():
        rows = rows_of(flow, item_line(item), indexes[item.attempt.code_id])
        times = sum(any(_is_grade(flow, row.grade, sent) for sent in grades[key]) for row in rows)
        if times > 1 and not item.replaces_exported:
            found.append((item, times))
    return found


def rows_of(flow: Flow, line: GradeLine, index: Mapping[str, list[Registered]]) -> list[Registered]:
    """The person's, each once, by whichever identifier it is found."""
    rules = flow.source.rules
    forms = dict.fromkeys(form for identifier in rules.identifiers(line) for form in normal_forms(identifier))
    found = {id(row): row for form in forms for row in index.get(form, [])}
    return [row for row in found.values() if rules.may_be(line, row)]


def _is_grade(flow: Flow, shown: str, sent: str) -> bool:
    """Ladok may spell a grade as its own scale does, in other letters: it is another one only where the flow's scale has that one, too."""
    return shown == sent or (normal(shown) == normal(sent) and shown not in flow.grades)


def _has_points_of(row: Registered, item: ExportItem) -> bool:
    """Not the points of an earlier export that this one was to be written over. A Ladok that tells none is believed."""
    return row.points is None or item.points is None or row.points == item.points


def _move(item: ExportItem, after: str, reason: Message, by: AbstractBaseUser | None, *, shows_another: bool) -> bool:
    """`shows_another`: Ladok has a grade of the person's that is not this one, as of an earlier sending."""
    return bool(
        ExportItem.objects.filter(pk=item.pk, state=State.UNKNOWN).update(
            state=after,
            message=reason.to_json(),
            may_be_in_ladok=shows_another,
            settled_by_id=by.pk if by else None,
            settled_at=Now(),
        )
    )


def flows_to_settle() -> list[Flow]:
    """Flows for which it is time to ask Ladok, where it can be asked: for unknown outcomes the first time, or the second; and once
    for what was sent again, if it is there twice."""
    flows: set[int] = set()
    for source in Source.objects.filter(can_read_back=True):
        first = Q(absent_at__isnull=True, attempt__finished_at__lt=Now() - QUIET)
        second = Q(absent_at__lte=Now() - source.settling_time) | Q(absent_at__gt=Now())
        unknown = ExportItem.objects.filter(first | second, state=State.UNKNOWN)
        for due in (unknown, _sent_again(source)):
            of_source = due.filter(attempt__flow__source=source).order_by()
            flows |= set(of_source.values_list("attempt__flow", flat=True).distinct())
    return list(Flow.objects.filter(pk__in=flows).select_related("source").order_by("pk"))
