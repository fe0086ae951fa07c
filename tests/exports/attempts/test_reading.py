"""Points are read person by person: in pieces, each person once, whatever dies meanwhile, and the page tells how far it is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from exports.attempts import points
from exports.attempts.send import send_attempt
from exports.attempts.start import start_export
from exports.models import ExportAttempt
from exports.operation.sweep import sweep
from ladokflow.sandbox.server import Sandbox
from sources.models import Flow, Source
from tests.environment import ROOT
from tests.exports.attempts.test_once import at_once
from tests.exports.grades.test_points import calls, graded, sent_points
from tests.exports.test_end_to_end import Exam
from tests.factories import ExportAttemptFactory, in_hours
from tests.running import wait_until

pytestmark = pytest.mark.django_db

ITEMS = "/item-based-marks"


def begun(boras: Source, bodil: Any, sandbox: Sandbox, people: int = 5) -> tuple[Exam, Flow, ExportAttempt]:
    """An export that has been started; nobody's points have been asked for since."""
    exam, flow, _ = graded(boras, sandbox.control, people=people)
    (attempt,) = start_export(flow=flow, requested_by=bodil, enqueue=False)
    exam.control.clear_received()
    return exam, flow, attempt


@pytest.fixture
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker has time for one person."""
    monkeypatch.setattr(points, "READ_SECONDS", 0.0)  # the setting of a limit, not our code


def asked_for(exam: Exam) -> Counter[int]:
    """How many times each participant's points have been asked for."""
    return Counter(int(path.split("/")[-2]) for path in calls(exam, ITEMS))


def told(attempt: ExportAttempt) -> tuple[str, Any, Any]:
    attempt.refresh_from_db()
    params = attempt.message["params"]
    return attempt.state, params.get("read"), params.get("total")


def work_off(attempt: ExportAttempt, most: int = 20) -> list[str]:
    """What the attempt is after each worker that has had it, until it has ended."""
    states = [send_attempt(attempt.pk)]
    while states[-1] in ExportAttempt.OPEN and len(states) < most:
        states.append(send_attempt(attempt.pk))
    attempt.refresh_from_db()
    return states


def test_whoever_clicks_meanwhile_does_not_wait_until_a_workers_time_is_over(
    boras: Source, bodil: Any, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    exam, _, attempt = begun(boras, bodil, sandbox)
    monkeypatch.setattr(points, "AT_ONCE", 2)  # the setting of a limit, not our code
    clicked = ExportAttemptFactory(state="queued", enqueued_at=in_hours(0))
    assert send_attempt(attempt.pk) == "reading"
    assert told(attempt) == ("reading", 2, 5)
    ExportAttempt.objects.filter(pk=clicked.pk).update(state="failed", finished_at=in_hours(0))
    assert work_off(attempt) == ["queued", "exported"]
    assert set(asked_for(exam).values()) == {1}


@pytest.mark.usefixtures("one_by_one")
def test_each_worker_goes_on_where_the_last_one_stopped_and_everybody_is_asked_for_once(
    boras: Source, bodil: Any, sandbox: Sandbox
) -> None:
    exam, _, attempt = begun(boras, bodil, sandbox)
    send_attempt(attempt.pk)
    assert told(attempt) == ("reading", 1, 5)
    send_attempt(attempt.pk)
    assert told(attempt) == ("reading", 2, 5)
    assert exam.ledger() == []
    assert work_off(attempt) == ["reading", "reading", "queued", "exported"]
    assert sorted(asked_for(exam).values()) == [1] * 5
    assert [row["times"] for row in exam.ledger()] == [1] * 5
    assert sent_points(exam) == [10] * 5


@pytest.mark.usefixtures("one_by_one")
@pytest.mark.parametrize(
    ("language", "what"),
    [
        ("en", "Reading points from WISEflow: 2 of 5 people."),
        ("sv", "Läser poäng från WISEflow: 2 av 5 personer."),
    ],
)
def test_how_far_it_has_come_is_told_on_the_attempt_the_flow_and_the_dashboard(
    client: Client, boras: Source, bodil: Any, sandbox: Sandbox, language: str, what: str
) -> None:
    _, flow, attempt = begun(boras, bodil, sandbox)
    for _ in range(2):
        send_attempt(attempt.pk)
    client.force_login(bodil)
    client.cookies["django_language"] = language
    of_attempt = reverse("exports:attempt", args=[attempt.pk])
    for address, part in [
        (of_attempt, ""),
        (of_attempt, "progress"),
        (reverse("flows:detail", args=[flow.pk]), ""),
        (reverse("exports:dashboard"), ""),
        (reverse("exports:live"), "live"),
    ]:
        headers = {"accept-language": language} | ({"HX-Request": "true", "HX-Target": part} if part else {})
        page = client.get(address, headers=headers).content.decode()
        assert what in " ".join(page.split()), address


@pytest.mark.usefixtures("one_by_one")
def test_a_lost_queue_entry_is_made_again(boras: Source, bodil: Any, sandbox: Sandbox) -> None:
    exam, _, attempt = begun(boras, bodil, sandbox)
    send_attempt(attempt.pk)
    ExportAttempt.objects.update(enqueued_at=in_hours(-1))
    assert sweep().enqueued == 1
    assert work_off(attempt)[-1] == "exported"
    assert asked_for(exam).total() == 5


@pytest.mark.usefixtures("one_by_one")
def test_a_dead_reader_is_followed_by_another_and_what_kills_them_all_is_given_up(
    boras: Source, bodil: Any, sandbox: Sandbox
) -> None:
    _, _, attempt = begun(boras, bodil, sandbox)
    send_attempt(attempt.pk)
    long_ago = {"lease_until": in_hours(-1), "enqueued_at": in_hours(-1), "token": "0" * 32}
    ExportAttempt.objects.update(**long_ago)
    assert (sweep().enqueued, told(attempt)[0]) == (1, "reading")
    send_attempt(attempt.pk)
    assert told(attempt) == ("reading", 2, 5)
    ExportAttempt.objects.update(**long_ago, claims=3)
    assert sweep().dropped == 1
    attempt.refresh_from_db()
    assert (attempt.state, attempt.failed_count, attempt.message["code"]) == ("failed", 5, "attempt.not_prepared")


@pytest.mark.usefixtures("one_by_one")
@pytest.mark.parametrize(
    ("points_now", "state", "times"), [(12.5, "failed", 2), (10.0, "exported", 2), (None, "exported", 1)]
)
def test_whose_grade_is_given_anew_while_others_are_read_is_read_again(
    boras: Source, bodil: Any, sandbox: Sandbox, points_now: float | None, state: str, times: int
) -> None:
    exam, _, attempt = begun(boras, bodil, sandbox, people=3)
    send_attempt(attempt.pk)
    first = attempt.items.get(is_points_read=True).participant.wiseflow_id or 0
    if points_now is not None:
        exam.control.advance(60)
        exam.control.grade(exam.wiseflow_id, grades={first: "VG"}, points={first: points_now}, force=True)
    assert work_off(attempt)[-1] == state
    asked = asked_for(exam)
    assert asked.pop(first) == times
    assert set(asked.values()) == {1}
    if state == "failed":
        assert (exam.ledger(), attempt.message["code"]) == ([], "attempt.only_points_changed")


@pytest.mark.parametrize("is_read", [False, True], ids=["while some are read", "when all are read"])
def test_points_are_read_anew_where_the_queue_has_stood_still_since(
    boras: Source, bodil: Any, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, is_read: bool
) -> None:
    exam, _, attempt = begun(boras, bodil, sandbox, people=3)
    monkeypatch.setattr(points, "READ_SECONDS", 0.0)  # the setting of a limit, not our code
    for _ in range(3 if is_read else 2):
        send_attempt(attempt.pk)
    attempt.refresh_from_db()
    assert attempt.state == ("queued" if is_read else "reading")
    (first,) = attempt.items.order_by("pk")[:1]
    assert first.is_points_read
    exam.control.grade(exam.wiseflow_id, points={first.participant.wiseflow_id: 7.0}, force=True)
    ExportAttempt.objects.filter(pk=attempt.pk).update(claimed_at=in_hours(-2), enqueued_at=in_hours(-2))
    sweep()
    assert work_off(attempt)[-1] == "failed"
    first.refresh_from_db()
    assert (first.message["code"], exam.ledger()) == ("attempt.points_changed", [])


@pytest.mark.usefixtures("one_by_one")
def test_reading_ends_when_the_export_may_no_longer_be_sent(boras: Source, bodil: Any, sandbox: Sandbox) -> None:
    exam, flow, attempt = begun(boras, bodil, sandbox)
    send_attempt(attempt.pk)
    asked = asked_for(exam)
    flow.codes.update(removed_at=in_hours(0))
    assert work_off(attempt) == ["failed"]
    assert (attempt.message["code"], attempt.failed_count) == ("attempt.code_removed", 5)
    assert asked_for(exam) == asked


@pytest.mark.usefixtures("one_by_one")
def test_wiseflows_limit_holds_nobody_and_is_waited_for(boras: Source, bodil: Any, sandbox: Sandbox) -> None:
    exam, _, attempt = begun(boras, bodil, sandbox)
    send_attempt(attempt.pk)
    exam.control.fault("wiseflow", f"*{ITEMS}", "http_429", retry_after=2)
    assert send_attempt(attempt.pk) == "reading"
    assert told(attempt) == ("reading", 1, 5)
    assert attempt.items.filter(is_points_read=False).count() == 0
    assert work_off(attempt, most=10_000)[-1] == "exported"
    assert attempt.failed_count == 0


def test_twenty_workers_at_once_read_each_person_once(
    transactional_db: None, boras: Source, bodil: Any, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(points, "READ_SECONDS", 0.0)
    exam, _, attempt = begun(boras, bodil, sandbox)
    while attempt.state in ExportAttempt.OPEN:
        at_once(lambda: send_attempt(attempt.pk), 20)
        attempt.refresh_from_db()
    assert attempt.state == "exported"
    assert sorted(asked_for(exam).values()) == [1] * 5
    assert len(exam.sent()) == 1


@pytest.mark.timeout(300)
@pytest.mark.parametrize("first", ["claimed", "reading"])
def test_a_worker_killed_while_it_reads_loses_no_more_than_what_it_was_asking(
    boras: Source, bodil: Any, sandbox: Sandbox, subprocess_environment: dict[str, str], monkeypatch: Any, first: str
) -> None:
    people = 3 * points.AT_ONCE
    exam, _, attempt = begun(boras, bodil, sandbox, people=people)
    if first == "reading":
        with monkeypatch.context() as limits:
            limits.setattr(points, "READ_SECONDS", 0.0)
            assert send_attempt(attempt.pk) == "reading"
    exam.control.delay(0.1)  # the second and the third hundred are to take longer than we to notice the first
    worker = subprocess.Popen(
        [sys.executable, "-m", "tests.exports.measured", "work", str(attempt.pk)],
        cwd=ROOT,
        env=subprocess_environment,
        stdout=subprocess.DEVNULL,
    )
    read = attempt.items.filter(is_points_read=True)
    wait_until(lambda: read.count() >= points.AT_ONCE, 180, "the first hundred")
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    exam.control.delay(0)
    kept = set(read.values_list("participant__wiseflow_id", flat=True))
    assert points.AT_ONCE <= len(kept) < people
    assert told(attempt)[0] == first
    ExportAttempt.objects.update(lease_until=in_hours(-1), enqueued_at=in_hours(-1))
    assert sweep().enqueued == 1
    assert work_off(attempt)[-1] == "exported"
    asked = asked_for(exam)
    assert {asked[each or 0] for each in kept} == {1}
    assert asked.total() <= people + points.AT_ONCE
    assert [row["times"] for row in exam.ledger()] == [1] * people
