"""A SAML identity provider in a process of its own, with a federation around it: signed metadata, a metadata query service, discovery.

Built with lxml, signxml and cryptography, so that it shares no reading and no signing of ours. What it is to do wrong is said in the form
that is sent to `/sso` (`wrong`); a person in a browser says nothing.
"""

from __future__ import annotations

import base64
import datetime as dt
import html
import json
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit
from uuid import uuid4

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from lxml import etree
from signxml import SignatureConstructionMethod, XMLSigner

NS = {
    "samlp": "urn:oasis:names:tc:SAML:2.0:protocol",
    "saml": "urn:oasis:names:tc:SAML:2.0:assertion",
    "ds": "http://www.w3.org/2000/09/xmldsig#",
}
PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
MFA = "https://refeds.org/profile/mfa"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"


def key_pair(name: str) -> tuple[str, str]:
    """A private key and its own certificate, in PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return pem.decode(), certificate.public_bytes(serialization.Encoding.PEM).decode()


def body_of(certificate: str) -> str:
    return "".join(line for line in certificate.splitlines() if "-----" not in line)


def signed(element: Any, pair: tuple[str, str], *, after: str | None = None) -> Any:
    """With the signature where the schema wants it: after `after`, or first."""
    placeholder = etree.Element(f"{{{NS['ds']}}}Signature", Id="placeholder", nsmap={"ds": NS["ds"]})
    if after is None:
        element.insert(0, placeholder)
    else:
        element.find(after, NS).addnext(placeholder)
    signer = XMLSigner(method=SignatureConstructionMethod.enveloped, c14n_algorithm=EXCLUSIVE)
    return signer.sign(element, key=pair[0], cert=pair[1], reference_uri=f"#{element.get('ID')}")


class House:
    """One process's keys and names."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.entity_id = f"{url}/metadata"
        self.key, self.federation, self.foreign = (key_pair(name) for name in ("idp", "federation", "foreign"))

    # --- Metadata

    def entity(self, number: int = 1, scope: str = "liu.example", name: str = "Linköpings universitet") -> str:
        entity_id = self.entity_id if number == 1 else f"{self.entity_id}/{number}"
        return f"""<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="{NS["ds"]}"
          xmlns:shibmd="urn:mace:shibboleth:metadata:1.0" xmlns:mdui="urn:oasis:names:tc:SAML:metadata:ui"
          entityID="{entity_id}"><md:IDPSSODescriptor protocolSupportEnumeration="{NS["samlp"]}"><md:Extensions>
          <shibmd:Scope regexp="false">{scope}</shibmd:Scope><mdui:UIInfo><mdui:DisplayName
          xml:lang="sv">{name}</mdui:DisplayName></mdui:UIInfo></md:Extensions><md:KeyDescriptor use="signing"><ds:KeyInfo>
          <ds:X509Data><ds:X509Certificate>{body_of(self.key[1])}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>
          </md:KeyDescriptor><md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
          Location="{self.url}/sso"/></md:IDPSSODescriptor></md:EntityDescriptor>"""

    def aggregate(self, wrong: str = "") -> bytes:
        """Two universities in one document, signed by the federation."""
        until = dt.datetime.now(dt.UTC) + dt.timedelta(days=-1 if wrong == "expired" else 7)
        entities = self.entity() + self.entity(2, "oru.example", "Örebro universitet")
        root = etree.fromstring(
            f"""<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" ID="_{uuid4().hex}"
            validUntil="{until:%Y-%m-%dT%H:%M:%SZ}">{entities}</md:EntitiesDescriptor>"""
        )
        return self._sealed(root, wrong)

    def one(self, wrong: str = "") -> bytes:
        root = etree.fromstring(self.entity())
        root.set("ID", f"_{uuid4().hex}")
        root.set("validUntil", f"{dt.datetime.now(dt.UTC) + dt.timedelta(days=7):%Y-%m-%dT%H:%M:%SZ}")
        return self._sealed(root, wrong)

    def _sealed(self, root: Any, wrong: str) -> bytes:
        if wrong != "unsigned":
            root = signed(root, self.foreign if wrong == "foreign" else self.federation)
        document = etree.tostring(root)
        if wrong == "changed":
            document = document.replace(b"liu.example", b"evil.example")
        if wrong == "wrapped":  # what is signed is in there, and is not what is read
            evil = self.entity(scope="evil.example").encode()
            document = (
                b'<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">'
                + evil
                + document
                + b"</md:EntitiesDescriptor>"
            )
        return document

    # --- Answers

    def response(self, asked: dict[str, str], given: dict[str, str]) -> bytes:
        """The answer to the request `asked` (id, address, issuer), for the person and with the fault that are `given`."""
        wrong, person = given.get("wrong", ""), given.get("person") or "anna"
        now = dt.datetime.now(dt.UTC) + dt.timedelta(hours={"expired": -2, "early": 2}.get(wrong, 0))
        facts = {
            "now": f"{now:%Y-%m-%dT%H:%M:%SZ}",
            "soon": f"{now + dt.timedelta(minutes=5):%Y-%m-%dT%H:%M:%SZ}",
            "issuer": self.entity_id if wrong != "issuer" else "https://idp.evil.example/metadata",
            "audience": asked["issuer"] if wrong != "audience" else "https://other.example/sp",
            "recipient": asked["address"] if wrong != "recipient" else "https://other.example/acs",
            "destination": asked["address"] if wrong != "destination" else "https://other.example/acs",
            "answers": {"unsolicited": "", "another": 'InResponseTo="_another"'}.get(
                wrong, f'InResponseTo="{asked["id"]}"'
            ),
            "assertion_id": given.get("assertion") or f"_{uuid4().hex}",
            "person": person,
            "scope": given.get("scope") or "liu.example",
            "context": MFA if given.get("mfa") else "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport",
        }
        assertion = self._assertion(facts, wrong)
        whole = self._envelope(facts, wrong)
        sealed = self._signed_assertion(assertion, wrong)
        if given.get("certificate"):
            sealed = encrypted(sealed, given["certificate"])
        whole.append(sealed)
        if given.get("sign") == "response":
            whole = signed(whole, self.key, after="saml:Issuer")
        return self._spoilt(whole, facts, wrong)

    def _envelope(self, facts: dict[str, str], wrong: str) -> Any:
        status = "Responder" if wrong == "declined" else "Success"
        return etree.fromstring(
            f"""<samlp:Response xmlns:samlp="{NS["samlp"]}" xmlns:saml="{NS["saml"]}" ID="_{uuid4().hex}" Version="2.0"
            IssueInstant="{facts["now"]}" Destination="{facts["destination"]}" {facts["answers"]}><saml:Issuer>{facts["issuer"]}</saml:Issuer>
            <samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:{status}"/></samlp:Status></samlp:Response>"""
        )

    def _assertion(self, facts: dict[str, str], wrong: str) -> Any:
        person = facts["person"]
        name = f"{person}@{facts['scope']}"
        attributes = {
            "urn:oid:1.3.6.1.4.1.5923.1.1.1.6": [name],
            "urn:oid:1.3.6.1.4.1.5923.1.1.1.7": ["urn:mace:liu.example:ladokflow:manager"],
            "urn:oid:1.3.6.1.4.1.5923.1.1.1.11": ["https://refeds.org/assurance/IAP/high"],
            "urn:oid:1.3.6.1.4.1.2428.90.1.4": [f"lin-of-{person}"],
            "urn:oid:0.9.2342.19200300.100.1.3": [f"{person}@liu.example"],
            "urn:oid:2.16.840.1.113730.3.1.241": [f"{person.title()} Andersson"],
        }
        if wrong == "nobody":
            attributes.pop("urn:oid:1.3.6.1.4.1.5923.1.1.1.6")
        told = "".join(
            f'<saml:Attribute Name="{key}" NameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:uri">'
            + "".join(f"<saml:AttributeValue>{value}</saml:AttributeValue>" for value in values)
            + "</saml:Attribute>"
            for key, values in attributes.items()
        )
        shown = {"comment": f"{person}<!-- -->-and-more", "nobody": "passing-by"}.get(wrong, f"persistent-{person}")
        kind = PERSISTENT if wrong != "nobody" else "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
        audience = (
            f"<saml:AudienceRestriction><saml:Audience>{facts['audience']}</saml:Audience></saml:AudienceRestriction>"
        )
        return etree.fromstring(
            f"""<saml:Assertion xmlns:saml="{NS["saml"]}" ID="{facts["assertion_id"]}" Version="2.0" IssueInstant="{facts["now"]}">
            <saml:Issuer>{facts["issuer"]}</saml:Issuer><saml:Subject><saml:NameID Format="{kind}">{shown}</saml:NameID>
            <saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData
            {facts["answers"]} Recipient="{facts["recipient"]}" NotOnOrAfter="{facts["soon"]}"/></saml:SubjectConfirmation></saml:Subject>
            <saml:Conditions NotBefore="{facts["now"]}" NotOnOrAfter="{facts["soon"]}">{audience if wrong != "no audience" else ""}
            </saml:Conditions><saml:AuthnStatement AuthnInstant="{facts["now"]}"><saml:AuthnContext><saml:AuthnContextClassRef>{facts["context"]}</saml:AuthnContextClassRef>
            </saml:AuthnContext></saml:AuthnStatement><saml:AttributeStatement>{told}</saml:AttributeStatement></saml:Assertion>"""
        )

    def _signed_assertion(self, assertion: Any, wrong: str) -> Any:
        if wrong == "unsigned":
            return assertion
        return signed(assertion, self.foreign if wrong == "foreign" else self.key, after="saml:Issuer")

    def _spoilt(self, whole: Any, facts: dict[str, str], wrong: str) -> bytes:
        """What somebody does who has a good answer in their hands and wants to be somebody else."""
        if wrong == "changed":
            return etree.tostring(whole).replace(b"persistent-", b"persistent-not-")
        if wrong == "document type":
            declared = b'<!DOCTYPE x [<!ENTITY who SYSTEM "file:///etc/passwd">]>'
            return declared + etree.tostring(whole).replace(b"persistent-anna", b"&who;")
        if wrong.startswith("wrapped"):
            good = whole.find("saml:Assertion", NS)
            evil = self._assertion(facts | {"person": "mallory", "assertion_id": f"_{uuid4().hex}"}, "")
            if wrong == "wrapped beside":
                good.addprevious(evil)
            elif wrong == "wrapped inside":  # the evil one has the signature, and in it what was signed
                whole.remove(good)
                signature = good.find("ds:Signature", NS)
                good.remove(signature)
                etree.SubElement(signature, f"{{{NS['ds']}}}Object").append(good)
                evil.find("saml:Issuer", NS).addnext(signature)
                whole.append(evil)
            elif wrong == "wrapped in extensions":
                whole.remove(good)
                extensions = etree.Element(f"{{{NS['samlp']}}}Extensions")
                extensions.append(good)
                whole.find("saml:Issuer", NS).addnext(extensions)
                whole.append(evil)
            elif wrong == "wrapped with the same id":
                evil.set("ID", good.get("ID"))
                good.addprevious(evil)
        return etree.tostring(whole)


def encrypted(assertion: Any, certificate: str) -> Any:
    xmlsec: Any = import_module("xmlsec")  # its types lack what is used here
    holder = etree.fromstring(f'<saml:EncryptedAssertion xmlns:saml="{NS["saml"]}"></saml:EncryptedAssertion>')
    manager = xmlsec.KeysManager()
    manager.add_key(xmlsec.Key.from_memory(certificate, xmlsec.KeyFormat.CERT_PEM))
    template = xmlsec.template.encrypted_data_create(
        holder, xmlsec.Transform.AES256_GCM, type=xmlsec.EncryptionType.ELEMENT, ns="xenc"
    )
    xmlsec.template.encrypted_data_ensure_cipher_value(template)
    info = xmlsec.template.encrypted_data_ensure_key_info(template, ns="ds")
    cipher = xmlsec.template.add_encrypted_key(info, xmlsec.Transform.RSA_OAEP)
    xmlsec.template.encrypted_data_ensure_cipher_value(cipher)
    context = xmlsec.EncryptionContext(manager)
    context.key = xmlsec.Key.generate(xmlsec.KeyData.AES, 256, xmlsec.KeyDataType.SESSION)
    holder.append(context.encrypt_xml(template, assertion))
    return holder


def request_in(query: dict[str, list[str]]) -> dict[str, str]:
    document = etree.fromstring(zlib.decompress(base64.b64decode(query["SAMLRequest"][0]), -15))
    return {
        "id": document.get("ID"),
        "address": document.get("AssertionConsumerServiceURL"),
        "issuer": document.findtext("saml:Issuer", namespaces=NS),
    }


class Handler(BaseHTTPRequestHandler):
    house: House

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def answer(self, body: bytes | str, kind: str = "text/html; charset=utf-8", status: int = 200) -> None:
        data = body if isinstance(body, bytes) else body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = parse_qs(parts.query)
        wrong = query.get("wrong", [""])[0]
        xml = "application/samlmetadata+xml"
        if parts.path == "/keys":
            self.answer(json.dumps({"federation": self.house.federation[1]}), "application/json")
        elif parts.path == "/metadata":
            self.answer(self.house.entity(), xml)
        elif parts.path == "/federation":
            self.answer(self.house.aggregate(wrong), xml)
        elif parts.path.startswith("/mdq/entities/"):
            known = unquote(parts.path.removeprefix("/mdq/entities/")) == self.house.entity_id
            self.answer(self.house.one() if known else b"", xml, 200 if known else 404)
        elif parts.path == "/discovery":
            back = f"{query['return'][0]}?entityID={quote(self.house.entity_id, safe='')}"
            self.answer(page(f'<h1>Where from?</h1><a id="liu" href="{html.escape(back)}">Linköping</a>'))
        elif parts.path == "/sso":
            self.answer(
                page(
                    '<h1>The university</h1><form method="post"><input name="person" aria-label="Name">'
                    "<button>Sign in</button></form>"
                )
            )
        else:
            self.answer("nothing here", status=404)

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        given = {name: values[0] for name, values in parse_qs(self.rfile.read(length).decode()).items()}
        asked = request_in(parse_qs(urlsplit(self.path).query))
        answered = base64.b64encode(self.house.response(asked, given)).decode()
        self.answer(
            page(
                f'<form method="post" action="{html.escape(asked["address"])}"><input type="hidden" name="SAMLResponse" '
                f'value="{answered}"><button>Go on</button></form>'
            )
        )


def page(content: str) -> str:
    return f'<!doctype html><html lang="en"><title>Identity provider</title>{content}</html>'


if __name__ == "__main__":
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Handler.house = House(f"http://127.0.0.1:{server.server_port}")
        print(server.server_port, flush=True)  # noqa: T201
        server.serve_forever()
