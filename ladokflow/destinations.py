"""Where our requests may go. A licence admin types the addresses of a source; what is inside our own network is the operator's to name."""

from __future__ import annotations

import ipaddress
import socket

from django.conf import settings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")  # NAT64: the last four bytes are an IPv4 address


class Inside(Exception):
    """The host leads to this machine or into its own network, and the operator has not named it in INSIDE_HOSTS."""


def is_named(host: str, port: int | None) -> bool:
    """Whether the operator lets requests go to the host, wherever it leads."""
    return not {host, f"{host}:{port}"}.isdisjoint([*settings.INSIDE_HOSTS, *settings.PLAIN_HTTP_HOSTS])


def is_inside(address: str) -> bool:
    """Whether an IP address is anything but one of the public Internet. False for what is no IP address."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(not each.is_global or each.is_multicast for each in (found, _carried(found)))


def _carried(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, if it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _TRANSLATED:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def resolved(host: str, port: int) -> list[str]:
    """The IP addresses of the host that may be connected to, in the system's order. OSError where it has none at all."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(address[0]) for *_kind, address in found))
    allowed = addresses if is_named(host, port) else [each for each in addresses if not is_inside(each)]
    if not allowed:
        raise Inside(host)
    return allowed
