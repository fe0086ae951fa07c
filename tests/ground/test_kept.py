"""One client for each credential and process: what is shared, with whom, and when it is closed."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ladokflow import http, kept
from ladokflow.ladok.client import LadokClient
from ladokflow.wiseflow.client import WiseflowClient


class Side:
    """Counts its connections: how many there have been, and how many are open."""

    def __init__(self) -> None:
        self.accepted = self.open = 0
        self.cookies: list[str | None] = []
        self.paths: list[str] = []
        self.scales = [1]
        lock = threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(handler) -> None:
                super().setup()
                with lock:
                    self.accepted, self.open = self.accepted + 1, self.open + 1

            def finish(handler) -> None:
                super().finish()
                with lock:
                    self.open -= 1

            def do_GET(handler) -> None:
                self.cookies.append(handler.headers.get("Cookie"))
                self.paths.append(handler.path)
                is_scales = handler.path.endswith("/license/grading-scales")
                rows = [{"id": each, "name": str(each)} for each in self.scales] if is_scales else []
                body = json.dumps(rows).encode()
                handler.send_response(200)
                handler.send_header("Content-Type", "application/json")
                handler.send_header("Content-Length", str(len(body)))
                handler.send_header("Set-Cookie", "session=1; Path=/")
                handler.end_headers()
                handler.wfile.write(body)

            def log_message(handler, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def closes_all_but(self, left: int) -> bool:
        """Whether so many connections are left open, after a while."""
        ends = time.monotonic() + 10
        while self.open > left and time.monotonic() < ends:
            time.sleep(0.02)
        return self.open == left


@pytest.fixture
def side(monkeypatch: pytest.MonkeyPatch) -> Iterator[Side]:
    monkeypatch.setattr(http, "KEEP_SECONDS", 600.0)  # the setting of a limit, not our code
    side = Side()
    yield side
    kept.close_all()
    side.stop()


Make = Callable[..., Any]
ONE = "one"


@pytest.fixture(params=["ladok", "wiseflow"])
def make(request: pytest.FixtureRequest, side: Side) -> Make:
    """A client of one of the two systems; `read` asks it something."""

    def ladok(secret: str = ONE, **options: Any) -> LadokClient:
        return LadokClient(base_url=side.url, kind="bearer", secret=secret, tz=ZoneInfo("UTC"), **options)

    def wiseflow(secret: str = ONE, **options: Any) -> WiseflowClient:
        return WiseflowClient(base_url=side.url, kind="api_key", secret=secret, **options)

    return ladok if request.param == "ladok" else wiseflow


def read(client: Any) -> Any:
    return client.get_json("/exams") if isinstance(client, LadokClient) else client.webhooks()


def test_those_with_one_credential_follow_each_other_on_one_connection(make: Make, side: Side) -> None:
    for _ in range(3):
        with make() as client:
            read(client)
    assert (side.accepted, side.open) == (1, 1)
    with make("another") as client:
        read(client)
    assert (side.accepted, side.open) == (2, 2)


def test_another_credential_of_the_same_owner_closes_the_former_one_when_nobody_has_it(make: Make, side: Side) -> None:
    with make(owner="liu") as before:
        read(before)
        with make("another", owner="liu") as client:
            read(client)
            read(before)
            assert (side.accepted, side.open) == (2, 2)
        with make("another", owner="liu") as client:
            read(client)
    assert side.accepted == 2
    assert side.closes_all_but(1)
    kept.close_all()
    assert side.closes_all_but(0)


def test_one_that_two_owners_have_stays_open_while_one_of_them_has_it(make: Make, side: Side) -> None:
    for owner in ("liu", "oru"):
        with make(owner=owner) as client:
            read(client)
    with make("another", owner="liu") as client:
        read(client)
    assert (side.accepted, side.open) == (2, 2)
    with make("another", owner="oru") as client:
        read(client)
    assert side.accepted == 2
    assert side.closes_all_but(1)
    kept.close_all()
    assert side.closes_all_but(0)


def test_threads_share_it_and_none_waits_in_vain(make: Make, side: Side) -> None:
    def work(number: int) -> None:
        with make() as client:
            read(client)

    with ThreadPoolExecutor(24) as pool:
        list(pool.map(work, range(240)))
    assert side.accepted <= 24
    assert len(side.paths) == 240


def test_a_forked_process_makes_its_own_and_leaves_its_parents_alone(make: Make, side: Side) -> None:
    with make() as client:
        read(client)
    child = os.fork()
    if not child:
        try:
            with make() as client:
                read(client)
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    with make() as client:
        read(client)
    assert (side.accepted, len(side.paths)) == (2, 3)


def test_no_cookie_is_kept(make: Make, side: Side) -> None:
    for _ in range(2):
        with make() as client:
            read(client)
    assert side.cookies == [None, None]


def test_a_client_that_is_closed_twice_is_given_back_once(make: Make, side: Side) -> None:
    first, second = make(owner="liu"), make(owner="liu")
    for _ in range(2):
        first.close()
    make("another", owner="liu").close()
    read(second)
    second.close()
    assert side.closes_all_but(0)


def wiseflow(side: Side, **options: Any) -> WiseflowClient:
    return WiseflowClient(base_url=side.url, kind="api_key", secret=ONE, **options)


def test_answers_are_shared_by_those_that_say_so_and_read_anew_by_the_others(side: Side) -> None:
    for shares_answers in (True, True, False, False, True):
        with wiseflow(side, shares_answers=shares_answers) as client:
            client.grading_scales()
            client.grading_scales()
    assert len(side.paths) == 3


def test_a_scale_that_is_newer_than_the_answer_is_found(side: Side) -> None:
    with wiseflow(side, shares_answers=True) as client:
        assert [row.id for row in client.grading_scales()] == [1]
    side.scales.append(2)
    with wiseflow(side, shares_answers=True) as client:
        assert [row.id for row in client.grading_scales(holding=1)] == [1]
        assert [row.id for row in client.grading_scales(holding=2)] == [1, 2]
    assert len(side.paths) == 2


def test_requests_at_a_time_are_as_many_as_the_setting_says(side: Side, settings: Any) -> None:
    settings.WISEFLOW_CONCURRENCY = 2
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: read(wiseflow(side)), range(40)))
    assert side.accepted <= 2
