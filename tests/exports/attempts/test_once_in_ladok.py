"""Once, counted in Ladok's own ledger: buttons pressed twenty times at the same instant, and workers that are killed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from exports.attempts.send import send_attempt
from exports.attempts.settle import check_with_ladok, flows_to_settle
from exports.attempts.start import start_export
from exports.grades.collect import collect_grades
from exports.models import ExportAttempt, ExportItem, Finding
from exports.operation.sweep import sweep
from ladokflow.sandbox import server
from ladokflow.sandbox.server import Sandbox
from sources.models import Flow, Source
from tests.exports.attempts.test_once import AT_ONCE, Sender, at_once
from tests.exports.test_end_to_end import Exam
from tests.factories import FlowFactory, in_hours
from tests.filling import form_on
from tests.running import wait_until
from tests.warm import WarmProcess

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


@pytest.mark.parametrize("button", ["several", "preview"])
def test_twenty_presses_at_once_register_each_grade_once(live_server: Any, exam: Exam, button: str) -> None:
    flow = Flow.objects.get(pk=exam.flow)
    presses = [Press(live_server.url, flow.created_by) for _ in range(AT_ONCE)]
    barrier = threading.Barrier(AT_ONCE)

    if button == "several":
        other = FlowFactory(source=flow.source)
        query = urlencode([("flow", flow.pk), ("flow", other.pk)])
        shown_at, action = f"{reverse('exports:preview_chosen')}?{query}", reverse("exports:send_chosen")
    else:
        shown_at, action = (reverse(f"exports:{name}", args=[flow.pk]) for name in ("preview", "send"))
    form: dict[str, Any] = form_on(presses[0].http.get(shown_at).text, action)
    form.pop("csrfmiddlewaretoken")

    def press(one: Press) -> httpx.Response:
        barrier.wait()
        return one(action, **form)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(press, presses))
    assert {answer.status_code for answer in answers} == {302}
    attempt = ExportAttempt.objects.get()
    started = "since=" if button == "several" else str(attempt.pk)  # where who has started something is led
    assert sum(started in answer.headers["location"] for answer in answers) == 1
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
    ExportItem.objects.update(absent_at=in_hours(-1))
    settled = check_with_ladok(flow=Flow.objects.get(pk=exam.flow))
    assert (settled.exported, settled.failed, settled.unknown) == ((5, 0, 0) if is_done else (0, 5, 0))
    if not is_done:
        assert exam.export("retry")["exported"] == 5
    assert times_in(exam) == [1] * 5


def test_what_ladok_is_still_at_work_on_is_not_sent_again(
    exam: Exam, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Registered when we have long stopped waiting: asked in between, nothing said that it was not exported."""
    go_on = threading.Event()
    monkeypatch.setattr(server, "_wait", lambda sandbox, seconds: go_on.wait(HELD))  # as long as this test wants
    settings.REMOTE_TIMEOUT_SECONDS = 4
    Source.objects.update(can_read_back=True)
    exam.control.set_read_back("liu", True)
    exam.control.fault("liu", EXPORT, "latency", method="POST")
    assert exam.export(fails=True)["unknown"] == 5
    settings.REMOTE_TIMEOUT_SECONDS = 30
    flow = Flow.objects.get(pk=exam.flow)
    assert times_in(exam) == []
    assert check_with_ladok(flow=flow).unknown == 5
    flow.refresh_from_db()
    assert flow.export_reason
    assert "Retry" not in flow.export_reason.todo
    go_on.set()
    wait_until(lambda: len(exam.ledger()) == 5, 60, "the registration")
    assert check_with_ladok(flow=flow).exported == 5
    assert times_in(exam) == [1] * 5


def test_what_was_sent_again_and_is_in_ladok_twice_is_found_by_the_sweeper(exam: Exam) -> None:
    """A manager retries what may be there, and it was: where Ladok can be asked, that does not stay unknown."""
    Source.objects.update(can_read_back=True)
    exam.control.set_read_back("liu", True)
    exam.control.set_idempotency("liu", False)
    exam.control.fault("liu", EXPORT, "lost_answer", method="POST")
    assert exam.export(fails=True)["unknown"] == 5
    assert exam.export("retry")["exported"] == 5
    assert times_in(exam) == [2] * 5
    sweep()
    assert not Finding.objects.exists()  # Ladok may still be at work
    ExportAttempt.objects.update(finished_at=in_hours(-1))
    sweep()
    found = Finding.objects.open()
    assert set(found.values_list("kind", "item__state")) == {("twice", "exported")}
    assert found.count() == 5
    assert flows_to_settle() == []  # it is asked once


def test_a_worker_killed_before_the_mark_is_followed_by_one_that_registers_each_grade_once(
    exam: Exam, subprocess_environment: dict[str, str]
) -> None:
    flow = Flow.objects.get(pk=exam.flow)
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by)
    exam.control.fault("wiseflow", "*/assessments", "late_answer", times=1, seconds=HELD)
    worker = WarmProcess("-c", WORK, str(attempt.pk), environment=subprocess_environment)
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
