"""Who does what and when: exams are made, graded and exported round by round, twice at once, while chaos reigns."""

from __future__ import annotations

import datetime as dt
import random
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import F
from django.utils import timezone
from django_q.models import OrmQ

from exports.grades import asking
from exports.models import Collection, ExportAttempt, ExportItem
from ladokflow.queue import enqueue
from sources.models import Flow, Source
from tests.crash.chaos import Chaos, World
from tests.crash.exams import Exam, grade, order_a_fault, put_in_ladok
from tests.crash.hands import Said
from tests.crash.ticking import LONG, count, let_time_pass, whatever_it_takes

AT_ONCE = 16  # exams whose export has just begun: the others wait for a lease to run out
JUST_BEGUN = 20.0
AIMED = 0.72  # the share of the kills that the sandbox aims
TICK = 0.05
LOOK_EVERY = 0.6
CLICK_AGAIN_AFTER = 9.0
LEAVE_AFTER = 240.0
STANDS_STILL = 15.0
LONGEST_WAIT = 240.0


@dataclass
class Limits:
    kills: int
    seconds: float
    ends: float  # monotonic
    nights: float  # seconds between two
    timeout: float  # of one request


class Director:
    def __init__(self, world: World, chaos: Chaos, exams: list[Exam], limits: Limits, rng: random.Random) -> None:
        self.world = world
        self.chaos = chaos
        self.exams = exams
        self.limits = limits
        self.rng = rng
        self.control = world.sandbox.control
        self.told: Counter[str] = Counter()  # what the hands said, and what was done on purpose
        self.faults: Counter[str] = Counter()
        self.rounds = sum(exam.rounds for exam in exams)
        self.rounds_begun = 0
        self.commands: list[tuple[Exam, subprocess.Popen[bytes]]] = []
        self._looked = self._killed = 0.0
        self._night = time.monotonic()
        self.is_calm = False

    # --- How many kills are due ---------------------------------------------------------------------------------

    @property
    def kills(self) -> int:
        return self.aimed + self.chaos.total

    @property
    def aimed(self) -> int:
        return sum(number for name, number in self.world.sandbox.kills.items() if not name.startswith("("))

    def _due(self, share: float) -> float:
        """Spread over the exports, or over the time where that goes faster."""
        exported = self.rounds_begun / max(1, self.rounds)
        passed = 1 - (self.limits.ends - time.monotonic()) / self.limits.seconds
        return 1 + share * self.limits.kills * min(1.0, max(exported, passed))

    def may_aim(self) -> bool:
        return not self.is_calm and self.aimed < self._due(AIMED)

    def _kill(self) -> None:
        now = time.monotonic()
        if self.chaos.total < self._due(1 - AIMED) and now - self._killed > 0.2:
            self._killed = now
            self.chaos.once()

    # --- The chaos ----------------------------------------------------------------------------------------------

    def run(self) -> None:
        while self._has_time() and not self._is_over():
            self._go_on()
            self._kill()
            if time.monotonic() - self._night > self.limits.nights:
                self._pass_a_night()
            time.sleep(TICK)
        self.is_calm = True

    def _has_time(self) -> bool:
        """On a machine that others use it takes a while until the flows are there: some exports have to begin, or nothing is cut off."""
        late = time.monotonic() - self.limits.ends
        return late < 0 or (self.rounds_begun < self.rounds / 4 and late < LONGEST_WAIT)

    def _is_over(self) -> bool:
        return all(exam.stage == "over" for exam in self.exams)

    def _go_on(self) -> None:
        self.world.keep()
        self._hear_commands()
        try:
            self._begin()
            if time.monotonic() - self._looked > LOOK_EVERY:
                self._looked = time.monotonic()
                self._look()
                self._deliver_again()
                self._watch()
        except DatabaseError:
            connection.close()

    def _pass_a_night(self) -> None:
        self.world.night()
        self.chaos.kills["every machine but the database"] += 1
        self._night = time.monotonic()

    def _deliver_again(self) -> None:
        """An attempt, finished or not, is put in the queue once more."""
        if self.rng.random() < 0.5:
            pks = list(ExportAttempt.objects.order_by("-created_at").values_list("pk", flat=True)[:20])
            if pks:
                self._enqueue(ExportAttempt.TASK, self.rng.choice(pks), times=self.rng.randint(1, 2))
                self.told["queued again on purpose"] += 1

    def _watch(self) -> None:
        """A watchdog with less patience than ours: a killed idle worker may have stopped a cluster for good, and a run is short."""
        if not settings.Q_CLUSTER.get("orm"):
            waiting = ExportAttempt.objects.filter(state="queued", enqueued_at__isnull=False)
        else:
            waiting = OrmQ.objects.filter(lock__lt=timezone.now() - dt.timedelta(seconds=5))
        if waiting.exists():
            for cluster in self.world.clusters:
                if cluster.stands_still(STANDS_STILL) and cluster.kill_cluster():
                    self.chaos.kills["whole cluster, since it stood still"] += 1

    def _enqueue(self, task: str, key: Any, times: int) -> None:
        with transaction.atomic():
            for _ in range(times):
                enqueue(task, key)

    def _collect(self, flow: int, times: int) -> None:
        asking.ask(flow)
        self._enqueue(Collection.TASK, flow, times=times)

    # --- Making, and the first click ----------------------------------------------------------------------------

    def _begin(self) -> None:
        lately = time.monotonic() - JUST_BEGUN
        going = sum(exam.stage == "going" and exam.begun > lately for exam in self.exams)
        ready = [exam for exam in self.exams if exam.stage == "ready"]
        making = sum(exam.stage == "making" for exam in self.exams)
        for exam in ready[: max(0, AT_ONCE - going)]:
            self.begin_round(exam)
        new = next((exam for exam in self.exams if exam.stage == "new"), None)
        free = self.world.hands.free()
        # Two hands are kept for pressing buttons, as soon as there is a button to press.
        kept = 2 if any(exam.stage in ("ready", "going") for exam in self.exams) else 0
        if new and len(free) > kept and making < max(1, len(self.world.hands.all) - 2) and len(ready) < AT_ONCE:
            put_in_ladok(self.control, new)
            new.stage = "making"
            free[0].give(
                lambda said, exam=new: self._made(exam, said),
                "make",
                source=new.university,
                codes=new.codes,
                email=new.email,
                key=new.key,
                **new.switches,
            )

    def _made(self, exam: Exam, said: Said) -> None:
        self._count("make", said)
        exam.stage = "new"
        if said.get("state") == "ready":
            exam.flow, exam.wiseflow, exam.stage = said["flow"], said["wiseflow"], "ready"
        elif said.get("said", {}).get("code") == "sources.creation_in_doubt":
            exam.stage = "over"  # it asks its manager, as it should

    def begin_round(self, exam: Exam) -> None:
        """Grade, order a fault perhaps, and start the export, mostly twice at the same instant."""
        before = count(ExportAttempt.objects.filter(flow=exam.flow))
        grade(self.control, exam)
        self.faults[order_a_fault(self.control, exam, self.rng, self.limits.timeout) or "(none)"] += 1
        exam.stage, exam.attempts = "going", before + 1
        self.rounds_begun += 1
        self.press(exam)

    def press(self, exam: Exam) -> None:
        exam.begun = time.monotonic()
        if exam.round == 0 and exam.way in ("marking_end", "instant"):
            whatever_it_takes(lambda: self._collect(exam.flow, times=self.rng.randint(1, 3)))
        elif exam.round == 0 and exam.way == "command":
            self._start_command(exam)
        else:
            self.click(exam, "start", email=exam.email, at=time.time() + 0.5, overwrite=exam.round > 0)

    def click(self, exam: Exam, do: str, **arguments: Any) -> bool:
        """Two hands press at the same instant where two are free."""
        free = self.world.hands.free()[: 2 if self.rng.random() < 0.8 else 1]
        if not free:
            exam.begun = time.monotonic() - CLICK_AGAIN_AFTER + 1
            return False
        self.told[f"{do}: pressed {'twice at once' if len(free) == 2 else 'once'}"] += 1
        for hand in free:
            exam.waits += 1
            hand.give(lambda said: self._clicked(exam, do, said), do, flow=exam.flow, **arguments)
        return True

    def _clicked(self, exam: Exam, do: str, said: Said) -> None:
        exam.waits -= 1
        self._count(do, said)

    def _count(self, do: str, said: Said) -> None:
        for name in ("refused", "remote", "database", "died"):
            if name in said:
                self.told[f"{do}: {name} {said[name] if name != 'died' else ''}".strip()] += 1

    def _start_command(self, exam: Exam) -> None:
        command = ("manage.py", "export", "--flow", str(exam.flow), "--by", exam.email, "--wait", "--json")
        exam.waits += 1
        self.commands.append((exam, self.world.processes.start("commands", *command)))
        self.told["manage.py export"] += 1

    def _hear_commands(self) -> None:
        for exam, process in list(self.commands):
            if process.poll() is not None:
                self.commands.remove((exam, process))
                exam.waits -= 1

    # --- What came of it ----------------------------------------------------------------------------------------

    def _look(self) -> None:
        going = {exam.flow: exam for exam in self.exams if exam.stage == "going"}
        seen: dict[int, list[str]] = {flow: [] for flow in going}
        for flow, state in ExportAttempt.objects.filter(flow__in=going).values_list("flow_id", "state"):
            seen[flow].append(state)
        for flow, states in seen.items():
            exam = going[flow]
            waited = time.monotonic() - exam.begun
            if len(states) >= exam.attempts and not set(states) & set(ExportAttempt.OPEN) and not exam.waits:
                self._round_over(exam)
            elif waited > LEAVE_AFTER:
                exam.stage = "over"
            elif len(states) < exam.attempts and not exam.waits and waited > CLICK_AGAIN_AFTER:
                self.told["pressed again, for nothing had happened"] += 1
                self.press(exam)

    def _round_over(self, exam: Exam) -> None:
        if exam.way == "instant" and exam.round == 0:
            self.control.end_marking(exam.wiseflow)
            self._collect(exam.flow, times=1)
        failed = Flow.objects.values_list("failed_count", flat=True).get(pk=exam.flow)
        unknown = count(ExportItem.objects.filter(attempt__flow=exam.flow, state="unknown"))
        if not failed and not unknown:
            exam.round, exam.asked = exam.round + 1, set()
            exam.stage = "ready" if exam.round < exam.rounds else "over"
        elif unknown and exam.can_be_read_back and "readback" not in exam.asked:
            self._ask(exam, "readback")
        elif not unknown and "retry" not in exam.asked and self.rng.random() < 0.7:
            # All that failed has failed for certain: a manager may retry.
            self._ask(exam, "retry")
        else:
            exam.stage = "over"  # the rest of it waits for the settling
            self.rounds_begun += exam.rounds - exam.round - 1

    def _ask(self, exam: Exam, do: str) -> None:
        if do == "retry":
            attempts = count(ExportAttempt.objects.filter(flow=exam.flow))
            if self.click(exam, do, email=exam.email, at=time.time() + 0.5):
                exam.attempts = attempts + 1
                exam.asked.add(do)
        elif self.click(exam, do):
            exam.asked.add(do)


# --- Until it is quiet -----------------------------------------------------------------------------------------------


def make_quiet(world: World, *, nights: int = 3, patience: float = 60.0) -> bool:
    """Let hours pass for what waits for a dead worker's lease, and then the queue and the sweeper do what is left.

    True when nothing is open and nothing is queued. One night is enough where nothing is killed any more.
    """
    for _ in range(nights):
        world.night()
        if wait_until_quiet(world, patience):
            return True
    return False


def wait_until_quiet(world: World, patience: float) -> bool:
    ends = None
    while ends is None or time.monotonic() < ends:
        if ends is None and all(cluster.is_at_work() for cluster in world.clusters):
            ends = time.monotonic() + patience
        world.keep()
        if _is_quiet() and world.sandbox.calls == 0:
            return True
        time.sleep(0.3)
    return False


def _is_quiet() -> bool:
    open_ones = count(ExportAttempt.objects.filter(state__in=ExportAttempt.OPEN))
    return not open_ones and not count(OrmQ.objects.all())


def wait_for_hands(world: World, seconds: float = 60) -> None:
    ends = time.monotonic() + seconds
    while world.hands.busy() and time.monotonic() < ends:
        world.keep()
        time.sleep(TICK)


def settle(world: World, exams: list[Exam], told: Callable[[str, Said], None]) -> None:
    """A manager's morning: every unknown outcome is looked up in Ladok, what is not there is sent again, and what is ready is sent."""
    for university in {exam.university for exam in exams}:
        world.sandbox.control.set_read_back(university, True)
        world.sandbox.control.clear_rejections(university)
    let_time_pass(ExportAttempt.objects.exclude(state__in=ExportAttempt.OPEN))  # Ladok has put every request down
    Source.objects.update(can_read_back=True)
    begun = [exam for exam in exams if exam.flow]
    for _ in range(2):
        unknown = set(Flow.objects.filter(attempts__items__state="unknown").values_list("pk", flat=True))
        jobs = [("readback", {"flow": exam.flow}) for exam in begun if exam.flow in unknown]
        _all_hands(world, jobs, told, pairs=False)
        # The second look is long after the first.
        ExportItem.objects.filter(state="unknown").update(absent_at=F("absent_at") - LONG)
    failed = set(Flow.objects.filter(export_state="failed").values_list("pk", flat=True))
    _all_hands(
        world,
        [("retry", {"flow": exam.flow, "email": exam.email, "at": 0.0}) for exam in begun if exam.flow in failed],
        told,
        pairs=True,
    )
    ready = set(
        Flow.objects.filter(export_state="pending", graded_count__gt=F("exported_count")).values_list("pk", flat=True)
    )
    _all_hands(
        world,
        [
            ("start", {"flow": exam.flow, "email": exam.email, "at": 0.0, "overwrite": False})
            for exam in begun
            if exam.flow in ready
        ],
        told,
        pairs=True,
    )


def _all_hands(
    world: World, jobs: list[tuple[str, dict[str, Any]]], told: Callable[[str, Said], None], *, pairs: bool
) -> None:
    """Each job once, or by two hands at the same instant."""
    while jobs:
        world.hands.listen()
        free = world.hands.free()
        if len(free) > pairs:
            do, arguments = jobs.pop()
            if "at" in arguments:
                arguments["at"] = time.time() + 0.3
            for hand in free[: 1 + pairs]:
                hand.give(lambda said, do=do: told(do, said), do, **arguments)
        time.sleep(0.01)
    wait_for_hands(world)
