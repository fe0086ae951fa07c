"""Once, counted in Ladok's own ledger: buttons pressed twenty times at the same instant, and workers that are killed."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from exports.attempts.send import send_attempt
from exports.attempts.settle import check_with_ladok
from exports.attempts.start import start_export
from exports.grades.collect import collect_grades
from exports.models import ExportAttempt, ExportItem
from exports.operation.sweep import sweep
from ladokflow.sandbox.server import Sandbox
from sources.models import Flow, Source
from tests.environment import ROOT
from tests.exports.attempts.test_once import AT_ONCE, Sender, at_once
from tests.exports.test_end_to_end import Exam
from tests.factories import in_hours
from tests.running import wait_until

EXPORT = "/exams/*/grades"
HELD = 300  # seconds that a request is held: longer than any test
WORK = "import sys, django; django.setup(); from exports.tasks import send_attempt; send_attempt(sys.argv[1])"


@pytest.fixture
def exam(transactional_db: None, load_source: Callable[[str], Source], sandbox: Sandbox) -> Exam:
    exam = Exam(load_source("liu"), sandbox.control)
    exam.grade()
    collect_grades(Flow.objects.get(pk=exam.flow))
    exam.control.clear_received()
    return exam


def requests_in(exam: Exam) -> int:
    return len([call for call in exam.control.received("liu") if call["method"] == "POST"])


def times_in(exam: Exam) -> list[int]:
    return [row["times"] for row in exam.ledger()]


class Press:
    """A signed-in manager in a browser of her own."""

    def __init__(self, url: str, user: Any) -> None:
        session = Client()
        session.force_login(user)
        self.http = httpx.Client(
            base_url=url,
            cookies={settings.SESSION_COOKIE_NAME: session.cookies[settings.SESSION_COOKIE_NAME].value},
            headers={"accept-language": "en"},
            timeout=120,
            trust_env=False,
        )
        self.http.get("/")
        self.token = self.http.cookies[settings.CSRF_COOKIE_NAME]

    def __call__(self, address: str, **fields: Any) -> httpx.Response:
        return self.http.post(address, data={"csrfmiddlewaretoken": self.token} | fields)


@pytest.mark.parametrize("button", ["dashboard", "preview"])
def test_twenty_presses_at_once_register_each_grade_once(live_server: Any, exam: Exam, button: str) -> None:
    flow = Flow.objects.get(pk=exam.flow)
    presses = [Press(live_server.url, flow.created_by) for _ in range(AT_ONCE)]
    barrier = threading.Barrier(AT_ONCE)

    def press(one: Press) -> httpx.Response:
        barrier.wait()
        if button == "dashboard":
            return one(reverse("exports:start"), flow=flow.pk)
        return one(reverse("exports:send", args=[flow.pk]))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(press, presses))
    assert {answer.status_code for answer in answers} == {302}
    attempt = ExportAttempt.objects.get()
    address = str(attempt.pk)
    assert sum(address in answer.headers["location"] for answer in answers) == 1
    at_once(lambda: send_attempt(attempt.pk))
    assert (times_in(exam), requests_in(exam)) == ([1] * 5, 1)
    assert ExportItem.objects.filter(state="exported").count() == 5


@pytest.mark.parametrize("is_done", [True, False], ids=["registered", "not_registered"])
def test_a_worker_killed_inside_the_request_leaves_an_unknown_that_ladok_settles(
    exam: Exam, subprocess_environment: dict[str, str], is_done: bool
) -> None:
    """Killed while Ladok has the request: after it has registered the grades, and before, and then it never does."""
    Source.objects.update(can_read_back=True)
    exam.control.set_read_back("liu", True)
    exam.control.fault("liu", EXPORT, "late_answer" if is_done else "drop", method="POST", seconds=HELD)
    sender = Sender(Flow.objects.get(pk=exam.flow), subprocess_environment)
    wait_until(lambda: exam.control.faults()[0]["used"] and len(exam.ledger()) == 5 * is_done, 120, "the request")
    sender.kill()
    attempt = ExportAttempt.objects.get()
    assert attempt.state == "sending"
    send_attempt(attempt.pk)  # delivered again
    ExportAttempt.objects.update(lease_until=in_hours(-1))
    sweep()
    send_attempt(attempt.pk)  # and again
    attempt.refresh_from_db()
    assert (attempt.state, attempt.unknown_count) == ("failed", 5)
    assert times_in(exam) == [1] * 5 * is_done
    ExportAttempt.objects.update(sending_at=in_hours(-1))
    settled = check_with_ladok(flow=Flow.objects.get(pk=exam.flow))
    assert (settled.exported, settled.failed, settled.unknown) == ((5, 0, 0) if is_done else (0, 5, 0))
    if not is_done:
        assert exam.export("retry")["exported"] == 5
    assert times_in(exam) == [1] * 5


def test_a_worker_killed_before_the_mark_is_followed_by_one_that_registers_each_grade_once(
    exam: Exam, subprocess_environment: dict[str, str]
) -> None:
    flow = Flow.objects.get(pk=exam.flow)
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by)
    exam.control.fault("wiseflow", "*/assessments", "late_answer", times=1, seconds=HELD)
    worker = subprocess.Popen([sys.executable, "-c", WORK, str(attempt.pk)], cwd=ROOT, env=subprocess_environment)
    wait_until(lambda: exam.control.faults()[0]["used"], 120, "the look at WISEflow")
    worker.kill()
    worker.wait()
    attempt.refresh_from_db()
    assert attempt.state == "claimed"
    assert (times_in(exam), requests_in(exam)) == ([], 0)
    ExportAttempt.objects.update(lease_until=in_hours(-1))
    report = sweep()
    assert (report.put_back, report.enqueued) == (1, 1)
    at_once(lambda: send_attempt(attempt.pk))
    assert (times_in(exam), requests_in(exam)) == ([1] * 5, 1)
