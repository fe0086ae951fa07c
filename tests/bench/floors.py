"""python -m tests.bench.floors: what a bare script without us takes, on one connection pool, printed as JSON `{"seconds", "cpu"}`.

calls URL TOKEN COUNT                          so many calls, eight at once and 200 a second, as WISEflow's limit is
read LADOK_URL KEY WISEFLOW_URL TOKEN COUNT    an exam from Ladok and its participants from WISEflow, fetched and parsed
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

AT_ONCE, PAGE, PER_SECOND = 8, 100, 200


def calls(url: str, token: str, count: str) -> None:
    began = time.perf_counter()
    with _client(token) as client, ThreadPoolExecutor(AT_ONCE) as pool:

        def call(number: int) -> None:
            time.sleep(max(0.0, began + number / PER_SECOND - time.perf_counter()))
            client.get(url).raise_for_status()

        list(pool.map(call, range(int(count))))


def read(ladok_url: str, key: str, wiseflow_url: str, token: str, count: str) -> None:
    with _client(key) as ladok, _client(token) as wiseflow, ThreadPoolExecutor(AT_ONCE) as pool:
        exam = json.loads(ladok.get(ladok_url).content)

        def page(offset: int) -> list[Any]:
            answer = wiseflow.get(wiseflow_url, params={"offset": offset, "limit": PAGE})
            return list(json.loads(answer.content)["data"])

        rows = [row for page in pool.map(page, range(0, int(count), PAGE)) for row in page]
        if not len(rows) == len(exam["participants"]) == int(count):
            raise SystemExit(f"{len(exam['participants'])} in Ladok, {len(rows)} in WISEflow, not {count}")


def _client(token: str) -> httpx.Client:
    """A token that begins with "key:" is an API key of WISEflow's."""
    key = token.removeprefix("key:")
    headers = {"x-api-key": key} if key != token else {"Authorization": f"Bearer {token}"}
    return httpx.Client(headers=headers, timeout=120)


if __name__ == "__main__":
    began, used = time.perf_counter(), time.process_time()
    {"calls": calls, "read": read}[sys.argv[1]](*sys.argv[2:])
    print(json.dumps({"seconds": time.perf_counter() - began, "cpu": time.process_time() - used}))  # noqa: T201
