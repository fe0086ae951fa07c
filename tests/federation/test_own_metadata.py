"""What we tell a federation of ourselves: valid by the schema of SAML, with all that SWAMID asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onelogin.saml2
import pytest
from django.test import Client
from lxml import etree

from ladokflow.safe_settings import federation_faults, pairs_of
from tests.providers.fixtures import our_keys, saml, saml_process  # noqa: F401
from tests.providers.saml import key_pair

SCHEMA = Path(onelogin.saml2.__file__).parent / "schemas" / "saml-schema-metadata-2.0.xsd"
NS = {
    "md": "urn:oasis:names:tc:SAML:2.0:metadata",
    "saml": "urn:oasis:names:tc:SAML:2.0:assertion",
    "idpdisc": "urn:oasis:names:tc:SAML:profiles:SSO:idp-discovery-protocol",
    "mdui": "urn:oasis:names:tc:SAML:metadata:ui",
}
CATEGORIES = ["https://refeds.org/category/personalized", "http://refeds.org/category/research-and-scholarship"]


def test_our_metadata_are_valid_and_say_what_a_federation_asks_for(saml: str, settings: Any, our_keys: Any) -> None:  # noqa: F811
    settings.SAML_KEYS = "\n".join(part for pair in our_keys for part in pair)
    settings.SAML_ENTITY_CATEGORIES = CATEGORIES
    settings.SAML_CONTACT_EMAIL = "ladokflow@liu.example"
    answer = Client().get("/sign-in/saml/metadata/")
    assert answer.headers["Content-Type"] == "application/samlmetadata+xml"
    root = etree.fromstring(answer.content)
    schema = etree.XMLSchema(etree.parse(str(SCHEMA)))
    assert schema.validate(root), schema.error_log
    assert root.get("entityID") == settings.SAML_ENTITY_ID
    assert [node.text for node in root.iterfind(".//saml:AttributeValue", NS)] == [*CATEGORIES, "subject-id"]
    assert len(root.findall(".//md:KeyDescriptor", NS)) == 2  # the one that follows is known before it is used
    assert "PRIVATE" not in answer.text
    wanted = {node.get("FriendlyName") for node in root.iterfind(".//md:RequestedAttribute", NS)}
    assert {"eduPersonPrincipalName", "eduPersonAssurance", "norEduPersonLIN"} <= wanted
    assert root.find(".//idpdisc:DiscoveryResponse", NS).get("Location").endswith("/sign-in/saml/chosen/")
    assert {node.get("contactType") for node in root.iterfind("md:ContactPerson", NS)} == {"technical", "other"}
    about = root.find(".//mdui:Description[@{http://www.w3.org/XML/1998/namespace}lang='sv']", NS)
    assert about.text.startswith("Tentamina")


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({}, ""),
        ({"oidc": ("https://idp.example", "", "")}, "OIDC_CLIENT_ID"),
        ({"saml": ("<x/>", "https://a.example", "")}, "Only one of"),
        ({"saml": ("", "https://a.example", "")}, "SAML_METADATA_CERTIFICATE"),
        ({"certificate": "none"}, "SAML_METADATA_CERTIFICATE"),
        ({"keys": "-----BEGIN x"}, "SAML_KEYS"),
    ],
)
def test_settings_that_do_not_fit_each_other_are_told(wrong: dict[str, Any], named: str) -> None:
    fine: dict[str, Any] = {"oidc": ("", "", ""), "saml": ("", "", ""), "certificate": "", "discovery": "", "keys": ""}
    faults = federation_faults(**fine | wrong)
    assert any(named in fault for fault in faults) == bool(faults) == bool(named)


def test_a_key_and_its_certificate_are_a_pair() -> None:
    first, second = key_pair("a"), key_pair("b")
    assert pairs_of("\n".join((*first, *second))) == [tuple(part.strip() for part in pair) for pair in (first, second)]
    with pytest.raises(ValueError, match="not a pair"):
        pairs_of(first[0] + second[1])
