"""What other programs are told of a flow, in plain values."""

from __future__ import annotations

from typing import Any

from exports.command import shown_state
from exports.models import ExportAttempt, Finding
from exports.rules.states import refresh_states
from ladokflow.messages import Message
from sources.models import Flow, Participant, SyncRun


def flow_status(flow: Flow) -> dict[str, Any]:
    refresh_states(flow)
    return {
        "flow": flow.pk,
        "wiseflowFlow": flow.wiseflow_id,
        "title": flow.title,
        "phase": flow.state,
        "state": str(flow.export_state),
        "reason": words(flow.export_message),
        "counts": flow.counts,
        "sync": sync_status(flow),
        "findings": [
            finding_status(found) for found in Finding.objects.open().filter(flow=flow).select_related("item")
        ],
        "participants": [_person(person) for person in flow.participants.defer("national_id")],
        "attempts": [
            attempt_status(attempt) for attempt in flow.attempts.select_related("code").order_by("created_at")
        ],
    }


def words(stored: Any) -> str:
    reason = Message.from_json(stored)
    return str(reason) if reason else ""


def _person(person: Participant) -> dict[str, Any]:
    return {
        "organisationId": person.organisation_id,
        "uniqueExamId": person.unique_exam_id,
        "state": str(person.export_state),
        "message": words(person.export_message),
    }


def finding_status(found: Finding) -> dict[str, Any]:
    return {
        "kind": str(found.kind),
        "organisationId": found.item.organisation_id,
        "uniqueExamId": found.item.unique_exam_id,
        "attempt": str(found.item.attempt_id),
        "message": words(found.message),
        "foundAt": found.found_at.isoformat(),
    }


def sync_status(flow: Flow) -> dict[str, Any]:
    run = SyncRun.objects.filter(flow=flow).order_by("-created_at").first()
    status: dict[str, Any] = {"syncedAt": flow.synced_at.isoformat() if flow.synced_at else None, "state": None}
    if run is None:
        return status
    return status | run_status(run)


def run_status(run: SyncRun) -> dict[str, Any]:
    return {
        "state": str(run.state),
        "message": words(run.message),
        "added": run.added,
        "updated": run.updated,
        "removed": run.removed,
        "deactivated": run.deactivated,
        "unchanged": run.unchanged,
        "problems": [str(problem) for problem in run.problem_messages],
    }


def attempt_status(attempt: ExportAttempt) -> dict[str, Any]:
    return {
        "attempt": str(attempt.pk),
        "code": attempt.code.code,
        "state": shown_state(attempt),
        "isRetry": attempt.is_retry,
        "sent": attempt.sent_count,
        "exported": attempt.exported_count,
        "failed": attempt.failed_count,
        "unknown": attempt.unknown_count,
        "httpStatus": attempt.http_status,
        "message": words(attempt.message),
        "requestedAt": attempt.created_at.isoformat(),
        "finishedAt": attempt.finished_at.isoformat() if attempt.finished_at else None,
    }
