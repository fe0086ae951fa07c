"""Who may see what WISEflow has logged, and that it is written down who has."""

from __future__ import annotations

import datetime as dt

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Q

from ladokflow.messages import message
from sources import audit
from sources.models import Flow, Membership, Source
from sources.models.source import SourceQuerySet

SEEING = Q(can_see_logs=True) | Q(role=Membership.Role.LICENCE_ADMIN)


def sources_of(user: AbstractBaseUser | AnonymousUser) -> SourceQuerySet:
    """Those whose logs the user may see."""
    rights = Membership.objects.filter(SEEING, user_id=user.pk)  # type: ignore[misc] # anonymous: no key, no membership
    return Source.objects.filter(pk__in=rights.values("source_id"))


def may_see(user: AbstractBaseUser | AnonymousUser, source: Source) -> bool:
    return sources_of(user).filter(pk=source.pk).exists()


def record_download(
    source: Source,
    first: dt.date,
    last: dt.date,
    kind: str,
    *,
    flow: Flow | None = None,
    actor: AbstractBaseUser | None = None,
    address: str | None = None,
) -> None:
    """`actor` None: by command."""
    code = "log.downloaded" if flow is None else "log.downloaded_flow"
    told = message(code, first=first.isoformat(), last=last.isoformat(), format=kind)
    audit.record(message=told, source=source, flow=flow, actor=actor, address=address)
