"""Where a request came from: what a proxy of ours says, and nothing that anybody else can write."""

from typing import Any

import pytest
from django.test import RequestFactory

from ladokflow.addresses import address_of


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("127.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "1.1.1.1, 203.0.113.9", "203.0.113.9"),  # the first is what the browser says
        ("127.0.0.1", "1.1.1.1, 203.0.113.9, 192.0.2.5", "203.0.113.9"),  # two proxies of ours
        ("127.0.0.1", "192.0.2.5", "192.0.2.5"),
        ("::ffff:127.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("", "203.0.113.9", "203.0.113.9"),  # a socket
        ("203.0.113.50", "1.1.1.1", "203.0.113.50"),  # past the proxy
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "unknown", None),
        ("127.0.0.1", "2001:6b0::9", "2001:6b0::9"),
    ],
)
def test_only_a_proxy_of_ours_is_believed(peer: str, forwarded: str, address: str | None, settings: Any) -> None:
    settings.BEHIND_PROXY, settings.TRUSTED_PROXIES = True, ["127.0.0.1", "192.0.2.0/28"]
    request = RequestFactory().get("/", REMOTE_ADDR=peer, HTTP_X_FORWARDED_FOR=forwarded)
    assert address_of(request) == address


def test_without_a_proxy_nothing_is_believed(settings: Any) -> None:
    settings.BEHIND_PROXY = False
    request = RequestFactory().get("/", REMOTE_ADDR="127.0.0.1", HTTP_X_FORWARDED_FOR="203.0.113.9")
    assert address_of(request) == "127.0.0.1"
