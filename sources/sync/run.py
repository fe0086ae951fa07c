"""Synchronising a flow: gather, plan, apply, record.

`SyncRun` is the request, the progress and the history. The flow's lease sees to it that one worker works on a flow; a run
whose worker has died is taken up again by the next one that is woken (`sources/sweep.py`), from the state WISEflow has then.
"""

from __future__ import annotations

import datetime as dt
import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone

from ladokflow import logs
from ladokflow.fingerprints import NotAsShown, require_seen
from ladokflow.http import RemoteError
from ladokflow.ladok.base import Exam
from ladokflow.leases import LeaseLost
from ladokflow.memo import remembering
from ladokflow.messages import Message, Refused, Trait, message
from ladokflow.wiseflow.client import WiseflowClient
from sources import audit
from sources.models import Flow, SyncRun
from sources.people import knowing_people_of_flow
from sources.signals import flow_synced
from sources.sync.apply.apply import Applied, Applying
from sources.sync.apply.references import refer_added, unrefer_removed
from sources.sync.followed import followed_ahead
from sources.sync.gather import Gathered, flow_info, gather, recognise, unexpected
from sources.sync.lease import Lease
from sources.sync.plan.changes import Plan
from sources.sync.plan.plan import nothing_to_do, plan
from sources.sync.record import record_failure, record_success
from sources.sync.reply import answer, answer_failed
from sources.universities.clients import wiseflow_for

logger = logging.getLogger(__name__)

MAX_CLAIMS = 5


# --- Asking for it -----------------------------------------------------------------------------------------------


def request_sync(
    *,
    flow: Flow,
    trigger: str,
    requested_by: AbstractBaseUser | None = None,
    confirms: SyncRun | None = None,
    seen: str | None = None,
    now: dt.datetime | None = None,
    enqueue: bool = True,
) -> SyncRun:
    """Write down that the flow shall be synchronised; where that is under way already, the run there is.

    `confirms`: the braked run whose goers shall go; one that is not the newest is passed over, and the brake asks anew.
    `seen`: the fingerprint of what the brake asked when a manager said yes; NotAsShown where it asks something else by now, or
    nothing. Refused while the flow is not ready.
    """
    if confirms is not None and confirms != braked_run(flow):
        confirms = None
    try:
        with transaction.atomic():
            _lock_ready(flow)
            if seen is not None:
                confirms = _asked(flow, seen)
            is_confirmed = confirms is not None
            run = SyncRun.objects.create(
                flow=flow,
                trigger=trigger,
                requested_by_id=requested_by.pk if requested_by is not None else None,
                is_confirmed=is_confirmed,
                confirms=confirms,
                created_at=now or timezone.now(),
                enqueued_at=timezone.now() if enqueue else None,
                enqueues=int(enqueue),
            )
            if requested_by is not None or is_confirmed:
                code = "sources.audit.sync_confirmed" if is_confirmed else "sources.audit.sync_requested"
                audit.record(message=message(code), source=flow.source, flow=flow, actor=requested_by)
            if enqueue:
                SyncRun.wake_a_worker(run.pk)
    except IntegrityError:
        run = SyncRun.objects.filter(flow=flow, state__in=SyncRun.OPEN).first() or _last_run(flow)
        if confirms is not None:
            SyncRun.objects.filter(pk=run.pk, state=SyncRun.State.QUEUED).update(is_confirmed=True, confirms=confirms)
    logger.info("flow.sync.requested flow=%s run=%s trigger=%s", flow.pk, run.pk, trigger)
    return run


def _lock_ready(flow: Flow) -> None:
    """Hold the flow until the transaction ends: whoever lets it go or empties it looks for runs that are under way. Refused
    where it has ended."""
    there = Flow.objects.select_for_update(no_key=True).values("setup_state", "purged_at").get(pk=flow.pk)
    if there["setup_state"] != Flow.Setup.READY:
        raise Refused(message("sources.flow_not_ready"))
    if there["purged_at"] is not None:
        raise Refused(message("sources.purged"))


def _asked(flow: Flow, seen: str) -> SyncRun:
    """The braked run. Call it under the flow's lock: a run that is being written down holds it."""
    braked = braked_run(flow)
    if braked is None:
        raise NotAsShown
    require_seen(seen, braked.fingerprint)
    return braked


def braked_run(flow: Flow) -> SyncRun | None:
    """The newest finished run, if it is one that a manager can confirm."""
    run = SyncRun.objects.filter(flow=flow).exclude(state__in=SyncRun.OPEN).order_by("-created_at").first()
    return run if run is not None and run.is_braked else None


def run_that_asks(flow: Flow, plan: Plan) -> SyncRun | None:
    """The run that has asked what the plan would ask: a manager can confirm it. None where the plan asks nothing, or something else."""
    braked = braked_run(flow) if plan.brake is not None else None
    return braked if braked is not None and plan.is_within(braked.would_go) else None


def _last_run(flow: Flow) -> SyncRun:
    return SyncRun.objects.filter(flow=flow).latest("created_at")


# --- Doing it ----------------------------------------------------------------------------------------------------


def preview_sync(flow: Flow) -> Plan:
    """The plan, not applied. RemoteError where Ladok or WISEflow cannot be asked, Refused where there is nothing to ask."""
    with wiseflow_for(flow) as client:
        return plan_for(gather(flow, client))


def plan_for(gathered: Gathered, *, holds: bool = True) -> Plan:
    if gathered.is_settled:
        return nothing_to_do(gathered.memory, unchanged=gathered.flow.settled_count)
    return plan(
        gathered.wanted, gathered.present, gathered.memory, gathered.users, matched=gathered.entries, holds=holds
    )


def run_sync(run_pk: uuid.UUID | str) -> SyncRun:
    """Do it. Does nothing where another worker is at it, or it is finished.

    Never raises for what Ladok or WISEflow do: the run is then FAILED, with the reason in `message`.
    """
    run = SyncRun.objects.select_related("flow").get(pk=run_pk)
    with logs.about(flow=run.flow_id, run=run.pk):
        return _run(run)


def _run(run: SyncRun) -> SyncRun:
    if run.state not in SyncRun.OPEN:
        return run
    lease = Lease.take(run.flow_id, only_if=Q(setup_state=Flow.Setup.READY))
    if lease is None:
        return run
    run, taken = begin_run(run, lease)
    if not taken:
        lease.release()
        return run
    flow = Flow.objects.select_related("source").get(pk=run.flow_id)
    is_changed = True
    try:
        with lease.beating(), remembering(), knowing_people_of_flow(flow):
            is_changed = _do(flow, run, lease)
    except LeaseLost:
        logger.warning("flow.sync.lease_lost flow=%s run=%s", flow.pk, run.pk)
    run = SyncRun.objects.get(pk=run.pk)
    if run.state not in SyncRun.OPEN:
        tell_synced(run, is_changed=is_changed)
    return run


def begin_run(run: SyncRun, lease: Lease) -> tuple[SyncRun, bool]:
    """The run as ours: queued, or left behind by a worker whose lease we have taken. False where it is finished."""
    taken = SyncRun.objects.filter(pk=run.pk, state__in=SyncRun.OPEN).update(
        state=SyncRun.State.RUNNING,
        token=lease.token,
        claims=F("claims") + 1,
        enqueues=0,
        started_at=timezone.now(),
        done=0,
        total=0,
    )
    return SyncRun.objects.get(pk=run.pk), bool(taken)


def tell_synced(run: SyncRun, *, is_changed: bool = True) -> None:
    """Tell whoever listens; what they do with it does not undo the synchronisation.

    That nothing has changed is told only where they have got to know all that had: a worker may have died before it told them.
    """
    flow = Flow.objects.select_related("source").get(pk=run.flow_id)
    before = flow.sync_runs.exclude(pk=run.pk).exclude(state__in=SyncRun.OPEN).order_by("-created_at").first()
    is_changed = is_changed or before is None or not before.is_told
    is_told = True
    for receiver, result in flow_synced.send_robust(sender=Flow, flow=flow, run=run, is_changed=is_changed):
        if isinstance(result, Exception):
            is_told = False
            name = getattr(receiver, "__name__", type(receiver).__name__)
            logger.error("flow.sync.listener_failed flow=%s receiver=%s", flow.pk, name, exc_info=result)
    SyncRun.objects.filter(pk=run.pk).update(is_told=is_told)


def _do(flow: Flow, run: SyncRun, lease: Lease) -> bool:
    """Whether anything is another than before, or may be."""
    applied = Applied()
    try:
        if run.claims > MAX_CLAIMS:
            raise Refused(message("sources.sync_gave_up", times=run.claims - 1))
        is_of_a_night = run.trigger == SyncRun.Trigger.NIGHT
        with wiseflow_for(flow, lease.look, shares_answers=is_of_a_night) as client:
            recognise(flow, client)
            # In this order: a code that was removed and added again has the same reference.
            applied.problems += unrefer_removed(flow, lease, client)
            applied.problems += refer_added(flow, lease, client)

            def finish(gathered: Gathered, planned: Plan) -> Finish:
                if run.trigger == SyncRun.Trigger.WISEFLOW:
                    applied.problems += answer(gathered, client, is_done=planned.brake is None)
                return Finish(flow_info(flow, client).state if applied.done else gathered.present.state)

            is_changed = synchronise(flow, run, lease, client, into=applied, finish=finish)
        logger.info("flow.sync.done flow=%s run=%s changes=%s", flow.pk, run.pk, len(applied.done))
        return is_changed
    except (RemoteError, Refused) as error:
        reason = error.message
    except LeaseLost:
        raise
    except Exception as error:
        reason, reference = unexpected(error)
        logger.exception("flow.sync.error flow=%s run=%s reference=%s", flow.pk, run.pk, reference)
    if run.trigger == SyncRun.Trigger.WISEFLOW:
        applied.problems += answer_failed(flow)
    asks = reason.has(Trait.ASKS)
    record_failure(flow, lease, run, reason, asks=asks, changes=applied.done, problems=applied.problems)
    logger.info("flow.sync.failed flow=%s run=%s reason=%s", flow.pk, run.pk, reason.code)
    return True


@dataclass(frozen=True)
class Finish:
    """What is left to write down once a plan is applied: WISEflow's phase, more fields of the flow, a line in the audit log."""

    state: int
    fields: Mapping[str, Any] = field(default_factory=dict)
    audit: Message | None = None


def synchronise(
    flow: Flow,
    run: SyncRun,
    lease: Lease,
    client: WiseflowClient,
    *,
    into: Applied,
    finish: Callable[[Gathered, Plan], Finish],
    exams: Sequence[Exam] | None = None,
    on_section: Callable[[str], None] = lambda section: None,
) -> bool:
    """Gather, plan, apply, record; whether anything is another than before. Those whom the brake holds stay, and the run asks; what is left goes on. `into` holds what was
    done, also when it fails half-way.

    `finish` does what else is to be done in WISEflow once the plan is applied, before it is written down.
    """
    gathered = gather(flow, client, exams=exams)
    planned = plan_for(gathered)
    holds = planned.brake is None or not _is_confirmed(run, planned)
    would_go = planned.would_go if planned.brake is not None and holds else {}
    if not holds:
        planned = plan_for(gathered, holds=False)
    SyncRun.objects.filter(pk=run.pk, token=lease.token).update(would_go=would_go, total=len(planned.changes))
    ahead = followed_ahead(gathered, planned)
    if ahead is not None:
        lease.write(followed=ahead)
    progress = _Progress(run, lease, len(planned.changes))
    Applying(gathered, planned, client, lease, into=into, on_progress=progress, on_section=on_section).apply()
    finished = finish(gathered, planned)
    facts: dict[str, Any] = {"state": finished.state, "holds": holds, "audited": finished.audit, **finished.fields}
    return record_success(gathered, planned, into, lease, run, **facts)


def _is_confirmed(run: SyncRun, plan: Plan) -> bool:
    """Whether this is what was confirmed. Ladok may have lost more people since the manager looked."""
    return run.is_confirmed and run.confirms is not None and plan.is_within(run.confirms.would_go)


class _Progress:
    """Writes how far a run has come, at most every hundredth of the way."""

    def __init__(self, run: SyncRun, lease: Lease, total: int) -> None:
        self.run, self.lease, self.step, self.last = run, lease, max(1, total // 100), 0

    def __call__(self, done: int) -> None:
        if done - self.last >= self.step:
            self.last = done
            SyncRun.objects.filter(pk=self.run.pk, token=self.lease.token).update(done=done)
