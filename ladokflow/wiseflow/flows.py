"""Flows: creating, finding, and their data, dates and grading scale."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from ladokflow.wiseflow.connection import Connection
from ladokflow.wiseflow.errors import FORBIDDEN, WiseflowError
from ladokflow.wiseflow.schemas import FlowDates, FlowInfo, FoundFlow, Metadata, _FlowId, _ScaleId

PAGE = 100
NOT_FOUND = 404
Window = tuple[dt.datetime, dt.datetime]


def seconds(moment: dt.datetime) -> int:
    """A moment as WISEflow writes it. A naive one would silently be taken for the server's own time zone."""
    if moment.tzinfo is None:
        raise ValueError("A moment needs a time zone.")
    return int(moment.timestamp())


class Flows(Connection):
    def create_flow(self, *, title: str, subtitle: str, type_id: int, manager_ids: Sequence[int]) -> int:
        """POST /license/create/flow. Everything else gets the licence's defaults. Gives the flow id."""
        body = {"title": title, "subTitle": subtitle, "type": type_id, "managers": list(manager_ids)}
        made: _FlowId = self.write("POST", "/license/create/flow", body, _FlowId)
        return made.flow_id

    def copy_flow(self, template_id: int, *, manager_ids: Sequence[int], title: str, subtitle: str) -> int:
        """POST /flows/{flowId}/copy: a new flow with the settings of another; no people. The first manager owns it.

        WISEflow's API says that a list comes back, and it has been seen to give an object.
        """
        body = {"managerUserIds": list(manager_ids), "title": title, "subtitle": subtitle}
        made: _FlowId | list[_FlowId] = self.write(
            "POST", f"/flows/{template_id:d}/copy", body, list[_FlowId] | _FlowId
        )
        return made[0].flow_id if isinstance(made, list) else made.flow_id

    def search_flows(self, *, title: str = "", subtitle: str = "", external_reference: str = "") -> list[FoundFlow]:
        """POST /flows/search. Title and subtitle match in part; several flows may have the same reference."""
        metadata = {"title": title, "subtitle": subtitle, "externalSourceReference": external_reference}
        body = {"metadata": {key: value for key, value in metadata.items() if value}}
        return self.get_all("/flows/search", FoundFlow, limit=PAGE, body=body)

    def list_flows(self, *, title: str = "", offset: int = 0, limit: int = PAGE) -> tuple[list[FoundFlow], int | None]:
        """POST /flows/search: one page of the licence's flows, and how many there are in all where WISEflow says so."""
        body = {"metadata": {"title": title} if title else {}}
        return self.get_page("/flows/search", FoundFlow, offset=offset, limit=limit, body=body)

    def flow(self, flow_id: int) -> FlowInfo:
        """GET /flow/{flowId}"""
        info: FlowInfo = self.get(f"/flow/{flow_id:d}", FlowInfo)
        return info

    def metadata(self, flow_id: int) -> Metadata:
        """GET /flows/{flowId}/metadata"""
        metadata: Metadata = self.get(f"/flows/{flow_id:d}/metadata", Metadata)
        return metadata

    def put_metadata(self, flow_id: int, metadata: Metadata) -> Metadata:
        """PUT /flows/{flowId}/metadata: the whole object, as `metadata(...)` gave it, with some `changed(...)`."""
        put: Metadata = self.write(
            "PUT",
            f"/flows/{flow_id:d}/metadata",
            metadata.model_dump(mode="json", by_alias=True, exclude_unset=True),
            Metadata,
        )
        return put

    def dates(self, flow_id: int) -> FlowDates:
        """GET /flows/{flowId}/dates"""
        dates: FlowDates = self.get(f"/flows/{flow_id:d}/dates", FlowDates)
        return dates

    def patch_dates(self, flow_id: int, *, participation: Window, marking: Window) -> FlowDates:
        """PATCH /flows/{flowId}/dates. Always all four: half of them can leave windows that fail with a 500.

        Marking must start after participation has ended. Not for FLOWoral.
        """
        body = {
            "participation": {"start": seconds(participation[0]), "end": seconds(participation[1])},
            "marking": {"start": seconds(marking[0]), "end": seconds(marking[1])},
        }
        dates: FlowDates = self.write("PATCH", f"/flows/{flow_id:d}/dates", body, FlowDates)
        return dates

    def grading_scale(self, flow_id: int) -> int | None:
        """GET /flows/{flowId}/grading-scale: the scale's id, as in `grading_scales()`."""
        scale: _ScaleId | None = self.get(f"/flows/{flow_id:d}/grading-scale", _ScaleId | None)
        return scale.scale_id if scale else None

    def put_grading_scale(self, flow_id: int, scale_id: int) -> None:
        """PUT /flows/{flowId}/grading-scale. Removes every grade and rubric of the flow: never when there is a grade."""
        self.write("PUT", f"/flows/{flow_id:d}/grading-scale", {"gradingScaleId": scale_id})

    def activate(self, flow_id: int) -> bool:
        """PATCH /flows/{flowId}/activate. False where the flow was active already."""
        try:
            self.write("PATCH", f"/flows/{flow_id:d}/activate")
        except WiseflowError as error:
            if error.status != FORBIDDEN or self.flow(flow_id).state == 0:
                raise
            return False
        return True

    def delete_flow(self, flow_id: int) -> bool:
        """DELETE /flows/{flowId}; False where it was gone. WISEflow keeps it for a while: a licence admin can bring it back there."""
        try:
            self.write("DELETE", f"/flows/{flow_id:d}")
        except WiseflowError as error:
            if error.status != NOT_FOUND:
                raise
            return False
        return True
