"""What subscribers are told: written down in the transaction in which it happens, or found by the sweeper; sent by the queue.

That an export has ended is told by whoever stores what the flow shows (`exports/rules/states.py`). What a flow asks has many makers,
and is compared with what each subscriber was told of it.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from sources.flows.asking import KINDS, asking, with_questions
from sources.models import Delivery, Event, Flow, Subscription, ToldQuestions


def announce(event: Event, flow: Flow, **facts: Any) -> int:
    """Have all subscribers of the flow's source told, who want to be; how many. Call it in the transaction in which it happens."""
    subscribers = Subscription.objects.filter(source_id=flow.source_id).of(event)
    for each in subscribers:
        put_down(each, event, flow, **facts)
    return len(subscribers)


def put_down(subscription: Subscription, event: Event, flow: Flow | None, **facts: Any) -> Delivery:
    """One delivery, and its entry in the queue."""
    now = timezone.now()
    delivery = Delivery(
        subscription=subscription, event=event, flow=flow, created_at=now, due_at=now, enqueued_at=now, enqueues=1
    )
    delivery.payload = {
        "id": str(delivery.pk),
        "event": str(event),
        "occurredAt": now.isoformat(),
        "source": subscription.source.slug,
        **(_of(flow) if flow is not None else {}),
        **facts,
    }
    delivery.save(force_insert=True)
    Delivery.wake_a_worker(delivery.pk)
    return delivery


def _of(flow: Flow) -> dict[str, Any]:
    """Numbers and codes: nobody's name."""
    codes = flow.codes.filter(removed_at__isnull=True).order_by("position").values_list("code", flat=True)
    return {
        "flow": flow.pk,
        "wiseflowFlow": flow.wiseflow_id,
        "codes": list(codes),
        "state": str(flow.export_state),
        "counts": flow.counts,
    }


def announce_questions() -> int:
    """Tell each subscriber what flows ask that it has not been told of; how many were told. Safe to run twice."""
    return sum(_announce_to(each) for each in Subscription.objects.of(Event.FLOW_ASKS))


def _announce_to(subscription: Subscription) -> int:
    flows = with_questions(asking(Flow.objects.filter(source=subscription.source_id)))
    now_asked = {flow.pk: (flow, _kinds(flow)) for flow in flows}
    told = {row.flow_id: row.kinds for row in ToldQuestions.objects.filter(subscription=subscription)}
    count = 0
    for pk in {*now_asked, *told}:
        flow, kinds = now_asked.get(pk, (None, []))
        if kinds != told.get(pk, []):
            count += _tell(subscription, pk, flow, kinds)
    return count


def _kinds(flow: Flow) -> list[str]:
    return sorted(kind.name for kind in KINDS.values() if getattr(flow, kind.column))


def _tell(subscription: Subscription, flow_pk: int, flow: Flow | None, kinds: list[str]) -> int:
    """1 where something new is asked. What is asked no more is only forgotten: should it be asked again, it is told again."""
    with transaction.atomic():
        # Under the subscription's lock: another sweeper may be as far.
        list(Subscription.objects.select_for_update(no_key=True).filter(pk=subscription.pk).values_list("pk"))
        rows = ToldQuestions.objects.filter(subscription=subscription, flow=flow_pk)
        row = rows.first()
        known = set(row.kinds) if row is not None else set()
        if kinds:
            ToldQuestions.objects.update_or_create(
                subscription=subscription, flow_id=flow_pk, defaults={"kinds": kinds}
            )
        else:
            rows.delete()
        if flow is None or known.issuperset(kinds):
            return 0
        put_down(subscription, Event.FLOW_ASKS, flow, asks=kinds)
        return 1
