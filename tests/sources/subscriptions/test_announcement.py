"""What subscribers are told, and whom."""

from __future__ import annotations

import json
from typing import Any

import pytest

from exports.attempts.marks import ABSENT, THERE, say, seen_of
from exports.models import ExportItem
from exports.rules.states import refresh_states
from sources.models import Delivery, Flow, Subscription
from sources.subscriptions.announcement import announce_questions
from sources.sweep import sweep_sources
from tests.factories import (
    ExportAttemptFactory,
    ExportItemFactory,
    FlowFactory,
    MembershipFactory,
    ParticipantFactory,
    SubscriptionFactory,
    in_hours,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def sent(subscription: Subscription) -> ExportItem:
    """The one grade of a flow, under way."""
    flow = FlowFactory(source=subscription.source, state=Flow.State.CONCLUDED, collected_at=in_hours(-1))
    person = ParticipantFactory(flow=flow, grade="5")
    item: Any = ExportItemFactory(attempt=ExportAttemptFactory(flow=flow, state="queued"), participant=person)
    refresh_states(flow)
    return item


def end(item: ExportItem, state: str) -> Flow:
    attempt, flow = item.attempt, item.attempt.flow
    counts = {f"{name}_count": int(state == name) for name in ("exported", "failed", "unknown")}
    ended = "exported" if state == "exported" else "failed"
    type(attempt).objects.filter(pk=attempt.pk).update(state=ended, finished_at=in_hours(0), **counts)
    ExportItem.objects.filter(pk=item.pk).update(state=state)
    flow.refresh_from_db()
    refresh_states(flow)
    return flow


def events() -> list[tuple[str, Any]]:
    return [(row.event, row.subscription) for row in Delivery.objects.order_by("created_at")]


@pytest.mark.parametrize(
    ("state", "event"), [("exported", "flow.exported"), ("failed", "flow.failed"), ("unknown", "flow.failed")]
)
def test_that_an_export_has_ended_is_told_once(
    sent: ExportItem, subscription: Subscription, state: str, event: str
) -> None:
    assert events() == []
    flow = end(sent, state)
    refresh_states(flow)
    assert events() == [(event, subscription)]
    payload = Delivery.objects.get().payload
    assert (payload["event"], payload["flow"], payload["source"]) == (event, flow.pk, subscription.source.slug)
    assert payload["counts"]["exported"] == (state == "exported")


def test_nobody_is_named(sent: ExportItem) -> None:
    end(sent, "failed")
    person, told = sent.participant, json.dumps(Delivery.objects.get().payload)
    facts = (person.first_name, person.last_name, person.organisation_id, person.email, person.external_user_id)
    assert not [fact for fact in facts if fact in told]


def test_a_word_of_a_manager_is_told_too(sent: ExportItem, subscription: Subscription) -> None:
    flow = end(sent, "unknown")
    by = MembershipFactory(source=flow.source).user
    item = ExportItem.objects.get(pk=sent.pk)
    say(THERE, flow=flow, seen={item.pk: seen_of(item)}, by=by, reason="Seen.")
    assert [event for event, _ in events()] == ["flow.failed", "flow.exported"]


def test_only_who_wants_to_be_is_told_and_nobody_of_another_source(
    sent: ExportItem, subscription: Subscription
) -> None:
    SubscriptionFactory(source=subscription.source, events=["flow.exported"])
    SubscriptionFactory(source=subscription.source, enabled=False)
    SubscriptionFactory()
    end(sent, "failed")
    assert events() == [("flow.failed", subscription)]


def test_what_a_flow_asks_is_told_once_and_again_when_it_is_asked_anew(subscription: Subscription) -> None:
    SubscriptionFactory()  # of another source
    flow = FlowFactory(source=subscription.source, setup_state="stopped", wiseflow_id=None)
    assert sweep_sources() == 1
    assert announce_questions() == 0
    row = Delivery.objects.get()
    assert (row.subscription, row.payload["asks"], row.payload["flow"]) == (subscription, ["creation"], flow.pk)
    Flow.objects.filter(pk=flow.pk).update(setup_state="ready", wiseflow_id=1)
    assert announce_questions() == 0
    Flow.objects.filter(pk=flow.pk).update(sync_message=row.outcome or {"code": "sources.flow_not_ready", "params": {}})
    assert announce_questions() == 1
    Flow.objects.filter(pk=flow.pk).update(adoption="unsaid")
    assert announce_questions() == 1
    newest = Delivery.objects.order_by("created_at").last()
    assert newest is not None
    assert newest.payload["asks"] == ["adoption", "synchronisation"]


def test_the_absent_word_is_no_export(sent: ExportItem) -> None:
    """A grade that is said not to be there leaves the flow failed: nothing new is told."""
    flow = end(sent, "unknown")
    type(sent.attempt).objects.update(finished_at=in_hours(-5))
    item = ExportItem.objects.get(pk=sent.pk)
    say(ABSENT, flow=flow, seen={item.pk: seen_of(item)}, by=MembershipFactory(source=flow.source).user, reason="Seen.")
    assert [event for event, _ in events()] == ["flow.failed"]
