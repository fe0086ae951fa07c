"""The people of a flow, for what hides their national ids in words that came from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager

from ladokflow.privacy import knowing
from sources.models import Flow, Participant, Registration
from sources.models.flow import FlowQuerySet


def knowing_people_of(flow: FlowQuerySet) -> AbstractContextManager[None]:
    """Nobody is read before a text is met that needs it."""
    return knowing(lambda: _national_ids(flow))


def knowing_people_of_flow(flow: Flow) -> AbstractContextManager[None]:
    return knowing_people_of(Flow.objects.filter(pk=flow.pk))


def _national_ids(flow: FlowQuerySet) -> Iterator[str]:
    yield from Participant.objects.filter(flow__in=flow).values_list("national_id", flat=True)
    yield from Registration.objects.filter(participant__flow__in=flow).values_list("national_id", flat=True)
