"""Where requests may go: judged on the address that a name leads to, when it is connected to."""

from __future__ import annotations

import socket
from typing import Any

import httpx
import pytest

from ladokflow.destinations import Inside, is_inside, resolved
from ladokflow.http import NoAnswer, build_client, exchange, fault_of

INSIDE = (
    "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.5.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1",  # noqa: S104
    "255.255.255.255", "240.0.0.1", "198.18.0.1", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12:3456::1", "ff02::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::", "2002:0a00:1::", "64:ff9b::a9fe:a9fe",
)  # fmt: skip
OUTSIDE = ("130.236.1.1", "1.1.1.1", "2001:6b0::1", "2a00:801::1", "::ffff:130.236.1.1", "64:ff9b::82ec:101")


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_is_known_however_it_is_written(address: str) -> None:
    assert is_inside(address)


@pytest.mark.parametrize("address", OUTSIDE)
def test_the_internet_is_not_inside(address: str) -> None:
    assert not is_inside(address)


def leads_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Every name does, so far as the machine knows."""
    known: list[Any] = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: known)


@pytest.mark.parametrize("host", ["ladok.example", "127.1", "2130706433", "0x7f.1", "localhost.example"])
@pytest.mark.parametrize("address", INSIDE[:8])
def test_a_name_that_leads_inside_is_not_connected_to(
    host: str, address: str, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.INSIDE_HOSTS = ["another.example", "ladok.example:8443"]
    leads_to(monkeypatch, address)
    with build_client() as client:
        came = exchange(client, "GET", f"https://{host}/exams")
    assert came == NoAnswer("inside", sent=False, detail=host)


def test_of_several_addresses_only_those_outside_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    leads_to(monkeypatch, "10.0.0.1", "130.236.1.1", "::1")
    assert resolved("ladok.example", 443) == ["130.236.1.1"]


@pytest.mark.parametrize("name", ["ladok.example", "ladok.example:443"])
def test_the_operator_may_name_a_host_that_leads_inside(
    name: str, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    leads_to(monkeypatch, "10.0.0.1")
    with pytest.raises(Inside):
        resolved("ladok.example", 443)
    settings.INSIDE_HOSTS = [name]
    assert resolved("ladok.example", 443) == ["10.0.0.1"]


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("https://ladok.example/x", ""),
        ("http://ladok.example/x", "address"),
        ("http://plain.example/x", ""),
        ("ftp://ladok.example/x", "address"),
        ("http://127.0.0.1:6379/", "inside"),
        ("https://localhost/", "inside"),
        ("https://[::1]/", "inside"),
        ("http://169.254.169.254/latest", "inside"),
        ("https://10.0.0.1/", "inside"),
        ("https://10.0.0.2/", ""),
        ("http://10.0.0.2/", "address"),
    ],
)
def test_what_the_address_itself_shows_is_refused_before_anything_is_looked_up(
    url: str, fault: str, settings: Any
) -> None:
    settings.INSIDE_HOSTS, settings.PLAIN_HTTP_HOSTS = ["10.0.0.2"], ["plain.example"]
    assert fault_of(httpx.URL(url)) == fault
    if fault:
        with build_client() as client:
            assert exchange(client, "POST", url) == NoAnswer(fault, sent=False, detail=httpx.URL(url).host)
