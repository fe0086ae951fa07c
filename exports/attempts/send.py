"""Sending an attempt: claim, prepare, mark, one request, record.

Whatever dies, and whenever: before the mark nothing has been sent, and the attempt is taken up again or fails; after it the
outcome is recorded, or is *unknown*. Nothing is ever sent twice by itself. A task that is delivered twice stops at the claim.
"""

from __future__ import annotations

import hashlib
import logging
import time
import uuid
from dataclasses import dataclass, replace
from decimal import Decimal

from django.conf import settings

from exports.attempts import outcomes, transitions
from exports.attempts.answer import ItemOutcome, Reading, read_answer
from exports.attempts.body import body_of
from exports.grades.collect import store_assessments
from exports.grades.read import Gathered, gather, read_approved
from exports.models import ExportAttempt, ExportItem
from exports.rules import rules
from exports.rules.facts import flow_facts, is_deactivated_by_hand, item_line, sender_of, spelt, waits_for_reviewer
from exports.rules.rules import Asking, FlowFacts, PersonFacts
from exports.writing import insist
from ladokflow.http import Answer, NoAnswer, RemoteError
from ladokflow.ladok.base import GradeLine
from ladokflow.ladok.client import LadokClient
from ladokflow.ladok.exporting import sent_identifiers
from ladokflow.messages import Message, Refused, message
from sources.models import Flow
from sources.universities.clients import ladok_for, wiseflow_for

logger = logging.getLogger(__name__)

SLACK_SECONDS = 5


class NotSent(Exception):
    """Found out while preparing: nothing is sent, and the attempt fails with this message."""

    def __init__(self, told: Message, own: dict[int, Message] | None = None, others: Message | None = None) -> None:
        super().__init__(told.code)
        self.message = told
        self.own = own
        self.others = others


@dataclass(frozen=True)
class Prepared:
    items: list[ExportItem]
    method: str
    url: str
    body: bytes
    headers: dict[str, str]


def monotonic() -> float:
    """Seconds that also pass while the machine is suspended, where the system can tell."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.clock_gettime(clock) if clock is not None else time.monotonic()


def send_attempt(pk: uuid.UUID | str, *, seconds: float | None = None) -> str:
    """Send one attempt, if it is to be had; its state afterwards.

    `seconds` is how long the caller will be let live; the default is the queue's. Safe to call any number of times.
    """
    began = monotonic()
    key = pk if isinstance(pk, uuid.UUID) else uuid.UUID(pk)
    limit = float(settings.Q_CLUSTER["timeout"]) if seconds is None else seconds
    token = transitions.claim(key)
    if token is None:
        _leave(key)
    else:
        _send_claimed(key, token, began + limit)
    state: str = ExportAttempt.objects.values_list("state", flat=True).get(pk=key)
    return state


def _leave(pk: uuid.UUID) -> None:
    """Delivered twice. One that is found `sending` is never sent; if its worker is dead, its outcome is unknown."""
    token = (
        ExportAttempt.objects.filter(pk=pk, state=ExportAttempt.State.SENDING).values_list("token", flat=True).first()
    )
    if token:
        outcomes.lose(pk, message("attempt.worker_died"), token=token)


def _send_claimed(pk: uuid.UUID, token: uuid.UUID, ends: float) -> None:
    attempt = ExportAttempt.objects.select_related("flow__source", "code").get(pk=pk)
    try:
        with ladok_for(attempt.flow.source) as client:
            prepared = _prepare(attempt, client)
            if monotonic() > ends - transitions.http_budget() - SLACK_SECONDS:
                raise NotSent(message("attempt.too_late"))
            # From here on only `_send_marked` may end it.
            marked_at = monotonic()
            if not transitions.mark(
                pk,
                token,
                method=prepared.method,
                url=prepared.url,
                body_sha256=hashlib.sha256(prepared.body).hexdigest(),
            ):
                if transitions.is_code_gone(pk):
                    raise NotSent(message("attempt.code_removed"))
                logger.warning("export.attempt.claim_lost attempt=%s", pk)
                return
            _send_marked(attempt, token, client, prepared, marked_at)
    except NotSent as reason:
        insist(lambda why=reason: outcomes.drop(pk, token, why.message, own=why.own, others=why.others))  # type: ignore[misc]
    except (RemoteError, Refused) as error:
        why = message("attempt.remote", cause=error.message.to_json())
        insist(lambda: outcomes.drop(pk, token, why))
    except BaseException:
        # A fault of ours, or the queue's time limit. `drop` does nothing once the attempt is marked.
        insist(lambda: outcomes.drop(pk, token, message("attempt.fault")), seconds=2)
        raise


# --- Prepare -----------------------------------------------------------------------------------------------------


def _prepare(attempt: ExportAttempt, client: LadokClient) -> Prepared:
    """All that can fail without harm fails here: the rules once more, WISEflow's grades as they are now, the body."""
    flow, source = attempt.flow, attempt.flow.source
    facts = flow_facts(flow, has_code=attempt.code.removed_at is None)
    if rules.is_code_there(facts):
        raise NotSent(message("attempt.code_removed"))
    items = list(
        attempt.items.filter(state=ExportItem.State.LIVE)
        .select_related("participant")
        .defer("participant__national_id")
        .order_by("pk")
    )
    if len(items) != attempt.sent_count:
        logger.error("export.attempt.items_missing attempt=%s", attempt.pk)
        raise NotSent(message("attempt.fault"))
    if flow.wiseflow_id is None:
        raise NotSent(message("export.not_created"))
    _ask_again(attempt, items, facts)
    numbers = [number for item in items if (number := item.participant.wiseflow_id)]
    with wiseflow_for(source) as wiseflow:
        grades = gather(flow, wiseflow, only=numbers)
        facts, asking = replace(facts, state=grades.info.state), _asking(attempt)
        if rules.is_time(facts, asking):
            raise NotSent(message("attempt.marking_reopened"))
        approved = None
        if waits_for_reviewer(flow) and rules.goes_instantly(facts, asking):
            approved = frozenset(read_approved(flow, wiseflow, numbers))
    _compare(attempt, items, grades, approved)
    body = body_of(flow, attempt.code, [item_line(item) for item in items], attempt.managers)
    return Prepared(
        items=items,
        method=source.export_method,
        url=source.rules.export_url(client, attempt.code.code),
        body=body,
        headers={"Idempotency-Key": attempt.idempotency_key, "X-Attempt-Id": str(attempt.pk)},
    )


def _asking(attempt: ExportAttempt) -> Asking:
    """What the attempt was asked for, as far as the rules of the flow still make a difference."""
    if attempt.trigger == ExportAttempt.Trigger.INSTANT:
        return Asking.INSTANT
    return Asking.RETRY if attempt.is_retry else Asking.FIRST


def _ask_again(attempt: ExportAttempt, items: list[ExportItem], facts: FlowFacts) -> None:
    """Whether who asked may still export, and each person may still be sent: a queue may stand still for hours."""
    if rules.has_export_right(facts, sender_of(attempt.flow, attempt.requested_by)):
        raise NotSent(message("attempt.right_gone"))
    own: dict[int, Message] = {}
    for item in items:
        person = PersonFacts(
            line=item_line(item),
            is_from_source=item.participant.is_from_source,
            is_active=item.participant.is_active,
            is_deactivated_by_hand=is_deactivated_by_hand(item.participant),
        )
        refusal = rules.is_active(person) or rules.is_accepted(facts, person) or _is_known_as_before(attempt, item)
        if refusal:
            own[item.pk] = refusal
    if own:
        raise NotSent(
            message("attempt.people_changed", count=len(own)), own=own, others=message("attempt.not_sent_with_it")
        )


def _is_known_as_before(attempt: ExportAttempt, item: ExportItem) -> Message | None:
    """A synchronisation may have corrected what Ladok knows the person by: what it was may be somebody else's."""
    then, now = (
        # Without the national id: it is encrypted, and the others tell who it is.
        GradeLine(
            grade=item.grade,
            organisation_id=one.organisation_id,
            unique_exam_id=one.unique_exam_id,
            external_user_id=one.external_user_id,
        )
        for one in (item, item.participant)
    )
    table = attempt.flow.source.rules.export
    was, is_now = ({(key, value.casefold()) for key, value in sent_identifiers(table, line)} for line in (then, now))
    return None if was <= is_now else message("attempt.identifier_changed")


def _compare(
    attempt: ExportAttempt, items: list[ExportItem], grades: Gathered, approved: frozenset[int] | None
) -> None:
    """The snapshot against what WISEflow says now. Where they differ nothing is sent, and the news are stored.

    `approved` is None where no reviewer's approval is needed.
    """
    now, points = {row.participant_id: row for row in grades.rows}, grades.points
    own: dict[int, Message] = {}
    for item in items:
        number = item.participant.wiseflow_id or 0
        row = now.get(number)
        grade = (row.alternative_grade or row.grade) if row else ""
        is_alternative = bool(row and row.alternative_grade)
        if not grade:
            own[item.pk] = message("attempt.grade_gone")
        elif is_alternative != item.is_alternative or _is_another(attempt.flow, grade, item):
            own[item.pk] = message("attempt.grade_changed", was=item.grade, now=grade)
        elif approved is not None and number not in approved:
            own[item.pk] = message("attempt.approval_gone")
        elif points is not None and item.points != (found := points.get(number)):
            own[item.pk] = message("attempt.points_changed", was=_number(item.points), now=_number(found))
    if own:
        store_assessments(attempt.flow, grades, approved)
        are_only_points = all(told.code == "attempt.points_changed" for told in own.values())
        code = "attempt.only_points_changed" if are_only_points else "attempt.grades_changed"
        raise NotSent(message(code, count=len(own)), own=own, others=message("attempt.not_sent_with_it"))


def _is_another(flow: Flow, grade: str, item: ExportItem) -> bool:
    """The snapshot has the scale's spelling, and WISEflow may have another."""
    own, now = (spelt(flow, each, is_alternative=item.is_alternative) for each in (item.grade, grade))
    return own != now


def _number(points: Decimal | None) -> str:
    return "–" if points is None else f"{points.normalize():f}"


# --- Send --------------------------------------------------------------------------------------------------------


def _send_marked(
    attempt: ExportAttempt, token: uuid.UUID, client: LadokClient, prepared: Prepared, marked_at: float
) -> None:
    pk, keys = attempt.pk, [item.pk for item in prepared.items]
    late_after = transitions.send_lease().total_seconds() - transitions.http_budget() - SLACK_SECONDS
    if monotonic() - marked_at > late_after:
        # Held up so long that the lease may be gone before the request is through.
        insist(lambda: outcomes.drop(pk, token, message("attempt.too_late"), state=ExportAttempt.State.SENDING))
        return
    try:
        came = client.send(
            prepared.method, prepared.url, prepared.body, prepared.headers, seconds=transitions.http_budget()
        )
        university = attempt.flow.source.rules
        reading = read_answer(came, [frozenset(university.identifiers(item_line(item))) for item in prepared.items])
    except RemoteError as error:
        # The connection could not even be set up as configured: no byte has left.
        failed = message("attempt.remote", cause=error.message.to_json())
        insist(lambda: outcomes.drop(pk, token, failed, state=ExportAttempt.State.SENDING))
        return
    except BaseException as error:
        # The queue's time limit comes as a SystemExit. The request may have arrived.
        told = message("attempt.interrupted")
        unknown = Reading((ItemOutcome("unknown", told),) * len(keys), told)
        insist(lambda: outcomes.record(pk, token, keys, unknown), seconds=2)
        logger.exception("export.attempt.interrupted attempt=%s", pk)
        if isinstance(error, Exception):
            return
        raise
    insist(lambda: outcomes.record(pk, token, keys, reading, status=_status(came), answer=_text(came)))


def _status(came: Answer | NoAnswer) -> int | None:
    return came.status if isinstance(came, Answer) else None


def _text(came: Answer | NoAnswer) -> str:
    # PostgreSQL stores no NUL.
    return came.body.decode("utf-8", "replace").replace("\0", "") if isinstance(came, Answer) else ""
