"""Signing in to WISEflow: OAuth2 client credentials, or an API key.

Source: `POST /oauth2/token` and the security schemes of WISEflow's OpenAPI document.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlencode

from ladokflow.http import Answer, NoAnswer, failure_of
from ladokflow.kept import name_of
from ladokflow.messages import message
from ladokflow.response import NotData
from ladokflow.wiseflow.errors import TOKEN_FAILURES, WiseflowError, not_understood

RENEW_SECONDS_BEFORE = 60
USUAL_SECONDS, LONGEST_SECONDS = 3600.0, 86_400.0
TRIES = 3

Send = Callable[..., Answer | NoAnswer]


class Auth(Protocol):
    def headers(self, send: Send) -> dict[str, str]:
        """What proves who we are. May fetch a token, with `send`."""

    def renew(self, headers: Mapping[str, str]) -> bool:
        """These headers were refused: is it worth asking once more for others?"""


def credential_key(*, base_url: str, kind: str, client_id: str, secret: str) -> str:
    """As `name_of`."""
    return name_of(base_url, kind, client_id, secret)


def build_auth(*, base_url: str, kind: str, client_id: str, secret: str) -> Auth:
    """`kind` is "oauth_client" or "api_key"."""
    secret, client_id = secret.strip(), client_id.strip()
    if kind == "api_key" and secret and secret.isascii() and secret.isprintable():
        return ApiKey(secret)
    if kind == "oauth_client" and secret and client_id:
        key = credential_key(base_url=base_url, kind=kind, client_id=client_id, secret=secret)
        return OAuthClient(base_url, client_id, secret, _token_for(key))
    reason = message("remote.bad_credential", system=WiseflowError.system, detail=kind)
    raise WiseflowError(reason, permanent=True)


class ApiKey:
    def __init__(self, secret: str) -> None:
        self._secret = secret

    def headers(self, send: Send) -> dict[str, str]:
        return {"x-api-key": self._secret}

    def renew(self, headers: Mapping[str, str]) -> bool:
        return False


@dataclass
class Token:
    """A bearer token that all clients with the same credential share within this process."""

    value: str = ""
    renew_at: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)


_tokens: dict[str, Token] = {}


def _token_for(key: str) -> Token:
    return _tokens.setdefault(key, Token())


# A forked worker must not inherit a lock that a thread of its parent held.
os.register_at_fork(after_in_child=_tokens.clear)


class OAuthClient:
    def __init__(self, base_url: str, client_id: str, secret: str, token: Token) -> None:
        self._url = base_url + "/oauth2/token"
        self._client_id = client_id
        self._secret = secret
        self._token = token

    def headers(self, send: Send) -> dict[str, str]:
        token = self._token
        with token.lock:
            if not token.value or time.monotonic() >= token.renew_at:
                asked_at = time.monotonic()
                token.value, lasts = self._fetch(send)
                # One that lasts shorter than the margin is used for half its time, not renewed at every call.
                token.renew_at = asked_at + max(lasts - RENEW_SECONDS_BEFORE, lasts / 2)
            return {"Authorization": f"Bearer {token.value}"}

    def renew(self, headers: Mapping[str, str]) -> bool:
        with self._token.lock:
            # Another thread may have renewed it already: then its token is the one to try.
            if headers.get("Authorization") == f"Bearer {self._token.value}":
                self._token.value = ""
        return True

    def _fetch(self, send: Send) -> tuple[str, float]:
        form = {"client_id": self._client_id, "client_secret": self._secret, "grant_type": "client_credentials"}
        response = self._ask(send, urlencode(form).encode())
        if not isinstance(response, Answer) or not response.is_success:
            raise WiseflowError.of(self._url, response, TOKEN_FAILURES)
        try:
            return _token_in(response.json())
        except NotData as error:
            raise WiseflowError.not_data(response, error) from None
        except (LookupError, TypeError, ValueError):
            raise not_understood(response, "access_token") from None

    def _ask(self, send: Send, form: bytes) -> Answer | NoAnswer:
        """Asking for a token twice changes nothing, so a failure in passing is tried again."""
        for attempt in range(TRIES):
            if attempt:
                time.sleep(0.5 * attempt)
            response = send("POST", self._url, form=form)
            if (isinstance(response, Answer) and response.status < 400) or not failure_of(
                response, TOKEN_FAILURES
            ).is_retried:
                break
        return response


def _token_in(body: Any) -> tuple[str, float]:
    """The token and how many seconds it lasts; an hour is what WISEflow's documentation says."""
    value = body["access_token"]
    if not isinstance(value, str) or not value or not value.isascii() or not value.isprintable():
        raise LookupError("access_token")
    seconds = float(body.get("expires_in") or USUAL_SECONDS)
    return value, seconds if 0 < seconds <= LONGEST_SECONDS else USUAL_SECONDS
