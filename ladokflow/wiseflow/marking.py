"""What WISEflow has counted of a marking that is done item by item (FLOWmulti alone has it)."""

from __future__ import annotations

from typing import TypeVar

from ladokflow.wiseflow.connection import Connection
from ladokflow.wiseflow.errors import WiseflowError
from ladokflow.wiseflow.schemas import ItemResponses, ItemScores

Figures = TypeVar("Figures", ItemScores, ItemResponses)

NOT_FOUND = 404
BAD_REQUEST = 400


class Marking(Connection):
    """None: the flow has no such figures, as WISEflow says with 404 or 400, or they are still being counted."""

    def item_scores(self, flow_id: int) -> ItemScores | None:
        """GET /flows/{flowId}/marking-stats/scores"""
        return self._counted(f"/flows/{flow_id:d}/marking-stats/scores", ItemScores)

    def item_responses(self, flow_id: int) -> ItemResponses | None:
        """GET /flows/{flowId}/marking-stats/responses"""
        return self._counted(f"/flows/{flow_id:d}/marking-stats/responses", ItemResponses)

    def assessor_scores(self, flow_id: int, assessor_id: int) -> ItemScores | None:
        """GET /flows/{flowId}/marking-stats/assessors/{assessorId}/scores"""
        return self._counted(f"/flows/{flow_id:d}/marking-stats/assessors/{assessor_id:d}/scores", ItemScores)

    def _counted(self, path: str, model: type[Figures]) -> Figures | None:
        try:
            found = self.get(path, list[model] | None, expected=NOT_FOUND) or []  # type: ignore[valid-type]
        except WiseflowError as error:
            if error.status in (NOT_FOUND, BAD_REQUEST):
                return None
            raise
        done = [figures for figures in found if figures.is_done]
        return max(done, key=lambda figures: figures.built_order) if done else None
