"""`make fuzz`: answers of Ladok and WISEflow, forms and webhooks by the thousand that nobody has thought of, and what came of them."""

from __future__ import annotations

import argparse
import logging
import math
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from django.test.utils import setup_test_environment

from tests.owner.processes import begin

UNIVERSITIES = ("liu", "oru", "boras")
SHARES = {"forms": 24, "webhooks": 6}  # of the cases, where each kind of work has one


def main() -> int:
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=2000, help="in all, spread over what is played")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="what begins so: answers, forms, webhooks")
    options = parser.parse_args()
    begin()
    setup_test_environment()
    logging.disable(logging.WARNING)  # what is logged as an error is looked at, not shown
    logging.getLogger().handlers.clear()
    parts = {name: play for name, play in _parts() if name.startswith(options.only)}
    began, failed, played = time.monotonic(), 0, 0
    share = options.cases / sum(SHARES.get(name, 1) for name in parts)
    from tests.fuzz.strange import many

    for name, play in parts.items():
        cases = math.ceil(share * SHARES.get(name, 1))
        try:
            many(play, cases=cases, seed=options.seed)
        except Exception as error:  # tell it, and go on with the others
            failed += 1
            sys.stdout.write(f"{name}: {error}\n")
        played += cases
        sys.stdout.write(f"{cases:6}  {name}\n")
        sys.stdout.flush()
    seconds = time.monotonic() - began
    sys.stdout.write(f"\n{played} cases, {failed} of {len(parts)} kinds failed, {seconds:.0f} s.\n")
    return 1 if failed else 0


def _parts() -> Iterator[tuple[str, Callable[[Any], None]]]:
    from tests.fuzz.answers import WORKS, Answers, StrangeSandbox
    from tests.fuzz.pages import Calls, Forms

    sandbox = StrangeSandbox()
    sandbox.start()
    for slug in UNIVERSITIES:
        answers = Answers(sandbox, slug)
        for work in WORKS:
            yield f"answers: {slug}, {work}", lambda data, answers=answers, work=work: answers.play(work, data)
        if slug == UNIVERSITIES[0]:
            yield "forms", Forms(answers.base).play
            yield "webhooks", Calls(answers.base).play


if __name__ == "__main__":
    sys.exit(main())
