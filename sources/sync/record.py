"""Writing down what a synchronisation did: the flow, its participants, the run, and the audit log, in one transaction.

Each write asks for the lease's token, so that a worker that was taken for dead writes nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from ladokflow.leases import LeaseLost
from ladokflow.messages import Message, Trait, message
from ladokflow.wiseflow.scales import Scale
from sources import audit
from sources.models import Flow, FlowSource, Participant, SyncRun
from sources.sync.apply.work import Applied
from sources.sync.followed import followed_after, unfollowed_after
from sources.sync.gather import Gathered
from sources.sync.lease import Lease
from sources.sync.phase import phase_of
from sources.sync.plan.changes import (
    DATE_FIELDS,
    AddParticipant,
    Change,
    DeactivateParticipant,
    Plan,
    ReactivateParticipant,
    RemoveParticipant,
    SetDates,
    SetGradingScale,
    SetIndividualEnd,
    SetSubtitle,
    SetTitle,
    SetUniqueExamId,
    UpdateUser,
)
from sources.sync.plan.flow_data import TEXT_LENGTH
from sources.sync.plan.values import CONCLUDED, Present
from sources.sync.registrations import Recorded, people_of, record_list
from sources.sync.rows import Everybody, record_people
from sources.sync.warnings import record_warnings

Update = UpdateUser | SetUniqueExamId | SetIndividualEnd | ReactivateParticipant
COUNTED: dict[type[Change], str] = {
    AddParticipant: "added",
    RemoveParticipant: "removed",
    DeactivateParticipant: "deactivated",
}


def record_success(
    gathered: Gathered,
    plan: Plan,
    applied: Applied,
    lease: Lease,
    run: SyncRun,
    *,
    state: int,
    holds: bool = True,
    audited: Message | None = None,
    **flow_fields: Any,
) -> bool:
    """Whether anything is another than before: of the flow, its participants or registrations. `state` is the phase WISEflow has now;
    `audited` stands in the audit log after the synchronisation itself.

    Where the plan has a brake, what it held nobody back from is written down, and the run has failed and asks. `holds` is as of
    `plan`.
    """
    flow = gathered.flow
    asks = plan.brake
    outcome: dict[str, Any] = {"message": asks.to_json(), "asks": True} if asks is not None else {}
    fields = {**_flow_fields(gathered, plan, applied, state), **flow_fields}
    with transaction.atomic():
        lease.release(**_not_overtaken(flow, fields))
        if gathered.is_settled and _note_reading(gathered):
            people, lists = Everybody(()), Recorded()
        else:
            follows = not gathered.is_settled and (state < CONCLUDED or gathered.memory.is_first)
            people = record_people(gathered, plan, applied) if follows else Everybody(people_of(flow))
            lists = _record_lists(gathered, plan, people.rows, holds=holds)
        problems = [*plan.problems, *applied.problems, *lists.problems]
        counts = _counts(plan, applied)
        ended = SyncRun.State.SUCCESS if asks is None else SyncRun.State.FAILED
        _finish(run, lease, ended, applied.done, problems, **counts, **outcome)
        if problems or flow.warnings or flow.warnings_seen:
            record_warnings(flow, [*plan.problems, *lists.problems], applied.problems)
        told = "sources.audit.synced" if asks is None else "sources.audit.sync_asks"
        audit.record(message=message(told, **counts), source=flow.source, flow=flow, actor=run.requested_by)
        if audited is not None:
            audit.record(message=audited, source=flow.source, flow=flow, actor=run.requested_by)
        is_changed = _is_changed(flow, fields) or people.is_changed or lists.is_changed
        had_nothing_to_do = not (is_changed or plan.changes or problems or gathered.users)
        if had_nothing_to_do and gathered.basis and not gathered.is_settled:
            Flow.objects.filter(pk=flow.pk).update(settled_basis=gathered.basis, settled_count=counts["unchanged"])
    return is_changed


def _is_changed(flow: Flow, fields: dict[str, Any]) -> bool:
    """That it has been synchronised again changes nothing; that it has for the first time, or that its marking has ended, does."""
    ends, before, now = flow.marking_end_at, flow.synced_at, fields.get("synced_at")
    is_over = before is None or now is None or (ends is not None and before <= ends <= now)
    return is_over or any(getattr(flow, name) != value for name, value in fields.items() if name != "synced_at")


def record_failure(
    flow: Flow,
    lease: Lease,
    run: SyncRun,
    reason: Message,
    *,
    asks: bool = False,
    changes: Sequence[Message] = (),
    problems: Sequence[Message] = (),
    **flow_fields: Any,
) -> None:
    """`changes` are those that had been made before it failed."""
    with transaction.atomic():
        lease.release(sync_message=reason.to_json(), **flow_fields)
        _finish(run, lease, SyncRun.State.FAILED, changes, problems, message=reason.to_json(), asks=asks)
        audit.record(
            message=message("sources.audit.sync_failed"), source=flow.source, flow=flow, actor=run.requested_by
        )


def _finish(
    run: SyncRun, lease: Lease, state: str, changes: Iterable[Message], problems: Iterable[Message], **fields: Any
) -> None:
    fields |= {
        "state": state,
        "changes": [entry.to_json() for entry in changes],
        "problems": _once([entry.to_json() for entry in problems]),
        "finished_at": timezone.now(),
    }
    if not SyncRun.objects.filter(pk=run.pk, state=SyncRun.State.RUNNING, token=lease.token).update(**fields):
        raise LeaseLost


def _once(told: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same may be found out of a person and of a registration of theirs."""
    kept: list[dict[str, Any]] = []
    for entry in told:
        if entry not in kept:
            kept.append(entry)
    return kept


def _counts(plan: Plan, applied: Applied) -> dict[str, int]:
    """The plan's counts without what WISEflow refused."""
    counts = dict(plan.counts)
    for kind, _ in applied.refused:
        if kind in COUNTED:
            counts[COUNTED[kind]] -= 1
    idle = _refused_altogether(plan.changes, applied)
    counts["updated"] -= idle
    counts["unchanged"] += idle
    return counts


def _refused_altogether(changes: Sequence[Change], applied: Applied) -> int:
    """How many of those who were to be updated have nothing of it: each change of theirs was refused."""
    newcomers = {change.key for change in changes if isinstance(change, AddParticipant)}
    updates: dict[str, set[tuple[type[Change], str]]] = {}
    for change in changes:
        if isinstance(change, Update) and change.key not in newcomers:
            updates.setdefault(change.key, set()).add((type(change), change.key))
    return sum(planned <= applied.refused for planned in updates.values())


def _flow_fields(gathered: Gathered, plan: Plan, applied: Applied, state: int) -> dict[str, Any]:
    fields: dict[str, Any] = {
        **_values_in_wiseflow(gathered.present, plan, applied),
        **_scale_fields(gathered, plan, applied),
        "state": state,
        "sync_message": plan.brake.to_json() if plan.brake is not None else {},
        "asked": _once([told.to_json() for told in (*plan.problems, *applied.problems) if told.has(Trait.QUESTION)]),
    }
    if gathered.present.state < CONCLUDED or gathered.memory.is_first:
        fields |= {
            "flow_type": gathered.memory.flow_type,
            "followed": followed_after(gathered, plan, applied),
            "unfollowed": unfollowed_after(plan, applied),
            "follows_dates": plan.follows_dates,
        }
        if plan.brake is None:
            fields["synced_at"] = timezone.now()
    return fields


def _not_overtaken(flow: Flow, fields: dict[str, Any]) -> dict[str, Any]:
    """Without what others have written of WISEflow's phase since the flow was read: they have asked later than we."""
    before, now = phase_of(flow), phase_of(Flow.objects.select_for_update(no_key=True).get(pk=flow.pk))
    return {name: value for name, value in fields.items() if name not in now or now[name] == before[name]}


def _values_in_wiseflow(present: Present, plan: Plan, applied: Applied) -> dict[str, Any]:
    """Title, subtitle and dates as WISEflow has them once the plan is applied."""
    values: dict[str, Any] = {name: getattr(present.dates, name) for name in DATE_FIELDS}
    values |= {"title": present.title, "subtitle": present.subtitle}
    for change in plan.changes:
        if applied.has_refused(change):
            continue
        match change:
            case SetTitle():
                values["title"] = change.value
            case SetSubtitle():
                values["subtitle"] = change.value
            case SetDates():
                values |= {name: getattr(change, name) for name in DATE_FIELDS}
    dates = {name: dt.datetime.fromisoformat(applied.by_hand[name]) for name in DATE_FIELDS if name in applied.by_hand}
    texts = {name: applied.by_hand.get(name, values[name])[:TEXT_LENGTH] for name in ("title", "subtitle")}
    return values | dates | texts


def _scale_fields(gathered: Gathered, plan: Plan, applied: Applied) -> dict[str, Any]:
    """Nothing where a new scale was refused, for then it is the one it was, and where WISEflow has none."""
    changes = [change for change in plan.changes if isinstance(change, SetGradingScale)]
    scale = gathered.wanted_scale if changes else gathered.scale
    if scale is None or any(map(applied.has_refused, changes)):
        return {}
    return {
        "grading_scale_id": scale.id,
        "grading_scale": scale.name[:200],
        "scale_definition": Scale.of(scale).to_json(),
        "grades": [] if scale.is_range else list(scale.grades),
    }


def _note_reading(gathered: Gathered) -> bool:
    """The codes' lists were read, and nothing of them is another. False where an export has read one meanwhile: what that has
    written down may be older than what we have read."""
    codes = [FlowSource.objects.filter(pk=code.pk, list_read_at=code.list_read_at) for code in gathered.codes]
    return all(code.update(list_read_at=gathered.read_at) for code in codes)


def _record_lists(gathered: Gathered, plan: Plan, people: Sequence[Participant], *, holds: bool) -> Recorded:
    """What Ladok's lists say, code by code: nothing where they are not read any more."""
    problems: tuple[Message, ...] = ()
    is_changed = False
    if not gathered.wanted.exams:
        return Recorded()
    for code, exam in zip(gathered.codes, gathered.wanted.exams, strict=True):
        held = plan.held_codes.get(code.code)
        facts: dict[str, Any] = {"title": exam.title[:TEXT_LENGTH]}
        # A list that is not believed yet does not count as what there was the last time.
        facts |= {"person_count": len(exam.people)} if held is None else {}
        if any(getattr(code, name) != value for name, value in facts.items()):
            FlowSource.objects.filter(pk=code.pk).update(**facts)
            is_changed = True
        recorded = record_list(code, exam, people, read_at=gathered.read_at, held=held, holds=holds)
        problems += recorded.problems
        is_changed = is_changed or recorded.is_changed
    return Recorded(problems, is_changed)
