"""One source's connection to its Ladok side: signing in, reading with few repeats, and sending once.

Nothing here knows what is read or sent; `ladokflow/ladok/university.py` does.
"""

from __future__ import annotations

import base64
import logging
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any, Self
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

import httpx
from django.conf import settings

from ladokflow import tallies
from ladokflow.clock import monotonic
from ladokflow.http import Answer, NoAnswer, build_client, exchange, failure_of
from ladokflow.kept import Kept, borrow, give_back, name_of
from ladokflow.ladok.errors import LadokError
from ladokflow.messages import message
from ladokflow.response import NotData, retry_after

logger = logging.getLogger(__name__)

PLACES = 64  # reading requests at a time with one credential; a process has fewer threads that read
KINDS = ("bearer", "api_key", "basic", "client_certificate")
TRIES = 3
PAUSES = (0.2, 0.6)  # seconds before the second and the third try
TOO_MANY = 429
LONGEST_WAIT = 5.0  # seconds that a `Retry-After` may ask for; a longer one is told instead of waited for


class LadokClient:
    """A context manager. LadokError, when it is made, where the credential cannot be used as it stands.

    `kind` is the credential's: bearer -> `Authorization: Bearer`, api_key -> `x-api-key`, basic -> HTTP Basic with
    `client_id` as user name, client_certificate -> a private key and its certificates as PEM text in `secret`.
    `paths` overrides the university's paths: any of `list`, `fetch` and `export`, templates with `{code}`. `owner` is as of `borrow`.
    """

    def __init__(
        self,
        *,
        base_url: str,
        kind: str,
        client_id: str = "",
        secret: str,
        paths: Mapping[str, str] | None = None,
        tz: ZoneInfo,
        owner: str = "",
    ) -> None:
        self.base_url = base_url.strip().rstrip("/")
        self.paths = paths or {}
        self.tz = tz
        self._owner = owner
        self._certificate = secret.strip() if kind == "client_certificate" else ""
        if kind == "client_certificate" and not self._certificate:
            raise LadokError(message("ladok.bad_certificate"), permanent=True)
        self._headers = _sign_in_headers(kind, client_id, secret)
        credential = name_of(self.base_url, kind, client_id, secret)
        self._kept: Kept | None = borrow(credential, lambda: self._build(PLACES), places=PLACES, owner=owner)
        self._client = self._kept.http

    def _build(self, connections: int = 1) -> httpx.Client:
        if "ENCRYPTED" in self._certificate:
            # OpenSSL would ask for the pass phrase on the terminal and wait.
            raise LadokError(message("ladok.locked_certificate"), permanent=True)
        try:
            return build_client(headers=self._headers, certificate=self._certificate, connections=connections)
        except (ssl.SSLError, ValueError, OSError) as error:
            raise LadokError(message("ladok.bad_certificate"), permanent=True) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        kept, self._kept = self._kept, None
        if kept is not None:
            give_back(kept)

    # --- Addresses

    def path(self, part: str, usual: str, code: str) -> str:
        """The path of a part ("list", "fetch", "export") with the code percent-encoded: codes hold `/`, spaces and `å`."""
        template = self.paths.get(part) or usual
        return template.replace("{code}", quote(code, safe=""))

    def url(self, path: str) -> str:
        return f"{self.base_url}/{path.lstrip('/')}"

    # --- Reading

    def get_json(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        """What is there, as JSON. A transient failure is tried again, within the time that one request may take."""
        url = self.url(path)
        if params:
            url += ("&" if "?" in url else "?") + urlencode(params)
        ends = monotonic() + settings.REMOTE_TIMEOUT_SECONDS
        for attempt in range(TRIES):
            response = exchange(self._client, "GET", url, seconds=max(0.1, ends - monotonic()))
            _count(self._owner, response)
            if isinstance(response, Answer) and response.is_success:
                return _json(response)
            pause = _pause(response, attempt)
            if pause is None or monotonic() + pause >= ends:
                break
            time.sleep(pause)
        raise LadokError.of(url, response)

    # --- Sending

    def send(
        self,
        method: str,
        url: str,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        *,
        seconds: float | None = None,
    ) -> Answer | NoAnswer:
        """One request at once, as `Outgoing` sends it."""
        with self.outgoing(method, url, body, headers) as request:
            return request.send(seconds=seconds)

    def outgoing(self, method: str, url: str, body: bytes, headers: Mapping[str, str] | None = None) -> Outgoing:
        """A request that is ready to leave; use it in a `with`. LadokError where it cannot be made ready."""
        headers = {"Content-Type": "application/json", **(headers or {})}
        return Outgoing(self._build(), method, url, body, headers, owner=self._owner)


class Outgoing:
    """One request with all that takes time done, but for connecting: its client, the trust and the certificate of it, its body.

    It has a connection of its own: a kept one may have died without our knowing, and then nobody could tell whether the grades
    arrived.
    """

    def __init__(
        self, client: httpx.Client, method: str, url: str, body: bytes, headers: Mapping[str, str], owner: str = ""
    ) -> None:
        self._client = client
        self._owner = owner
        self.method = method
        self.url = url
        self.body = body
        self.headers = headers

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._client.close()

    def send(self, *, seconds: float | None = None, last_look: Callable[[], None] | None = None) -> Answer | NoAnswer:
        """Send it: never repeated. `seconds` limits the whole of it; `last_look` is as of `exchange`."""
        response = exchange(
            self._client,
            self.method,
            self.url,
            body=self.body,
            headers=self.headers,
            seconds=seconds,
            last_look=last_look,
        )
        _count(self._owner, response)
        return response


def _count(owner: str, response: Answer | NoAnswer) -> None:
    tallies.count_answer(owner, response.kind if isinstance(response, NoAnswer) else response.status)


def _sign_in_headers(kind: str, client_id: str, secret: str) -> dict[str, str]:
    if kind == "client_certificate":
        return {}
    if kind == "basic":
        pair = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}
    token = secret.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise LadokError(message("ladok.bad_token"), permanent=True)
    if kind == "bearer":
        return {"Authorization": f"Bearer {token}"}
    if kind == "api_key":
        return {"x-api-key": token}
    raise ValueError(f"Unknown kind of credential: {kind}")


def _pause(response: Answer | NoAnswer, attempt: int) -> float | None:
    """How long to wait before trying again, or None where that is pointless. A timeout is not repeated: a side that is
    slow gets no faster by being asked twice."""
    if attempt + 1 >= TRIES or not failure_of(response, LadokError.failures).is_retried:
        return None
    if isinstance(response, NoAnswer) or response.status != TOO_MANY:
        return PAUSES[attempt]
    asked = retry_after(response.headers)
    wait = PAUSES[attempt] if asked is None else asked
    return wait if wait <= LONGEST_WAIT else None


def _json(response: Answer) -> Any:
    if not response.body.strip():
        return None
    try:
        return response.json()
    except NotData as error:
        raise LadokError.not_data(response, error) from error
