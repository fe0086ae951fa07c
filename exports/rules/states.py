"""What a flow and each of its participants show: Pending, Exported or Failed, and why.

The columns are stored for lists and counts; this is the only place that works them out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from exports.models import ExportAttempt, ExportItem
from exports.rules import rules
from exports.rules.facts import Candidate, Case, load_case, lock
from exports.rules.rules import Asking
from exports.writing import update_in_groups
from ladokflow.messages import Message, message
from sources.models import Flow, Participant
from sources.models.flow import ExportState

Shown = tuple[str, Message | None]

MARKING_IS_ON = ("export.marking_not_ended", "export.marking_ends_at", "export.marking_should_have_ended")
UNDER_WAY = ("export.waiting", "export.sending")
PERCENT = {ExportAttempt.State.QUEUED: 0, ExportAttempt.State.CLAIMED: 10, ExportAttempt.State.SENDING: 50}


def refresh_states(flow: Flow) -> None:
    """Store what the flow and its participants show. Writes only what differs; the instance `flow` is brought up to date.

    Takes the flow's lock first, so that the last one to look has seen everything.
    """
    with transaction.atomic():
        case = load_case(lock(flow.pk))
        people = {person.participant.pk: person_state(case, person) for person in case.people}
        changes = {
            person.participant.pk: _columns(people[person.participant.pk])
            for person in case.people
            if _columns(people[person.participant.pk])
            != {"export_state": person.participant.export_state, "export_message": person.participant.export_message}
        }
        update_in_groups(Participant.objects.filter(flow_id=flow.pk), changes)
        columns = {**_columns(flow_state(case, people)), **_counts(case, people)}
        if any(getattr(case.flow, name) != value for name, value in columns.items()):
            Flow.objects.filter(pk=flow.pk).update(**columns)
    for name, value in columns.items():
        setattr(flow, name, value)


def refresh_progress(flow_pk: int) -> None:
    """Only the flow's own sentence, while an export is under way. Call it in the transaction of the move."""
    flow = Flow.objects.get(pk=flow_pk)
    shown = _under_way(flow)
    if shown:
        Flow.objects.filter(pk=flow_pk).update(**_columns(shown))


def _columns(shown: Shown) -> dict[str, Any]:
    state, told = shown
    return {"export_state": str(state), "export_message": told.to_json() if told else {}}


def _counts(case: Case, people: Mapping[int, Shown]) -> dict[str, int]:
    states = [state for state, _ in people.values()]
    return {
        "participant_count": sum(_counts_in(case, person) for person in case.people),
        "graded_count": sum(bool(person.facts.line.grade) for person in case.people),
        "exported_count": states.count(ExportState.EXPORTED),
        "failed_count": states.count(ExportState.FAILED),
    }


def _counts_in(case: Case, person: Candidate) -> bool:
    """Whether a grade of the person's is waited for."""
    return person.facts.is_active or person.item is not None or bool(person.facts.line.grade)


# --- A person ----------------------------------------------------------------------------------------------------


def person_state(case: Case, person: Candidate) -> Shown:
    item = person.item
    if item is None:
        return ExportState.PENDING, _refusal(case, person) or waits_for(case) or message("export.ready_person")
    if item.state == ExportItem.State.LIVE:
        return ExportState.PENDING, message("export.person_under_way")
    own = Message.from_json(item.message)
    if item.state == ExportItem.State.EXPORTED:
        changed = rules.is_its_turn(person.facts, Asking.FIRST)
        return ExportState.EXPORTED, changed if rules.is_changed(person.facts) else own or message(
            "export.person_exported"
        )
    if item.state == ExportItem.State.UNKNOWN:
        return ExportState.FAILED, own or message("export.person_unknown")
    lasting = rules.lasting_refusal(case.facts, person.facts)
    if lasting:
        # No retry can mend it: not a failure that waits for somebody.
        return ExportState.PENDING, lasting
    return ExportState.FAILED, own or message("export.person_failed")


def _refusal(case: Case, person: Candidate) -> Message | None:
    """Why the person's grade does not go with an export now; what lasts is told before "press Retry"."""
    failed = person.item is not None and person.item.state == ExportItem.State.FAILED
    lasting = rules.lasting_refusal(case.facts, person.facts) if failed else None
    return lasting or rules.person_refusal(case.facts, person.facts, Asking.FIRST)


def waits_for(case: Case) -> Message | None:
    """What the whole flow waits for before anything may be sent, besides an export that is under way."""
    facts = case.facts
    checks = (
        rules.is_created(facts),
        rules.is_synced(facts),
        rules.is_code_there(facts),
        rules.has_marking_ended(facts),
    )
    return next((broken for broken in checks if broken), None)


# --- The flow ----------------------------------------------------------------------------------------------------


def flow_state(case: Case, people: Mapping[int, Shown]) -> Shown:
    under_way = _under_way(case.flow)
    if under_way:
        return under_way
    failed = [person for person in case.people if people[person.participant.pk][0] == ExportState.FAILED]
    if failed:
        return ExportState.FAILED, _failure(case, failed)
    counted = [person for person in case.people if _counts_in(case, person)]
    exported = sum(people[person.participant.pk][0] == ExportState.EXPORTED for person in counted)
    blocked = waits_for(case)
    if blocked is not None:
        if blocked.code == "export.ended" and exported:
            return _ended(blocked, counted, people)
        return ExportState.PENDING, _blocked(blocked, exported, len(counted))
    if not counted:
        return ExportState.PENDING, message("export.no_participants")
    if case.flow.collected_at is None:
        return ExportState.PENDING, message("export.not_collected")
    return _after_marking(case, counted, exported)


def _after_marking(case: Case, counted: Sequence[Candidate], exported: int) -> Shown:
    refusals = [_refusal(case, person) for person in counted]
    ready = refusals.count(None)
    ungraded = sum(refusal is not None and refusal.code == "export.not_graded" for refusal in refusals)
    if ready and ungraded:
        return ExportState.PENDING, message("export.ready_but", ready=ready, count=ungraded, total=len(counted))
    if ready:
        return ExportState.PENDING, message("export.ready", count=ready)
    mendable = sum(rules.is_mendable(refusal) for refusal in refusals)
    if mendable:
        return ExportState.PENDING, message("export.held_back", count=mendable)
    if not exported:
        if ungraded:
            return ExportState.PENDING, message("export.some_not_graded", count=ungraded, total=len(counted))
        return ExportState.PENDING, message("export.held_back", count=len(counted))
    changed = sum(refusal is not None and refusal.code in rules.CHANGED for refusal in refusals)
    if changed:
        return ExportState.EXPORTED, message("export.some_changed", count=changed, total=len(counted))
    if exported < len(counted):
        return ExportState.EXPORTED, message("export.done_but", count=exported, total=len(counted))
    return ExportState.EXPORTED, message("export.done", count=exported)


def _ended(blocked: Message, counted: Sequence[Candidate], people: Mapping[int, Shown]) -> Shown:
    """The code was removed after something had been exported: done only if no grade was left behind."""
    graded = [person for person in counted if person.facts.line.grade]
    exported = sum(people[person.participant.pk][0] == ExportState.EXPORTED for person in graded)
    if exported == len(graded):
        return ExportState.EXPORTED, blocked
    return ExportState.PENDING, message("export.ended_partly", count=exported, total=len(graded))


def _blocked(blocked: Message, exported: int, total: int) -> Message:
    """Instant export sends before marking ends: then how far it has come is told as well."""
    if exported and blocked.code in MARKING_IS_ON:
        return message("export.partly", count=exported, total=total, cause=blocked.to_json())
    return blocked


def _under_way(flow: Flow) -> Shown | None:
    attempts = list(flow.attempts.order_by("created_at").values_list("state", "created_at"))
    started = next((created_at for state, created_at in attempts if state in ExportAttempt.OPEN), None)
    if started is None:
        return None
    batch = [state for state, created_at in attempts if created_at >= started]
    if all(state == ExportAttempt.State.QUEUED for state in batch):
        return ExportState.PENDING, message("export.waiting")
    percent = sum(PERCENT.get(ExportAttempt.State(state), 100) for state in batch) // len(batch)
    return ExportState.PENDING, message("export.sending", percent=percent)


def of_its_code(flow: Flow, code: str, told: Message | None) -> Message | None:
    """What came of an attempt, with the Ladok code it was for where the flow has had several."""
    if told is None or flow.codes.count() < 2:
        return told
    return message("export.of_code", code=code, cause=told.to_json())


def _failure(case: Case, failed: Sequence[Candidate]) -> Message:
    """The sentence to act on: that of the attempt, where all that is not exported failed in one, and nothing has been made
    good of it since: it may tell how many there were."""
    attempts = {person.item.attempt_id for person in failed if person.item}
    if len(attempts) == 1:
        attempt = ExportAttempt.objects.select_related("code").get(pk=attempts.pop())
        own = of_its_code(case.flow, attempt.code.code, attempt.reason)
        if own and len(failed) >= attempt.failed_count + attempt.unknown_count:
            return own
    sent = sum(person.item is not None for person in case.people)
    unknown = sum(person.item is not None and person.item.state == ExportItem.State.UNKNOWN for person in failed)
    if unknown:
        return message("export.some_unknown", count=unknown, total=sent)
    return message("export.some_failed", count=len(failed), total=sent)
