"""WISEflow's logs are kept entry by entry, each once, whatever dies and however pages fall; what cannot be had any more is told."""

from __future__ import annotations

import datetime as dt
import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

import pytest
from django.db import connection
from django.test import override_settings
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exports.operation.pruning import prune
from ladokflow.sandbox.server import Sandbox
from ladokflow.wiseflow.logs import PAGE
from sources.logs.read import KEPT, LATE, flows_of_the_night, read_log, want, want_due
from sources.models import Flow, LogEntry, LogGap, LogReading, Participant, Source
from sources.universities.clients import wiseflow_for
from tests.environment import ROOT
from tests.factories import FlowFactory
from tests.meanwhile import once_at

pytestmark = pytest.mark.django_db
NOW = 1_700_000_000


def entries(moments: Sequence[float], **more: Any) -> list[dict[str, Any]]:
    return [{"source": {"action": "PAPER_SAVED", "number": n}, "at": at, **more} for n, at in enumerate(moments)]


def read_now(source: Source, flow: Flow | None = None) -> LogReading:
    want(source, flow, enqueue=False)
    read_log(LogReading.objects.get(source=source, flow=flow).pk)
    return LogReading.objects.get(source=source, flow=flow)


def kept(source: Source) -> list[str]:
    return sorted(LogEntry.objects.filter(source=source).values_list("key", flat=True))


def there(sandbox: Sandbox, licence: str = "liu") -> list[str]:
    return sorted(row["_id"] for row in sandbox.control.logs_of(licence))


@pytest.mark.parametrize("leaves_offset_out", [False, True])
@pytest.mark.parametrize("page", [3, 10_000])
def test_every_entry_is_kept_once_however_pages_fall(
    liu: Source, sandbox: Sandbox, page: int, leaves_offset_out: bool
) -> None:
    """Three of the same millisecond, two of which are on the next page."""
    begun = timezone.now().timestamp() - 7200
    moments = [begun, begun + 1, begun + 2, begun + 2, begun + 2.001, begun + 2.001, begun + 9, begun + 10]
    sandbox.control.add_logs(entries(moments), licence="liu")
    sandbox.control.set_log_pages(page, leaves_offset_out=leaves_offset_out)
    for _ in range(2):
        reading = read_now(liu)
        assert (reading.reason, reading.wanted_at, kept(liu)) == (None, None, there(sandbox))
    assert reading.cursor == int(moments[-1] * 1000)
    assert not LogGap.objects.exists()
    asked = [row["query"] for row in sandbox.control.received("wiseflow") if row["path"].endswith("/license/logs")]
    assert asked
    assert all(str(PAGE) in str(query) for query in asked)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(st.integers(0, 2), min_size=1, max_size=25),
    page=st.integers(4, 9),
    late=st.lists(st.integers(0, 3), min_size=25, max_size=25),
    leaves_offset_out=st.booleans(),
)
def test_nothing_is_missed_whatever_comes_late_and_however_close_entries_stand(
    liu: Source, sandbox: Sandbox, steps: list[int], page: int, late: list[int], leaves_offset_out: bool
) -> None:
    """As long as a page holds more than there are of one millisecond, and none is later than a day."""
    sandbox.control.reset()
    LogReading.objects.all().delete()
    LogEntry.objects.all().delete()
    sandbox.control.set_log_pages(page, leaves_offset_out=leaves_offset_out)
    at, moments, same = timezone.now().timestamp() - 3600, [], 0
    for step in steps:
        same = same + 1 if step == 0 else 0
        at += 0.001 if step == 0 and same >= 2 else step / 1000
        same = 0 if step == 0 and same >= 2 else same
        moments.append(at)
    rows = entries(moments)
    for row, hours in zip(rows, late, strict=False):
        row["late"] = hours * 3600 * 5
    sandbox.control.add_logs(rows, licence="liu")
    for _ in range(4):
        read_now(liu)
        sandbox.control.advance(5 * 3600)
    assert kept(liu) == there(sandbox)


def test_an_entry_of_a_flow_is_one_with_the_licences_own(liu: Source, sandbox: Sandbox) -> None:
    flow = made_flow(liu, sandbox)
    at = timezone.now().timestamp() - 60
    sandbox.control.add_logs(entries([at, at + 1]), flow_id=flow.wiseflow_id)
    sandbox.control.add_logs(entries([at + 2]), licence="liu")
    read_now(liu)
    assert LogEntry.objects.filter(flow=None).count() == 3  # these do not say of which flow they are
    read_now(liu, flow)
    assert LogEntry.objects.count() == 3
    assert LogEntry.objects.filter(flow=flow, wiseflow_flow_id=None).count() == 2


def made_flow(source: Source, sandbox: Sandbox, **fields: Any) -> Flow:
    """A flow that WISEflow has."""
    user = sandbox.control.add_user(source.slug, {"organisation_id": "loggan@liu.example"})
    with wiseflow_for(source) as client:
        kind = client.flow_types()[0].id
        number = client.create_flow(title="Tentamen", subtitle="Logg", type_id=kind, manager_ids=[user])
    return FlowFactory(source=source, wiseflow_id=number, **fields)


def test_what_wiseflow_has_forgotten_is_told_with_its_days(liu: Source, sandbox: Sandbox) -> None:
    old = timezone.now() - dt.timedelta(days=200)
    Source.objects.filter(pk=liu.pk).update(created_at=old)
    liu.refresh_from_db()
    sandbox.control.add_logs(
        entries([(old + dt.timedelta(days=1)).timestamp(), timezone.now().timestamp() - 60]), licence="liu"
    )
    for _ in range(2):
        reading = read_now(liu)
    gap = reading.gaps.get()
    assert gap.first_at == old
    assert abs(gap.last_at - (timezone.now() - KEPT)) < dt.timedelta(minutes=1)
    assert LogEntry.objects.count() == 1
    # Nothing was read for five months more: another gap, from where the last reading came to.
    LogReading.objects.update(read_to=timezone.now() - dt.timedelta(days=150), cursor=None)
    assert [each.first_at.date() for each in read_now(liu).gaps.all()] == [
        old.date(),
        (timezone.now() - dt.timedelta(days=150)).date(),
    ]


@pytest.mark.parametrize("leaves_offset_out", [False, True])
def test_more_of_one_millisecond_than_a_page_holds_does_not_stand_still(
    liu: Source, sandbox: Sandbox, leaves_offset_out: bool
) -> None:
    at = timezone.now().timestamp() - 60
    sandbox.control.add_logs(entries([at - 5, *[at] * 8, at + 5]), licence="liu")
    sandbox.control.set_log_pages(3, leaves_offset_out=leaves_offset_out)
    reading = read_now(liu)
    assert reading.gaps.get().what.code == "log.crowded"
    assert LogEntry.objects.filter(sort=int((at + 5) * 1000)).count() == 1
    assert LogEntry.objects.filter(sort=int(at * 1000)).count() < 8


def answer(sandbox: Sandbox, path: str, rows: list[dict[str, Any]] | None) -> None:
    body = {"success": True, "data": rows, "error": None}
    sandbox.control.fault("wiseflow", path, "answer", body=body)


def test_an_entry_of_a_moment_to_come_keeps_nothing_back(liu: Source, sandbox: Sandbox) -> None:
    """A clock that is wrong, or a number that is no moment: what comes meanwhile is before it."""
    now = timezone.now().timestamp()
    sandbox.control.add_logs(entries([now - 60, now + 400 * 86400]), licence="liu")
    read_now(liu)
    answer(sandbox, "/license/logs", [{"_id": "endless", "_source": "{}", "sort": [10**17]}])
    reading = read_now(liu)
    assert reading.reason is None
    sandbox.control.add_logs(entries([now - 30]), licence="liu")
    read_now(liu)
    assert LogEntry.objects.filter(sort=int((now - 30) * 1000)).exists()


def test_a_log_that_is_null_is_one_without_entries(liu: Source, sandbox: Sandbox) -> None:
    answer(sandbox, "/license/logs", None)
    reading = read_now(liu)
    assert (reading.reason, LogEntry.objects.count()) == (None, 0)
    assert reading.read_to is not None


def test_two_entries_with_one_id_and_moments_of_their_own_are_two(liu: Source, sandbox: Sandbox) -> None:
    """Nobody says that an id is of one entry beyond the log of a flow."""
    flows = [made_flow(liu, sandbox) for _ in range(2)]
    at = int(timezone.now().timestamp() - 60) * 1000
    for _ in range(2):
        for number, flow in enumerate(flows):
            said = {"_id": "1", "_source": {"action": "FLOW_OPENED"}, "sort": [at + number]}
            again = said | {"sort": [at + 10]}
            for _page in range(2):
                answer(sandbox, f"/flows/{flow.wiseflow_id}/logs", [said, again] if number else [said])
            read_now(liu, flow)
    told = {flow.pk: sorted(LogEntry.objects.filter(flow=flow).values_list("sort", flat=True)) for flow in flows}
    assert told == {flows[0].pk: [at], flows[1].pk: [at + 1, at + 10]}


def test_a_reading_that_fails_keeps_what_it_has_read_and_goes_on_the_next_night(liu: Source, sandbox: Sandbox) -> None:
    begun = timezone.now().timestamp() - 600
    sandbox.control.add_logs(entries([begun + n for n in range(9)]), licence="liu")
    sandbox.control.set_log_pages(4)
    sandbox.control.fault("wiseflow", "/license/logs", "status", times=-1, status=403)
    reading = read_now(liu)
    assert (reading.reason.code, reading.read_to, reading.wanted_at, kept(liu)) == (
        "wiseflow.not_allowed",
        None,
        None,
        [],
    )
    sandbox.control.clear_faults()
    assert want_due(timezone.now() + dt.timedelta(days=1)) == 1
    read_log(reading.pk)
    reading.refresh_from_db()
    assert (reading.reason, kept(liu)) == (None, there(sandbox))


def test_each_night_the_licence_and_the_flows_whose_exam_has_begun_are_read(liu: Source) -> None:
    now = timezone.now()
    days = {"running": 10, "long ago": -60, "very long ago": -200}
    flows = {
        name: FlowFactory(
            source=liu, participation_start_at=now - dt.timedelta(days=40), marking_end_at=now + dt.timedelta(days=end)
        )
        for name, end in days.items()
    }
    FlowFactory(source=liu, participation_start_at=now + dt.timedelta(days=1))
    found = set(flows_of_the_night(liu, now, now).values_list("pk", flat=True))
    assert found == {flows["running"].pk, flows["long ago"].pk}  # the second once only
    assert want_due(now) == 3
    assert want_due(now) == 0
    assert LogReading.objects.filter(wanted_at__isnull=False).count() == 3
    LogReading.objects.update(wanted_at=None)
    assert set(flows_of_the_night(liu, now + dt.timedelta(days=1), now).values_list("pk", flat=True)) == {
        flows["running"].pk
    }


def test_names_and_national_ids_are_not_kept_and_the_rest_is_encrypted(liu: Source, sandbox: Sandbox) -> None:
    said = {
        "action": "FLOW_OPENED", "userId": 77, "flow": {"id": 5}, "userName": "Åsa Öberg", "email": "asa@liu.example",
        "ipAddress": "10.1.2.3", "message": "199001011234 asa@liu.example opened", "device": "a laptop",
    }  # fmt: skip
    sandbox.control.add_logs([{"source": said, "at": timezone.now().timestamp() - 60}], licence="liu")
    read_now(liu)
    entry = LogEntry.objects.get()
    assert (entry.kind, entry.action, entry.wiseflow_user_id, entry.wiseflow_flow_id) == (
        "opened",
        "FLOW_OPENED",
        77,
        5,
    )
    detail = json.loads(entry.detail)
    assert detail["device"] == "a laptop"
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM sources_logentry")
        stored = str(cursor.fetchall())
    for secret in ("Åsa", "Öberg", "asa@liu", "10.1.2.3", "011234"):
        assert secret not in entry.detail
        assert secret not in stored
    assert "laptop" not in stored


@pytest.mark.parametrize("is_on_our_flow", [False, True])
def test_nobodys_name_is_kept_however_many_a_page_is_about(
    liu: Source, sandbox: Sandbox, *, is_on_our_flow: bool
) -> None:
    count, at = 600, timezone.now().timestamp() - 60
    flow = FlowFactory(source=liu)
    names = [f"Namn{number}x" for number in range(count)]
    Participant.objects.bulk_create(
        Participant(flow=flow, user_id=number + 1, organisation_id=f"s{number}", first_name=name, last_name="Y")
        for number, name in enumerate(names)
    )
    about = {"flowId": flow.wiseflow_id} if is_on_our_flow else {}
    said = [
        {"action": "X", "userId": number + 1, "device": f"{name}'s own"} | about for number, name in enumerate(names)
    ]
    if is_on_our_flow:
        said.append({"action": "X", "device": f"{names[7]} was seen"} | about)  # by name alone
    sandbox.control.add_logs([{"source": each, "at": at} for each in said], licence="liu")
    read_now(liu)
    details = list(LogEntry.objects.values_list("detail", flat=True))
    assert len(details) == len(said)
    assert not [detail for detail in details if "Namn" in detail]


def test_nothing_of_a_flow_comes_back_that_is_emptied_while_its_log_is_read(liu: Source, sandbox: Sandbox) -> None:
    flow = made_flow(liu, sandbox)
    sandbox.control.add_logs(entries([timezone.now().timestamp() - 60]), flow_id=flow.wiseflow_id)
    emptied = Flow.objects.filter(pk=flow.pk)
    with once_at(["UPDATE", "logreading", "cursor"], lambda: emptied.update(purged_at=timezone.now())):
        read_now(liu, flow)
    assert emptied.filter(purged_at__isnull=False).exists()
    assert not LogEntry.objects.exists()


def test_nothing_of_a_flow_that_is_emptied_comes_back_with_the_licences_log(liu: Source, sandbox: Sandbox) -> None:
    """Each reading begins a day before the last one ended, and names are no longer known that could be left out."""
    emptied, other = made_flow(liu, sandbox), made_flow(liu, sandbox)
    at = timezone.now().timestamp() - 60
    said = [{"action": "X", "flowId": flow.wiseflow_id, "userId": 7} for flow in (emptied, other)]
    sandbox.control.add_logs([{"source": each, "at": at} for each in said], licence="liu")
    Flow.objects.filter(pk=emptied.pk).update(purged_at=timezone.now())
    read_now(liu)
    assert [entry.flow for entry in LogEntry.objects.all()] == [other]


def test_old_entries_are_pruned_and_not_read_again(liu: Source, sandbox: Sandbox) -> None:
    now = timezone.now().timestamp()
    sandbox.control.add_logs(entries([now - 40 * 86400, now - 60]), licence="liu")
    read_now(liu)
    assert LogEntry.objects.count() == 2
    with override_settings(LOG_RETENTION_DAYS=30):
        prune()
        assert LogEntry.objects.count() == 1
        LogReading.objects.update(cursor=None)
        read_now(liu)
        assert LogEntry.objects.count() == 1


def test_two_workers_do_not_read_the_same_log_and_a_dead_ones_is_gone_on_with(liu: Source) -> None:
    want(liu)
    reading = LogReading.objects.get()
    assert not want(liu)
    LogReading.objects.update(
        lease_until=timezone.now() + dt.timedelta(seconds=60), token="00000000-0000-0000-0000-000000000001"
    )
    assert read_log(reading.pk) == 0
    reading.refresh_from_db()
    assert reading.wanted_at is not None
    LogReading.objects.update(
        lease_until=timezone.now() - dt.timedelta(seconds=1),
        enqueues=0,
        enqueued_at=timezone.now() - dt.timedelta(hours=1),
    )
    assert [row.pk for row in LogReading.objects.enqueue_again()] == [reading.pk]
    read_log(reading.pk)
    reading.refresh_from_db()
    assert reading.wanted_at is None


@pytest.mark.django_db(transaction=True)
def test_killed_in_the_middle_it_is_complete_afterwards_and_nothing_is_there_twice(
    liu: Source, sandbox: Sandbox, subprocess_environment: dict[str, str]
) -> None:
    """SIGKILL while pages come: after some of them, with more to come, and the reading is done again by whoever comes next."""
    count = 1200
    begun = timezone.now().timestamp() - 3600
    sandbox.control.add_logs(entries([begun + n // 3 for n in range(count)]), licence="liu")
    sandbox.control.set_log_pages(40)
    command = [sys.executable, "manage.py", "logs", "--source", "liu", "--read", "--output", "/dev/null"]
    for wanted in (1, count // 2):
        process = subprocess.Popen(command, cwd=ROOT, env=subprocess_environment, stderr=subprocess.PIPE)
        end = time.monotonic() + 60
        while LogEntry.objects.count() < wanted and process.poll() is None and time.monotonic() < end:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=30)
        reading = LogReading.objects.get()
        newest = LogEntry.objects.order_by("-sort").first()
        assert newest is not None
        assert reading.cursor == newest.sort  # the one is written with the other
        LogReading.objects.update(lease_until=timezone.now() - dt.timedelta(seconds=1))
    assert LogEntry.objects.count() < count
    assert subprocess.run(command, cwd=ROOT, env=subprocess_environment, timeout=120).returncode == 0
    assert kept(liu) == there(sandbox)
    assert LogReading.objects.get().wanted_at is None
    assert dt.timedelta(days=1) == LATE
