"""Flows that are made by themselves: rules say of which exams, and each night it is looked in Ladok which of them are near.

    look     which exams a rule would make flows of, and which not, and why             nothing is written
    follow   a night's look of a rule that is on, and what it finds is made
    make     a batch of these exams, and each is remembered: it is never taken up again

An exam that is, or ever was, on a flow is left alone, so what a manager lets go stays gone. A rule that finds more than it may make at
once makes none, and asks.
"""

from __future__ import annotations

import datetime as dt
import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from ladokflow.fingerprints import Fingerprint, fingerprint, require_seen
from ladokflow.identifiers import normal, normal_code
from ladokflow.ladok.base import Exam
from ladokflow.messages import Message, Refused, message
from ladokflow.queue import enqueue
from sources import audit
from sources.flows.batch import request_batch
from sources.flows.exams import exams_between, on_flows
from sources.flows.presets import choices_of
from sources.models import BatchExam, FlowBatch, FlowRule, FlowSource, RuleExam, Source
from sources.sync.nightly import due_at

logger = logging.getLogger(__name__)

TASK = "sources.tasks.follow_rule"
TIMEOUT_SECONDS = 900
AHEAD = dt.timedelta(days=183)  # that a dry run tells of


@dataclass(frozen=True)
class Look:
    """What a rule finds in Ladok. `new`: exams that no flow has been made of; `left`: those that are, or were, on a flow or have been
    taken up before; `failures`: what Ladok did not tell."""

    new: Sequence[Exam]
    left: Sequence[Exam]
    failures: Sequence[Message]

    @property
    def fingerprint(self) -> Fingerprint:
        return fingerprint("sources.rule", [exam.code for exam in self.new])


def look(rule: FlowRule, *, ahead: dt.timedelta | None = None) -> Look:
    """Which exams it would make flows of now; with `ahead`, of all that begin until then."""
    today = timezone.now().astimezone(rule.source.tz).date()
    first = max(today, rule.first_day)
    last = today + (ahead or dt.timedelta(days=rule.days_before))
    if last < first:
        return Look([], [], [])
    exams, failures = exams_between(rule.source, first, last, rule.course_lines)
    wanted = [exam for exam in exams if rule.is_of_course(rule.source.rules.course_of(exam)) and _has_words(rule, exam)]
    known = _known(rule, wanted)
    new = [exam for exam in wanted if normal_code(exam.code) not in known]
    return Look(new, [exam for exam in wanted if normal_code(exam.code) in known], failures)


def _has_words(rule: FlowRule, exam: Exam) -> bool:
    text = normal(f"{exam.title} {exam.subtitle} {exam.code}")
    return not rule.word_list or any(normal(word) in text for word in rule.word_list)


def _known(rule: FlowRule, exams: Sequence[Exam]) -> set[str]:
    codes = {normal_code(exam.code) for exam in exams}
    on_a_flow = FlowSource.objects.filter(source=rule.source, normal_code__in=codes)  # also of flows that were let go
    taken_up = RuleExam.objects.filter(source=rule.source, normal_code__in=codes)
    return {code for rows in (on_a_flow, taken_up) for code in rows.values_list("normal_code", flat=True)}


# --- Each night --------------------------------------------------------------------------------------------------------


def follow_due(now: dt.datetime | None = None) -> int:
    """Have each rule that is on looked at once a night, at its source's time; how many. Call it every few minutes."""
    now = now or timezone.now()
    count = 0
    for rule in FlowRule.objects.filter(is_on=True).select_related("source"):
        night_at = due_at(rule.source, now)
        due = FlowRule.objects.filter(Q(looked_at=None) | Q(looked_at__lt=night_at), pk=rule.pk, is_on=True)
        with transaction.atomic():
            if due.update(looked_at=now):
                enqueue(TASK, rule.pk, timeout=TIMEOUT_SECONDS)
                count += 1
    return count


def follow(rule_pk: int) -> FlowBatch | None:
    """Make flows of what the rule finds, if it is on. Never raises for what Ladok does: the rule tells it."""
    rule = FlowRule.objects.select_related("source", "manager", "preset").filter(pk=rule_pk, is_on=True).first()
    if rule is None:
        return None
    found = look(rule)
    told = list(found.failures)
    batch = None
    if len(found.new) > rule.most_at_once:
        told.insert(0, message("sources.rule.too_many", count=len(found.new), most=rule.most_at_once))
    elif found.new:
        try:
            batch = make(rule, found.new)
        except Refused as error:
            told.insert(0, error.message)
        except IntegrityError:
            # Another worker is at the same exams, on a database that does not have it wait: that one makes them.
            logger.warning("rule.overtaken rule=%s", rule.pk)
    _ask_again(rule)
    FlowRule.objects.filter(pk=rule.pk).update(looked_at=timezone.now(), told=[each.to_json() for each in told])
    logger.info("rule.followed rule=%s new=%s made=%s", rule.pk, len(found.new), batch is not None)
    return batch


def make(rule: FlowRule, exams: Sequence[Exam]) -> FlowBatch | None:
    """Have flows made of those that no other worker has taken up meanwhile. Refused where the rule's manager may not, any more."""
    with transaction.atomic():
        Source.objects.select_for_update(no_key=True).get(pk=rule.source_id)  # one rule of a source at a time
        if not rule.manager.is_active:
            raise Refused(message("sources.rule.manager_gone", name=rule.manager.get_full_name()))
        known = _known(rule, exams)
        taken = [exam for exam in exams if normal_code(exam.code) not in known]
        if not taken:
            return None
        batch = request_batch(
            source=rule.source,
            codes=[exam.code for exam in taken],
            requested_by=rule.manager,
            submission_key=uuid.uuid4(),
            **choices_of(rule.preset),
        )
        rows = {normal_code(row.code): row for row in batch.exams.all()}
        # The database has one row for an exam: it is never made twice.
        RuleExam.objects.bulk_create(
            RuleExam(
                source=rule.source,
                rule=rule,
                code=exam.code,
                title=exam.title[:255],
                starts_at=exam.participation_start_at,
                batch_exam=rows.get(normal_code(exam.code)),
            )
            for exam in taken
        )
        codes = ", ".join(exam.code for exam in taken)
        made = message("sources.audit.rule_followed", name=rule.name, count=len(taken), codes=codes)
        audit.record(message=made, source=rule.source)
    return batch


def make_asked(rule: FlowRule, by: AbstractBaseUser, *, seen: str, address: str | None = None) -> FlowBatch | None:
    """Make what the rule has asked about. NotAsShown where it would be other exams by now than those that `by` has seen."""
    found = look(rule)
    require_seen(seen, found.fingerprint)
    batch = make(rule, found.new)
    said = message("sources.audit.rule_answered", name=rule.name, count=len(found.new))
    audit.record(message=said, source=rule.source, actor=by, address=address)
    FlowRule.objects.filter(pk=rule.pk).update(told=[each.to_json() for each in found.failures])
    return batch


def _ask_again(rule: FlowRule) -> None:
    """For the exams that no flow could be made of, as long as they have not begun and nobody has made one."""
    refused = Q(flow=None) & ~Q(message={})
    coming = rule.exams.filter(starts_at__gt=timezone.now(), batch_exam__flow=None).exclude(batch_exam__message={})
    waiting = list(coming.exclude(batch_exam=None))
    on_one = on_flows(rule.source, [row.code for row in waiting])
    with transaction.atomic():
        for row in waiting:
            if row.normal_code not in on_one:
                BatchExam.objects.put_in_queue(row.batch_exam_id, refused, message={})
