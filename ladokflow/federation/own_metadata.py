"""Our own SAML metadata, for the federation to register: keys, addresses, what we want to be told, and what we are."""

from __future__ import annotations

import re

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext, gettext_noop
from lxml import etree
from lxml.builder import ElementMaker

from ladokflow.safe_settings import pairs_of

NS = {
    "md": "urn:oasis:names:tc:SAML:2.0:metadata",
    "ds": "http://www.w3.org/2000/09/xmldsig#",
    "saml": "urn:oasis:names:tc:SAML:2.0:assertion",
    "mdattr": "urn:oasis:names:tc:SAML:metadata:attribute",
    "mdui": "urn:oasis:names:tc:SAML:metadata:ui",
    "idpdisc": "urn:oasis:names:tc:SAML:profiles:SSO:idp-discovery-protocol",
    "remd": "http://refeds.org/metadata",
}
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
URI = "urn:oasis:names:tc:SAML:2.0:attrname-format:uri"
CATEGORY = "http://macedir.org/entity-category"
SUBJECT_ID_REQUIRED = "urn:oasis:names:tc:SAML:profiles:subject-id:req"
# Friendly name, name on the wire, and whether nobody gets in without it.
WANTED = (
    ("eduPersonPrincipalName", "urn:oid:1.3.6.1.4.1.5923.1.1.1.6", True),
    ("displayName", "urn:oid:2.16.840.1.113730.3.1.241", False),
    ("mail", "urn:oid:0.9.2342.19200300.100.1.3", False),
    ("eduPersonScopedAffiliation", "urn:oid:1.3.6.1.4.1.5923.1.1.1.9", False),
    ("eduPersonEntitlement", "urn:oid:1.3.6.1.4.1.5923.1.1.1.7", False),
    ("eduPersonAssurance", "urn:oid:1.3.6.1.4.1.5923.1.1.1.11", False),
    ("norEduPersonLIN", "urn:oid:1.3.6.1.4.1.2428.90.1.4", False),
)

MD, DS, SAML, MDATTR, MDUI, IDPDISC = (
    ElementMaker(namespace=NS[prefix], nsmap=NS) for prefix in ("md", "ds", "saml", "mdattr", "mdui", "idpdisc")
)


def own_metadata(*, answers: str, chosen: str, privacy: str) -> bytes:
    """An EntityDescriptor. `answers` is the address for identity providers' answers, `chosen` that for the discovery service's, and
    `privacy` that of a page for people."""
    role = MD.SPSSODescriptor(
        MD.Extensions(
            IDPDISC.DiscoveryResponse(Binding=NS["idpdisc"], Location=chosen, index="1"),
            MDUI.UIInfo(
                *[MDUI.DisplayName("LadokFlow", {XML_LANG: language}) for language, _name in settings.LANGUAGES],
                *_in_each_language(
                    MDUI.Description, gettext_noop("Exams from Ladok to WISEflow, and grades back again")
                ),
                *[MDUI.PrivacyStatementURL(privacy, {XML_LANG: language}) for language, _name in settings.LANGUAGES],
            ),
        ),
        *[_key(certificate) for _secret, certificate in pairs_of(settings.SAML_KEYS)],
        MD.AssertionConsumerService(Binding=POST, Location=answers, index="1", isDefault="true"),
        MD.AttributeConsumingService(
            MD.ServiceName("LadokFlow", {XML_LANG: "en"}),
            *[
                MD.RequestedAttribute(
                    Name=name, NameFormat=URI, FriendlyName=friendly, isRequired="true" if needed else "false"
                )
                for friendly, name, needed in WANTED
            ],
            index="1",
        ),
        protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol",
        AuthnRequestsSigned="true" if settings.SAML_KEYS else "false",
        WantAssertionsSigned="false",
    )
    attributes = {CATEGORY: settings.SAML_ENTITY_CATEGORIES, SUBJECT_ID_REQUIRED: ["subject-id"]}
    entity = MD.EntityDescriptor(
        MD.Extensions(
            MDATTR.EntityAttributes(
                *[
                    SAML.Attribute(*[SAML.AttributeValue(value) for value in values], Name=name, NameFormat=URI)
                    for name, values in attributes.items()
                    if values
                ]
            )
        ),
        role,
        *_contacts(),
        entityID=settings.SAML_ENTITY_ID,
    )
    return etree.tostring(entity, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def _in_each_language(element: ElementMaker, text: str) -> list[etree._Element]:
    found = []
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            found.append(element(gettext(text), {XML_LANG: language}))
    return found


def _key(certificate: str) -> etree._Element:
    """For signing and for encrypting."""
    body = re.sub(r"-----[A-Z ]+-----|\s", "", certificate)
    return MD.KeyDescriptor(DS.KeyInfo(DS.X509Data(DS.X509Certificate(body))))


def _contacts() -> list[etree._Element]:
    if not settings.SAML_CONTACT_EMAIL:
        return []
    address = f"mailto:{settings.SAML_CONTACT_EMAIL}"
    security = {f"{{{NS['remd']}}}contactType": "http://refeds.org/metadata/contactType/security"}
    return [
        MD.ContactPerson(MD.GivenName("LadokFlow"), MD.EmailAddress(address), contactType="technical"),
        MD.ContactPerson(MD.GivenName("LadokFlow"), MD.EmailAddress(address), security, contactType="other"),
    ]
