"""python -m tests.bench.archive: an archive package of a large flow, made by a worker whose memory is watched.

The worker is a process of its own; its peak (VmHWM) must stay below the goal, however large the package is. With `--people 10000 --megabytes 0`
it is about how many there are. TEST_DATABASE_URL names a PostgreSQL server.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tests.bench.__main__ import sandbox, show
from tests.bench.queue import Site, own_database
from tests.environment import ROOT

GOAL_MEGABYTES = 300
WORKER = """
import django, re, sys
django.setup()
from exports.archive.make import make_package
while make_package(sys.argv[1]) == "queued":
    pass
print(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
"""


def written_flow(site: Site, people: int, megabytes: float) -> int:
    """A flow that has been written, with papers of this size; its key."""
    from sources.flows.create import create_flow
    from sources.flows.request import request_flow
    from sources.models import Flow, Membership

    code = site.control.add_exam("liu", people)
    asked = request_flow(source=site.source, codes=[code], requested_by=site.anna, enqueue=False)
    flow = create_flow(asked.pk)
    flow.refresh_from_db()
    if flow.setup_state != Flow.Setup.READY:
        raise SystemExit(f"The flow was not made: {flow.setup_reason}")
    site.control.start_participation(flow.wiseflow_id)
    site.control.end_participation(flow.wiseflow_id)
    site.control.set_papers(flow.wiseflow_id, padding=int(megabytes * 1024 * 1024))
    Flow.objects.filter(pk=flow.pk).update(state=Flow.State.PARTICIPATION_ENDED)
    Membership.objects.filter(user=site.anna).update(can_archive=True)
    return int(flow.pk)


def measured(flow_pk: int, folder: Path) -> tuple[str, ...]:
    import bagit

    from exports.archive.request import request_package
    from sources.models import Flow

    package = request_package(flow=Flow.objects.get(pk=flow_pk), trigger="command", enqueue=False)
    begun = time.monotonic()
    answer = subprocess.run([sys.executable, "-c", WORKER, str(package.pk)], check=True, capture_output=True, text=True)
    seconds = time.monotonic() - begun
    package.refresh_from_db()
    peak = int(re.sub(r"\D", "", answer.stdout.strip().splitlines()[-1])) / 1024
    bagit.Bag(str(folder / "packages" / package.place)).validate(processes=2)
    is_met = package.state == "ready" and not package.missing_count and peak < GOAL_MEGABYTES
    size = f"{package.size / 1024**2:,.0f} MB"
    return (
        f"{package.total:,}",
        f"{package.file_count:,}",
        size,
        f"{seconds:.0f} s",
        f"{peak:.0f} MB",
        "met" if is_met else "missed",
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.archive", description=__doc__)
    parser.add_argument("--people", type=int, default=150)
    parser.add_argument("--megabytes", type=float, default=8, help="of each paper")
    options = parser.parse_args()
    folder = Path(os.environ["DATA_DIR"])
    archive = folder / "archive"
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "ladokflow.settings",
        "LOG_LEVEL": "ERROR",
        "REMOTE_TIMEOUT_SECONDS": "120",
        "PYTHONPATH": str(ROOT),
        "ARCHIVE_DIR": str(archive),
    }
    with own_database(), sandbox(folder) as url:
        import django

        django.setup()
        row = measured(written_flow(Site(url, folder), options.people, options.megabytes), archive)
    shutil.rmtree(archive)
    show(("people", "files", "size", "time", "peak", f"below {GOAL_MEGABYTES} MB"), [row])
    return int(row[-1] == "missed")


if __name__ == "__main__":
    sys.exit(main())
