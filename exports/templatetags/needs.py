"""What of a flow, of `with_needs`, needs the reader, the most urgent first: `{% lead_of flow tab as lead %}`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import template

from exports.pages.colleagues import Colleagues
from exports.pages.findings import Found, found_on
from exports.pages.lists import rows_of
from exports.pages.needs import Told, needs_of
from sources.models import Flow
from sources.pages.phases import Mark, Phase, phases
from sources.universities.permissions import memberships_in

register = template.Library()
WITH_A_BOX = ("found",)  # on each of the flow's pages
ON_OVERVIEW = ("asks",)  # with a box for each there


@dataclass(frozen=True)
class Lead:
    """`phase` is the one that the flow is in, or that comes next. `is_calm`: nothing needs the reader, on this page or
    another. `who`: those who can do what the reader lacks the right for."""

    needs: list[Told]
    found: Found | None
    phase: Phase
    is_calm: bool
    who: tuple[str, ...] = ()

    @property
    def tells_of_exports(self) -> bool:
        """Whether it has said what the flow's own sentence about its export says."""
        return any(told.is_of_export for told in self.needs)


@register.simple_tag(takes_context=True)
def lead_of(context: Any, flow: Flow, tab: str) -> Lead:
    """Without what a box of its own tells on the page."""
    elsewhere = WITH_A_BOX + (ON_OVERVIEW if tab == "overview" else ())
    found = found_on(flow)
    (row,) = rows_of([flow], memberships_in(context["request"]), {flow.pk: found} if found else {})
    needs = needs_of(row)
    phase = next(phase for phase in phases(flow) if phase.mark is not Mark.DONE)
    is_calm = not needs and flow.setup_state == Flow.Setup.READY
    told_here = [told for told in needs if told.need.name not in elsewhere]
    lacks_right = any(told.why_not is not None for told in told_here)
    colleagues = Colleagues.of({flow.source_id: flow.source} if lacks_right else {})
    return Lead(told_here, found, phase, is_calm, colleagues.who_export(flow.source_id))
