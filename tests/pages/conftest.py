"""What the page tests share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.exports.conftest import make_flow, world  # noqa: F401 - fixtures of the export pages

SignIn = Callable[[User], Client]


@pytest.fixture
def sign_in(db: None) -> SignIn:
    """A client of somebody who reads English."""

    def signed_in(user: User, **headers: Any) -> Client:
        client = Client(headers={"accept-language": "en"} | headers)
        client.force_login(user)
        return client

    return signed_in
