"""After a backup has been restored: what was sent since it was made nobody knows here, so none of it is sent before a manager has said
what is in Ladok.

A grade of which nothing stands here may have been exported since: it is asked of the flow as of one that was taken over
(`exports/attempts/adoption.py`). What waited to be sent, and what had failed and may have been retried since, is unknown.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator

from django.db import transaction
from django.db.models import Exists, F, Q
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from exports.attempts.counts import recount
from exports.models import ExportAttempt, ExportItem
from exports.rules.cases import lock
from exports.rules.states import refresh_states
from exports.writing import update_in_groups
from ladokflow.choices import with_trait
from ladokflow.messages import Trait, message
from sources.audit import record
from sources.models import Flow
from sources.models.flow import ExportState

logger = logging.getLogger(__name__)

State = ExportItem.State


def hold() -> Iterator[tuple[int, int]]:
    """Does the work flow by flow, and says after each which it was, and how many of its grades are unknown now. Begun anew it goes on
    where it was."""
    has_begun = (
        Q(participation_start_at__lte=timezone.now())
        | Q(state__gt=Flow.State.NOT_ACTIVATED)
        | Q(attempts__isnull=False)
    )
    flows = Flow.objects.ready().filter(
        has_begun, released_at__isnull=True, purged_at__isnull=True, export_ended_at=None
    )
    done_with = Q(state=Flow.State.ARCHIVED, export_state=ExportState.EXPORTED)
    for pk in list(flows.exclude(done_with).order_by("pk").values_list("pk", flat=True).distinct()):
        yield pk, _hold(pk)


def _hold(pk: int) -> int:
    with transaction.atomic():
        flow = lock(pk)
        count = _doubt_waiting(flow) + _doubt_failed(flow)
        Flow.objects.filter(pk=pk).update(adoption=Flow.Adoption.UNSAID)
        record(message=message("audit.held_after_restore", count=count), source=flow.source, flow=flow)
        refresh_states(flow)
    logger.warning("export.held_after_restore flow=%s unknown=%s", pk, count)
    return count


def _doubt_waiting(flow: Flow) -> int:
    """What a worker was to send, or was sending: it has been sent since, or has not."""
    reason = message("attempt.restored").to_json()
    count = 0
    for attempt in flow.attempts.filter(state__in=ExportAttempt.OPEN):
        unknown = attempt.items.filter(state=State.LIVE).update(state=State.UNKNOWN, message=reason)
        ExportAttempt.objects.filter(pk=attempt.pk).update(
            state=ExportAttempt.State.FAILED,
            order={},
            lease_until=None,
            sending_at=Coalesce("sending_at", Now()),
            finished_at=Now(),
            unknown_count=F("unknown_count") + unknown,
            message=reason,
        )
        count += unknown
    return count


def _doubt_failed(flow: Flow) -> int:
    """But for what Ladok had already: no retry could send that again."""
    held = ExportItem.objects.earlier().filter(state__in=ExportItem.HOLDING)
    failed = ExportItem.objects.of_flow(flow).newest().filter(~Exists(held), state=State.FAILED)
    of_attempts = dict(failed.exclude(with_trait("message", Trait.ALREADY_IN_LADOK)).values_list("pk", "attempt_id"))
    unknown = {
        "state": State.UNKNOWN.value,
        "message": message("attempt.restored").to_json(),
        "absent_at": None,
        "before_mark": {},
        "settled_by": None,
        "settled_at": None,
    }
    update_in_groups(ExportItem.objects.all(), dict.fromkeys(of_attempts, unknown))
    for attempt_pk, count in Counter(of_attempts.values()).items():
        ExportAttempt.objects.filter(pk=attempt_pk).update(sending_at=Coalesce("sending_at", "finished_at"))
        recount(attempt_pk, failed=-count, unknown=count)
    return len(of_attempts)
