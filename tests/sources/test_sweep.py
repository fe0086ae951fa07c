"""What was left behind is put in the queue again, once; and the nightly synchronisations."""

import datetime as dt
import uuid
import zoneinfo
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone
from django_q.models import OrmQ

from ladokflow.clock import monotonic
from ladokflow.leases import LeaseLost
from sources.flows.create import create_flow
from sources.flows.request import request_flow
from sources.models import Flow, SyncRun
from sources.sweep import sweep_sources
from sources.sync.lease import LEASE, SURE_SECONDS, Lease
from sources.sync.nightly import request_night_syncs
from sources.sync.run import request_sync
from tests.factories import FlowFactory, SourceFactory, SyncRunFactory, UserFactory
from tests.warm import WarmProcess

pytestmark = pytest.mark.django_db
MINUTE = dt.timedelta(minutes=1)
LONG_AGO = dt.timedelta(minutes=10)


def queued():
    return OrmQ.objects.count()


def flow_in(setup_state, **fields):
    return FlowFactory(setup_state=setup_state, wiseflow_id=None, synced_at=None, **fields)


def lease(left):
    """A lease with so much left of it, counted when the test runs: rows of a table are made long before."""
    return {} if left is None else {"sync_token": uuid.uuid4(), "sync_lease_until": timezone.now() + left}


@pytest.mark.parametrize(
    ("setup_state", "enqueued", "lease_left", "again"),
    [
        ("queued", -LONG_AGO, None, 1),
        ("queued", -dt.timedelta(seconds=1), None, 0),
        ("queued", LONG_AGO, None, 1),  # by a clock that was ahead
        ("creating", -LONG_AGO, -MINUTE, 1),
        ("creating", -LONG_AGO, LEASE, 0),
        ("creating", -LONG_AGO, LONG_AGO, 1),  # longer than a lease can be
        ("creating", None, -MINUTE, 1),
        ("stopped", -LONG_AGO, None, 0),
    ],
)
def test_creations_that_nobody_works_on_are_enqueued_again_once(setup_state, enqueued, lease_left, again):
    flow_in(setup_state, setup_enqueued_at=enqueued and timezone.now() + enqueued, **lease(lease_left))
    assert sweep_sources() == again
    assert sweep_sources() == 0
    assert queued() == again


@pytest.mark.parametrize(
    ("state", "enqueued", "lease_left", "again"),
    [
        ("queued", -LONG_AGO, None, 1),
        ("queued", dt.timedelta(0), None, 0),
        ("running", -LONG_AGO, -MINUTE, 1),
        ("running", -LONG_AGO, LEASE, 0),
        ("running", -LONG_AGO, LONG_AGO, 1),
        ("success", -LONG_AGO, None, 0),
    ],
)
def test_runs_that_nobody_works_on_are_enqueued_again_once(state, enqueued, lease_left, again):
    SyncRunFactory(flow=FlowFactory(**lease(lease_left)), state=state, enqueued_at=timezone.now() + enqueued)
    assert sweep_sources() == again
    assert sweep_sources() == 0
    assert queued() == again


# --- The lease ---------------------------------------------------------------------------------------------------


def test_a_lease_is_taken_by_one():
    flow = FlowFactory()
    assert Lease.take(flow.pk) is not None
    assert Lease.take(flow.pk) is None


def test_a_lease_that_has_run_out_goes_to_the_next_and_the_first_writes_nothing_more():
    flow = FlowFactory()
    first = Lease.take(flow.pk)
    Flow.objects.filter(pk=flow.pk).update(sync_lease_until=Now() - dt.timedelta(seconds=1))
    second = Lease.take(flow.pk)
    with pytest.raises(LeaseLost):
        first.write(title="late")
    with pytest.raises(LeaseLost):
        first.renew()
    second.release(title="in time")
    assert Flow.objects.get(pk=flow.pk).title == "in time"


def test_a_renewed_lease_lasts_its_full_length_again():
    flow = FlowFactory()
    lease = Lease.take(flow.pk)
    Flow.objects.filter(pk=flow.pk).update(sync_lease_until=Now())
    lease.renew()
    left = Flow.objects.get(pk=flow.pk).sync_lease_until - timezone.now()
    assert LEASE / 2 < left <= LEASE


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_home", [True, False], ids=["in its own thread", "in another"])
def test_the_last_look_of_whoever_has_lost_the_lease_stops_the_writing(is_home):
    """Each thread of the work has a connection of its own, and none is left open."""
    flow = FlowFactory()
    held, lost = Lease.take(flow.pk), Lease(flow.pk, uuid.uuid4())
    lost._renewed = held._renewed = monotonic() - SURE_SECONDS - 1

    def look(lease):
        try:
            return lease.look()
        finally:
            assert is_home or connection.connection is None

    with ThreadPoolExecutor(1) as pool:
        do = (lambda lease: look(lease)) if is_home else (lambda lease: pool.submit(look, lease).result())
        do(held)
        assert monotonic() - held._renewed < SURE_SECONDS
        with pytest.raises(LeaseLost):
            do(lost)


# --- Two workers at once -----------------------------------------------------------------------------------------

WORKER = """
import sys, django
django.setup()
from sources import tasks
getattr(tasks, sys.argv[1])(sys.argv[2])
"""


def work_in_parallel(environment, task, key, count=3):
    workers = [WarmProcess("-c", WORKER, task, str(key), environment=environment) for _ in range(count)]
    assert [worker.wait(timeout=120) for worker in workers] == [0] * count


def test_three_workers_at_once_make_one_flow(liu, anna, sandbox, subprocess_environment):
    code = sandbox.control.add_exam("liu", people=5, courseName="Samtidig")
    flow = request_flow(source=liu, codes=[code], requested_by=anna)
    sandbox.control.delay(0.05)
    work_in_parallel(subprocess_environment, "create_flow", flow.pk)
    flow.refresh_from_db()
    assert flow.setup_state == "ready"
    assert len([row for row in sandbox.control.flows("liu") if "Samtidig" in row["title"]]) == 1
    assert flow.sync_runs.count() == 1


def test_three_workers_at_once_synchronise_once(liu, anna, sandbox, subprocess_environment):
    code = sandbox.control.add_exam("liu", people=5)
    flow = create_flow(request_flow(source=liu, codes=[code], requested_by=anna, enqueue=False).pk)
    sandbox.control.change_people("liu", code, add=3)
    run = request_sync(flow=flow, trigger=SyncRun.Trigger.MANAGER)
    sandbox.control.delay(0.05)
    work_in_parallel(subprocess_environment, "sync_flow", run.pk)
    run.refresh_from_db()
    assert (run.state, run.added, run.claims) == ("success", 3, 1)


# --- At night ----------------------------------------------------------------------------------------------------


def at(text):
    return dt.datetime.fromisoformat(text).replace(tzinfo=zoneinfo.ZoneInfo("Europe/Stockholm"))


def old_flow(**fields):
    flow = FlowFactory(**fields)
    Flow.objects.filter(pk=flow.pk).update(created_at=at("2026-01-01 12:00"))
    return flow


def test_each_flow_is_asked_for_once_a_night():
    flow = old_flow()
    assert request_night_syncs(timezone.now()) == 1
    assert request_night_syncs(timezone.now()) == 0
    assert flow.sync_runs.get().trigger == "night"


def test_before_the_sources_time_nothing_is_asked_for():
    source = SourceFactory(sync_at=dt.time(3, 30))
    flow = old_flow(source=source)
    run = SyncRunFactory(flow=flow)
    SyncRun.objects.filter(pk=run.pk).update(created_at=at("2026-02-01 03:31"))
    assert request_night_syncs(at("2026-02-02 03:29")) == 0
    assert request_night_syncs(at("2026-02-02 03:31")) == 1


def test_a_night_that_was_missed_is_caught_up_once():
    old_flow()
    assert request_night_syncs(timezone.now() + dt.timedelta(days=3)) == 1


@pytest.mark.parametrize("zone", ["Europe/Stockholm", "Europe/Helsinki"])  # in Helsinki 03:30 is missing, and doubled
@pytest.mark.parametrize(("month", "day"), [(3, 29), (10, 25)])
def test_a_night_in_which_the_clocks_change_is_one_night(zone, month, day):
    source = SourceFactory(sync_at=dt.time(3, 30), timezone=zone)
    flow = old_flow(source=source)
    days = [dt.datetime(2026, month, day + number, tzinfo=dt.UTC) for number in (-2, -1, 0, 1)]
    nights = []
    for now in (day + tick * dt.timedelta(minutes=15) for day in days for tick in range(5 * 4)):
        if request_night_syncs(now):
            flow.sync_runs.update(state=SyncRun.State.SUCCESS, finished_at=now)
            nights.append(now.date())
    # The first is the night before, caught up.
    assert nights == [days[0].date(), *(day.date() for day in days)]


@pytest.mark.parametrize(
    "fields",
    [
        {"state": Flow.State.CONCLUDED},
        {"state": Flow.State.ARCHIVED},
        {"setup_state": "stopped"},
    ],
)
def test_flows_that_are_over_or_unfinished_are_not_asked_for(fields):
    old_flow(created_by=UserFactory(), **fields)
    assert request_night_syncs(timezone.now()) == 0
