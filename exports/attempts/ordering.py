"""An export of many people: what takes no time is looked at when it is asked for, and a worker starts it.

Whoever presses the button waits for nothing. The order stands in an attempt that has no items yet: it is under way for everybody,
and no second one can be ordered. The worker starts it by the same rules as any other (`start.start`), held to what was seen, and where
they say no the attempt fails with that.
"""

from __future__ import annotations

import logging

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models.functions import Now

from exports.attempts.order import Order
from exports.attempts.start import ClaimLost, Started, start, started_by
from exports.models import ExportAttempt
from exports.rules import rules
from exports.rules.cases import lock
from exports.rules.facts import flow_facts, sender_of, source_facts
from exports.rules.states import refresh_progress
from exports.rules.values import Asking
from exports.writing import refused_where_taken
from ladokflow.fingerprints import NotAsShown
from ladokflow.messages import Message, Refused, message
from sources.audit import record
from sources.models import Flow

logger = logging.getLogger(__name__)

MOST_AT_ONCE = 200  # people of a flow that are looked at while somebody waits


def start_or_order(
    flow: Flow, order: Order, *, requested_by: AbstractBaseUser, is_seen_in_parts: bool = True
) -> list[ExportAttempt]:
    """Start it where that is done at once, else have a worker do it. Refused and NotAsShown as of `start`. `is_seen_in_parts`: the
    fingerprint that was seen has a part for each person, as a form's has."""
    if flow.participant_count <= MOST_AT_ONCE:
        return start(flow, order, requested_by=requested_by)
    if is_seen_in_parts and order.seen is not None and "." not in order.seen:
        raise NotAsShown  # no preview of anybody: the worker would only find the same
    return [_order(flow, order, requested_by)]


def _order(flow: Flow, order: Order, requested_by: AbstractBaseUser) -> ExportAttempt:
    with refused_where_taken(message("export.under_way")), transaction.atomic():
        locked = lock(flow.pk)
        code = locked.codes.filter(removed_at__isnull=True).order_by("position").first()
        is_under_way = locked.attempts.filter(state__in=ExportAttempt.OPEN).exists()
        doubt = Message.from_json(locked.scale_message)
        facts = flow_facts(locked, has_code=code is not None, is_under_way=is_under_way, doubt=doubt)
        sender = sender_of(locked, requested_by)
        refusal = rules.flow_refusal(source_facts(locked.source), facts, sender, order.asking)
        if refusal or code is None:
            raise Refused(refusal or message("export.ended"))
        attempt = ExportAttempt.objects.create(
            flow=locked,
            code=code,
            is_retry=order.asking is Asking.RETRY,
            requested_by_id=requested_by.pk,
            order=order.to_json(),
            message=message("attempt.queued").to_json(),
            enqueued_at=Now(),
            enqueues=1,
        )
        said = message("audit.export_ordered")
        record(
            message=said,
            source=locked.source,
            flow=locked,
            attempt_id=attempt.pk,
            actor=requested_by,
            address=order.address,
        )
        ExportAttempt.wake_a_worker(attempt.pk)
        refresh_progress(locked.pk)
    logger.info("export.attempt.ordered attempt=%s", attempt.pk)
    return attempt


def carry_out(attempt: ExportAttempt) -> Started | None:
    """Start what an attempt holds the order of, which this worker has claimed. None where the claim is
    lost; Refused where nothing may be started, or it is not what was seen any more."""
    order = Order.from_json(attempt.order)
    try:
        started, *_others = started_by(
            attempt.flow, order, requested_by=attempt.requested_by, trigger=attempt.trigger, ordered=attempt
        )
    except ClaimLost:
        return None
    except NotAsShown as differs:
        if differs.difference is None:
            raise
        found = differs.difference
        counts = {"new": len(found.new), "gone": len(found.gone), "other": len(found.other)}
        raise Refused(message("export.not_as_shown", **counts)) from differs
    attempt.refresh_from_db()
    return started
