"""The people of a flow, for what hides their national ids in words that came from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from django.utils.translation import gettext

from ladokflow.privacy import knowing, names_of
from sources.models import Flow, Participant, Registration
from sources.models.flow import FlowQuerySet


def knowing_people_of(flow: FlowQuerySet) -> AbstractContextManager[None]:
    """Nobody is read before a text is met that needs it."""
    return knowing(lambda: _national_ids(flow))


@contextmanager
def knowing_people_of_flow(flow: Flow) -> Iterator[None]:
    """And in here nobody is called by name where the university hides names."""
    with names_of(is_protected=flow.source.protects_identity), knowing_people_of(Flow.objects.filter(pk=flow.pk)):
        yield


def who_is(key: int) -> str:
    """Of a row, for what names a person by it: the organisation id, or that there is none any more."""
    row = Participant.objects.filter(pk=key).only("organisation_id").first()
    return (
        row.organisation_id if row is not None and row.organisation_id else gettext("a student who is no longer here")
    )


def _national_ids(flow: FlowQuerySet) -> Iterator[str]:
    yield from Participant.objects.filter(flow__in=flow).values_list("national_id", flat=True)
    yield from Registration.objects.filter(participant__flow__in=flow).values_list("national_id", flat=True)
