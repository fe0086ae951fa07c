"""Starting an export: the preview of it, the first time, and the retry."""

from __future__ import annotations

import dataclasses
import json
import logging
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from exports.attempts import seen as shown
from exports.attempts.body import body_of, idempotency_key, managers_of
from exports.attempts.grounds import Grounds, grounds_of
from exports.attempts.order import Order
from exports.attempts.transitions import longest_lease
from exports.models import ExportAttempt, ExportItem
from exports.rules import rules
from exports.rules.candidates import Candidate
from exports.rules.cases import Case, load_case, lock
from exports.rules.facts import sender_of, waits_for_reviewer
from exports.rules.holding import Holding
from exports.rules.items import identifiers_of
from exports.rules.states import refresh_states, store_states, what_is_left
from exports.rules.values import Asking, Sender
from exports.writing import BATCH, refused_where_taken
from ladokflow.fingerprints import Fingerprint, require_seen
from ladokflow.identifiers import normal_code
from ladokflow.ladok.base import GradeLine
from ladokflow.messages import Message, Refused, Trait, message
from ladokflow.privacy import mask
from ladokflow.rows import OneOf
from sources.audit import record
from sources.models import Flow, FlowSource, Participant
from sources.models.flow import ExportState

logger = logging.getLogger(__name__)

Each = TypeVar("Each")

MOST_APPROVED = 1000  # that go together by instant export: right before it each approval is looked for with a call


@dataclass(frozen=True)
class PreviewLine:
    """A person and the grade that would be sent under `code`; `is_alternative` where it is the alternative grade."""

    participant: Participant
    code: FlowSource
    line: GradeLine
    choices: tuple[FlowSource, ...] = ()  # as `Candidate.choices`
    is_unknown: bool = False  # it may be in Ladok already
    elsewhere: Message | None = None  # what another flow has sent, and a manager says to send again
    is_there: bool = False  # Ladok says that it is

    @property
    def grade(self) -> str:
        return self.line.grade

    @property
    def is_alternative(self) -> bool:
        return self.line.is_alternative

    @property
    def reason(self) -> Message | None:
        """Why the grade is not in Ladok, where it has been sent before."""
        return self.participant.export_reason if self.participant.export_state == ExportState.FAILED else None


@dataclass(frozen=True)
class HeldBack:
    participant: Participant
    grade: str
    message: Message


@dataclass(frozen=True)
class Preview:
    """`refusal` is why nothing may be sent at all now; the lists are what they would be without it. `fingerprint` is of what
    would be sent: `start_export` and `retry_export` take it as `seen`."""

    flow: Flow
    refusal: Message | None
    to_send: list[PreviewLine]
    held_back: list[HeldBack]
    fingerprint: Fingerprint
    managers: list[str] = field(default_factory=list)
    unread: list[FlowSource] = field(
        default_factory=list
    )  # codes to send to, whose list could not be read the last time
    holding: Holding | None = None  # the grades of the whole flow
    doubt: Message | None = None  # what a manager is asked of them before anything is sent
    sender: Sender | None = None  # who looks

    def bodies(self) -> list[tuple[str, str]]:
        """(Ladok code, the request body as indented JSON with every personnummer masked), one for each request."""
        bodies = []
        for code, lines in _by_code((line.code, line.line) for line in self.to_send):
            masked = [dataclasses.replace(line, national_id=mask(line.national_id)) for line in lines]
            body = json.loads(body_of(self.flow, code, masked, self.managers))
            bodies.append((code.code, json.dumps(body, ensure_ascii=False, indent=2)))
        return bodies


def preview_export(
    *,
    flow: Flow,
    user: AbstractBaseUser | None,
    asking: Asking = Asking.FIRST,
    only: Collection[int] | None = None,
    to: Mapping[int, int] | None = None,
    send_again: bool = False,
    leaves_unknown: bool = False,
) -> Preview:
    """What `start_export` (or, with `Asking.RETRY`, `retry_export`) would send now. Reads no remote system."""
    case = load_case(flow, to=to, again=send_again)
    sender = sender_of(flow, user)
    sent, held = _select(case, asking, only, leaves_unknown)
    unread = unread_lists(flow)
    return Preview(
        flow=flow,
        refusal=rules.flow_refusal(case.source, case.facts, sender, asking),
        to_send=[_preview_line(each, each.code) for each in sent if each.code],
        held_back=[HeldBack(each.participant, each.facts.line.grade, why) for each, why in held],
        fingerprint=shown.fingerprint_of_selection(flow, sent, asking, managers_of(sender), unread),
        managers=managers_of(sender),
        unread=[code for code in unread if any(each.code == code for each in sent)],
        holding=case.holding,
        doubt=case.facts.doubt,
        sender=sender,
    )


def _preview_line(person: Candidate, code: FlowSource) -> PreviewLine:
    item, line, there = person.item, person.facts.line, person.facts.sent_elsewhere
    is_unknown = item is not None and item.leaves_in_doubt
    is_there = item is not None and item.is_there_already
    elsewhere = rules.told_of_elsewhere(line, there) if there else None
    return PreviewLine(person.participant, code, line, person.choices, is_unknown, elsewhere, is_there)


def suggested_codes(flow: Flow) -> dict[int, int]:
    """For those whom Ladok has rejected under one code, and whose names stand on the list of another that has not been tried:
    the first such code, by participant. What a retry's dialog begins with."""
    if flow.codes.filter(removed_at__isnull=True).count() < 2:
        return {}  # there is nothing to choose, and the flow's people need not be read for it
    return {person.participant.pk: person.suggested.pk for person in load_case(flow).people if person.suggested}


def choices_of(flow: Flow, code: str) -> dict[int, int]:
    """Those whose retry may go to this Ladok code, by participant. Refused where there is nobody."""
    chosen = {
        person.participant.pk: each.pk
        for person in load_case(flow).people
        for each in person.choices
        if normal_code(each.code) == normal_code(code)
    }
    if not chosen:
        raise Refused(message("export.no_such_choice", code=code))
    return chosen


def unread_lists(flow: Flow, *, besides: Collection[uuid.UUID] = ()) -> list[FlowSource]:
    """The codes whose newest attempt, of those besides these, was not sent because Ladok's list of them could not be read."""
    attempts = flow.attempts.exclude(pk__in=besides).select_related("code").defer("answer", "order")
    newest = {attempt.code: attempt for attempt in attempts.order_by("created_at")}
    return [
        code
        for code, attempt in newest.items()
        if attempt.reason is not None and attempt.reason.is_due_to(Trait.LIST_UNREAD)
    ]


def start_export(
    *,
    flow: Flow,
    requested_by: AbstractBaseUser | None = None,
    trigger: str = ExportAttempt.Trigger.MANAGER,
    address: str | None = None,
    only: Collection[int] | None = None,
    overwrite: bool = False,
    with_last_list: bool = False,
    send_again: bool = False,
    seen: str | None = None,
    enqueue: bool = True,
) -> list[ExportAttempt]:
    """Queue the flow's grades for Ladok: one attempt per Ladok code. `only` are keys of participants; None is all.

    `seen`: the fingerprint of the preview that a person was shown; NotAsShown where what would be sent is no longer that. None where nobody has looked. With `overwrite`, those whose grade was changed since it was exported.
    `with_last_list`: a manager has said that what was known of a list is to be sent where it could not be read the last time;
    all others are read. `send_again`: a manager has said that grades are to be sent, too, which another flow has sent under the
    same code. Raises Refused where a rule says no or there
    is nothing to send. Reads no remote system: `collect_grades` first. `enqueue` False is for who sends at once.
    """
    asking = Asking.OVERWRITE if overwrite else Asking.FIRST
    if trigger == ExportAttempt.Trigger.INSTANT:
        asking = Asking.INSTANT
    is_managers = trigger == ExportAttempt.Trigger.MANAGER  # nobody else's word counts
    order = Order(
        asking=asking,
        only=only,
        with_last_list=is_managers and with_last_list,
        send_again=is_managers and send_again,
        seen=seen,
        address=address,
    )
    return start(flow, order, requested_by=requested_by, trigger=trigger, enqueue=enqueue)


def retry_export(
    *,
    flow: Flow,
    requested_by: AbstractBaseUser,
    address: str | None = None,
    only: Collection[int] | None = None,
    to: Mapping[int, int] | None = None,
    with_last_list: bool = False,
    send_again: bool = False,
    leaves_unknown: bool = False,
    seen: str | None = None,
    enqueue: bool = True,
) -> list[ExportAttempt]:
    """Queue what failed, or ended without a known outcome, once more. `to`: by participant, the key of the code (`FlowSource`)
    that the grade of somebody on several is to go to; without, the one it was sent to. `leaves_unknown`: but for what may be in Ladok
    already. `seen`, and what is raised, as of `start_export`."""
    order = Order(
        asking=Asking.RETRY,
        only=only,
        to=to or {},
        with_last_list=with_last_list,
        send_again=send_again,
        leaves_unknown=leaves_unknown,
        seen=seen,
        address=address,
    )
    return start(flow, order, requested_by=requested_by, enqueue=enqueue)


class ClaimLost(Exception):
    """Another worker has the attempt whose order was to be carried out."""


@dataclass(frozen=True)
class Started:
    """What an attempt began with: its items, whom each is of, as the rules saw them, and what that went by, where somebody goes on with
    it at once (without the way to Ladok)."""

    attempt: ExportAttempt
    items: list[ExportItem]
    people: list[Candidate]
    grounds: Grounds | None


def start(
    flow: Flow,
    order: Order,
    *,
    requested_by: AbstractBaseUser | None,
    trigger: str = ExportAttempt.Trigger.MANAGER,
    enqueue: bool = True,
) -> list[ExportAttempt]:
    """As `start_export` and `retry_export`."""
    given = started_by(flow, order, requested_by=requested_by, trigger=trigger, enqueue=enqueue)
    return [started.attempt for started in given]


def started_by(
    flow: Flow,
    order: Order,
    *,
    requested_by: AbstractBaseUser | None,
    trigger: str = ExportAttempt.Trigger.MANAGER,
    enqueue: bool = True,
    ordered: ExportAttempt | None = None,
) -> list[Started]:
    """As `start`. `ordered`: the attempt that holds the order; it becomes the first of those that are started, and the worker who calls
    has it already."""
    besides = [ordered.pk] if ordered is not None else []
    # The last line of defence: the database itself allows one open attempt and one live grade per person.
    with refused_where_taken(message("export.under_way")), transaction.atomic():
        is_by_itself = trigger != ExportAttempt.Trigger.MANAGER
        locked = lock(flow.pk)
        if not is_wanted(locked, trigger):
            raise Refused(message("export.nothing_to_send"))
        case = load_case(locked, to=order.to, again=order.send_again, by_itself=is_by_itself, besides=besides)
        sender = sender_of(case.flow, requested_by)
        refusal = rules.flow_refusal(case.source, case.facts, sender, order.asking)
        if refusal:
            raise Refused(refusal)
        sent, held = _select(case, order.asking, order.only, order.leaves_unknown)
        if order.asking is Asking.INSTANT and waits_for_reviewer(case.flow):
            sent = sent[:MOST_APPROVED]  # the others with the next collection of grades
        unread = unread_lists(case.flow, besides=besides)
        # What a person has seen is what is started.
        shows = shown.fingerprint_of_selection(case.flow, sent, order.asking, managers_of(sender), unread)
        require_seen(order.seen, shows)
        if not sent:
            raise Refused(_nothing(order.asking, held, order.only))
        _insist_on(order.to, sent)
        started: list[Started] = []
        for code, people in _by_code((person.code, person) for person in sent if person.code):
            with_last_list = order.with_last_list and code in unread
            attempt = ordered if ordered is not None and not started else ExportAttempt(flow=case.flow, code=code)
            attempt.flow, attempt.trigger, attempt.requested_by = case.flow, trigger, requested_by  # type: ignore[assignment]
            items = _write(attempt, code, people, order, sender, with_last_list)
            if enqueue and attempt is not ordered:
                ExportAttempt.wake_a_worker(attempt.pk)
            started.append(Started(attempt, items, people, grounds_of(attempt) if attempt is ordered else None))
        if order.to or order.send_again or is_by_itself:
            refresh_states(case.flow)  # what the case says of the others is not what they show
        else:
            store_states(case.flow, case, started={person.key for person in sent})
    flow.refresh_from_db()
    for each in started:
        logger.info("export.attempt.queued attempt=%s items=%s", each.attempt.pk, each.attempt.sent_count)
    return started


def is_wanted(flow: Flow, trigger: str) -> bool:
    """Whether what starts an export is there: somebody asks for it, or it is switched on, and at the end of marking it has not started yet.
    Sure only under the flow's lock."""
    if trigger == ExportAttempt.Trigger.INSTANT:
        return flow.instant_export
    if trigger == ExportAttempt.Trigger.MARKING_END:
        return flow.exports_when_marking_ends and not flow.attempts.filter(trigger=trigger).exists()
    return True


def _select(
    case: Case, asking: Asking, only: Collection[int] | None, leaves_unknown: bool
) -> tuple[list[Candidate], list[tuple[Candidate, Message]]]:
    """Who is sent, and who is not and why; each person in exactly one of the two."""
    chosen = None if only is None else {int(pk) for pk in only}
    sent: list[Candidate] = []
    held: list[tuple[Candidate, Message]] = []
    for person in case.people:
        if chosen is not None and person.participant.pk not in chosen:
            continue
        how = {"is_chosen": chosen is not None, "leaves_unknown": leaves_unknown}
        refusal = rules.person_refusal(case.source, case.facts, person.facts, asking, **how)
        if refusal is None:
            sent.append(person)
        else:
            held.append((person, refusal))
    return sent, held


def _insist_on(to: Mapping[int, int], sent: Sequence[Candidate]) -> None:
    """A code that was chosen may have lost the person since: then nothing goes anywhere else instead."""
    for person in sent:
        wanted = to.get(person.participant.pk)
        if wanted is not None and person.code is not None and person.code.pk != wanted:
            raise Refused(message("export.choice_gone", person=str(person.participant)))


def _nothing(asking: Asking, held: Sequence[tuple[Candidate, Message]], only: Collection[int] | None) -> Message:
    """Why there is nothing to send, as exactly as it can be said of all of them in one sentence."""
    if only is not None and len(held) == 1:
        return held[0][1]
    reasons = [why for person, why in held if person.facts.line.grade or asking is Asking.RETRY]
    there = sum(why.has(Trait.ALREADY_IN_LADOK) for why in reasons)
    if asking is Asking.RETRY:
        left = [why for why in reasons if not why.has(Trait.NOT_ASKED_FOR) and not why.has(Trait.UNDER_WAY)]
        if not left:
            return message("export.nothing_to_retry")
        if there == len(left):
            return what_is_left(there, 0, there, len(reasons))
        return left[0] if left.count(left[0]) == len(left) else message("export.held_back", count=len(left))
    if reasons and all(why.has(Trait.EXPORTED) for why in reasons):
        changed = sum(not why.has(Trait.NOT_ASKED_FOR) for why in reasons)
        if not changed:
            return message("export.all_exported")
        return message("export.some_changed", count=changed, total=len(reasons))
    unknown = sum(why.has(Trait.OUTCOME_UNKNOWN) for why in reasons)
    failed = sum(why.has(Trait.WAITS_FOR_RETRY) for why in reasons)
    elsewhere = sum(why.has(Trait.SENT_ELSEWHERE) for why in reasons)
    if unknown or there:
        return what_is_left(failed + there, unknown, there, len(reasons))
    if elsewhere:
        return message("export.all_elsewhere", count=elsewhere)
    return message("export.only_retry" if failed else "export.nothing_to_send")


def _by_code(pairs: Iterable[tuple[FlowSource, Each]]) -> list[tuple[FlowSource, list[Each]]]:
    groups: dict[int, tuple[FlowSource, list[Each]]] = {}
    for code, each in pairs:
        groups.setdefault(code.pk, (code, []))[1].append(each)
    return sorted(groups.values(), key=lambda pair: pair[0].position)


def _write(
    attempt: ExportAttempt,
    code: FlowSource,
    people: list[Candidate],
    order: Order,
    sender: Sender | None,
    with_last_list: bool,
) -> list[ExportItem]:
    unknown = _supersede(people)
    again = sum(person.facts.sent_elsewhere is not None for person in people)
    given: dict[str, Any] = {
        "code": code,
        "is_retry": order.asking is Asking.RETRY,
        "managers": managers_of(sender),
        "uses_last_list": with_last_list,
        "sends_again": again > 0,
        "sent_count": len(people),
        "idempotency_key": idempotency_key(attempt.flow, code, _content(people)),
        "order": {},
    }
    if attempt._state.adding:
        given |= {"message": message("attempt.queued").to_json(), "enqueued_at": Now(), "enqueues": 1}
    else:
        given["lease_until"] = Now() + longest_lease(ExportAttempt.State.CLAIMED)  # the preparation begins now
    for name, value in given.items():
        setattr(attempt, name, value)
    if attempt._state.adding:
        attempt.save()
    elif not ExportAttempt.objects.filter(pk=attempt.pk, state=ExportAttempt.State.CLAIMED, token=attempt.token).update(
        **given
    ):
        raise ClaimLost
    items = [_item(attempt, person) for person in people]
    ExportItem.insert(items, BATCH)
    entry = (
        message("audit.export_retried", count=len(people), code=code.code, unknown=unknown)
        if order.asking is Asking.RETRY
        else message("audit.export_started", count=len(people), code=code.code)
    )
    entries = [entry]
    if with_last_list:
        entries.append(message("audit.last_list_used", code=code.code))
    if again:
        entries.append(message("audit.sent_again", code=code.code, count=again))
    flow, who = attempt.flow, attempt.requested_by
    for each in entries:
        record(message=each, source=flow.source, flow=flow, attempt_id=attempt.pk, actor=who, address=order.address)
    return items


def _supersede(people: Sequence[Candidate]) -> int:
    """Set aside the items that the new ones take the place of; how many of them had an unknown outcome."""
    unknown = 0
    for state in (ExportItem.State.UNKNOWN, ExportItem.State.EXPORTED):
        keys = [person.item.pk for person in people if person.item and person.item.state == state]
        held = ExportItem.objects.filter(OneOf(F("pk"), keys), state=state)
        if held.update(state=ExportItem.State.SUPERSEDED) != len(keys):
            raise Refused(message("export.under_way"))
        unknown += len(keys) if state == ExportItem.State.UNKNOWN else 0
    return unknown


def _item(attempt: ExportAttempt, person: Candidate) -> ExportItem:
    line = person.facts.line
    values = identifiers_of(line) | {
        "place": person.place,
        "grade": line.grade,
        "is_alternative": line.is_alternative,
        "mark": line.mark,
        "points": line.points,
        "graded_at": person.participant.assessment.given_at,
        "generation": person.item.next_generation if person.item else 0,
        "may_be_in_ladok": person.leaves_in_doubt,
        "replaces_exported": person.item is not None and person.item.leaves_exported,
    }
    return ExportItem.made(values, attempt=attempt, participant=person.participant)


def _content(people: Iterable[Candidate]) -> Iterator[tuple[GradeLine, int]]:
    return ((person.facts.line, person.item.next_generation if person.item else 0) for person in people)
