"""The only place that builds an httpx client, and the family of errors that every remote call may raise.

Rules kept here: https only, except to loopback and the hosts the operator names; no redirects; every request has a total
deadline, not only a time limit per phase; nothing is ever repeated by the transport.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import re
import ssl
import time
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import httpcore
import httpx
from django.conf import settings

import ladokflow.remote_answers  # noqa: F401 - the sentences used below
from ladokflow import __version__
from ladokflow.messages import Message, message

# A personnummer or coordination number, also an interim one (T-number): the last four characters are not for rows.
_NATIONAL_ID = re.compile(
    r"(?<![0-9A-Za-z])((?:19|20)?\d{2}(?:0[1-9]|1[0-2])(?:[06][1-9]|[1278]\d|[39][01])[-+]?)[A-Za-z0-9]\d{3}(?![0-9A-Za-z])"
)
# TLS alerts by which a peer turns down who we are. With TLS 1.3 they come when the request has left, but before any of it is read.
_TURNED_DOWN = re.compile(r"ALERT_(CERTIFICATE_\w+|\w+_CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)\b")
MAX_BODY_BYTES = 64 * 1024 * 1024


class RemoteError(Exception):
    """A call to Ladok or WISEflow that did not give what was asked for.

    `message` is what people are told; `permanent` says that trying again as it stands is pointless; `status` is the HTTP
    status, if an answer came; `reference` is the remote side's own id of the call, for support.
    """

    def __init__(self, message: Message, *, permanent: bool, status: int | None = None, reference: str = "") -> None:
        super().__init__(message.code)
        self.message = message
        self.permanent = permanent
        self.status = status
        self.reference = reference

    def __str__(self) -> str:
        return str(self.message)


@dataclass(frozen=True)
class Answer:
    """What came back: headers with lower-case names, the body as it was sent."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> Any:
        """The body as JSON; ValueError where it is not. UTF-8, but for peers that say `charset=iso-8859-1` and mean it."""
        found = re.search(
            r"charset=[\"']?(iso-8859-1|latin-?1|windows-1252)\b", self.headers.get("content-type", ""), re.I
        )
        return json.loads(self.body.decode(found[1]) if found else self.body)


@dataclass(frozen=True)
class NoAnswer:
    """No (whole) answer came. `sent` is False only where it is certain that nobody has read any of the request.

    `kind` is one of "address" (not allowed), "connect" (DNS, connection, TLS), "untrusted" (we do not trust the peer's
    certificate), "certificate" (the peer does not accept ours, or wants one), "timeout", "cut".
    """

    kind: str
    sent: bool
    detail: str = ""


_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


class _DeadlineStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    @staticmethod
    def _left(timeout: float | None, expired: type[Exception]) -> float | None:
        deadline = _deadline.get()
        if deadline is None:
            return timeout
        left = deadline - time.monotonic()
        if left <= 0:
            raise expired("deadline")
        return left if timeout is None else min(timeout, left)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = self._left(timeout, httpcore.ConnectTimeout)
        return _DeadlineStream(self._stream.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _DeadlineBackend(httpcore.SyncBackend):
    """httpx limits each read and write; a peer that drips a byte at a time would never be timed out."""

    def connect_tcp(self, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        return _DeadlineStream(super().connect_tcp(*args, **kwargs))


def is_allowed(url: httpx.URL) -> bool:
    """https anywhere; http only to loopback and to the hosts in PLAIN_HTTP_HOSTS."""
    if url.scheme == "https":
        return True
    if url.scheme != "http":
        return False
    if url.host == "localhost" or url.host in settings.PLAIN_HTTP_HOSTS:
        return True
    try:
        return ipaddress.ip_address(url.host).is_loopback
    except ValueError:
        return False


def build_client(
    *,
    headers: Mapping[str, str] | None = None,
    auth: httpx.Auth | None = None,
    certificate: str = "",
    timeout: float | None = None,
    connections: int = 1,
) -> httpx.Client:
    """A client without redirects, proxies or repeats. `certificate` is PEM text with a key and its certificate chain."""
    context = ssl.create_default_context()
    if certificate:
        _load_certificate(context, certificate)
    transport = httpx.HTTPTransport(
        verify=context,
        trust_env=False,
        limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
    )
    transport._pool._network_backend = _DeadlineBackend()
    return httpx.Client(
        transport=transport,
        headers={"User-Agent": f"LadokFlow/{__version__}", "Accept": "application/json", **(headers or {})},
        auth=auth,
        timeout=httpx.Timeout(timeout or settings.REMOTE_TIMEOUT_SECONDS, connect=10),
        follow_redirects=False,
        trust_env=False,
    )


def _load_certificate(context: ssl.SSLContext, pem: str) -> None:
    import os
    import tempfile
    from pathlib import Path

    # The ssl module reads certificates from a path only; the file is ours alone and gone at once.
    descriptor, path = tempfile.mkstemp()
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(pem)
        context.load_cert_chain(path)
    finally:
        Path(path).unlink()


@contextlib.contextmanager
def _within(seconds: float) -> Iterator[None]:
    token = _deadline.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _deadline.reset(token)


def exchange(
    client: httpx.Client,
    method: str,
    url: str,
    *,
    body: bytes | None = None,
    params: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    seconds: float | None = None,
) -> Answer | NoAnswer:
    """Send one request, once, and tell what came of it. Never raises for what the network or the peer does."""
    limit = seconds or float(settings.REMOTE_TIMEOUT_SECONDS)
    try:
        target = httpx.URL(url)
    except httpx.InvalidURL as error:
        return NoAnswer("address", sent=False, detail=str(error))
    if not is_allowed(target):
        return NoAnswer("address", sent=False, detail=target.host)
    try:
        with (
            _within(limit),
            client.stream(
                method,
                target,
                content=body,
                params=params,
                headers=headers,
                timeout=httpx.Timeout(limit, connect=min(10, limit)),
            ) as response,
        ):
            chunks, size = [], 0
            for chunk in response.iter_bytes():
                size += len(chunk)
                if size > MAX_BODY_BYTES:
                    return NoAnswer("cut", sent=True, detail="too large")
                chunks.append(chunk)
            return Answer(response.status_code, {k.lower(): v for k, v in response.headers.items()}, b"".join(chunks))
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol) as error:
        return _turned_down(error) or NoAnswer("connect", sent=False, detail=_reason(error))
    except httpx.TimeoutException:
        return NoAnswer("timeout", sent=True, detail=f"{limit:.0f}")
    except (httpx.HTTPError, httpx.StreamError) as error:
        return _turned_down(error) or NoAnswer("cut", sent=True, detail=type(error).__name__)


def _turned_down(error: Exception) -> NoAnswer | None:
    if alert := _TURNED_DOWN.search(str(error)):
        return NoAnswer("certificate", sent=False, detail=alert[1].replace("_", " ").lower())
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return NoAnswer("untrusted", sent=False)
    return None


def _reason(error: Exception) -> str:
    """A few words without addresses or secrets."""
    text = str(error)
    for known in ("Name or service not known", "Connection refused", "timed out"):
        if known in text:
            return known
    return type(error).__name__


def failure(system: str, url: str, came: Answer | NoAnswer) -> RemoteError:
    """The error for an exchange that is not an answer with status 2xx. `system` is "Ladok" or "WISEflow"."""
    host = httpx.URL(url).host
    if isinstance(came, NoAnswer):
        if came.kind == "address":
            return RemoteError(
                message("remote.address_refused", system=system, host=host or came.detail), permanent=True
            )
        if came.kind == "connect":
            return RemoteError(
                message("remote.unreachable", system=system, host=host, detail=came.detail), permanent=False
            )
        if came.kind == "certificate":
            told = message("remote.certificate_refused", system=system, host=host, detail=came.detail)
            return RemoteError(told, permanent=True)
        if came.kind == "untrusted":
            return RemoteError(message("remote.untrusted", system=system, host=host), permanent=True)
        if came.kind == "timeout":
            return RemoteError(message("remote.timeout", system=system, seconds=came.detail), permanent=False)
        return RemoteError(message("remote.cut", system=system), permanent=False)
    facts: dict[str, Any] = {"status": came.status, "reference": came.headers.get("x-trace-id", "")}
    if came.status in (401, 403):
        return RemoteError(message("remote.unauthorised", system=system, status=came.status), permanent=True, **facts)
    if came.status == 404:
        return RemoteError(message("remote.not_found", system=system), permanent=True, **facts)
    if came.status == 429:
        return RemoteError(message("remote.too_many_requests", system=system), permanent=False, **facts)
    if came.status >= 500 or came.status == 408:
        return RemoteError(message("remote.server_error", system=system, status=came.status), permanent=False, **facts)
    detail = said(came)
    if not detail:
        return RemoteError(message("remote.refused_unsaid", system=system, status=came.status), permanent=True, **facts)
    return RemoteError(
        message("remote.refused", system=system, status=came.status, detail=detail), permanent=True, **facts
    )


def _plain_text(answer: Answer) -> str:
    """The body of a `text/plain` answer in one line; empty where it is something else, whatever it calls itself."""
    if answer.headers.get("content-type", "").partition(";")[0].strip().lower() != "text/plain":
        return ""
    try:
        text = answer.body.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = answer.body.decode("latin-1")
    line = " ".join(text.split())
    return line if line.isprintable() and not line.startswith("<") else ""


def without_national_ids(text: str) -> str:
    return _NATIONAL_ID.sub(r"\1****", text)


def said(answer: Answer, limit: int = 300) -> str:
    """The sentence in an error answer, wherever the peer put it; at most `limit` characters, never HTML or a national id."""
    try:
        body = answer.json()
    except ValueError:
        return without_national_ids(_plain_text(answer))[:limit]
    for path in (
        ("error", "message"),
        ("message",),
        ("errorInfo",),
        ("Meddelande",),
        ("error_description",),
        ("error",),
        ("detail",),
        ("title",),
    ):
        found = body
        for key in path:
            found = found.get(key) if isinstance(found, dict) else None
        if isinstance(found, str):
            return without_national_ids(found)[:limit]
    return without_national_ids(body)[:limit] if isinstance(body, str) else ""
