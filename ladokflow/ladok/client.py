"""One source's connection to its Ladok side: signing in, reading with few repeats, and sending once.

Nothing here knows what is read or sent; `ladokflow/ladok/university.py` does.
"""

from __future__ import annotations

import base64
import logging
import ssl
import time
from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

import httpx
from django.conf import settings

from ladokflow.http import Answer, NoAnswer, build_client, exchange, failure
from ladokflow.ladok.base import LadokError
from ladokflow.messages import message

logger = logging.getLogger(__name__)

SYSTEM = "Ladok"
KINDS = ("bearer", "api_key", "basic", "client_certificate")
TRIES = 3
PAUSES = (0.2, 0.6)  # seconds before the second and the third try
LONGEST_WAIT = 5.0  # seconds that a `Retry-After` may ask for; a longer one is told instead of waited for


class LadokClient:
    """A context manager. LadokError, when it is made, where the credential cannot be used as it stands.

    `kind` is the credential's: bearer -> `Authorization: Bearer`, api_key -> `x-api-key`, basic -> HTTP Basic with
    `client_id` as user name, client_certificate -> a private key and its certificates as PEM text in `secret`.
    `paths` overrides the university's paths: any of `list`, `fetch` and `export`, templates with `{code}`.
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
    ) -> None:
        self.base_url = base_url.strip().rstrip("/")
        self.paths = paths or {}
        self.tz = tz
        self._certificate = secret.strip() if kind == "client_certificate" else ""
        if kind == "client_certificate" and not self._certificate:
            raise LadokError(message("ladok.bad_certificate"), permanent=True)
        self._headers = _sign_in_headers(kind, client_id, secret)
        self._client = self._build()

    def _build(self) -> httpx.Client:
        if "ENCRYPTED" in self._certificate:
            # OpenSSL would ask for the pass phrase on the terminal and wait.
            raise LadokError(message("ladok.locked_certificate"), permanent=True)
        try:
            return build_client(headers=self._headers, certificate=self._certificate)
        except (ssl.SSLError, ValueError, OSError) as error:
            raise LadokError(message("ladok.bad_certificate"), permanent=True) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        self._client.close()

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
        ends = time.monotonic() + settings.REMOTE_TIMEOUT_SECONDS
        for attempt in range(TRIES):
            came = exchange(self._client, "GET", url, seconds=max(0.1, ends - time.monotonic()))
            pause = _pause(came, attempt)
            if pause is None or time.monotonic() + pause >= ends:
                break
            time.sleep(pause)
        if isinstance(came, NoAnswer) or not 200 <= came.status < 300:
            raise _error(url, came)
        return _json(came)

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
        """One request on a connection of its own, never repeated: a kept connection may have died without our knowing,
        and then nobody could tell whether the grades arrived. `seconds` limits the whole of it."""
        with self._build() as client:
            return exchange(
                client,
                method,
                url,
                body=body,
                headers={"Content-Type": "application/json", **(headers or {})},
                seconds=seconds,
            )


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


def _pause(came: Answer | NoAnswer, attempt: int) -> float | None:
    """How long to wait before trying again, or None where that is pointless. A timeout is not repeated: a side that is
    slow gets no faster by being asked twice."""
    if attempt + 1 >= TRIES:
        return None
    if isinstance(came, NoAnswer):
        return PAUSES[attempt] if came.kind in ("connect", "cut") else None
    if came.status == 429:
        asked = came.headers.get("retry-after", "")
        wait = float(asked) if asked.isascii() and asked.isdigit() else PAUSES[attempt]
        return wait if wait <= LONGEST_WAIT else None
    return PAUSES[attempt] if came.status >= 500 else None


def _error(url: str, came: Answer | NoAnswer) -> LadokError:
    if isinstance(came, Answer) and 300 <= came.status < 400:
        # A sign-in page, most often: the side wants a browser.
        detail = f"HTTP {came.status}"
        return LadokError(message("remote.not_json", system=SYSTEM, detail=detail), permanent=True, status=came.status)
    return LadokError.of(failure(SYSTEM, url, came))


def _json(answer: Answer) -> Any:
    if not answer.body.strip():
        return None
    try:
        return answer.json()
    except (ValueError, RecursionError) as error:
        kind = answer.headers.get("content-type", "").partition(";")[0].strip()[:60] or "?"
        raise LadokError(
            message("remote.not_json", system=SYSTEM, detail=kind), permanent=True, status=answer.status
        ) from error
