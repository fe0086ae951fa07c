"""What of a flow needs the reader, the most urgent first: `{% lead_of flow user tab as lead %}`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import template

from exports.pages.findings import found_on
from exports.pages.lists import rows_of
from exports.pages.needs import Told, needs_of, with_needs
from sources.models import Flow, Membership
from sources.pages.phases import Mark, Phase, phases

register = template.Library()
WITH_A_BOX = ("found",)  # on each of the flow's pages
ON_OVERVIEW = ("asks",)  # with a box for each there


@dataclass(frozen=True)
class Lead:
    """`phase` is the one that the flow is in, or that comes next. `is_calm`: nothing needs the reader, on this page or another."""

    needs: list[Told]
    phase: Phase
    is_calm: bool

    @property
    def tells_of_exports(self) -> bool:
        """Whether it has said what the flow's own sentence about its export says."""
        return any(told.is_of_export for told in self.needs)


@register.simple_tag
def lead_of(flow: Flow, user: Any, tab: str) -> Lead:
    """Without what a box of its own tells on the page."""
    elsewhere = WITH_A_BOX + (ON_OVERVIEW if tab == "overview" else ())
    needs = _needs(flow, user)
    phase = next(phase for phase in phases(flow) if phase.mark is not Mark.DONE)
    is_calm = not needs and flow.setup_state == Flow.Setup.READY
    return Lead([told for told in needs if told.need.name not in elsewhere], phase, is_calm)


def _needs(flow: Flow, user: Any) -> list[Told]:
    membership = Membership.objects.select_related("source").get(user_id=user.pk, source_id=flow.source_id)
    row = with_needs(Flow.objects.filter(pk=flow.pk)).get()
    found = found_on(row)
    (shown,) = rows_of([row], {flow.source_id: membership}, {flow.pk: found} if found else {})
    return needs_of(shown)
