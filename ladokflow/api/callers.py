"""Who calls: an API token or an access token of an OAuth client, and for whom it stands.

A token never may do more than its member may now. Of a member who is gone, or may not any more, nothing is left of it at once: that is
looked at with each call.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from ninja.security import HttpBearer
from pyrate_limiter import Duration, Rate

from ladokflow.addresses import address_of
from ladokflow.api.oauth import client_of
from ladokflow.api.problems import REALM, Problem
from ladokflow.messages import Message, message
from ladokflow.wiseflow.limits import limit_named
from sources.models import ApiToken, Membership, OAuthClient, Scope, Source
from sources.models.api import digest_of
from sources.universities.permissions import scopes_of

TOKENS_PER_MINUTE = 30  # from one address
USE_IS_NOTED_EVERY = 60  # seconds: a call that reads is to write nothing


@dataclass(frozen=True)
class Caller:
    """`given`: the scopes of the token itself; `scopes`: those that its member has, too."""

    access: ApiToken | OAuthClient
    given: frozenset[str]
    address: str | None

    @property
    def membership(self) -> Membership:
        return self.access.membership

    @property
    def source(self) -> Source:
        return self.membership.source

    @property
    def user(self) -> AbstractBaseUser:
        user: AbstractBaseUser = self.membership.user
        return user

    @property
    def key(self) -> str:
        """Of the token or the client, among all."""
        return f"{self.access.PREFIX}-{self.access.pk}"

    @property
    def name(self) -> str:
        return f"{self.access._meta.verbose_name} {self.access.label}"

    @property
    def scopes(self) -> frozenset[str]:
        return self.given & scopes_of(self.membership)

    def require(self, scope: Scope) -> None:
        facts = {"access": self.access.label, "scope": scope.value}
        if scope not in self.given:
            challenge = f'{REALM}, error="insufficient_scope", scope="{scope.value}"'
            raise Problem(403, message("api.scope_missing", **facts), headers={"WWW-Authenticate": challenge})
        if scope not in scopes_of(self.membership):
            raise Problem(403, message("api.right_missing", email=self.membership.user.get_username(), **facts))


class Call(HttpRequest):
    """A request that has been let in; for annotations only."""

    auth: Caller


class Bearer(HttpBearer):
    """Lets in who has the scope, and counts it. `scope` None: whoever has a token."""

    def __init__(self, scope: Scope | None = None) -> None:
        super().__init__()
        self.scope = scope

    def authenticate(self, request: HttpRequest, token: str) -> Caller:
        caller = _caller_of(request, token)
        _count(caller)
        _note_use(caller)
        if self.scope is not None:
            caller.require(self.scope)
        request.user = caller.user  # type: ignore[assignment] # who looks at people is on record
        return caller


def _caller_of(request: HttpRequest, token: str) -> Caller:
    access, given = _access_of(token)
    if access is None:
        raise _refused("api.unknown_token")
    if not access.enabled:
        raise _refused("api.disabled", access=access.label)
    if access.has_expired:
        raise _refused("api.expired", access=access.label)
    if not access.membership.user.is_active:
        raise _refused("api.unknown_token")
    return Caller(access, given, address_of(request))


def _access_of(token: str) -> tuple[ApiToken | OAuthClient | None, frozenset[str]]:
    """What the token is of, with the scopes that it was given; those of an access token only as far as its client has them still."""
    if token.startswith(f"{ApiToken.PREFIX}_"):
        rows = ApiToken.objects.select_related("membership__source", "membership__user")
        access = rows.filter(secret_hash=digest_of(token)).first()
        return access, frozenset(access.scopes if access else ())
    client, asked = client_of(token)
    return client, frozenset(asked) & frozenset(client.scopes if client else ())


def _refused(code: str, **facts: Any) -> Problem:
    return Problem(401, message(code, **facts), headers={"WWW-Authenticate": f'{REALM}, error="invalid_token"'})


def _count(caller: Caller) -> None:
    told = message("api.too_many", access=caller.access.label, most=settings.API_REQUESTS_PER_MINUTE)
    _limit(caller.access.secret_hash[:16], settings.API_REQUESTS_PER_MINUTE, told)


def count_tokens(request: HttpRequest) -> None:
    """An access token is good for an hour: who asks for many is mistaken, or guesses."""
    _limit(f"tokens-{address_of(request)}".replace(":", "-"), TOKENS_PER_MINUTE, message("api.too_many_tokens"))


def _limit(name: str, most: int, told: Message) -> None:
    """Counted where WISEflow's own limits are: in Redis for all machines; else in a file, for all processes of this one."""
    wait = limit_named(f"api-{name}-{most}", [Rate(most, Duration.MINUTE)]).take()
    if wait > 0:
        raise Problem(429, told, headers={"Retry-After": str(math.ceil(wait))})


def _note_use(caller: Caller) -> None:
    now = timezone.now()
    last = caller.access.last_used_at
    if last is None or not 0 <= (now - last).total_seconds() < USE_IS_NOTED_EVERY:
        rows = type(caller.access)._default_manager.filter(Q(last_used_at=last), pk=caller.access.pk)
        rows.update(last_used_at=now, last_used_from=caller.address)
