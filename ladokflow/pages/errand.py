"""What a browser keeps for us while its person is at an identity provider.

In a cookie of its own, signed and short-lived: an answer by POST comes from another site, and the session's cookie does not come along.
That the answer comes from the browser that has asked is what the cookie shows.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse

COOKIE = "sign_in_errand"
SECONDS = 600
PATH = "/sign-in/"


@dataclass(frozen=True)
class Errand:
    """`kept` is the protocol's own. `invitation` is the digest of a link, `joined_to` the key of an account that is signed in."""

    protocol: str
    address: str
    invitation: str = ""
    joined_to: int = 0
    kept: dict[str, str] = field(default_factory=dict)


def keep(response: HttpResponse, errand: Errand) -> HttpResponse:
    response.set_cookie(
        COOKIE,
        signing.dumps(asdict(errand), salt=COOKIE),
        max_age=SECONDS,
        path=PATH,
        httponly=True,
        secure=settings.SECURE_HTTPS,
        samesite="None" if settings.SECURE_HTTPS else "Lax",  # browsers take the former with TLS only
    )
    return response


def errand_of(request: HttpRequest, protocol: str) -> Errand | None:
    """None where there is none, it has taken too long, or is another protocol's."""
    try:
        kept: Any = signing.loads(request.COOKIES.get(COOKIE, ""), salt=COOKIE, max_age=SECONDS)
    except signing.BadSignature:
        return None
    errand = Errand(**kept)
    return errand if errand.protocol == protocol else None


def forget(response: HttpResponse) -> HttpResponse:
    response.delete_cookie(COOKIE, path=PATH, samesite="None" if settings.SECURE_HTTPS else "Lax")
    return response
