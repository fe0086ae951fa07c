"""What a flow and each of its participants show: Pending, Exported or Failed, and why.

The columns are stored for lists and counts; this is the only place that works them out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any

from django.db import transaction

from exports.models import ExportAttempt, ExportItem
from exports.rules import rules
from exports.rules.candidates import Candidate
from exports.rules.cases import Case, load_case, lock
from exports.rules.values import Asking
from exports.writing import update_in_groups
from ladokflow.messages import Message, Trait, message
from sources.models import Event, Flow, Participant
from sources.models.flow import ExportState
from sources.subscriptions.announcement import announce

Shown = tuple[str, Message | None]

Key = tuple[int, int]  # of a candidate

# What other systems are told when a flow comes to show it. An export that is under way shows neither: each that ends is told.
EVENTS = {ExportState.EXPORTED: Event.FLOW_EXPORTED, ExportState.FAILED: Event.FLOW_FAILED}

WORST_FIRST = (ExportState.FAILED, ExportState.PENDING, ExportState.EXPORTED)
PERCENT = {
    ExportAttempt.State.QUEUED: 0,
    ExportAttempt.State.CLAIMED: 10,
    ExportAttempt.State.READING: 20,
    ExportAttempt.State.SENDING: 50,
}


def refresh_states(flow: Flow) -> None:
    """Store what the flow and its participants show. Writes only what differs; the instance `flow` is brought up to date.

    Takes the flow's lock first, so that the last one to look has seen everything.
    """
    with transaction.atomic():
        locked = lock(flow.pk)
        if locked.purged_at is None:  # its counts are of students who are no longer here
            store_states(flow, load_case(locked))


def store_states(flow: Flow, case: Case, *, started: Collection[Key] = ()) -> None:
    """As `refresh_states`, of a case that has been read under the flow's lock. `started`: the candidates of whom an item has been
    written since."""
    people = {
        person.key: _on_its_way() if person.key in started else person_state(case, person) for person in case.people
    }
    participants = {person.participant.pk: person.participant for person in case.people}
    shown = _by_participant(case, people)
    columns_of = _columns_of_each(shown)
    changes = {
        pk: columns_of[pk]
        for pk, row in participants.items()
        if columns_of[pk] != {"export_state": row.export_state, "export_message": row.export_message}
    }
    update_in_groups(Participant.objects.filter(flow_id=flow.pk), changes)
    doubt = case.facts.doubt
    asked = {"scale_message": doubt.to_json() if doubt else {}}
    columns = {**_columns(flow_state(case, people)), **_counts(case, shown), **asked}
    event = EVENTS.get(columns["export_state"]) if columns["export_state"] != case.flow.export_state else None
    if any(getattr(case.flow, name) != value for name, value in columns.items()):
        Flow.objects.filter(pk=flow.pk).update(**columns)
    for name, value in columns.items():
        setattr(flow, name, value)
    if event is not None:
        announce(event, flow)


def refresh_progress(flow_pk: int) -> None:
    """Only the flow's own sentence, while an export is under way. Call it in the transaction of the move."""
    flow = Flow.objects.get(pk=flow_pk)
    shown = _under_way(flow)
    if shown:
        Flow.objects.filter(pk=flow_pk).update(**_columns(shown))


def _columns(shown: Shown) -> dict[str, Any]:
    state, reason = shown
    return {"export_state": str(state), "export_message": reason.to_json() if reason else {}}


def _columns_of_each(shown: Mapping[int, Shown]) -> dict[int, dict[str, Any]]:
    """Of thousands, most show the very same."""
    of_one: dict[int, dict[str, Any]] = {}
    return {pk: of_one.get(id(each)) or of_one.setdefault(id(each), _columns(each)) for pk, each in shown.items()}


def _by_participant(case: Case, people: Mapping[Key, Shown]) -> dict[int, Shown]:
    """Somebody whose grade goes to several codes shows the worst of them, and which it is of."""
    of_participant: dict[int, list[Candidate]] = {}
    for person in case.people:
        of_participant.setdefault(person.participant.pk, []).append(person)
    return {pk: _worst(persons, people) for pk, persons in of_participant.items()}


def _worst(persons: Sequence[Candidate], people: Mapping[Key, Shown]) -> Shown:
    if len(persons) == 1:
        return people[persons[0].key]
    worst = min(persons, key=lambda person: WORST_FIRST.index(ExportState(people[person.key][0])))
    state, reason = people[worst.key]
    code = worst.code.code if worst.code is not None else worst.item.code if worst.item is not None else ""
    if not reason or not code:
        return state, reason
    return state, message("export.of_code", code=code, cause=reason.to_json())


def _counts(case: Case, shown: Mapping[int, Shown]) -> dict[str, int]:
    """Of participants, however many codes their grades go to."""
    states = [state for state, _ in shown.values()]
    is_history = case.facts.is_released  # nobody is waited for, and who was there is read still
    return {
        "participant_count": len({each.participant.pk for each in case.people if is_history or _counts_in(each)}),
        "graded_count": len({person.participant.pk for person in case.people if person.facts.line.grade}),
        "exported_count": states.count(ExportState.EXPORTED),
        "failed_count": states.count(ExportState.FAILED),
        "papers_asked": len({person.participant.pk for person in case.people if _is_asked_of_paper(case, person)}),
    }


def _is_asked_of_paper(case: Case, person: Candidate) -> bool:
    is_there = person.item is not None and person.item.state in (ExportItem.State.LIVE, ExportItem.State.EXPORTED)
    is_ours = not case.facts.is_released and not rules.stays_here(case.source, person.facts)
    return is_ours and not is_there and rules.has_paper(person.facts) is not None


def _counts_in(person: Candidate) -> bool:
    """Whether a grade of the person's is waited for."""
    is_waited_for = person.facts.is_listed and not person.facts.is_deactivated_by_hand
    return is_waited_for or person.item is not None or bool(person.facts.line.grade)


# --- A person ----------------------------------------------------------------------------------------------------


def person_state(case: Case, person: Candidate) -> Shown:
    item = person.item
    if item is None:
        return ExportState.PENDING, _refusal(case, person) or rules.waits_for(case.facts) or _ready(case, person)
    if item.state == ExportItem.State.LIVE:
        return _on_its_way()
    outcome = item.reason
    if item.state == ExportItem.State.EXPORTED:
        if rules.is_changed(person.facts):
            return ExportState.EXPORTED, rules.is_its_turn(person.facts, Asking.FIRST)
        return (ExportState.EXPORTED, outcome) if outcome else _exported()
    if item.state == ExportItem.State.UNKNOWN:
        return ExportState.FAILED, _unless_held(case, [person], outcome or message("export.person_unknown"))
    lasting = rules.lasting_refusal(case.facts, person.facts)
    if lasting:
        # No retry can mend it: not a failure that waits for somebody.
        return ExportState.PENDING, lasting
    return ExportState.FAILED, outcome or message("export.person_failed")


def _unless_held(case: Case, people: Sequence[Candidate], told: Message) -> Message:
    """What is told of unknown outcomes advises a retry: where none can come about, the way out is another."""
    refusals = [rules.retry_refusal(case.source, case.facts, person.facts) for person in people]
    reasons = [why for why in refusals if why is not None]
    if len(reasons) < len(people) or not any(_is_unknown(person) for person in people):
        return told
    is_one = reasons.count(reasons[0]) == len(reasons)
    why = reasons[0] if is_one else message("export.held_back", count=len(reasons))
    return message("export.unknown_and_held", cause=told.to_json(), why=why.to_json())


def _is_unknown(person: Candidate) -> bool:
    return person.item is not None and person.item.state == ExportItem.State.UNKNOWN


@cache
def _on_its_way() -> Shown:
    return ExportState.PENDING, message("export.person_under_way")


@cache
def _exported() -> Shown:
    return ExportState.EXPORTED, message("export.person_exported")


def _ready(case: Case, person: Candidate) -> Message:
    if rules.lacks_points(case.source, person.facts):
        return message("export.ready_person_without_points")
    return message("export.ready_person")


def _refusal(case: Case, person: Candidate) -> Message | None:
    """Why the person's grade does not go with an export now; what lasts is told before "press Retry"."""
    failed = person.item is not None and person.item.state == ExportItem.State.FAILED
    lasting = rules.lasting_refusal(case.facts, person.facts) if failed else None
    return lasting or rules.person_refusal(case.source, case.facts, person.facts, Asking.FIRST)


# --- The flow ----------------------------------------------------------------------------------------------------


def flow_state(case: Case, people: Mapping[Key, Shown]) -> Shown:
    under_way = _under_way(case.flow)
    if under_way:
        return under_way
    failed = [person for person in case.people if people[person.key][0] == ExportState.FAILED]
    if failed:
        return ExportState.FAILED, _failure(case, failed)
    counted = [person for person in case.people if _counts_in(person)]
    exported = sum(people[person.key][0] == ExportState.EXPORTED for person in counted)
    blocked = rules.waits_for(case.facts)
    if blocked is not None:
        if blocked.has(Trait.ENDED) and exported:
            return _ended(case, blocked, counted, people)
        return ExportState.PENDING, _blocked(blocked, exported, len(counted))
    if not counted:
        return ExportState.PENDING, message("export.no_participants")
    if case.flow.collected_at is None:
        return ExportState.PENDING, message("export.not_collected")
    return _after_marking(case, counted, exported)


def _after_marking(case: Case, counted: Sequence[Candidate], exported: int) -> Shown:
    refusals = [_refusal(case, person) for person in counted]
    ready = refusals.count(None)
    # Whose grade is none for Ladok is not waited for.
    waited_for = [
        refusal
        for person, refusal in zip(counted, refusals, strict=True)
        if not rules.stays_here(case.source, person.facts)
    ]
    ungraded = _count(waited_for, Trait.NOT_GRADED)
    if ready:
        told = message("export.ready", count=ready)
        if ungraded:
            told = message("export.ready_but", ready=ready, count=ungraded, total=len(counted))
        return ExportState.PENDING, _with_points_told(case, told, counted, refusals)
    mendable = _count(refusals, Trait.MENDABLE)
    if mendable:
        return ExportState.PENDING, message("export.held_back", count=mendable)
    if ungraded and exported:
        figures = {"exported": exported, "count": ungraded, "total": len(counted)}
        return ExportState.PENDING, message("export.some_not_graded_yet", **figures)
    if ungraded:
        return ExportState.PENDING, message("export.some_not_graded", count=ungraded, total=len(counted))
    if not exported:
        return ExportState.PENDING, message("export.held_back", count=len(counted))
    changed = _count(refusals, Trait.CHANGED)
    if changed:
        return ExportState.EXPORTED, message("export.some_changed", count=changed, total=len(counted))
    if exported < len(counted):
        return ExportState.EXPORTED, message("export.done_but", count=exported, total=len(counted))
    return ExportState.EXPORTED, message("export.done", count=exported)


def _with_points_told(
    case: Case, told: Message, counted: Sequence[Candidate], refusals: Sequence[Message | None]
) -> Message:
    """How many of those who are ready go without points, where the university takes any."""
    lacking = sum(
        refusal is None and rules.lacks_points(case.source, person.facts)
        for person, refusal in zip(counted, refusals, strict=True)
    )
    return message("export.ready_without_points", cause=told.to_json(), count=lacking) if lacking else told


def _count(refusals: Sequence[Message | None], trait: Trait) -> int:
    return sum(refusal is not None and refusal.has(trait) for refusal in refusals)


def _ended(case: Case, blocked: Message, counted: Sequence[Candidate], people: Mapping[Key, Shown]) -> Shown:
    """The code was removed, or the flow let go, after something had been exported: done only if no grade was left behind."""
    graded = [person for person in counted if person.facts.line.grade]
    exported = sum(people[person.key][0] == ExportState.EXPORTED for person in graded)
    if exported == len(graded):
        return ExportState.EXPORTED, blocked
    code = "export.released_partly" if case.facts.is_released else "export.ended_partly"
    return ExportState.PENDING, message(code, count=exported, total=len(graded))


def _blocked(blocked: Message, exported: int, total: int) -> Message:
    """Instant export sends before marking ends: then how far it has come is told as well."""
    if exported and blocked.has(Trait.MARKING_IS_ON):
        return message("export.partly", count=exported, total=total, cause=blocked.to_json())
    return blocked


def _under_way(flow: Flow) -> Shown | None:
    attempts = list(flow.attempts.order_by("created_at").values_list("state", "created_at", "message"))
    started = next((created_at for state, created_at, _ in attempts if state in ExportAttempt.OPEN), None)
    if started is None:
        return None
    reading = next((told for state, _, told in attempts if state == ExportAttempt.State.READING), None)
    if reading is not None:
        return ExportState.PENDING, Message.from_json(reading)
    batch = [state for state, created_at, _ in attempts if created_at >= started]
    if all(state == ExportAttempt.State.QUEUED for state in batch):
        return ExportState.PENDING, message("export.waiting")
    percent = sum(PERCENT.get(ExportAttempt.State(state), 100) for state in batch) // len(batch)
    return ExportState.PENDING, message("export.sending", percent=percent)


def of_its_code(flow: Flow, code: str, reason: Message | None) -> Message | None:
    """What came of an attempt, with the Ladok code it was for where the flow has had several."""
    if reason is None or flow.codes.count() < 2:
        return reason
    return message("export.of_code", code=code, cause=reason.to_json())


def _failure(case: Case, failed: Sequence[Candidate]) -> Message:
    """The sentence to act on. It is of those who are left, and never of somebody who is settled: the attempt's own, where all
    that is not exported failed in one, nothing has been made good of it since, and it is true of them all."""
    there = sum(person.item is not None and person.item.is_there_already for person in failed)
    attempts = {person.item.attempt_id for person in failed if person.item}
    if len(attempts) == 1 and not there:
        attempt = ExportAttempt.objects.select_related("code").defer("answer").get(pk=attempts.pop())
        reason = of_its_code(case.flow, attempt.code.code, attempt.reason)
        if reason and len(failed) >= attempt.failed_count + attempt.unknown_count:
            return _unless_held(case, failed, reason)
    sent = sum(person.item is not None for person in case.people)
    unknown = sum(_is_unknown(person) for person in failed)
    return _unless_held(case, failed, what_is_left(len(failed) - unknown, unknown, there, sent))


def what_is_left(failed: int, unknown: int, there: int, total: int) -> Message:
    """Of so many failed, of `there` of which Ladok says that it has them, and so many unknown ones among all that were sent."""
    if unknown:
        return message("export.some_unknown", count=unknown, total=total)
    if there and there == failed:
        return message("export.some_already", count=failed, total=total)
    if there:
        return message("export.some_failed_some_already", count=failed, there=there, total=total)
    return message("export.some_failed", count=failed, total=total)
