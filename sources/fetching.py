"""Reading exams from a source's Ladok side."""

from __future__ import annotations

from ladokflow.ladok.base import Exam
from sources.connections import ladok_for
from sources.models import Source


def list_exams(source: Source, course_code: str) -> list[Exam]:
    """*Välj från lista*: the exams of a course, without people. RemoteError where Ladok cannot be asked."""
    with ladok_for(source) as client:
        return source.rules.list_exams(client, course_code.strip())


def fetch_exam(source: Source, code: str) -> Exam:
    """*Ange kod*: one exam with its people. RemoteError "ladok.unknown_code" where Ladok has no such code."""
    with ladok_for(source) as client:
        return source.rules.fetch_exam(client, code.strip())
