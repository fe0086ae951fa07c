"""A run from beginning to end: prepare, chaos, quiet, reckoning, settling, reckoning."""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from django.core.management import call_command
from django.db import connection

from exports.grades.collect import collect_grades
from sources.models import Flow, Source
from tests import prepared
from tests.crash import checking
from tests.crash.aimed import AimingSandbox
from tests.crash.chaos import Chaos, World
from tests.crash.checking import Reckoning
from tests.crash.director import Director, Limits, make_quiet, settle, wait_for_hands, wait_until_quiet
from tests.crash.exams import READ_BACK, Exam, plan
from tests.crash.hands import Said
from tests.crash.processes import ROOT, Processes
from tests.crash.servers import BorrowedPostgres, OwnPostgres, OwnRedis
from tests.crash.ticking import whatever_it_takes


def say(text: str = "") -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def play(
    folder: Path,
    environment: Mapping[str, str],
    options: argparse.Namespace,
    rng: random.Random,
    postgres: OwnPostgres | BorrowedPostgres | None,
    redis: OwnRedis | None,
    timeout: float,
) -> bool:
    """Whether anything was found at fault."""
    processes = Processes(environment, folder)
    director: Director | None = None
    sandbox = AimingSandbox(processes, rng, lambda: director is not None and director.may_aim())
    with sandbox:
        load(sandbox, folder)
        world = World(
            processes=processes,
            sandbox=sandbox,
            clusters=2 if postgres else 1,
            hands=options.hands,
            is_bare=options.bare,
            postgres=postgres if isinstance(postgres, OwnPostgres) else None,
            redis=redis,
        )
        try:
            exams = plan(rng, options.exports, options.rounds)
            limits = Limits(options.kills, options.seconds, time.monotonic() + options.seconds, options.nights, timeout)
            director = Director(world, Chaos(world, rng), exams, limits, rng)
            return perform(world, director, exams)
        finally:
            processes.kill_all("")
            connection.close()
            if options.keep:
                shutil.copytree(
                    folder, options.keep, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.sqlite3*", "limits")
                )


def load(sandbox: AimingSandbox, folder: Path) -> None:
    if not prepared.filled(os.environ["DATABASE_URL"]):
        call_command("migrate", verbosity=0)
    text = (ROOT / "ladokflow/sandbox/demo.toml").read_text().replace("http://127.0.0.1:8099", sandbox.url)
    described = folder / "sources.toml"
    described.write_text(text)
    call_command("loadsources", described, verbosity=0)
    Source.objects.update(allows_overwriting=True)
    for university in READ_BACK:
        sandbox.control.set_read_back(university, True)
    Source.objects.filter(slug__in=READ_BACK).update(can_read_back=True)


def say_when(began: float, what: str) -> None:
    sys.stderr.write(f"{time.monotonic() - began:6.0f} s  {what}\n")


def perform(world: World, director: Director, exams: list[Exam]) -> bool:
    began = time.monotonic()
    director.run()
    chaos_seconds = time.monotonic() - began
    say_when(began, "calm")
    world.sandbox.control.clear_faults()
    wait_for_hands(world)
    for exam in exams:
        if exam.attempts:
            world.sandbox.control.end_marking(exam.wiseflow)
    is_quiet = make_quiet(world)
    say_when(began, "quiet")
    collect_the_rest(exams)
    first = checking.compare(world.sandbox.control, world.sandbox.requests)
    say_when(began, "compared")
    tell_kills(director, exams, chaos_seconds)
    tell("After the chaos", first)

    settling: Counter[str] = Counter()

    def hear(do: str, said: Said) -> None:
        settling[
            f"{do}: {next((f'{key} {value}' for key, value in said.items() if key in ('refused', 'remote', 'database')), 'done')}"
        ] += 1

    settle(world, exams, hear)
    say_when(began, "settled")
    is_quiet = wait_until_quiet(world, 60) and is_quiet
    say_when(began, "quiet")
    second = checking.compare(world.sandbox.control, world.sandbox.requests)
    checking.compare_with_grades(world.sandbox.control, exams, second)
    tell_counts("Settling, by two hands at once", settling)
    tell("After every unknown outcome was looked up, and the rest retried", second)
    tell_log(world.processes.folder)
    if not is_quiet:
        say("Not quiet: something was still open or queued after all that time.")
    return not (is_quiet and first.is_clean and second.is_clean)


def collect_the_rest(exams: list[Exam]) -> None:
    """What WISEflow has said last, where the task that was to read it has been lost."""
    for exam in exams:
        if exam.flow and exam.attempts:
            flow = Flow.objects.select_related("source").get(pk=exam.flow)
            whatever_it_takes(lambda flow=flow: collect_grades(flow))


# --- What is told ----------------------------------------------------------------------------------------------------


def tell_kills(director: Director, exams: list[Exam], seconds: float) -> None:
    people = sorted(sum(exam.sizes) for exam in exams if exam.attempts)
    say(
        f"{len(people)} flows of {people[0]} to {people[-1]} people, {director.rounds_begun} exports begun, in {seconds:.0f} s"
    )
    say(f"{director.kills} kills:")
    for name, number in sorted((director.world.sandbox.kills + director.chaos.kills).items()):
        say(f"  {number:6}  {name}")
    tell_counts("Faults of the other side", director.faults)
    tell_counts("At the pages", director.told)


def tell_counts(title: str, counts: Counter[str]) -> None:
    say(f"{title}:")
    for name, number in sorted(counts.items()):
        say(f"  {number:6}  {name}")


def tell(title: str, found: Reckoning) -> None:
    say()
    tell_counts(title, found.numbers)
    for name in sorted(found.faults):
        places = found.faults[name]
        say(f"  {len(places):6}  {'!!! ' if places else ''}{name}")
        for place in places[:10]:
            say(f"            {place}")


def tell_log(folder: Path) -> None:
    """Errors that the processes have logged, by their last line."""
    errors: Counter[str] = Counter()
    for path in folder.glob("*.log"):
        for line in path.read_text(errors="replace").splitlines():
            if re.match(r"[\w.]+(Error|Exception|Refused|Exit)\b", line):
                errors[f"{path.stem}: {line[:110]}"] += 1
            elif found := re.search(r"(queue\.silent|export\.\S+failed|export\.attempt\.\w+)", line):
                errors[f"{path.stem}: {found[1]}"] += 1
    tell_counts("In the logs", errors)
