"""python -m tests.bench.points: many people who are marked item by item, from WISEflow to Ladok, beside one bare call for each of them.

Their points are read in the background by workers of both queues, once when the grades are collected and once right before the request.
TEST_DATABASE_URL names a PostgreSQL server.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench.__main__ import clocked, sandbox, show
from tests.bench.queue import Site, own_database
from tests.bench.syncing import floor
from tests.environment import ROOT
from tests.running import wait_until

PATIENCE = 3600.0
END = "/item-based-marks"


class Marked:
    """A flow of the university that takes points, all of them in items."""

    def __init__(self, site: Site, people: int) -> None:
        from sources.models import Membership, Source

        site.source = Source.objects.get(slug="boras")
        site.anna = Membership.objects.get(source=site.source, user__email="bodil@boras.example").user
        self.site, self.people = site, people
        control = site.control
        self.code = control.add_exam("boras", people)
        self.flow = self.create()
        number = self.flow.wiseflow_id
        control.start_participation(number)
        control.end_participation(number)
        ids = list(self.flow.participants.values_list("wiseflow_id", flat=True))
        grade = self.flow.grades[-1] if self.flow.grades else "G"
        control.grade(number, dict.fromkeys(ids, grade), points=dict.fromkeys(ids, 7.0), by_items=True)
        control.end_marking(number)
        self.told: list[str] = []

    def create(self) -> Any:
        from sources.flows.create import create_flow
        from sources.flows.request import request_flow

        asked = request_flow(source=self.site.source, codes=[self.code], requested_by=self.site.anna, enqueue=False)
        flow = create_flow(asked.pk)
        flow.refresh_from_db()
        return flow

    def asked(self) -> Counter[str]:
        """How often each person has been asked for since `clear_received`."""
        calls = [call["path"].partition("?")[0] for call in self.site.control.received("wiseflow")]
        return Counter(path.split("/")[-2] for path in calls if path.endswith(END))

    def collect(self) -> None:
        from exports.grades import asking

        asking.ask(self.flow.pk)
        wait_until(lambda: not asking.is_asked(self.flow.pk), PATIENCE, "everybody's points")

    def export(self) -> None:
        from exports.attempts.start import start_export

        self.flow.refresh_from_db()
        (attempt,) = start_export(flow=self.flow, requested_by=self.site.anna)

        def has_ended() -> bool:
            attempt.refresh_from_db()
            if str(attempt.state) == "reading" and attempt.reason is not None:
                self.told.append(str(attempt.reason))
            return attempt.finished_at is not None

        wait_until(has_ended, PATIENCE, "the export")
        if attempt.exported_count != self.people:
            raise SystemExit(f"{attempt.exported_count} of {self.people} exported: {attempt.reason}")

    def floor_seconds(self) -> float:
        number = self.flow.participants.values_list("wiseflow_id", flat=True)[0]
        secret = self.site.source.credentials.get(system="wiseflow").secret
        url = f"{self.site.source.wiseflow_url}/flows/{self.flow.wiseflow_id}/participants/{number}{END}"
        return floor("calls", url, f"key:{secret}", str(self.people))["seconds"]


def line(marked: Marked, what: str, work: Callable[[], None], bare: float) -> tuple[str, ...]:
    """Beside the bare calls; the last column says whether each person was asked for once."""
    marked.site.control.clear_received()
    seconds, _ = clocked(work)
    asked = marked.asked()
    few = asked.total() - marked.people  # are asked for before it is known what kind of flow it is
    goal = "met" if len(asked) == marked.people and few < 100 else "missed"
    name = f"{marked.people:,} people, {what}"
    return name, f"{bare:.0f} s", f"{seconds:.0f} s", f"{seconds / bare:.2f}", f"{asked.total():,}", goal


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.points", description=__doc__)
    parser.add_argument("--people", type=int, nargs="+", default=(3000, 10_000))
    options = parser.parse_args()
    os.environ |= {"DJANGO_SETTINGS_MODULE": "ladokflow.settings", "LOG_LEVEL": "ERROR", "PYTHONPATH": str(ROOT)}
    folder, rows = Path(os.environ["DATA_DIR"]), []
    with own_database(), sandbox(folder) as url:
        import django

        django.setup()
        site = Site(url, folder)
        with site.cluster("common"), site.cluster("exports"):
            for people in options.people:
                marked = Marked(site, people)
                bare = marked.floor_seconds()
                rows += [line(marked, "collected", marked.collect, bare), line(marked, "exported", marked.export, bare)]
                sys.stderr.write("  told meanwhile: " + " | ".join(dict.fromkeys(marked.told)) + "\n")
    show(("points, item by item", "a bare call each", "ours", "ratio", "calls", "each once"), rows)
    return int(any(row[-1] == "missed" for row in rows))


if __name__ == "__main__":
    sys.exit(main())
