"""What WISEflow has called about, and what is done about it. `WebhookEvent` is the record of a call and the work to do.

Calls about one flow that arrive together are one piece of work: forty assessors who sign at once are read with one reading,
and their grades leave in one export. Whoever receives, begins or ends holds the source's `Webhook` row while looking at what is
open, so that no call is left to somebody who has just stopped looking.

Everything here may be done twice. A worker that dies leaves its calls open; `sources/sweep.py` has them done again.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from ladokflow import leases
from ladokflow.http import RemoteError
from ladokflow.messages import Message, Refused, message
from sources.models import Flow, SyncRun, Webhook, WebhookEvent
from sources.papers.read import heard_of, is_due, read_papers
from sources.signals import grades_changed
from sources.sync.gather import flow_info
from sources.sync.phase import phase_of, phase_told
from sources.sync.reply import answer_failed
from sources.sync.run import request_sync
from sources.universities.clients import wiseflow_for

logger = logging.getLogger(__name__)

MOST_CLAIMS = 5
MOST_AT_ONCE = 5000

OF_THE_PHASE = frozenset({"FLOW_PERIOD_UPDATED", "FLOW_STATE_UPDATED"})
LOOK = OF_THE_PHASE | {"ALTERNATIVE_GRADE", "ASSESSMENT", "FINAL_GRADE"}
SYNC = frozenset({"FLOW_EXTERNAL_SOURCE"})
PAPERS = frozenset({"ASSIGNMENT", "PAPER_SUBMITTED"})
EVENTS = LOOK | SYNC | PAPERS  # what we ask WISEflow to tell


# --- What is open ------------------------------------------------------------------------------------------------


def hold(source_pk: int) -> None:
    """Until the transaction ends. On SQLite the transaction itself holds the only write lock."""
    list(Webhook.objects.select_for_update(no_key=True).filter(source_id=source_pk).values_list("pk"))


def _alike(event: WebhookEvent) -> QuerySet[WebhookEvent]:
    """Open calls that the same work is done with: about the same flow, asking for the same."""
    return WebhookEvent.objects.filter(
        source_id=event.source_id,
        wiseflow_flow_id=event.wiseflow_flow_id,
        handled_at__isnull=True,
        event__in=_kind_of(event),
    )


def _kind_of(event: WebhookEvent) -> frozenset[str]:
    return next((kind for kind in (SYNC, PAPERS) if event.event in kind), LOOK)


def is_looked_after(event: WebhookEvent) -> bool:
    """Whether a worker is at a call like this one, and will see this one too, or such a call is in the queue."""
    someone = leases.is_held("lease_until", WebhookEvent.LEASE) | WebhookEvent.is_awaited(timezone.now())
    return _alike(event).exclude(pk=event.pk).filter(someone).exists()


def put_in_queue(pk: int) -> None:
    WebhookEvent.objects.put_in_queue(pk)


def enqueue_forgotten() -> int:
    """Put open calls in the queue again that a dead worker or a lost queue entry has left; how many."""
    forgotten = WebhookEvent.objects.forgotten().order_by("pk")
    first_of: dict[Any, WebhookEvent] = {}
    for event in forgotten.only("source_id", "wiseflow_flow_id", "event"):
        first_of.setdefault((event.source_id, event.wiseflow_flow_id, _kind_of(event)), event)
    enqueued = 0
    for first in first_of.values():
        with transaction.atomic():
            hold(first.source_id)
            if is_looked_after(first):
                continue  # with the entry of an earlier call
            _alike(first).update(enqueued_at=timezone.now(), enqueues=F("enqueues") + 1)
            WebhookEvent.wake_a_worker(first.pk)
        enqueued += 1
        logger.info("webhook.enqueued_again source=%s call=%s", first.source_id, first.pk)
    return enqueued


def received_before(moment: dt.datetime) -> QuerySet[WebhookEvent]:
    """The calls that can be forgotten: one that came again after that would do no harm either."""
    return WebhookEvent.objects.filter(received_at__lt=moment)


# --- Doing it ----------------------------------------------------------------------------------------------------


def handle(event_pk: int) -> None:
    """Do what a call, and all open ones like it, ask for. Does nothing where another worker is at it, or it is done.

    What Ladok or WISEflow do is told in `outcome`, and tried again some times.
    """
    event = WebhookEvent.objects.filter(pk=event_pk).first()
    claimed = _begin(event) if event is not None else []
    if not claimed:
        return
    first = claimed[0]
    flows = Flow.objects.select_related("source").filter(source_id=first.source_id)
    flow = flows.filter(wiseflow_id=first.wiseflow_flow_id, former_host="").first()
    try:
        outcome = _work(flow, claimed)
    except (RemoteError, Refused) as error:
        logger.warning("webhook.not_handled source=%s call=%s reason=%s", first.source_id, first.pk, error.message.code)
        _leave(claimed, error.message)
        return
    if outcome is None and flow is not None:
        _wait(claimed, flow)
    elif outcome is not None:
        _end(claimed, outcome)


def _begin(event: WebhookEvent) -> list[WebhookEvent]:
    """The calls that are now ours."""
    with transaction.atomic():
        hold(event.source_id)
        alike = _alike(event)
        if alike.exclude(WebhookEvent.is_free()).exists():
            return []
        gave_up = message("sources.webhook.gave_up", times=MOST_CLAIMS)
        alike.filter(claims__gte=MOST_CLAIMS).update(handled_at=timezone.now(), outcome=gave_up.to_json())
        claimed = list(alike.defer("payload").order_by("pk")[:MOST_AT_ONCE])
        _of(claimed).update(lease_until=Now() + WebhookEvent.LEASE, claims=F("claims") + 1, enqueues=0)
        return claimed


def _of(claimed: Sequence[WebhookEvent]) -> QuerySet[WebhookEvent]:
    return WebhookEvent.objects.filter(pk__in=[event.pk for event in claimed], handled_at__isnull=True)


def _work(flow: Flow | None, events: Sequence[WebhookEvent]) -> Message | None:
    """What came of it; None where it has to wait for a synchronisation that is under way."""
    if flow is None:
        return message("sources.webhook.unknown_flow", flow=events[0].wiseflow_flow_id)
    if events[0].event in SYNC:
        return _synchronise(flow)
    if flow.setup_state != Flow.Setup.READY:
        return message("sources.flow_not_ready")
    if events[0].event in PAPERS:
        return _read_papers(flow)
    # Whoever listens collects the grades, and starts what starts by itself. Before the phase is written down: a flow that is
    # known to be in the archive is not read any more.
    grades_changed.send(sender=Flow, flow=flow)
    if any(event.event in OF_THE_PHASE for event in events):
        _read_phase(flow)
    return message("sources.webhook.looked")


def _read_papers(flow: Flow) -> Message:
    """At once, unless it has just been done: forty papers in a minute are read with one reading, and the last of them with the next."""
    heard_of(flow.pk)
    flow.refresh_from_db()
    if not is_due(flow):
        return message("sources.webhook.papers_later")
    read_papers(flow)
    return flow.papers_reason or message("sources.webhook.papers_read")


def _synchronise(flow: Flow) -> Message | None:
    if flow.setup_state == Flow.Setup.STOPPED:
        answer_failed(flow)
    if flow.setup_state != Flow.Setup.READY:
        return message("sources.flow_not_ready")
    run = request_sync(flow=flow, trigger=SyncRun.Trigger.WISEFLOW)
    # One that has begun may have read Ladok before the button was pressed, and only one that WISEflow asked for answers it.
    if run.trigger == SyncRun.Trigger.WISEFLOW and run.state == SyncRun.State.QUEUED:
        return message("sources.webhook.sync_requested")
    return None


def _read_phase(flow: Flow) -> None:
    with wiseflow_for(flow) as client:
        before = phase_of(Flow.objects.get(pk=flow.pk))
        values = phase_told(flow_info(flow, client))
    changed = {name: value for name, value in values.items() if before[name] != value}
    if changed and Flow.objects.filter(pk=flow.pk, **before).update(**changed):
        for name, value in changed.items():
            setattr(flow, name, value)
        logger.info("flow.phase.read flow=%s state=%s", flow.pk, flow.state)


# --- Ending it ---------------------------------------------------------------------------------------------------


def _end(claimed: Sequence[WebhookEvent], outcome: Message) -> None:
    source_pk = claimed[0].source_id
    with transaction.atomic():
        hold(source_pk)
        _of(claimed).update(handled_at=timezone.now(), lease_until=None, outcome=outcome.to_json())
        # What came while we worked was left to us.
        pending = (
            _alike(claimed[0]).filter(enqueued_at__isnull=True).order_by("pk").values_list("pk", flat=True).first()
        )
        if pending is not None:
            put_in_queue(pending)
    logger.info("webhook.handled source=%s call=%s count=%s", source_pk, claimed[0].pk, len(claimed))


def _leave(claimed: Sequence[WebhookEvent], reason: Message) -> None:
    """Open, for the sweep to put in the queue again after a while, with the reason; or closed with it, if it was the last try."""
    with transaction.atomic():
        hold(claimed[0].source_id)
        now = timezone.now()
        _of(claimed).update(lease_until=None, enqueued_at=now, enqueues=1, outcome=reason.to_json())
        _of(claimed).filter(claims__gte=MOST_CLAIMS).update(handled_at=now)


def _wait(claimed: Sequence[WebhookEvent], flow: Flow) -> None:
    """For the end of the synchronisation that is under way: `wake` is called then."""
    waits = message("sources.webhook.waits").to_json()
    with transaction.atomic():
        hold(flow.source_id)
        _of(claimed).update(lease_until=None, enqueued_at=timezone.now(), enqueues=1, claims=0, outcome=waits)
    if not SyncRun.objects.filter(flow=flow, state__in=SyncRun.OPEN).exists():
        wake(flow)  # it has ended meanwhile


def wake(flow: Flow) -> None:
    """A synchronisation of the flow has ended: a call that waited for it goes on."""
    waiting = WebhookEvent.objects.filter(
        source_id=flow.source_id, wiseflow_flow_id=flow.wiseflow_id, handled_at__isnull=True, event__in=SYNC
    )
    pk = waiting.order_by("pk").values_list("pk", flat=True).first()
    if pk is not None:
        with transaction.atomic():
            put_in_queue(pk)
