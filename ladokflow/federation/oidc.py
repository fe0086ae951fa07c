"""OpenID Connect: the authorization code flow with PKCE, state and nonce, at the one provider that OIDC_ISSUER names."""

from __future__ import annotations

import base64
import logging
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import OpenIDProviderMetadata, get_well_known_url
from django.conf import settings
from django.utils.crypto import constant_time_compare
from joserfc import jwt
from joserfc.errors import (
    BadSignatureError,
    ExpiredTokenError,
    InvalidClaimError,
    InvalidKeyIdError,
    JoseError,
    MissingClaimError,
    MissingKeyError,
)
from joserfc.jwk import KeySet

from ladokflow.federation.fetching import fetch_json
from ladokflow.federation.subject import MFA, Subject, principal_name_of, texts
from ladokflow.http import host_of
from ladokflow.kept import Answers
from ladokflow.messages import Message, Refused, message

logger = logging.getLogger(__name__)

# Public keys only: with a shared secret, or with none, anybody who has seen the client secret could sign.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
LEEWAY = 60  # seconds that the two clocks may differ
# How providers call what SAML's attributes are called here.
NAMES = {
    "eduperson_principal_name": "eduPersonPrincipalName",
    "eppn": "eduPersonPrincipalName",
    "eduperson_assurance": "eduPersonAssurance",
    "eduperson_entitlement": "eduPersonEntitlement",
    "eduperson_scoped_affiliation": "eduPersonScopedAffiliation",
    "noreduperson_lin": "norEduPersonLIN",
    "name": "displayName",
    "email": "mail",
}
_CLAIMS_IN_FAULT: dict[str, str] = {
    "aud": "federation.audience",
    "azp": "federation.audience",
    "iss": "federation.issuer",
    "nonce": "federation.unsolicited",
    "exp": "federation.expired",
    "nbf": "federation.expired",
    "iat": "federation.expired",
}
_published = Answers(600)


def is_offered() -> bool:
    return bool(settings.OIDC_ISSUER)


def begin(redirect_uri: str) -> tuple[str, dict[str, str]]:
    """Where to send the browser, and what has to be at hand when it comes back."""
    kept = {name: secrets.token_urlsafe(32) for name in ("state", "nonce", "verifier")}
    parameters = {
        "response_type": "code",
        "client_id": settings.OIDC_CLIENT_ID,
        "redirect_uri": redirect_uri,
        "scope": " ".join(settings.OIDC_SCOPES),
        "state": kept["state"],
        "nonce": kept["nonce"],
        "code_challenge": create_s256_code_challenge(kept["verifier"]),
        "code_challenge_method": "S256",
    }
    return add_params_to_uri(_provider()["authorization_endpoint"], list(parameters.items())), kept


def finish(redirect_uri: str, answered: Mapping[str, str], kept: Mapping[str, str]) -> Subject:
    """Who came back with `answered`, the parameters of the address. Refused for anything that is not as it should be."""
    if not constant_time_compare(answered.get("state", ""), kept["state"]):
        raise _refused(message("federation.unsolicited"))
    if answered.get("iss", settings.OIDC_ISSUER) != settings.OIDC_ISSUER:
        raise _refused(message("federation.issuer"))
    if not answered.get("code"):
        raise _refused(message("federation.declined"), answered.get("error", ""))
    tokens = _redeem(redirect_uri, answered["code"], kept["verifier"])
    token = _checked(str(tokens.get("id_token", "")), str(tokens.get("access_token", "")), kept["nonce"])
    claims: dict[str, Any] = dict(token) | _more(str(tokens.get("access_token", "")), token["sub"])
    named = {NAMES.get(name, name): texts(value) for name, value in claims.items()}
    if not named.get("sub") or len(named["sub"]) != 1:
        raise _refused(message("federation.no_subject"))
    return Subject(
        protocol="oidc",
        issuer=settings.OIDC_ISSUER,
        subject=named["sub"][0],
        claims={name: values for name, values in named.items() if values},
        principal_name=principal_name_of(named),
        email=next(iter(named.get("mail", ())), "") if claims.get("email_verified") is True else "",
        has_proven_twice=token.get("acr") == MFA or "mfa" in texts(token.get("amr")),
    )


def _provider() -> dict[str, Any]:
    issuer = settings.OIDC_ISSUER
    return _published.get(f"{issuer} provider", lambda: _read_provider(issuer), bool)


def _read_provider(issuer: str) -> dict[str, Any]:
    found = OpenIDProviderMetadata(fetch_json("GET", get_well_known_url(issuer, external=True)))
    try:
        for name in ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"):
            # The library takes https only; which addresses may be plain is said in one place, where they are called.
            if not isinstance(found.get(name), str) or not host_of(found[name]):
                raise ValueError(name)
        found.validate_response_types_supported()
    except ValueError as error:
        raise _refused(message("federation.unreachable", host=host_of(issuer)), str(error)) from error
    if found["issuer"] != issuer:
        raise _refused(message("federation.issuer"), str(found["issuer"]))
    return found


def _redeem(redirect_uri: str, code: str, verifier: str) -> dict[str, Any]:
    provider = _provider()
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": verifier,
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    if "client_secret_basic" in provider.get("token_endpoint_auth_methods_supported", ["client_secret_basic"]):
        pair = f"{quote(settings.OIDC_CLIENT_ID, safe='')}:{quote(settings.OIDC_CLIENT_SECRET, safe='')}"
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    else:
        form |= {"client_id": settings.OIDC_CLIENT_ID, "client_secret": settings.OIDC_CLIENT_SECRET}
    return fetch_json("POST", provider["token_endpoint"], headers=headers, body=urlencode(form).encode())


def _checked(id_token: str, access_token: str, nonce: str) -> CodeIDToken:
    try:
        try:
            token = jwt.decode(id_token, _keys(), algorithms=ALGORITHMS)
        except (BadSignatureError, InvalidKeyIdError, MissingKeyError, ValueError):  # a new key may have come since
            token = jwt.decode(id_token, _keys(anew=True), algorithms=ALGORITHMS)
        claims = CodeIDToken(
            token.claims,
            token.header,
            {
                "iss": {"essential": True, "value": settings.OIDC_ISSUER},
                "aud": {"essential": True, "value": settings.OIDC_CLIENT_ID},
            },
            {"nonce": nonce, "client_id": settings.OIDC_CLIENT_ID, "access_token": access_token},
        )
        claims.validate(leeway=LEEWAY)
    except ExpiredTokenError as error:
        raise _refused(message("federation.expired")) from error
    except (InvalidClaimError, MissingClaimError) as error:
        claim = getattr(error, "claim", "")
        raise _refused(message(_CLAIMS_IN_FAULT.get(claim, "federation.unreadable")), claim) from error
    except BadSignatureError as error:
        raise _refused(message("federation.signature")) from error
    except (JoseError, ValueError) as error:
        raise _refused(message("federation.signature"), type(error).__name__) from error
    return claims


def _keys(*, anew: bool = False) -> KeySet:
    address = _provider()["jwks_uri"]
    keys = _published.get(f"{address} keys", lambda: fetch_json("GET", address), lambda _keys: not anew)
    try:
        return KeySet.import_key_set(keys)  # type: ignore[arg-type]
    except (JoseError, ValueError, KeyError) as error:
        raise _refused(message("federation.unreachable", host=host_of(address)), "keys") from error


def _more(access_token: str, subject: str) -> dict[str, Any]:
    """What the provider's userinfo says besides, where it has one."""
    address = _provider().get("userinfo_endpoint")
    if not address or not access_token:
        return {}
    said = fetch_json("GET", address, headers={"Authorization": f"Bearer {access_token}"})
    if said.get("sub") != subject:
        raise _refused(message("federation.issuer"), "userinfo")
    return said


def _refused(reason: Message, detail: str = "") -> Refused:
    logger.warning("sign_in.oidc.refused code=%s detail=%r", reason.code, detail[:200])
    return Refused(reason)
