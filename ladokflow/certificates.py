"""What a client certificate says of itself."""

from __future__ import annotations

import datetime as dt

from cryptography import x509


def certificate_end(pem: str) -> dt.datetime | None:
    """When the first of the certificates in the PEM text, our own or one of its chain, stops being valid; None where none can be read."""
    try:
        return min(one.not_valid_after_utc for one in x509.load_pem_x509_certificates(pem.encode()))
    except ValueError:
        return None
