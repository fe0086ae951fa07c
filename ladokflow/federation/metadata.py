"""SAML metadata: what a federation says of its identity providers, and what we say of ourselves.

Metadata come from the operator's own file (SAML_METADATA), as one signed document (SAML_METADATA_URL), or for each entity from a
signed service (SAML_MDQ_URL, draft-young-md-query-saml). Of what is fetched nothing is believed without the federation's signature
(SAML_METADATA_CERTIFICATE) on the document's root, nor after its validUntil.
"""

from __future__ import annotations

import datetime as dt
import logging
import re
import threading
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.conf import settings
from django.utils import timezone
from django.utils.translation import get_language
from lxml import etree
from onelogin.saml2.utils import OneLogin_Saml2_Utils

from ladokflow.clock import monotonic
from ladokflow.federation.fetching import fetch
from ladokflow.messages import Message, Refused, message

logger = logging.getLogger(__name__)

NS = {
    "md": "urn:oasis:names:tc:SAML:2.0:metadata",
    "ds": "http://www.w3.org/2000/09/xmldsig#",
    "mdui": "urn:oasis:names:tc:SAML:metadata:ui",
    "shibmd": "urn:mace:shibboleth:metadata:1.0",
}
REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
FRESH_SECONDS = 3600.0
_TRANSFORMS = {
    "http://www.w3.org/2000/09/xmldsig#enveloped-signature",
    "http://www.w3.org/2001/10/xml-exc-c14n#",
    "http://www.w3.org/2001/10/xml-exc-c14n#WithComments",
}
_WEAK = re.compile(r"(#|-)(rsa-|dsa-)?(sha1|md5)\Z")


@dataclass(frozen=True)
class Provider:
    """An identity provider. `scopes` are those it may speak for, `certificates` those it signs with, as base64."""

    entity_id: str
    name: str
    address: str
    certificates: tuple[str, ...]
    scopes: frozenset[str]


def is_offered() -> bool:
    return bool(settings.SAML_METADATA or settings.SAML_METADATA_URL or settings.SAML_MDQ_URL)


def providers() -> list[Provider]:
    """All that can be chosen, by name. Empty where the metadata are asked for one by one: then the discovery service shows them."""
    if settings.SAML_MDQ_URL:
        return []
    entities = _document(settings.SAML_METADATA_URL).iter(f"{{{NS['md']}}}EntityDescriptor")
    found = [_provider(entity) for entity in entities if entity.find("md:IDPSSODescriptor", NS) is not None]
    return sorted((each for each in found if each.address and each.certificates), key=lambda each: each.name.lower())


def provider(entity_id: str) -> Provider:
    """The identity provider of this name. Refused where the metadata have none."""
    unknown = message("federation.unknown_provider", issuer=entity_id[:200])
    if settings.SAML_MDQ_URL:
        root = _document(f"{settings.SAML_MDQ_URL}/entities/{quote(entity_id, safe='')}")
    else:
        root = _document(settings.SAML_METADATA_URL)
    for entity in root.iter(f"{{{NS['md']}}}EntityDescriptor"):
        if entity.get("entityID") == entity_id and entity.find("md:IDPSSODescriptor", NS) is not None:
            _check_time(entity)
            found = _provider(entity)
            if not found.address or not found.certificates:
                raise _refused(message("federation.provider_unusable"), entity_id)
            return found
    raise _refused(unknown, entity_id)


def _provider(entity: Any) -> Provider:
    role = entity.find("md:IDPSSODescriptor", NS)
    addresses = [
        service.get("Location", "")
        for service in role.iterfind("md:SingleSignOnService", NS)
        if service.get("Binding") == REDIRECT
    ]
    certificates = [
        re.sub(r"\s", "", node.text or "")
        for key in role.iterfind("md:KeyDescriptor", NS)
        if key.get("use") in (None, "signing")
        for node in key.iterfind("ds:KeyInfo/ds:X509Data/ds:X509Certificate", NS)
    ]
    scopes = [
        (node.text or "").strip().lower()
        for node in entity.iterfind(".//shibmd:Scope", NS)
        if node.get("regexp", "false") not in ("true", "1")
    ]
    return Provider(
        entity_id=entity.get("entityID"),
        name=_name(entity),
        address=next((address for address in addresses if address.startswith(("https://", "http://"))), ""),
        certificates=tuple(filter(None, certificates)),
        scopes=frozenset(filter(None, scopes)),
    )


def _name(entity: Any) -> str:
    names = {
        node.get("{http://www.w3.org/XML/1998/namespace}lang"): (node.text or "").strip()
        for path in ("md:Organization/md:OrganizationDisplayName", "md:IDPSSODescriptor//mdui:DisplayName")
        for node in entity.iterfind(path, NS)
    }
    language = (get_language() or "")[:2]
    return names.get(language) or names.get("en") or next(iter(names.values()), "") or entity.get("entityID")


# --- Reading


def parsed(document: bytes, *, huge: bool = False) -> Any:
    """The root of an XML document. Nothing in it leads elsewhere: ValueError where it is none, or has a document type."""
    parser = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True, huge_tree=huge)
    try:
        root = etree.fromstring(document, parser)
    except etree.XMLSyntaxError as error:
        raise ValueError("no XML") from error
    if root.getroottree().docinfo.doctype:
        raise ValueError("a document type")
    return root


_lock = threading.Lock()
_kept: dict[str, tuple[float, Any]] = {}


def _document(url: str) -> Any:
    """The root of the metadata at an address, or of the operator's own. What was read before serves while a new one cannot be had."""
    name = url or settings.SAML_METADATA
    with _lock:
        read_at, root = _kept.get(name, (float("-inf"), None))
    if monotonic() - read_at >= FRESH_SECONDS:
        try:
            root = _fetched(url) if url else _own()
        except Refused:
            if root is None:
                raise
        with _lock:
            _kept[name] = monotonic(), root
    _check_time(root)
    return root


def _own() -> Any:
    return _believed(settings.SAML_METADATA.encode(), needs_signature=bool(settings.SAML_METADATA_CERTIFICATE))


def _fetched(url: str) -> Any:
    return _believed(fetch("GET", url, headers={"Accept": "application/samlmetadata+xml"}).body, needs_signature=True)


def _believed(document: bytes, *, needs_signature: bool) -> Any:
    try:
        root = parsed(document, huge=True)
    except ValueError as error:
        raise _refused(message("federation.metadata_unsigned"), str(error)) from error
    if needs_signature:
        _check_signature(root, document)
    _check_time(root)
    return root


def _check_signature(root: Any, document: bytes) -> None:
    """On the root, over the whole of it, by a certificate of the federation's: a signature on anything else proves nothing."""
    signatures = root.findall("ds:Signature", NS)
    references = root.findall("ds:Signature/ds:SignedInfo/ds:Reference", NS)
    methods = [node.get("Algorithm", "") for node in root.iterfind("ds:Signature//ds:SignatureMethod", NS)]
    methods += [node.get("Algorithm", "") for node in root.iterfind("ds:Signature//ds:DigestMethod", NS)]
    transforms = [node.get("Algorithm") for node in root.iterfind("ds:Signature//ds:Transform", NS)]
    is_whole = (
        len(signatures) == 1
        and len(references) == 1
        and bool(root.get("ID"))
        and references[0].get("URI") == f"#{root.get('ID')}"
        and len(root.xpath("//*[@ID=$id]", id=root.get("ID"))) == 1
        and set(transforms) <= _TRANSFORMS
        and not any(_WEAK.search(method) for method in methods)
    )
    if not is_whole or not any(_is_signed_by(document, certificate) for certificate in _certificates()):
        raise _refused(message("federation.metadata_unsigned"))


def _certificates() -> list[str]:
    """Several while the federation changes its key."""
    found = x509.load_pem_x509_certificates(settings.SAML_METADATA_CERTIFICATE.encode())
    return [each.public_bytes(Encoding.PEM).decode() for each in found]


def _is_signed_by(document: bytes, certificate: str) -> bool:
    return bool(OneLogin_Saml2_Utils.validate_metadata_sign(document, cert=certificate))


def _check_time(element: Any) -> None:
    until = element.get("validUntil")
    if not until:
        return
    try:
        moment = dt.datetime.fromisoformat(until)
    except ValueError:
        moment = dt.datetime.min
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    if moment <= timezone.now():
        raise _refused(message("federation.metadata_expired"), until)


def forget() -> None:
    """What has been read."""
    with _lock:
        _kept.clear()


def _refused(reason: Message, detail: str = "") -> Refused:
    logger.warning("sign_in.saml.refused code=%s detail=%r", reason.code, detail[:200])
    return Refused(reason)
