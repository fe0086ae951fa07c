"""The sandbox's logs and item scores, over HTTP, as WISEflow describes them."""

from __future__ import annotations

import datetime as dt
import json
import random
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from ladokflow.sandbox.control import Control
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


@pytest.mark.parametrize("seed", range(12))
def test_the_log_has_a_handing_in_of_each_paper_at_its_moment_and_of_no_other(
    seed: int, sandbox: Sandbox, make_flow: Callable[..., int], liu_wiseflow: httpx.Client, control: Control
) -> None:
    """However people hand in, whoever ends the exam or gives the grade, and whether that is said before the log is written or after."""
    rng = random.Random(seed)
    flow = make_flow(liu_wiseflow, people=10)
    control.activate(flow)
    begun = time.time() - rng.choice([3, 30]) * 3600
    control.set_dates_by_hand(flow, start=int(begun), end=int(begun + 4 * 3600))
    people = [row["participantId"] for row in get(sandbox, f"/flows/{flow}/participants").json()["data"]]

    def hand_in() -> None:
        ways = {person: rng.choice(["paper", "late", "blank", "opened", "nothing", "group"]) for person in people[1:7]}
        control.hand_in(flow, {key: f"group:{people[0]}" if way == "group" else way for key, way in ways.items()})
        control.hand_in(flow, {people[0]: rng.choice(["paper", "blank", "nothing"])})

    control.set_activated_by_hand(flow, people[9], False)
    acts = [lambda: control.write_exam(flow), hand_in, lambda: control.grade(flow, {people[8]: "5"})]
    acts += [lambda: control.end_participation(flow)] if rng.random() < 0.7 else []
    for act in rng.sample(acts, len(acts)):
        act()
    control.advance(2 * 3600)  # whoever is late has handed in by now
    logged: dict[int, list[float]] = {}
    for row in get(sandbox, f"/flows/{flow}/logs").json()["data"]:
        source = json.loads(row["_source"])
        if source["action"] == "PAPER_HANDED_IN":
            logged.setdefault(source["participantId"], []).append(row["sort"][0] / 1000)
    handed: dict[int, float] = {}
    for submission in get(sandbox, f"/flows/{flow}/submissions").json()["data"]:
        whole = get(sandbox, f"/flows/{flow}/submissions/{submission['id']}").json()
        if whole["status"]["handedIn"]:
            moment = dt.datetime.fromisoformat(whole["status"]["handedInDate"]).timestamp()
            handed |= {each["participantId"]: moment for each in whole["participants"]}
    assert logged.keys() == handed.keys()
    assert all(len(moments) == 1 and abs(moments[0] - handed[key]) < 1 for key, moments in logged.items())
