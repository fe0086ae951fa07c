"""What is wrong with the settings of an installation that real people's grades pass through. Read while the settings are made."""

from __future__ import annotations

import contextlib
import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import serialization

from ladokflow.logs import FORMATS

# As Django's own check of a deployment has it (security.W009), which nobody is made to run.
SHORTEST_SECRET, FEWEST_SIGNS = 50, 5
SHORTEST_TOKEN = 20
MOST_DAYS = 36500


def keep_private(database: Path) -> None:
    """SQLite's file, and those it puts beside it with the same rights, are the process's own: nobody else on the machine reads them."""
    database.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(OSError):  # it is there, or cannot be: then connecting to it says so
        database.touch(mode=0o600, exist_ok=False)
    for path in (database, *(database.with_name(f"{database.name}-{end}") for end in ("wal", "shm", "journal"))):
        with contextlib.suppress(FileNotFoundError, PermissionError):  # somebody else's is theirs to look after
            if path.stat().st_mode & 0o077:
                path.chmod(0o600)


def key_faults(keys: Sequence[str]) -> list[str]:
    """Of FIELD_ENCRYPTION_KEYS, in any environment. No key is repeated in it."""
    if not keys:
        return ["FIELD_ENCRYPTION_KEYS holds no key; `manage.py makekeys` prints one."]
    wrong = [number for number, key in enumerate(keys, 1) if not _is_key(key)]
    return [f"Key {number} of {len(keys)} in FIELD_ENCRYPTION_KEYS is no Fernet key." for number in wrong]


def _is_key(key: str) -> bool:
    try:
        Fernet(key)
    except ValueError:
        return False
    return True


def proxy_faults(proxies: Iterable[str]) -> list[str]:
    """Of TRUSTED_PROXIES: who trusts everybody may as well trust nobody."""
    return [f"{name} in TRUSTED_PROXIES is no address or network of proxies." for name in proxies if not _is_few(name)]


def _is_few(name: str) -> bool:
    try:
        return ipaddress.ip_network(name).prefixlen > 0
    except ValueError:
        return False


def federation_faults(
    *,
    oidc: tuple[str, str, str],
    saml: tuple[str, str, str],
    certificate: str,
    discovery: str,
    keys: str,
) -> list[str]:
    """Of sign-in at the university. `oidc`: issuer, client id, client secret; `saml`: metadata, its address, the address of an MDQ service."""
    faults = []
    if any(oidc) and not all(oidc):
        faults.append("OIDC_ISSUER, OIDC_CLIENT_ID and OIDC_CLIENT_SECRET are given together or not at all.")
    if sum(map(bool, saml)) > 1:
        faults.append("Only one of SAML_METADATA, SAML_METADATA_URL and SAML_MDQ_URL says where metadata comes from.")
    if any(saml[1:]) and not certificate:
        faults.append("SAML_METADATA_CERTIFICATE is not set: metadata that is fetched has to be signed by it.")
    if saml[2] and not discovery:
        faults.append("SAML_DISCOVERY_URL is not set: behind SAML_MDQ_URL are many, and somebody has to choose.")
    try:
        has_certificate = not certificate or bool(x509.load_pem_x509_certificates(certificate.encode()))
    except ValueError:
        has_certificate = False
    if not has_certificate:
        faults.append("SAML_METADATA_CERTIFICATE holds no certificate in PEM.")
    try:
        pairs_of(keys)
    except ValueError:
        faults.append("SAML_KEYS must hold pairs of a private key and its certificate in PEM, without a password.")
    return faults


_PEM = re.compile(r"-----BEGIN ([A-Z ]+)-----.+?-----END \1-----", re.DOTALL)


@cache
def pairs_of(pem: str) -> list[tuple[str, str]]:
    """Each private key with its certificate, as PEM, in the order in which they stand. ValueError where one has no counterpart."""
    found = [(match[1], match[0]) for match in _PEM.finditer(pem)]
    keys = [text for kind, text in found if kind.endswith("PRIVATE KEY")]
    certificates = [text for kind, text in found if kind == "CERTIFICATE"]
    if len(keys) + len(certificates) != len(found) or len(keys) != len(certificates) or (pem.strip() and not found):
        raise ValueError("not pairs")
    pairs = list(zip(keys, certificates, strict=True))
    for key, certificate in pairs:
        private = serialization.load_pem_private_key(key.encode(), password=None)
        if private.public_key() != x509.load_pem_x509_certificate(certificate.encode()).public_key():
            raise ValueError("not a pair")
    return pairs


def days_faults(days: Mapping[str, int]) -> list[str]:
    """Of how long things are kept: what is kept for fewer than no days would go at once, and beyond a hundred years no calendar reaches."""
    wrong = {name: value for name, value in days.items() if not 0 <= value <= MOST_DAYS}
    return [f"{name} is {value}: it must be a number of days from 0 to {MOST_DAYS}." for name, value in wrong.items()]


def watching_faults(*, metrics_token: str, opentelemetry: bool, log_format: str) -> list[str]:
    """Of what the installation is watched by, in any environment."""
    faults = []
    if metrics_token and len(metrics_token) < SHORTEST_TOKEN:
        faults.append(f"METRICS_TOKEN has fewer than {SHORTEST_TOKEN} characters: anybody could guess it.")
    if log_format not in FORMATS:
        faults.append(f"LOG_FORMAT must be one of {', '.join(FORMATS)}.")
    if opentelemetry and not (find_spec("opentelemetry") and find_spec("opentelemetry.sdk")):
        faults.append("OPENTELEMETRY is on and its packages are not installed: pip install -r requirements-otel.lock.")
    return faults


def production_faults(
    *, debug: bool, secret_key: str, hosts: Iterable[str], origins: Iterable[str], https: bool
) -> list[str]:
    """What production does not start with."""
    faults = []
    if debug:
        faults.append("DEBUG is on: its error pages show settings and people's data to anybody.")
    if len(secret_key) < SHORTEST_SECRET or len(set(secret_key)) < FEWEST_SIGNS:
        faults.append("SECRET_KEY is short or easy to guess; `manage.py makekeys` prints one.")
    if any(set(host) <= {"*", "."} for host in hosts):
        faults.append("ALLOWED_HOSTS lets any host name in: name those that the pages answer to.")
    for origin in origins:
        address = urlsplit(origin)
        if address.scheme != "https" or set(address.netloc) <= {"*", "."}:
            faults.append(f"{origin} in CSRF_TRUSTED_ORIGINS must be https:// and a host name.")
    if not https:
        faults.append(
            "SECURE_HTTPS is off: passwords and sessions would go in clear. Behind a proxy, set BEHIND_PROXY."
        )
    return faults
