"""Plain HTTP to the sandbox: what is tested here is the sandbox itself, not our clients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from ladokflow.http import tls_context
from ladokflow.sandbox.control import Control
from ladokflow.sandbox.server import Sandbox


@pytest.fixture
def control(sandbox: Sandbox) -> Iterator[Control]:
    """Over HTTP, as the demo has it."""
    control = Control(sandbox.url)
    yield control
    control.close()


@pytest.fixture
def ladok(sandbox: Sandbox) -> Iterator[Callable[..., httpx.Response]]:
    """`ladok("liu", "GET", "/exams", params=...)`, signed in."""
    with httpx.Client(trust_env=False, timeout=120, verify=tls_context()) as client:

        def ask(university: str, method: str, path: str, **more: Any) -> httpx.Response:
            headers = {"Authorization": f"Bearer {university}-ladok"} | more.pop("headers", {})
            return client.request(method, f"{sandbox.url}/{university}{path}", headers=headers, **more)

        yield ask


@pytest.fixture
def wiseflow(sandbox: Sandbox) -> Iterator[Callable[[str], httpx.Client]]:
    """`wiseflow("liu")` is a client of LiU's licence."""
    clients: list[httpx.Client] = []

    def client_of(licence: str) -> httpx.Client:
        headers = {"x-api-key": f"{licence}-key"}
        client = httpx.Client(
            base_url=f"{sandbox.url}/wiseflow/v1",
            headers=headers,
            trust_env=False,
            timeout=120,
            verify=tls_context(),
        )
        clients.append(client)
        return client

    yield client_of
    for client in clients:
        client.close()


@pytest.fixture
def liu_wiseflow(wiseflow: Callable[[str], httpx.Client]) -> httpx.Client:
    return wiseflow("liu")


@pytest.fixture
def make_flow(control: Control) -> Callable[..., int]:
    """A flow with so many students of the licence on it; gives its id."""

    def make(client: httpx.Client, *, people: int = 3, licence: str = "liu", **fields: Any) -> int:
        users = control.users(licence)
        body = {"title": "TDDE01 Maskininlärning", "subTitle": "TEN1", "type": 2, "managers": [users[0]["id"]]} | fields
        flow_id = int(client.post("/license/create/flow", json=body).json()["flowId"])
        students = [user["id"] for user in users if len(user["data"]) == 3][:people]
        rows = [{"userId": user, "uniqueExamId": f"E-{number}"} for number, user in enumerate(students, start=1)]
        client.post(f"/flows/{flow_id}/participants", json=rows)
        return flow_id

    return make
