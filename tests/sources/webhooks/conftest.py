"""WISEflow's sandbox makes real calls to the pages, which are served for real; the queue's work is done when a test says so."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache

from sources.flows.create import create_flow
from sources.flows.request import request_flow
from sources.models import Flow, Source, Webhook
from sources.webhooks.register import register
from tests.sources.webhooks.calling import WebhookCaller


@pytest.fixture(autouse=True)
def nobody_has_called_before() -> None:
    cache.clear()


@pytest.fixture
def pages(live_server: Any, settings: Any) -> str:
    settings.PUBLIC_URL = live_server.url
    return live_server.url


@pytest.fixture
def hook(pages: str, liu: Source) -> Webhook:
    """Linköping's webhook, registered in WISEflow."""
    return register(source=liu)


@pytest.fixture
def call(hook: Webhook) -> WebhookCaller:
    """Calls as WISEflow does, with the secret of Linköping's webhook."""
    return WebhookCaller(hook)


@pytest.fixture
def make_flow(hook: Webhook, liu: Source, anna: Any, sandbox: Any) -> Callable[..., Flow]:
    """A flow in WISEflow with five students, in participation, synchronised; its calls have come since it was made."""

    def make(*, people: int = 5, **options: Any) -> Flow:
        code = sandbox.control.add_exam("liu", people=people)
        flow = create_flow(request_flow(source=liu, codes=[code], requested_by=anna, enqueue=False, **options).pk)
        sandbox.control.start_participation(flow.wiseflow_id)
        return flow

    return make


@pytest.fixture
def flow(make_flow: Callable[..., Flow]) -> Flow:
    return make_flow()


@pytest.fixture
def until() -> Callable[..., Any]:
    def until(found: Callable[[], Any], seconds: float = 120) -> Any:
        end = time.monotonic() + seconds
        while not (value := found()):
            assert time.monotonic() < end, "it did not come"
            time.sleep(0.05)
        return value

    return until
