"""`make fuzz-api`: thousands of calls of the API that nobody has thought of, and what they were answered."""

from __future__ import annotations

import argparse
import sys
import time

import tests.environment  # noqa: F401 - before Django reads its settings


def main() -> int:
    parser = argparse.ArgumentParser(prog="make fuzz-api", description=__doc__)
    parser.add_argument("--cases", type=int, default=2000, help="in all, spread over the calls")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    import os

    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ladokflow.settings")
    django.setup()
    from django.conf import settings
    from django.test.utils import setup_databases

    settings.API_REQUESTS_PER_MINUTE, settings.BEHIND_PROXY = 100_000_000, True
    settings.LOGGING_CONFIG = None
    setup_databases(verbosity=0, interactive=False)
    return _play(options.cases, options.seed)


def _play(cases: int, seed: int) -> int:
    import logging

    from tests.api.conftest import university
    from tests.api.fuzzing import MODES, Fuzz, operations, takes_anything

    logging.disable(logging.CRITICAL)
    fuzz, failed = Fuzz(university("ours")), 0
    began = time.monotonic()
    names = list(operations())
    played = len(names) + sum(takes_anything(operation) for operation in operations().values())
    for name in names:
        before = fuzz.count
        for mode in MODES:
            try:
                fuzz.play(name, mode, -(-cases // played), seed)
            except Exception as error:  # tell it, and go on with the others
                failed += 1
                sys.stdout.write(f"{name} ({mode.value}): {error}\n")
        sys.stdout.write(f"{fuzz.count - before:6}  {name}\n")
    statuses = ", ".join(f"{status}: {count}" for status, count in sorted(fuzz.statuses.items()))
    seconds = time.monotonic() - began
    sys.stdout.write(f"\n{fuzz.count} cases ({statuses}), {failed} calls failed, {seconds:.0f} s.\n")
    return 1 if failed or any(status >= 500 for status in fuzz.statuses) else 0


if __name__ == "__main__":
    sys.exit(main())
