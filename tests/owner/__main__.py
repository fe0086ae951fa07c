"""`make owner`: sequences by the thousand, on all cores, and what came of them."""

from __future__ import annotations

import argparse
import concurrent.futures
import multiprocessing
import os
import sys
import time
from collections import Counter

from tests.owner.processes import Outcome, play_several, prepare

AT_ONCE = 5  # sequences that a process is given at a time
FAULTY = 1


def main() -> int:
    parser = argparse.ArgumentParser(prog="make owner", description=__doc__)
    parser.add_argument("--sequences", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="the number of the first one: to play one again")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--most", type=int, default=20, help="stop after so many that fail")
    options = parser.parse_args()
    began = time.monotonic()
    counts, failed, played = Counter[str](), 0, 0
    rules = Counter[str]()
    numbers = range(options.first, options.first + options.sequences)
    parts = [numbers[start : start + AT_ONCE] for start in range(0, len(numbers), AT_ONCE)]
    with concurrent.futures.ProcessPoolExecutor(
        min(options.jobs, len(parts)), mp_context=multiprocessing.get_context("spawn"), initializer=prepare
    ) as pool:
        waiting = [pool.submit(play_several, options.seed, part) for part in parts]
        for done in concurrent.futures.as_completed(waiting):
            for outcome in done.result():
                played += 1
                counts += outcome.counts
                if outcome.violations:
                    failed += 1
                    rules[outcome.violations[0].partition(":")[0]] += 1
                    _tell(options.seed, outcome)
            if failed >= options.most:
                pool.shutdown(cancel_futures=True)
                break
    seconds = time.monotonic() - began
    for name, count in sorted(counts.items()):
        sys.stdout.write(f"{count:8}  {name}\n")
    sys.stdout.write(
        f"\n{played} sequences, {counts['exports']} exports, {counts['grades in the ledger']} grades in the ledger, "
        f"{failed} with violations {dict(rules) or ''}, {seconds:.0f} s, {played / seconds:.2f} a second.\n"
    )
    return FAULTY if failed else 0


def _tell(seed: int, outcome: Outcome) -> None:
    sys.stdout.write(f"\nSequence {outcome.number} of seed {seed}, {outcome.kind}:\n")
    sys.stdout.writelines(f"  {violation}\n" for violation in outcome.violations)
    if outcome.short:
        sys.stdout.write("  The shortest that still fails:\n")
    sys.stdout.writelines(f"    {step!r},\n" for step in outcome.short)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
