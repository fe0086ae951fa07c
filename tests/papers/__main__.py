"""python -m tests.papers: see the package's docstring, and `--help`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from tests.bench.queue import own_database
from tests.environment import ROOT

FAULTY = 1


def interrupted(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.papers", description=__doc__)
    parser.add_argument("--people", type=int, nargs="+", default=(40, 400), help="an exam of each size (%(default)s)")
    parser.add_argument(
        "--kills", type=int, default=2, help="over the largest package, its log and the licence's each (%(default)s)"
    )
    parser.add_argument("--page", type=int, default=10_000, help="entries of a page of WISEflow's logs (%(default)s)")
    parser.add_argument(
        "--rush",
        type=int,
        default=6000,
        help="requests of two processes against WISEflow's limit; 0: none (%(default)s)",
    )
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, interrupted)
    folder = Path(os.environ["DATA_DIR"])
    archive = folder / "archive"
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "ladokflow.settings",
        "ARCHIVE_DIR": str(archive),
        "QUEUE_WORKERS": "2",
        "REMOTE_TIMEOUT_SECONDS": "40",
        "PYTHONPATH": str(ROOT),
    }
    began = time.monotonic()
    with own_database():
        environment = dict(os.environ)
        os.environ["LOG_LEVEL"] = "ERROR"
        import django

        django.setup()
        from tests.papers.play import Play

        play = Play(folder, archive, environment, options.people, kills=options.kills, page=options.page)
        play.perform(rush=options.rush)
        play.hold_against_description()
    sys.stdout.write(
        f"\n{f'{play.faults} FAULTS' if play.faults else 'No fault'}, after {time.monotonic() - began:.0f} s.\n"
    )
    return FAULTY if play.faults else 0


if __name__ == "__main__":
    sys.exit(main())
