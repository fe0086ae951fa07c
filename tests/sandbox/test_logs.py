"""The sandbox's logs and item scores, over HTTP, as WISEflow describes them."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
import pytest

from ladokflow.sandbox.server import Sandbox
from ladokflow.sandbox.wiseflow.logs import KEPT_SECONDS


def get(sandbox: Sandbox, path: str, **query: Any) -> httpx.Response:
    headers = {"x-api-key": "liu-key"}
    return httpx.get(f"{sandbox.url}/wiseflow/v1{path}", params=query, headers=headers, trust_env=False)


def logged(sandbox: Sandbox, *moments: float, **more: Any) -> None:
    sandbox.control.add_logs([{"source": {"action": "X"}, "at": at, **more} for at in moments], licence="liu")


def keys(answer: httpx.Response) -> list[str]:
    return [row["_id"] for row in answer.json()["data"]]


def test_a_page_begins_at_the_moment_and_goes_on_from_the_last_ones(sandbox: Sandbox) -> None:
    now = time.time()
    logged(sandbox, now - 10, now - 9, now - 9, now - 8)
    first = get(sandbox, "/license/logs", limit=2)
    assert len(keys(first)) == 2
    last = first.json()["data"][-1]
    assert json.loads(last["_source"]) == {"action": "X"}
    assert last["sort"] == [int((now - 9) * 1000)]
    assert len(keys(get(sandbox, "/license/logs", offset=last["sort"][0]))) == 3
    sandbox.control.set_log_pages(leaves_offset_out=True)
    assert len(keys(get(sandbox, "/license/logs", offset=last["sort"][0]))) == 1


def test_what_comes_late_and_what_is_forgotten(sandbox: Sandbox) -> None:
    now = time.time()
    logged(sandbox, now - KEPT_SECONDS - 60, now - 60)
    logged(sandbox, now - 90, late=3600)
    assert len(keys(get(sandbox, "/license/logs"))) == 1
    sandbox.control.advance(3700)
    assert len(keys(get(sandbox, "/license/logs"))) == 2


@pytest.mark.parametrize(
    ("query", "status"), [({"limit": 10_001}, 400), ({"limit": 0}, 400), ({"offset": "x"}, 400), ({}, 200)]
)
def test_no_more_than_ten_thousand_may_be_asked_for(sandbox: Sandbox, query: dict[str, Any], status: int) -> None:
    assert get(sandbox, "/license/logs", **query).status_code == status


def test_there_are_no_figures_of_a_flow_that_is_not_there(sandbox: Sandbox) -> None:
    for path in ("/flows/999/logs", "/flows/999/marking-stats/scores", "/flows/999/marking-stats/responses"):
        assert get(sandbox, path).status_code == 404
