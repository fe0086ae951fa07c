"""Client certificates, and the trust in Ladok's own: real handshakes with a side that wants a certificate of its own making."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ladokflow.http import Answer, NoAnswer, tls_context
from ladokflow.ladok.client import LadokClient
from ladokflow.ladok.errors import LadokError
from tests.ladok.conftest import Ladok

Connect = Callable[..., LadokClient]
VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


@dataclass
class Identity:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def public(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def pem(self, pass_phrase: bytes | None = None) -> str:
        lock = serialization.BestAvailableEncryption(pass_phrase) if pass_phrase else serialization.NoEncryption()
        private = self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)
        return private.decode() + self.public


def identity(name: str, issuer: Identity | None = None, *, is_expired: bool = False) -> Identity:
    """Signed by the issuer, or by itself and able to sign others."""
    key = ec.generate_private_key(ec.SECP256R1())
    own = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(own)
        .issuer_name(issuer.certificate.subject if issuer else own)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=20))
        .not_valid_after(now + dt.timedelta(days=-1 if is_expired else 20))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
    )
    return Identity(certificate.sign(issuer.key if issuer else key, hashes.SHA256()), key)


@pytest.fixture
def authority() -> Identity:
    return identity("Universitetets CA")


@pytest.fixture(params=VERSIONS)
def strict(request, authority: Identity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ladok]:
    """A Ladok side that wants a certificate of the authority, which is trusted here."""
    (tmp_path / "authority.pem").write_text(authority.public)
    (tmp_path / "ladok.pem").write_text(identity("ladok", authority).pem())
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(tmp_path / "authority.pem"))
    context.load_cert_chain(str(tmp_path / "ladok.pem"))
    context.verify_mode = ssl.CERT_REQUIRED
    context.maximum_version = VERSIONS[request.param]
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    side = Ladok(context)
    side.answers({"numberOfSuccess": 1})
    yield side
    side.stop()


def export(client: LadokClient, body: bytes = b"{}") -> Answer | NoAnswer:
    return client.send("POST", client.url("/exams/X/grades"), body, {})


def refusal(call: Callable[[], object]) -> LadokError:
    with pytest.raises(LadokError) as caught:
        call()
    return caught.value


def test_who_has_the_certificate_is_let_in_and_sends_no_header(
    strict: Ladok, connect: Connect, authority: Identity
) -> None:
    client = connect(base_url=strict.url, kind="client_certificate", secret=identity("ladokflow", authority).pem())
    client.get_json("/exams")
    came = export(client)
    assert isinstance(came, Answer)
    assert came.status == 200
    assert [request.method for request in strict.requests] == ["GET", "POST"]
    assert not strict.requests[0].headers.keys() & {"authorization", "x-api-key"}


@pytest.mark.parametrize("size", [2, 4_000_000])
@pytest.mark.parametrize("kind", ["stranger", "expired"])
def test_who_has_another_is_told_so_and_nothing_was_sent(
    strict: Ladok, connect: Connect, authority: Identity, kind: str, size: int
) -> None:
    own = identity("stranger") if kind == "stranger" else identity("ladokflow", authority, is_expired=True)
    client = connect(base_url=strict.url, kind="client_certificate", secret=own.pem())
    error = refusal(lambda: client.get_json("/exams"))
    assert (error.message.code, error.permanent) == ("remote.certificate_refused", True)
    came = export(client, b"x" * size)
    assert isinstance(came, NoAnswer)
    assert (came.kind, came.sent) == ("certificate", False)
    assert strict.requests == []


def test_who_has_none_was_not_sent_either(strict: Ladok, connect: Connect) -> None:
    came = export(connect(base_url=strict.url, kind="bearer", secret="token"))
    assert isinstance(came, NoAnswer)
    assert not came.sent
    assert strict.requests == []


def test_a_side_that_nobody_here_trusts_is_told_and_gets_nothing(
    strict: Ladok, connect: Connect, authority: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    client = connect(base_url=strict.url, kind="client_certificate", secret=identity("ladokflow", authority).pem())
    error = refusal(lambda: client.get_json("/exams"))
    assert (error.message.code, error.permanent) == ("remote.untrusted", True)
    assert export(client) == NoAnswer("untrusted", sent=False)
    assert strict.requests == []


@pytest.mark.parametrize("secret", ["", "token", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"])
def test_certificate_that_cannot_be_read_is_told(connect: Connect, secret: str) -> None:
    assert refusal(lambda: connect(kind="client_certificate", secret=secret)).message.code == "ladok.bad_certificate"


def test_locked_private_key_is_told_and_nobody_is_asked_for_a_pass_phrase(connect: Connect) -> None:
    locked = identity("ladokflow").pem(b"hemlig")
    assert refusal(lambda: connect(kind="client_certificate", secret=locked)).message.code == "ladok.locked_certificate"


# --- The context is built once, and is nobody else's


def test_context_is_built_once_for_everybody_without_a_certificate_and_for_each_certificate() -> None:
    one, another = (identity("ladokflow").pem() for _ in range(2))
    assert tls_context() is tls_context()
    assert tls_context(one) is tls_context(one)
    assert len({id(tls_context(certificate)) for certificate in ("", one, another)}) == 3


def test_context_checks_the_peer_and_its_name() -> None:
    usual = ssl.create_default_context()
    for context in (tls_context(), tls_context(identity("ladokflow").pem())):
        for name in ("verify_mode", "check_hostname", "minimum_version", "maximum_version", "options", "verify_flags"):
            assert getattr(context, name) == getattr(usual, name), name


def test_stranger_gets_nothing_of_who_was_let_in_before(strict: Ladok, connect: Connect, authority: Identity) -> None:
    let_in = connect(base_url=strict.url, kind="client_certificate", secret=identity("ladokflow", authority).pem())
    let_in.get_json("/exams")
    stranger = connect(base_url=strict.url, kind="client_certificate", secret=identity("stranger").pem())
    without = connect(base_url=strict.url, kind="bearer", secret="token")
    for client in (stranger, without):
        came = export(client)
        assert isinstance(came, NoAnswer)
        assert not came.sent
    let_in.get_json("/exams")
    assert [request.method for request in strict.requests] == ["GET", "GET"]


def test_other_authorities_at_the_same_place_are_met_at_once(
    strict: Ladok, connect: Connect, authority: Identity, tmp_path: Path
) -> None:
    own = identity("ladokflow", authority).pem()
    connect(base_url=strict.url, kind="client_certificate", secret=own).get_json("/exams")
    (tmp_path / "authority.pem").write_text(identity("Ett annat CA").public)
    error = refusal(lambda: connect(base_url=strict.url, kind="client_certificate", secret=own).get_json("/exams"))
    assert error.message.code == "remote.untrusted"
    (tmp_path / "authority.pem").write_text(authority.public)
    connect(base_url=strict.url, kind="client_certificate", secret=own).get_json("/exams")


def test_many_threads_may_begin_at_once(strict: Ladok, connect: Connect, authority: Identity) -> None:
    own = identity("ladokflow", authority).pem()

    def ask(_: int) -> object:
        return connect(base_url=strict.url, kind="client_certificate", secret=own).get_json("/exams")

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(ask, range(40)))
    assert answers == [{"numberOfSuccess": 1}] * 40
