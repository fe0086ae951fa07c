"""Starting an export: the preview of it, the first time, and the retry."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from exports.attempts.body import body_of
from exports.models import ExportAttempt, ExportItem
from exports.rules import rules
from exports.rules.facts import Candidate, Case, load_case, lock, sender_of
from exports.rules.rules import Asking, Sender
from exports.rules.states import refresh_states
from exports.writing import BATCH
from ladokflow.ladok.base import GradeLine
from ladokflow.messages import Message, Refused, message
from ladokflow.queue import enqueue as put_in_queue
from sources.audit import record
from sources.models import Flow, FlowSource, Participant

logger = logging.getLogger(__name__)

Each = TypeVar("Each")
SEND_TASK = "exports.tasks.send_attempt"


@dataclass(frozen=True)
class PreviewLine:
    """A person and the grade that would be sent under `code`; `is_alternative` where it is the alternative grade."""

    participant: Participant
    code: FlowSource
    line: GradeLine

    @property
    def grade(self) -> str:
        return self.line.grade

    @property
    def is_alternative(self) -> bool:
        return self.line.is_alternative


@dataclass(frozen=True)
class HeldBack:
    participant: Participant
    grade: str
    message: Message


@dataclass(frozen=True)
class Preview:
    """`refusal` is why nothing may be sent at all now; the lists are what they would be without it."""

    flow: Flow
    refusal: Message | None
    to_send: list[PreviewLine]
    held_back: list[HeldBack]
    managers: list[str] = field(default_factory=list)

    def bodies(self) -> list[tuple[str, str]]:
        """(Ladok code, the request body as indented JSON with every personnummer masked), one for each request."""
        found = []
        for code, lines in _by_code((line.code, line.line) for line in self.to_send):
            masked = [dataclasses.replace(line, national_id=_masked(line.national_id)) for line in lines]
            body = json.loads(body_of(self.flow, code, masked, self.managers))
            found.append((code.code, json.dumps(body, ensure_ascii=False, indent=2)))
        return found


def preview_export(*, flow: Flow, user: AbstractBaseUser | None, asking: Asking = Asking.FIRST) -> Preview:
    """What `start_export` (or, with `Asking.RETRY`, `retry_export`) would send now. Reads no remote system."""
    case = load_case(flow)
    sender = sender_of(flow, user)
    sent, held = _select(case, asking, None)
    return Preview(
        flow=flow,
        refusal=rules.flow_refusal(case.facts, sender, asking),
        to_send=[PreviewLine(each.participant, each.code, each.facts.line) for each in sent if each.code],
        held_back=[HeldBack(each.participant, each.facts.line.grade, why) for each, why in held],
        managers=_managers(sender),
    )


def start_export(
    *,
    flow: Flow,
    requested_by: AbstractBaseUser | None = None,
    trigger: str = ExportAttempt.Trigger.MANAGER,
    address: str | None = None,
    only: Collection[int] | None = None,
    overwrite: bool = False,
    enqueue: bool = True,
) -> list[ExportAttempt]:
    """Queue the flow's grades for Ladok: one attempt per Ladok code. `only` are keys of participants; None is all.

    With `overwrite`, those whose grade was changed since it was exported. Raises Refused where a rule says no or there
    is nothing to send. Reads no remote system: `collect_grades` first. `enqueue` False is for who sends at once.
    """
    asking = Asking.OVERWRITE if overwrite else Asking.FIRST
    if trigger == ExportAttempt.Trigger.INSTANT:
        asking = Asking.INSTANT
    return _start(flow, asking, requested_by, trigger, address, only, enqueue)


def retry_export(
    *,
    flow: Flow,
    requested_by: AbstractBaseUser,
    address: str | None = None,
    only: Collection[int] | None = None,
    enqueue: bool = True,
) -> list[ExportAttempt]:
    """Queue what failed, or ended without a known outcome, once more. Raises Refused as `start_export` does."""
    return _start(flow, Asking.RETRY, requested_by, ExportAttempt.Trigger.MANAGER, address, only, enqueue)


def _start(
    flow: Flow,
    asking: Asking,
    requested_by: AbstractBaseUser | None,
    trigger: str,
    address: str | None,
    only: Collection[int] | None,
    enqueue: bool,
) -> list[ExportAttempt]:
    try:
        with transaction.atomic():
            case = load_case(lock(flow.pk))
            sender = sender_of(case.flow, requested_by)
            refusal = rules.flow_refusal(case.facts, sender, asking)
            if refusal:
                raise Refused(refusal)
            sent, held = _select(case, asking, only)
            if not sent:
                raise Refused(_nothing(asking, held, only))
            attempts = [
                _write(case.flow, code, people, asking, requested_by, trigger, address, sender, enqueue)
                for code, people in _by_code((person.code, person) for person in sent if person.code)
            ]
            refresh_states(case.flow)
    except IntegrityError as error:
        # The last line of defence: the database itself allows one open attempt and one live grade per person.
        if "unique" not in str(error).lower():
            raise
        raise Refused(message("export.under_way")) from error
    flow.refresh_from_db()
    for attempt in attempts:
        logger.info("export.attempt.queued attempt=%s items=%s", attempt.pk, attempt.sent_count)
    return attempts


def _select(
    case: Case, asking: Asking, only: Collection[int] | None
) -> tuple[list[Candidate], list[tuple[Candidate, Message]]]:
    """Who is sent, and who is not and why; each person in exactly one of the two."""
    chosen = None if only is None else {int(pk) for pk in only}
    sent: list[Candidate] = []
    held: list[tuple[Candidate, Message]] = []
    for person in case.people:
        if chosen is not None and person.participant.pk not in chosen:
            continue
        refusal = rules.person_refusal(case.facts, person.facts, asking)
        if refusal is None:
            sent.append(person)
        else:
            held.append((person, refusal))
    return sent, held


def _nothing(asking: Asking, held: Sequence[tuple[Candidate, Message]], only: Collection[int] | None) -> Message:
    """Why there is nothing to send, as exactly as it can be said in one sentence."""
    if only is not None and len(held) == 1:
        return held[0][1]
    told = [why for person, why in held if person.facts.line.grade]
    codes = {why.code for why in told}
    if asking is Asking.RETRY:
        others = [why for _, why in held if why.code not in ("export.not_failed", "export.person_under_way")]
        return others[0] if others else message("export.nothing_to_retry")
    if codes and codes <= {"export.exported_already", "export.alternative_locked", *rules.CHANGED}:
        changed = sum(why.code != "export.exported_already" for why in told)
        return (
            message("export.some_changed", count=changed, total=len(told))
            if changed
            else message("export.all_exported")
        )
    unknown = sum(why.code == "export.person_unknown" for why in told)
    if unknown:
        return message("export.some_unknown", count=unknown, total=len(told))
    if "export.waits_for_retry" in codes:
        return message("export.only_retry")
    return message("export.nothing_to_send")


def _by_code(pairs: Iterable[tuple[FlowSource, Each]]) -> list[tuple[FlowSource, list[Each]]]:
    found: dict[int, tuple[FlowSource, list[Each]]] = {}
    for code, each in pairs:
        found.setdefault(code.pk, (code, []))[1].append(each)
    return sorted(found.values(), key=lambda pair: pair[0].position)


def _write(
    flow: Flow,
    code: FlowSource,
    people: list[Candidate],
    asking: Asking,
    requested_by: AbstractBaseUser | None,
    trigger: str,
    address: str | None,
    sender: Sender | None,
    enqueue: bool,
) -> ExportAttempt:
    unknown = _supersede(people)
    attempt = ExportAttempt.objects.create(
        flow=flow,
        code=code,
        trigger=trigger,
        is_retry=asking is Asking.RETRY,
        requested_by_id=requested_by.pk if requested_by else None,
        managers=_managers(sender),
        message=message("attempt.queued").to_json(),
        enqueued_at=Now(),
        enqueues=1,
        sent_count=len(people),
        idempotency_key=idempotency_key(flow, code, people),
    )
    ExportItem.objects.bulk_create([_item(attempt, person) for person in people], batch_size=BATCH)
    told = (
        message("audit.export_retried", count=len(people), code=code.code, unknown=unknown)
        if asking is Asking.RETRY
        else message("audit.export_started", count=len(people), code=code.code)
    )
    record(message=told, source=flow.source, flow=flow, attempt_id=attempt.pk, actor=requested_by, address=address)
    if enqueue:
        put_in_queue(SEND_TASK, attempt.pk)
    return attempt


def _supersede(people: Sequence[Candidate]) -> int:
    """Set aside the items that the new ones take the place of; how many of them had an unknown outcome."""
    unknown = 0
    for state in (ExportItem.State.UNKNOWN, ExportItem.State.EXPORTED):
        keys = [person.item.pk for person in people if person.item and person.item.state == state]
        for start in range(0, len(keys), BATCH):
            part = keys[start : start + BATCH]
            changed = ExportItem.objects.filter(pk__in=part, state=state).update(state=ExportItem.State.SUPERSEDED)
            if changed != len(part):
                raise Refused(message("export.under_way"))
        unknown += len(keys) if state == ExportItem.State.UNKNOWN else 0
    return unknown


def _item(attempt: ExportAttempt, person: Candidate) -> ExportItem:
    line = person.facts.line
    return ExportItem(
        attempt=attempt,
        participant=person.participant,
        organisation_id=line.organisation_id,
        unique_exam_id=line.unique_exam_id,
        external_user_id=line.external_user_id,
        national_id=line.national_id,
        grade=line.grade,
        is_alternative=line.is_alternative,
        points=line.points,
        generation=person.item.next_generation if person.item else 0,
        may_be_in_ladok=person.item is not None and person.item.leaves_in_doubt,
        replaces_exported=person.item is not None and person.item.leaves_exported,
    )


def idempotency_key(flow: Flow, code: FlowSource, people: Sequence[Candidate]) -> str:
    """The same for the same content, whoever sends it and however often: the managers are not part of it."""
    university = flow.source.rules
    lines = sorted(
        (
            *university.identifiers(person.facts.line)[:1],
            person.facts.line.grade,
            "alternative" if person.facts.line.is_alternative else "",
            "" if person.facts.line.points is None else f"{person.facts.line.points.normalize():f}",
            str(person.item.next_generation if person.item else 0),
        )
        for person in people
    )
    content = json.dumps([flow.setup_mark, code.code, lines], ensure_ascii=False)
    return hashlib.sha256(content.encode()).hexdigest()


def _managers(sender: Sender | None) -> list[str]:
    return [sender.organisation_id] if sender and sender.organisation_id else []


def _masked(national_id: str) -> str:
    return f"{national_id[:8]}-****" if national_id else ""
