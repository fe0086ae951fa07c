"""Clocks that are hours ahead or behind, or have been set: rows whose times cannot be true keep nothing from going on."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.db.models import Q
from django.test import Client

from exports.models import DigestReader, ExportAttempt, Heartbeat
from exports.operation import digest, health
from exports.operation.sweep import sweep
from sources.models import Flow, RoomTurn, SyncRun, WebhookEvent
from sources.sync.apply.room_lock import TurnTaken, rooms_turn
from sources.sync.lease import Lease
from sources.webhooks.handle import is_looked_after
from tests.factories import ExportAttemptFactory, FlowFactory, SyncRunFactory, UserFactory, in_hours

MakeFlow = Callable[..., Flow]


def at(seconds: float) -> dt.datetime:
    return in_hours(seconds / 3600)


# --- Leases: for each kind, how long it is taken for, and whether somebody else gets the thing when it ends at a moment


def _sending(until: dt.datetime) -> bool:
    attempt = ExportAttemptFactory(state="sending", lease_until=until, sent_count=1)
    return sweep().unknown == 1 and ExportAttempt.objects.get(pk=attempt.pk).state == "failed"


def _claimed(until: dt.datetime) -> bool:
    attempt = ExportAttemptFactory(state="claimed", lease_until=until, claims=1)
    return sweep().put_back == 1 and ExportAttempt.objects.get(pk=attempt.pk).state == "queued"


def _claimed_often(until: dt.datetime) -> bool:
    attempt = ExportAttemptFactory(state="claimed", lease_until=until, claims=3)
    return sweep().dropped == 1 and ExportAttempt.objects.get(pk=attempt.pk).state == "failed"


def _flow(until: dt.datetime) -> bool:
    flow = FlowFactory(sync_token=uuid.uuid4(), sync_lease_until=until)
    return Lease.take(flow.pk) is not None


def _run(until: dt.datetime) -> bool:
    flow = FlowFactory(sync_token=uuid.uuid4(), sync_lease_until=until)
    run = SyncRunFactory(flow=flow, state="running", enqueued_at=at(-3600))
    return run in SyncRun.objects.forgotten()


def _webhook(until: dt.datetime) -> bool:
    flow = FlowFactory()
    rows = [
        WebhookEvent.objects.create(
            source=flow.source, call_id=str(number), event="ASSESSMENT", wiseflow_flow_id=flow.wiseflow_id, **fields
        )
        for number, fields in enumerate([{"lease_until": until, "enqueued_at": at(-3600)}, {}])
    ]
    return WebhookEvent.objects.filter(WebhookEvent.is_free(), pk=rows[0].pk).exists() and not is_looked_after(rows[1])


def _room(until: dt.datetime) -> bool:
    source = FlowFactory().source
    RoomTurn.objects.create(source=source, name="sal", token=uuid.uuid4(), lease_until=until)
    with suppress(TurnTaken), rooms_turn(source, "Sal", wait_seconds=0):
        return True
    return False


def _reader(until: dt.datetime) -> bool:
    user = UserFactory()
    DigestReader.objects.create(user=user, lease_until=until)
    return digest._take(user.pk, at(0))


LEASES: dict[str, tuple[Callable[[dt.datetime], bool], int]] = {
    "sending": (_sending, 90),
    "claimed": (_claimed, 90),
    "claimed too often": (_claimed_often, 90),
    "flow": (_flow, 45),
    "run": (_run, 45),
    "webhook": (_webhook, 60),
    "room": (_room, 120),
    "reader": (_reader, 600),
}
MOMENTS = {
    "a day ago": (lambda longest: -86400, True),
    "a second ago": (lambda longest: -1, True),
    "in a moment": (lambda longest: 20, False),
    "as late as can be": (lambda longest: longest, False),
    "later than can be": (lambda longest: longest + 30, True),
    "in two hours": (lambda longest: 7200, True),
    "in a year": (lambda longest: 365 * 86400, True),
}


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("kind", LEASES)
def test_a_lease_is_believed_no_longer_than_a_lease_can_be(db: None, kind: str, moment: str) -> None:
    is_to_be_had, longest = LEASES[kind]
    seconds, is_over = MOMENTS[moment]
    assert is_to_be_had(at(seconds(longest))) is is_over


# --- Queue entries


WAITING: dict[str, Callable[[dt.datetime], Any]] = {
    "attempt": lambda moment: ExportAttemptFactory(state="queued", enqueued_at=moment, enqueues=3),
    "run": lambda moment: SyncRunFactory(state="queued", enqueued_at=moment),
    "flow": lambda moment: FlowFactory(setup_state="queued", wiseflow_id=None, setup_enqueued_at=moment),
}


@pytest.mark.parametrize(("seconds", "is_forgotten"), [(-7200, True), (-10, False), (7200, True), (86400 * 30, True)])
@pytest.mark.parametrize("kind", WAITING)
def test_an_entry_that_was_made_in_the_future_is_made_again(
    db: None, kind: str, seconds: int, is_forgotten: bool
) -> None:
    row = WAITING[kind](at(seconds))
    again = type(row).objects.enqueue_again()
    assert (row in again) is is_forgotten
    assert row not in type(row).objects.enqueue_again()


# --- What is told


@pytest.fixture
def alive(db: None) -> None:
    health.beat()
    health.beat("sweep")


def told(client: Client) -> tuple[int, dict[str, Any]]:
    answer = client.get("/health/")
    return answer.status_code, answer.json()


def test_health_is_good_where_all_is_well(alive: None, client: Client) -> None:
    ExportAttemptFactory(state="sending", lease_until=at(60))
    status, facts = told(client)
    assert (status, facts["queue"]["leftBehind"], facts["queue"]["stalled"]) == (200, 0, False)
    assert facts["clock"]["agrees"] is True


@pytest.mark.parametrize("state", ["claimed", "sending"])
@pytest.mark.parametrize(("seconds", "status"), [(60, 200), (-60, 200), (-600, 503), (7200, 503)])
def test_health_says_that_nobody_takes_care_of_an_attempt_whose_lease_is_over(
    alive: None, client: Client, state: str, seconds: int, status: int
) -> None:
    ExportAttemptFactory(state=state, lease_until=at(seconds))
    found, facts = told(client)
    assert (found, facts["queue"]["leftBehind"]) == (status, int(status == 503))
    sweep()
    assert told(client)[0] == 200


@pytest.mark.parametrize("seconds", [-3600, 3600])
def test_a_sign_of_life_that_is_far_away_is_none(alive: None, client: Client, seconds: int) -> None:
    Heartbeat.objects.filter(name="queue").update(at=at(seconds))
    assert told(client)[0] == 503


def test_an_attempt_that_waits_since_the_future_is_told(alive: None, client: Client) -> None:
    attempt = ExportAttemptFactory(state="queued")
    ExportAttempt.objects.filter(Q(pk=attempt.pk)).update(created_at=at(7200))
    assert told(client)[0] == 503


@pytest.mark.parametrize("hours", [-3, 3])
def test_health_says_that_the_machines_clock_is_not_the_databases(
    alive: None, client: Client, hours: int, time_machine: Any
) -> None:
    """On SQLite the database has the machine's own clock, which the test cannot set: only Python's."""
    time_machine.move_to(in_hours(hours))
    facts = told(client)[1]
    assert facts["clock"]["agrees"] is False
    assert abs(facts["clock"]["differenceSeconds"] + hours * 3600) < 60
