"""Ladok's answer as people may read it."""

from __future__ import annotations

from exports.models import ExportAttempt
from ladokflow.privacy import redact
from ladokflow.response import Answer
from sources.people import knowing_people_of_flow


def shown_answer(attempt: ExportAttempt) -> str:
    """Word for word, but for national ids. Empty where it is no JSON: then it need not be Ladok's at all."""
    is_data = attempt.answer and Answer(200, body=attempt.answer.encode()).is_data
    with knowing_people_of_flow(attempt.flow):
        return redact(attempt.answer) if is_data else ""
