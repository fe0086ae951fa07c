"""The reckoning: the sandbox's ledger against our rows. Nothing here knows what was killed, or when."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from exports.models import ExportAttempt, ExportItem
from exports.rules.items import item_line
from exports.rules.states import refresh_states
from ladokflow.messages import Message
from ladokflow.sandbox.control import Control
from sources.models import AuditEntry, Flow, Participant
from tests.crash.exams import UNIVERSITIES, Exam

Key = tuple[str, str, str, str]  # university, code, identifier in lower case, grade

TWICE = "registered twice"
LOST = "exported here, not in the ledger"
DENIED = "failed here, but in the ledger"
STRANGE = "in the ledger, and never an item of ours"
REPEATED = "attempts with more than one request"
OPEN = "attempts in a state that is not final"
COUNTS = "attempts whose numbers differ from their items"
STATES = "flows whose stored state disagrees with their items"
STALE = "flows and people whose stored columns are not those worked out anew"
UNTOLD = "unknown outcomes that nobody is told of"
SILENT = "attempts without a trace in the audit log"
NOT_ONCE = "graded in WISEflow, but not registered once"
UNGRADED = "registered without a grade in WISEflow"
NOT_DONE = "flows that in the end are not Exported, or Pending with all that is graded exported"


@dataclass
class Reckoning:
    """`faults`: by what is wrong, where. `numbers` are for the table."""

    numbers: Counter[str] = field(default_factory=Counter)
    faults: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    @property
    def is_clean(self) -> bool:
        return not any(self.faults.values())


def ledger(control: Control) -> Counter[Key]:
    found: Counter[Key] = Counter()
    for university in UNIVERSITIES:
        for row in control.registrations(university):
            found[university, row["code"], str(row["identifier"]).casefold(), row["grade"]] += 1
    return found


def compare(control: Control, requests: Mapping[str, int]) -> Reckoning:
    """After the chaos, whatever the outcomes are: the two agree, all has ended, and everything unknown is told."""
    found = Reckoning()
    registered = ledger(control)
    _compare_items(found, registered)
    found.faults[TWICE] = [str(key) for key, times in registered.items() if times > 1]
    found.faults[REPEATED] = [f"{pk}: {count}" for pk, count in requests.items() if count > 1]
    found.numbers["grades in the ledger"] = sum(registered.values())
    for attempt in ExportAttempt.objects.prefetch_related("items").iterator(chunk_size=200):
        _check_attempt(found, attempt)
    for flow in Flow.objects.filter(attempts__isnull=False).distinct():
        _check_flow(found, flow)
    return found


def _items() -> Iterator[tuple[ExportItem, tuple[Key, ...]]]:
    rows = ExportItem.objects.select_related("attempt__code", "attempt__flow__source", "participant").order_by("pk")
    for item in rows.iterator(chunk_size=1000):
        source = item.attempt.flow.source
        identifiers = source.rules.identifiers(item_line(item))
        code = item.attempt.code.code
        yield item, tuple((source.slug, code, each.casefold(), item.grade) for each in identifiers)


def _compare_items(found: Reckoning, registered: Counter[Key]) -> None:
    states: dict[Key, set[str]] = defaultdict(set)
    for item, keys in _items():
        found.numbers[f"items {item.state}"] += 1
        for key in keys:
            states[key].add(item.state)
        is_there = any(registered[key] for key in keys)
        if item.state == "exported" and not is_there:
            found.faults[LOST].append(str(keys))
        if item.state == "unknown":
            found.numbers["unknown, and in the ledger" if is_there else "unknown, and not in the ledger"] += 1
            if not _is_told(item):
                found.faults[UNTOLD].append(str(keys))
    for key in registered:
        if key not in states:
            found.faults[STRANGE].append(str(key))
        elif states[key] == {"failed"}:
            found.faults[DENIED].append(str(key))


def _is_told(item: ExportItem) -> bool:
    """On the attempt, on the person and on the flow: a sentence, and Failed."""
    person, flow = item.participant, item.attempt.flow
    messages = (item.message, item.attempt.message, person.export_message, flow.export_message)
    told = all(Message.from_json(stored) and str(Message.from_json(stored)) for stored in messages)
    return told and person.export_state == flow.export_state == "failed"


def _check_attempt(found: Reckoning, attempt: ExportAttempt) -> None:
    found.numbers[f"attempts {attempt.state}"] += 1
    found.numbers["attempts"] += 1
    found.numbers["most claims of an attempt"] = max(found.numbers["most claims of an attempt"], attempt.claims)
    items = Counter(item.state for item in attempt.items.all())
    if attempt.state in ExportAttempt.OPEN or items["live"]:
        found.faults[OPEN].append(f"{attempt.pk} {attempt.state} {dict(items)}")
        return
    if attempt.unknown_count:
        found.numbers["attempts with an unknown outcome"] += 1
    counts = {"exported": attempt.exported_count, "failed": attempt.failed_count, "unknown": attempt.unknown_count}
    adds_up = sum(items.values()) == sum(counts.values()) == attempt.sent_count
    # What was superseded later is still counted as what it was.
    if not adds_up or (not items["superseded"] and any(counts[state] != items[state] for state in counts)):
        found.faults[COUNTS].append(f"{attempt.pk} {counts} {dict(items)}")
    codes = {entry.message.get("code", "") for entry in AuditEntry.objects.filter(attempt_id=attempt.pk)}
    ended = {"audit.export_recorded", "audit.export_failed", "audit.export_lost"}
    if not codes & {"audit.export_started", "audit.export_retried"} or not codes & ended:
        found.faults[SILENT].append(f"{attempt.pk} {sorted(codes)}")


def _check_flow(found: Reckoning, flow: Flow) -> None:
    newest: dict[int, str] = {}
    for person, state in (
        ExportItem.objects.filter(participant__flow=flow)
        .exclude(state="superseded")
        .order_by("pk")
        .values_list("participant_id", "state")
    ):
        newest[person] = state
    states = set(newest.values())
    if states & {"failed", "unknown"}:
        expected = "failed"
    else:
        expected = "pending" if "live" in states or not states else "exported"
    found.numbers[f"flows {flow.export_state}"] += 1
    if flow.export_state != expected and not (expected == "exported" and _waits(flow)):
        found.faults[STATES].append(f"{flow.pk} {flow.export_state}, items say {expected}")
    before = _stored(flow)
    with transaction.atomic():
        refresh_states(flow)
        if _stored(flow) != before:
            found.faults[STALE].append(f"{flow.pk}")
        transaction.set_rollback(True)


def _waits(flow: Flow) -> bool:
    """Everything that was sent is exported, and there is somebody who has not been sent yet, graded or not."""
    sent = ExportItem.objects.filter(participant__flow=flow).values("participant_id")
    return flow.export_state == "pending" and Participant.objects.filter(flow=flow).exclude(pk__in=sent).exists()


def _is_done(flow: Flow) -> bool:
    """Whoever has a grade is exported; the flow is Exported unless it waits for the grades of others."""
    waits = flow.participant_count > flow.graded_count
    return flow.exported_count == flow.graded_count and flow.export_state == ("pending" if waits else "exported")


def _stored(flow: Flow) -> list[Any]:
    columns = ("export_state", "export_message", "participant_count", "graded_count", "exported_count", "failed_count")
    return [
        Flow.objects.filter(pk=flow.pk).values_list(*columns).get(),
        *Participant.objects.filter(flow=flow).order_by("pk").values_list("export_state", "export_message"),
    ]


def compare_with_grades(control: Control, exams: list[Exam], found: Reckoning) -> None:
    """When everything has been settled and retried: each grade that stands in WISEflow is registered, once, and no other person's is."""
    registered = ledger(control)
    people: Counter[tuple[str, str, str]] = Counter()
    for (university, code, identifier, _), times in registered.items():
        people[university, code, identifier] += times
    exported = set(ExportAttempt.objects.values_list("flow_id", flat=True))
    for exam in exams:
        if exam.flow not in exported:
            continue  # the run was over before anybody's click got through
        for person in control.flow(exam.wiseflow)["participants"]:
            grade = (person["alternative"] or person["assessment"] or {}).get("grade")
            names = {str(person["organisationId"]).casefold(), str(person.get("uniqueExamId") or "").casefold()}
            if grade is None:
                if any(people[exam.university, code, name] for code in exam.codes for name in names):
                    found.faults[UNGRADED].append(f"{exam.codes} {names}")
                continue
            times = sum(registered[exam.university, code, name, grade] for code in exam.codes for name in names)
            found.numbers["grades in WISEflow"] += 1
            if times != 1:
                found.faults[NOT_ONCE].append(f"flow {exam.flow} {exam.codes} {names} {grade}: {times}")
    for flow in Flow.objects.filter(pk__in=exported):
        if not _is_done(flow):
            figures = f"{flow.exported_count} of {flow.graded_count} of {flow.participant_count}"
            found.faults[NOT_DONE].append(f"{flow.pk} {flow.export_state}, {figures}")
