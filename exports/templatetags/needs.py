"""What of a flow needs the reader, the most urgent first: `{% lead_of flow user tab as lead %}`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import template

from exports.pages.findings import found_on
from exports.pages.lists import rows_of
from exports.pages.needs import EXPORTS, Told, needs_of, with_needs
from sources.models import Flow, Membership

register = template.Library()
WITH_A_BOX = ("found",)  # on each of the flow's pages
ON_OVERVIEW = ("asks",)  # with a box for each there


@dataclass(frozen=True)
class Lead:
    needs: list[Told]

    @property
    def tells_of_exports(self) -> bool:
        """Whether it has said what the flow's own sentence about its export says."""
        return any(told.need.name in EXPORTS for told in self.needs)


@register.simple_tag
def lead_of(flow: Flow, user: Any, tab: str) -> Lead:
    """Without what a box of its own tells on the page."""
    elsewhere = WITH_A_BOX + (ON_OVERVIEW if tab == "overview" else ())
    return Lead([told for told in _needs(flow, user) if told.need.name not in elsewhere])


def _needs(flow: Flow, user: Any) -> list[Told]:
    membership = Membership.objects.select_related("source").get(user_id=user.pk, source_id=flow.source_id)
    row = with_needs(Flow.objects.filter(pk=flow.pk)).get()
    found = found_on(row)
    (shown,) = rows_of([row], {flow.source_id: membership}, {flow.pk: found} if found else {})
    return needs_of(shown)
