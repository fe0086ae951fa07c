"""How the installation is, on one page of the administration, for those who run it."""

from __future__ import annotations

import datetime as dt
import platform
from dataclasses import dataclass
from typing import Any

import django
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.decorators import login_required
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from exports.models import Heartbeat
from exports.operation import facts, health
from ladokflow import __version__
from ladokflow.messages import Message, Text
from sources.models import Credential, Source
from sources.universities.expiry import told_of
from sources.universities.permissions import Right, rights_in

KINDS = {
    "exports": _("Exports"),
    "collections": _("Readings of grades"),
    "packages": _("Archive packages"),
    "flows": _("Flows that are made"),
    "batch_exams": _("Exams of a list"),
    "synchronisations": _("Synchronisations"),
    "webhook_calls": _("WISEflow's calls"),
    "log_readings": _("Readings of WISEflow's logs"),
    "deliveries": _("Calls to your other systems"),
}
PROCESSES = {
    "queue": _("Workers of the common queue"),
    "exports": _("Workers of the exports' own queue"),
    "sweep": _("Sweeper"),
    "prune": _("Daily tidying"),
}
QUEUES = {"ladokflow": _("The common queue"), "exports": _("The exports' own queue")}


@dataclass(frozen=True)
class Side:
    """One of a source's two systems."""

    name: str
    last_answer: dt.datetime | None
    credential: Any
    ending: Message | None


@dataclass(frozen=True)
class Line:
    source: Source
    sides: list[Side]
    night: facts.Night
    last_sync: dt.datetime | None


@login_required
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """For operators; for everybody else there is no such page."""
    if not rights_in(request).may(Right.OPERATE):
        raise Http404
    try:
        entries = facts.entries_by_queue()
    except facts.BrokerFailed:
        entries = None
    beats = dict(Heartbeat.objects.values_list("name", "at"))
    context = {
        **admin.site.each_context(request),
        "title": _("Status"),
        "queue": health.queue_facts(),
        "entries": None if entries is None else [(QUEUES[name], count) for name, count in entries.items()],
        "waiting": [(KINDS[each.kind], each) for each in facts.waiting()],
        "processes": [(title, beats.get(name)) for name, title in PROCESSES.items()],
        "unknown": facts.unknown_outcomes(),
        "lines": _lines(),
        "versions": _versions(),
    }
    return TemplateResponse(request, "admin/overview.html", context)


def _lines() -> list[Line]:
    sources = list(Source.objects.all())
    last_answers, last_syncs = facts.last_answers(facts.counted()), facts.last_syncs()
    in_use = {(row.source_id, row.system): row for row in facts.credentials_in_use()}
    lines = []
    for night in facts.nights(sources):
        sides = []
        for system in Credential.System:
            row = in_use.get((night.source.pk, system))
            ending = told_of(row, timezone.now()) if row else None
            sides.append(Side(system.label, last_answers.get((night.source.pk, system.value)), row, ending))
        lines.append(Line(night.source, sides, night, last_syncs.get(night.source.pk)))
    return lines


def _versions() -> list[tuple[Text, str]]:
    executor = MigrationExecutor(connection)
    ahead = executor.migration_plan(executor.loader.graph.leaf_nodes())
    own = {app: name for app, name in sorted(executor.loader.graph.leaf_nodes()) if app in ("sources", "exports")}
    migrations = ", ".join(f"{app} {name}" for app, name in own.items())
    return [
        ("LadokFlow", __version__),
        ("Django", django.get_version()),
        ("Python", platform.python_version()),
        (_("Database"), f"{connection.vendor} {'.'.join(map(str, connection.get_database_version()))}"),
        (_("Broker"), "Redis" if settings.REDIS_URL else str(_("the database"))),
        (_("Migrations"), migrations),
        (_("Migrations that wait"), ", ".join(f"{step.app_label} {step.name}" for step, _back in ahead) or "–"),
        (_("Environment"), settings.ENVIRONMENT),
    ]
