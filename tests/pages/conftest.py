"""What the page tests share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from sources.models import Flow, Source
from tests.exports.conftest import make_flow, world  # noqa: F401 - fixtures of the export pages
from tests.pages.browsing import PATIENCE, Open
from tests.pages.everything import flows_in_every_state
from tests.providers.fixtures import oidc_process, openid, our_keys, saml, saml_process  # noqa: F401

SignIn = Callable[[User], Client]


@pytest.fixture
def sign_in(db: None) -> SignIn:
    """A client of somebody who reads English."""

    def signed_in(user: User, **headers: Any) -> Client:
        client = Client(headers={"accept-language": "en"} | headers)
        client.force_login(user)
        return client

    return signed_in


@pytest.fixture
def flows(liu: Source) -> list[Flow]:
    return flows_in_every_state(liu)


@pytest.fixture
def open_page(chromium: Any, live_server: Any) -> Iterator[Open]:
    """A page in a browser of its own, at the address of the test's server.

    Nothing may be complained of in its console, but where addresses that do not answer are looked at (`may_complain`).
    """
    contexts, complaints = [], []

    def opened(*, language: str = "sv-SE", may_complain: bool = False, **options: Any) -> Any:
        context = chromium.new_context(base_url=live_server.url, locale=language, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        if not may_complain:
            page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []
