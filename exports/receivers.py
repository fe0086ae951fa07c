"""What is done here when something has happened over in `sources`."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from exports.attempts.automatic import export_automatically
from exports.grades.collect import collect_grades
from exports.rules.states import refresh_states
from sources.models import Flow
from sources.signals import codes_changed, flow_synced, grades_changed


@receiver((flow_synced, codes_changed), dispatch_uid="exports.refresh_states")
def refresh_after_sync(sender: Any, flow: Flow, **kwargs: Any) -> None:
    refresh_states(flow)


@receiver(grades_changed, dispatch_uid="exports.collect")
def collect_at_once(sender: Any, flow: Flow, **kwargs: Any) -> None:
    """In the worker that sends the signal: that its call is done with then means that the grades are read."""
    collect_grades(flow)
    export_automatically(flow)
