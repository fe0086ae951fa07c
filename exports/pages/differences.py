"""What has changed since a preview was shown, in words."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TypeVar

from django.utils.translation import gettext as _

from exports.attempts.seen import participant_of
from exports.attempts.start import Preview
from ladokflow.fingerprints import Difference
from ladokflow.messages import Message, message
from sources.models import Participant

MOST_NAMED = 20

Line = TypeVar("Line")


def told(preview: Preview, difference: Difference) -> Iterator[Message]:
    """A message for each kind of change, with whom it is about. `preview` is what would be done now."""
    lines = {line.participant.pk: line for line in preview.to_send}
    held = {line.participant.pk: line for line in preview.held_back}
    if new := [f"{each.participant} ({each.grade})" for each in _of(lines, difference.new)]:
        yield message("seen.new", people=_listed(new))
    if other := [f"{each.participant} ({each.grade})" for each in _of(lines, difference.other)]:
        yield message("seen.other", people=_listed(other))
    gone = [f"{each.participant}: {each.message.what}" for each in _of(held, difference.gone)]
    unseen = {participant_of(key) for key in difference.gone} - held.keys() - lines.keys()
    gone += [f"{person}." for person in Participant.objects.filter(flow=preview.flow, pk__in=unseen)]
    if gone:
        yield message("seen.gone", people=_listed(gone, " "))


def _of(lines: Mapping[int, Line], keys: Iterable[str]) -> list[Line]:
    return [lines[pk] for pk in dict.fromkeys(participant_of(key) for key in keys) if pk in lines]


def _listed(people: Collection[str], joint: str = ", ") -> str:
    """Their names, or the first ones of very many."""
    named, more = joint.join(list(people)[:MOST_NAMED]), len(people) - MOST_NAMED
    return _("%(people)s and %(count)s more") % {"people": named, "count": more} if more > 0 else named
