"""A page or a worker in a process of its own, and the most memory it has had: `python -m tests.exports.measured`.

    work PK             send one attempt, as a worker of the queue does
    sync PK             do one synchronisation, as a worker of the queue does
    page EMAIL ...      as the signed-in person: each `GET:/address` or, with the form of the page before, `POST:/address` in turn

Prints `{"peak_mb"}` as JSON, with `seconds` of work and `cpu` of a synchronisation, or `statuses` and `texts` of pages; `texts` are the pages' own words where they were asked for with `TEXT:`.
"""

from __future__ import annotations

import html
import json
import re
import sys
import time
from pathlib import Path
from typing import Any

from tests.filling import form_on

PATIENCE = 900.0  # seconds; the queue's own minute is not what is measured


def peak_mb() -> float:
    """Of this process alone: `ru_maxrss` also counts what the parent had when it was forked."""
    found = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def work(pk: str) -> dict[str, Any]:
    from exports.attempts.send import send_attempt

    began = time.perf_counter()
    send_attempt(pk, seconds=PATIENCE)
    return {"seconds": time.perf_counter() - began}


def sync(pk: str) -> dict[str, Any]:
    from sources.sync.run import run_sync

    began, used = time.perf_counter(), time.process_time()
    run = run_sync(pk)
    found = {"state": run.state, "changes": len(run.changes)}
    return found | {"seconds": time.perf_counter() - began, "cpu": time.process_time() - used}


def page(email: str, *calls: str) -> dict[str, Any]:
    from django.contrib.auth import get_user_model
    from django.test import Client

    client = Client(headers={"accept-language": "en"})
    client.force_login(get_user_model().objects.get(email=email))
    statuses, texts, shown = [], [], ""
    for call in calls:
        method, _, address = call.partition(":")
        answer: Any = client.post(address, form_on(shown, address)) if method == "POST" else client.get(address)
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content
        shown = content.decode(errors="replace")  # a file to take along is none that a form stands on
        statuses.append(answer.status_code)
        if method == "TEXT":
            texts.append(" ".join(re.sub(r"<[^>]*>", " ", html.unescape(content.decode())).split()))
    return {"statuses": statuses, "texts": texts}


def main(do: str, *arguments: str) -> None:
    import django

    django.setup()
    done = {"work": work, "sync": sync, "page": page}[do](*arguments)
    sys.stdout.write(json.dumps(done | {"peak_mb": peak_mb()}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
