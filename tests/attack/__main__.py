"""`make attack`: attacks on exports by the hundred, on all cores, and what came of them."""

from __future__ import annotations

import argparse
import concurrent.futures
import contextlib
import multiprocessing
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.attack.processes import Outcome, play_crowd, play_several, prepare, prepare_crowds

AT_ONCE = 7  # attacks that a process is given at a time
FAULTY = 1


def main() -> int:
    parser = argparse.ArgumentParser(prog="make attack", description=__doc__)
    parser.add_argument("--attacks", type=int, default=350)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="the number of the first one: to play one again")
    parser.add_argument("--family", default="", help="only attacks of this family")
    parser.add_argument(
        "--crowds", type=int, default=-1, help="how many by threads besides; an eighth of the others if not said"
    )
    parser.add_argument("--as-found", action="store_true", help="do not look for the shortest that still gets through")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--most", type=int, default=20, help="stop after so many that get through")
    options = parser.parse_args()
    began = time.monotonic()
    found = Found(options.seed, options.most)
    crowds = options.attacks // 8 if options.crowds < 0 else options.crowds
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):  # what has been played by then is told all the same
        _play(found, options, range(options.first, options.first + options.attacks), play_several, prepare)
        _play(found, options, range(options.first, options.first + crowds), play_crowd, prepare_crowds)
    seconds = time.monotonic() - began
    for name, count in sorted(found.counts.items()):
        sys.stdout.write(f"{count:8}  {name}\n")
    attempts, grades = found.counts["attempts"], found.counts["grades in the ledger"]
    sys.stdout.write(f"\n{found.families.total()} attacks {dict(found.families)}, {attempts} attempts, ")
    sys.stdout.write(
        f"{grades} grades in the ledger, {found.through.total()} got through {dict(found.through) or ''}, "
    )
    sys.stdout.write(f"{seconds:.0f} s.\n")
    return FAULTY if found.through else 0


@dataclass
class Found:
    seed: int
    most: int
    counts: Counter[str] = field(default_factory=Counter)
    families: Counter[str] = field(default_factory=Counter)
    through: Counter[str] = field(default_factory=Counter)

    @property
    def is_enough(self) -> bool:
        return self.through.total() >= self.most

    def add(self, outcome: Outcome) -> None:
        self.counts += outcome.counts
        self.families[outcome.family] += 1
        if outcome.violations:
            self.through[f"{outcome.family}, {outcome.rule}"] += 1
            _tell(self.seed, outcome)


def _play(found: Found, options: argparse.Namespace, numbers: range, play: Any, begin: Callable[[], None]) -> None:
    parts = [numbers[start : start + AT_ONCE] for start in range(0, len(numbers), AT_ONCE)]
    if not parts or found.is_enough:
        return
    with concurrent.futures.ProcessPoolExecutor(
        min(options.jobs, len(parts)), mp_context=multiprocessing.get_context("spawn"), initializer=begin
    ) as pool:
        waiting = [pool.submit(play, options.seed, part, options.family, not options.as_found) for part in parts]
        try:
            for done in concurrent.futures.as_completed(waiting):
                for outcome in done.result():
                    found.add(outcome)
                if found.is_enough:
                    break
        finally:
            pool.shutdown(cancel_futures=True)


def _tell(seed: int, outcome: Outcome) -> None:
    sys.stdout.write(f"\nAttack {outcome.number} of seed {seed}, {outcome.family}, {outcome.kind}:\n")
    sys.stdout.writelines(f"  {violation}\n" for violation in outcome.violations)
    if outcome.short:
        sys.stdout.write("  The shortest that still gets through:\n")
    sys.stdout.writelines(f"    {step!r},\n" for step in outcome.short)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
