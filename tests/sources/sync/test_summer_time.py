"""The nights in which summer time begins and ends, from Ladok's list to what stands in WISEflow."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest

from exports.grades.asking import due_for_collection
from ladokflow.sandbox.server import Sandbox
from sources.flows.create import create_flow
from sources.flows.request import request_flow
from sources.models import Flow, Source, SyncRun
from sources.sync.nightly import request_night_syncs
from sources.sync.run import request_sync, run_sync
from tests.factories import FlowFactory

pytestmark = pytest.mark.django_db

SPRING, AUTUMN = dt.date(2026, 3, 29), dt.date(2026, 10, 25)
HOUR = dt.timedelta(hours=1)
DATES = ("start", "end", "marking_start", "marking_end")


def utc(text: str) -> float:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC).timestamp()


def day_of(night: dt.date, *, every: dt.timedelta) -> Iterator[dt.datetime]:
    """From noon to noon of UTC around the night: as many real hours as on any other day."""
    moment = dt.datetime.combine(night - dt.timedelta(days=1), dt.time(12), dt.UTC)
    last = moment + 24 * HOUR
    while moment < last:
        yield moment
        moment += every


def create(source: Source, anna: object, sandbox: Sandbox, **fields: str) -> Flow:
    code = sandbox.control.add_exam(source.slug, people=2, **fields)
    return create_flow(request_flow(source=source, codes=[code], requested_by=anna, enqueue=False).pk)


def there(sandbox: Sandbox, flow: Flow) -> list[float]:
    dates = sandbox.control.flow(flow.wiseflow_id or 0)["dates"]
    return [dates[name] for name in DATES]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        # The Friday is in winter, what follows the exam in summer: noon is noon on both sides.
        (
            ("2026-03-27", "08:00", "2026-03-27", "13:00", ""),
            ("2026-03-27 07:00", "2026-03-27 12:00", "2026-03-29 10:00", "2026-04-26 10:00"),
        ),
        # Through the night that lacks an hour: seven real hours.
        (
            ("2026-03-28", "22:00", "2026-03-29", "06:00", "2026-04-20"),
            ("2026-03-28 21:00", "2026-03-29 04:00", "2026-03-31 10:00", "2026-04-20 21:59:59"),
        ),
        # In the missing hour: it is moved past the jump.
        (
            ("2026-03-29", "02:30", "2026-03-29", "08:00", "2026-03-29T23:00"),
            ("2026-03-29 01:30", "2026-03-29 06:00", None, "2026-03-29 21:00"),
        ),
        # Through the night that has an hour twice; of the doubled hour the first is meant.
        (
            ("2026-10-24", "20:00", "2026-10-25", "02:30", "2026-11-20"),
            ("2026-10-24 18:00", "2026-10-25 00:30", "2026-10-27 11:00", "2026-11-20 22:59:59"),
        ),
        (
            ("2026-10-23", "08:00", "2026-10-23", "13:00", ""),
            ("2026-10-23 06:00", "2026-10-23 11:00", "2026-10-25 11:00", "2026-11-22 11:00"),
        ),
    ],
    ids=["spring after", "spring through", "spring within", "autumn through", "autumn after"],
)
def test_wiseflow_has_the_moments_that_ladok_means(
    liu: Source, anna: object, sandbox: Sandbox, said: tuple[str, ...], expected: tuple[str | None, ...]
) -> None:
    names = ("examStartDate", "startTime", "examEndDate", "endTime", "sensurfrist")
    flow = create(liu, anna, sandbox, **dict(zip(names, said, strict=True)))
    for found, moment in zip(there(sandbox, flow), expected, strict=True):
        assert moment is None or found == utc(moment), dt.datetime.fromtimestamp(found, dt.UTC)
    run = run_sync(request_sync(flow=flow, trigger=SyncRun.Trigger.COMMAND, enqueue=False).pk)
    assert (run.state, run.changes) == ("success", [])


@pytest.mark.parametrize("night", [SPRING, AUTUMN])
def test_a_flow_is_synchronised_once_in_the_night(liu: Source, anna: object, sandbox: Sandbox, night: dt.date) -> None:
    flow = create(liu, anna, sandbox)
    before = dt.datetime.combine(night - dt.timedelta(days=1), dt.time(11), dt.UTC)
    Flow.objects.filter(pk=flow.pk).update(created_at=before - 5 * HOUR)
    SyncRun.objects.filter(flow=flow).update(created_at=before)
    sandbox.control.clear_received()
    at = []
    for now in day_of(night, every=dt.timedelta(minutes=15)):
        if request_night_syncs(now):
            run = run_sync(SyncRun.objects.get(flow=flow, state="queued").pk)
            assert run.state == "success", run.message
            at.append(now.astimezone(liu.tz))
    assert [f"{moment:%Y-%m-%d %H:%M}" for moment in at] == [f"{night} 03:30"]
    lists = [call for call in sandbox.control.received("liu") if call["method"] == "GET"]
    assert len(lists) == 1


@pytest.mark.parametrize("night", [SPRING, AUTUMN])
@pytest.mark.parametrize(
    ("fields", "times"),
    [
        ({"instant_export": True}, 12 * 24),
        ({"marking_end_at": dt.datetime(2026, 1, 1, tzinfo=dt.UTC)}, 12 * 24),
        ({}, 24),
    ],
    ids=["instant", "waiting", "others"],
)
def test_grades_are_collected_as_often_as_on_any_other_day(
    night: dt.date, fields: dict[str, object], times: int
) -> None:
    """Every five minutes, where it is looked so often; every hour else: of real time, whatever clocks on the wall show."""
    flow = FlowFactory(**{"marking_end_at": dt.datetime(2027, 1, 1, tzinfo=dt.UTC)} | fields)
    first, count = next(day_of(night, every=HOUR)), 0
    Flow.objects.filter(pk=flow.pk).update(collected_at=first - 2 * HOUR)
    for now in day_of(night, every=dt.timedelta(minutes=5)):
        if Flow.objects.filter(due_for_collection(now), pk=flow.pk).exists():
            # A second before, as a collection notes when it began: so the next is not kept from coming in time.
            Flow.objects.filter(pk=flow.pk).update(collected_at=now - dt.timedelta(seconds=1))
            count += 1
    assert count == times
