"""What the cache holds in Redis: signed, so that nobody who can write there can have our processes run what they like."""

from __future__ import annotations

import pickle
from typing import Any

from django.core import signing

SALT = "ladokflow.cache"


class SignedSerializer:
    """As of Django's Redis cache. A whole number stays one, for Redis to count with. What is not signed with our SECRET_KEY is not
    opened: signing.BadSignature."""

    def dumps(self, value: Any) -> bytes | int:
        if type(value) is int:
            return value
        return signing.TimestampSigner(salt=SALT).sign(_text(pickle.dumps(value))).encode()

    def loads(self, stored: Any) -> Any:
        try:
            return int(stored)
        except ValueError:
            text = signing.TimestampSigner(salt=SALT).unsign(bytes(stored).decode())
            return pickle.loads(signing.b64_decode(text.encode()))  # noqa: S301 - it is ours


def _text(data: bytes) -> str:
    return signing.b64_encode(data).decode()
