"""SAML 2.0: a request by redirect, signed where we have a key, and the answer by POST.

The library (python3-saml) checks schema, signature, issuer, times and status. What it lets pass where it is missing is asked for here:
the answer to our own request, our audience, our address, an end; and nothing is in the document that two readers may read differently.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from onelogin.saml2.auth import OneLogin_Saml2_Auth
from onelogin.saml2.constants import OneLogin_Saml2_Constants as Constants
from onelogin.saml2.errors import OneLogin_Saml2_Error, OneLogin_Saml2_ValidationError
from onelogin.saml2.response import OneLogin_Saml2_Response
from onelogin.saml2.settings import OneLogin_Saml2_Settings
from onelogin.saml2.utils import OneLogin_Saml2_Utils

from ladokflow.federation.metadata import Provider, parsed
from ladokflow.federation.subject import MFA, Asserted, Subject, principal_name_of, texts
from ladokflow.messages import Message, Refused, message
from ladokflow.safe_settings import pairs_of

logger = logging.getLogger(__name__)

# As people call them, by what they are called on the wire.
NAMES = {
    "urn:oid:1.3.6.1.4.1.5923.1.1.1.1": "eduPersonAffiliation",
    "urn:oid:1.3.6.1.4.1.5923.1.1.1.6": "eduPersonPrincipalName",
    "urn:oid:1.3.6.1.4.1.5923.1.1.1.7": "eduPersonEntitlement",
    "urn:oid:1.3.6.1.4.1.5923.1.1.1.9": "eduPersonScopedAffiliation",
    "urn:oid:1.3.6.1.4.1.5923.1.1.1.11": "eduPersonAssurance",
    "urn:oid:1.3.6.1.4.1.5923.1.1.1.13": "eduPersonUniqueId",
    "urn:oid:1.3.6.1.4.1.5923.1.5.1.1": "isMemberOf",
    "urn:oid:1.3.6.1.4.1.2428.90.1.4": "norEduPersonLIN",
    "urn:oid:0.9.2342.19200300.100.1.3": "mail",
    "urn:oid:2.16.840.1.113730.3.1.241": "displayName",
    "urn:oid:2.5.4.42": "givenName",
    "urn:oid:2.5.4.4": "sn",
    "urn:oasis:names:tc:SAML:attribute:subject-id": "subject-id",
    "urn:oasis:names:tc:SAML:attribute:pairwise-id": "pairwise-id",
}
SCOPED = ("eduPersonPrincipalName", "eduPersonScopedAffiliation", "eduPersonUniqueId", "subject-id", "pairwise-id")
# What does not change while a person stays the same, the best first.
STABLE = ("subject-id", "pairwise-id", "eduPersonUniqueId")
_CODES = OneLogin_Saml2_ValidationError
_FAULTS = {
    _CODES.STATUS_CODE_IS_NOT_SUCCESS: "federation.declined",
    _CODES.WRONG_INRESPONSETO: "federation.unsolicited",
    _CODES.WRONG_SUBJECTCONFIRMATION: "federation.recipient",
    _CODES.WRONG_DESTINATION: "federation.recipient",
    _CODES.EMPTY_DESTINATION: "federation.recipient",
    _CODES.WRONG_AUDIENCE: "federation.audience",
    _CODES.WRONG_ISSUER: "federation.issuer",
    _CODES.ISSUER_NOT_FOUND_IN_ASSERTION: "federation.issuer",
    _CODES.ISSUER_MULTIPLE_IN_RESPONSE: "federation.issuer",
    _CODES.ASSERTION_EXPIRED: "federation.expired",
    _CODES.ASSERTION_TOO_EARLY: "federation.expired",
    _CODES.SESSION_EXPIRED: "federation.expired",
    _CODES.NO_SIGNATURE_FOUND: "federation.signature",
    _CODES.INVALID_SIGNATURE: "federation.signature",
    _CODES.NO_SIGNED_ASSERTION: "federation.signature",
    _CODES.NO_SIGNED_MESSAGE: "federation.signature",
    _CODES.WRONG_SIGNED_ELEMENT: "federation.signature",
    _CODES.ID_NOT_FOUND_IN_SIGNED_ELEMENT: "federation.signature",
    _CODES.DUPLICATED_ID_IN_SIGNED_ELEMENTS: "federation.signature",
    _CODES.INVALID_SIGNED_ELEMENT: "federation.signature",
    _CODES.DUPLICATED_REFERENCE_IN_SIGNED_ELEMENTS: "federation.signature",
    _CODES.DEPRECATED_SIGNATURE_METHOD: "federation.signature",
    _CODES.DEPRECATED_DIGEST_METHOD: "federation.signature",
    _CODES.UNEXPECTED_SIGNED_ELEMENTS: "federation.signature",
    _CODES.WRONG_NUMBER_OF_SIGNATURES_IN_RESPONSE: "federation.signature",
    _CODES.WRONG_NUMBER_OF_SIGNATURES_IN_ASSERTION: "federation.signature",
}


def begin(provider: Provider, address: str) -> tuple[str, dict[str, str]]:
    """Where to send the browser, and what has to be at hand when the answer comes. `address` is where it is to come."""
    auth = OneLogin_Saml2_Auth(_request(address), old_settings=_settings(provider, address, 0))
    url = auth.login(return_to="")
    return url, {"request": auth.get_last_request_id(), "issuer": provider.entity_id}


def finish(provider: Provider, address: str, answered: str, request_id: str) -> Asserted:
    """Who is told in `answered` (base64) as the answer to the request. Refused for anything that is not as it should be."""
    document = _plain(answered)
    response = _opened(provider, address, answered)
    if response.decrypted_document is not None:
        _check_plain(response.decrypted_document)
    try:
        response.is_valid(_request(address), request_id=request_id, raise_exceptions=True)
    except OneLogin_Saml2_ValidationError as error:
        raise _refused(message(_FAULTS.get(error.code, "federation.unreadable")), provider, str(error)) from error
    except OneLogin_Saml2_Error as error:
        raise _refused(message("federation.signature"), provider, type(error).__name__) from error
    _check_strictly(response, document, provider, address, request_id)
    return _asserted(response, provider)


# --- Reading


def _plain(answered: str) -> Any:
    try:
        root = parsed(base64.b64decode(answered, validate=True))
    except (ValueError, binascii.Error) as error:
        raise _refused(message("federation.unreadable"), None, str(error)) from error
    _check_plain(root)
    return root


def _check_plain(root: Any) -> None:
    """A comment in the middle of a name is no part of it to who checks the signature, and cuts it in two for who reads it carelessly."""
    if any(not isinstance(node.tag, str) for node in root.iter()):
        raise _refused(message("federation.unreadable"), None, "a comment, an entity or an instruction")


def _opened(provider: Provider, address: str, answered: str) -> OneLogin_Saml2_Response:
    """Decrypted with whichever of our keys it was encrypted for: there are two of them while one follows the other."""
    for number in range(max(1, len(pairs_of(settings.SAML_KEYS)))):
        try:
            return OneLogin_Saml2_Response(_settings(provider, address, number), answered)
        except OneLogin_Saml2_ValidationError as error:
            raise _refused(message("federation.unreadable"), provider, str(error)) from error
        except Exception as error:  # xmlsec has errors of several kinds for what a key does not open
            logger.info("sign_in.saml.not_opened key=%s reason=%s", number, type(error).__name__)
    raise _refused(message("federation.undecryptable"), provider)


def _check_strictly(
    response: OneLogin_Saml2_Response, document: Any, provider: Provider, address: str, request_id: str
) -> None:
    if document.get("InResponseTo") != request_id:
        raise _refused(message("federation.unsolicited"), provider)
    if document.get("Destination", address) != address:
        raise _refused(message("federation.recipient"), provider)
    if settings.SAML_ENTITY_ID not in response.get_audiences():
        raise _refused(message("federation.audience"), provider)
    confirmations = [
        data
        for node in response._query_assertion("/saml:Subject/saml:SubjectConfirmation")
        if node.get("Method") == Constants.CM_BEARER
        for data in node.iterfind("saml:SubjectConfirmationData", Constants.NSMAP)
    ]
    if any(data.get("InResponseTo") != request_id for data in confirmations):
        raise _refused(message("federation.unsolicited"), provider)
    if not confirmations or any(data.get("Recipient") != address for data in confirmations):
        raise _refused(message("federation.recipient"), provider)
    if not all(data.get("NotOnOrAfter") for data in confirmations):
        raise _refused(message("federation.expired"), provider)


def _asserted(response: OneLogin_Saml2_Response, provider: Provider) -> Asserted:
    claims: dict[str, tuple[str, ...]] = {}
    for name, values in response.get_attributes().items():
        known = NAMES.get(name, name)
        claims[known] = claims.get(known, ()) + texts(values)
    for name in SCOPED:
        claims = _within_scopes(claims, name, provider)
    claims = {name: values for name, values in claims.items() if values}
    name_id = response.get_nameid_data() if response._query_assertion("/saml:Subject/saml:NameID") else {}
    ends = response._query_assertion("/saml:Subject/saml:SubjectConfirmation/saml:SubjectConfirmationData")
    return Asserted(
        Subject(
            protocol="saml",
            issuer=provider.entity_id,
            subject=_stable(claims, name_id, provider),
            claims=claims,
            principal_name=principal_name_of(claims),
            email=next(
                (one for one in claims.get("mail", ()) if one.rpartition("@")[2].lower() in provider.scopes), ""
            ),
            has_proven_twice=MFA in response.get_authn_contexts(),
        ),
        digest=hashlib.sha256(f"{provider.entity_id}\0{response.get_assertion_id()}".encode()).hexdigest(),
        ends_at=max(OneLogin_Saml2_Utils.parse_SAML_to_time(node.get("NotOnOrAfter")) for node in ends)
        + Constants.ALLOWED_CLOCK_DRIFT,
    )


def _within_scopes(claims: dict[str, tuple[str, ...]], name: str, provider: Provider) -> dict[str, tuple[str, ...]]:
    """Nobody speaks for another university: what has a scope that is not the provider's own is refused, and left out where the metadata
    give it none at all."""
    if name not in claims:
        return claims
    if not provider.scopes:
        return {other: values for other, values in claims.items() if other != name}
    for scope in {value.rpartition("@")[2].lower() for value in claims[name]} - provider.scopes:
        raise _refused(message("federation.scope", scope=scope[:100]), provider)
    return claims


def _stable(claims: Mapping[str, tuple[str, ...]], name_id: Mapping[str, Any], provider: Provider) -> str:
    for name in STABLE:
        if len(claims.get(name, ())) == 1:
            return f"{name}:{claims[name][0].lower()}"
    if name_id.get("Format") == Constants.NAMEID_PERSISTENT and (found := texts(name_id.get("Value"))):
        return f"persistent:{found[0]}"
    if principal_name := principal_name_of(claims):
        return f"eduPersonPrincipalName:{principal_name}"
    raise _refused(message("federation.no_subject"), provider)


# --- What the library wants to know


def _request(address: str) -> dict[str, Any]:
    """The request as the world outside sees it, whatever stands in between."""
    parts = urlsplit(address)
    return {
        "https": "on" if parts.scheme == "https" else "off",
        "http_host": parts.netloc,
        "script_name": parts.path,
        "get_data": {},
        "post_data": {},
    }


def _settings(provider: Provider, address: str, number: int) -> OneLogin_Saml2_Settings:
    """With the key of that number, counted from 0; the first one signs."""
    pairs = pairs_of(settings.SAML_KEYS)
    key, certificate = pairs[number] if pairs else ("", "")
    return OneLogin_Saml2_Settings(
        {
            "strict": True,
            "debug": False,
            "sp": {
                "entityId": settings.SAML_ENTITY_ID,
                "assertionConsumerService": {"url": address},
                "NameIDFormat": Constants.NAMEID_UNSPECIFIED,
                "x509cert": certificate,
                "privateKey": key,
            },
            "idp": {
                "entityId": provider.entity_id,
                "singleSignOnService": {"url": provider.address},
                "x509certMulti": {"signing": list(provider.certificates)},
            },
            "security": {
                "authnRequestsSigned": bool(pairs),
                "requestedAuthnContext": False,
                "wantAttributeStatement": False,
                "wantNameId": False,
                "allowRepeatAttributeName": True,
                "rejectDeprecatedAlgorithm": True,
                "signatureAlgorithm": Constants.RSA_SHA256,
                "digestAlgorithm": Constants.SHA256,
            },
        }
    )


def _refused(reason: Message, provider: Provider | None, detail: str = "") -> Refused:
    issuer = provider.entity_id if provider else ""
    logger.warning("sign_in.saml.refused code=%s issuer=%r detail=%r", reason.code, issuer, detail[:200])
    return Refused(reason)
