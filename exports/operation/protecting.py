"""Where a university hides names, those that were kept before go: out of the students' rows, and out of what was told of them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import models, transaction

from exports.models import ExportAttempt, ExportItem, Finding
from sources.models import NAMELESS, Flow, Participant, Registration, Source, SyncRun

logger = logging.getLogger(__name__)

# What is told of a flow's students, as messages: table -> the way to the flow, and the columns
TOLD: tuple[tuple[type[models.Model], str, tuple[str, ...]], ...] = (
    (Flow, "pk", ("asked", "warnings", "warnings_seen", "sync_message", "setup_message", "export_message")),
    (SyncRun, "flow", ("changes", "problems", "message")),
    (Participant, "flow", ("export_message",)),
    (Registration, "participant__flow", ("doubt",)),
    (ExportAttempt, "flow", ("message",)),
    (ExportItem, "attempt__flow", ("message", "before_mark")),
    (Finding, "flow", ("message",)),
)


def empty_names(source: Source) -> int:
    """How many students were named. A flow at a time: begun anew, it goes on where it was."""
    flows = Participant.objects.filter(flow__source=source).exclude(**NAMELESS).order_by("flow")
    count = 0
    for pk in list(flows.values_list("flow", flat=True).distinct()):
        with transaction.atomic():
            Flow.objects.select_for_update(no_key=True).get(pk=pk)
            people = Participant.objects.filter(flow=pk)
            known = {
                name: row.organisation_id or f"({row.pk})"
                for row in people.only("first_name", "last_name", "organisation_id")
                if (name := f"{row.first_name} {row.last_name}".strip())
            }
            for table, way, columns in TOLD:
                _rename(table.objects.filter(**{way: pk}).only(*columns), columns, known)  # type: ignore[attr-defined]
            count += people.update(**NAMELESS)
    logger.info("source.names.emptied source=%s students=%s", source.pk, count)
    return count


def _rename(rows: Iterable[Any], columns: tuple[str, ...], known: Mapping[str, str]) -> None:
    for row in rows:
        told = {column: getattr(row, column) for column in columns}
        renamed = {column: _renamed(value, known) for column, value in told.items()}
        if renamed != told:
            type(row).objects.filter(pk=row.pk).update(**renamed)


def _renamed(value: Any, known: Mapping[str, str]) -> Any:
    """With each student's identifier in place of the name, however deep it stands; also of several, with commas between them."""
    if isinstance(value, dict):
        return {key: _renamed(each, known) for key, each in value.items()}
    if isinstance(value, list):
        return [_renamed(each, known) for each in value]
    if isinstance(value, str):
        return known.get(value) or ", ".join(known.get(part, part) for part in value.split(", "))
    return value
