"""What is done here when something has happened over in `sources`, or in the queue."""

from __future__ import annotations

import contextlib
from typing import Any

from django.db import Error
from django.dispatch import receiver
from django_q.signals import pre_execute

from exports.attempts.automatic import export_automatically
from exports.grades.asking import ask
from exports.grades.collect import collect_grades
from exports.operation import health, protecting
from exports.rules.states import refresh_states
from ladokflow import queue
from sources.models import Flow, Source
from sources.papers.read import read_if_due
from sources.signals import (
    codes_changed,
    flow_synced,
    grades_changed,
    identity_answered,
    names_hidden,
    papers_read,
    settings_changed,
)


@receiver(papers_read, dispatch_uid="exports.look_at_papers")
def look_at_papers(sender: Any, flow: Flow, **kwargs: Any) -> None:
    """Who has a grade and no paper, or has one after all."""
    refresh_states(flow)


@receiver((flow_synced, codes_changed, identity_answered), dispatch_uid="exports.refresh_states")
def refresh_after_sync(sender: Any, flow: Flow, *, is_changed: bool = True, **kwargs: Any) -> None:
    """Before marking is over everybody waits for that, and what they show hangs on nothing else than what a synchronisation reads."""
    if is_changed or flow.is_marking_over or flow.instant_export:
        refresh_states(flow)
    if flow.is_adoption_unsaid and flow.collected_at is None:
        ask(flow.pk)  # what is asked of them is asked with the grades at hand


@receiver(settings_changed, dispatch_uid="exports.look_at_settings")
def look_at_settings(sender: Any, flow: Flow, **kwargs: Any) -> None:
    """What is to go by itself now may be there already: a worker looks."""
    refresh_states(flow)
    if flow.instant_export:
        ask(flow.pk)


@receiver(names_hidden, dispatch_uid="exports.empty_names")
def empty_names(sender: Any, source: Source, **kwargs: Any) -> None:
    protecting.empty_names(source)


@receiver(grades_changed, dispatch_uid="exports.collect")
def collect_at_once(sender: Any, flow: Flow, **kwargs: Any) -> None:
    """In the worker that sends the signal: that its call is done with then means that the grades are read."""
    collect_grades(flow)
    read_if_due(flow)
    if flow.has_more_to_read:
        ask(flow.pk)
    export_automatically(flow)


@receiver(pre_execute, dispatch_uid="exports.show_life")
def show_life(sender: Any, **kwargs: Any) -> None:
    """In the worker. A database that is down is a matter for the task itself."""
    with contextlib.suppress(Error):
        health.show_life(queue.here())
