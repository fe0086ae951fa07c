"""A run from beginning to end: exams are made, handed in and graded; grades go to Ladok; packages and logs, with workers killed over them."""

from __future__ import annotations

import contextlib
import io
import random
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import F, Q, QuerySet

from exports.models import Package
from sources.logs.read import want
from sources.models import LogReading, Membership, Participant
from tests.bench.queue import Site
from tests.crash.processes import Cluster, Processes, Sweeper
from tests.crash.ticking import LONG
from tests.openapi import check_requests
from tests.papers import exams, judge
from tests.papers.exams import Exam
from tests.papers.judge import Verdict
from tests.papers.sandbox import Aim, WatchingSandbox
from tests.running import wait_until
from tests.services import openapi_path

PATIENCE = 3600.0
BY = "anna@liu.example"
GOAL_MEGABYTES = 300
NAMED = 20  # entries of the log that name somebody
RUSH = """
import django, sys
django.setup()
from sources.models import Flow
from sources.universities.clients import wiseflow_for
flow, count = Flow.objects.select_related("source").get(pk=sys.argv[1]), int(sys.argv[2])
people = list(flow.participants.values_list("wiseflow_id", flat=True))
with wiseflow_for(flow.source) as wiseflow:
    wiseflow.side_by_side(lambda n: wiseflow.trail(flow.wiseflow_id, people[n % len(people)]), range(count))
"""
LATEST = 0.5  # seconds after a request, at which a worker is killed


class Play:
    """`sizes` of exams; `kills` of a worker over the largest one's package, over its log and over the licence's each; `page`: entries
    of a page of the logs."""

    def __init__(
        self, folder: Path, archive: Path, environment: dict[str, str], sizes: Sequence[int], *, kills: int, page: int
    ) -> None:
        self.archive, self.kills = archive, kills
        self.exams = [Exam(people) for people in sizes]
        self.rng = random.Random(1)
        self.processes = Processes(environment, folder)
        self.sandbox = WatchingSandbox(self.processes)
        self.page = page
        self.verdicts: list[tuple[str, Verdict]] = []
        self.names: list[str] = []
        self.peak = 0.0
        self.folder = folder

    def perform(self, *, rush: int = 0) -> None:
        """`rush`: so many requests besides, by two processes at once."""
        with self.sandbox, self._workers():
            self._timed("made", self._make)
            for exam in self.exams:
                exams.write(exam, self.control)
            self._timed("collected", lambda: exams.collect(self.exams, self._wait))
            for exam in self.exams:
                self._judge(exam, judge.handed_in(exam, self.sandbox.state))
                self._export(exam)
            self._timed("packed and logged", self._keep)
            self._judge_what_is_kept()
            if rush:
                self._rush(rush)

    def _make(self) -> None:
        exams.make(self.exams, self.control, self.site.source, self.site.anna, self._wait)

    # --- The processes ----------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _workers(self) -> Iterator[None]:
        self.site = Site(self.sandbox.url, self.folder)
        self.control = self.site.control
        self.control.set_rate_limit()  # WISEflow's own
        self.control.set_log_pages(self.page)
        Membership.objects.filter(user=self.site.anna).update(can_archive=True)
        self.cluster = Cluster(self.processes, 1, is_bare=True)
        Sweeper(self.processes, 1.0)
        try:
            yield
        finally:
            self.processes.kill_all("")
            connection.close()

    def _timed(self, what: str, work: Callable[[], None]) -> None:
        began = time.monotonic()
        work()
        sys.stderr.write(f"  {what}: {time.monotonic() - began:.0f} s\n")

    def _wait(self, done: Callable[[], bool], what: str) -> None:
        def is_done() -> bool:
            if self.cluster.top.poll() is not None:
                raise SystemExit(f"The cluster has ended:\n{self._said()}")
            self._look_at_memory()
            return done()

        wait_until(is_done, PATIENCE, what)

    def _said(self) -> str:
        return (self.folder / f"{self.cluster.name}.log").read_text()[-2000:]

    def _look_at_memory(self) -> None:
        for pid in self.cluster.members().get("worker", []):
            with contextlib.suppress(OSError):
                if found := re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text()):
                    self.peak = max(self.peak, int(found[1]) / 1024)

    # --- To Ladok ---------------------------------------------------------------------------------------------------

    def _export(self, exam: Exam) -> None:
        """First everybody but those who are asked about; then those, with the answer."""
        for options in ({}, {"without_paper": judge.REASON}):
            # Who is left fails the command, as what was asked for has not been done: the ledger is what is judged.
            with contextlib.suppress(CommandError):
                call_command("export", flow=exam.flow.pk, by=BY, wait=True, json=True, stdout=io.StringIO(), **options)
            ledger = self.control.grades("liu", exam.code)
            self._judge(exam, judge.exported(exam, ledger, is_asked=not options))

    # --- Packages and logs ------------------------------------------------------------------------------------------

    def _keep(self) -> None:
        """All at once, so that the workers share WISEflow's limit; the largest exam last, while the others wait for nothing."""
        self._name_somebody()
        largest = max(self.exams, key=lambda exam: exam.people)
        self._aim_at(largest)
        for exam in self.exams:
            call_command("archive", flow=exam.flow.pk, by=BY, stdout=io.StringIO())
            want(self.site.source, exam.flow)
        want(self.site.source)
        packages = Package.objects.filter(flow__in=[exam.flow.pk for exam in self.exams])
        self._wait(lambda: not packages.filter(state__in=Package.OPEN).exists(), "the packages")
        self._wait(lambda: not LogReading.objects.filter(wanted_at__isnull=False).exists(), "the logs")

    def _name_somebody(self) -> None:
        """Entries of the licence's log, in words and with names."""
        people = list(Participant.objects.filter(flow=self.exams[0].flow).exclude(first_name="")[:NAMED])
        self.names = sorted({person.last_name for person in people if len(person.last_name) > 3})
        entries = [
            {
                "source": {
                    "action": "SAID",
                    "flowId": self.exams[0].number,
                    "device": f"of {person.first_name} {person.last_name}",
                },
                "at": time.time() - 60,
            }
            for person in people
        ]
        self.control.add_logs(entries, licence="liu")

    def _aim_at(self, exam: Exam) -> None:
        """A worker each time: at once when it asks, or somewhat later, wherever it is then."""
        packages, readings = (
            Package.objects.filter(flow=exam.flow.pk),
            LogReading.objects.filter(source=self.site.source),
        )
        for number in range(self.kills):
            share = (number + 1) / (self.kills + 1)
            pause = self.rng.uniform(0, LATEST) if number else 0.0
            kinds: tuple[tuple[str, str, str, int, QuerySet[Any]], ...] = (
                ("package", "storage", rf"/{exam.number}/paper/\d+", int(share * exam.people), packages),
                (
                    "log of the flow",
                    "wiseflow",
                    f"/flows/{exam.number}/logs",
                    2 + number,
                    readings.filter(flow=exam.flow.pk),
                ),
                ("log of the licence", "wiseflow", "/license/logs", 2 + number, readings.filter(flow=None)),
            )
            for name, system, path, count, rows in kinds:
                then = lambda rows=rows: let_time_pass(rows)  # noqa: E731
                self.sandbox.aims.append(Aim(name, system, path, count, then, pause))

    def _judge_what_is_kept(self) -> None:
        state, asked = self.sandbox.state, self.sandbox.ledger
        kills = [aim for aim in self.sandbox.aims if aim.victim]
        over_package = sum(aim.name == "package" for aim in kills)
        largest = max(self.exams, key=lambda exam: exam.people)
        for exam in self.exams:
            died = over_package if exam is largest else 0
            self._judge(exam, judge.package(exam, self.archive, state, asked, died))
            self._judge(exam, judge.timelines(exam, state))
        self._judge(None, judge.logs("liu", state, asked, len(kills) - over_package, self.names))
        self._judge(None, judge.limits(asked))
        self._judge(None, self._of_the_run(len(kills)))

    def _of_the_run(self, kills: int) -> Verdict:
        verdict = Verdict("the run")
        verdict.expect("workers killed", kills, 3 * self.kills)
        verdict.most("a worker's peak", self.peak, GOAL_MEGABYTES, " MB")
        return verdict

    def _rush(self, requests: int) -> None:
        """Two processes ask as fast as they are let: it is the limit of a minute that holds them."""
        self.sandbox.ledger.clear()
        smallest = min(self.exams, key=lambda exam: exam.people).flow
        share = str(requests // 2)
        started = [self.processes.start(f"rush{n}", "-c", RUSH, str(smallest.pk), share) for n in (1, 2)]
        statuses = [process.wait(PATIENCE) for process in started]
        verdict = judge.limits(self.sandbox.ledger, is_reached=True)
        verdict.expect("how they ended", statuses, [0, 0])
        self._judge(None, verdict)

    def hold_against_description(self) -> None:
        """What was asked of WISEflow, where its description is found."""
        if openapi_path():
            different = list(self.sandbox.different.values())
            verdict = Verdict("requests", {"of different shapes": str(len(different))})
            verdict.expect("against WISEflow's description", check_requests(different), [])
            self._judge(None, verdict)

    def _judge(self, exam: Exam | None, verdict: Verdict) -> None:
        whose = f"{exam.people:,} people" if exam else "all"
        self.verdicts.append((whose, verdict))
        figures = ", ".join(f"{name} {figure}" for name, figure in verdict.figures.items())
        sys.stdout.write(f"{whose:>13}  {verdict.subject}: {figures}\n")
        sys.stdout.writelines(f"          !!!  {fault}\n" for fault in verdict.faults)
        sys.stdout.flush()

    @property
    def faults(self) -> int:
        return sum(len(verdict.faults) for _whose, verdict in self.verdicts)


def let_time_pass(rows: QuerySet[Any]) -> None:
    """For a dead worker's lease to run out, and a sweeper to look for another one."""
    try:
        rows.filter(Q(lease_until__isnull=False)).update(
            lease_until=F("lease_until") - LONG, enqueued_at=F("enqueued_at") - LONG
        )
    finally:
        connection.close()
