"""Sending an attempt: claim, prepare, mark, one request, record.

Whatever dies, and whenever: before the mark nothing has been sent, and the attempt is taken up again or fails; after it the
outcome is recorded, or is *unknown*. Nothing is ever sent twice by itself. A task that is delivered twice stops at the claim.
"""

from __future__ import annotations

import hashlib
import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from django.conf import settings
from django.db import DatabaseError

from exports.attempts import outcomes, points, transitions
from exports.attempts.answer import ItemOutcome, Reading, read_answer
from exports.attempts.body import body_of, idempotency_key, managers_of, may_hold_mark
from exports.attempts.grounds import Grounds, GroundsChanged, Way, grounds_of, insist_on, of_a_list_read, read_anew
from exports.attempts.ordering import carry_out
from exports.attempts.start import Started
from exports.grades.collect import store_assessments
from exports.grades.read import Gathered, gather, number_of, read_approved
from exports.grades.scale import columns_of, read_holding
from exports.models import ExportAttempt, ExportItem
from exports.rules import rules
from exports.rules.cases import codes_of, load_case, registrations_of, sent_facts
from exports.rules.facts import flow_facts, sender_of, source_facts, waits_for_reviewer
from exports.rules.holding import Holding
from exports.rules.items import identifiers_of, item_line
from exports.rules.values import Asking, FlowFacts, PersonFacts, Sender
from exports.writing import insist
from ladokflow import logs
from ladokflow.clock import monotonic
from ladokflow.garbage import uncollected
from ladokflow.http import Answer, NoAnswer, RemoteError
from ladokflow.ladok.client import LadokClient, Outgoing
from ladokflow.ladok.errors import LadokError
from ladokflow.memo import remembering
from ladokflow.messages import Message, Refused, message
from ladokflow.transport import TooLate
from ladokflow.wiseflow.client import WiseflowClient
from sources.models import Flow, Registration
from sources.people import knowing_people_of
from sources.sync.registrations import Recorded, read_registrations
from sources.universities.clients import ladok_for, way_to_ladok, wiseflow_for

logger = logging.getLogger(__name__)

# That are left for a preparation once the attempt has been started; else it gets a worker's whole time.
PREPARE_SECONDS = 20


class NotSent(Exception):
    """Found out while preparing: nothing is sent, and the attempt fails with this message."""

    def __init__(
        self, reason: Message, by_item: dict[int, Message] | None = None, others: Message | None = None
    ) -> None:
        super().__init__(reason.code)
        self.message = reason
        self.by_item = by_item
        self.others = others


@dataclass(frozen=True)
class Prepared:
    """All that the request takes, and that its answer is read with."""

    items: list[ExportItem]
    named: list[frozenset[str]]  # by item: what an answer may call the person
    request: Outgoing
    idempotency_key: str
    held: dict[int, Message]  # by item: who stays, and why
    grounds: Grounds


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
        people = knowing_people_of(Flow.objects.filter(attempts=key))
        with logs.about(attempt=key), uncollected(), remembering(), people:
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
    logs.bind(flow=attempt.flow_id)
    try:
        if attempt.state == ExportAttempt.State.READING:
            _go_on_reading(attempt, token)
            return
        started = None
        if attempt.order:
            started = carry_out(attempt)
            if started is None:
                return
            if monotonic() > ends - _time_to_send() - PREPARE_SECONDS:
                transitions.go_on(pk, token, is_read=True)
                return
        # Before the client is made of it, which lasts until the request is sent
        way = way_to_ladok(attempt.flow.source)
        with ladok_for(attempt.flow) as client:
            if started is not None and not all(item.pk for item in started.items):
                started = None  # SQLite before 3.35 does not tell the keys
            prepared = _prepare(attempt, token, client, way, started)
            with prepared.request as request:
                body_sha256 = hashlib.sha256(request.body).hexdigest()
                if monotonic() > ends - _time_to_send():
                    raise NotSent(message("attempt.too_late"))
                # From here on only `_send_marked` may end it.
                last_look = _last_look(pk, token, monotonic())
                if not transitions.mark(
                    pk,
                    token,
                    method=request.method,
                    url=request.url,
                    body_sha256=body_sha256,
                    idempotency_key=prepared.idempotency_key,
                    managers=managers_of(prepared.grounds.sender),
                    held=prepared.held,
                    insist=lambda: insist_on(attempt, prepared.grounds),
                ):
                    if transitions.is_code_gone(pk):
                        raise NotSent(message("attempt.code_removed"))
                    logger.warning("export.attempt.claim_lost attempt=%s", pk)
                    return
                _send_marked(attempt, token, prepared, last_look)
    except points.GoesOn:
        return
    except GroundsChanged:
        logger.info("export.attempt.prepared_anew attempt=%s", pk)
        insist(lambda: transitions.go_on(pk, token, is_read=True))
    except NotSent as reason:
        insist(lambda why=reason: outcomes.drop(pk, token, why.message, by_item=why.by_item, others=why.others))  # type: ignore[misc]
    except (RemoteError, Refused) as error:
        why = message("attempt.remote", cause=error.message.to_json())
        insist(lambda: outcomes.drop(pk, token, why))
    except BaseException:
        # A fault of ours, or the queue's time limit. `drop` does nothing once the attempt is marked.
        insist(lambda: outcomes.drop(pk, token, message("attempt.fault")), seconds=2)
        raise


def _go_on_reading(attempt: ExportAttempt, token: uuid.UUID) -> None:
    """Only as long as it may still be sent: what is read takes WISEflow's time."""
    _recheck_flow(attempt, _facts(attempt), sender_of(attempt.flow, attempt.requested_by), _asking(attempt))
    points.go_on_reading(attempt, token)


# --- Prepare -----------------------------------------------------------------------------------------------------


def _facts(attempt: ExportAttempt) -> FlowFacts:
    return flow_facts(attempt.flow, has_code=attempt.code.removed_at is None, is_under_way=True, doubt=None)


def _live_items(attempt: ExportAttempt) -> list[ExportItem]:
    items = attempt.items.filter(state=ExportItem.State.LIVE).select_related("participant")
    return list(items.defer("participant__national_id").order_by("pk"))


def _prepare(
    attempt: ExportAttempt, token: uuid.UUID, client: LadokClient, way: Way, started: Started | None
) -> Prepared:
    """All that can fail without harm fails here: Ladok's list and the rules once more, WISEflow's grades as they are now, the
    body. Who is no longer on the list, or may be somebody else there, stays; the others go. `started`: by this worker, a moment ago."""
    items = started.items if started is not None else _live_items(attempt)
    asking = _asking(attempt)
    _recheck_flow(attempt, _facts(attempt), sender_of(attempt.flow, attempt.requested_by), asking)
    if len(items) != attempt.sent_count:
        logger.error("export.attempt.items_missing attempt=%s", attempt.pk)
        raise NotSent(message("attempt.fault"))
    recorded = None if attempt.uses_last_list else _read_list(attempt, client)
    attempt = read_anew(attempt)  # all that follows is of one moment, and the mark holds it to that
    grounds = grounds_of(attempt, way)
    flow, source, facts = attempt.flow, attempt.flow.source, _facts(attempt)
    held: dict[int, Message] = {}
    if started is not None and _are_same(started, recorded, grounds):
        people = {item.pk: person.facts for item, person in zip(items, started.people, strict=True)}
    else:
        people, held = _look_at_people(attempt, token, items, facts)
        items = _left(items, held)
    numbers = [number for item in items if (number := item.participant.wiseflow_id)]
    with wiseflow_for(flow) as wiseflow:
        grades = gather(flow, wiseflow)
        holding = _look_again(attempt, wiseflow, grades)
        # Once more with WISEflow's own state: marking may have been opened again.
        facts = replace(facts, state=grades.info.state)
        _recheck_flow(attempt, facts, grounds.sender, asking)
        _recheck_people(attempt, facts, people, asking)
        grades = points.with_points(attempt, token, wiseflow, grades, items)
        approved = None
        if waits_for_reviewer(flow) and rules.goes_instantly(facts, asking):
            grades, approved = _with_approved(flow, wiseflow, grades, numbers)
    held |= _without_points(items, grades)
    items = _left(items, held)
    _compare(attempt, items, grades, approved, holding)
    lines = [item_line(item) for item in items]
    # The sender as of now: an id may have been corrected since the start.
    body = body_of(flow, attempt.code, lines, managers_of(grounds.sender))
    generations = [item.generation for item in items]
    key = idempotency_key(flow, attempt.code, zip(lines, generations, strict=True))
    url = source.rules.export_url(client, attempt.code.code)
    headers = {"Idempotency-Key": key, "X-Attempt-Id": str(attempt.pk)}
    return Prepared(
        items=items,
        named=[frozenset(source.rules.identifiers(line)) for line in lines],
        request=client.outgoing(source.export_method, url, body, headers),
        idempotency_key=key,
        held=held,
        grounds=grounds,
    )


def _read_list(attempt: ExportAttempt, client: LadokClient) -> Recorded:
    """Who Ladok says each person is, as of now. Where it cannot tell, nothing is sent."""
    try:
        return read_registrations(attempt.flow, attempt.code, client)
    except LadokError as error:
        cause = error.message.to_json()
        raise NotSent(message("attempt.list_unread", code=attempt.code.code, cause=cause)) from error


def _are_same(started: Started, recorded: Recorded | None, grounds: Grounds) -> bool:
    """Whether all that the attempt was started by is as it was then, but for the list, which has been read and has said the same. Where
    more has been sent under the code, also by another flow, whose lock the start does not hold, nobody can tell."""
    then = started.grounds
    if grounds.sent_count > len(started.items):
        return False
    if then is not None and recorded is not None:
        then = of_a_list_read(then, recorded)
    return then is not None and replace(then, way=grounds.way) == grounds


def _look_at_people(
    attempt: ExportAttempt, token: uuid.UUID, items: list[ExportItem], facts: FlowFacts
) -> tuple[dict[int, PersonFacts], dict[int, Message]]:
    """By item, what each person is now; and who stays, and why."""
    registrations = registrations_of(codes_of(attempt.flow))
    _correct(attempt, token, items, registrations)
    case = load_case(attempt.flow, again=attempt.sends_again, registrations=registrations)
    people = sent_facts(case, items)
    if len(people) < len(items):
        raise NotSent(message("attempt.too_late"))
    held = _held_back(people)
    goes = {pk: person for pk, person in people.items() if pk not in held}
    _recheck_people(attempt, facts, goes, _asking(attempt))
    return goes, held


def _look_again(attempt: ExportAttempt, wiseflow: WiseflowClient, grades: Gathered) -> Holding:
    """The scale and the grades as they are now. Where one is in doubt nothing is sent, and the news are stored for the question."""
    flow = attempt.flow
    by_itself = attempt.trigger != ExportAttempt.Trigger.MANAGER
    holding, is_same = read_holding(flow, wiseflow, grades, by_itself=by_itself)
    if is_same and holding.doubt is None:
        return holding
    store_assessments(flow, grades)
    Flow.objects.filter(pk=flow.pk).update(**columns_of(holding.scale, holding.witnesses))
    raise NotSent(message("attempt.grades_in_doubt" if is_same else "attempt.scale_changed"))


def _with_approved(
    flow: Flow, wiseflow: WiseflowClient, grades: Gathered, numbers: Sequence[int]
) -> tuple[Gathered, frozenset[int]]:
    """Whose grade a reviewer has approved. No call tells grades and approvals of one moment: the grades are read once more, and
    of whom has been given one meanwhile nobody can tell which of the two was approved."""
    seen, before = read_approved(flow, grades.trails, numbers), {row.participant_id: row for row in grades.rows}
    rows = wiseflow.assessments(number_of(flow))
    approved = frozenset(row.participant_id for row in rows if before.get(row.participant_id) == row) & seen
    return replace(grades, rows=rows), approved


def _correct(
    attempt: ExportAttempt, token: uuid.UUID, items: list[ExportItem], registrations: Mapping[int, list[Registration]]
) -> None:
    """Whoever is known by other identifiers now, and is still the same person, is sent under these: before anybody is looked at,
    for what an item says counts as taken."""
    rows = {
        participant: row
        for participant, of_all_codes in registrations.items()
        for row in of_all_codes
        if row.code_id == attempt.code_id and row.is_listed and row.doubt_reason is None
    }
    changes = {}
    for item in items:
        row = rows.get(item.participant_id)
        if row is not None and (known := identifiers_of(row)) != identifiers_of(item):
            changes[item.pk] = known
            for name, value in known.items():
                setattr(item, name, value)
    if changes and not transitions.change_items(attempt.pk, token, changes):
        raise NotSent(message("attempt.too_late"))


def _held_back(people: Mapping[int, PersonFacts]) -> dict[int, Message]:
    """Who stays while the others go, by item."""
    refusals = {pk: rules.recheck_one_person(person) for pk, person in people.items()}
    return {pk: message("attempt.held", cause=why.to_json()) for pk, why in refusals.items() if why}


def _without_points(items: Sequence[ExportItem], grades: Gathered) -> dict[int, Message]:
    """Whose points WISEflow did not tell, by item: that is their own matter, and the others go."""
    why = message("attempt.held", cause=message("attempt.points_unread").to_json())
    return {item.pk: why for item in items if item.participant.wiseflow_id in grades.unread}


def _left(items: Sequence[ExportItem], held: Mapping[int, Message]) -> list[ExportItem]:
    """Who goes. NotSent where that is nobody."""
    left = [item for item in items if item.pk not in held]
    if not left:
        raise NotSent(message("attempt.all_held", count=len(held)), by_item=dict(held))
    return left


def _asking(attempt: ExportAttempt) -> Asking:
    """What the attempt was asked for, as far as the rules of the flow still make a difference."""
    if attempt.trigger == ExportAttempt.Trigger.INSTANT:
        return Asking.INSTANT
    return Asking.RETRY if attempt.is_retry else Asking.FIRST


def _recheck_flow(attempt: ExportAttempt, facts: FlowFacts, sender: Sender | None, asking: Asking) -> None:
    """Whether the flow may still be exported, and by whoever asked."""
    refusal = rules.recheck_flow(source_facts(attempt.flow.source), facts, sender, asking)
    if refusal:
        raise NotSent(refusal)


def _recheck_people(
    attempt: ExportAttempt, facts: FlowFacts, people: Mapping[int, PersonFacts], asking: Asking
) -> None:
    """Whether each person, by item, may still be sent."""
    source = source_facts(attempt.flow.source)
    refusals = {pk: rules.recheck_person(source, facts, person, asking) for pk, person in people.items()}
    held = {pk: refusal for pk, refusal in refusals.items() if refusal}
    if held:
        raise NotSent(
            message("attempt.people_changed", count=len(held)), by_item=held, others=message("attempt.not_sent_with_it")
        )


def _compare(
    attempt: ExportAttempt,
    items: list[ExportItem],
    grades: Gathered,
    approved: frozenset[int] | None,
    holding: Holding,
) -> None:
    """The snapshot against what WISEflow says now. Where they differ nothing is sent, and the news are stored.

    `approved` is None where no reviewer's approval is needed.
    """
    now, points_of_all = {row.participant_id: row for row in grades.rows}, grades.points
    changed: dict[int, Message] = {}
    rescored: dict[int, Message] = {}
    for item in items:
        number = item.participant.wiseflow_id or 0
        row = now.get(number)
        grade = (row.alternative_grade or row.grade) if row else ""
        is_alternative = bool(row and row.alternative_grade)
        if not grade:
            changed[item.pk] = message("attempt.grade_gone")
        elif is_alternative != item.is_alternative or _is_another(holding, grade, item):
            now_it_is = holding.grade(grade, is_alternative=is_alternative)
            changed[item.pk] = message("attempt.grade_changed", was=item.grade, now=now_it_is)
        elif (
            row
            and is_alternative
            and may_hold_mark(attempt.flow)
            and holding.grade(row.grade, is_alternative=False) != item.mark
        ):
            changed[item.pk] = message("attempt.grade_changed", was=item.mark or "–", now=row.grade or "–")
        elif approved is not None and number not in approved:
            changed[item.pk] = message("attempt.approval_gone")
        elif points_of_all is not None and item.points != (points_now := points_of_all.get(number)):
            rescored[item.pk] = message("attempt.points_changed", was=_number(item.points), now=_number(points_now))
    differing = changed | rescored
    if differing:
        store_assessments(attempt.flow, grades, approved)
        code = "attempt.grades_changed" if changed else "attempt.only_points_changed"
        raise NotSent(
            message(code, count=len(differing)), by_item=differing, others=message("attempt.not_sent_with_it")
        )


def _is_another(holding: Holding, grade: str, item: ExportItem) -> bool:
    """Whether what WISEflow gives out now is not known to be the very grade of the snapshot."""
    if not holding.is_on_the_scale(grade, is_alternative=item.is_alternative):
        return True
    then = item.grade if item.is_alternative else holding.shown(item.grade)
    return then != holding.grade(grade, is_alternative=item.is_alternative)


def _number(points: Decimal | None) -> str:
    return "–" if points is None else f"{points.normalize():f}"


# --- Send --------------------------------------------------------------------------------------------------------


def _time_to_send() -> float:
    """Seconds."""
    return transitions.http_budget() + transitions.SLACK_SECONDS


def _last_look(pk: uuid.UUID, token: uuid.UUID, marked_at: float) -> Callable[[], None]:
    """Asked when the connection is ready and nothing has left: is the mark ours still, and can the request be through before it is
    not? By the database, which may have been told otherwise while we stood still, and then by a clock that nobody can set."""
    late_at = marked_at + transitions.send_lease().total_seconds() - _time_to_send()

    def look() -> None:
        try:
            if not transitions.may_begin(pk, token):
                raise TooLate
        except DatabaseError as error:
            raise TooLate from error
        if monotonic() > late_at:
            raise TooLate

    return look


def _send_marked(attempt: ExportAttempt, token: uuid.UUID, prepared: Prepared, last_look: Callable[[], None]) -> None:
    pk, keys = attempt.pk, [item.pk for item in prepared.items]
    try:
        response = prepared.request.send(seconds=transitions.http_budget(), last_look=last_look)
        reading = read_answer(response, prepared.named, attempt.flow.source.answers)
    except TooLate:
        insist(lambda: outcomes.drop(pk, token, message("attempt.too_late"), states=(ExportAttempt.State.SENDING,)))
        return
    except BaseException as error:
        # The queue's time limit comes as a SystemExit. The request may have arrived.
        reason = message("attempt.interrupted")
        unknown = Reading((ItemOutcome("unknown", reason),) * len(keys), reason)
        insist(lambda: outcomes.record(pk, token, keys, unknown), seconds=2)
        logger.exception("export.attempt.interrupted attempt=%s", pk)
        if isinstance(error, Exception):
            return
        raise
    insist(lambda: outcomes.record(pk, token, keys, reading, status=_status(response), answer=_text(response)))


def _status(response: Answer | NoAnswer) -> int | None:
    return response.status if isinstance(response, Answer) else None


def _text(response: Answer | NoAnswer) -> str:
    return response.text if isinstance(response, Answer) else ""
