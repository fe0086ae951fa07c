"""Who may see what WISEflow has logged, and that it is written down who has."""

from __future__ import annotations

import datetime as dt

from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest

from ladokflow.addresses import address_of
from ladokflow.messages import by_row, message
from sources import audit
from sources.access import Kind, logs_seen, students_seen
from sources.models import Flow, Participant, Source
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


def entries_read(
    request: HttpRequest, source: Source, first: dt.date, last: dt.date, flow: Flow | None, *, is_first_page: bool
) -> None:
    """Page by page, over the API: with the first one in the audit log, and with each in the access log, where it is one entry for some
    minutes."""
    logs_seen(request, source, flow)
    if is_first_page:
        record_download(source, first, last, "API", flow=flow, actor=request.user, address=address_of(request))  # type: ignore[arg-type]


def timeline_seen(request: HttpRequest, person: Participant) -> None:
    """In both logs: it tells a student's exam minute by minute. `person` with their flow."""
    students_seen(request, [person], Kind.STUDENT)
    told = message("log.timeline_seen", participant=by_row(person.pk))
    flow = person.flow
    audit.record(message=told, source=flow.source, flow=flow, actor=request.user, address=address_of(request))
