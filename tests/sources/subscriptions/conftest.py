from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sources.models import Subscription
from tests.factories import SubscriptionFactory
from tests.sources.subscriptions.receiving import Receiver, serve


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    state = Receiver()
    server = serve(state)
    yield state
    server.shutdown()
    server.server_close()


@pytest.fixture
def subscription(db: None, receiver: Receiver) -> Subscription:
    row: Any = SubscriptionFactory(url=f"{receiver.url}/told")
    return row
