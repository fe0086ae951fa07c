"""A flow of ten thousand: one call, progress meanwhile, and neither a page nor the worker above 300 MB."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse

from exports.models import Assessment, ExportAttempt
from exports.rules.states import refresh_states
from sources.models import Flow, Participant, Registration
from tests.environment import ROOT
from tests.exports.world import Call, World
from tests.factories import in_hours
from tests.running import wait_until

MakeFlow = Callable[..., Flow]

COUNT = 10_000
MOST_MB = 300
FIRST_ID = 5_000_000


class Measured:
    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment | {"DEBUG": "0", "LOG_LEVEL": "ERROR", "ALLOWED_HOSTS": "testserver"}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.exports.measured", *arguments],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )

    def finish(self, process: subprocess.Popen[str]) -> dict[str, Any]:
        told, _ = process.communicate(timeout=600)
        assert process.returncode == 0
        return dict(json.loads(told.splitlines()[-1]))

    def page(self, flow: Flow, *calls: str) -> dict[str, Any]:
        return self.finish(self.start("page", flow.created_by.email, *calls))


@pytest.fixture
def flow(transactional_db: None, make_flow: MakeFlow, world: World) -> Flow:
    flow = make_flow(people=0)
    people = Participant.objects.bulk_create(
        [
            Participant(
                flow=flow,
                wiseflow_id=FIRST_ID + number,
                user_id=FIRST_ID + number,
                organisation_id=f"stude{number:05}@liu.example",
                national_id=f"19900101T{number:03}",
                first_name="Åsa",
                last_name=f"Öberg{number:05}",
                unique_exam_id=f"AID-{number:05}",
            )
            for number in range(COUNT)
        ],
        batch_size=1000,
    )
    code = flow.codes.get()
    registrations = Registration.objects.bulk_create(
        [
            Registration(
                participant=each, code=code, organisation_id=each.organisation_id, unique_exam_id=each.unique_exam_id
            )
            for each in people
        ],
        batch_size=1000,
    )
    for each in registrations:  # what is made in bulk sends no signal
        world.follow(instance=each)
    Assessment.objects.bulk_create(
        [Assessment(participant=each, grade="5", grade_at=in_hours(-1), collected_at=in_hours(0)) for each in people],
        batch_size=1000,
    )
    world.grades = dict.fromkeys(range(FIRST_ID, FIRST_ID + COUNT), "5")
    refresh_states(flow)
    return flow


@pytest.mark.timeout(900)
def test_ten_thousand_go_in_one_call_within_300_mb(
    flow: Flow, world: World, subprocess_environment: dict[str, str]
) -> None:
    rejected = [f"AID-{number:05}" for number in range(0, COUNT, 2)]
    arrived, go_on = threading.Event(), threading.Event()

    def hold(call: Call) -> tuple[int, bytes]:
        arrived.set()
        assert go_on.wait(600)
        errors = [{"userId": each, "errorInfo": f"Nej {each}"} for each in rejected]
        body = {"numberOfSuccess": COUNT - len(errors), "numberOfErrors": len(errors), "errors": errors}
        return 200, json.dumps(body).encode()

    world.answer = hold
    measured = Measured(subprocess_environment | {"REMOTE_TIMEOUT_SECONDS": "600"})
    preview, flow_page = reverse("exports:preview", args=[flow.pk]), reverse("flows:detail", args=[flow.pk])
    before = measured.page(
        flow, f"GET:{flow_page}", f"GET:{preview}?body=1", f"POST:{reverse('exports:send', args=[flow.pk])}"
    )
    assert before["statuses"] == [200, 200, 302]
    attempt = ExportAttempt.objects.get()
    assert attempt.order  # the worker looks up whom it is for
    attempt_page = reverse("exports:attempt", args=[attempt.pk])

    worker = measured.start("work", str(attempt.pk))
    try:
        wait_until(lambda: arrived.is_set() or worker.poll() is not None, 600, "the request in Ladok")
        assert arrived.is_set()
        meanwhile = measured.page(
            flow, f"TEXT:{attempt_page}", f"TEXT:{reverse('exports:dashboard')}?tab=pending", f"TEXT:{flow_page}"
        )
    finally:
        go_on.set()
    worked = measured.finish(worker)
    assert meanwhile["statuses"] == [200, 200, 200]
    wanted = ("grades are on their way to Ladok", "Sending 50 %.", "Sending 50 %.")
    assert [said for said, text in zip(wanted, meanwhile["texts"], strict=True) if said not in text] == []

    assert len(world.exported) == 1
    assert len(world.exported[0].body["gradeExports"]) == COUNT
    attempt.refresh_from_db()
    assert (attempt.order, attempt.sent_count) == ({}, COUNT)
    assert (attempt.exported_count, attempt.failed_count, attempt.unknown_count) == (COUNT // 2, COUNT // 2, 0)
    after = measured.page(
        flow,
        f"GET:{attempt_page}",
        f"GET:{flow_page}",
        f"GET:{reverse('exports:dashboard')}",
        f"GET:{reverse('exports:people', args=[attempt.pk, 'csv'])}",
        f"GET:{reverse('exports:people', args=[attempt.pk, 'xlsx'])}",
        f"GET:{preview}?asking=retry",
    )
    assert after["statuses"] == [200] * 6
    peaks = {"worker": worked, "before": before, "meanwhile": meanwhile, "after": after}
    assert {name: found["peak_mb"] for name, found in peaks.items() if not 0 < found["peak_mb"] < MOST_MB} == {}
