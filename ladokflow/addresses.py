"""Where a request came from, for the audit log, the sign-in log and the limits of signing in."""

import functools
import ipaddress
import logging

from django.conf import settings
from django.http import HttpRequest

logger = logging.getLogger(__name__)


def address_of(request: HttpRequest) -> str | None:
    """The visitor's IP address. What a proxy says of it is believed where the proxy is one of ours; what stands before that anybody can
    write."""
    address = request.META.get("REMOTE_ADDR", "")
    if settings.BEHIND_PROXY:
        said = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
        if said != [""] and not _is_proxy(address):
            logger.warning("address.proxy_unknown peer=%s", _plain(address))
        while said != [""] and said and _is_proxy(address):
            address = said.pop().strip()
    return _plain(address)


def comes_by_a_proxy(request: HttpRequest) -> bool:
    """Whether one of our proxies has handed it on: then what it has added can be believed."""
    return bool(settings.BEHIND_PROXY) and _is_proxy(request.META.get("REMOTE_ADDR", ""))


def _is_proxy(address: str) -> bool:
    if not address:  # a socket of this machine, and no network
        return True
    plain = _plain(address)
    return plain is not None and any(
        ipaddress.ip_address(plain) in network for network in networks(tuple(settings.TRUSTED_PROXIES))
    )


def _plain(address: str) -> str | None:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return None
    return str((isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped) or found)


@functools.lru_cache(maxsize=4)
def networks(names: tuple[str, ...]) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """ValueError for what is none."""
    return [ipaddress.ip_network(name) for name in names]
