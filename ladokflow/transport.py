"""The wire beneath httpx: where it may lead, a deadline for the whole of an exchange, and one last look right before its first byte."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import httpcore

from ladokflow.clock import monotonic
from ladokflow.destinations import resolved


class TooLate(Exception):
    """Raised by a last look: the request must not begin any more."""


@dataclass
class _Exchange:
    ends: float
    last_look: Callable[[], None] | None
    has_begun: bool = False

    def begin(self) -> None:
        """The connection is ready and nothing has been written. What is raised here keeps it so."""
        if self.has_begun:
            return
        if self.last_look is not None:
            self.last_look()
        if monotonic() >= self.ends:
            raise httpcore.ConnectTimeout("deadline")
        self.has_begun = True


_exchange: ContextVar[_Exchange | None] = ContextVar("exchange", default=None)


@contextlib.contextmanager
def within(seconds: float, last_look: Callable[[], None] | None = None) -> Iterator[None]:
    """What is exchanged in here, by clients over `Backend`, is over after so many seconds, connecting included.

    `last_look` is called once, right before the first byte is written to the connection, which is made by then, TLS and all. What
    it raises comes out of here, and nothing has been sent.
    """
    token = _exchange.set(_Exchange(monotonic() + seconds, last_look))
    try:
        yield
    finally:
        _exchange.reset(token)


def _left(timeout: float | None, expired: type[Exception]) -> float | None:
    exchange = _exchange.get()
    if exchange is None:
        return timeout
    left = exchange.ends - monotonic()
    if left <= 0:
        raise expired("deadline")
    return left if timeout is None else min(timeout, left)


class Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream
        self.tail = b""  # of what was read

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = self._stream.read(max_bytes, _left(timeout, httpcore.ReadTimeout))
        self.tail = (self.tail + data)[-4:]
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Looks at the clock before each part that the system takes: httpcore's own looks once, and then sends whatever is left
        of a long body for as long as the peer takes some of it."""
        exchange, socket, rest = _exchange.get(), self._stream.get_extra_info("socket"), memoryview(buffer)
        while rest:
            if exchange is not None:
                exchange.begin()
            socket.settimeout(_left(timeout, httpcore.WriteTimeout))
            try:
                rest = rest[socket.send(rest) :]
            except TimeoutError as error:
                raise httpcore.WriteTimeout(str(error)) from error
            except OSError as error:
                raise httpcore.WriteError(str(error)) from error

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return Stream(self._stream.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class Backend(httpcore.SyncBackend):
    """httpx limits each read and write; a peer that drips a byte at a time would never be timed out."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """To an address that was looked at, and not to the name: it might lead elsewhere when it is looked up once more."""
        try:
            addresses = resolved(host, port)
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        for address in addresses[:-1]:
            with contextlib.suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                return Stream(super().connect_tcp(address, port, _left(timeout, httpcore.ConnectTimeout)))
        return Stream(super().connect_tcp(addresses[-1], port, _left(timeout, httpcore.ConnectTimeout)))
