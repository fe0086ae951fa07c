"""How a flow stands: what a page that shows it was made of."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from exports.models import Assessment, ExportItem
from sources.models import FlowSource

State = ExportItem.State


@dataclass(frozen=True)
class Standing:
    """`items`: the newest grade that was sent, by participant and place, with its state; `grades` are those of WISEflow as collected."""

    items: dict[tuple[int, int], tuple[int, str]]
    grades: dict[int, str]
    codes: tuple[str, ...]

    def of_items(self, keys: Collection[int]) -> set[tuple[int, str]]:
        return {item for item in self.items.values() if item[0] in keys}

    def is_of(self, participant: int, before: ExportItem | None) -> bool:
        """Whether what was there of somebody, as the newest sending began, is what stands here."""
        shown = self.items.get((participant, before.place if before else 0))
        if before is None or shown is None:
            return shown is None and before is None
        pk, state = shown
        return pk == before.pk and before.state in (state, State.SUPERSEDED)


def standing_of(flow_pk: int) -> Standing:
    rows = ExportItem.objects.filter(participant__flow_id=flow_pk).order_by("pk")
    graded = Assessment.objects.filter(participant__flow_id=flow_pk)
    codes = FlowSource.objects.filter(flow_id=flow_pk, removed_at=None)
    return Standing(
        {(row.participant_id, row.place): (row.pk, row.state) for row in rows},
        {row.participant_id: row.effective_grade for row in graded},
        tuple(codes.order_by("pk").values_list("code", flat=True)),
    )
