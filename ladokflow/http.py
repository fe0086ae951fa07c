"""The only place that builds an httpx client, and the family of errors that every remote call may raise.

Rules kept here: https only, except to loopback and the hosts the operator names; nothing inside our own network but what the
operator names (`ladokflow/destinations.py`); no redirects, but of a link to a file, each by the same rules; every request has a total deadline, not only a time limit per phase;
nothing is ever repeated by the transport; what an answer holds that is not JSON is told nobody.
"""

from __future__ import annotations

import functools
import hashlib
import ipaddress
import os
import re
import ssl
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Self

import httpx
from django.conf import settings

from ladokflow import __version__
from ladokflow.destinations import Inside, is_inside, is_named
from ladokflow.messages import Message
from ladokflow.privacy import redact
from ladokflow.remote_answers import FAILURES, NOT_JSON, REPEATED, Failure, Failures
from ladokflow.response import Answer, NoAnswer, NotData, Repeated, receive
from ladokflow.transport import Backend, within

# A connection that has been idle for longer is not used: the other side may just be closing it, and then nobody knows whether it
# has taken the request.
KEEP_SECONDS = 2.0
CHUNK_BYTES = 64 * 1024
MAX_DOWNLOAD_BYTES = 20 * 1024**3  # of a file whose size is not told
# TLS alerts by which a peer turns down who we are. With TLS 1.3 they come when the request has left, but before any of it is read.
_TURNED_DOWN = re.compile(r"ALERT_(CERTIFICATE_\w+|\w+_CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)\b")


class RemoteError(Exception):
    """A call to Ladok or WISEflow that did not give what was asked for.

    `message` is what people are told; `permanent` says that trying again as it stands is pointless; `status` is the HTTP
    status, if an answer came; `reference` is the remote side's own id of the call, for support; `is_about_one` that this one thing
    was refused, and the next may be done all the same.

    Each system has a class of its own, with its name and what its answers mean.
    """

    system: ClassVar[str] = ""
    failures: ClassVar[Failures] = FAILURES

    def __init__(
        self,
        message: Message,
        *,
        permanent: bool,
        status: int | None = None,
        reference: str = "",
        is_about_one: bool = False,
    ) -> None:
        super().__init__(message.code)
        self.message = message
        self.permanent = permanent
        self.status = status
        self.reference = reference
        self.is_about_one = is_about_one

    def __str__(self) -> str:
        return str(self.message)

    @classmethod
    def of(cls, url: str, response: Answer | NoAnswer, failures: Failures | None = None) -> Self:
        """The error for an exchange that gave nothing."""
        failure = failure_of(response, failures or cls.failures)
        if isinstance(response, NoAnswer):
            facts = {"detail": response.detail, "seconds": response.detail}
            reason = failure.message(system=cls.system, host=host_of(url) or response.detail, **facts)
            return cls(reason, permanent=failure.is_permanent)
        reason = failure.message(system=cls.system, host=host_of(url), status=response.status, detail=said(response))
        reference = response.headers.get("x-trace-id", "")
        return cls(
            reason,
            permanent=failure.is_permanent,
            status=response.status,
            reference=reference,
            is_about_one=failure.is_about_one,
        )

    @classmethod
    def not_data(cls, response: Answer, error: NotData) -> Self:
        """The error for an answer whose body cannot be read as data."""
        failure = REPEATED if isinstance(error, Repeated) else NOT_JSON
        reason = failure.message(system=cls.system, detail=response.kind)
        reference = response.headers.get("x-trace-id", "")
        return cls(reason, permanent=failure.is_permanent, status=response.status, reference=reference)


def failure_of(response: Answer | NoAnswer, failures: Failures) -> Failure:
    """What it means that this came back."""
    if isinstance(response, NoAnswer):
        return failures[response.kind]
    status = response.status
    return failures.get(status) or failures.get(f"{status // 100}xx") or failures["other"]


def host_of(url: str) -> str:
    try:
        return httpx.URL(url).host
    except httpx.InvalidURL:
        return ""


def fault_of(url: httpx.URL) -> str:
    """As the kinds of `NoAnswer`: "address" where TLS is missing (http only to loopback and to the hosts in PLAIN_HTTP_HOSTS), "inside"
    where it can be seen to lead into our own network; else empty. Where a name leads is looked up when it is called."""
    is_ours = url.host == "localhost" or is_inside(url.host)
    if is_ours and not is_named(url.host, url.port):
        return "inside"
    if url.scheme == "https" or (
        url.scheme == "http" and (_is_loopback(url.host) or url.host in settings.PLAIN_HTTP_HOSTS)
    ):
        return ""
    return "address"


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
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
    """A client without redirects, proxies, cookies or repeats. `certificate` is PEM text with a key and its certificate chain."""
    transport = httpx.HTTPTransport(
        verify=tls_context(certificate),
        trust_env=False,
        limits=httpx.Limits(
            max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=KEEP_SECONDS
        ),
    )
    transport._pool._network_backend = Backend()
    return httpx.Client(
        transport=transport,
        headers={"User-Agent": f"LadokFlow/{__version__}", "Accept": "application/json", **(headers or {})},
        auth=auth,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        timeout=httpx.Timeout(timeout or settings.REMOTE_TIMEOUT_SECONDS, connect=10),
        follow_redirects=False,
        trust_env=False,
    )


class _SharedContext(ssl.SSLContext):
    """What many clients, in many threads, have in common; it is not changed any more once it has been built."""

    def set_alpn_protocols(self, alpn_protocols: Iterable[str]) -> None:
        """httpcore says the same protocols for each new connection, while another thread may be beginning its own."""


def tls_context(certificate: str = "") -> ssl.SSLContext:
    """The trust of this machine, and who we are: one context for each certificate (PEM text), which nobody else gets.

    Reading the authorities takes more time than a request. A new certificate, or other authorities where SSL_CERT_FILE,
    SSL_CERT_DIR or the system has them, are met by a new context at once. OSError (SSLError) and ValueError where the
    certificate cannot be read.
    """
    return _built_context(certificate, trust())


def trust() -> tuple[tuple[object, ...], ...]:
    """Which authorities are trusted: another value where they are other ones."""
    paths = ssl.get_default_verify_paths()
    return tuple(_version(path) for path in (paths.cafile, paths.capath))


def _version(path: str | None) -> tuple[object, ...]:
    if not path:
        return ()
    stat = Path(path).stat()
    return path, stat.st_ino, stat.st_size, stat.st_mtime_ns


@functools.lru_cache(maxsize=32)
def _built_context(certificate: str, _trust: tuple[tuple[object, ...], ...]) -> ssl.SSLContext:
    context = _SharedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_default_certs()
    if certificate:
        _load_certificate(context, certificate)
    return context


def _load_certificate(context: ssl.SSLContext, pem: str) -> None:
    # The ssl module reads certificates from a path only; the file is ours alone and gone at once.
    descriptor, path = tempfile.mkstemp()
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(pem)
        context.load_cert_chain(path)
    finally:
        Path(path).unlink()


def exchange(
    client: httpx.Client,
    method: str,
    url: str,
    *,
    body: bytes | None = None,
    params: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    seconds: float | None = None,
    last_look: Callable[[], None] | None = None,
) -> Answer | NoAnswer:
    """Send one request, once, and tell what came of it. Never raises for what the network or the peer does.

    `last_look` is called right before the first byte leaves. What it raises comes out of here: then nothing was sent.
    """
    limit = seconds or float(settings.REMOTE_TIMEOUT_SECONDS)
    target = _target(url)
    if isinstance(target, NoAnswer):
        return target
    try:
        with (
            within(limit, last_look),
            client.stream(
                method,
                target,
                content=body,
                params=params,
                headers=headers,
                timeout=httpx.Timeout(limit, connect=min(10, limit)),
            ) as response,
        ):
            return receive(response, response.extensions["network_stream"].tail)
    except WENT_WRONG as error:
        return _no_answer(error, target.host, limit)


@dataclass(frozen=True)
class Download:
    """What came of a link: the status, and of a 200 how many bytes were written, with their checksum."""

    status: int
    size: int = 0
    sha256: str = ""


NOT_FOUND = 404  # what a link comes to that leads on to nothing, or for ever
REDIRECTS = (301, 302, 303, 307, 308)
MOST_REDIRECTS = 3
SLOWEST = 100_000  # bytes a second: a file takes no longer than that, and a minute


def download(
    client: httpx.Client, url: str, into: BinaryIO, *, size: int | None, tick: Callable[[], None]
) -> Download | NoAnswer:
    """Write what a link leads to, a little at a time. As `exchange`: sent once, never led inside, nothing raised for what the peer does.
    Where it leads on, that is followed a few times: a link is nothing but an address, and goes without any credential of ours.

    `size` is how long it is said to be, if it is; nothing beyond it is read, and "cut" or "oversized" is told where it is not so long.
    `tick` is called all along; what it raises comes out of here.
    """
    limit = 60 + (size if size is not None else MAX_DOWNLOAD_BYTES) / SLOWEST
    for _ in range(MOST_REDIRECTS + 1):
        target = _target(url)
        if isinstance(target, NoAnswer):
            return target
        answer = _download(client, target, into, size, limit, tick)
        if not isinstance(answer, str):
            return answer
        url = answer
    return Download(NOT_FOUND)


def _download(
    client: httpx.Client, target: httpx.URL, into: BinaryIO, size: int | None, limit: float, tick: Callable[[], None]
) -> Download | NoAnswer | str:
    """As `download`, of one address; another one, where it leads on."""
    digest, count = hashlib.sha256(), 0
    headers = {"Accept": "*/*", "Accept-Encoding": "identity"}
    try:
        with within(limit), client.stream("GET", target, headers=headers) as response:
            if response.status_code in REDIRECTS:
                # httpx has made the next request, and does not send it.
                return str(response.next_request.url) if response.next_request else Download(NOT_FOUND)
            if response.status_code != 200:
                return Download(response.status_code)
            for part in response.iter_raw(CHUNK_BYTES):
                count += len(part)
                if count > (MAX_DOWNLOAD_BYTES if size is None else size):
                    return NoAnswer("oversized", sent=True, detail=str(count))
                digest.update(part)
                into.write(part)
                tick()
    except WENT_WRONG as error:
        return _no_answer(error, target.host, limit)
    if size is not None and count != size:
        return NoAnswer("cut", sent=True, detail=str(count))
    return Download(200, count, digest.hexdigest())


def _target(url: str) -> httpx.URL | NoAnswer:
    try:
        target = httpx.URL(url)
    except httpx.InvalidURL as error:
        return NoAnswer("address", sent=False, detail=str(error))
    fault = fault_of(target)
    return NoAnswer(fault, sent=False, detail=target.host) if fault else target


WENT_WRONG = (Inside, httpx.HTTPError, httpx.StreamError)


def _no_answer(error: Exception, host: str, limit: float) -> NoAnswer:
    """What one of WENT_WRONG says of a request to the host that might take `limit` seconds."""
    match error:
        case Inside():
            return NoAnswer("inside", sent=False, detail=host)
        case httpx.ConnectError() | httpx.ConnectTimeout() | httpx.PoolTimeout() | httpx.UnsupportedProtocol():
            return _turned_down(error) or NoAnswer("connect", sent=False, detail=_reason(error))
        case httpx.TimeoutException():
            return NoAnswer("timeout", sent=True, detail=f"{limit:.0f}")
        case _:
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


def said(answer: Answer, limit: int = 300) -> str:
    """The sentence in an error answer, wherever the peer put it; at most `limit` characters, never a national id, and of JSON only: what
    else answers at the address of a source is nobody's to read."""
    try:
        body = answer.json()
    except NotData:
        return ""
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
        value = body
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, str):
            return redact(value)[:limit]
    return redact(body)[:limit] if isinstance(body, str) else ""
