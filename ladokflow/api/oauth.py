"""OAuth 2.0 client credentials (RFC 6749, 4.4): the protocol is oauthlib's, what is stored is ours.

An access token is not stored: it says which client it is of, and its scopes, signed, and is good for an hour. It is worth nothing once
the client is disabled, deleted, has expired or got a new secret.
"""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote_plus, urlencode

from django.core import signing
from django.http import HttpRequest, HttpResponse
from oauthlib.oauth2 import BackendApplicationServer, RequestValidator

from ladokflow.api.problems import response_of
from ladokflow.messages import message
from sources.models import OAuthClient
from sources.models.api import digest_of

SECONDS = 3600
PREFIX = "lfa_"
_SALT = "ladokflow.api.access"


def client_of(token: str) -> tuple[OAuthClient | None, list[str]]:
    """Whose access token it is, and for which scopes; None for what is none, or is over."""
    try:
        pk, secret, scopes, _once = signing.loads(token.removeprefix(PREFIX), salt=_SALT, max_age=SECONDS)
    except (signing.BadSignature, ValueError, TypeError):
        return None, []
    rows = OAuthClient.objects.select_related("membership__source", "membership__user")
    return rows.filter(pk=pk, secret_hash__startswith=secret).first(), scopes


def _new_token(request: Any, refresh_token: bool = False) -> str:
    client: OAuthClient = request.client
    said = [client.pk, client.secret_hash[:16], list(request.scopes), secrets.token_hex(4)]
    return PREFIX + signing.dumps(said, salt=_SALT, compress=False)


class _Validator(RequestValidator):
    """What oauthlib asks of whoever keeps the clients."""

    def authenticate_client(self, request: Any, *args: Any, **kwargs: Any) -> bool:
        client_id, secret = _credentials(request)
        if "\0" in client_id:  # PostgreSQL looks for none
            return False
        rows = OAuthClient.objects.select_related("membership__user").filter(
            client_id=client_id, secret_hash=digest_of(secret), enabled=True, membership__user__is_active=True
        )
        request.client = client = rows.first()
        return client is not None and not client.has_expired

    def validate_grant_type(self, client_id: str, grant_type: str, client: Any, request: Any, *args: Any) -> bool:
        return grant_type == "client_credentials"

    def get_default_scopes(self, client_id: str, request: Any, *args: Any, **kwargs: Any) -> list[str]:
        return list(request.client.scopes)

    def validate_scopes(self, client_id: str, scopes: Iterable[str], client: OAuthClient, *args: Any) -> bool:
        return set(scopes) <= set(client.scopes)

    def save_bearer_token(self, token: Any, request: Any, *args: Any, **kwargs: Any) -> None:
        """It is not stored."""


def _credentials(request: Any) -> tuple[str, str]:
    """From the header, or from the form."""
    scheme, _blank, given = (request.headers.get("Authorization") or "").partition(" ")
    if scheme.lower() != "basic":
        return request.client_id or "", request.client_secret or ""
    client_id, _colon, secret = _decoded(given).partition(":")
    return client_id, secret


def _decoded(given: str) -> str:
    try:
        return unquote_plus(base64.b64decode(given, validate=True).decode())
    except (binascii.Error, ValueError):
        return ""


SERVER = BackendApplicationServer(_Validator(), token_generator=_new_token, token_expires_in=SECONDS)


def answer_token(request: HttpRequest) -> HttpResponse:
    """What the token endpoint answers. An error is a problem document that has OAuth's own members, too."""
    headers = {"Authorization": request.headers.get("Authorization", "")}
    # Whether the connection is encrypted is looked after by the settings; oauthlib only looks at the address.
    address = "https://localhost" + request.path
    # What is empty is as if it were not there (RFC 6749, 3.2).
    asked = urlencode([(name, value) for name, values in request.POST.lists() for value in values if value])
    given, body, status = SERVER.create_token_response(address, "POST", asked, headers)
    if status >= 400:
        said = json.loads(body)
        kept = {name: value for name, value in given.items() if name == "WWW-Authenticate"}
        return response_of(request, status, message("api.oauth_refused"), kept, **said)
    return HttpResponse(body, status=status, content_type="application/json")
