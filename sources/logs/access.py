"""Who may see what WISEflow has logged, and that it is written down who has."""

from __future__ import annotations

import datetime as dt

from django.contrib.auth.models import AbstractBaseUser

from ladokflow.messages import message
from sources import audit
from sources.models import Flow, Source
from sources.models.source import SourceQuerySet
from sources.universities.permissions import Right, Rights


def sources_of(rights: Rights) -> SourceQuerySet:
    """Those whose logs somebody with these rights may see."""
    found: SourceQuerySet = rights.sources(Right.LOGS)
    return found


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
