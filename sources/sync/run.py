"""Synchronising a flow: fetch, read, plan, apply, record.

`SyncRun` is the request, the progress and the history. The flow's lease sees to it that one worker works on a flow; a run
whose worker has died is taken up again by the next one that is woken (`sources/sweep.py`), from the state WISEflow has then.
"""

from __future__ import annotations

import datetime as dt
import logging
import uuid
from collections.abc import Callable, Sequence

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone

from ladokflow.http import RemoteError
from ladokflow.ladok.base import Exam
from ladokflow.messages import Message, Refused, message
from ladokflow.queue import enqueue as put_in_queue
from ladokflow.wiseflow.client import WiseflowClient
from sources import audit
from sources.flows.steps import refer_added, unrefer_removed
from sources.models import Flow, SyncRun
from sources.signals import flow_synced
from sources.sync import gather as gathering
from sources.sync.apply.apply import Applied, Applying
from sources.sync.gather import Gathered, gather
from sources.sync.lease import Lease, LeaseLost, is_free
from sources.sync.plan.flow_data import DATE_FIELDS, values_in_wiseflow
from sources.sync.plan.values import Plan
from sources.sync.record import record_failure, record_success
from sources.sync.reply import answer, answer_failed
from sources.universities.clients import wiseflow_for

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 3600
MAX_CLAIMS = 5
# Ladok has given an answer that would empty the flow if it were believed: nothing is touched, and the flow page asks.
ASKING = frozenset(
    {"sources.code_gone", "ladok.empty_answer", "ladok.other_code", "remote.not_json", "remote.unexpected"}
)


# The followed values that a change writes
WRITES = {
    "metadata.title": ("title",),
    "metadata.subtitle": ("subtitle",),
    "metadata.code": ("code",),
    "dates.set": DATE_FIELDS,
    "scale.set": ("grading_scale",),
}


class Braked(Exception):
    """The plan would take away too many: a manager has to confirm it."""

    def __init__(self, message: Message, problems: Sequence[Message]) -> None:
        super().__init__(message.code)
        self.message = message
        self.problems = problems


# --- Asking for it -----------------------------------------------------------------------------------------------


def request_sync(
    *,
    flow: Flow,
    trigger: str,
    requested_by: AbstractBaseUser | None = None,
    confirms: SyncRun | None = None,
    now: dt.datetime | None = None,
    enqueue: bool = True,
) -> SyncRun:
    """Write down that the flow shall be synchronised; where that is under way already, the run there is.

    `confirms`: the braked run whose goers a manager has seen, and wants gone; one that is not the newest is passed over,
    and the brake asks anew. Refused while the flow is not ready.
    """
    if confirms is not None and confirms != braked_run(flow):
        confirms = None
    is_confirmed = confirms is not None
    if flow.setup_state != Flow.Setup.READY:
        raise Refused(message("sources.flow_not_ready"))
    try:
        with transaction.atomic():
            run = SyncRun.objects.create(
                flow=flow,
                trigger=trigger,
                requested_by_id=requested_by.pk if requested_by is not None else None,
                is_confirmed=is_confirmed,
                confirms=confirms,
                created_at=now or timezone.now(),
                enqueued_at=timezone.now() if enqueue else None,
            )
            if requested_by is not None or is_confirmed:
                code = "sources.audit.sync_confirmed" if is_confirmed else "sources.audit.sync_requested"
                audit.record(message=message(code), source=flow.source, flow=flow, actor=requested_by)
            if enqueue:
                put_in_queue("sources.tasks.sync_flow", run.pk, timeout=TIMEOUT_SECONDS)
    except IntegrityError:
        run = SyncRun.objects.filter(flow=flow, state__in=SyncRun.OPEN).first() or _last_run(flow)
        if is_confirmed:
            SyncRun.objects.filter(pk=run.pk, state=SyncRun.State.QUEUED).update(is_confirmed=True, confirms=confirms)
    logger.info("flow.sync.requested flow=%s run=%s trigger=%s", flow.pk, run.pk, trigger)
    return run


def braked_run(flow: Flow) -> SyncRun | None:
    """The newest finished run, if it is one that a manager can confirm."""
    run = SyncRun.objects.filter(flow=flow).exclude(state__in=SyncRun.OPEN).order_by("-created_at").first()
    return run if run is not None and run.is_braked else None


def _last_run(flow: Flow) -> SyncRun:
    return SyncRun.objects.filter(flow=flow).latest("created_at")


# --- Doing it ----------------------------------------------------------------------------------------------------


def preview_sync(flow: Flow) -> Plan:
    """The plan, not applied. RemoteError where Ladok or WISEflow cannot be asked, Refused where there is nothing to ask."""
    with wiseflow_for(flow.source) as client:
        return gather(flow, client).plan


def run_sync(run_pk: uuid.UUID | str) -> SyncRun:
    """Do it. Does nothing where another worker is at it, or it is finished.

    Never raises for what Ladok or WISEflow do: the run is then FAILED, with the reason in `message`.
    """
    run = SyncRun.objects.select_related("flow").get(pk=run_pk)
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
    try:
        with lease.beating():
            _do(flow, run, lease)
    except LeaseLost:
        logger.warning("flow.sync.lease_lost flow=%s run=%s", flow.pk, run.pk)
    run = SyncRun.objects.get(pk=run.pk)
    if run.state not in SyncRun.OPEN:
        tell_synced(run)
    return run


def begin_run(run: SyncRun, lease: Lease) -> tuple[SyncRun, bool]:
    """The run as ours: queued, or left behind by a worker whose lease we have taken. False where it is finished."""
    taken = SyncRun.objects.filter(pk=run.pk, state__in=SyncRun.OPEN).update(
        state=SyncRun.State.RUNNING,
        token=lease.token,
        claims=F("claims") + 1,
        started_at=timezone.now(),
        done=0,
        total=0,
    )
    return SyncRun.objects.get(pk=run.pk), bool(taken)


def tell_synced(run: SyncRun) -> None:
    """Tell whoever listens; what they do with it does not undo the synchronisation."""
    flow = Flow.objects.select_related("source").get(pk=run.flow_id)
    for receiver, result in flow_synced.send_robust(sender=Flow, flow=flow, run=run):
        if isinstance(result, Exception):
            name = getattr(receiver, "__name__", type(receiver).__name__)
            logger.error("flow.sync.listener_failed flow=%s receiver=%s", flow.pk, name, exc_info=result)


def _do(flow: Flow, run: SyncRun, lease: Lease) -> None:
    applied = Applied()
    problems: Sequence[Message] = ()
    asks = False
    try:
        if run.claims > MAX_CLAIMS:
            raise Refused(message("sources.sync_gave_up", times=run.claims - 1))
        with wiseflow_for(flow.source) as client:
            gathering.recognise(flow, client)
            # In this order: a code that was removed and added again has the same reference.
            applied.problems += unrefer_removed(flow, lease, client)
            applied.problems += refer_added(flow, lease, client)
            gathered = synchronise(flow, run, lease, client, into=applied)
            if run.trigger == SyncRun.Trigger.WISEFLOW:
                applied.problems += answer(gathered, client, is_done=True)
            state = gathering.flow_info(flow, client).state if applied.done else gathered.present.state
        record_success(gathered, applied, lease, run, state=state)
        logger.info("flow.sync.done flow=%s run=%s changes=%s", flow.pk, run.pk, len(applied.done))
        return
    except Braked as braked:
        told, asks, problems = braked.message, True, braked.problems
    except (RemoteError, Refused) as error:
        told, asks = error.message, error.message.code in ASKING
    except LeaseLost:
        raise
    except Exception as error:
        told, reference = gathering.unexpected(error)
        logger.exception("flow.sync.error flow=%s run=%s reference=%s", flow.pk, run.pk, reference)
    if run.trigger == SyncRun.Trigger.WISEFLOW:
        applied.problems += answer_failed(flow)
    record_failure(flow, lease, run, told, asks=asks, changes=applied.done, problems=[*problems, *applied.problems])
    logger.info("flow.sync.failed flow=%s run=%s reason=%s", flow.pk, run.pk, told.code)


def synchronise(
    flow: Flow,
    run: SyncRun,
    lease: Lease,
    client: WiseflowClient,
    *,
    into: Applied,
    exams: Sequence[Exam] | None = None,
    on_section: Callable[[str], None] = lambda section: None,
) -> Gathered:
    """Gather, plan and apply; `into` holds what was done, also when it fails half-way. Braked before anything is done."""
    gathered = gather(flow, client, exams=exams)
    plan = gathered.plan
    run_row = SyncRun.objects.filter(pk=run.pk, token=lease.token)
    if plan.brake is not None and not _is_confirmed(run, plan):
        run_row.update(would_go=plan.would_go)
        raise Braked(plan.brake, plan.problems)
    run_row.update(total=len(plan.changes))
    if plan.changes:
        _write_ahead(gathered, lease)
    progress = _Progress(run, lease, len(plan.changes))
    Applying(gathered, client, lease, into=into, on_progress=progress, on_section=on_section).apply()
    return gathered


def _is_confirmed(run: SyncRun, plan: Plan) -> bool:
    """Whether this is what was confirmed. Ladok may have lost more people since the manager looked."""
    return run.is_confirmed and run.confirms is not None and plan.is_within(run.confirms.would_go)


def _write_ahead(gathered: Gathered, lease: Lease) -> None:
    """What is about to be written to WISEflow. Should we be cut off, the next run knows these values as ours, and does
    not take them for somebody's hand."""
    memory, plan = gathered.memory, gathered.plan
    if memory.is_first:
        return
    there = {**values_in_wiseflow(gathered.present), "grading_scale": gathered.present.scale_id}
    kinds = {change.kind for change in plan.changes}
    written = [name for kind, names in WRITES.items() if kind in kinds for name in names if name not in plan.unfollowed]
    pending = {name: plan.followed[name] for name in written if plan.followed[name] != there[name]}
    # What is to be replaced is ours, too: that stays known even if this is cut off several times.
    ours = {name: there[name] for name in pending if name in memory.followed}
    for kind, name in (("people.deactivate", "deactivated"), ("people.reactivate", "activated")):
        keys = {change.data["key"] for change in plan.changes if change.kind == kind}
        if keys:
            pending[name] = list(memory.pending.get(name, ())) + [
                entry.present.id for entry in plan.entries if entry.key in keys and entry.present is not None
            ]
    if pending:
        lease.write(followed={**memory.followed, **ours, "pending": pending})


class _Progress:
    """Writes how far a run has come, at most every hundredth of the way."""

    def __init__(self, run: SyncRun, lease: Lease, total: int) -> None:
        self.run, self.lease, self.step, self.last = run, lease, max(1, total // 100), 0

    def __call__(self, done: int) -> None:
        if done - self.last >= self.step:
            self.last = done
            SyncRun.objects.filter(pk=self.run.pk, token=self.lease.token).update(done=done)


def is_left_behind() -> Q:
    """Runs whose worker has died: under way, while the flow is nobody's."""
    return Q(state=SyncRun.State.RUNNING) & Q(flow__in=Flow.objects.filter(is_free()).values("pk"))
