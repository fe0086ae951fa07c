"""Ladok's grading scales that WISEflow has no counterpart of, or another one than the flow's: somebody chooses what becomes of them
before a flow is made, and before a code is added to one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ladokflow.http import RemoteError
from ladokflow.identifiers import normal
from ladokflow.ladok.base import Exam
from ladokflow.messages import Message, Refused, message
from ladokflow.wiseflow.client import WiseflowClient
from sources.models import Flow, Source
from sources.universities.clients import wiseflow_for
from sources.universities.licence import find_scale

# What a manager may choose instead of one of WISEflow's scales: whichever the flow has. The export asks then.
ANY_SCALE = ""


def unmatched(source: Source, client: WiseflowClient, exams: Iterable[Exam]) -> list[str]:
    """The exams' scales in Ladok that WISEflow has no counterpart of, each once."""
    names = {normal(exam.grade_scale): exam.grade_scale.strip() for exam in exams if exam.grade_scale.strip()}
    scales = client.grading_scales() if names else []
    return [name for name in names.values() if find_scale(source, name, scales) is None]


def unmatched_scales(source: Source, exams: Iterable[Exam]) -> list[str]:
    """As `unmatched`; none where WISEflow cannot be asked: the creation finds out."""
    try:
        with wiseflow_for(source) as client:
            return unmatched(source, client, exams)
    except RemoteError:
        return []


def insist(source: Source, client: WiseflowClient, exams: Iterable[Exam], choices: Mapping[str, str]) -> None:
    """Refused where nobody has chosen what becomes of a scale. `choices` are as `Flow.scale_choices`."""
    for name in unmatched(source, client, exams):
        if normal(name) not in choices:
            raise Refused(message("sources.scale_unchosen", scale=name))


def choices_of(chosen: Mapping[str, str]) -> dict[str, str]:
    """Ladok's scale -> WISEflow's, by name or id, as `Flow.scale_choices` keeps it."""
    return {normal(name): str(scale).strip() for name, scale in chosen.items()}


# --- Of a code that is added -----------------------------------------------------------------------------------------


class AsksForScale(Refused):
    """The scale of the exam that is to be added (`ladok_scale`) is not the flow's: what becomes of it is to be said. `scales` are
    WISEflow's, pairs of id and name, that may be chosen for it, besides ANY_SCALE."""

    def __init__(self, message: Message, ladok_scale: str, scales: Iterable[tuple[str, str]] = ()) -> None:
        super().__init__(message)
        self.ladok_scale = ladok_scale
        self.scales = list(scales)


def choice_for(flow: Flow, exam: Exam, given: str | None) -> dict[str, str]:
    """What is to be added to `Flow.scale_choices` for the exam; nothing where its scale is the flow's, or has been chosen before.

    `given`: one of WISEflow's scales, by id, or ANY_SCALE; None where nobody has said. AsksForScale where it is to be said.
    RemoteError where WISEflow cannot be asked.
    """
    name = exam.grade_scale.strip()
    if not name or normal(name) in flow.scale_choices or flow.has_scale(name):
        return {}
    question = _question(flow, exam, name)
    if question is None:
        return {}
    if given is None or given not in (ANY_SCALE, *(scale for scale, _ in question.scales)):
        raise question
    return {normal(name): given}


def _question(flow: Flow, exam: Exam, name: str) -> AsksForScale | None:
    with wiseflow_for(flow) as client:
        scales = client.grading_scales()
    counterpart = find_scale(flow.source, name, scales)
    facts = {"code": exam.code, "scale": name, "flow": flow.grading_scale or "–"}
    if counterpart is None:
        told = message("sources.added_scale_unmatched", **facts)
        return AsksForScale(told, name, [(str(scale.id), scale.name) for scale in scales])
    if flow.grading_scale_id in (None, counterpart.id):
        return None
    # Which grade of one scale is which of another nobody can say beforehand: the export asks, with the grades at hand.
    return AsksForScale(message("sources.added_scale_differs", counterpart=counterpart.name, **facts), name)
