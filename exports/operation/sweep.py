"""What a dead worker or a lost queue entry left behind. Runs outside the queue, for a dead queue cannot sweep itself.

Every step is a conditional move: safe to run twice, to run in two places, and to be killed. It never drops anything and
never sends anything.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import connection
from django.db.models import Exists, OuterRef

from exports.attempts import outcomes, transitions
from exports.attempts.automatic import export_automatically
from exports.attempts.settle import check_with_ladok, flows_to_settle
from exports.grades.asking import synced_since_collected
from exports.models import Collection, ExportAttempt, Package
from exports.operation import health, pruning
from exports.operation.tallies import write_down
from exports.rules.states import refresh_states
from ladokflow.choices import with_trait
from ladokflow.http import RemoteError
from ladokflow.messages import Refused, Trait, message
from ladokflow.wiseflow.words import MARKING_OVER
from sources.models import Flow, Participant
from sources.sweep import sweep_sources

logger = logging.getLogger(__name__)

State = ExportAttempt.State

ASK_AGAIN_SECONDS = 300.0  # a Ladok that could not tell is left in peace for so long
MOST_STARTED = 20  # exports that one sweep starts

_asked: dict[int, float] = {}  # flow -> when Ladok could not tell; this process only
_tried: dict[int, float] = {}  # flow -> when its export was last tried to be started; this process only


@dataclass
class SweepReport:
    unknown: int = 0  # attempts whose worker died while sending
    put_back: int = 0  # attempts whose worker died before sending
    dropped: int = 0  # attempts that killed a worker too often before sending
    enqueued: int = 0  # forgotten attempts, put in the queue again
    collections: int = 0  # flows whose grades nobody came to collect, put in the queue again
    settled: int = 0  # unknown outcomes that Ladok's own record settled
    packages: int = 0  # archive packages that nobody came to make, put in the queue again
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
        ("collections", enqueue_collections),
        ("packages", enqueue_packages),
        ("sources", sweep_sources),
        ("settled", settle_unknown),
        ("refreshed", refresh_stale),
        ("started", start_forgotten),
        ("", pruning.prune),
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
    write_down()
    health.beat("sweep")
    health.await_export_worker()
    facts = health.queue_facts()
    if facts.is_stalled:
        logger.error(
            "export.queue.stalled waiting=%s oldest_seconds=%s left_behind=%s",
            facts.waiting, facts.oldest_queued, facts.left_behind,
        )  # fmt: skip
    if facts.lacks_export_worker:
        logger.error("export.queue.no_export_worker silent_seconds=%s", facts.exports_heartbeat)
    if not facts.clocks_agree:
        logger.error("clock.differs seconds=%s", facts.clock_difference)
    return report


def lose_expired() -> int:
    """sending, lease run out: the worker is dead, and nobody knows what Ladok did."""
    expired = ExportAttempt.objects.filter(transitions.left_behind(State.SENDING)).values_list("pk", "token")
    return sum(outcomes.lose(pk, message("attempt.worker_died"), token=token) for pk, token in list(expired) if token)


def drop_deadly() -> int:
    """claimed or reading, lease run out, too often: something in it kills the workers."""
    died = transitions.left_behind(State.CLAIMED, State.READING)
    rows = ExportAttempt.objects.filter(died, claims__gte=transitions.MOST_CLAIMS)
    return sum(
        outcomes.drop(pk, token, message("attempt.not_prepared", claims=claims))
        for pk, token, claims in list(rows.values_list("pk", "token", "claims"))
        if token
    )


def put_back_expired() -> int:
    rows = ExportAttempt.objects.filter(transitions.left_behind(State.CLAIMED), claims__lt=transitions.MOST_CLAIMS)
    return sum(transitions.put_back(pk, token) for pk, token in list(rows.values_list("pk", "token")) if token)


def enqueue_forgotten() -> int:
    """queued or reading, and nobody came: lost on the way to the queue, or in it. An extra entry is harmless."""
    return len(ExportAttempt.objects.defer("answer").enqueue_again())


def enqueue_collections() -> int:
    return len(Collection.objects.enqueue_again())


def enqueue_packages() -> int:
    return len(Package.objects.enqueue_again())


def refresh_stale() -> int:
    """Flows that show an export under way when there is none: the worker died between its record and the stored states."""
    stale = Flow.objects.filter(with_trait("export_message", Trait.UNDER_WAY)).exclude(
        attempts__state__in=ExportAttempt.OPEN
    )
    flows = list(stale.select_related("source"))
    for flow in flows:
        refresh_states(flow)
    return len(flows)


def settle_unknown() -> int:
    """Ask Ladok, where it can be asked, what it has registered of what nobody knows."""
    settled = 0
    for flow in flows_to_settle():
        if time.monotonic() - _asked.get(flow.pk, -ASK_AGAIN_SECONDS) < ASK_AGAIN_SECONDS:
            continue
        settled += _settle_flow(flow)
    return settled


def _settle_flow(flow: Flow) -> int:
    try:
        settled = check_with_ladok(flow=flow)
    except RemoteError as error:
        _asked[flow.pk] = time.monotonic()
        logger.warning("export.read_back.failed flow=%s reason=%s", flow.pk, error.message.code)
        return 0
    except Refused:
        return 0
    if settled.unread:
        _asked[flow.pk] = time.monotonic()
    return settled.exported + settled.failed


def start_forgotten() -> int:
    """Exports that were to start when marking ended: the worker died after it had collected the grades."""
    ready = Participant.objects.filter(with_trait("export_message", Trait.READY), flow=OuterRef("pk"))
    flows = (
        Flow.objects.ready()
        .filter(Exists(ready), exports_when_marking_ends=True, state__in=MARKING_OVER)
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
