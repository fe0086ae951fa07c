"""What a dead worker or a lost queue entry left behind. Runs outside the queue, for a dead queue cannot sweep itself.

Every step is a conditional move: safe to run twice, to run in two places, and to be killed. It never drops anything and
never sends anything.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Length, Now
from django.utils import timezone
from django_q.models import Task

from exports.attempts import outcomes, transitions
from exports.attempts.automatic import export_automatically
from exports.attempts.settle import check_with_ladok, flows_to_settle
from exports.attempts.start import SEND_TASK
from exports.grades.collect import synced_since_collected
from exports.models import ExportAttempt, Heartbeat
from exports.operation import digest, health
from exports.rules.states import UNDER_WAY, refresh_states
from ladokflow.http import RemoteError
from ladokflow.messages import Refused, message
from ladokflow.queue import enqueue
from sources.flows import batch
from sources.models import Flow, Participant, SyncRun
from sources.sweep import sweep_sources
from sources.webhooks import handle

logger = logging.getLogger(__name__)

State = ExportAttempt.State

STALE_QUEUED = dt.timedelta(seconds=120)  # doubled each time it is put in the queue again
LONGEST_STALE = dt.timedelta(hours=1)
ASK_AGAIN_SECONDS = 300.0  # a Ladok that could not tell is left in peace for so long
PRUNE_EVERY = dt.timedelta(hours=24)
MOST_STARTED = 20  # exports that one sweep starts
KEEP_TASKS = dt.timedelta(days=7)

_asked: dict[int, float] = {}  # flow -> when Ladok could not tell; this process only
_tried: dict[int, float] = {}  # flow -> when its export was last tried to be started; this process only


@dataclass
class SweepReport:
    unknown: int = 0  # attempts whose worker died while sending
    put_back: int = 0  # attempts whose worker died before sending
    dropped: int = 0  # attempts that killed a worker too often before sending
    enqueued: int = 0  # forgotten attempts, put in the queue again
    settled: int = 0  # unknown outcomes that Ladok's own record settled
    sources: int = 0  # what `sources.sweep.sweep_sources` enqueued
    refreshed: int = 0  # flows that still showed an export that has ended
    started: int = 0  # exports at the end of marking that a dead worker had not come to
    failures: list[str] = field(default_factory=list)  # steps that could not be done


def sweep() -> SweepReport:
    report = SweepReport()
    steps: tuple[tuple[str, Callable[[], int]], ...] = (
        ("unknown", lose_expired),
        ("dropped", drop_deadly),
        ("put_back", put_back_expired),
        ("enqueued", enqueue_forgotten),
        ("sources", sweep_sources),
        ("settled", settle_unknown),
        ("refreshed", refresh_stale),
        ("started", start_forgotten),
        ("", prune),
    )
    for name, step in steps:
        try:
            count = step()
        except Exception:
            logger.exception("export.sweep.step_failed step=%s", step.__name__)
            report.failures.append(step.__name__)
            if not connection.in_atomic_block:
                connection.close()
        else:
            if name:
                setattr(report, name, count)
    health.beat("sweep")
    facts = health.queue_facts()
    if facts.is_stalled:
        logger.error("export.queue.stalled waiting=%s oldest_seconds=%s", facts.waiting, facts.oldest_queued)
    return report


def lose_expired() -> int:
    """sending, lease run out: the worker is dead, and nobody knows what Ladok did."""
    expired = ExportAttempt.objects.filter(state=State.SENDING, lease_until__lt=Now()).values_list("pk", "token")
    return sum(outcomes.lose(pk, message("attempt.worker_died"), token=token) for pk, token in list(expired) if token)


def _expired_claims() -> Q:
    return Q(state=State.CLAIMED, lease_until__lt=Now())


def drop_deadly() -> int:
    """claimed, lease run out, too often: something in it kills the workers."""
    rows = ExportAttempt.objects.filter(_expired_claims(), claims__gte=transitions.MOST_CLAIMS)
    return sum(
        outcomes.drop(pk, token, message("attempt.not_prepared", claims=claims))
        for pk, token, claims in list(rows.values_list("pk", "token", "claims"))
        if token
    )


def put_back_expired() -> int:
    rows = ExportAttempt.objects.filter(_expired_claims(), claims__lt=transitions.MOST_CLAIMS).values_list(
        "pk", "token"
    )
    return sum(transitions.put_back(pk, token) for pk, token in list(rows) if token)


def enqueue_forgotten() -> int:
    """queued, and nobody came: lost on the way to the queue, or in it. An extra entry is harmless."""
    now = timezone.now()
    rows = ExportAttempt.objects.filter(state=State.QUEUED).filter(
        Q(enqueued_at__isnull=True) | Q(enqueued_at__lt=now - STALE_QUEUED)
    )
    count = 0
    for pk, enqueued_at, enqueues in list(rows.values_list("pk", "enqueued_at", "enqueues")):
        stale = min(STALE_QUEUED * 2 ** min(max(enqueues - 1, 0), 10), LONGEST_STALE)
        if enqueued_at is not None and enqueued_at > now - stale:
            continue
        with transaction.atomic():
            same = ExportAttempt.objects.filter(pk=pk, state=State.QUEUED, enqueued_at=enqueued_at)
            if enqueued_at is None:
                same = ExportAttempt.objects.filter(pk=pk, state=State.QUEUED, enqueued_at__isnull=True)
            if same.update(enqueued_at=Now(), enqueues=F("enqueues") + 1):
                enqueue(SEND_TASK, pk)
                count += 1
    return count


def refresh_stale() -> int:
    """Flows that show an export under way when there is none: the worker died between its record and the stored states."""
    stale = Flow.objects.filter(export_message__code__in=UNDER_WAY).exclude(attempts__state__in=ExportAttempt.OPEN)
    flows = list(stale.select_related("source"))
    for flow in flows:
        refresh_states(flow)
    return len(flows)


def settle_unknown() -> int:
    """Ask Ladok, where it can be asked, what it has registered of what nobody knows."""
    settled = 0
    for flow in flows_to_settle(timezone.now()):
        if time.monotonic() - _asked.get(flow.pk, -ASK_AGAIN_SECONDS) < ASK_AGAIN_SECONDS:
            continue
        settled += _settle_flow(flow)
    return settled


def _settle_flow(flow: Flow) -> int:
    try:
        found = check_with_ladok(flow=flow)
    except RemoteError as error:
        _asked[flow.pk] = time.monotonic()
        logger.warning("export.read_back.failed flow=%s reason=%s", flow.pk, error.message.code)
        return 0
    except Refused:
        return 0
    return found.exported + found.failed


def start_forgotten() -> int:
    """Exports that were to start when marking ended: the worker died after it had collected the grades."""
    ready = Participant.objects.filter(flow=OuterRef("pk"), export_message__code="export.ready_person")
    flows = (
        Flow.objects.ready()
        .filter(Exists(ready), exports_when_marking_ends=True, state__in=[Flow.State.CONCLUDED, Flow.State.ARCHIVED])
        .exclude(attempts__trigger=ExportAttempt.Trigger.MARKING_END)
        .exclude(attempts__state__in=ExportAttempt.OPEN)
        .exclude(synced_since_collected())  # it runs once: with the last grades, not with those read before the end
        .order_by("marking_end_at", "pk")
    )
    now = time.monotonic()
    due = [
        pk for pk in flows.values_list("pk", flat=True) if now - _tried.get(pk, -ASK_AGAIN_SECONDS) >= ASK_AGAIN_SECONDS
    ]
    started = 0
    for flow in Flow.objects.select_related("source").filter(pk__in=due[:MOST_STARTED]):
        _tried[flow.pk] = now  # one that is refused, or fails, must not keep the others waiting
        started += bool(export_automatically(flow))
    return started


def prune() -> int:
    """Once a day: answers, synchronisations and finished queue entries that are older than they are to be kept."""
    now = timezone.now()
    Heartbeat.objects.get_or_create(name="prune", defaults={"at": now - 2 * PRUNE_EVERY})
    if not Heartbeat.objects.filter(name="prune", at__lt=now - PRUNE_EVERY).update(at=now):
        return 0
    old = now - dt.timedelta(days=settings.ANSWER_RETENTION_DAYS)
    answers = ExportAttempt.objects.annotate(length=Length("answer")).filter(finished_at__lt=old, length__gt=0)
    pruned = ExportAttempt.objects.filter(pk__in=list(answers.values_list("pk", flat=True))).update(answer="")
    old = now - dt.timedelta(days=settings.SYNC_RUN_RETENTION_DAYS)
    later = SyncRun.objects.filter(flow=OuterRef("flow"), created_at__gt=OuterRef("created_at"))
    SyncRun.objects.filter(Exists(later), finished_at__lt=old).delete()  # the last one of a flow stays
    digest.prune(old)
    batch.prune(old)
    handle.prune(now - dt.timedelta(days=settings.WEBHOOK_EVENT_RETENTION_DAYS))
    Task.objects.filter(stopped__lt=now - KEEP_TASKS).delete()
    return pruned
