"""Who has signed in, as their identity provider has it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MFA = "https://refeds.org/profile/mfa"
LONGEST = 500  # signs of a value: those that are longer are no names, and are left out

PRINCIPAL_NAME = "eduPersonPrincipalName"
LOCAL_ID = "norEduPersonLIN"
ASSURANCE = "eduPersonAssurance"

_PRINCIPAL_NAME = re.compile(r"[^\s@]{1,64}@([a-z0-9-]+(?:\.[a-z0-9-]+)+)")


@dataclass(frozen=True)
class Subject:
    """`issuer` and `subject` together are one person for ever; all else may change from one sign-in to the next.

    `claims` are attributes or claims by name, each with its values as texts. `principal_name` is eduPersonPrincipalName in small letters
    where the provider may speak for its scope, else empty; so is `email`. `has_proven_twice` where the provider says that it has asked for a second factor.
    """

    protocol: str
    issuer: str
    subject: str
    claims: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    principal_name: str = ""
    email: str = ""
    has_proven_twice: bool = False

    @property
    def scope(self) -> str:
        return self.principal_name.rpartition("@")[2]

    def values(self, name: str) -> tuple[str, ...]:
        return self.claims.get(name, ())

    def value(self, name: str) -> str:
        return next(iter(self.values(name)), "")

    @property
    def name(self) -> str:
        """For people to read; nothing is decided by it."""
        return self.value("displayName") or self.principal_name or self.value("mail")


@dataclass(frozen=True)
class Asserted:
    """A subject, with the digest of the assertion that says so and the Unix time at which it ends: it is to be taken once."""

    subject: Subject
    digest: str
    ends_at: int


def texts(value: Any) -> tuple[str, ...]:
    """The texts in a claim's value, of whatever kind it is: only such as can be stored."""
    values = value if isinstance(value, list | tuple) else [value]
    found = (str(each).strip() for each in values if isinstance(each, str | int) and not isinstance(each, bool))
    return tuple(text for text in found if text and len(text) <= LONGEST and text.isprintable())


def principal_name_of(claims: Mapping[str, tuple[str, ...]]) -> str:
    """The one eduPersonPrincipalName, in small letters; empty where there is none, several, or no such thing."""
    found = {value.lower() for value in claims.get(PRINCIPAL_NAME, ())}
    name = found.pop() if len(found) == 1 else ""
    return name if _PRINCIPAL_NAME.fullmatch(name) else ""
