"""Webhooks: fired for what people do, signed, called again where they fail."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from ladokflow.sandbox.control import Control
from tests.running import wait_until

PATIENCE = 60  # seconds: a call that does not come is not waited for longer
EVENTS = ["FINAL_GRADE", "ALTERNATIVE_GRADE", "FLOW_EXTERNAL_SOURCE", "FLOW_STATE_UPDATED"]


class Listener:
    """Takes calls, and answers with `status`."""

    def __init__(self) -> None:
        self.calls: list[tuple[dict[str, str], bytes]] = []
        self.status = 200
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                listener.calls.append(({key.lower(): value for key, value in self.headers.items()}, body))
                self.send_response(listener.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def wait_for(self, count: int) -> list[dict[str, Any]]:
        until = time.monotonic() + PATIENCE
        while len(self.calls) < count and time.monotonic() < until:
            time.sleep(0.02)
        return [json.loads(body) for _, body in self.calls]

    def wait_for_states(self, flow: int, count: int) -> list[int]:
        """What is told of the flow: of others something may be told as well."""
        until = time.monotonic() + PATIENCE
        while len(told := self._states(flow)) < count and time.monotonic() < until:
            time.sleep(0.02)
        return told

    def _states(self, flow: int) -> list[int]:
        rows = [json.loads(body) for _, body in self.calls]
        return [row["data"]["state"] for row in rows if row["flowId"] == flow]


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def flow(liu_wiseflow: httpx.Client, listener: Listener, make_flow: Callable[..., int]) -> int:
    body = {"secret": "hemligt", "title": "LadokFlow", "url": listener.url, "active": True, "events": EVENTS}
    assert liu_wiseflow.post("/webhooks", json=body).status_code == 201
    return make_flow(liu_wiseflow)


def answers(control: Control, count: int) -> list[int]:
    """What the calls of the first delivery were answered, once the sandbox has heard that many."""
    wait_until(lambda: len((control.deliveries() or [{"calls": []}])[0]["calls"]) >= count, PATIENCE, "No answer.")
    return [call["status"] for call in control.deliveries()[0]["calls"]]


def test_a_grade_is_told_with_a_signature_over_the_raw_body(flow: int, control: Control, listener: Listener) -> None:
    person = control.flow(flow)["participants"][0]["id"]
    control.grade(flow, {person: "5"})
    (told,) = listener.wait_for(1)
    assert (told["event"], told["flowId"], told["participantId"]) == ("FINAL_GRADE", flow, person)
    headers, body = listener.calls[0]
    assert headers["x-wiseflow-signature"] == hmac.new(b"hemligt", body, hashlib.sha256).hexdigest()


def test_header_encoding_and_prefix_can_be_chosen(flow: int, control: Control, listener: Listener) -> None:
    control.set_webhook_signature(header="X-Signature", encoding="base64", prefix="sha256=")
    control.grade(flow, alternative={control.flow(flow)["participants"][0]["id"]: "Sjuk"})
    listener.wait_for(1)
    headers, body = listener.calls[0]
    expected = base64.b64encode(hmac.new(b"hemligt", body, hashlib.sha256).digest()).decode()
    assert headers["x-signature"] == f"sha256={expected}"


def test_a_managers_wish_to_synchronise_is_told_and_answered(
    flow: int, control: Control, listener: Listener, liu_wiseflow: httpx.Client
) -> None:
    sources = f"/flows/{flow}/external-sources"
    liu_wiseflow.post(sources, json={"reference": "liu-a-1"})
    request_id = control.request_sync(flow)
    (told,) = listener.wait_for(1)
    assert (told["event"], told["data"]["requestId"], told["data"]["reference"]) == (
        "FLOW_EXTERNAL_SOURCE",
        request_id,
        "liu-a-1",
    )
    assert liu_wiseflow.get(sources).json()["data"][0]["state"] == "PENDING"
    liu_wiseflow.post(f"{sources}/liu-a-1/sync/done")
    (source,) = liu_wiseflow.get(sources).json()["data"]
    assert source["state"] == "SUCCESS"
    assert source["lastSync"]


def test_a_new_state_is_told_also_when_only_time_has_passed(flow: int, control: Control, listener: Listener) -> None:
    control.activate(flow)
    assert listener.wait_for_states(flow, 1) == [1]
    control.advance(365 * 24 * 3600)
    assert listener.wait_for_states(flow, 2) == [1, 4]


def test_failed_call_is_made_again_after_a_quarter_of_an_hour(flow: int, control: Control, listener: Listener) -> None:
    listener.status = 500
    control.grade(flow, {control.flow(flow)["participants"][0]["id"]: "5"})
    assert answers(control, 1) == [500]
    time.sleep(0.3)
    assert len(listener.calls) == 1
    listener.status = 200
    control.advance(15 * 60 + 1)
    first, second = listener.wait_for(2)
    assert first == second
    assert listener.calls[0][0]["x-wiseflow-call-id"] != listener.calls[1][0]["x-wiseflow-call-id"]
    assert answers(control, 2) == [500, 200]


def test_a_delivery_can_be_repeated(flow: int, control: Control, listener: Listener) -> None:
    control.grade(flow, {control.flow(flow)["participants"][0]["id"]: "5"})
    assert answers(control, 1) == [200]
    control.redeliver(control.deliveries()[0]["id"])
    first, second = listener.wait_for(2)
    assert first["sequence"] == second["sequence"]


def test_webhooks_that_are_off_or_of_another_licence_hear_nothing(
    flow: int,
    control: Control,
    listener: Listener,
    wiseflow: Callable[[str], httpx.Client],
    make_flow: Callable[..., int],
) -> None:
    other = make_flow(wiseflow("oru"), licence="oru")
    control.grade(other, "random")
    client = wiseflow("liu")
    (webhook,) = client.get("/webhooks").json()["data"]
    client.put(
        f"/webhooks/{webhook['id']}", json={"title": "x", "url": listener.url, "active": False, "events": EVENTS}
    )
    control.grade(flow, "random")
    assert control.deliveries() == []
