"""Exports that nobody presses a button for: instant export, and export when marking ends. Both once, and only if switched on."""

from __future__ import annotations

import logging

from exports.attempts.start import is_wanted, start_export
from exports.grades import asking
from exports.grades.collect import collect_grades
from exports.models import ExportAttempt
from exports.rules import rules
from exports.rules.facts import sender_of, source_facts
from ladokflow.http import RemoteError
from ladokflow.messages import Message, Refused, message
from sources.models import Flow
from sources.models.flow import ExportState
from sources.papers.read import read_if_due

logger = logging.getLogger(__name__)

Trigger = ExportAttempt.Trigger


def collect_and_export(flow: Flow, *, shares_answers: bool = False) -> int | None:
    """Collect the grades, read who has handed in, where there may be news, and start what is to start by itself; how many are graded,
    None where WISEflow did not tell."""
    try:
        graded = collect_grades(flow, shares_answers=shares_answers)
    except (RemoteError, Refused) as error:
        logger.warning("export.grades.not_collected flow=%s reason=%s", flow.pk, error.message.code)
        return None
    read_if_due(flow, shares_answers=shares_answers)  # by the phase that has just been read
    export_automatically(flow)
    return graded


def collect_as_asked(flow_pk: int) -> None:
    """`collect_and_export`, where that has been asked for. A queue entry that comes twice finds nothing to do."""
    if not asking.is_asked(flow_pk):
        return
    flow = Flow.objects.ready().filter(pk=flow_pk).first()
    asking.end(flow_pk, is_done=flow is None or collect_and_export(flow, shares_answers=True) is not None)
    if flow is not None and flow.has_more_to_read:
        asking.ask(flow_pk)


def export_automatically(flow: Flow) -> list[ExportAttempt]:
    """Call it after grades have been collected. What failed before waits for a manager: it is not sent again."""
    attempts: list[ExportAttempt] = []
    if is_wanted(flow, Trigger.INSTANT):
        attempts += _start(flow, Trigger.INSTANT)
    if flow.is_marking_over and is_wanted(flow, Trigger.MARKING_END):
        attempts += _start(flow, Trigger.MARKING_END)
    return attempts


def hindrance(flow: Flow) -> Message | None:
    """Why no export of the flow can start by itself, where one is wanted: it goes in the name of who made the flow."""
    is_wanted = flow.instant_export or flow.exports_when_marking_ends
    source = source_facts(flow.source)
    if not is_wanted or flow.export_state == ExportState.EXPORTED:
        return None
    if rules.has_export_right(source, sender_of(flow, None)) is None:
        return None
    return message("export.not_by_itself", maker=flow.created_by.get_full_name() or flow.created_by.get_username())


def _start(flow: Flow, trigger: str) -> list[ExportAttempt]:
    try:
        return start_export(flow=flow, trigger=trigger)
    except Refused as refused:
        logger.info("export.not_started flow=%s trigger=%s reason=%s", flow.pk, trigger, refused.message.code)
        return []
