"""Exports that nobody presses a button for: instant export, and export when marking ends. Both once, and only if switched on."""

from __future__ import annotations

import logging

from exports.collecting import collect_grades
from exports.models import ExportAttempt
from exports.starting import start_export
from ladokflow.http import RemoteError
from ladokflow.messages import Refused
from sources.models import Flow

logger = logging.getLogger(__name__)

Trigger = ExportAttempt.Trigger


def collect_and_export(flow: Flow) -> int | None:
    """Collect the grades, and start what is to start by itself; how many are graded, None where WISEflow did not tell."""
    try:
        graded = collect_grades(flow)
    except (RemoteError, Refused) as error:
        logger.warning("export.grades.not_collected flow=%s reason=%s", flow.pk, error.message.code)
        return None
    export_automatically(flow)
    return graded


def export_automatically(flow: Flow) -> list[ExportAttempt]:
    """Call it after grades have been collected. What failed before waits for a manager: it is not sent again."""
    attempts: list[ExportAttempt] = []
    if flow.instant_export:
        attempts += _start(flow, Trigger.INSTANT)
    if flow.exports_when_marking_ends and flow.is_marking_over and not _has_run(flow):
        attempts += _start(flow, Trigger.MARKING_END)
    return attempts


def _has_run(flow: Flow) -> bool:
    return flow.attempts.filter(trigger=Trigger.MARKING_END).exists()


def _start(flow: Flow, trigger: str) -> list[ExportAttempt]:
    try:
        return start_export(flow=flow, trigger=trigger)
    except Refused as refused:
        logger.info("export.not_started flow=%s trigger=%s reason=%s", flow.pk, trigger, refused.message.code)
        return []
