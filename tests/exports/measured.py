"""A page or a worker in a process of its own, and the most memory it has had: `python -m tests.exports.measured`.

    work PK             send one attempt, as a worker of the queue does
    page EMAIL ...      as the signed-in person: each `GET:/address` or `POST:/address?field=value` in turn

Prints `{"peak_mb"}` as JSON, with `seconds` of work, or `statuses` and `texts` of pages; `texts` are the pages' own words where they were asked for with `TEXT:`.
"""

from __future__ import annotations

import html
import json
import re
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

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


def page(email: str, *calls: str) -> dict[str, Any]:
    from django.contrib.auth import get_user_model
    from django.test import Client

    client = Client(headers={"accept-language": "en"})
    client.force_login(get_user_model().objects.get(email=email))
    statuses, texts = [], []
    for call in calls:
        method, _, address = call.partition(":")
        path, _, fields = address.partition("?")
        answer: Any = client.post(path, dict(parse_qsl(fields))) if method == "POST" else client.get(address)
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content
        statuses.append(answer.status_code)
        if method == "TEXT":
            texts.append(" ".join(re.sub(r"<[^>]*>", " ", html.unescape(content.decode())).split()))
    return {"statuses": statuses, "texts": texts}


def main(do: str, *arguments: str) -> None:
    import django

    django.setup()
    done = {"work": work, "page": page}[do](*arguments)
    sys.stdout.write(json.dumps(done | {"peak_mb": peak_mb()}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
