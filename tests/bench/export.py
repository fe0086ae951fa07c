"""python -m tests.bench.export: one export of many grades, beside a bare request and a bulk insert of as many, in turn within one run.

The click is that of the page, through the whole of Django; the worker is this process. The bare one posts the same body to the same Ladok,
and has Django insert the same rows, which are made beforehand. TEST_DATABASE_URL names a PostgreSQL server.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path

import httpx

from tests.bench.__main__ import clocked, sandbox, show
from tests.bench.queue import Site, own_database
from tests.environment import ROOT
from tests.filling import form_on

CLICK_GOAL, REQUEST_GOAL, RATIO_GOAL = 0.3, 2.0, 5.0  # seconds; seconds from the click; times the bare one
CLICK, REQUEST, WHOLE, BARE = "the click, in the web request", "from the click to the request", "all of it", "bare"


class Grades:
    """A flow of graded people, exported again and again."""

    def __init__(self, site: Site, people: int) -> None:
        from django.test import Client
        from django.urls import reverse

        self.site, self.people = site, people
        self.flow = site.make_graded(people)
        self.code: str = self.flow.codes.get().code
        self.client = Client()
        self.client.force_login(site.anna)
        self.preview = reverse("exports:preview", args=[self.flow.pk])
        self.send = reverse("exports:send", args=[self.flow.pk])

    def forget(self) -> None:
        """As if nothing had been exported."""
        from exports.models import ExportAttempt, ExportItem
        from exports.rules.states import refresh_states

        ExportItem.objects.all().delete()
        ExportAttempt.objects.all().delete()
        refresh_states(self.flow)
        self.site.control.clear_received()

    def export(self) -> dict[str, float]:
        from exports.attempts.send import send_attempt
        from exports.models import ExportAttempt

        fields = form_on(self.client.get(self.preview).content.decode(), self.send)
        began_at = time.time()
        clicked, _ = clocked(lambda: self.client.post(self.send, fields))
        (attempt,) = ExportAttempt.objects.all()
        worked, state = clocked(lambda: send_attempt(attempt.pk, seconds=900))
        if state != "exported":
            attempt.refresh_from_db()
            raise SystemExit(f"{state}: {attempt.reason}")
        (arrived,) = (call["at"] for call in self.site.control.received("liu") if call["method"] == "POST")
        return {CLICK: clicked, REQUEST: arrived - began_at, WHOLE: clicked + worked}

    def bare(self) -> float:
        from django.utils import timezone

        from exports.models import ExportAttempt, ExportItem

        rows = list(self.flow.participants.all())
        over = {"state": "failed", "finished_at": timezone.now()}
        attempt = ExportAttempt.objects.create(flow=self.flow, code=self.flow.codes.get(), **over)
        items = [ExportItem(attempt=attempt, participant=row, grade="5", state="superseded") for row in rows]
        lines = [{"studentUid": row.unique_exam_id, "grade": {"grade": "5"}} for row in rows]
        url = f"{self.flow.source.ladok_url}/exams/{self.code}/grades"
        headers = {"Authorization": "Bearer " + self.flow.source.credentials.get(system="ladok").secret}

        def work() -> None:
            ExportItem.objects.bulk_create(items, batch_size=500)
            body = json.dumps({"gradeExports": lines}).encode()
            httpx.post(url, content=body, headers=headers, timeout=300).raise_for_status()

        return clocked(work)[0]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.export", description=__doc__)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "ladokflow.settings",
        "LOG_LEVEL": "ERROR",
        "ALLOWED_HOSTS": "testserver",
        "PYTHONPATH": str(ROOT),
    }
    folder = Path(os.environ["DATA_DIR"])
    found: dict[str, list[float]] = {name: [] for name in (CLICK, REQUEST, WHOLE, BARE)}
    with own_database(), sandbox(folder) as url:
        import django

        django.setup()
        grades = Grades(Site(url, folder), options.people)
        for _ in range(options.runs):
            for name, seconds in grades.export().items():
                found[name].append(seconds)
            grades.forget()
            found[BARE].append(grades.bare())
            grades.forget()
            sys.stderr.write("  ".join(f"{name}: {seconds[-1]:.2f} s" for name, seconds in found.items()) + "\n")
    median = {name: statistics.median(seconds) for name, seconds in found.items()}
    ratio = median[WHOLE] / median[BARE]
    goals = {
        CLICK: (f"{CLICK_GOAL} s", median[CLICK] <= CLICK_GOAL),
        REQUEST: (f"{REQUEST_GOAL} s", median[REQUEST] <= REQUEST_GOAL),
        WHOLE: (f"{RATIO_GOAL:.0f} times the bare one: {ratio:.1f}", ratio <= RATIO_GOAL),
        BARE: ("", True),
    }
    sys.stdout.write(f"\n{options.people:,} grades, {os.environ['DATABASE_URL'].partition(':')[0]}\n\n")
    rows = []
    for name, took in found.items():
        goal, is_met = goals[name]
        spread = (f"{min(took):.2f}", f"{max(took):.2f}")
        rows.append((name, f"{median[name]:.2f} s", *spread, goal, "" if not goal else "met" if is_met else "missed"))
    show(("", "median", "least", "most", "goal", ""), rows)
    return 0 if all(is_met for _, is_met in goals.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
